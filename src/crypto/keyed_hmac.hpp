#pragma once
// HMAC-SHA-256 of libsodium for many short messages under one key, which is prepared once.

#include "weightseal/core/bytes.hpp"
#include "weightseal/core/digest.hpp"

#include <array>
#include <span>

namespace weightseal::crypto {

/// Thread-safe once it has a key, which it wipes in the end.
class KeyedHmac {
  public:
    KeyedHmac() noexcept = default;
    KeyedHmac(const KeyedHmac&) = delete;
    KeyedHmac& operator=(const KeyedHmac&) = delete;
    ~KeyedHmac();

    void set_key(std::span<const std::byte, 32> key) noexcept;
    /// The same as `hmac_sha256`.
    [[nodiscard]] Digest of(Bytes data) const noexcept;

  private:
    std::array<std::byte, 208> state_{}; ///< libsodium's
};

} // namespace weightseal::crypto
