#pragma once
// URLs of web servers, and percent-encoding.

#include <cstdint>
#include <string>
#include <string_view>

namespace weightseal::remote {

/// The parts of "https://host:port/path?query".
struct HttpUrl {
    bool is_tls = true;
    std::string host;       ///< in lower case; an address of IPv6 with its brackets
    std::uint16_t port = 0; ///< 0: that of the scheme
    std::string path = "/"; ///< as it was given, percent-encoded
    std::string query;      ///< likewise, without '?'

    /// "host" or "host:port", as the Host header has it.
    [[nodiscard]] std::string authority() const;
    [[nodiscard]] std::string text() const;
};

/// Throws `bad_server_url`. A user or password in a URL is refused: URLs end up in messages.
[[nodiscard]] HttpUrl parse_http_url(std::string_view text);

/// Percent-encodes what is not unreserved (RFC 3986), with upper-case digits; '/' stays where `keep_slash`.
[[nodiscard]] std::string percent_encoded(std::string_view text, bool keep_slash);

} // namespace weightseal::remote
