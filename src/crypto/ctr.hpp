#pragma once
// AES-256-CTR keystream of libcrypto, at any position.

#include "weightseal/core/bytes.hpp"

#include <cstdint>
#include <memory>

namespace weightseal::crypto {

/// The keystream under one key: counter block i, 128 bits big-endian and starting at 0, encrypted (NIST SP 800-38A).
/// Not thread-safe.
class AesCtr {
  public:
    explicit AesCtr(std::span<const std::byte, 32> key);
    AesCtr(const AesCtr&) = delete;
    AesCtr& operator=(const AesCtr&) = delete;
    ~AesCtr();
    /// Keystream bytes from `offset`, a multiple of 16.
    void fill(std::uint64_t offset, MutableBytes to);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace weightseal::crypto
