#pragma once
// Limits: how much a client may ask of a model in a window of time, and their JSON form.

#include "weightseal/guard/signals.hpp" // Signals

#include <array>       // std::array
#include <cstddef>     // std::size_t
#include <cstdint>     // std::uint64_t
#include <optional>    // std::optional
#include <string_view> // std::string_view
#include <vector>      // std::vector

namespace weightseal {

/// Whom a limit counts. Each tier that has limits has a table of its own, so that a flood of one kind of client
/// cannot displace another kind.
enum class Tier : std::uint8_t {
    client = 0,     ///< an API key, or another name that the server gives its clients
    address = 1,    ///< an IPv4 address, or the /64 of an IPv6 address
    network_56 = 2, ///< the /56 of an IPv6 address
    network_48 = 3, ///< the /48 of an IPv6 address
    pool = 4,       ///< a group of clients that the server names: an organisation, a plan, everybody
};

inline constexpr std::size_t tier_count = 5;

/// "client", "address", "network_56", "network_48" or "pool".
[[nodiscard]] std::string_view tier_name(Tier tier) noexcept;

/// What a limit counts.
enum class Budget : std::uint8_t {
    queries = 0,            ///< completions: prompts × max(n, best_of)
    tokens = 1,             ///< tokens in and out: reserved by a check, corrected by `settle`
    concurrency = 2,        ///< requests in progress: tickets not yet settled
    logprob_tokens = 3,     ///< tokens that are answered with log-probabilities; like `tokens`
    logit_bias_entries = 4, ///< entries of logit_bias maps
};

inline constexpr std::size_t budget_count = 5;

/// "queries", "tokens", "concurrency", "logprob_tokens" or "logit_bias_entries".
[[nodiscard]] std::string_view budget_name(Budget budget) noexcept;

/// At most `limit` units of a budget in every window of `window` seconds, for each client of a tier.
struct Limit {
    Tier tier = Tier::client;
    Budget budget = Budget::queries;
    std::uint64_t limit = 500;        ///< 1 … 10¹²
    std::uint32_t window = 3600;      ///< seconds, 1 … 31 days; not of concurrency, which has `ticket_lifetime`
    std::uint64_t overflow_limit = 0; ///< what newcomers share once a table is full of clients at their limit; 0: limit

    bool operator==(const Limit&) const = default;
};

inline constexpr std::uint64_t max_limit = 1'000'000'000'000;
inline constexpr std::uint32_t max_window = 31 * 86'400;
/// Limits that one tier may have.
inline constexpr std::size_t max_tier_limits = 16;

/// Everything a guard is configured by. The default is 500 queries an hour for each client.
struct Limits {
    std::vector<Limit> limits = std::vector<Limit>(1);
    std::size_t capacity = 1'000'000;    ///< clients that the table of a tier holds, 1 … 2²⁸
    std::uint32_t ticket_lifetime = 600; ///< seconds after which an unsettled request counts as finished, 1 … 1 day
    std::size_t tickets = 65'536;        ///< requests in progress that can be settled, 1 … 2²⁴
    bool logprobs_or_logit_bias = false; ///< refuse requests that ask for both
    std::optional<Signals> signals;      ///< none: nothing is observed, and no memory taken for it

    bool operator==(const Limits&) const = default;

    /// Reads the JSON form:
    ///
    ///     {"capacity": 1000000, "ticket_lifetime": 600, "tickets": 65536, "logprobs_or_logit_bias": true,
    ///      "limits": [{"tier": "client", "budget": "queries", "limit": 500, "window": 3600, "overflow_limit": 500}]}
    ///
    /// and beside them "signals", which are on when they are there, with the fields of `Signals` and their defaults:
    ///
    ///     "signals": {"clients": 16384, "warm_up": 72, "minimum": 100, "distinct_prompts": 2000,
    ///                 "duplicate_percent": 80, "logprobs_percent": 50, "logit_bias_percent": 50, "surge_ratio": 8,
    ///                 "total_excess": 600}
    ///
    /// Only "limits" and, in it, "budget", "limit" and "window" are required. `subject` is what messages call the text.
    /// Throws `limits_not_json`, `unknown_limits_field`, `missing_limits_field`, `duplicate_limits_field`,
    /// `limits_field_type`, `limits_out_of_range`, `unknown_limits_value` or `duplicate_limit`, with field and line.
    [[nodiscard]] static Limits parse(std::string_view json, std::string_view subject = "limits");

    /// Throws what `parse` throws for a configuration of these values, without a line.
    void validate() const;
};

} // namespace weightseal
