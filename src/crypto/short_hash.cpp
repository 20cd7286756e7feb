#include "crypto/short_hash.hpp"

#include <sodium.h>

namespace weightseal::crypto {

static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<ShortHashKey>);
static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t));

std::uint64_t short_hash(const ShortHashKey& key, Bytes data) noexcept {
    std::uint64_t hash = 0;
    const auto* const in = reinterpret_cast<const unsigned char*>(data.data());
    const auto* const k = reinterpret_cast<const unsigned char*>(key.data());
    crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), in, data.size(), k);
    return hash;
}

} // namespace weightseal::crypto
