#pragma once
// Nonce bytes: 0³² ‖ be64(number).

#include "crypto/aead.hpp"

#include <array>
#include <cstdint>

namespace weightseal::crypto {

using NonceBytes = std::array<std::uint8_t, 12>;

inline void store_be64(std::uint64_t value, std::uint8_t* to) {
    for (int i = 0; i < 8; ++i)
        to[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
}

[[nodiscard]] inline NonceBytes nonce_bytes(Nonce nonce) {
    NonceBytes bytes{};
    store_be64(nonce.number, bytes.data() + 4);
    return bytes;
}

} // namespace weightseal::crypto
