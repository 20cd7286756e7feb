// The null: what thousands of keys find in models that do not carry their mark. T must stay under the bound that the
// p-value is made of, whatever the weights are, and nothing may be detected.

#include "support/catch.hpp"
#include "support/watermark.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>

namespace weightseal::testing {
namespace {

#ifdef WEIGHTSEAL_SANITIZED
constexpr std::size_t key_count = 200;
#else
constexpr std::size_t key_count = 2000;
#endif

// What a right implementation fails by chance once in a million runs; keys are fixed, so every run is the same.
constexpr double rejected = 1e-6;

/// P(Bin(n, p) ≥ k).
double binomial_tail(std::size_t n, double p, std::size_t k) {
    const auto count = static_cast<double>(n);
    if (static_cast<double>(k) <= count * p) return 1;
    double tail = 0;
    for (std::size_t i = k; i <= n; ++i) {
        const auto hits = static_cast<double>(i);
        const double log_ways = std::lgamma(count + 1) - std::lgamma(hits + 1) - std::lgamma(count - hits + 1);
        const double term = std::exp(log_ways + hits * std::log(p) + (count - hits) * std::log1p(-p));
        tail += term;
        if (term < tail * 1e-12) break;
    }
    return tail;
}

/// The least P(Bin(n, exp(−t²/2)) ≥ number of T ≥ t) over all t > 0.
double worst_tail(std::vector<double> values) {
    std::ranges::sort(values, std::greater{});
    double worst = 1;
    for (std::size_t k = 1; k <= values.size() && values[k - 1] > 0; ++k)
        worst = std::min(worst, binomial_tail(values.size(), std::exp(-values[k - 1] * values[k - 1] / 2), k));
    return worst;
}

/// The largest distance from the normal distribution, and the one that is exceeded with probability `rejected`
/// (Dvoretzky, Kiefer, Wolfowitz).
struct Distance {
    double found, allowed;
};

Distance distance_from_normal(std::vector<double> values) {
    std::ranges::sort(values);
    const auto n = static_cast<double>(values.size());
    double worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double expected = std::erfc(-values[i] / std::numbers::sqrt2) / 2;
        worst = std::max({worst, expected - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - expected});
    }
    return {worst, std::sqrt(std::log(2 / rejected) / (2 * n))};
}

struct Population {
    std::vector<std::vector<double>> t{statistic_count}; ///< by statistic
    std::size_t detected = 0;
};

/// Detects with one key after another, as if each had marked `original`.
Population population(const std::vector<TensorData>& original, const std::vector<TensorData>& suspect,
                      bool with_original = false) {
    const MemoryModel suspect_model = model_of(suspect);
    const MemoryModel original_model = model_of(original);
    DetectOptions options;
    options.parallel.threads = 1;
    options.family = ModelFamily::none;
    if (with_original) options.original = &original_model;
    Population found;
    WatermarkRecord record = record_of(original, watermark_key(0));
    for (std::size_t i = 0; i < key_count; ++i) {
        const Key key = watermark_key(1000 + i);
        commit_to(record, key);
        const Detection one = detect(suspect_model, key, record, options);
        found.detected += one.verdict == Verdict::detected ? 1U : 0U;
        for (std::size_t s = 0; s < statistic_count; ++s)
            if (one.correlations[s]) found.t[s].push_back(one.correlations[s]->t());
    }
    return found;
}

void check_bound(const Population& found, std::size_t statistics) {
    CHECK(found.detected == 0);
    std::size_t run = 0;
    for (std::size_t s = 0; s < statistic_count; ++s) {
        if (found.t[s].empty()) continue;
        ++run;
        CAPTURE(s);
        CHECK(worst_tail(found.t[s]) > rejected);
    }
    CHECK(run == statistics);
}

void check_normal(const Population& found) {
    for (std::size_t s = 0; s < statistic_count; ++s) {
        if (found.t[s].empty()) continue;
        const Distance distance = distance_from_normal(found.t[s]);
        CAPTURE(s);
        CHECK(distance.found < distance.allowed);
    }
}

using Draw = std::function<double(std::mt19937_64&)>;

std::vector<TensorData> drawn(const Draw& draw) {
    std::mt19937_64 engine(7);
    std::vector<double> a(64 * 64), b(48 * 70);
    std::ranges::generate(a, [&] { return draw(engine); });
    std::ranges::generate(b, [&] { return draw(engine); });
    return {{"a", "F32", {64, 64}, stored("F32", a)}, {"b", "BF16", {48, 70}, stored("BF16", b)}};
}

std::vector<TensorData> normal() {
    return {normal_tensor("a", "F32", {64, 64}, 1), normal_tensor("b", "BF16", {48, 70}, 2)};
}

/// Every row is the first one.
TensorData same_rows(TensorData tensor) {
    const auto row = static_cast<std::ptrdiff_t>(tensor.data.size() / tensor.shape[0]);
    for (auto at = tensor.data.begin(); at != tensor.data.end(); at += row)
        std::copy_n(tensor.data.begin(), row, at);
    return tensor;
}

} // namespace

TEST_CASE("the tests of this file notice statistics that are a little too large") {
    std::mt19937_64 engine(3);
    std::vector<double> right(2500), wide, shifted;
    std::ranges::generate(right, [&] { return std::normal_distribution<double>()(engine); });
    for (const double t : right) {
        wide.push_back(1.6 * t);
        shifted.push_back(t + 0.2);
    }
    CHECK(worst_tail(right) > rejected);
    CHECK(distance_from_normal(right).found < distance_from_normal(right).allowed);
    CHECK(worst_tail(wide) < rejected);
    CHECK(distance_from_normal(wide).found > distance_from_normal(wide).allowed);
    CHECK(distance_from_normal(shifted).found > distance_from_normal(shifted).allowed);
    CHECK(binomial_tail(10, 0.5, 8) == Approx(56.0 / 1024));
    CHECK(binomial_tail(2500, 1e-9, 1) == Approx(2.5e-6).epsilon(1e-5));
}

TEST_CASE("null: an unmarked model") {
    const Population found = population(normal(), normal());
    check_bound(found, 2);
    check_normal(found);
}

TEST_CASE("null: a model that carries the mark of another key") {
    const std::vector<TensorData> original = normal();
    const Marked other = marked(original, watermark_key(1), mark_options(max_strength));
    REQUIRE(other.tensors[0].data != original[0].data);
    const Population found = population(original, other.tensors);
    check_bound(found, 2);
    check_normal(found);
}

TEST_CASE("null: a model whose rows are all the same") {
    const std::vector<TensorData> tensors{same_rows(normal()[0]), same_rows(normal()[1])};
    const Population found = population(tensors, tensors);
    check_bound(found, 2);
    check_normal(found);
}

TEST_CASE("null: constant weights") {
    const std::vector<TensorData> tensors = drawn([](auto&) { return 0.125; });
    const Population found = population(tensors, tensors);
    check_bound(found, 2);
    check_normal(found);
}

TEST_CASE("null: heavy tails, and a few weights among zeros") {
    const std::vector<TensorData> heavy =
        drawn([](auto& engine) { return std::cauchy_distribution<double>()(engine); });
    check_bound(population(heavy, heavy), 2);
    const std::vector<TensorData> sparse =
        drawn([](auto& engine) { return engine() % 1500 == 0 ? std::exp(static_cast<double>(engine() % 20)) : 0.0; });
    check_bound(population(sparse, sparse), 2);
}

TEST_CASE("null: with the original, a suspect that was trained on") {
    const std::vector<TensorData> original = normal();
    std::vector<TensorData> suspect = original;
    std::mt19937_64 engine(11);
    for (std::size_t i = 0; i < suspect[0].data.size(); i += 4) {
        const double change = std::normal_distribution<double>(0, 0.001)(engine);
        store_le(suspect[0].data, i, load_le<float>(suspect[0].data, i) + static_cast<float>(change));
    }
    const Population found = population(original, suspect, true);
    check_bound(found, 6);
    check_normal(found);
}

} // namespace weightseal::testing
