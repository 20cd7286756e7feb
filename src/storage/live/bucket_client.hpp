#pragma once
// Requests about one bucket of S3, and their answers.

#include "remote/credentials.hpp"
#include "remote/s3_request.hpp"
#include "storage/targets.hpp"
#include "weightseal/io/remote_source.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace weightseal::storage {

struct BucketRequest {
    std::string method = "GET";
    std::string key{}; ///< empty: the bucket itself
    remote::Query query{};
    std::vector<remote::HttpHeader> headers{}; ///< none of "x-amz-…", which a presigned URL would have to sign
    std::string body{};
};

/// Who asks, and how.
struct Visitor {
    Signing signing = Signing::header;
    const remote::Credentials* credentials = nullptr; ///< null: nobody
    bool is_tls = true;
};

struct BucketAnswer {
    unsigned status = 0; ///< 0: there was none
    std::string body;
    std::string code;       ///< of a refusal: "AccessDenied"
    std::string failure;    ///< why there was none
    std::string version_id; ///< of an object that was written to a bucket with versions

    [[nodiscard]] bool is_success() const noexcept { return status >= 200 && status < 300; }
    /// What S3 answers to those who have no right to what they ask for, and to nothing else.
    [[nodiscard]] bool is_denied() const noexcept { return status == 403 && code == "AccessDenied"; }
    /// "403 AccessDenied", "no answer: Connection refused".
    [[nodiscard]] std::string words() const;
};

class BucketClient {
  public:
    /// @param options  complete
    /// Throws `bad_region` or `bad_server_url`.
    BucketClient(std::string_view bucket, const S3Options& options);

    [[nodiscard]] BucketAnswer ask(const BucketRequest& request, const Visitor& visitor) const;
    /// Whether the endpoint is one of HTTPS.
    [[nodiscard]] bool has_tls() const noexcept { return has_tls_; }
    /// Whether it is known where it answers over plain HTTP: not beside a port of its own.
    [[nodiscard]] bool has_plain() const noexcept { return has_plain_; }

  private:
    std::string bucket_;
    S3Options options_;
    bool has_tls_ = true, has_plain_ = true;
};

/// The first credentials that there are. Throws `key_source_failed` where there are none, or they have expired.
[[nodiscard]] remote::Credentials load_credentials(const S3Options& options);

} // namespace weightseal::storage
