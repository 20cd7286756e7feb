#include "cli/output.hpp"

#include "cli/text.hpp" // printable

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace weightseal::cli {

namespace {

// A closed pipe must end in an error, not in a silent death. This happens at the first write and not at the
// start, because a command that a key source runs would inherit it.
bool write_all(std::FILE* stream, std::string_view text) noexcept {
    std::signal(SIGPIPE, SIG_IGN);
    return std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
}

} // namespace

void prepare_output() noexcept {
    // Opened for reading: a write to a closed standard output still fails.
    while (std::FILE* const file = std::fopen("/dev/null", "re")) {
        if (fileno(file) <= 2) continue;
        std::fclose(file);
        break;
    }
    std::setvbuf(stdout, nullptr, _IONBF, 0);
}

void print(std::string_view text) {
    if (write_all(stdout, text)) return;
    const int cause = errno;
    throw Error(cause == ENOSPC ? Errc::no_space : Errc::io_failed, "standard output", std::strerror(cause));
}

Json json_answer() {
    return {{"version", 1}};
}

void print_json(const Json& answer) {
    // Pure ASCII, so that a terminal obeys nothing of a hostile name. Paths need not be UTF-8, JSON must be.
    print(answer.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n');
}

void complain(std::string_view text) {
    write_all(stderr,
              "weightseal: " + printable(text) + '\n'); // there is nowhere to report a failure of this
}

void report(std::string_view code, std::string_view message, bool json, Json answer) {
    if (!json) return complain(message);
    answer["error"]["code"] = code;
    answer["error"]["message"] = message;
    try {
        print_json(answer);
    } catch (const Error& error) {
        complain(message);
        complain(error.what());
    }
}

void report(const Error& error, bool json, Json answer) {
    if (error.offset()) answer["error"]["offset"] = *error.offset();
    report(errc_name(error.errc()), error.what(), json, std::move(answer));
}

} // namespace weightseal::cli
