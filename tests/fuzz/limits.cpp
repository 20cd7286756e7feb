// Limits in JSON. What is accepted obeys the rules, and means the same when it is written and read again.

#include "weightseal/guard/limits.hpp"
#include "base.hpp"
#include "guard/signals_rules.hpp"

#include <fmt/format.h>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

std::string written(const Limits& limits) {
    std::string text;
    for (const Limit& limit : limits.limits) {
        text += fmt::format(R"({}{{"tier": "{}", "budget": "{}", "limit": {})", text.empty() ? "" : ", ",
                            tier_name(limit.tier), budget_name(limit.budget), limit.limit);
        if (limit.budget != Budget::concurrency) text += fmt::format(R"(, "window": {})", limit.window);
        if (limit.overflow_limit != 0) text += fmt::format(R"(, "overflow_limit": {})", limit.overflow_limit);
        text += '}';
    }
    std::string signals;
    if (limits.signals)
        for (const guard::SignalsField& field : guard::signals_fields)
            signals += fmt::format(R"({}"{}": {})", signals.empty() ? R"(, "signals": {)" : ", ", field.name,
                                   (*limits.signals).*field.member);
    if (limits.signals) signals += '}';
    return fmt::format(
        R"({{"limits": [{}], "capacity": {}, "ticket_lifetime": {}, "tickets": {}, "logprobs_or_logit_bias": {}{}}})",
        text, limits.capacity, limits.ticket_lifetime, limits.tickets, limits.logprobs_or_logit_bias, signals);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Limits limits;
    try {
        limits = Limits::parse(as_text(std::as_bytes(std::span(data, size))), "fuzz");
    } catch (const Error&) {
        return 0;
    }
    limits.validate();
    require(limits.limits.size() <= tier_count * max_tier_limits, "no more limits than tiers may have");
    require(Limits::parse(written(limits), "written") == limits, "one meaning of a text");
    return 0;
}
