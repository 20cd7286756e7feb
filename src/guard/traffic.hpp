#pragma once
// Traffic: the lines of a log of past requests, as GUARD.md has them.

#include "weightseal/guard/client_key.hpp"
#include "weightseal/guard/guard.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weightseal::guard {

/// Longest line that is read.
inline constexpr std::size_t max_traffic_line = std::size_t{256} << 10;

struct TrafficRequest {
    std::chrono::nanoseconds time{0}; ///< since 1970-01-01T00:00:00Z
    std::optional<std::string> name;
    std::optional<std::string> pool;
    std::optional<std::string> address_text;
    std::optional<Address> address;
    CompletionRequest request;
    std::optional<std::uint64_t> tokens; ///< what it used
    std::optional<std::uint64_t> logprob_tokens;
    std::chrono::nanoseconds duration{0};
};

/// @param problem  what is wrong with the line when nothing is returned
[[nodiscard]] std::optional<TrafficRequest> parse_traffic(std::string_view line, std::string& problem);

} // namespace weightseal::guard
