#include "crypto/ed25519.hpp"

#include "weightseal/core/aligned_buffer.hpp" // wipe

#include <sodium.h>

namespace weightseal::crypto::ed25519 {
namespace {

const unsigned char* raw(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* raw(MutableBytes bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

// What libsodium signs with: the seed and the public key. Wiped when it goes out of scope.
struct KeyPair {
    std::array<std::byte, crypto_sign_SECRETKEYBYTES> secret;
    PublicKey public_half;

    explicit KeyPair(std::span<const std::byte, 32> seed) {
        crypto_sign_seed_keypair(raw(MutableBytes(public_half)), raw(MutableBytes(secret)), raw(seed));
    }
    KeyPair(const KeyPair&) = delete;
    KeyPair& operator=(const KeyPair&) = delete;
    ~KeyPair() { wipe(secret); }
};

} // namespace

PublicKey public_key(std::span<const std::byte, 32> seed) {
    return KeyPair(seed).public_half;
}

Signature sign(std::span<const std::byte, 32> seed, Bytes message) {
    const KeyPair pair(seed);
    Signature signature;
    crypto_sign_detached(raw(MutableBytes(signature)), nullptr, raw(message), message.size(), raw(Bytes(pair.secret)));
    return signature;
}

bool verify(const PublicKey& key, Bytes message, const Signature& signature) noexcept {
    return crypto_sign_verify_detached(raw(Bytes(signature)), raw(message), message.size(), raw(Bytes(key))) == 0;
}

} // namespace weightseal::crypto::ed25519
