#pragma once
// The commands of `weightseal guard`.

#include "cli/command_line.hpp" // Command

namespace weightseal::cli {

[[nodiscard]] Command add_guard_replay(CLI::App& guard, bool& json);
[[nodiscard]] Command add_guard_verify_log(CLI::App& guard, bool& json);

} // namespace weightseal::cli
