#include "storage/live/bucket_client.hpp"

#include "remote/credential_cache.hpp"
#include "remote/credential_chain.hpp"
#include "remote/judge.hpp"
#include "remote/s3_location.hpp"
#include "remote/small_request.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

constexpr std::chrono::seconds timeout{10};
constexpr std::chrono::seconds lifetime{60}; // of a presigned URL
constexpr std::size_t longest_version = 1024;

} // namespace

std::string BucketAnswer::words() const {
    if (status == 0) return "no answer: " + failure;
    return fmt::format("{}{}{}", status, code.empty() ? "" : " ", code);
}

BucketClient::BucketClient(std::string_view bucket, const S3Options& options) : bucket_(bucket), options_(options) {
    const remote::S3Location any{bucket_, "key"};
    remote::check(any);
    const remote::HttpUrl url = remote::s3_url(any, options.region, options.endpoint);
    has_tls_ = url.is_tls;
    has_plain_ = !url.is_tls || url.port == 0;
}

BucketAnswer BucketClient::ask(const BucketRequest& request, const Visitor& visitor) const {
    remote::S3Request asked{.method = request.method,
                            .url = remote::s3_url({bucket_, request.key}, options_.region, options_.endpoint),
                            .query = request.query,
                            .body = request.body};
    asked.url.is_tls = visitor.is_tls;
    asked.headers = request.headers;
    remote::HttpRequest sent;
    if (visitor.signing == Signing::header) {
        if (!options_.expected_owner.empty())
            asked.headers.push_back({"x-amz-expected-bucket-owner", options_.expected_owner});
        sent = remote::signed_request(asked, options_.region, *visitor.credentials);
    } else if (visitor.signing == Signing::query) {
        sent = remote::presigned_request(asked, options_.region, *visitor.credentials, lifetime);
    } else {
        sent = remote::anonymous_request(asked);
    }
    const remote::SmallAnswer answer = remote::ask(sent, options_.http, timeout, false);
    return {.status = answer.status,
            .body = std::string(answer.body.view()),
            .code = answer.status >= 300 ? remote::s3_error_code(answer.body.view()) : std::string(),
            .failure = answer.failure,
            .version_id = answer.version_id.size() <= longest_version ? answer.version_id : std::string()};
}

remote::Credentials load_credentials(const S3Options& options) {
    remote::CredentialCache cache(remote::credential_chain(options));
    cache.refresh();
    return *cache.current();
}

} // namespace weightseal::storage
