#pragma once
// The command line: the commands, and the options they share.

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::cli {

/// Does what the command line asks for, with the options that parsing has filled in; returns the exit status.
using Run = std::function<int()>;

/// A command: its part of the parser and what it does. `json` is whether `--json` was given.
struct Command {
    CLI::App* parser;
    Run run;
};

[[nodiscard]] Command add_keygen(CLI::App& program);
[[nodiscard]] Command add_seal(CLI::App& program, bool& json);
[[nodiscard]] Command add_inspect(CLI::App& program, bool& json);
[[nodiscard]] Command add_verify(CLI::App& program, bool& json);
[[nodiscard]] Command add_unseal(CLI::App& program, bool& json);
[[nodiscard]] Command add_mark(CLI::App& program, bool& json);
[[nodiscard]] Command add_detect(CLI::App& program, bool& json);
[[nodiscard]] Command add_timestamp(CLI::App& program, bool& json);
[[nodiscard]] Command add_guard(CLI::App& program, bool& json);
[[nodiscard]] Command add_policy(CLI::App& program);
[[nodiscard]] Command add_audit(CLI::App& program, bool& json);
[[nodiscard]] Command add_version(CLI::App& program, bool& json);

CLI::Option* add_key(CLI::App& command, std::optional<std::string>& source);
CLI::Option* add_required_key(CLI::App& command, std::string& source);
CLI::Option* add_json(CLI::App& command, bool& json);
CLI::Option* add_force(CLI::App& command, bool& force);
CLI::Option* add_threads(CLI::App& command, unsigned& threads);

/// A mistake on the command line that the parser itself cannot see.
[[noreturn]] void refuse_usage(const std::string& message);

/// The position of an argument that looks like a key itself, 0 if there is none. Other users can read a
/// command line.
[[nodiscard]] std::size_t find_secret(const std::vector<std::string_view>& arguments) noexcept;

} // namespace weightseal::cli
