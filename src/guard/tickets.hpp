#pragma once
// Tickets: what requests in progress have reserved, in a fixed number of slots, without locks.

#include "weightseal/core/bytes.hpp"
#include "weightseal/guard/decision.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace weightseal::guard {

struct Reservation {
    std::uint64_t tick = 0;    ///< of the check
    std::uint64_t expires = 0; ///< the first tick at which it cannot be settled any more
    std::uint64_t version = 0; ///< of the newest tables that were charged
    std::array<std::uint64_t, tier_count> hashes{};
    std::uint64_t tokens = 0;
    std::uint64_t logprob_tokens = 0;
    std::uint8_t tiers = 0;
    std::uint8_t overflow = 0; ///< tiers that charged what newcomers share
};

/// A ticket is a slot's number and how often the slot was used, so that an old ticket never opens a new reservation.
class Tickets {
  public:
    explicit Tickets(std::size_t count)
        : count_(count), own_cursor_(std::make_unique<Cursor>()), own_slots_(std::make_unique<Slot[]>(count)),
          cursor_(own_cursor_.get()), slots_(own_slots_.get()) {}
    /// In memory of `size_of(count)` bytes, which are such tickets, or zeros. A slot that a process was changing when
    /// it was killed is not used again.
    Tickets(std::size_t count, MutableBytes shared_memory) noexcept
        : count_(count), cursor_(reinterpret_cast<Cursor*>(shared_memory.data())),
          slots_(reinterpret_cast<Slot*>(shared_memory.data() + sizeof(Cursor))) {}
    [[nodiscard]] static std::size_t size_of(std::size_t count) noexcept {
        return sizeof(Cursor) + count * sizeof(Slot);
    }

    [[nodiscard]] std::size_t memory() const noexcept { return own_slots_ ? size_of(count_) : 0; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    /// Where a ticket's reservation is: below `count`, if it was given.
    [[nodiscard]] static std::uint64_t number_of(Ticket ticket) noexcept {
        return ticket & ((std::uint64_t{1} << slot_bits) - 1);
    }

    /// 0 when none of the next slots is free or expired.
    [[nodiscard]] Ticket issue(const Reservation& reservation) noexcept {
        const std::uint64_t start = cursor_->next.fetch_add(1, std::memory_order_relaxed);
        for (std::uint64_t i = 0; i < attempts; ++i) {
            const std::uint64_t at = (start + i) % count_;
            Slot& slot = slots_[at];
            std::uint64_t state = slot.state.load(std::memory_order_acquire);
            const bool available =
                state % 4 == free ||
                (state % 4 == open && slot.expires.load(std::memory_order_relaxed) <= reservation.tick);
            const std::uint64_t use = state / 4 + 1;
            if (!available || !slot.state.compare_exchange_strong(state, use * 4 + busy, std::memory_order_acq_rel))
                continue;
            slot.reservation = reservation;
            slot.expires.store(reservation.expires, std::memory_order_relaxed);
            slot.state.store(use * 4 + open, std::memory_order_release);
            return use << slot_bits | at;
        }
        return 0;
    }

    /// Takes the reservation out; false for a ticket that is not open.
    [[nodiscard]] bool claim(Ticket ticket, Reservation& reservation) noexcept {
        const std::uint64_t at = number_of(ticket);
        const std::uint64_t use = ticket >> slot_bits;
        if (at >= count_) return false;
        Slot& slot = slots_[at];
        std::uint64_t state = use * 4 + open;
        if (!slot.state.compare_exchange_strong(state, use * 4 + busy, std::memory_order_acq_rel)) return false;
        reservation = slot.reservation;
        slot.state.store(use * 4 + free, std::memory_order_release);
        return true;
    }

  private:
    static constexpr unsigned slot_bits = 24;
    static constexpr std::uint64_t attempts = 32;
    enum : std::uint64_t { free = 0, open = 1, busy = 2 };

    struct Slot {
        std::atomic<std::uint64_t> state{free}; // 4 · uses + what it is now
        std::atomic<std::uint64_t> expires{0};
        Reservation reservation;
    };

    struct alignas(64) Cursor {
        std::atomic<std::uint64_t> next{0};
    };

    std::size_t count_;
    std::unique_ptr<Cursor> own_cursor_;
    std::unique_ptr<Slot[]> own_slots_;
    Cursor* cursor_;
    Slot* slots_;
};

} // namespace weightseal::guard
