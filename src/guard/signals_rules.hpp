#pragma once
// What thresholds of signals must obey, wherever they come from.

#include "guard/limits_rules.hpp"
#include "weightseal/guard/signals.hpp"

#include <array>

namespace weightseal::guard {

struct SignalsField {
    std::string_view name;
    std::uint64_t Signals::*member;
    Range range;
};

inline constexpr std::array signals_fields{
    SignalsField{"clients", &Signals::clients, {64, std::uint64_t{1} << 20}},
    SignalsField{"warm_up", &Signals::warm_up, {0, 366 * 24}},
    SignalsField{"minimum", &Signals::minimum, limit_range},
    SignalsField{"distinct_prompts", &Signals::distinct_prompts, {0, max_limit}},
    SignalsField{"duplicate_percent", &Signals::duplicate_percent, {0, 100}},
    SignalsField{"logprobs_percent", &Signals::logprobs_percent, {0, 100}},
    SignalsField{"logit_bias_percent", &Signals::logit_bias_percent, {0, 100}},
    SignalsField{"surge_ratio", &Signals::surge_ratio, {0, 1'000'000}},
    SignalsField{"total_excess", &Signals::total_excess, {0, 1'000'000}},
};

/// How messages call a field.
[[nodiscard]] inline std::string signals_field(std::string_view name) {
    return fmt::format("signals.{}", name);
}

} // namespace weightseal::guard
