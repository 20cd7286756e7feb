#pragma once
// What completions cost, whoever counts them.

#include "weightseal/core/bytes.hpp"
#include "weightseal/guard/guard.hpp"

#include <algorithm>
#include <cstdint>

namespace weightseal::guard {

[[nodiscard]] inline std::uint64_t saturating_mul(std::uint64_t a, std::uint64_t b) noexcept {
    std::uint64_t product = 0;
    return checked_mul(a, b, product) ? product : UINT64_MAX;
}

[[nodiscard]] inline std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) noexcept {
    std::uint64_t sum = 0;
    return checked_add(a, b, sum) ? sum : UINT64_MAX;
}

/// @param token_cap, logprob_token_cap  what is reserved at most
[[nodiscard]] inline Costs costs_of(const CompletionRequest& request, std::uint64_t token_cap,
                                    std::uint64_t logprob_token_cap) noexcept {
    const std::uint64_t completions =
        saturating_mul(request.prompts, std::max({request.n, request.best_of, std::uint64_t{1}}));
    const std::uint64_t out = saturating_mul(completions, request.max_tokens);
    Costs costs;
    costs.queries = completions;
    costs.tokens = std::min(saturating_add(request.input_tokens, out), token_cap);
    if (request.logprobs) costs.logprob_tokens = std::min(out, logprob_token_cap);
    costs.logit_bias_entries = request.logit_bias_entries;
    return costs;
}

} // namespace weightseal::guard
