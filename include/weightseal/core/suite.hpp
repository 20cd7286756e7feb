#pragma once
// Cipher suites: which AEAD a container uses, and what runs it here.

#include <cstdint>
#include <string_view>

namespace weightseal {

/// Cipher suites. The numbers are stored in containers.
enum class Suite : std::uint8_t { aes_256_gcm = 1, chacha20_poly1305 = 2 };

/// "AES-256-GCM" or "ChaCha20-Poly1305".
[[nodiscard]] std::string_view suite_name(Suite suite) noexcept;

/// The implementation that runs a suite on this processor: "libcrypto" or "ipsec-mb". The environment variable
/// WEIGHTSEAL_FORCE_KERNEL, read once, chooses one for tests and measurements.
[[nodiscard]] std::string_view suite_kernel(Suite suite);

} // namespace weightseal
