// weightseal guard replay: past traffic through limits, and who would have been stopped.

#include "cli/exit_status.hpp"
#include "cli/guard.hpp"
#include "cli/output.hpp"
#include "cli/replay_text.hpp"
#include "platform/file.hpp"           // read_file
#include "weightseal/guard/replay.hpp" // replay

#include <memory>
#include <optional>

namespace weightseal::cli {

namespace {

constexpr std::uint64_t max_limits_size = std::uint64_t{1} << 20;

struct Options {
    std::string log;
    std::optional<std::string> limits;
    unsigned top = 10;
};

Limits read_limits(const std::string& path) {
    return Limits::parse(platform::read_file(path, max_limits_size, Errc::too_large), path);
}

int run(const Options& options, bool json) {
    const Limits limits = options.limits ? read_limits(*options.limits) : Limits();
    const LogInput log = open_log(options.log);
    const Replay found = replay(log, limits);
    if (json)
        print_json(replay_json(found, log.name, options.top));
    else
        print(describe_replay(found, log.name, options.top));
    return status::done;
}

} // namespace

Command add_guard_replay(CLI::App& guard, bool& json) {
    CLI::App* const command =
        guard.add_subcommand("replay", "Show who would have been stopped if limits had been in force");
    const auto options = std::make_shared<Options>();
    command->add_option("LOG", options->log, "Past requests in JSON lines (see GUARD.md); - is standard input")
        ->required()
        ->type_name("");
    command->add_option("--limits", options->limits, "Limits in JSON; by default 500 queries an hour for each client")
        ->type_name("FILE");
    command->add_option("--top", options->top, "Clients to name at most; by default 10")
        ->type_name("N")
        ->check(CLI::Range(0U, 1'000'000U).description(""));
    add_json(*command, json);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli
