// A check that waits: the server decides.

#include "guard/shared/state.hpp"

#include <algorithm>
#include <bit>
#include <deque>

namespace weightseal::guard {
namespace {

/// Windows of one or more tiers that one server decides on at once.
struct Group {
    Call call;
    std::vector<std::pair<std::size_t, std::size_t>> windows; ///< tier, window
    std::vector<WindowAnswer> answers;
    std::uint8_t tiers = 0;
};

class ServerCheck {
  public:
    ServerCheck(SharedState& state, const Tiers& who, const Costs& costs, const Units& units, const Moment& moment,
                std::chrono::nanoseconds now)
        : state_(state), who_(who), costs_(costs), units_(units), moment_(moment), now_(now) {}

    Decision run() {
        const Instant start = std::chrono::steady_clock::now();
        state_.note_present(now_, start);
        const Instant deadline = start + state_.options.timeout;
        std::deque<Group> waiting = groups();
        while (!waiting.empty() && !refused_) {
            Group group = std::move(waiting.front());
            waiting.pop_front();
            if (state_.exchange.cluster().node_of(group.call.slot).breaker.open()) {
                degraded_ = static_cast<std::uint8_t>(degraded_ | group.tiers);
                continue;
            }
            try {
                group.answers = state_.exchange.ask(group.call, deadline);
            } catch (const Error&) {
                degraded_ = static_cast<std::uint8_t>(degraded_ | group.tiers);
                continue;
            }
            if (group.answers.empty()) { // there was one group only, and it is too large for a cluster
                waiting = groups();
                continue;
            }
            answer(group);
            decided_.push_back(std::move(group));
        }
        Ticket local_ticket = 0;
        if (!refused_ && degraded_ != 0) {
            const Decision local = state_.check_policy(who_, degraded_, costs_, now_);
            if (!local.allowed || decided_.empty()) decision_ = local;
            refused_ = !local.allowed;
            local_ticket = local.ticket;
        } else if (refused_) {
            if (const Decision leased = look_again(std::chrono::steady_clock::now() - start); leased.allowed) {
                give_back();
                return leased;
            }
            state_.report_refusal(decision_, who_, used_, now_);
        }
        if (refused_) {
            give_back();
            return decision_;
        }
        decision_.allowed = true;
        decision_.reason = Reason::admitted;
        decision_.ticket = ticket(local_ticket);
        state_.forget_refusal(who_);
        return decision_;
    }

  private:
    // All windows in one call, unless the tiers may be on several servers.
    std::deque<Group> groups() {
        std::deque<Group> groups;
        const bool apart = state_.exchange.cluster().has_slots();
        for (unsigned mask = who_.mask; mask != 0; mask &= mask - 1) {
            const auto tier = static_cast<std::size_t>(std::countr_zero(mask));
            if (apart || groups.empty()) groups.emplace_back();
            Group& group = groups.back();
            const std::string tag = state_.tag_of(tier, who_.hashes[tier]);
            if (group.tiers == 0)
                group.call.slot = apart ? slot_of(tag) : 0;
            else
                group.call.several = true;
            group.tiers = static_cast<std::uint8_t>(group.tiers | 1U << tier);
            const std::vector<SharedWindow>& windows = state_.tiers[tier].windows;
            for (std::size_t i = 0; i < windows.size(); ++i) {
                const std::uint64_t cost = units_[static_cast<std::size_t>(windows[i].window.budget)];
                group.windows.emplace_back(tier, i);
                group.call.keys.push_back(state_.key_of(tag, windows[i]));
                group.call.questions.push_back({.length = windows[i].length,
                                                .limit = windows[i].limit,
                                                .need = cost_on_wire(cost),
                                                .want = cost_on_wire(cost)});
            }
        }
        return groups;
    }

    // What an earlier check asked for may have come as a lease meanwhile. Time has passed while the server was asked.
    [[nodiscard]] Decision look_again(std::chrono::nanoseconds passed) noexcept {
        if (decision_.reason != Reason::limit_reached || state_.options.mode != SharedMode::lease) return {};
        const std::chrono::nanoseconds now = later(now_, passed);
        return state_.check_leases(who_, costs_, units_, state_.moment_of(now), now, Asks::decision);
    }

    // Doubles are exact far beyond any limit; more is refused all the same.
    static std::uint64_t cost_on_wire(std::uint64_t cost) noexcept { return std::min(cost, 2 * max_limit); }

    void answer(const Group& group) {
        for (std::size_t i = 0; i < group.answers.size(); ++i) {
            const auto [tier, number] = group.windows[i];
            const SharedWindow& window = state_.tiers[tier].windows[number];
            const WindowAnswer& a = group.answers[i];
            if (a.refused)
                refuse(static_cast<Tier>(tier), window, a);
            else if (!refused_ && group.call.questions[i].need != 0)
                admit(static_cast<Tier>(tier), window, a);
        }
    }

    void describe(Tier tier, const SharedWindow& window, const WindowAnswer& a) noexcept {
        decision_.tier = tier;
        decision_.budget = window.window.budget;
        decision_.window = window.window.seconds;
        decision_.limit = window.window.limit;
        decision_.remaining = window.limit - std::min(window.limit, a.used);
        decision_.reset_after = std::chrono::microseconds(a.window_left);
        used_ = a.used;
    }

    void refuse(Tier tier, const SharedWindow& window, const WindowAnswer& a) noexcept {
        decision_.refused_by |=
            1U << (static_cast<unsigned>(tier) * budget_count + static_cast<unsigned>(window.window.budget));
        const std::uint64_t wait = a.wait == 0 ? UINT64_MAX : a.wait;
        if (refused_ && wait <= longest_wait_) return;
        refused_ = true;
        longest_wait_ = wait;
        decision_.reason = a.wait == 0 ? Reason::cost_exceeds_limit
                           : a.in_debt ? Reason::in_debt
                                       : Reason::limit_reached;
        decision_.retry_after = std::chrono::microseconds(a.wait);
        describe(tier, window, a);
    }

    void admit(Tier tier, const SharedWindow& window, const WindowAnswer& a) noexcept {
        const double share = static_cast<double>(a.used) * window.window.share;
        if (share <= largest_share_) return;
        largest_share_ = share;
        describe(tier, window, a);
    }

    void give_back() noexcept {
        bool told = false;
        for (const Group& group : decided_)
            for (std::size_t i = 0; i < group.answers.size(); ++i) {
                if (group.answers[i].granted == 0) continue;
                const auto [tier, number] = group.windows[i];
                state_.correct({tier, number, who_.hashes[tier], group.answers[i].stamp, group.answers[i].granted, 0});
                told = true;
            }
        if (told) state_.exchange.wake();
    }

    [[nodiscard]] Ticket ticket(Ticket local_ticket) noexcept {
        std::array<std::uint64_t, tier_count * max_tier_limits> marks{};
        std::uint8_t served = 0;
        for (const Group& group : decided_) {
            served = static_cast<std::uint8_t>(served | group.tiers);
            for (std::size_t i = 0; i < group.answers.size(); ++i) {
                const auto [tier, number] = group.windows[i];
                const SharedWindow& window = state_.tiers[tier].windows[number];
                if (window.is_settled()) marks[window.mark] = group.answers[i].stamp;
            }
        }
        return state_.issue_ticket(who_, served, costs_, moment_, now_, local_ticket, marks);
    }

    SharedState& state_;
    const Tiers& who_;
    const Costs& costs_;
    const Units& units_;
    const Moment& moment_;
    const std::chrono::nanoseconds now_;
    std::vector<Group> decided_;
    Decision decision_;
    bool refused_ = false;
    std::uint8_t degraded_ = 0;
    std::uint64_t longest_wait_ = 0;
    std::uint64_t used_ = 0;
    double largest_share_ = -1;
};

} // namespace

Decision SharedState::check_server(const Tiers& who, const Costs& costs, const Units& units, const Moment& moment,
                                   std::chrono::nanoseconds now) {
    return ServerCheck(*this, who, costs, units, moment, now).run();
}

} // namespace weightseal::guard
