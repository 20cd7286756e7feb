#include "crypto/keyed_hmac.hpp"

#include "weightseal/core/aligned_buffer.hpp"

#include <cstring>
#include <sodium.h>

namespace weightseal::crypto {

using State = crypto_auth_hmacsha256_state;

KeyedHmac::~KeyedHmac() {
    wipe(state_);
}

void KeyedHmac::set_key(std::span<const std::byte, 32> key) noexcept {
    static_assert(sizeof(State) == sizeof state_);
    State state;
    crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(key.data()), key.size());
    std::memcpy(&state_, &state, sizeof state);
    wipe(std::as_writable_bytes(std::span(&state, 1)));
}

Digest KeyedHmac::of(Bytes data) const noexcept {
    State state;
    std::memcpy(&state, &state_, sizeof state);
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(data.data()), data.size());
    Digest mac;
    crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data())); // wipes the state
    return mac;
}

} // namespace weightseal::crypto
