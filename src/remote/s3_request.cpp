#include "remote/s3_request.hpp"

#include "crypto/codec.hpp"
#include "crypto/hash.hpp"

namespace weightseal::remote {
namespace {

HttpRequest sent(const S3Request& request, std::vector<HttpHeader> headers, const Query& query) {
    HttpUrl url = request.url;
    url.query = canonical_query(query);
    return {request.method, url.text(), std::move(headers), SecretText(request.body)};
}

SigningScope scope_of(const std::string& region) {
    return {.time = signing_time(std::chrono::system_clock::now()), .region = region};
}

} // namespace

HttpRequest signed_request(const S3Request& request, const std::string& region, const Credentials& credentials) {
    const SigningScope scope = scope_of(region);
    const std::string payload_hash = request.body.empty() ? std::string(empty_payload_hash)
                                                          : crypto::to_hex(crypto::sha256({as_bytes(request.body)}));
    std::vector<HttpHeader> headers = request.headers;
    headers.push_back({"x-amz-content-sha256", payload_hash});
    headers.push_back({"x-amz-date", scope.time});
    if (!credentials.token.empty()) headers.push_back({"x-amz-security-token", std::string(credentials.token.view())});
    Signable signable{request.method, request.url.path, request.query, headers, payload_hash};
    signable.headers.push_back({"host", request.url.authority()});
    headers.push_back({"authorization", authorization(signable, scope, credentials)});
    return sent(request, std::move(headers), request.query);
}

HttpRequest presigned_request(const S3Request& request, const std::string& region, const Credentials& credentials,
                              std::chrono::seconds lifetime) {
    Signable signable{request.method, request.url.path, request.query, {{"host", request.url.authority()}}, {}};
    return sent(request, request.headers,
                presigned_query(std::move(signable), scope_of(region), credentials, lifetime));
}

HttpRequest anonymous_request(const S3Request& request) {
    return sent(request, request.headers, request.query);
}

} // namespace weightseal::remote
