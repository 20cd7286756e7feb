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
    std::string code;    ///< of a refusal: "AccessDenied"
    std::string failure; ///< why there was none

    /// "403 AccessDenied", "no answer: Connection refused".
    [[nodiscard]] std::string words() const;
};

class BucketClient {
  public:
    /// @param options  complete
    /// Throws `bad_bucket`, `bad_region` or `bad_server_url`.
    BucketClient(std::string_view bucket, const S3Options& options);

    [[nodiscard]] BucketAnswer ask(const BucketRequest& request, const Visitor& visitor) const;
    /// Whether the server is asked over HTTPS unless a visitor says otherwise.
    [[nodiscard]] bool has_tls() const noexcept { return has_tls_; }

  private:
    std::string bucket_;
    const S3Options& options_;
    bool has_tls_ = true;
};

/// The first credentials that there are. Throws `key_source_failed` where there are none.
[[nodiscard]] remote::Credentials load_credentials(const S3Options& options);

} // namespace weightseal::storage
