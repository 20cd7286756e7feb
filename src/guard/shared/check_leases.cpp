// A check that does not wait: from leases, and from the allowance where there is none.

#include "guard/shared/state.hpp"

#include <algorithm>
#include <bit>

namespace weightseal::guard {
namespace {

enum class Source : std::uint8_t { nothing, chunk, allowance };

/// One tier of the client, locked.
struct Party {
    std::size_t tier = 0;
    LeaseSeat* seat = nullptr;
    std::span<Lease> leases;
    std::array<Source, max_tier_limits> sources{};
};

class LeaseCheck {
  public:
    LeaseCheck(SharedState& state, const Tiers& who, const Costs& costs, const Units& units, const Moment& moment,
               std::chrono::nanoseconds now, Asks asks, std::span<std::uint64_t> marks) noexcept
        : state_(state), who_(who), costs_(costs), units_(units), moment_(moment), now_(now), asks_(asks),
          marks_(marks), clock_steps_(state.clock_steps.load(std::memory_order_relaxed)) {
        each_tier([&](std::size_t tier) { lock_of(tier).lock(); });
    }
    LeaseCheck(const LeaseCheck&) = delete;
    LeaseCheck& operator=(const LeaseCheck&) = delete;
    ~LeaseCheck() {
        each_tier([&](std::size_t tier) { lock_of(tier).unlock(); });
        if (tells_) state_.exchange.wake();
    }

    Decision run() noexcept {
        each_tier([&](std::size_t tier) { ask(tier); });
        if (!refused_ && degraded_ != 0) {
            const Decision local = state_.check_policy(who_, degraded_, costs_, now_);
            if (!local.allowed || parties_count_ == 0) {
                decision_ = local;
                decision_.ticket = 0;
                if (!local.allowed) return decision_;
            }
            local_ticket_ = local.ticket;
        }
        if (refused_) {
            // Whoever has the server decide asks for no lease: it would be charged beside the request.
            const bool wants = asks_ == Asks::lease || decision_.reason != Reason::lease_pending;
            for (Party& party : parties())
                if (party.seat != nullptr) refill(party, wants);
            if (decision_.reason != Reason::lease_pending) state_.report_refusal(decision_, who_, used_, now_);
            return decision_;
        }
        decision_.allowed = true;
        decision_.reason = Reason::admitted;
        for (Party& party : parties()) {
            take(party);
            refill(party, true);
        }
        decision_.ticket = state_.issue_ticket(who_, served_, costs_, moment_, now_, local_ticket_, marks_);
        state_.forget_refusal(who_);
        return decision_;
    }

  private:
    template <class Action>
    void each_tier(Action action) noexcept {
        for (unsigned mask = who_.mask; mask != 0; mask &= mask - 1)
            action(static_cast<std::size_t>(std::countr_zero(mask)));
    }
    [[nodiscard]] std::span<Party> parties() noexcept { return std::span(parties_).first(parties_count_); }
    [[nodiscard]] SpinLock& lock_of(std::size_t tier) noexcept {
        return state_.tiers[tier].leases->lock(who_.hashes[tier]);
    }
    [[nodiscard]] std::uint64_t cost_of(const SharedWindow& window) const noexcept {
        return units_[static_cast<std::size_t>(window.window.budget)];
    }
    [[nodiscard]] std::chrono::nanoseconds until(std::uint64_t tick) const noexcept {
        return std::chrono::nanoseconds(moment_.until(tick));
    }
    [[nodiscard]] bool usable(const Lease& lease) const noexcept {
        return moment_.tick < lease.deadline && lease.clock_steps == clock_steps_;
    }

    [[nodiscard]] bool is_degraded(const LeaseSeat* seat) noexcept {
        Cluster& cluster = state_.exchange.cluster();
        if (!cluster.has_slots()) return cluster.node(0).breaker.open();
        return seat != nullptr && seat->slot != LeaseSeat::unknown_slot && cluster.node_of(seat->slot).breaker.open();
    }

    void ask(std::size_t tier) noexcept {
        Leases& table = *state_.tiers[tier].leases;
        const std::uint64_t hash = who_.hashes[tier];
        LeaseSeat* seat = table.find(hash);
        if (is_degraded(seat)) {
            degraded_ = static_cast<std::uint8_t>(degraded_ | 1U << tier);
            return;
        }
        if (seat == nullptr) seat = table.place(hash, moment_.tick);
        Party& party = parties_[parties_count_++];
        party.tier = tier;
        party.seat = seat;
        served_ = static_cast<std::uint8_t>(served_ | 1U << tier);
        if (seat == nullptr) { // all seats are of clients that owe something, which takes a moment
            refuse_for_now();
            return;
        }
        seat->touched = moment_.tick;
        party.leases = table.leases(*seat);
        for (std::size_t i = 0; i < party.leases.size(); ++i)
            party.sources[i] = ask_window(static_cast<Tier>(tier), state_.tiers[tier].windows[i], party.leases[i]);
    }

    [[nodiscard]] Source ask_window(Tier tier, const SharedWindow& window, Lease& lease) noexcept {
        const std::uint64_t cost = cost_of(window);
        const bool blocked = moment_.tick < lease.retry_at;
        if (blocked && lease.in_debt) {
            refuse(tier, window, Reason::in_debt, lease.retry_at);
            return Source::nothing;
        }
        if (cost == 0) return Source::nothing;
        if (usable(lease) && lease.left >= cost) return Source::chunk;
        if (window.allowance - lease.owed >= cost) return Source::allowance;
        if (cost > window.limit) {
            refuse(tier, window, Reason::cost_exceeds_limit, UINT64_MAX);
        } else if (blocked && cost >= lease.refused) {
            refuse(tier, window, Reason::limit_reached, lease.retry_at);
        } else {
            refuse_for_now();
            if (asks_ == Asks::lease) lease.need = std::max(lease.need, cost);
        }
        return Source::nothing;
    }

    void refuse_for_now() noexcept {
        refused_ = true;
        if (retry_at_ != 0) return; // another window takes longer
        decision_.reason = Reason::lease_pending;
        decision_.retry_after = state_.options.timeout;
    }

    void refuse(Tier tier, const SharedWindow& window, Reason reason, std::uint64_t at) noexcept {
        refused_ = true;
        decision_.refused_by |=
            1U << (static_cast<unsigned>(tier) * budget_count + static_cast<unsigned>(window.window.budget));
        if (at <= retry_at_) return;
        retry_at_ = at;
        decision_.reason = reason;
        decision_.tier = tier;
        decision_.budget = window.window.budget;
        decision_.window = window.window.seconds;
        decision_.limit = window.window.limit;
        decision_.remaining = 0;
        used_ = window.window.limit;
        decision_.retry_after = at == UINT64_MAX ? std::chrono::nanoseconds(0) : until(at);
        decision_.reset_after =
            until(moment_.tick + window.window.ticks * Ring::slots); // what is charged now leaves last
    }

    void take(Party& party) noexcept {
        const SharedTier& tier = state_.tiers[party.tier];
        for (std::size_t i = 0; i < party.leases.size(); ++i) {
            const SharedWindow& window = tier.windows[i];
            Lease& lease = party.leases[i];
            const std::uint64_t cost = cost_of(window);
            std::uint64_t mark = 0;
            if (party.sources[i] == Source::chunk) {
                lease.left -= cost;
                mark = lease.stamp;
            } else if (party.sources[i] == Source::allowance) {
                lease.owed += cost;
                mark = allowance_mark | lease.next_charge;
            }
            if (window.is_settled()) marks_[window.mark] = mark;
            if (cost != 0) describe(static_cast<Tier>(party.tier), window, lease);
        }
    }

    void describe(Tier tier, const SharedWindow& window, const Lease& lease) noexcept {
        const std::uint64_t left = (usable(lease) ? lease.left : 0) + window.allowance - lease.owed;
        const double share = static_cast<double>(left) * window.window.share;
        if (share >= smallest_share_) return;
        smallest_share_ = share;
        decision_.tier = tier;
        decision_.budget = window.window.budget;
        decision_.window = window.window.seconds;
        decision_.limit = window.window.limit;
        decision_.remaining = left;
        decision_.reset_after = until(moment_.tick + window.window.ticks * Ring::slots);
    }

    // Whatever this client will need soon is asked for now. `wants`: a lease, too, besides the charge of what is owed.
    void refill(Party& party, bool wants) noexcept {
        if (party.seat->asking) return;
        bool wanted = false;
        const SharedTier& tier = state_.tiers[party.tier];
        for (std::size_t i = 0; i < party.leases.size(); ++i) {
            const SharedWindow& window = tier.windows[i];
            Lease& lease = party.leases[i];
            const bool blocked = moment_.tick < lease.retry_at && !lease.unsure;
            if (blocked && (lease.need == 0 || lease.need >= lease.refused)) {
                lease.need = lease.want = 0;
                continue;
            }
            if (!usable(lease)) lease.end();
            const bool low = wants && cost_of(window) != 0 && lease.left <= window.chunk / 2;
            lease.want = low || lease.need != 0 ? std::max(lease.need, window.chunk) : 0;
            wanted = wanted || lease.want != 0 || lease.owed != 0 || lease.unsure;
        }
        if (!wanted) return;
        state_.note_present(now_, std::chrono::steady_clock::now());
        state_.request_refill(party.tier, *party.seat, moment_);
        tells_ = tells_ || party.seat->asking;
    }

    SharedState& state_;
    const Tiers& who_;
    const Costs& costs_;
    const Units& units_;
    const Moment& moment_;
    const std::chrono::nanoseconds now_;
    const Asks asks_;
    std::span<std::uint64_t> marks_;
    const std::uint64_t clock_steps_;
    Decision decision_;
    bool refused_ = false;
    bool tells_ = false; ///< the background that there is a question
    std::uint64_t retry_at_ = 0;
    std::uint64_t used_ = 0;
    double smallest_share_ = 1e300;
    std::uint8_t degraded_ = 0; ///< tiers of which the failure policy decides
    std::uint8_t served_ = 0;   ///< the others
    Ticket local_ticket_ = 0;
    std::size_t parties_count_ = 0;
    std::array<Party, tier_count> parties_;
};

} // namespace

Decision SharedState::check_leases(const Tiers& who, const Costs& costs, const Units& units, const Moment& moment,
                                   std::chrono::nanoseconds now, Asks asks) noexcept {
    std::array<std::uint64_t, tier_count * max_tier_limits> of_windows{};
    return LeaseCheck(*this, who, costs, units, moment, now, asks, of_windows).run();
}

void SharedState::request_refill(std::size_t tier, LeaseSeat& seat, const Moment& moment) noexcept {
    seat.asked = moment.tick;
    seat.clock_steps = clock_steps.load(std::memory_order_relaxed);
    seat.asking = refills.push({tier, tiers[tier].leases->number(seat)});
}

} // namespace weightseal::guard
