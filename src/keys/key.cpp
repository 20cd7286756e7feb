#include "weightseal/keys/key.hpp"

#include "keys/key_text.hpp"
#include "weightseal/core/error.hpp"

#include <array>
#include <fmt/format.h>

namespace weightseal {
namespace {

constexpr std::array kinds{KeyKind::seal, KeyKind::recipient, KeyKind::signing, KeyKind::watermark};

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
    const std::string_view line = key_text::line(text);
    for (const KeyKind kind : kinds) {
        const std::string_view name = key_kind_name(kind);
        const std::string start = key_text::prefix(name);
        if (!line.starts_with(start)) continue;
        return {kind, Secret::make([&](std::span<std::byte, secret_size> to) {
                    key_text::decode(name, line.substr(start.size()), to);
                })};
    }
    throw Error(Errc::key_format, "key", "is not a weightseal key, which starts with 'wseal_'");
}

std::size_t key_text_size(KeyKind kind) noexcept {
    return std::string_view("wseal__").size() + key_kind_name(kind).size() + key_text::encoded_size;
}

void format_key(const Key& key, std::span<char> to) {
    if (!key.secret || to.size() != key_text_size(key.kind))
        throw Error(Errc::invalid_argument, "key", "is empty, or the room for its text has another size");
    key_text::encode(key_kind_name(key.kind), key.secret.bytes(), to);
}

void require_kind(const Key& key, KeyKind kind) {
    if (!key.secret) throw Error(Errc::invalid_argument, "key", "is empty");
    if (key.kind != kind)
        throw Error(Errc::key_kind, "key",
                    fmt::format("is a {} key; a {} key is needed", key_kind_name(key.kind), key_kind_name(kind)));
}

} // namespace weightseal
