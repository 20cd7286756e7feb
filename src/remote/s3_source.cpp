// Objects of S3.

#include "remote/credential_cache.hpp"
#include "remote/credential_chain.hpp"
#include "remote/environment.hpp"
#include "remote/profile.hpp"
#include "remote/ranged_source.hpp"
#include "remote/s3_location.hpp"
#include "remote/sigv4.hpp"
#include "weightseal/core/error.hpp"

#include <fmt/format.h>

namespace weightseal {
namespace {

using namespace remote;

class S3Object final : public RemoteObject {
  public:
    S3Object(const S3Location& location, const S3Options& options)
        : location_(location), options_(options), name_(fmt::format("s3://{}/{}", location.bucket, location.key)),
          url_(s3_url(location, options.region, options.endpoint)), credentials_(credential_chain(options)) {
        if (!options.version_id.empty()) query_.emplace_back("versionId", options.version_id);
        url_.query = canonical_query(query_);
    }

    [[nodiscard]] const std::string& name() const override { return name_; }
    void prepare() const override { credentials_.refresh(); }

    [[nodiscard]] HttpRequest request(std::vector<HttpHeader> headers) const override {
        const auto credentials = credentials_.current();
        const SigningScope scope{.time = signing_time(std::chrono::system_clock::now()), .region = options_.region};
        headers.push_back({"x-amz-content-sha256", std::string(empty_payload_hash)});
        headers.push_back({"x-amz-date", scope.time});
        if (!options_.expected_owner.empty())
            headers.push_back({"x-amz-expected-bucket-owner", options_.expected_owner});
        if (!credentials->token.empty())
            headers.push_back({"x-amz-security-token", std::string(credentials->token.view())});
        Signable signable{"GET", url_.path, query_, headers, std::string(empty_payload_hash)};
        signable.headers.push_back({"host", url_.authority()});
        headers.push_back({"authorization", authorization(signable, scope, *credentials)});
        return {"GET", url_.text(), std::move(headers)};
    }

    [[nodiscard]] std::shared_ptr<const RemoteObject> fresh() const override {
        return std::make_shared<S3Object>(location_, options_);
    }

  private:
    S3Location location_;
    S3Options options_; // complete
    std::string name_;
    HttpUrl url_;
    std::vector<std::pair<std::string, std::string>> query_;
    mutable CredentialCache credentials_;
};

// What the caller leaves open is as AWS's own tools have it.
S3Options completed(S3Options options) {
    if (options.endpoint.empty()) options.endpoint = environment({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
    if (options.region.empty()) options.region = environment({"AWS_REGION", "AWS_DEFAULT_REGION"});
    if (options.region.empty()) {
        std::string profile = options.profile;
        if (profile.empty()) profile = environment({"AWS_PROFILE", "AWS_DEFAULT_PROFILE"});
        options.region = setting(read_profile(profile.empty() ? "default" : profile), "region");
    }
    // Other makers' servers sign for this one unless they are told otherwise.
    if (options.region.empty() && !options.endpoint.empty()) options.region = "us-east-1";
    if (options.http.authorities.empty()) options.http.authorities = environment({"AWS_CA_BUNDLE", "SSL_CERT_FILE"});
    return options;
}

} // namespace

std::shared_ptr<const ByteSource> s3_source(std::string_view bucket, std::string_view key, const S3Options& options) {
    const S3Location location{std::string(bucket), std::string(key)};
    check(location);
    const S3Options complete = completed(options);
    return ranged_source(std::make_shared<S3Object>(location, complete), complete.http);
}

} // namespace weightseal
