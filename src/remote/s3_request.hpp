#pragma once
// Requests to S3: signed by a header, by their URL, or not at all.

#include "remote/sigv4.hpp"
#include "remote/url.hpp"

namespace weightseal::remote {

struct S3Request {
    std::string method = "GET";
    HttpUrl url; ///< of `s3_url`
    Query query{};
    std::vector<HttpHeader> headers{};
    std::string body{};
};

[[nodiscard]] HttpRequest signed_request(const S3Request& request, const std::string& region,
                                         const Credentials& credentials);

/// By the URL, which works for `lifetime`; its headers are not signed.
[[nodiscard]] HttpRequest presigned_request(const S3Request& request, const std::string& region,
                                            const Credentials& credentials, std::chrono::seconds lifetime);

[[nodiscard]] HttpRequest anonymous_request(const S3Request& request);

} // namespace weightseal::remote
