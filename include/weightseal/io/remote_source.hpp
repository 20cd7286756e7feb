#pragma once
// Remote sources: an object in a bucket or on a web server as a byte source, read by ranges, several at once and ahead
// of its readers.

#include "weightseal/io/byte_source.hpp" // ByteSource

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weightseal {

/// How a server is spoken to. Only HTTP/1.1 over TLS 1.2 or later with a verified certificate, except where a URL or
/// endpoint is given that starts with "http://". Redirects are never followed. Proxies are those of the environment.
struct HttpOptions {
    std::string authorities; ///< PEM file of those whose certificates are trusted; empty: those of the system
    std::chrono::milliseconds connect_timeout{5'000}; ///< for a connection with TLS
    std::chrono::seconds stall_timeout{30};           ///< at less than 1 KiB/s for so long, a connection counts as lost
    unsigned connections = 8;                         ///< at once, 1 … 64
    std::uint64_t memory = 64 << 20;                  ///< of blocks kept and on their way, bytes; 16 MiB at least

    // A range that fails by a lost connection, a stall, 429 or 5xx goes on where it stopped, after a random delay of
    // at most `retry_delay`, twice that, four times that and so on.
    unsigned retries = 8; ///< of one range
    std::chrono::milliseconds retry_delay{100};
    std::chrono::seconds retry_time{60}; ///< after its first failure a range is given up
};

/// An object at an "https://" URL, or "http://" where the bytes may be seen by others. The first request is sent here:
/// it tells the size and the ETag that all later answers must be of. Reading is thread-safe. A child of fork may go on,
/// as with a file, by connections of its own.
///
/// Throws, as reading does: `bad_server_url`; `server_unreachable` (no connection, a bad certificate, a stall);
/// `file_not_found`; `server_refused` (401, 403 and other refusals, with the server's own code where it gives one);
/// `server_answer` (an answer that breaks the protocol); `source_changed` (another ETag or size than at first).
[[nodiscard]] std::shared_ptr<const ByteSource> https_source(std::string_view url, const HttpOptions& options = {});

/// An object of S3, or of a server that speaks its protocol. What is left empty comes from where AWS's own tools find
/// it.
struct S3Options {
    std::string region;         ///< AWS_REGION, AWS_DEFAULT_REGION, the profile's
    std::string profile;        ///< of the shared files; the credentials of one that is named here are the only ones
    std::string endpoint;       ///< AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL; empty: that of AWS in the region
    std::string expected_owner; ///< account id; the server refuses a bucket that is somebody else's
    std::string version_id;     ///< of the object; empty: the one there is now. One that is given needs
                                ///< s3:GetObjectVersion
    HttpOptions http;           ///< its authorities: AWS_CA_BUNDLE, SSL_CERT_FILE
};

/// Requests are signed (Signature Version 4) with the first credentials there are: of the environment, a web identity,
/// the profile (keys or credential_process), the container, the instance (metadata version 2 only). A profile that is
/// named, in the options or in AWS_PROFILE, must have some. They are renewed before they expire.
///
/// Throws as `https_source`; `bad_server_url` for a bucket or key that cannot be; `bad_region`; `key_source_failed`
/// where there are no credentials.
[[nodiscard]] std::shared_ptr<const ByteSource> s3_source(std::string_view bucket, std::string_view key,
                                                          const S3Options& options = {});

/// True for what `open_source` takes for the location of a remote object.
[[nodiscard]] bool is_remote(std::string_view location) noexcept;

/// The source at "s3://bucket/key", "https://host/path" or "http://host/path" (authorities: SSL_CERT_FILE), each under
/// default options, or of the file at a path.
[[nodiscard]] std::shared_ptr<const ByteSource> open_source(std::string_view location);

} // namespace weightseal
