#pragma once
// AWS Signature Version 4, as S3 wants it: the path is encoded once, and its dots stay.

#include "remote/credentials.hpp"
#include "remote/request.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weightseal::remote {

using Query = std::vector<std::pair<std::string, std::string>>; ///< names and values, not encoded

/// What is signed of a request.
struct Signable {
    std::string method = "GET";
    std::string path = "/"; ///< percent-encoded
    Query query;
    std::vector<HttpHeader> headers; ///< all that are to be signed; Host must be one
    std::string payload_hash;        ///< of the body: SHA-256 in hexadecimal
};

/// Where and when a signature holds.
struct SigningScope {
    std::string time; ///< "20130524T000000Z"
    std::string region;
    std::string service = "s3";
};

/// SHA-256 of nothing, which requests without a body have for their payload.
inline constexpr std::string_view empty_payload_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

[[nodiscard]] std::string signing_time(Time time);

/// The query string in the order that is signed, percent-encoded.
[[nodiscard]] std::string canonical_query(Query query);
[[nodiscard]] std::string canonical_request(const Signable& request);

/// The value of the Authorization header.
[[nodiscard]] std::string authorization(const Signable& request, const SigningScope& scope,
                                        const Credentials& credentials);

/// The query of a URL that works for `lifetime` without an Authorization header, whatever the body is.
[[nodiscard]] Query presigned_query(Signable request, const SigningScope& scope, const Credentials& credentials,
                                    std::chrono::seconds lifetime);

} // namespace weightseal::remote
