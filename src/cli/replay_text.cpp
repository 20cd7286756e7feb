#include "cli/replay_text.hpp"

#include "cli/text.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <span>

namespace weightseal::cli {

namespace {

using std::chrono::nanoseconds;

constexpr std::size_t name_columns = 48;

double seconds_of(nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

std::string limit_text(const LimitRefusals& limit) {
    const std::string what =
        fmt::format("{}-{} {}", tier_name(limit.tier), budget_name(limit.budget), grouped(limit.limit));
    if (limit.budget == Budget::concurrency) return what;
    return fmt::format("{} in {} s", what, limit.window);
}

std::string share(std::uint64_t part, std::uint64_t whole) {
    return percent(static_cast<double>(part) / static_cast<double>(whole));
}

// A block for each slice, on a scale that both rows share; what is not 0 shows.
std::string blocks(const Replay& replay, std::uint64_t ReplaySlice::*what, std::uint64_t most) {
    static constexpr std::array<const char*, 9> levels{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::string text;
    for (const ReplaySlice& slice : replay.slices) {
        const double level = static_cast<double>(slice.*what) / static_cast<double>(most) * 8;
        text += levels[slice.*what == 0 ? 0 : std::clamp<std::size_t>(static_cast<std::size_t>(level + 0.5), 1, 8)];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

std::string chart(const Replay& replay) {
    std::uint64_t most = 1;
    for (const ReplaySlice& slice : replay.slices)
        most = std::max({most, slice.admitted, slice.refused});
    return fmt::format("\n  admitted  {}\n  refused   {}\n            a column is {}; a full block {}\n",
                       blocks(replay, &ReplaySlice::admitted, most), blocks(replay, &ReplaySlice::refused, most),
                       human_time(seconds_of(replay.slice)), counted(most, "request"));
}

std::string short_name(const ReplayedClient& client) {
    if (client.known_by.empty()) return "(requests that name nobody)";
    std::string_view rest = client.name;
    for (std::size_t columns = 0; !rest.empty() && columns < name_columns; ++columns)
        rest.remove_prefix(std::max<std::size_t>(first_code_point(rest).size, 1));
    const std::size_t size = client.name.size() - rest.size();
    return printable(std::string_view(client.name).substr(0, size)) + (rest.empty() ? "" : "…");
}

// What says which limit stopped a client first; where it was no window, why.
std::string cause(const ReplayedClient& client) {
    if (client.first_limit.window == 0) return reason_name(client.reason);
    const std::string limit = limit_text(client.first_limit);
    return client.reason == Reason::limit_reached ? limit : fmt::format("{}, {}", limit, reason_name(client.reason));
}

std::string clients(std::span<const ReplayedClient> top) {
    std::size_t width = 8;
    for (const ReplayedClient& client : top)
        width = std::max(width, cause(client).size());
    std::string text = fmt::format("\n  {:>10}  {:>10}  {:<20}  {:<{}}  client\n", "refused", "requests",
                                   "first refused", "by", width);
    for (const ReplayedClient& client : top)
        text += fmt::format("  {:>10}  {:>10}  {:<20}  {:<{}}  {}\n", grouped(client.refused), grouped(client.requests),
                            time_text(client.first_refused), cause(client), width, short_name(client));
    return text;
}

} // namespace

std::string describe_replay(const Replay& replay, const std::string& log, std::size_t top) {
    if (replay.requests == 0) return fmt::format("{}: no requests\n", printable(log));
    std::string text = fmt::format("{}: {} from {} to {}\n", printable(log), counted(replay.requests, "request"),
                                   time_text(replay.first), time_text(replay.last));
    text += fmt::format("  admitted  {} ({})\n  refused   {} ({})\n", grouped(replay.admitted),
                        share(replay.admitted, replay.requests), grouped(replay.refused),
                        share(replay.refused, replay.requests));
    for (const LimitRefusals& limit : replay.limits)
        text += fmt::format("            {} by {}\n", grouped(limit.refused), limit_text(limit));
    for (std::size_t i = 0; i < reason_count; ++i)
        if (const auto reason = static_cast<Reason>(i);
            replay.reasons[i] != 0 && reason != Reason::admitted && reason != Reason::limit_reached)
            text += fmt::format("            {} because of {}\n", grouped(replay.reasons[i]), reason_name(reason));
    text += chart(replay);
    if (!replay.clients.empty() && top != 0) {
        text += clients(std::span(replay.clients).first(std::min(top, replay.clients.size())));
        if (replay.clients.size() > top) text += fmt::format("  and {} more\n", grouped(replay.clients.size() - top));
    }
    if (replay.out_of_order != 0)
        text += fmt::format("\n  {} older than one before: counted at the time of that\n",
                            counted(replay.out_of_order, "request"));
    if (replay.untracked != 0)
        text += fmt::format("\n  {} of clients too many to name each\n", counted(replay.untracked, "request"));
    return text;
}

Json replay_json(const Replay& replay, const std::string& log, std::size_t top) {
    const auto limit_json = [](const LimitRefusals& limit) {
        return Json{{"tier", tier_name(limit.tier)},
                    {"budget", budget_name(limit.budget)},
                    {"window", limit.window},
                    {"limit", limit.limit}};
    };
    Json answer = json_answer();
    answer["log"] = log;
    answer["requests"] = replay.requests;
    answer["admitted"] = replay.admitted;
    answer["refused"] = replay.refused;
    answer["first_time"] = seconds_of(replay.first);
    answer["last_time"] = seconds_of(replay.last);
    answer["out_of_order"] = replay.out_of_order;
    answer["untracked"] = replay.untracked;
    answer["reasons"] = Json::object();
    for (std::size_t i = 1; i < reason_count; ++i)
        if (replay.reasons[i] != 0) answer["reasons"][reason_name(static_cast<Reason>(i))] = replay.reasons[i];
    answer["limits"] = Json::array();
    for (const LimitRefusals& limit : replay.limits) {
        answer["limits"].push_back(limit_json(limit));
        answer["limits"].back()["refused"] = limit.refused;
    }
    answer["refused_clients"] = replay.clients.size();
    answer["clients"] = Json::array();
    for (const ReplayedClient& client : std::span(replay.clients).first(std::min(top, replay.clients.size()))) {
        Json one = Json::object();
        if (!client.known_by.empty()) one[client.known_by] = client.name;
        one["requests"] = client.requests;
        one["refused"] = client.refused;
        one["first_refused"] = seconds_of(client.first_refused);
        one["reason"] = reason_name(client.reason);
        if (client.first_limit.window != 0) one["limit"] = limit_json(client.first_limit);
        answer["clients"].push_back(std::move(one));
    }
    answer["timeline"] = {{"slice", seconds_of(replay.slice)}, {"admitted", Json::array()}, {"refused", Json::array()}};
    for (const ReplaySlice& slice : replay.slices) {
        answer["timeline"]["admitted"].push_back(slice.admitted);
        answer["timeline"]["refused"].push_back(slice.refused);
    }
    return answer;
}

} // namespace weightseal::cli
