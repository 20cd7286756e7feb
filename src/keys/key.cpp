#include "weightseal/keys/key.hpp"

#include "crypto/codec.hpp"
#include "crypto/compare.hpp"
#include "crypto/hash.hpp"
#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <string>

namespace weightseal {
namespace {

constexpr std::size_t checksum_size = 4;
constexpr std::size_t payload_size = secret_size + checksum_size;
constexpr std::size_t encoded_size = payload_size / 3 * 4;
static_assert(payload_size % 3 == 0, "base64 without padding");

constexpr std::array kinds{KeyKind::seal, KeyKind::recipient, KeyKind::signing, KeyKind::watermark};

std::string prefix(KeyKind kind) {
    return fmt::format("wseal_{}_", key_kind_name(kind));
}

std::array<std::byte, checksum_size> checksum(KeyKind kind, Bytes key) {
    const crypto::Hash hash = crypto::sha256({as_bytes("weightseal/v1/key/"), as_bytes(key_kind_name(kind)), key});
    std::array<std::byte, checksum_size> result;
    std::copy_n(hash.begin(), checksum_size, result.begin());
    return result;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

// The one line that is neither blank nor a comment.
std::string_view key_line(std::string_view text) {
    std::string_view found;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#') continue;
        if (!found.empty()) throw Error(Errc::key_format, "key", "holds more than one line of key text");
        found = line;
    }
    return found;
}

} // namespace

std::string_view key_kind_name(KeyKind kind) noexcept {
    switch (kind) {
    case KeyKind::seal: return "seal";
    case KeyKind::recipient: return "recipient";
    case KeyKind::signing: return "signing";
    case KeyKind::watermark: return "watermark";
    }
    return "unknown";
}

Key Key::generate(KeyKind kind) {
    return {kind, Secret::random()};
}

Key Key::parse(std::string_view text) {
    const std::string_view line = key_line(text);
    for (const KeyKind kind : kinds) {
        const std::string start = prefix(kind);
        if (!line.starts_with(start)) continue;
        const std::string_view encoded = line.substr(start.size());
        if (encoded.size() != encoded_size)
            throw Error(Errc::key_checksum, "key", "its length is wrong: part of it is missing, or there is a typo");
        Key key{kind, {}};
        bool decoded = false;
        bool matches = false;
        key.secret = Secret::make([&](std::span<std::byte, secret_size> to) {
            std::array<std::byte, payload_size> payload;
            decoded = crypto::from_base64url(encoded, payload);
            const Bytes bytes = Bytes(payload).first(secret_size);
            matches = decoded && crypto::equal(checksum(kind, bytes), Bytes(payload).subspan(secret_size));
            std::copy(bytes.begin(), bytes.end(), to.begin());
            wipe(payload);
        });
        if (!decoded) throw Error(Errc::key_checksum, "key", "holds a character that no key contains: there is a typo");
        if (!matches) throw Error(Errc::key_checksum, "key", "its checksum does not match: there is a typo");
        return key;
    }
    throw Error(Errc::key_format, "key", "is not a weightseal key, which starts with 'wseal_'");
}

std::size_t key_text_size(KeyKind kind) noexcept {
    return std::string_view("wseal__").size() + key_kind_name(kind).size() + encoded_size;
}

void format_key(const Key& key, std::span<char> to) {
    if (!key.secret || to.size() != key_text_size(key.kind))
        throw Error(Errc::invalid_argument, "key", "is empty, or the room for its text has another size");
    std::array<std::byte, payload_size> payload;
    const auto sum = checksum(key.kind, key.secret.bytes());
    std::copy(sum.begin(), sum.end(), std::copy_n(key.secret.bytes().begin(), secret_size, payload.begin()));
    const std::string start = prefix(key.kind);
    std::copy(start.begin(), start.end(), to.begin());
    crypto::to_base64url(payload, to.subspan(start.size()));
    wipe(payload);
}

void require_kind(const Key& key, KeyKind kind) {
    if (!key.secret) throw Error(Errc::invalid_argument, "key", "is empty");
    if (key.kind != kind)
        throw Error(Errc::key_kind, "key",
                    fmt::format("is a {} key; a {} key is needed", key_kind_name(key.kind), key_kind_name(kind)));
}

} // namespace weightseal
