#pragma once
// Windows: one limit of a tier, in ticks and sub-buckets.

#include "guard/clock.hpp"
#include "guard/ring.hpp"
#include "guard/sketch.hpp"
#include "weightseal/guard/limits.hpp"

#include <vector>

namespace weightseal::guard {

struct Window {
    Budget budget = Budget::queries;
    std::uint32_t seconds = 0;
    std::uint64_t ticks = 0; ///< of a sub-bucket
    std::uint64_t limit = 0;
    std::uint64_t overflow_limit = 0;
    double share = 0; ///< of the limit that one unit is

    /// The sub-bucket of a tick. Numbers start where a whole ring lies before them.
    [[nodiscard]] std::uint64_t bucket(std::uint64_t tick) const noexcept { return tick / ticks + Ring::slots; }
    /// The first tick of a sub-bucket.
    [[nodiscard]] std::uint64_t start(std::uint64_t bucket) const noexcept { return (bucket - Ring::slots) * ticks; }
    /// Ticks after which a charge has certainly left, also of clients whom only a sketch remembers.
    [[nodiscard]] std::uint64_t everything() const noexcept { return ticks * (Ring::slots + Sketch::quarter_size); }
};

inline constexpr std::uint64_t ticks_per_second = 1'000'000'000 / tick_ns;
static_assert(ticks_per_second % Ring::parts == 0, "a sub-bucket of any window is a whole number of ticks");

[[nodiscard]] inline Window window_of(const Limit& limit, std::uint32_t ticket_lifetime) noexcept {
    // A request in progress is a charge that stays until it is settled or its ticket has expired.
    const std::uint32_t seconds = limit.budget == Budget::concurrency ? ticket_lifetime : limit.window;
    return {limit.budget,
            seconds,
            seconds * (ticks_per_second / Ring::parts),
            limit.limit,
            limit.overflow_limit == 0 ? limit.limit : limit.overflow_limit,
            1 / static_cast<double>(limit.limit)};
}

/// A tier's windows in an order that does not depend on the configuration's.
[[nodiscard]] std::vector<Window> windows_of(const Limits& limits, Tier tier);

} // namespace weightseal::guard
