#pragma once
// AEAD and keystream of two well-kept libraries: libcrypto everywhere, libipsec-mb where it is faster.

#include "weightseal/core/bytes.hpp"
#include "weightseal/core/suite.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace weightseal::crypto {

inline constexpr std::size_t tag_size = 16;

/// A nonce of 96 bits: 0³² ‖ be64(number).
struct Nonce {
    std::uint64_t number = 0;
};

enum class Direction { encrypt, decrypt };

/// An AEAD in one direction under changing keys. Holds an expanded key, wiped on release. Not thread-safe.
class Aead {
  public:
    virtual ~Aead() = default;

    /// The implementation, for `weightseal version --kernels`.
    [[nodiscard]] virtual std::string_view kernel() const noexcept = 0;

    virtual void set_key(std::span<const std::byte, 32> key) = 0;

    /// Encrypts `plain` into `cipher` (same size; may be the same memory) and writes the tag.
    virtual void encrypt(Nonce nonce, Bytes plain, std::byte* cipher, std::span<std::byte, tag_size> tag) = 0;

    /// Decrypts `cipher` into `plain` (same size; may be the same memory). False when the tag is wrong: `plain` holds
    /// unverified bytes then, which the caller must overwrite.
    [[nodiscard]] virtual bool decrypt(Nonce nonce, Bytes cipher, std::byte* plain,
                                       std::span<const std::byte, tag_size> tag) = 0;
};

/// The fastest kernel of this build and processor, or the one that WEIGHTSEAL_FORCE_KERNEL names.
[[nodiscard]] std::unique_ptr<Aead> make_aead(Suite suite, Direction direction);

/// AES-256-GCM and ChaCha20-Poly1305 of libcrypto, everywhere.
[[nodiscard]] std::unique_ptr<Aead> make_libcrypto_aead(Suite suite, Direction direction);

/// AES-256-GCM of libipsec-mb, which uses VAES and VPCLMULQDQ on 512 bits where libcrypto 3.0 does not: twice as fast.
/// Null when this build or this processor does not have it.
[[nodiscard]] std::unique_ptr<Aead> make_ipsec_mb_aead(Suite suite, Direction direction);

/// Writes the keystream of the suite's plain cipher, from its beginning: AES-256-CTR with initial counter block
/// be64(number) ‖ 0⁶⁴, or ChaCha20 with nonce 0³² ‖ be64(number) and block counter 0.
void keystream(Suite suite, std::span<const std::byte, 32> key, std::uint64_t number, MutableBytes to);

} // namespace weightseal::crypto
