#pragma once
// SipHash-2-4 of libsodium: a keyed hash for tables, which clients without the key cannot make collide.

#include "weightseal/core/bytes.hpp"

#include <array>
#include <cstdint>

namespace weightseal::crypto {

using ShortHashKey = std::array<std::byte, 16>;

[[nodiscard]] std::uint64_t short_hash(const ShortHashKey& key, Bytes data) noexcept;

} // namespace weightseal::crypto
