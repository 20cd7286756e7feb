#pragma once
// Leases: what this process may admit of each client's limits without asking, in a table of fixed size for each tier.

#include "guard/shared/script.hpp"
#include "guard/spin_lock.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weightseal::guard {

/// One window of one client.
struct Lease {
    // The chunk. It may be used before the tick `deadline`, unless the clock was set back since.
    Stamp stamp = 0;
    std::uint64_t left = 0;
    std::uint64_t deadline = 0;
    std::uint64_t clock_steps = 0;
    // What is left of an earlier chunk, to be given back.
    Stamp back_stamp = 0;
    std::uint64_t back = 0;

    // The allowance: units that were admitted and not yet charged. They wait for a charge with a number, and are never
    // forgotten before it is made.
    std::uint64_t owed = 0;
    std::uint64_t owed_sent = 0;    ///< of these, how many a charge that is under way is for
    std::uint64_t sent_charge = 0;  ///< the number of that charge
    std::uint64_t next_charge = 0;  ///< the number for what is admitted now
    std::uint64_t first_unmade = 0; ///< the lowest number whose charge is not made
    struct Charge {
        std::uint64_t first = 1, last = 0; ///< numbers
        Stamp stamp = 0;
    };
    std::array<Charge, 4> charges; ///< the latest that were made
    std::uint32_t next_in_charges = 0;

    // What the server had no room for, and the first tick when it has.
    bool in_debt = false;
    bool unsure = false; ///< what it said before is not true any more
    std::uint64_t refused = 0;
    std::uint64_t retry_at = 0;

    // The question that is to be asked.
    std::uint64_t need = 0;
    std::uint64_t want = 0;

    /// What was admitted with a number that has been charged since; 0 if that is unknown.
    [[nodiscard]] Stamp charged_at(std::uint64_t number) const noexcept {
        for (const Charge& charge : charges)
            if (number >= charge.first && number <= charge.last) return charge.stamp;
        return 0;
    }
    void note_charge(std::uint64_t last, Stamp at) noexcept {
        charges[next_in_charges++ % charges.size()] = {first_unmade, last, at};
        first_unmade = last + 1;
    }
    /// Takes a chunk out of use.
    void end() noexcept {
        if (left != 0) {
            back_stamp = stamp;
            back = left;
        }
        left = 0;
    }
};

/// A client in the table.
struct LeaseSeat {
    static constexpr std::uint32_t unknown_slot = UINT32_MAX;
    std::uint64_t hash = 0;
    std::uint64_t touched = 0;     ///< tick
    std::uint64_t asked = 0;       ///< tick of the latest question
    std::uint64_t clock_steps = 0; ///< when it was asked
    std::uint32_t slot = unknown_slot;
    bool taken = false;
    bool asking = false; ///< a question is under way: the seat stays
};

/// The caller has the lock of the client for everything but `lock`.
class Leases {
  public:
    static constexpr std::size_t ways = 8;

    Leases(std::size_t clients, std::size_t windows)
        : windows_(windows), sets_((clients + ways - 1) / ways), seats_(sets_ * ways),
          leases_(seats_.size() * windows) {}

    [[nodiscard]] SpinLock& lock(std::uint64_t hash) noexcept { return locks_[hash % sets_ % locks_.size()].lock; }
    [[nodiscard]] SpinLock& lock_of(std::uint32_t number) noexcept {
        return locks_[number / ways % locks_.size()].lock;
    }

    [[nodiscard]] LeaseSeat* find(std::uint64_t hash) noexcept {
        for (LeaseSeat& seat : set(hash))
            if (seat.taken && seat.hash == hash) return &seat;
        return nullptr;
    }

    /// Seats a newcomer, if need be in the place of the client that was not there for longest. Null when all of those
    /// have something that must not be forgotten.
    [[nodiscard]] LeaseSeat* place(std::uint64_t hash, std::uint64_t tick) noexcept {
        LeaseSeat* best = nullptr;
        for (LeaseSeat& seat : set(hash)) {
            if (!seat.taken) {
                best = &seat;
                break;
            }
            if (seat.asking || owes(seat) || (best != nullptr && best->touched <= seat.touched)) continue;
            best = &seat;
        }
        if (best == nullptr) return nullptr;
        *best = {.hash = hash, .touched = tick, .taken = true};
        const std::uint64_t number = number_charge(hash);
        for (Lease& lease : leases(*best)) {
            lease = {};
            lease.next_charge = lease.first_unmade = number;
        }
        return best;
    }

    [[nodiscard]] std::uint32_t number(const LeaseSeat& seat) const noexcept {
        return static_cast<std::uint32_t>(&seat - seats_.data());
    }
    [[nodiscard]] LeaseSeat& seat(std::uint32_t number) noexcept { return seats_[number]; }
    [[nodiscard]] std::span<Lease> leases(const LeaseSeat& seat) noexcept {
        return std::span(leases_).subspan(number(seat) * windows_, windows_);
    }
    /// A number that no charge of the client's set had before, so that a client who comes back is not taken for who it
    /// was.
    [[nodiscard]] std::uint64_t number_charge(std::uint64_t hash) noexcept {
        return ++locks_[hash % sets_ % locks_.size()].charges;
    }
    [[nodiscard]] std::size_t memory() const noexcept {
        return seats_.size() * sizeof(LeaseSeat) + leases_.size() * sizeof(Lease);
    }

  private:
    [[nodiscard]] std::span<LeaseSeat> set(std::uint64_t hash) noexcept {
        return std::span(seats_).subspan(hash % sets_ * ways, ways);
    }
    [[nodiscard]] bool owes(const LeaseSeat& seat) noexcept {
        for (const Lease& lease : leases(seat))
            if (lease.owed != 0) return true;
        return false;
    }

    struct alignas(64) Lock {
        SpinLock lock;
        std::uint64_t charges = 0;
    };

    std::size_t windows_;
    std::size_t sets_;
    std::array<Lock, 64> locks_;
    std::vector<LeaseSeat> seats_;
    std::vector<Lease> leases_;
};

} // namespace weightseal::guard
