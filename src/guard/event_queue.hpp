#pragma once
// Event queue: from checks, which never wait, to whoever reads the events. Bounded; what does not fit is counted.
// After D. Vyukov's bounded queue for many producers.

#include "weightseal/guard/events.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weightseal::guard {

class EventQueue {
  public:
    static constexpr std::size_t capacity = 4096;

    EventQueue() noexcept {
        for (std::size_t i = 0; i < capacity; ++i)
            cells_[i].turn.store(i, std::memory_order_relaxed);
    }

    /// Thread-safe.
    void push(const GuardEvent& event) noexcept {
        std::uint64_t at = tail_.load(std::memory_order_relaxed);
        for (;;) {
            Cell& cell = cells_[at % capacity];
            const std::uint64_t turn = cell.turn.load(std::memory_order_acquire);
            if (turn == at) {
                if (!tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
                cell.event = event;
                cell.turn.store(at + 1, std::memory_order_release);
                return;
            }
            if (turn < at) { // still holds the event of a round before
                dropped_.fetch_add(1, std::memory_order_relaxed);
                return;
            }
            at = tail_.load(std::memory_order_relaxed);
        }
    }

    /// False when there is none. One caller at a time.
    bool pop(GuardEvent& event) noexcept {
        Cell& cell = cells_[head_ % capacity];
        if (cell.turn.load(std::memory_order_acquire) != head_ + 1) return false;
        event = cell.event;
        cell.turn.store(head_ + capacity, std::memory_order_release);
        ++head_;
        return true;
    }

    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  private:
    struct Cell {
        std::atomic<std::uint64_t> turn;
        GuardEvent event;
    };

    std::array<Cell, capacity> cells_;
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::uint64_t head_ = 0;
    std::atomic<std::uint64_t> dropped_{0};
};

} // namespace weightseal::guard
