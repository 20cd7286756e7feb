#include "weightseal/guard/limits.hpp"

#include "guard/limits_rules.hpp"
#include "guard/signals_rules.hpp"

namespace weightseal {
namespace {

constexpr std::array<std::string_view, tier_count> tier_names{"client", "address", "network_56", "network_48", "pool"};
constexpr std::array<std::string_view, budget_count> budget_names{"queries", "tokens", "concurrency", "logprob_tokens",
                                                                  "logit_bias_entries"};

} // namespace

std::string_view tier_name(Tier tier) noexcept {
    const auto i = static_cast<std::size_t>(tier);
    return i < tier_names.size() ? tier_names[i] : "?";
}

std::string_view budget_name(Budget budget) noexcept {
    const auto i = static_cast<std::size_t>(budget);
    return i < budget_names.size() ? budget_names[i] : "?";
}

void Limits::validate() const {
    const guard::LimitsRules rules("limits");
    rules.check_range("capacity", capacity, guard::capacity_range);
    rules.check_range("ticket_lifetime", ticket_lifetime, guard::ticket_lifetime_range);
    rules.check_range("tickets", tickets, guard::tickets_range);
    if (signals)
        for (const guard::SignalsField& field : guard::signals_fields)
            rules.check_range(guard::signals_field(field.name), (*signals).*field.member, field.range);
    rules.check_count(limits.size());
    for (std::size_t i = 0; i < limits.size(); ++i) {
        const Limit& limit = limits[i];
        const std::string field = guard::limit_field(i);
        if (static_cast<std::size_t>(limit.tier) >= tier_count)
            rules.refuse(Errc::unknown_limits_value, field + ".tier", "is no tier");
        if (static_cast<std::size_t>(limit.budget) >= budget_count)
            rules.refuse(Errc::unknown_limits_value, field + ".budget", "is no budget");
        rules.check_range(field + ".limit", limit.limit, guard::limit_range);
        rules.check_range(field + ".overflow_limit", limit.overflow_limit, guard::overflow_limit_range);
        if (limit.budget != Budget::concurrency)
            rules.check_range(field + ".window", limit.window, guard::window_range);
        rules.check_new(field, limit, std::span(limits).first(i));
    }
}

} // namespace weightseal
