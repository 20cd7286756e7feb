#include "weightseal/guard/decision.hpp"

#include "weightseal/guard/events.hpp"

#include <fmt/format.h>
#include <string_view>

namespace weightseal {
namespace {

constexpr std::array reason_names{"admitted",        "limit_reached",      "in_debt",
                                  "table_saturated", "cost_exceeds_limit", "logprobs_with_logit_bias",
                                  "lease_pending",   "server_unavailable"};
constexpr std::array event_names{
    "limit_reached",  "in_debt",          "table_saturated",   "tickets_exhausted",      "clock_stepped_back",
    "limits_changed", "distinct_prompts", "duplicate_prompts", "client_surge",           "logprobs_use",
    "logit_bias_use", "total_requests",   "total_new_clients", "total_distinct_prompts", "shared_degraded",
    "shared_restored"};

int status_of(Reason reason) noexcept {
    switch (reason) {
    case Reason::logprobs_with_logit_bias: return 400;
    case Reason::lease_pending:
    case Reason::server_unavailable: return 503;
    default: return 429;
    }
}

std::int64_t whole_seconds(std::chrono::nanoseconds time) noexcept {
    return std::chrono::ceil<std::chrono::seconds>(time).count();
}

// What does not fit is left out as a whole.
template <std::size_t size, class... Args>
void print(std::array<char, size>& to, fmt::format_string<Args...> format, Args&&... args) noexcept {
    const auto result = fmt::format_to_n(to.data(), size - 1, format, std::forward<Args>(args)...);
    to[result.size < size ? result.size : 0] = '\0';
}

} // namespace

const char* reason_name(Reason reason) noexcept {
    const auto i = static_cast<std::size_t>(reason);
    return i < reason_names.size() ? reason_names[i] : "unknown";
}

const char* event_name(GuardEventKind kind) noexcept {
    const auto i = static_cast<std::size_t>(kind);
    return i < event_names.size() ? event_names[i] : "unknown";
}

HttpFields http_fields(const Decision& decision) noexcept {
    HttpFields fields;
    if (!decision.allowed) fields.status = status_of(decision.reason);
    const std::int64_t retry = whole_seconds(decision.retry_after);
    if (retry > 0) print(fields.retry_after, "{}", retry);
    if (decision.window == 0) return fields;
    const std::string_view tier = tier_name(decision.tier);
    const std::string_view budget = budget_name(decision.budget);
    print(fields.rate_limit, "\"{}-{}\";r={};t={}", tier, budget, decision.remaining,
          retry > 0 ? retry : whole_seconds(decision.reset_after));
    if (decision.budget == Budget::concurrency)
        print(fields.rate_limit_policy, "\"{}-{}\";q={};qu=\"concurrent-requests\"", tier, budget, decision.limit);
    else
        print(fields.rate_limit_policy, "\"{}-{}\";q={};w={}", tier, budget, decision.limit, decision.window);
    return fields;
}

} // namespace weightseal
