// Settling: what was reserved and not used goes back to where it was taken from. Where that is not known any more, it
// stays charged.

#include "guard/shared/state.hpp"

#include <algorithm>
#include <mutex>

namespace weightseal::guard {
namespace {

class SharedSettling {
  public:
    SharedSettling(SharedState& state, const Reservation& reservation, const Usage& usage, const Moment& moment,
                   std::chrono::nanoseconds now) noexcept
        : state_(state), reservation_(reservation), moment_(moment), now_(now) {
        reserve(Budget::tokens, reservation.tokens, usage.tokens);
        reserve(Budget::concurrency, 1, 0);
        reserve(Budget::logprob_tokens, reservation.logprob_tokens, usage.logprob_tokens);
    }

    bool run(std::span<const std::uint64_t> marks) noexcept {
        for (std::size_t tier = 0; tier < tier_count; ++tier)
            if ((reservation_.tiers >> tier & 1) != 0)
                for (std::size_t i = 0; i < state_.tiers[tier].windows.size(); ++i)
                    if (const SharedWindow& window = state_.tiers[tier].windows[i]; window.is_settled())
                        settle(tier, i, marks[window.mark]);
        if (tells_) state_.exchange.wake();
        return in_debt_;
    }

  private:
    void reserve(Budget budget, std::uint64_t reserved, std::uint64_t used) noexcept {
        const auto b = static_cast<std::size_t>(budget);
        refunds_[b] = reserved - std::min(reserved, used);
        excesses_[b] = std::min(used - std::min(reserved, used), max_limit);
    }

    void settle(std::size_t tier, std::size_t number, std::uint64_t mark) noexcept {
        const SharedWindow& window = state_.tiers[tier].windows[number];
        const auto budget = static_cast<std::size_t>(window.window.budget);
        Correction correction{tier, number, reservation_.hashes[tier], 0, refunds_[budget], excesses_[budget]};
        if (correction.refund == 0 && correction.excess == 0) return;
        if (moment_.tick - reservation_.tick >= window.window.ticks * Ring::slots) return; // it has left the window
        if (correction.excess != 0) {
            in_debt_ = true;
            state_.events.push({.kind = GuardEventKind::in_debt,
                                .tier = static_cast<Tier>(tier),
                                .budget = window.window.budget,
                                .window = window.window.seconds,
                                .limit = window.window.limit,
                                .client = correction.hash,
                                .now = now_});
        }
        Stamp stamp = (mark & allowance_mark) == 0 ? mark : 0;
        if (Leases* const table = state_.tiers[tier].leases.get()) {
            const std::lock_guard lock(table->lock(correction.hash));
            if (LeaseSeat* const seat = table->find(correction.hash)) {
                Lease& lease = table->leases(*seat)[number];
                if ((mark & allowance_mark) != 0) {
                    const std::uint64_t charge = mark & ~allowance_mark;
                    stamp = lease.charged_at(charge);
                    if (stamp == 0 && correction.refund != 0 && lease.owed_sent == 0 && charge >= lease.first_unmade) {
                        lease.owed -= std::min(lease.owed, correction.refund);
                        return;
                    }
                }
                if (correction.excess != 0) return stop(correction, stamp, window, *seat, lease);
                const bool running = moment_.tick < lease.deadline &&
                                     lease.clock_steps == state_.clock_steps.load(std::memory_order_relaxed);
                if (stamp != 0 && stamp == lease.stamp && running) {
                    lease.left += correction.refund;
                    return;
                }
            }
        }
        correction.stamp = stamp;
        if (stamp != 0 || correction.excess != 0) tell(correction);
    }

    void tell(const Correction& correction) noexcept {
        state_.correct(correction);
        tells_ = true;
    }

    // Nothing more is admitted here, and the server is asked again once it has heard.
    void stop(Correction correction, Stamp stamp, const SharedWindow& window, LeaseSeat& seat, Lease& lease) noexcept {
        correction.stamp = stamp;
        tell(correction);
        lease.end();
        lease.in_debt = true;
        lease.unsure = true;
        lease.retry_at = moment_.tick + window.window.ticks * Ring::slots;
        if (!seat.asking) state_.request_refill(correction.tier, seat, moment_);
    }

    SharedState& state_;
    const Reservation& reservation_;
    const Moment& moment_;
    const std::chrono::nanoseconds now_;
    Units refunds_{};
    Units excesses_{};
    bool in_debt_ = false;
    bool tells_ = false; ///< the server
};

} // namespace

Settlement SharedState::settle(Ticket ticket, const Usage& usage, std::chrono::nanoseconds now) noexcept {
    if (settled_windows == 0 || Tickets::number_of(ticket) >= tickets.count()) return Settlement::unknown;
    // Read before the ticket is claimed: afterwards the slot may be somebody else's.
    std::array<std::uint64_t, tier_count * max_tier_limits> of_windows{};
    const std::atomic<std::uint64_t>* const own = &marks[Tickets::number_of(ticket) * (1 + settled_windows)];
    const Ticket local_ticket = own[0].load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < settled_windows; ++i)
        of_windows[i] = own[1 + i].load(std::memory_order_relaxed);
    Reservation reservation;
    if (!tickets.claim(ticket, reservation)) return Settlement::unknown;
    const Moment moment = moment_of(now);
    if (moment.tick >= reservation.expires) return Settlement::expired;
    bool in_debt = SharedSettling(*this, reservation, usage, moment, now).run(of_windows);
    if (local_ticket != 0) in_debt = local.settle(local_ticket, usage, now) == Settlement::in_debt || in_debt;
    return in_debt ? Settlement::in_debt : Settlement::settled;
}

} // namespace weightseal::guard
