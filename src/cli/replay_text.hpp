#pragma once
// What a replay found, for people and for programs.

#include "cli/output.hpp"              // Json
#include "weightseal/guard/replay.hpp" // Replay

#include <string>

namespace weightseal::cli {

/// @param top  clients to name at most
[[nodiscard]] std::string describe_replay(const Replay& replay, const std::string& log, std::size_t top);
[[nodiscard]] Json replay_json(const Replay& replay, const std::string& log, std::size_t top);

} // namespace weightseal::cli
