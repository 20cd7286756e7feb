// Settling: what was reserved and not used goes back to the sub-bucket of the check; what was used and not reserved
// becomes a debt there.

#include "guard/state.hpp"

namespace weightseal::guard {
namespace {

/// The correction of one budget.
struct Correction {
    std::uint64_t refund = 0;
    std::uint64_t excess = 0;
};

Correction correct(std::uint64_t reserved, std::uint64_t used) noexcept {
    return used <= reserved ? Correction{reserved - used, 0} : Correction{0, used - reserved};
}

class Settling {
  public:
    Settling(State& state, const Reservation& reservation, const Usage& usage, std::int64_t now) noexcept
        : state_(state), reservation_(reservation), now_(now), entry_(state, {reservation.hashes, reservation.tiers}),
          moment_(state.clock.advance(now)) {
        corrections_[static_cast<std::size_t>(Budget::tokens)] = correct(reservation.tokens, usage.tokens);
        corrections_[static_cast<std::size_t>(Budget::concurrency)] = {1, 0};
        corrections_[static_cast<std::size_t>(Budget::logprob_tokens)] =
            correct(reservation.logprob_tokens, usage.logprob_tokens);
    }

    Settlement run() noexcept {
        if (moment_.tick >= reservation_.expires) return Settlement::expired;
        for (const auto& generation : state_.generations)
            if (generation->version <= reservation_.version) // later ones were not charged
                for (std::size_t t = 0; t < tier_count; ++t)
                    if (generation->tables[t] && (reservation_.tiers >> t & 1) != 0)
                        settle(*generation->tables[t], t, generation->version == reservation_.version);
        return in_debt_ ? Settlement::in_debt : Settlement::settled;
    }

  private:
    void settle(Table& table, std::size_t tier, bool is_newest) noexcept {
        const std::uint64_t hash = reservation_.hashes[tier];
        Seat seat;
        const bool seated = table.find(hash, moment_.tick, seat);
        const bool overflow = is_newest && (reservation_.overflow >> tier & 1) != 0;
        for (std::size_t i = 0; i < table.windows().size(); ++i) {
            const Window& window = table.windows()[i];
            const Correction& correction = corrections_[static_cast<std::size_t>(window.budget)];
            if (correction.refund == 0 && correction.excess == 0) continue;
            const std::uint64_t charged = window.bucket(reservation_.tick);
            if (overflow) settle_overflow(table, i, charged, correction);
            const std::uint64_t running = window.bucket(moment_.tick);
            if (running - charged > Ring::parts) continue; // it has left the window
            const auto age = static_cast<unsigned>(running - charged);
            if (correction.excess != 0) {
                in_debt_ = true;
                if (seated)
                    seat.ring(i).add_debt(running, age, correction.excess);
                else
                    table.note_debt(hash, i, charged);
                state_.events.push({.kind = GuardEventKind::in_debt,
                                    .tier = static_cast<Tier>(tier),
                                    .budget = window.budget,
                                    .window = window.seconds,
                                    .limit = window.limit,
                                    .used = seated ? seat.ring(i).used() : 0,
                                    .client = hash,
                                    .now = std::chrono::nanoseconds(now_)});
            } else if (seated) {
                seat.ring(i).refund(running, age, correction.refund);
                table.forget_saturation(hash);
            }
        }
    }

    // What newcomers share is nobody's in particular: it is corrected, and never in debt.
    static void settle_overflow(Table& table, std::size_t i, std::uint64_t charged,
                                const Correction& correction) noexcept {
        table.lock_overflow();
        const std::uint64_t running = table.windows()[i].bucket(table.overflow_tick());
        if (running >= charged && running - charged <= Ring::parts) {
            const auto age = static_cast<unsigned>(running - charged);
            if (correction.excess != 0)
                table.overflow_ring(i).charge(running, age, correction.excess);
            else
                table.overflow_ring(i).refund(running, age, correction.refund);
        }
        table.unlock_overflow();
    }

    State& state_;
    const Reservation& reservation_;
    std::int64_t now_;
    Entry entry_;
    Moment moment_;
    std::array<Correction, budget_count> corrections_;
    bool in_debt_ = false;
};

} // namespace

Settlement State::settle(Ticket ticket, const Usage& usage, std::chrono::nanoseconds now) noexcept {
    Reservation reservation;
    if (!tickets.claim(ticket, reservation)) return Settlement::unknown;
    return Settling(*this, reservation, usage, now.count()).run();
}

} // namespace weightseal::guard
