#pragma once
// Replaying: past traffic through limits, to see who would have been stopped.

#include "weightseal/guard/decision.hpp"  // Reason
#include "weightseal/guard/limits.hpp"    // Limits
#include "weightseal/guard/log_input.hpp" // LogInput

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace weightseal {

inline constexpr std::size_t reason_count = 6;

/// How much of something was refused.
struct LimitRefusals {
    Tier tier = Tier::client;
    Budget budget = Budget::queries;
    std::uint32_t window = 0; ///< seconds
    std::uint64_t limit = 0;
    std::uint64_t refused = 0;
};

/// Who was refused something.
struct ReplayedClient {
    std::string name;     ///< as the log has it: its name, or else its address, or else its pool; hostile
    std::string known_by; ///< which of these: "client", "address", "pool", or "" for requests that name nobody
    std::uint64_t requests = 0;
    std::uint64_t refused = 0;
    std::chrono::nanoseconds first_refused{0}; ///< since 1970-01-01T00:00:00Z
    Reason reason = Reason::limit_reached;     ///< of the first refusal, as what follows
    LimitRefusals first_limit;                 ///< without `refused`; of `logprobs_with_logit_bias` empty
};

/// A stretch of time.
struct ReplaySlice {
    std::uint64_t admitted = 0;
    std::uint64_t refused = 0;
};

/// What limits would have done. Times are since 1970-01-01T00:00:00Z.
struct Replay {
    std::uint64_t requests = 0;
    std::uint64_t admitted = 0;
    std::uint64_t refused = 0;
    std::array<std::uint64_t, reason_count> reasons{}; ///< by `Reason`
    std::uint64_t out_of_order = 0; ///< requests older than one before them, which count at the time of that
    std::uint64_t untracked = 0;    ///< requests of clients beyond those that were looked at one by one
    std::chrono::nanoseconds first{0};
    std::chrono::nanoseconds last{0};
    std::vector<LimitRefusals> limits;   ///< that refused, most refusals first
    std::vector<ReplayedClient> clients; ///< that were refused, most refusals first
    std::vector<ReplaySlice> slices;     ///< from `first` on, at most 64
    std::chrono::nanoseconds slice{0};   ///< length of one
};

/// Reads JSON lines, a request in each, and asks a guard with these limits about them, in the order of the lines.
/// GUARD.md has the fields. Clients are told apart in at most 64 MiB of names. Throws `not_a_traffic_log` with the
/// line's number; what `Limits::validate` throws; and what reading throws.
[[nodiscard]] Replay replay(const LogInput& log, const Limits& limits);

} // namespace weightseal
