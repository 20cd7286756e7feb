#pragma once
// What tests of signals share: guards with signals, hours, and clients that send.

#include "support/guard.hpp"

#include <algorithm>
#include <map>

namespace weightseal::testing {

inline Limits with(const Signals& signals, std::vector<Limit> limits = {queries(500, 3600)}) {
    Limits all = only(std::move(limits));
    all.signals = signals;
    return all;
}

inline nanoseconds hours(double time) {
    return seconds(time * 3600);
}

/// How many events of each kind, and the last of each.
struct Heard {
    std::map<GuardEventKind, std::uint64_t> count;
    std::map<GuardEventKind, GuardEvent> last;

    explicit Heard(Guard& guard) {
        for (const GuardEvent& event : events_of(guard)) {
            ++count[event.kind];
            last[event.kind] = event;
        }
    }
    [[nodiscard]] std::uint64_t of(GuardEventKind kind) const {
        const auto found = count.find(kind);
        return found == count.end() ? 0 : found->second;
    }
    [[nodiscard]] std::uint64_t all() const {
        std::uint64_t sum = 0;
        for (const auto& [kind, number] : count)
            sum += number;
        return sum;
    }
};

/// Sends `count` requests of one client, evenly over the hour that begins with `start`; prompts are new ones from
/// `prompt` on.
inline void send(Guard& guard, const ClientKey& client, std::uint64_t count, nanoseconds start, std::uint64_t& prompt,
                 Observation like = {}) {
    for (std::uint64_t i = 0; i < count; ++i) {
        like.prompt_hash = ++prompt;
        guard.observe(client, like, start + hours(static_cast<double>(i) / static_cast<double>(count) * 0.999));
    }
}

} // namespace weightseal::testing
