#pragma once
// Decisions: what the guard answers to a request, and how HTTP says it.

#include "weightseal/guard/limits.hpp" // Tier, Budget

#include <array>   // std::array
#include <chrono>  // std::chrono::nanoseconds
#include <cstdint> // std::uint64_t

namespace weightseal {

/// Why a request was admitted or refused.
enum class Reason : std::uint8_t {
    admitted = 0,
    limit_reached = 1,            ///< a window has no room for the cost; a retry after `retry_after` succeeds
    in_debt = 2,                  ///< more was used than reserved; nothing is admitted until that has left the window
    table_saturated = 3,          ///< a newcomer, and what newcomers share is used up; a retry succeeds likewise
    cost_exceeds_limit = 4,       ///< the cost alone is above a limit; no retry can succeed
    logprobs_with_logit_bias = 5, ///< the request asks for both, and the limits forbid that
    lease_pending = 6,            ///< shared state: nothing is leased yet for it, but soon; `check_shared` would wait
    server_unavailable = 7,       ///< shared state: its server is not to be had, and the failure policy is `closed`
};

/// "admitted", "limit_reached", …
[[nodiscard]] const char* reason_name(Reason reason) noexcept;

/// A request in progress. 0: none was given, because nothing is to be settled or all tickets are in use; its
/// reservation then stands.
using Ticket = std::uint64_t;

/// The answer to a check. `tier` to `reset_after` describe one limit: of a refusal the one that takes longest, of an
/// admission the one with the smallest share left.
struct Decision {
    bool allowed = false;
    Reason reason = Reason::admitted;
    bool overflow = false; ///< the table is full of clients at their limit: charged to what newcomers share, too
    Tier tier = Tier::client;
    Budget budget = Budget::queries;
    std::uint32_t window = 0;    ///< seconds; 0: no limit applies
    std::uint64_t limit = 0;     ///< units in that window
    std::uint64_t remaining = 0; ///< units left, as far as the guard can tell: never too many
    /// Refused: with nothing in between, a retry this much later succeeds. 0 when admitted or when none can.
    std::chrono::nanoseconds retry_after{0};
    /// When everything charged so far has left that window.
    std::chrono::nanoseconds reset_after{0};
    Ticket ticket = 0;
    /// Bit `tier · budget_count + budget` is set for each limit that refused.
    std::uint32_t refused_by = 0;
};

/// Fields of an HTTP response, as texts with a terminator; empty: leave the field out.
struct HttpFields {
    int status = 200; ///< 200, 429 for a limit, 400 for `logprobs_with_logit_bias`, 503 for the last two
    std::array<char, 24> retry_after{};       ///< Retry-After (RFC 9110), seconds
    std::array<char, 96> rate_limit{};        ///< RateLimit (draft-ietf-httpapi-ratelimit-headers-10)
    std::array<char, 96> rate_limit_policy{}; ///< RateLimit-Policy (same draft)
};

/// Neither allocates nor throws.
[[nodiscard]] HttpFields http_fields(const Decision& decision) noexcept;

} // namespace weightseal
