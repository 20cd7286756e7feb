#include "remote/s3_location.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::remote {
namespace {

constexpr std::string_view scheme = "s3://";
constexpr std::size_t longest_key = 1024;

bool is_lower_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

void check_region(const std::string& region) {
    const auto fits = [](char c) { return is_lower_or_digit(c) || c == '-'; };
    if (region.empty() || region.size() > 64 || !std::ranges::all_of(region, fits))
        throw Error(Errc::bad_region, "region",
                    region.empty() ? "none is known: AWS_REGION or the profile's region gives it" : "is none of AWS");
}

} // namespace

S3Location parse_s3_location(std::string_view text) {
    if (!text.starts_with(scheme)) throw Error(Errc::bad_server_url, "location", "does not start with s3://");
    text.remove_prefix(scheme.size());
    const std::size_t slash = std::min(text.find('/'), text.size());
    S3Location location{std::string(text.substr(0, slash)), std::string(text.substr(std::min(slash + 1, text.size())))};
    check(location);
    return location;
}

void check(const S3Location& location) {
    const std::string& bucket = location.bucket;
    const auto fits = [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; };
    if (bucket.size() < 3 || bucket.size() > 63 || !std::ranges::all_of(bucket, fits) ||
        !is_lower_or_digit(bucket.front()) || !is_lower_or_digit(bucket.back()))
        throw Error(Errc::bad_server_url, "location", "names a bucket that no bucket can be called");
    if (location.key.empty()) throw Error(Errc::bad_server_url, "location", "names no object in the bucket");
    if (location.key.size() > longest_key)
        throw Error(Errc::bad_server_url, "location", "names an object by more than 1024 bytes");
}

HttpUrl s3_url(const S3Location& location, const std::string& region, const std::string& endpoint) {
    check_region(region);
    const std::string key = "/" + percent_encoded(location.key, true);
    if (!endpoint.empty()) {
        HttpUrl url = parse_http_url(endpoint);
        if (!url.query.empty()) throw Error(Errc::bad_server_url, "endpoint", "has a query");
        while (url.path.ends_with('/'))
            url.path.pop_back();
        url.path += "/" + location.bucket + key;
        return url;
    }
    HttpUrl url;
    url.host = fmt::format("s3.{}.amazonaws.com{}", region, region.starts_with("cn-") ? ".cn" : "");
    url.path = key;
    if (location.bucket.find('.') == std::string::npos)
        url.host = location.bucket + "." + url.host;
    else
        url.path = "/" + location.bucket + key;
    return url;
}

} // namespace weightseal::remote
