#include "weightseal/guard/replay.hpp"

#include "guard/line_reader.hpp"
#include "guard/traffic.hpp"

#include <algorithm>
#include <queue>
#include <tuple>
#include <unordered_map>

namespace weightseal {
namespace {

using std::chrono::nanoseconds;

static_assert(static_cast<std::size_t>(Reason::logprobs_with_logit_bias) + 1 == reason_count);

constexpr std::size_t max_slices = 64;
constexpr std::size_t max_names = std::size_t{64} << 20; // bytes, with what a map needs for each
constexpr std::size_t name_overhead = 128;

/// Requests over time. As time goes on, slices become longer, and never more.
class Timeline {
  public:
    void add(nanoseconds since_start, bool admitted) {
        while (since_start / slice_ >= static_cast<std::int64_t>(max_slices))
            merge();
        const auto i = static_cast<std::size_t>(since_start / slice_);
        if (i >= slices_.size()) slices_.resize(i + 1);
        ++(admitted ? slices_[i].admitted : slices_[i].refused);
    }

    void finish(Replay& replay) {
        replay.slices = std::move(slices_);
        replay.slice = slice_;
    }

  private:
    void merge() {
        slice_ *= 2;
        for (std::size_t i = 0; i < slices_.size(); ++i) {
            const ReplaySlice one = slices_[i];
            if (i % 2 == 0) {
                slices_[i / 2] = one;
            } else {
                slices_[i / 2].admitted += one.admitted;
                slices_[i / 2].refused += one.refused;
            }
        }
        slices_.resize((slices_.size() + 1) / 2);
    }

    std::vector<ReplaySlice> slices_;
    nanoseconds slice_ = std::chrono::seconds(1);
};

/// A request that is still in progress.
struct InProgress {
    nanoseconds end;
    Ticket ticket;
    Usage usage;
    bool operator>(const InProgress& other) const { return end > other.end; }
};

LimitRefusals limit_of(const Decision& decision) {
    return {decision.tier, decision.budget, decision.window, decision.limit};
}

class Player {
  public:
    explicit Player(const Limits& limits) : guard_(limits), lifetime_(std::chrono::seconds(limits.ticket_lifetime)) {}

    void play(const guard::TrafficRequest& traffic) {
        if (replay_.requests == 0) replay_.first = replay_.last = traffic.time;
        if (traffic.time < replay_.last) ++replay_.out_of_order;
        const nanoseconds now = replay_.last = std::max(replay_.last, traffic.time);
        settle_until(now);
        Client client{.name = traffic.name, .address = traffic.address, .pool = traffic.pool};
        const Costs costs = guard_.costs_of(traffic.request);
        const Decision decision = guard_.check(guard_.identify(client), costs, now);
        ++replay_.requests;
        ++(decision.allowed ? replay_.admitted : replay_.refused);
        ++replay_.reasons[static_cast<std::size_t>(decision.reason)];
        timeline_.add(now - replay_.first, decision.allowed);
        note_client(traffic, decision);
        if (!decision.allowed)
            note_refusal(decision);
        else if (decision.ticket != 0)
            // Later than its lifetime it makes no difference.
            in_progress_.push(
                {now + std::min(traffic.duration, lifetime_),
                 decision.ticket,
                 {traffic.tokens.value_or(costs.tokens), traffic.logprob_tokens.value_or(costs.logprob_tokens)}});
    }

    Replay finish() {
        timeline_.finish(replay_);
        for (auto& [key, client] : clients_)
            if (client.refused != 0) replay_.clients.push_back(std::move(client));
        std::ranges::sort(replay_.clients, [](const ReplayedClient& a, const ReplayedClient& b) {
            return std::tie(b.refused, a.first_refused, a.name, a.known_by) <
                   std::tie(a.refused, b.first_refused, b.name, b.known_by);
        });
        std::ranges::stable_sort(replay_.limits, std::greater{}, &LimitRefusals::refused);
        return std::move(replay_);
    }

  private:
    void settle_until(nanoseconds now) {
        while (!in_progress_.empty() && in_progress_.top().end <= now) {
            const InProgress& done = in_progress_.top();
            guard_.settle(done.ticket, done.usage, done.end);
            in_progress_.pop();
        }
    }

    void note_refusal(const Decision& decision) {
        const LimitRefusals limit = limit_of(decision);
        if (limit.window == 0) return;
        const auto same = [&](const LimitRefusals& other) {
            return std::tie(limit.tier, limit.budget, limit.window) == std::tie(other.tier, other.budget, other.window);
        };
        auto found = std::ranges::find_if(replay_.limits, same);
        if (found == replay_.limits.end()) found = replay_.limits.insert(found, limit);
        ++found->refused;
    }

    void note_client(const guard::TrafficRequest& traffic, const Decision& decision) {
        ReplayedClient client;
        if (traffic.name)
            client = {.name = *traffic.name, .known_by = "client"};
        else if (traffic.address_text)
            client = {.name = *traffic.address_text, .known_by = "address"};
        else if (traffic.pool)
            client = {.name = *traffic.pool, .known_by = "pool"};
        const std::string key = client.known_by + ' ' + client.name;
        auto found = clients_.find(key);
        if (found == clients_.end()) {
            if (names_ + 2 * key.size() + name_overhead > max_names) {
                ++replay_.untracked;
                return;
            }
            names_ += 2 * key.size() + name_overhead;
            found = clients_.emplace(key, std::move(client)).first;
        }
        ReplayedClient& known = found->second;
        ++known.requests;
        if (decision.allowed || known.refused++ != 0) return;
        known.first_refused = replay_.last;
        known.reason = decision.reason;
        known.first_limit = limit_of(decision);
    }

    Guard guard_;
    nanoseconds lifetime_;
    Replay replay_;
    Timeline timeline_;
    std::unordered_map<std::string, ReplayedClient> clients_;
    std::size_t names_ = 0; // bytes
    std::priority_queue<InProgress, std::vector<InProgress>, std::greater<>> in_progress_;
};

} // namespace

Replay replay(const LogInput& log, const Limits& limits) {
    Player player(limits);
    guard::LineReader reader(log, guard::max_traffic_line, Errc::not_a_traffic_log);
    std::string_view line;
    std::string problem;
    while (reader.next(line)) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        const std::optional<guard::TrafficRequest> traffic = guard::parse_traffic(line, problem);
        if (!traffic) reader.refuse(Errc::not_a_traffic_log, problem);
        player.play(*traffic);
    }
    return player.finish();
}

} // namespace weightseal
