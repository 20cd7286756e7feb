#pragma once
// Busiest: records of about the busiest clients, in memory that is fixed from the start.
//
// A client's hash names a set of 64 records. In a full set a newcomer takes the place of the client with the lowest
// rank r only with the probability 1 / (r + 1), and then has the rank r + 1 (randomized admission policy: R. Ben Basat,
// X. Chen, G. Einziger, R. Friedman, Y. Kassner, "Randomized admission policy for efficient top-k and frequency
// estimation", INFOCOM 2017). So a flood of clients that come once raises the lowest rank with the square root of its
// size only, and whoever is busier keeps his place. Ranks are halved every day.

#include "guard/spin_lock.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace weightseal::guard {

/// `Record` is what is kept of a client, and starts as `Record{}`.
template <class Record>
class Busiest {
  public:
    /// @param secret  what the choice of newcomers depends on
    Busiest(std::size_t records, std::uint64_t secret) : sets_((records + ways - 1) / ways) {
        records_.resize(sets_.size() * ways);
        for (Set& set : sets_)
            set.random = secret += 0x9E3779B97F4A7C15;
    }

    [[nodiscard]] std::size_t memory() const noexcept {
        return sets_.size() * sizeof(Set) + records_.size() * sizeof(Record);
    }

    /// Counts a request of a client and, under the lock of its set, hands its record to `action`, if it has one.
    /// Thread-safe.
    template <class Action>
    void count(std::uint64_t hash, std::uint64_t day, Action action) noexcept {
        // The lower half says the set; records count by the upper one.
        const auto number = static_cast<std::size_t>((hash & 0xFFFFFFFF) * sets_.size() >> 32);
        Set& set = sets_[number];
        const std::lock_guard lock(set.lock);
        age(set, day);
        const auto used = std::span(set.hashes).first(set.used);
        auto way = static_cast<std::size_t>(std::ranges::find(used, hash) - used.begin());
        if (way == set.used) {
            way = set.used < ways ? set.used++ : place_of_lowest(set);
            if (way == ways) return;
            set.hashes[way] = hash;
            records_[number * ways + way] = Record{};
        }
        set.ranks[way] += set.ranks[way] != UINT32_MAX;
        action(records_[number * ways + way]);
    }

  private:
    static constexpr std::size_t ways = 64;

    struct alignas(64) Set {
        std::array<std::uint64_t, ways> hashes{};
        std::array<std::uint32_t, ways> ranks{};
        std::uint64_t day = 0;
        std::uint64_t random = 0;
        std::size_t used = 0;
        SpinLock lock;
    };

    static void age(Set& set, std::uint64_t day) noexcept {
        if (day <= set.day) return;
        for (std::uint32_t& rank : set.ranks)
            rank >>= std::min<std::uint64_t>(day - set.day, 31);
        set.day = day;
    }

    // `ways` where the newcomer is not admitted.
    static std::size_t place_of_lowest(Set& set) noexcept {
        const auto lowest = std::ranges::min_element(set.ranks);
        set.random = set.random * 6364136223846793005 + 1442695040888963407; // D. Knuth's MMIX
        const bool admitted = ((set.random >> 32) * (std::uint64_t{*lowest} + 1)) >> 32 == 0;
        return admitted ? static_cast<std::size_t>(lowest - set.ranks.begin()) : ways;
    }

    std::vector<Set> sets_;
    std::vector<Record> records_;
};

} // namespace weightseal::guard
