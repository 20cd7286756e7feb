#include "guard/shared/server_url.hpp"

#include "weightseal/core/error.hpp"

#include <charconv>
#include <optional>

namespace weightseal::guard {
namespace {

constexpr std::size_t longest_url = 1024;
constexpr std::uint32_t last_database = 65'535;

[[noreturn]] void refuse(const char* what) {
    throw Error(Errc::bad_server_url, "server URL", what);
}

template <class Number>
Number number(std::string_view text, Number most, const char* what) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > most) refuse(what);
    return value;
}

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        unsigned value = 0;
        const char* const first = text.data() + i + 1;
        if (text.size() - i < 3 || std::from_chars(first, first + 2, value, 16).ptr != first + 2 || value == 0)
            refuse("has a % that two hexadecimal digits do not follow");
        decoded += static_cast<char>(value);
        i += 2;
    }
    return decoded;
}

// Takes what stands before `separator` away from `text`, and the separator.
std::optional<std::string_view> take_until(std::string_view& text, std::size_t at) {
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view before = text.substr(0, at);
    text.remove_prefix(at + 1);
    return before;
}

void read_authority(std::string_view text, ServerUrl& url) {
    if (std::optional<std::string_view> who = take_until(text, text.rfind('@'))) {
        if (const auto user = take_until(*who, who->find(':'))) {
            url.user = percent_decoded(*user);
            url.password = percent_decoded(*who);
        } else {
            url.user = percent_decoded(*who);
        }
    }
    if (text.starts_with('[')) {
        const auto host = take_until(text, text.find(']'));
        if (!host) refuse("has a [ without a ]");
        url.host = host->substr(1);
        if (text.empty()) return;
        if (text.front() != ':') refuse("has something other than a port after the ]");
        text.remove_prefix(1);
        url.port = number<std::uint16_t>(text, UINT16_MAX, "has no port from 1 to 65535");
        return;
    }
    if (const auto host = take_until(text, text.find(':'))) {
        url.host = *host;
        url.port = number<std::uint16_t>(text, UINT16_MAX, "has no port from 1 to 65535");
    } else {
        url.host = text;
    }
}

} // namespace

ServerUrl parse_server_url(std::string_view text) {
    if (text.size() > longest_url) refuse("is longer than any");
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == '\x7F') refuse("holds a space or a control character");
    ServerUrl url;
    if (text.starts_with("unix://")) {
        url.transport = Transport::local;
        url.host = text.substr(7);
        if (!url.host.starts_with('/')) refuse("names no absolute path");
        return url;
    }
    if (text.starts_with("redis://"))
        text.remove_prefix(8);
    else if (text.starts_with("rediss://")) {
        url.transport = Transport::tls;
        text.remove_prefix(9);
    } else
        refuse("starts with neither redis://, rediss:// nor unix://");
    std::string_view rest = text;
    if (const auto authority = take_until(rest, text.find('/', text.rfind('@') == text.npos ? 0 : text.rfind('@')))) {
        text = *authority;
        if (!rest.empty()) url.database = number(rest, last_database, "has no number of a database after the /");
    }
    read_authority(text, url);
    if (url.host.empty()) refuse("names no host");
    if (url.port == 0) refuse("has no port from 1 to 65535");
    return url;
}

} // namespace weightseal::guard
