// A check: every window of every tier is asked, then all are charged or none.

#include "guard/state.hpp"

#include <algorithm>

namespace weightseal::guard {
namespace {

/// What a request costs in each budget.
using Units = std::array<std::uint64_t, budget_count>;

Units units_of(const Costs& costs) noexcept {
    return {costs.queries, costs.tokens, 1, costs.logprob_tokens, costs.logit_bias_entries};
}

/// Collects what the windows say, and keeps what matters most.
class Verdict {
  public:
    static constexpr std::uint64_t never = UINT64_MAX;

    [[nodiscard]] bool refused() const noexcept { return decision_.refused_by != 0; }
    [[nodiscard]] Decision& decision() noexcept { return decision_; }
    [[nodiscard]] std::uint64_t retry_at() const noexcept { return retry_at_; } ///< tick
    [[nodiscard]] const Seat* seat() const noexcept { return seat_; }           ///< of the longest refusal
    [[nodiscard]] Ring* ring() const noexcept { return ring_; }                 ///< likewise

    void refuse(const Seat& seat, Tier tier, const Window& window, Ring& ring, Reason reason,
                std::uint64_t at) noexcept {
        const bool first = !refused();
        decision_.refused_by |=
            1U << (static_cast<unsigned>(tier) * budget_count + static_cast<unsigned>(window.budget));
        if (!first && at <= retry_at_) return;
        retry_at_ = at;
        seat_ = &seat;
        ring_ = &ring;
        decision_.reason = reason;
        describe(tier, window, reason == Reason::table_saturated ? window.overflow_limit : window.limit, ring.used());
    }

    void admit(Tier tier, const Window& window, std::uint64_t used) noexcept {
        const auto left = static_cast<double>(window.limit - std::min(window.limit, used));
        const double share = left / static_cast<double>(window.limit);
        if (share >= smallest_share_) return;
        smallest_share_ = share;
        describe(tier, window, window.limit, used);
    }

    [[nodiscard]] const Window* window() const noexcept { return window_; } ///< that the decision describes

  private:
    void describe(Tier tier, const Window& window, std::uint64_t limit, std::uint64_t used) noexcept {
        window_ = &window;
        decision_.tier = tier;
        decision_.budget = window.budget;
        decision_.window = window.seconds;
        decision_.limit = limit;
        decision_.remaining = limit - std::min(limit, used);
    }

    Decision decision_;
    std::uint64_t retry_at_ = 0;
    double smallest_share_ = 2;
    const Window* window_ = nullptr;
    const Seat* seat_ = nullptr;
    Ring* ring_ = nullptr;
};

/// One check, with the locks it needs.
class Check {
  public:
    Check(State& state, const ClientKey& client, const Costs& costs, std::int64_t now) noexcept
        : state_(state), costs_(costs), units_(units_of(costs)), now_(now), entry_(state, client),
          moment_(state.clock.advance(now)) {}
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;
    ~Check() {
        for (std::size_t i = seat_count_; i-- > 0;)
            if (seats_[i].overflow) seats_[i].table->overflow().lock.unlock();
    }

    Decision run() noexcept {
        if (moment_.stepped_back) report({.kind = GuardEventKind::clock_stepped_back});
        Decision& decision = verdict_.decision();
        if (state_.logprobs_or_logit_bias && costs_.logprob_tokens != 0 && costs_.logit_bias_entries != 0) {
            decision.reason = Reason::logprobs_with_logit_bias;
            ++entry_.counters().refused;
            return decision;
        }
        for (const auto& generation : state_.generations)
            if (generation == state_.generations.back() || moment_.tick < generation->retires_at) ask(*generation);
        if (verdict_.refused())
            refuse();
        else
            admit();
        const Window& window = *verdict_.window();
        decision.reset_after = until(window.start(window.bucket(moment_.tick) + Ring::slots));
        return decision;
    }

  private:
    [[nodiscard]] std::uint64_t units(const Window& window) const noexcept {
        return units_[static_cast<std::size_t>(window.budget)];
    }
    [[nodiscard]] std::chrono::nanoseconds until(std::uint64_t tick) const noexcept {
        return std::chrono::nanoseconds(Clock::until(tick, moment_, now_));
    }
    void report(GuardEvent event) noexcept {
        event.now = std::chrono::nanoseconds(now_);
        state_.events.push(event);
    }

    void ask(Generation& generation) noexcept {
        for (std::size_t t = 0; t < tier_count; ++t) {
            if (!entry_.has(t) || !generation.tables[t]) continue;
            Table& table = *generation.tables[t];
            Seat& seat = seats_[seat_count_];
            tiers_[seat_count_] = static_cast<Tier>(t);
            seat = table.find(entry_.hash(t), moment_.tick, scratch_[seat_count_].data());
            ++seat_count_;
            for (std::size_t i = 0; i < table.windows().size(); ++i) {
                const Window& window = table.windows()[i];
                Ring& ring = seat.ring(i);
                const std::uint64_t cost = units(window);
                const std::uint64_t bucket = window.bucket(moment_.tick);
                if (cost > window.limit)
                    verdict_.refuse(seat, static_cast<Tier>(t), window, ring, Reason::cost_exceeds_limit,
                                    Verdict::never);
                else if (!ring.admits(cost, window.limit))
                    verdict_.refuse(seat, static_cast<Tier>(t), window, ring,
                                    ring.in_debt() ? Reason::in_debt : Reason::limit_reached,
                                    window.start(bucket + ring.wait(bucket, cost, window.limit)));
            }
            if (seat.overflow) ask_overflow(seat, static_cast<Tier>(t));
        }
    }

    // There is no place for a newcomer: what newcomers share must admit, too. Or there is certainly a place once all
    // counts of the table have left.
    void ask_overflow(const Seat& seat, Tier tier) noexcept {
        Table& table = *seat.table;
        table.overflow().lock.lock();
        table.advance_overflow(moment_.tick);
        const std::uint64_t tick = table.overflow().tick;
        if (table.report_saturation()) report({.kind = GuardEventKind::table_saturated, .tier = tier});
        std::uint64_t all_gone = 0;
        for (const Window& window : table.windows())
            all_gone = std::max(all_gone, window.start(window.bucket(tick) + Ring::slots));
        for (std::size_t i = 0; i < table.windows().size(); ++i) {
            const Window& window = table.windows()[i];
            Ring& ring = table.overflow().rings[i].ring;
            const std::uint64_t cost = units(window);
            if (ring.admits(cost, window.overflow_limit)) continue;
            const std::uint64_t bucket = window.bucket(tick);
            const std::uint64_t at = cost > window.overflow_limit
                                         ? all_gone
                                         : window.start(bucket + ring.wait(bucket, cost, window.overflow_limit));
            verdict_.refuse(seat, tier, window, ring, Reason::table_saturated, at);
        }
    }

    void refuse() noexcept {
        Decision& decision = verdict_.decision();
        if (verdict_.retry_at() != Verdict::never) decision.retry_after = until(verdict_.retry_at());
        ++entry_.counters().refused;
        // Of a newcomer nothing is kept, not even that it has been reported.
        if (!verdict_.seat()->newcomer && verdict_.ring()->report_refusal())
            report({.kind = GuardEventKind::limit_reached,
                    .tier = decision.tier,
                    .budget = decision.budget,
                    .window = decision.window,
                    .limit = decision.limit,
                    .used = verdict_.ring()->used(),
                    .client = verdict_.seat()->hash});
    }

    void admit() noexcept {
        Stripe& counters = entry_.counters();
        Reservation reservation;
        for (std::size_t i = 0; i < seat_count_; ++i) {
            const Seat& seat = seats_[i];
            charge(seat, tiers_[i]);
            if (seat.overflow) {
                charge_overflow(seat);
                verdict_.decision().overflow = true;
                reservation.overflow =
                    static_cast<std::uint8_t>(reservation.overflow | 1U << static_cast<unsigned>(tiers_[i]));
            } else if (seat.newcomer) {
                if (seat.table->keep(seat, moment_.tick)) ++counters.evicted;
                ++counters.inserted;
            }
        }
        ++counters.admitted;
        if (verdict_.decision().overflow) ++counters.overflow;
        verdict_.decision().allowed = true;
        if (state_.needs_tickets) issue_ticket(reservation);
    }

    void charge(const Seat& seat, Tier tier) noexcept {
        for (std::size_t i = 0; i < seat.table->windows().size(); ++i) {
            const Window& window = seat.table->windows()[i];
            Ring& ring = seat.ring(i);
            if (const std::uint64_t cost = units(window); cost != 0) {
                ring.charge(window.bucket(moment_.tick), 0, cost);
                ring.end_refusals();
            }
            verdict_.admit(tier, window, ring.used());
        }
    }

    void charge_overflow(const Seat& seat) noexcept {
        Table& table = *seat.table;
        for (std::size_t i = 0; i < table.windows().size(); ++i) {
            const Window& window = table.windows()[i];
            const std::uint64_t cost = units(window);
            if (cost == 0) continue;
            table.overflow().rings[i].ring.charge(window.bucket(table.overflow().tick), 0, cost);
            table.note(seat.hash, i, window.bucket(moment_.tick), cost);
        }
    }

    void issue_ticket(Reservation& reservation) noexcept {
        reservation.tick = moment_.tick;
        reservation.expires = state_.lifetime.start(state_.lifetime.bucket(moment_.tick) + Ring::slots);
        reservation.version = state_.generations.back()->version;
        reservation.tiers = entry_.tiers();
        for (std::size_t t = 0; t < tier_count; ++t)
            reservation.hashes[t] = entry_.hash(t);
        reservation.tokens = costs_.tokens;
        reservation.logprob_tokens = costs_.logprob_tokens;
        verdict_.decision().ticket = state_.tickets.issue(reservation);
        if (verdict_.decision().ticket != 0) return;
        std::uint64_t reported = state_.tickets_reported.load(std::memory_order_relaxed);
        const std::uint64_t second = moment_.tick / ticks_per_second + 1;
        if (reported < second && state_.tickets_reported.compare_exchange_strong(reported, second))
            report({.kind = GuardEventKind::tickets_exhausted});
    }

    State& state_;
    const Costs& costs_;
    Units units_;
    std::int64_t now_;
    Entry entry_;
    Moment moment_; // after the locks, so that ticks never fall for anybody who has one of them
    Verdict verdict_;
    std::size_t seat_count_ = 0;
    std::array<Tier, max_generations * tier_count> tiers_;
    std::array<Seat, max_generations * tier_count> seats_;
    std::array<std::array<Line, max_tier_limits>, max_generations * tier_count> scratch_; // of newcomers
};

} // namespace

Decision State::check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept {
    return Check(*this, client, costs, now.count()).run();
}

} // namespace weightseal::guard
