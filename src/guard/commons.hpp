#pragma once
// Commons: what all tables of a guard have in common, where processes can share it.

#include "guard/clock.hpp"
#include "guard/spin_lock.hpp"
#include "guard/table.hpp"
#include "weightseal/guard/limits.hpp"

#include <array>

namespace weightseal::guard {

/// A shard's lock, and counters that it guards.
struct alignas(64) Stripe {
    SpinLock lock; ///< not of shared memory, where robust mutexes take its place
    std::uint64_t admitted = 0, refused = 0, inserted = 0, evicted = 0, overflow = 0;
};

inline constexpr std::size_t stripe_count = tier_count * shard_count;

struct Commons {
    std::array<Stripe, stripe_count> stripes;
    alignas(64) GuardTime time;
};

} // namespace weightseal::guard
