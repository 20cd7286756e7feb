#include "remote/secret_file.hpp"

#include "core/text.hpp"
#include "platform/file.hpp"
#include "platform/process.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_token = std::size_t{32} << 10;

} // namespace

std::optional<SecretText> read_secret_file(const std::string& path, std::size_t most) {
    const platform::Descriptor file = platform::open_stream(path);
    if (!file) return std::nullopt;
    AlignedBuffer buffer(most, {.huge_pages = false, .wipe = true});
    try {
        return SecretText(as_text(buffer.bytes().first(platform::read_to_end(file.get(), buffer.bytes(), path))));
    } catch (const Error& error) {
        throw Error(Errc::key_source_failed, "file", error.what());
    }
}

SecretText read_token_file(const std::string& path) {
    const auto text = read_secret_file(path, longest_token);
    if (!text) throw Error(Errc::key_source_failed, path, "the token file cannot be opened");
    const std::string_view token = trimmed(text->view());
    if (token.empty()) throw Error(Errc::key_source_failed, path, "the token file is empty");
    return SecretText(token);
}

} // namespace weightseal::remote
