#include "remote/url.hpp"

#include "core/text.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fmt/format.h>

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_url = 8192;

[[noreturn]] void refuse(const char* what) {
    throw Error(Errc::bad_server_url, "URL", what);
}

std::uint16_t parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) refuse("has no port from 1 to 65535");
    return port;
}

void read_authority(std::string_view text, HttpUrl& url) {
    if (text.find('@') != text.npos) refuse("holds a user or password, which would end up in messages");
    std::size_t host_end = text.find(':');
    if (text.starts_with('[')) {
        host_end = text.find(']');
        if (host_end == text.npos) refuse("has a [ without a ]");
        if (++host_end < text.size() && text[host_end] != ':') refuse("has something other than a port after the ]");
    }
    if (host_end < text.size()) url.port = parse_port(text.substr(host_end + 1));
    url.host = text.substr(0, host_end);
    const std::string_view allowed = text.starts_with('[') ? "[]:." : ".-_";
    for (char& c : url.host) {
        if (!is_alphanumeric(c) && allowed.find(c) == allowed.npos) refuse("has a host that is no name or address");
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (url.host.empty()) refuse("names no host");
}

} // namespace

std::string HttpUrl::authority() const {
    return port == 0 ? host : fmt::format("{}:{}", host, port);
}

std::string HttpUrl::text() const {
    return fmt::format("{}://{}{}{}{}", is_tls ? "https" : "http", authority(), path, query.empty() ? "" : "?", query);
}

HttpUrl parse_http_url(std::string_view text) {
    if (text.size() > longest_url) refuse("is longer than any");
    for (const char c : text)
        if (c <= ' ' || c > '~') refuse("holds a character that a URL must percent-encode");
    HttpUrl url;
    if (text.starts_with("http://"))
        url.is_tls = false;
    else if (!text.starts_with("https://"))
        refuse("starts with neither https:// nor http://");
    text.remove_prefix(url.is_tls ? 8 : 7);
    text = text.substr(0, text.find('#'));
    const std::size_t authority_end = std::min(text.find_first_of("/?"), text.size());
    read_authority(text.substr(0, authority_end), url);
    if (url.port == (url.is_tls ? 443 : 80)) url.port = 0; // as the Host header leaves it out
    text.remove_prefix(authority_end);
    if (const std::size_t question = text.find('?'); question != text.npos) {
        url.query = text.substr(question + 1);
        text = text.substr(0, question);
    }
    if (!text.empty()) url.path = text;
    return url;
}

std::string percent_encoded(std::string_view text, bool keep_slash) {
    std::string encoded;
    for (const char c : text) {
        const bool stays =
            is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
        if (stays)
            encoded += c;
        else
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

} // namespace weightseal::remote
