#pragma once
// Bounded queue: from many who never wait to one who reads. What does not fit is counted.
// After D. Vyukov's bounded queue for many producers.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weightseal::guard {

template <class Item, std::size_t size>
class BoundedQueue {
  public:
    static constexpr std::size_t capacity = size;

    BoundedQueue() noexcept {
        for (std::size_t i = 0; i < capacity; ++i)
            cells_[i].turn.store(i, std::memory_order_relaxed);
    }

    /// False when it is full. Thread-safe.
    bool push(const Item& item) noexcept {
        std::uint64_t at = tail_.load(std::memory_order_relaxed);
        for (;;) {
            Cell& cell = cells_[at % capacity];
            const std::uint64_t turn = cell.turn.load(std::memory_order_acquire);
            if (turn == at) {
                if (!tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
                cell.item = item;
                cell.turn.store(at + 1, std::memory_order_release);
                return true;
            }
            if (turn < at) { // still holds the item of a round before
                dropped_.fetch_add(1, std::memory_order_relaxed);
                return false;
            }
            at = tail_.load(std::memory_order_relaxed);
        }
    }

    /// False when there is none. One caller at a time.
    bool pop(Item& item) noexcept {
        Cell& cell = cells_[head_ % capacity];
        if (cell.turn.load(std::memory_order_acquire) != head_ + 1) return false;
        item = cell.item;
        cell.turn.store(head_ + capacity, std::memory_order_release);
        ++head_;
        return true;
    }

    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  private:
    struct Cell {
        std::atomic<std::uint64_t> turn;
        Item item;
    };

    std::array<Cell, capacity> cells_;
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::uint64_t head_ = 0;
    std::atomic<std::uint64_t> dropped_{0};
};

} // namespace weightseal::guard
