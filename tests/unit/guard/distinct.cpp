// Counters of distinct hashes against exact numbers, over fixed seeds.

#include "guard/distinct_counter.hpp"
#include "guard/newcomer_counter.hpp"
#include "support/guard.hpp"

#include <cmath>

namespace weightseal::testing {
namespace {

using guard::DistinctCounter;
using guard::NewcomerCounter;

// Relative errors over many runs.
struct Errors {
    double sum = 0, squares = 0, largest = 0;
    int runs = 0;

    void add(double measured, double exact) {
        const double error = measured / exact - 1;
        sum += error;
        squares += error * error;
        largest = std::max(largest, std::abs(error));
        ++runs;
    }
    [[nodiscard]] double bias() const { return std::abs(sum / runs); }
    [[nodiscard]] double deviation() const { return std::sqrt(squares / runs); }
};

template <unsigned precision>
void check_errors(std::uint64_t most) {
    const double standard_error = 1.04 / std::sqrt(std::ldexp(1.0, precision));
    const int runs = effort == 1 ? 10 : 100;
    for (std::uint64_t count = 250; count <= most; count *= 4) {
        Errors errors;
        for (int run = 0; run < runs; ++run) {
            Random random(static_cast<std::uint64_t>(run) * 1'000'003 + count);
            auto counter = std::make_unique<DistinctCounter<precision>>();
            for (std::uint64_t i = 0; i < count; ++i)
                counter->add(random.next());
            errors.add(counter->count(), static_cast<double>(count));
        }
        CAPTURE(precision, count);
        CHECK(errors.bias() < 4 * standard_error / std::sqrt(runs));
        CHECK(errors.deviation() < 1.25 * standard_error);
        CHECK(errors.largest < 4.5 * standard_error);
    }
}

} // namespace

TEST_CASE("up to 192 distinct hashes are counted exactly, however often each comes") {
    Random random(1);
    DistinctCounter<11> counter;
    CHECK(counter.count() == 0);
    std::vector<std::uint64_t> hashes{0, 1, UINT64_MAX, 256, 512}; // the last share a place
    while (hashes.size() < 192)
        hashes.push_back(random.next());
    hashes.erase(hashes.begin() + 1); // 0 and 1 count as one
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        counter.add(hashes[i]);
        for (std::size_t j = 0; j <= i; ++j)
            counter.add(hashes[j]);
        CHECK(counter.count() == static_cast<double>(i + 1));
    }
    counter.clear();
    CHECK(counter.count() == 0);
}

TEST_CASE("more distinct hashes are counted within the error of a HyperLogLog, without bias") {
    check_errors<11>(64'000 * effort);
    check_errors<12>(16'000 * effort);
    check_errors<16>(16'000 * effort);
}

TEST_CASE("a count never falls, and repeats do not change it") {
    Random random(2);
    DistinctCounter<11> counter;
    std::vector<std::uint64_t> hashes;
    double before = 0;
    for (int i = 0; i < 5000; ++i) {
        hashes.push_back(random.next());
        counter.add(hashes.back());
        CHECK(counter.count() >= before);
        before = counter.count();
    }
    for (const std::uint64_t hash : hashes)
        counter.add(hash);
    CHECK(counter.count() == before);
}

TEST_CASE("hashes that are all ones or zeros where it matters are counted, too") {
    DistinctCounter<11> counter;
    for (std::uint64_t i = 0; i < 2048; ++i)
        counter.add(i << 53 | (i == 0)); // the rest is 0: every register gets its largest value
    CHECK(counter.count() > 1e15);
    NewcomerCounter<11> newcomers;
    for (std::uint64_t i = 0; i < 2048; ++i)
        CHECK(newcomers.add(i << 53) >= 1);
    CHECK(newcomers.add(UINT64_MAX) == 0);
}

TEST_CASE("newcomers are counted among any number of those who came before") {
    const int runs = effort == 1 ? 5 : 40;
    constexpr std::uint64_t known = 50'000, fresh = 5'000;
    Errors errors;
    for (int run = 0; run < runs; ++run) {
        Random random(static_cast<std::uint64_t>(run) + 7);
        const auto counter = std::make_unique<NewcomerCounter<12>>();
        std::vector<std::uint64_t> hashes(known);
        double sum = 0;
        for (std::uint64_t& hash : hashes)
            sum += counter->add(hash = random.next());
        CHECK(std::abs(sum / known - 1) < 0.06);
        double newcomers = 0;
        for (std::uint64_t i = 0; i < fresh; ++i) {
            CHECK(counter->add(hashes[random.below(known)]) == 0);
            newcomers += counter->add(random.next());
        }
        errors.add(newcomers, fresh);
    }
    const double standard_error = std::sqrt(known / (0.7 * 4096) / fresh); // as the header says
    CHECK(errors.bias() < 4 * standard_error / std::sqrt(runs));
    CHECK(errors.deviation() < 1.5 * standard_error);
}

} // namespace weightseal::testing
