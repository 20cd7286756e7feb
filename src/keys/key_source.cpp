#include "weightseal/keys/key_source.hpp"

#include "platform/file.hpp"
#include "platform/process.hpp"
#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/error.hpp"

#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <string>

namespace weightseal {
namespace {

constexpr std::size_t max_key_text = 64 << 10;

// Text of a key while it is parsed: wiped, and kept out of core dumps.
struct KeyText {
    AlignedBuffer buffer{max_key_text, {.wipe = true}};
    Key parse(std::size_t size) const { return Key::parse(as_text(buffer.bytes().first(size))); }
};

Key read_descriptor(int fd, std::string_view subject) {
    KeyText text;
    return text.parse(platform::read_to_end(fd, text.buffer.bytes(), subject));
}

Key read_file(const std::string& path) {
    const platform::Descriptor file = platform::open_stream(path);
    if (!file) throw Error(Errc::key_source_failed, path, "the key file cannot be opened");
    return read_descriptor(file.get(), path);
}

Key read_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) throw Error(Errc::key_source_failed, name, "the environment variable is not set");
    return Key::parse(value);
}

Key read_number(std::string_view text) {
    int fd = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
    if (error != std::errc() || end != text.data() + text.size() || fd < 0)
        throw Error(Errc::key_source_failed, "fd:", "is not followed by the number of an open file descriptor");
    return read_descriptor(fd, fmt::format("file descriptor {}", fd));
}

Key read_source(std::string_view source) {
    const auto after = [&](std::string_view prefix) { return std::string(source.substr(prefix.size())); };
    if (source == "-") return read_descriptor(0, "standard input");
    if (source.starts_with("file:")) return read_file(after("file:"));
    if (source.starts_with("env:")) return read_environment(after("env:"));
    if (source.starts_with("fd:")) return read_number(after("fd:"));
    if (source.starts_with("cmd:")) {
        KeyText text;
        return text.parse(platform::read_command(after("cmd:"), text.buffer.bytes(), "key command"));
    }
    throw Error(Errc::key_source_failed, "key source",
                "is none of file:PATH, env:NAME, fd:N, cmd:COMMAND and -; a key itself is never given here");
}

} // namespace

Key key_from_source(std::string_view source) {
    try {
        return read_source(source);
    } catch (const Error& error) {
        // What failed is the source, however the system calls it.
        if (error.errc() != Errc::io_failed && error.errc() != Errc::too_large) throw;
        throw Error(Errc::key_source_failed, "key source", error.what());
    }
}

} // namespace weightseal
