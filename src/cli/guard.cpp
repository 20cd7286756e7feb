// weightseal guard: what is left of a guard's work, and what one would have done.

#include "cli/guard.hpp"

#include <algorithm>
#include <vector>

namespace weightseal::cli {

Command add_guard(CLI::App& program, bool& json) {
    CLI::App* const guard =
        program.add_subcommand("guard", "Try limits on past traffic, and verify logs of an inference server's guard");
    guard->require_subcommand(1);
    const std::vector<Command> commands{add_guard_replay(*guard, json), add_guard_verify_log(*guard, json)};
    for (const Command& command : commands)
        command.parser->group("Commands");
    return {guard, [commands] {
                return std::ranges::find_if(commands, [](const Command& c) { return c.parser->parsed(); })->run();
            }};
}

} // namespace weightseal::cli
