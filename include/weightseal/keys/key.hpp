#pragma once
// Keys: a secret with a kind, and its text form with prefix and checksum.

#include "weightseal/keys/secret.hpp" // Secret

#include <string_view>

namespace weightseal {

/// What a key is for. A key of one kind is never accepted in place of another.
enum class KeyKind : std::uint8_t { seal = 1, recipient = 2, signing = 3, watermark = 4 };

/// "seal", "recipient", "signing" or "watermark".
[[nodiscard]] std::string_view key_kind_name(KeyKind kind) noexcept;

/// A key and what it is for. Text form: `wseal_<kind>_` and 48 characters of base64url, which hold the 32 bytes
/// and the first 4 of SHA-256("weightseal/v1/key/" + kind + key).
struct Key {
    KeyKind kind = KeyKind::seal;
    Secret secret;

    [[nodiscard]] static Key generate(KeyKind kind);
    /// Text of one key; blank lines and lines that start with '#' are skipped. Throws `key_format` or
    /// `key_checksum`, without repeating the text.
    [[nodiscard]] static Key parse(std::string_view text);
};

/// Length of a key's text form.
[[nodiscard]] std::size_t key_text_size(KeyKind kind) noexcept;

/// Writes the text form into `to`, which has `key_text_size(key.kind)` bytes; no terminator. The caller wipes it.
void format_key(const Key& key, std::span<char> to);

/// Throws `key_kind` unless `key` is of this kind, `invalid_argument` if it is empty.
void require_kind(const Key& key, KeyKind kind);

} // namespace weightseal
