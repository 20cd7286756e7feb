#include "cli/command_line.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace weightseal::cli {

namespace {
constexpr auto key_help = "Where the key is: file:PATH, env:NAME, fd:N, cmd:COMMAND or - (standard input)";
} // namespace

CLI::Option* add_key(CLI::App& command, std::optional<std::string>& source) {
    return command.add_option("--key", source, key_help)->type_name("SRC");
}

CLI::Option* add_required_key(CLI::App& command, std::string& source) {
    return command.add_option("--key", source, key_help)->type_name("SRC")->required();
}

CLI::Option* add_json(CLI::App& command, bool& json) {
    return command.add_flag("--json", json, "Print one JSON object, also on errors");
}

CLI::Option* add_force(CLI::App& command, bool& force) {
    return command.add_flag("--force", force, "Replace an existing output");
}

CLI::Option* add_threads(CLI::App& command, unsigned& threads) {
    return command.add_option("--threads", threads, "Workers at most; by default one for each processor")
        ->type_name("N")
        ->check(CLI::Range(1U, 1024U).description(""));
}

void refuse_usage(const std::string& message) {
    throw CLI::ValidationError(message, CLI::ExitCodes::ValidationError);
}

namespace {

constexpr std::array<std::string_view, 4> key_prefixes{"wseal_seal_", "wseal_recipient_", "wseal_signing_",
                                                       "wseal_watermark_"};
// An argument that starts like a key is one, even a mistyped one; within an argument (`cmd:echo KEY`) it
// takes more, because a file may be called `old/wseal_seal_2.key`.
constexpr std::size_t telling_length = 40;

bool is_base64url(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool holds_key(std::string_view argument, std::string_view prefix) noexcept {
    if (argument.starts_with(prefix)) return true;
    for (std::size_t at = argument.find(prefix); at != argument.npos; at = argument.find(prefix, at + 1)) {
        const std::string_view rest = argument.substr(at + prefix.size());
        const auto end = std::find_if_not(rest.begin(), rest.end(), is_base64url);
        if (static_cast<std::size_t>(end - rest.begin()) >= telling_length) return true;
    }
    return false;
}

} // namespace

std::size_t find_secret(const std::vector<std::string_view>& arguments) noexcept {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string_view argument = arguments[i];
        if (argument.starts_with("--")) argument.remove_prefix(std::min(argument.find('=') + 1, argument.size()));
        for (const std::string_view prefix : key_prefixes)
            if (holds_key(argument, prefix)) return i + 1;
    }
    return 0;
}

} // namespace weightseal::cli
