#pragma once
// Where an object of S3 is: its bucket, its key, and the URL of both.

#include "remote/url.hpp"

#include <string>
#include <string_view>

namespace weightseal::remote {

struct S3Location {
    std::string bucket;
    std::string key;
};

/// Of "s3://bucket/key". Throws `bad_server_url`.
[[nodiscard]] S3Location parse_s3_location(std::string_view text);

/// Throws `bad_server_url` for names that no bucket or key can have.
void check(const S3Location& location);

/// The URL of an object, without a query. A bucket is part of the host's name, or of the path where there is an
/// explicit `endpoint` or the name has dots, which certificates do not cover. Throws `bad_server_url`; `bad_region` for
/// one that cannot be.
[[nodiscard]] HttpUrl s3_url(const S3Location& location, const std::string& region, const std::string& endpoint);

} // namespace weightseal::remote
