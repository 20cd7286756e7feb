#pragma once
// Time-stamps (RFC 3161) by the TS functions of libcrypto, which check certificate chains and signatures as `openssl
// ts` does.

#include "crypto/hash.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weightseal::crypto::rfc3161 {

/// A TimeStampReq, DER: of this SHA-256, with a fresh nonce of 64 bits, asking for the authority's certificate.
[[nodiscard]] std::vector<std::byte> make_request(const Hash& imprint);

/// A TimeStampResp that grants a time-stamp; untrusted until it is verified.
class Response {
  public:
    /// Throws `timestamp_malformed`.
    explicit Response(Bytes der);
    Response(const Response&) = delete;
    Response& operator=(const Response&) = delete;
    ~Response();

    [[nodiscard]] bool is_of(const Hash& imprint) const;
    /// Demands the nonce and the policy of this TimeStampReq, DER, where it has them. Throws `timestamp_malformed` (the
    /// request is none), `timestamp_mismatch`.
    void require_answer_to(Bytes request) const;
    /// The time it claims, since 1970-01-01T00:00:00Z.
    [[nodiscard]] std::int64_t seconds() const noexcept { return seconds_; }
    /// Verifies the signature up to one of the certificates in `authorities`, PEM, all at the time of the stamp: later
    /// they may have expired. The subject of the certificate that signed it. Throws `timestamp_untrusted`.
    [[nodiscard]] std::string verify(Bytes authorities) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
    std::int64_t seconds_ = 0;
};

} // namespace weightseal::crypto::rfc3161
