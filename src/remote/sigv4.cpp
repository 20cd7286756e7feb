#include "remote/sigv4.hpp"

#include "crypto/codec.hpp"
#include "crypto/hash.hpp"
#include "remote/url.hpp"

#include <algorithm>
#include <array>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace weightseal::remote {
namespace {

// Without spaces at the ends, and with one where there are several.
std::string canonical_value(std::string_view value) {
    std::string result;
    for (const char c : value) {
        if (c == ' ' && (result.empty() || result.back() == ' ')) continue;
        result += c;
    }
    if (result.ends_with(' ')) result.pop_back();
    return result;
}

std::vector<HttpHeader> sorted(std::vector<HttpHeader> headers) {
    std::ranges::stable_sort(headers, {}, &HttpHeader::name);
    return headers;
}

std::string names_of(const std::vector<HttpHeader>& sorted_headers) {
    std::string names;
    for (const HttpHeader& header : sorted_headers) {
        if (!names.empty()) names += ';';
        names += header.name;
    }
    return names;
}

// HMAC of what is a key in turn; wiped.
struct DerivedKey {
    crypto::Hash bytes;
    DerivedKey(Bytes key, std::string_view text) : bytes(crypto::hmac_sha256(key, as_bytes(text))) {}
    DerivedKey(const DerivedKey&) = delete;
    DerivedKey& operator=(const DerivedKey&) = delete;
    ~DerivedKey() { wipe(bytes); }
};

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string text_of(const SigningScope& scope) {
    return fmt::format("{}/{}/{}/aws4_request", scope.time.substr(0, 8), scope.region, scope.service);
}

std::string signature(const Signable& request, const SigningScope& scope, const Credentials& credentials) {
    constexpr std::string_view prefix = "AWS4";
    const std::string_view secret = credentials.secret.view();
    AlignedBuffer first(prefix.size() + secret.size(), {.huge_pages = false, .wipe = true});
    std::ranges::copy(as_bytes(prefix), first.data());
    std::ranges::copy(as_bytes(secret), first.data() + prefix.size());
    const DerivedKey date(first.bytes(), scope.time.substr(0, 8));
    const DerivedKey region(date.bytes, scope.region);
    const DerivedKey service(region.bytes, scope.service);
    const DerivedKey key(service.bytes, "aws4_request");
    const std::string canonical = canonical_request(request);
    const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", algorithm, scope.time, text_of(scope),
                                            crypto::to_hex(crypto::sha256({as_bytes(canonical)})));
    return crypto::to_hex(crypto::hmac_sha256(key.bytes, as_bytes(to_sign)));
}

} // namespace

std::string signing_time(Time time) {
    return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(time));
}

std::string canonical_query(Query query) {
    for (auto& [name, value] : query) {
        name = percent_encoded(name, false);
        value = percent_encoded(value, false);
    }
    std::ranges::sort(query);
    std::string text;
    for (const auto& [name, value] : query)
        text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
    return text;
}

std::string canonical_request(const Signable& request) {
    const std::vector<HttpHeader> headers = sorted(request.headers);
    std::string lines;
    for (const HttpHeader& header : headers)
        lines += fmt::format("{}:{}\n", header.name, canonical_value(header.value));
    return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path, canonical_query(request.query), lines,
                       names_of(headers), request.payload_hash);
}

std::string authorization(const Signable& request, const SigningScope& scope, const Credentials& credentials) {
    return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", algorithm, credentials.key_id,
                       text_of(scope), names_of(sorted(request.headers)), signature(request, scope, credentials));
}

Query presigned_query(Signable request, const SigningScope& scope, const Credentials& credentials,
                      std::chrono::seconds lifetime) {
    request.payload_hash = "UNSIGNED-PAYLOAD";
    request.query.emplace_back("X-Amz-Algorithm", algorithm);
    request.query.emplace_back("X-Amz-Credential", credentials.key_id + '/' + text_of(scope));
    request.query.emplace_back("X-Amz-Date", scope.time);
    request.query.emplace_back("X-Amz-Expires", fmt::format("{}", lifetime.count()));
    if (!credentials.token.empty()) request.query.emplace_back("X-Amz-Security-Token", credentials.token.view());
    request.query.emplace_back("X-Amz-SignedHeaders", names_of(sorted(request.headers)));
    request.query.emplace_back("X-Amz-Signature", signature(request, scope, credentials));
    return std::move(request.query);
}

} // namespace weightseal::remote
