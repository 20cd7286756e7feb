// Significance: T, z and p, and the thresholds that texts name.

#include "weightseal/watermark/statistics.hpp"
#include "support/catch.hpp"
#include "support/watermark.hpp"

#include <cmath>

namespace weightseal::testing {
namespace {

Correlations only(Statistic statistic, Correlation correlation) {
    Correlations correlations;
    correlations[static_cast<std::size_t>(statistic)] = correlation;
    return correlations;
}

/// One statistic with this T, to four decimals.
Correlations with_t(double t) {
    return only(Statistic::blind_sign, {static_cast<std::int64_t>(std::llround(t * 10'000)), 100'000'000});
}

} // namespace

TEST_CASE("T is S divided by the root of Q") {
    CHECK(Correlation{30, 100}.t() == 3);
    CHECK(Correlation{-30, 100}.t() == -3);
    CHECK(Correlation{0, 0}.t() == 0);
    CHECK(Correlation{INT64_MAX, UINT64_MAX}.t() == Approx(0x1p31));
}

TEST_CASE("z of known p-values") {
    CHECK(significance(with_t(6.711)).log10_p == Approx(-9).margin(0.01));
    CHECK(significance(with_t(11.91)).log10_p == Approx(-30).margin(0.03));
    CHECK(significance(with_t(13.45)).log10_p == Approx(-128 * std::log10(2.0)).margin(0.03));
    CHECK(significance(with_t(13.46)).log10_p == smallest_log10_p);
    CHECK(significance(with_t(1000)).log10_p == smallest_log10_p);
    CHECK(smallest_log10_p == Approx(-38.5318).margin(1e-4));
}

TEST_CASE("p is 6 exp(-z^2/2) and at most 1") {
    CHECK(significance(with_t(4)).log10_p == Approx(std::log10(6 * std::exp(-8.0))).epsilon(1e-12));
    CHECK(significance(with_t(1.8)).log10_p == 0);
    CHECK(significance(with_t(0)).log10_p == 0);
    CHECK(significance(with_t(-20)).log10_p == 0); // one-sided: the opposite of a mark is no mark
    CHECK(significance(with_t(-20)).z == -20);
    CHECK(significance({}).z == 0);
    CHECK(significance({}).log10_p == 0);
}

TEST_CASE("the factor is 6 however many statistics were run, and z is the largest T") {
    const double alone = significance(with_t(8)).log10_p;
    Correlations all;
    for (std::size_t i = 0; i < statistic_count; ++i)
        all[i] = Correlation{static_cast<std::int64_t>(i) - 9, 1};
    all[3] = Correlation{8, 1};
    CHECK(significance(all).z == 8);
    CHECK(significance(all).log10_p == Approx(alone));
    CHECK(statistic_count == 6);
}

TEST_CASE("a claimant who could try 2^64 keys") {
    const Significance strong = significance(with_t(12));
    CHECK(strong.log10_p_2_64_keys == Approx(strong.log10_p + 64 * std::log10(2.0)));
    CHECK(significance(with_t(9)).log10_p_2_64_keys == 0);
    CHECK(significance(with_t(100)).log10_p_2_64_keys == Approx(-64 * std::log10(2.0)));
}

TEST_CASE("significance never becomes less with more of the signal") {
    double last = 0;
    for (double t = -2; t < 15; t += 0.05) {
        const double found = significance(with_t(t)).log10_p;
        CHECK(found <= last);
        last = found;
    }
}

TEST_CASE("names of the statistics") {
    std::string names;
    for (std::size_t i = 0; i <= statistic_count; ++i)
        names += std::string(statistic_name(static_cast<Statistic>(i))) + " ";
    CHECK(names == "blind_white blind_sign aligned_white aligned_sign informed_white informed_sign ? ");
}

} // namespace weightseal::testing
