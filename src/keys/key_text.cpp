#include "keys/key_text.hpp"

#include "core/text.hpp"
#include "crypto/codec.hpp"
#include "crypto/compare.hpp"
#include "crypto/hash.hpp"
#include "weightseal/core/aligned_buffer.hpp" // wipe
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::key_text {
namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t checksum_size = 4;
using Payload = std::array<std::byte, key_size + checksum_size>;
static_assert(sizeof(Payload) % 3 == 0 && sizeof(Payload) / 3 * 4 == encoded_size, "base64 without padding");

std::array<std::byte, checksum_size> checksum(std::string_view kind, Bytes key) {
    const crypto::Hash hash = crypto::sha256({as_bytes("weightseal/v1/key/"), as_bytes(kind), key});
    std::array<std::byte, checksum_size> result;
    std::copy_n(hash.begin(), checksum_size, result.begin());
    return result;
}

} // namespace

std::string prefix(std::string_view kind) {
    return fmt::format("wseal_{}_", kind);
}

std::string_view line(std::string_view text) {
    std::string_view found;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view candidate = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (candidate.empty() || candidate.front() == '#') continue;
        if (!found.empty()) throw Error(Errc::key_format, "key", "holds more than one line of key text");
        found = candidate;
    }
    return found;
}

void encode(std::string_view kind, std::span<const std::byte, 32> key, std::span<char> to) {
    Payload payload;
    const auto sum = checksum(kind, key);
    std::copy(sum.begin(), sum.end(), std::copy_n(key.begin(), key_size, payload.begin()));
    const std::string start = prefix(kind);
    std::copy(start.begin(), start.end(), to.begin());
    crypto::to_base64url(payload, to.subspan(start.size()));
    wipe(payload);
}

void decode(std::string_view kind, std::string_view encoded, std::span<std::byte, 32> to) {
    if (encoded.size() != encoded_size)
        throw Error(Errc::key_checksum, "key", "its length is wrong: part of it is missing, or there is a typo");
    Payload payload{};
    const bool decoded = crypto::from_base64url(encoded, payload);
    const Bytes key = Bytes(payload).first(key_size);
    const bool matches = decoded && crypto::equal(checksum(kind, key), Bytes(payload).subspan(key_size));
    std::copy(key.begin(), key.end(), to.begin());
    wipe(payload);
    if (!decoded) throw Error(Errc::key_checksum, "key", "holds a character that no key contains: there is a typo");
    if (!matches) throw Error(Errc::key_checksum, "key", "its checksum does not match: there is a typo");
}

} // namespace weightseal::key_text
