#pragma once
// Signing: Ed25519 (RFC 8032) with keys of kind `signing`. The secret is the 32-byte seed.

#include "weightseal/core/bytes.hpp" // Bytes
#include "weightseal/keys/key.hpp"   // Key

#include <array>
#include <string>
#include <string_view>

namespace weightseal {

using PublicKey = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;

/// The public half of a signing key. Throws `key_kind`.
[[nodiscard]] PublicKey public_key(const Key& signing_key);

/// Text form: `wseal_signer_` and 48 characters of base64url, which hold the 32 bytes and a checksum as `Key`'s text
/// does, its kind being "signer".
[[nodiscard]] std::string format_public_key(const PublicKey& key);
/// Text of one public key; blank lines and lines that start with '#' are skipped. Throws `key_format` or
/// `key_checksum`.
[[nodiscard]] PublicKey parse_public_key(std::string_view text);

/// The same signature for the same key and message, always. Throws `key_kind`.
[[nodiscard]] Signature sign(const Key& signing_key, Bytes message);
/// False for a wrong signature as for a key that is no point of the curve.
[[nodiscard]] bool is_signed_by(const PublicKey& key, Bytes message, const Signature& signature) noexcept;

} // namespace weightseal
