#pragma once
// A time-stamping authority of tests: a root, and a certificate of it that signs at whatever time a test wants.

#include "support/files.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace weightseal::testing {

/// How an authority is set up or signs: as RFC 3161 wants it, unless a test spoils something.
struct AuthorityOptions {
    const char* usage = "critical,timeStamping"; ///< extended key usage of the signing certificate
    int rsa_bits = 0;                            ///< of the signing key; 0: P-256
    const char* certificate_hash = "SHA256";     ///< that the root signs the certificate with
    std::int64_t valid_from = 0, valid_to = 0;   ///< of both certificates
};

struct StampOptions {
    const char* hash = "SHA256";   ///< that the stamp is signed over
    const char* imprint = nullptr; ///< name of another hash that the imprint claims to be of
    bool with_nonce = true;        ///< that of the request
    bool with_certificate = true;
    bool names_certificate = true; ///< the ESS attribute
    long version = 1;
    int status = 0;
    bool with_token = true;
};

class Authority {
  public:
    explicit Authority(const AuthorityOptions& options);
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;
    ~Authority();

    [[nodiscard]] std::string root() const;        ///< PEM
    [[nodiscard]] std::string certificate() const; ///< PEM, of the one that signs
    /// The TimeStampResp to a TimeStampReq, at this time.
    [[nodiscard]] Data answer(Bytes request, std::int64_t seconds, const StampOptions& options = {}) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The policy under which an `Authority` answers.
inline constexpr const char* policy_of_tests = "1.2.3.4.1";

/// A TimeStampReq as `request`, but asking for this policy.
[[nodiscard]] Data with_policy(Bytes request, const char* policy);

} // namespace weightseal::testing
