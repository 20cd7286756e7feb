// Sources by where they are.

#include "remote/environment.hpp"
#include "remote/s3_location.hpp"
#include "weightseal/io/remote_source.hpp"

namespace weightseal {

bool is_remote(std::string_view location) noexcept {
    return location.starts_with("s3://") || location.starts_with("https://") || location.starts_with("http://");
}

std::shared_ptr<const ByteSource> open_source(std::string_view location) {
    if (!is_remote(location)) return file_source(location);
    if (location.starts_with("s3://")) {
        const remote::S3Location object = remote::parse_s3_location(location);
        return s3_source(object.bucket, object.key);
    }
    HttpOptions options;
    options.authorities = remote::environment({"SSL_CERT_FILE"});
    return https_source(location, options);
}

} // namespace weightseal
