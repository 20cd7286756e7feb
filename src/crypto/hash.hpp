#pragma once
// SHA-256, HMAC-SHA-256 and HKDF-SHA-256 of libcrypto, which uses the processor's SHA instructions.

#include "weightseal/core/bytes.hpp"
#include "weightseal/core/digest.hpp"

#include <initializer_list>
#include <memory>
#include <string_view>

namespace weightseal::crypto {

using Hash = Digest;

/// SHA-256 of bytes that come in parts. Not thread-safe.
class Sha256 {
  public:
    Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    ~Sha256();
    void add(Bytes part);
    /// The hash of all parts. Once; nothing may be added afterwards.
    [[nodiscard]] Hash finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// SHA-256 of all parts one after the other.
[[nodiscard]] Hash sha256(std::initializer_list<Bytes> parts);

/// HMAC-SHA-256 (RFC 2104).
[[nodiscard]] Hash hmac_sha256(Bytes key, Bytes data);

/// HKDF-Extract (RFC 5869) into `prk`, 32 bytes.
void hkdf_extract(Bytes salt, Bytes key, MutableBytes prk);

/// HKDF-Expand (RFC 5869) into `out`, at most 255 × 32 bytes.
void hkdf_expand(Bytes prk, Bytes info, MutableBytes out);

} // namespace weightseal::crypto
