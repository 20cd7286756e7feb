#pragma once
// What tests of the guard share: times, names, numbers that look random, and clients.

#include "support/catch.hpp"
#include "weightseal/guard/guard.hpp"

#include <cstdint>
#include <string>

namespace weightseal::testing {

using std::chrono::nanoseconds;

#ifdef WEIGHTSEAL_SANITIZED
inline constexpr std::uint64_t effort = 1;
#else
inline constexpr std::uint64_t effort = 10; ///< how much more than under a sanitizer
#endif

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + below(most - least + 1); }
    bool once_in(std::uint64_t times) { return below(times) == 0; }

  private:
    std::uint64_t state_;
};

inline nanoseconds seconds(double time) {
    return nanoseconds(static_cast<std::int64_t>(time * 1e9));
}

/// A usual time, in the clock of the system.
inline constexpr nanoseconds noon{1'790'000'000'000'000'000};

inline ClientKey named(const Guard& guard, std::uint64_t number) {
    const std::string name = "client-" + std::to_string(number);
    return guard.identify({.name = name});
}

inline Limits only(std::vector<Limit> limits, std::size_t capacity = 1000) {
    Limits all;
    all.limits = std::move(limits);
    all.capacity = capacity;
    return all;
}

inline Limit queries(std::uint64_t limit, std::uint32_t window) {
    return {.limit = limit, .window = window};
}

inline Limit tokens(std::uint64_t limit, std::uint32_t window) {
    return {.budget = Budget::tokens, .limit = limit, .window = window};
}

inline Limit concurrency(std::uint64_t limit) {
    return {.budget = Budget::concurrency, .limit = limit};
}

} // namespace weightseal::testing
