#pragma once
// Distinct counter: exact up to 192 different hashes, which it keeps; a HyperLogLog in their place beyond.

#include "guard/hyperloglog.hpp"

#include <variant>

namespace weightseal::guard {

/// Hashes themselves, by open addressing. 0 is an empty place.
class HashSet {
  public:
    static constexpr std::size_t most = 192;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool full() const noexcept { return size_ == most; }
    [[nodiscard]] bool contains(std::uint64_t hash) const noexcept { return places_[place(hash)] != 0; }
    /// Neither full nor containing it.
    void insert(std::uint64_t hash) noexcept {
        places_[place(hash)] = hash;
        ++size_;
    }
    template <class Action>
    void each(Action action) const noexcept {
        for (const std::uint64_t hash : places_)
            if (hash != 0) action(hash);
    }

  private:
    static constexpr std::size_t places = 256;

    [[nodiscard]] std::size_t place(std::uint64_t hash) const noexcept {
        std::size_t at = hash % places;
        while (places_[at] != 0 && places_[at] != hash)
            at = (at + 1) % places;
        return at;
    }

    std::array<std::uint64_t, places> places_{};
    std::size_t size_ = 0;
};

template <unsigned precision>
class DistinctCounter {
  public:
    void add(std::uint64_t hash) noexcept {
        hash += hash == 0;
        if (auto* const registers = std::get_if<HyperLogLog<precision>>(&counted_)) {
            if (registers->add(hash)) count_ = std::max(count_, registers->estimate()); // never falls
            return;
        }
        auto& hashes = *std::get_if<HashSet>(&counted_);
        if (hashes.contains(hash)) return;
        if (!hashes.full()) {
            hashes.insert(hash);
            count_ = static_cast<double>(hashes.size());
            return;
        }
        const HashSet exact = hashes;
        auto& registers = counted_.template emplace<HyperLogLog<precision>>();
        exact.each([&](std::uint64_t each) { registers.add(each); });
        registers.add(hash);
        count_ = static_cast<double>(exact.size() + 1);
    }

    [[nodiscard]] double count() const noexcept { return count_; }

    void clear() noexcept {
        counted_.template emplace<HashSet>();
        count_ = 0;
    }

  private:
    std::variant<HashSet, HyperLogLog<precision>> counted_;
    double count_ = 0;
};

} // namespace weightseal::guard
