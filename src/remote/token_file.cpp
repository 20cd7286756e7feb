#include "remote/token_file.hpp"

#include "platform/file.hpp"
#include "platform/process.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_token = std::size_t{32} << 10;

} // namespace

SecretText read_token_file(const std::string& path) {
    const platform::Descriptor file = platform::open_stream(path);
    if (!file) throw Error(Errc::key_source_failed, path, "the token file cannot be opened");
    AlignedBuffer buffer(longest_token, {.huge_pages = false, .wipe = true});
    std::string_view text;
    try {
        text = as_text(buffer.bytes().first(platform::read_to_end(file.get(), buffer.bytes(), path)));
    } catch (const Error& error) {
        throw Error(Errc::key_source_failed, "token file", error.what());
    }
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == text.npos) throw Error(Errc::key_source_failed, path, "the token file is empty");
    return SecretText(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

} // namespace weightseal::remote
