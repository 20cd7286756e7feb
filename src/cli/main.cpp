// weightseal: the program. Parses the command line, runs one command, turns failures into exit statuses.

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/work.hpp"                // interrupted
#include "platform/process.hpp"        // forbid_core_dumps
#include "weightseal/core/error.hpp"   // Error
#include "weightseal/core/version.hpp" // version_string

#include <algorithm>
#include <new>
#include <string_view>
#include <vector>

namespace weightseal::cli {

namespace {

int refuse(const std::string& why, bool json) {
    report("usage", why, json);
    return status::usage;
}

int run(int argc, const char* const* argv, bool& json) {
    const std::vector<std::string_view> arguments(argv + std::min(argc, 1), argv + argc);
    if (const std::size_t position = find_secret(arguments))
        return refuse("argument " + std::to_string(position) +
                          " looks like a key. Other users can see a command line:"
                          " treat this key as exposed, and pass keys by source, such as file:PATH",
                      json);

    CLI::App program("Protects AI model weights.", "weightseal");
    program.set_version_flag("--version", std::string("weightseal ") + version_string(), "Print the version");
    program.require_subcommand(0, 1);
    program.get_formatter()->label("SUBCOMMAND", "COMMAND");
    program.get_formatter()->label("REQUIRED", "(required)");
    const std::vector<Command> commands{
        add_keygen(program),       add_seal(program, json),  add_inspect(program, json),   add_verify(program, json),
        add_unseal(program, json), add_mark(program, json),  add_timestamp(program, json), add_detect(program, json),
        add_policy(program),       add_audit(program, json), add_guard(program, json),     add_version(program, json)};
    for (const Command& command : commands)
        command.parser->group("Commands");
    const auto chosen = [&] {
        return std::find_if(commands.begin(), commands.end(), [](const Command& c) { return c.parser->parsed(); });
    };
    try {
        program.parse(argc, argv);
        return chosen() == commands.end() ? refuse("which command? See `weightseal --help`", json) : chosen()->run();
    } catch (const CLI::CallForVersion& version) {
        print(std::string(version.what()) + '\n');
    } catch (const CLI::CallForHelp&) {
        print(program.help()); // of the command that was given
    } catch (const CLI::ParseError& error) {
        const std::string command = chosen() == commands.end() ? "" : ' ' + chosen()->parser->get_name();
        return refuse(std::string(error.what()) + "; see `weightseal" + command + " --help`", json);
    }
    return status::done;
}

int run_reporting(int argc, const char* const* argv) {
    // Known before parsing, because parsing may fail.
    bool json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
    try {
        return run(argc, argv, json);
    } catch (const Error& error) {
        if (error.errc() == Errc::cancelled)
            report(errc_name(error.errc()), "interrupted; no output was left", json);
        else
            report(error, json);
        return exit_status(error.errc(), interrupted());
    } catch (const std::bad_alloc&) {
        report(errc_name(Errc::out_of_memory), "out of memory", json);
    } catch (const std::system_error& error) {
        report(errc_name(Errc::io_failed), error.what(), json);
    } catch (const std::exception& error) {
        report(errc_name(Errc::internal), error.what(), json);
    }
    return status::io;
}

} // namespace

} // namespace weightseal::cli

int main(int argc, char** argv) {
    weightseal::platform::forbid_core_dumps();
    weightseal::cli::prepare_output();
    return weightseal::cli::run_reporting(argc, argv);
}
