#pragma once
// What tests of the guard share: times, names, numbers that look random, and clients.

#include "support/catch.hpp"
#include "weightseal/guard/guard.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

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

/// Everything one client was admitted, against which a guard is held.
class AdmissionLog {
  public:
    void add(std::int64_t time, std::uint64_t cost) { admissions_.emplace_back(time, cost); }
    /// What the half-open window that ends with `time` admitted; older admissions are forgotten.
    [[nodiscard]] std::uint64_t in_window(std::int64_t time, std::int64_t window) {
        while (!admissions_.empty() && admissions_.front().first <= time - window)
            admissions_.pop_front();
        std::uint64_t sum = 0;
        for (const auto& [at, cost] : admissions_)
            sum += cost;
        return sum;
    }

  private:
    std::deque<std::pair<std::int64_t, std::uint64_t>> admissions_;
};

inline std::vector<GuardEvent> events_of(Guard& guard) {
    std::vector<GuardEvent> events(8192);
    events.resize(guard.take_events(events));
    return events;
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
