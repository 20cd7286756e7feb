#pragma once
// Ed25519 (RFC 8032) of libsodium, which refuses keys of small order and signatures that are not canonical.

#include "weightseal/core/bytes.hpp"

#include <array>

namespace weightseal::crypto::ed25519 {

using PublicKey = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;

[[nodiscard]] PublicKey public_key(std::span<const std::byte, 32> seed);
[[nodiscard]] Signature sign(std::span<const std::byte, 32> seed, Bytes message);
[[nodiscard]] bool verify(const PublicKey& key, Bytes message, const Signature& signature) noexcept;

} // namespace weightseal::crypto::ed25519
