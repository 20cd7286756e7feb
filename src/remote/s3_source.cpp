// Objects of S3.

#include "remote/credential_cache.hpp"
#include "remote/credential_chain.hpp"
#include "remote/ranged_source.hpp"
#include "remote/s3_location.hpp"
#include "remote/s3_options.hpp"
#include "remote/s3_request.hpp"
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
    }

    [[nodiscard]] const std::string& name() const override { return name_; }
    void prepare() const override { credentials_.refresh(); }

    [[nodiscard]] HttpRequest request(std::vector<HttpHeader> headers) const override {
        if (!options_.expected_owner.empty())
            headers.push_back({"x-amz-expected-bucket-owner", options_.expected_owner});
        return signed_request({.url = url_, .query = query_, .headers = std::move(headers)}, options_.region,
                              *credentials_.current());
    }

    [[nodiscard]] std::shared_ptr<const RemoteObject> fresh() const override {
        return std::make_shared<S3Object>(location_, options_);
    }

  private:
    S3Location location_;
    S3Options options_; // complete
    std::string name_;
    HttpUrl url_;
    Query query_;
    mutable CredentialCache credentials_;
};

} // namespace

std::shared_ptr<const ByteSource> s3_source(std::string_view bucket, std::string_view key, const S3Options& options) {
    const S3Location location{std::string(bucket), std::string(key)};
    check(location);
    const S3Options complete = completed(options);
    return ranged_source(std::make_shared<S3Object>(location, complete), complete.http);
}

} // namespace weightseal
