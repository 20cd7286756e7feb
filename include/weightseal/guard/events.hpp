#pragma once
// Events: what the guard has to say besides its decisions.

#include "weightseal/guard/limits.hpp" // Tier, Budget

#include <chrono>  // std::chrono::nanoseconds
#include <cstdint> // std::uint64_t

namespace weightseal {

enum class GuardEventKind : std::uint8_t {
    limit_reached = 0,     ///< a client was refused by a limit, for the first time since it was last admitted
    in_debt = 1,           ///< a client used more than it had reserved
    table_saturated = 2,   ///< newcomers are charged to what they share; at most once for each sub-bucket
    tickets_exhausted = 3, ///< admitted without a ticket; at most once a second
    clock_stepped_back = 4,
    limits_changed = 5,

    // Signals; see `Signals` for their thresholds and units.
    distinct_prompts = 6,        ///< of a client: `used` in a day
    duplicate_prompts = 7,       ///< of a client: `used` percent of a day's prompts
    client_surge = 8,            ///< of a client: an hour with `used` times its baseline
    logprobs_use = 9,            ///< of a client: `used` percent of a day's requests
    logit_bias_use = 10,         ///< of a client: `used` percent of a day's requests
    total_requests = 11,         ///< of a pool, or of the guard (`client` is 0): excess over the baseline
    total_new_clients = 12,      ///< likewise
    total_distinct_prompts = 13, ///< likewise

    shared_degraded = 14, ///< a server of shared state is not to be had: `used` is the `Errc` of the failure
    shared_restored = 15, ///< it is again
};

/// "limit_reached", …
[[nodiscard]] const char* event_name(GuardEventKind kind) noexcept;

/// One event. What a kind has no use for is 0.
struct GuardEvent {
    GuardEventKind kind = GuardEventKind::limit_reached;
    Tier tier = Tier::client;
    Budget budget = Budget::queries;
    std::uint32_t window = 0; ///< seconds
    std::uint64_t limit = 0;
    std::uint64_t used = 0;
    std::uint64_t client = 0; ///< its hash in that tier; must not leave the process as it is
    std::chrono::nanoseconds now{0};
};

} // namespace weightseal
