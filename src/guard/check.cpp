// A check: every window of every tier is asked, then all are charged or none.

#include "guard/state.hpp"

#include <algorithm>
#include <bit>

namespace weightseal::guard {
namespace {

/// What a request costs in each budget.
using Units = std::array<std::uint64_t, budget_count>;

/// What the windows say, as far as it matters most.
class Verdict {
  public:
    static constexpr std::uint64_t never = UINT64_MAX;

    explicit Verdict(Decision& decision) noexcept : decision_(decision) {}

    [[nodiscard]] bool refused() const noexcept { return decision_.refused_by != 0; }
    [[nodiscard]] std::uint64_t retry_at() const noexcept { return retry_at_; } ///< tick
    [[nodiscard]] std::uint64_t reset_at() const noexcept { return reset_at_; } ///< tick
    [[nodiscard]] const Seat* refusing_seat() const noexcept { return seat_; }  ///< of the longest refusal
    [[nodiscard]] Ring* refusing_ring() const noexcept { return ring_; }        ///< likewise

    void refuse(const Seat& seat, Tier tier, const Window& window, std::uint64_t bucket, Ring& ring, Reason reason,
                std::uint64_t at) noexcept {
        const bool first = !refused();
        decision_.refused_by |=
            1U << (static_cast<unsigned>(tier) * budget_count + static_cast<unsigned>(window.budget));
        if (!first && at <= retry_at_) return;
        retry_at_ = at;
        seat_ = &seat;
        ring_ = &ring;
        decision_.reason = reason;
        describe(tier, window, bucket, reason == Reason::table_saturated ? window.overflow_limit : window.limit,
                 ring.used());
    }

    void admit(Tier tier, const Window& window, std::uint64_t bucket, std::uint64_t used) noexcept {
        const double share = static_cast<double>(used) * window.share;
        if (share <= largest_share_) return;
        largest_share_ = share;
        describe(tier, window, bucket, window.limit, used);
    }

  private:
    void describe(Tier tier, const Window& window, std::uint64_t bucket, std::uint64_t limit,
                  std::uint64_t used) noexcept {
        reset_at_ = window.start(bucket + Ring::slots);
        decision_.tier = tier;
        decision_.budget = window.budget;
        decision_.window = window.seconds;
        decision_.limit = limit;
        decision_.remaining = limit - std::min(limit, used);
    }

    Decision& decision_;
    std::uint64_t retry_at_ = 0;
    std::uint64_t reset_at_ = 0;
    double largest_share_ = -1;
    const Seat* seat_ = nullptr;
    Ring* ring_ = nullptr;
};

/// One check, with the locks it needs.
class Check {
  public:
    Check(State& state, const ClientKey& client, const Costs& costs, std::int64_t now, Decision& decision) noexcept
        : state_(state), decision_(decision),
          costs_(costs), units_{costs.queries, costs.tokens, 1, costs.logprob_tokens, costs.logit_bias_entries},
          now_(now), entry_(state, client), moment_(state.clock.advance(now)), verdict_(decision) {}
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;
    ~Check() {
        if (overflow_)
            for (const Seat& seat : seats())
                if (seat.overflow) seat.table->unlock_overflow();
    }

    void run() noexcept {
        if (moment_.stepped_back) report({.kind = GuardEventKind::clock_stepped_back});
        if (state_.logprobs_or_logit_bias && costs_.logprob_tokens != 0 && costs_.logit_bias_entries != 0) {
            decision_.reason = Reason::logprobs_with_logit_bias;
            ++entry_.counters().refused;
            return;
        }
        const Generation* const newest = state_.generations.back().get();
        for (const auto& generation : state_.generations)
            if (generation.get() == newest || moment_.tick < generation->retires_at) ask(*generation);
        if (verdict_.refused())
            refuse();
        else
            admit();
        decision_.reset_after = until(verdict_.reset_at());
    }

  private:
    [[nodiscard]] std::span<const Seat> seats() const noexcept { return std::span(seats_).first(seat_count_); }
    [[nodiscard]] std::uint64_t units(const Window& window) const noexcept {
        return units_[static_cast<std::size_t>(window.budget)];
    }
    [[nodiscard]] std::chrono::nanoseconds until(std::uint64_t tick) const noexcept {
        return std::chrono::nanoseconds(moment_.until(tick));
    }
    void report(GuardEvent event) noexcept {
        event.now = std::chrono::nanoseconds(now_);
        state_.events.push(event);
    }

    void ask(const Generation& generation) noexcept {
        for (unsigned tiers = entry_.tiers(); tiers != 0; tiers &= tiers - 1) {
            const auto t = static_cast<std::size_t>(std::countr_zero(tiers));
            if (!generation.tables[t]) continue;
            Table& table = *generation.tables[t];
            const auto tier = static_cast<Tier>(t);
            Seat& seat = seats_[seat_count_];
            if (!table.find(entry_.hash(t), moment_.tick, seat))
                table.find_place(entry_.hash(t), scratch_[seat_count_].data(), seat);
            seat.tier = tier;
            ++seat_count_;
            const std::span<const Window> windows = table.windows();
            for (std::size_t i = 0; i < windows.size(); ++i) {
                const Window& window = windows[i];
                Ring& ring = seat.ring(i);
                const std::uint64_t cost = units(window);
                if (ring.admits(cost, window.limit)) continue;
                const std::uint64_t bucket = seat.buckets[i];
                if (cost > window.limit)
                    verdict_.refuse(seat, tier, window, bucket, ring, Reason::cost_exceeds_limit, Verdict::never);
                else
                    verdict_.refuse(seat, tier, window, bucket, ring,
                                    ring.in_debt() ? Reason::in_debt : Reason::limit_reached,
                                    window.start(bucket + seat.wait(i, cost, window.limit)));
            }
            if (seat.overflow) ask_overflow(seat);
        }
    }

    // There is no place for a newcomer: what newcomers share must admit, too. Or there is certainly a place once all
    // counts of the table have left.
    void ask_overflow(const Seat& seat) noexcept {
        Table& table = *seat.table;
        table.lock_overflow();
        overflow_ = true;
        table.advance_overflow(moment_.tick);
        const std::uint64_t tick = table.overflow_tick();
        if (table.report_saturation()) report({.kind = GuardEventKind::table_saturated, .tier = seat.tier});
        std::uint64_t all_gone = 0;
        for (const Window& window : table.windows())
            all_gone = std::max(all_gone, window.start(window.bucket(tick) + Ring::slots));
        for (std::size_t i = 0; i < table.windows().size(); ++i) {
            const Window& window = table.windows()[i];
            Ring& ring = table.overflow_ring(i);
            const std::uint64_t cost = units(window);
            if (ring.admits(cost, window.overflow_limit)) continue;
            const std::uint64_t bucket = window.bucket(tick);
            const std::uint64_t at = cost > window.overflow_limit
                                         ? all_gone
                                         : window.start(bucket + ring.wait(bucket, cost, window.overflow_limit));
            verdict_.refuse(seat, seat.tier, window, bucket, ring, Reason::table_saturated, at);
        }
    }

    void refuse() noexcept {
        if (verdict_.retry_at() != Verdict::never) decision_.retry_after = until(verdict_.retry_at());
        ++entry_.counters().refused;
        // Of a newcomer nothing is kept, not even that it has been reported.
        const Seat& seat = *verdict_.refusing_seat();
        Ring& ring = *verdict_.refusing_ring();
        if (!seat.newcomer && ring.report_refusal())
            report({.kind = GuardEventKind::limit_reached,
                    .tier = decision_.tier,
                    .budget = decision_.budget,
                    .window = decision_.window,
                    .limit = decision_.limit,
                    .used = ring.used(),
                    .client = seat.hash});
    }

    void admit() noexcept {
        Stripe& counters = entry_.counters();
        for (const Seat& seat : seats()) {
            charge(seat);
            if (seat.overflow) {
                charge_overflow(seat);
            } else if (seat.newcomer) {
                if (seat.table->keep(seat)) ++counters.evicted;
                ++counters.inserted;
            }
        }
        ++counters.admitted;
        decision_.allowed = true;
        decision_.overflow = overflow_;
        if (overflow_) ++counters.overflow;
        if (state_.needs_tickets) issue_ticket();
    }

    void charge(const Seat& seat) noexcept {
        const std::span<const Window> windows = seat.table->windows();
        for (std::size_t i = 0; i < windows.size(); ++i) {
            Ring& ring = seat.ring(i);
            if (const std::uint64_t cost = units(windows[i]); cost != 0) {
                ring.charge(seat.buckets[i], 0, cost);
                ring.end_refusals();
            }
            const std::uint64_t bucket = seat.buckets[i];
            verdict_.admit(seat.tier, windows[i], seat.overflow ? Sketch::quarter_end(bucket) : bucket, ring.used());
        }
    }

    void charge_overflow(const Seat& seat) noexcept {
        Table& table = *seat.table;
        for (std::size_t i = 0; i < table.windows().size(); ++i) {
            const Window& window = table.windows()[i];
            const std::uint64_t cost = units(window);
            if (cost == 0) continue;
            table.overflow_ring(i).charge(window.bucket(table.overflow_tick()), 0, cost);
            table.note(seat.hash, i, seat.buckets[i], cost);
        }
    }

    void issue_ticket() noexcept {
        Reservation reservation;
        reservation.tick = moment_.tick;
        reservation.expires = state_.lifetime.start(state_.lifetime.bucket(moment_.tick) + Ring::slots);
        reservation.version = state_.generations.back()->version;
        reservation.tiers = entry_.tiers();
        for (std::size_t t = 0; t < tier_count; ++t)
            reservation.hashes[t] = entry_.hash(t);
        for (const Seat& seat : seats())
            if (seat.overflow &&
                seat.table == state_.generations.back()->tables[static_cast<std::size_t>(seat.tier)].get())
                reservation.overflow =
                    static_cast<std::uint8_t>(reservation.overflow | 1U << static_cast<unsigned>(seat.tier));
        reservation.tokens = costs_.tokens;
        reservation.logprob_tokens = costs_.logprob_tokens;
        decision_.ticket = state_.tickets.issue(reservation);
        if (decision_.ticket != 0) return;
        std::uint64_t reported = state_.tickets_reported.load(std::memory_order_relaxed);
        const std::uint64_t second = moment_.tick / ticks_per_second + 1;
        if (reported < second && state_.tickets_reported.compare_exchange_strong(reported, second))
            report({.kind = GuardEventKind::tickets_exhausted});
    }

    State& state_;
    Decision& decision_;
    const Costs& costs_;
    Units units_;
    std::int64_t now_;
    Entry entry_;
    Moment moment_; // after the locks, so that ticks never fall for anybody who has one of them
    Verdict verdict_;
    bool overflow_ = false;
    std::size_t seat_count_ = 0;
    std::array<Seat, max_generations * tier_count> seats_;
    std::array<std::array<Line, max_tier_limits>, max_generations * tier_count> scratch_; // of newcomers
};

} // namespace

Decision State::check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept {
    Decision decision;
    Check(*this, client, costs, now.count(), decision).run();
    return decision;
}

} // namespace weightseal::guard
