#include "remote/s3_options.hpp"

#include "remote/environment.hpp"
#include "remote/profile.hpp"

namespace weightseal::remote {

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

} // namespace weightseal::remote
