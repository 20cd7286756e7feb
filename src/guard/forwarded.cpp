// X-Forwarded-For and Forwarded, from the right: there stand the entries of the server's own proxies. Everything left
// of them, quotes included, may be the client's invention, so nothing is ever read from the left.

#include "core/text.hpp"
#include "weightseal/guard/client_key.hpp"

#include <algorithm>

namespace weightseal {
namespace {

constexpr std::string_view space = " \t"; // no other in HTTP

bool is_escaped(std::string_view text, std::size_t at) noexcept {
    std::size_t backslashes = 0;
    while (backslashes < at && text[at - 1 - backslashes] == '\\')
        ++backslashes;
    return backslashes % 2 != 0;
}

// Cuts off what stands right of the last separator, one inside quotes excepted. Nothing if a quote is never closed.
std::optional<std::string_view> take_last(std::string_view& text, char separator, bool has_quotes) noexcept {
    bool quoted = false;
    for (std::size_t at = text.size(); at-- > 0;) {
        if (has_quotes && text[at] == '"' && !is_escaped(text, at)) quoted = !quoted;
        if (quoted || text[at] != separator) continue;
        const std::string_view last = text.substr(at + 1);
        text = text.substr(0, at);
        return last;
    }
    if (quoted) return std::nullopt;
    const std::string_view last = text;
    text = {};
    return last;
}

bool is_for(std::string_view name) noexcept {
    return name.size() == 3 && (name[0] | 0x20) == 'f' && (name[1] | 0x20) == 'o' && (name[2] | 0x20) == 'r';
}

// The `for` of an element of Forwarded, such as: for="[2001:db8::1]:443";proto=https
std::optional<Address> forwarded_for(std::string_view element) noexcept {
    std::optional<Address> found;
    while (!element.empty()) {
        const std::optional<std::string_view> pair = take_last(element, ';', true);
        if (!pair) return std::nullopt;
        const std::string_view text = trimmed(*pair, space);
        const std::size_t equals = text.find('=');
        if (equals == text.npos || !is_for(text.substr(0, equals))) continue;
        std::string_view value = text.substr(equals + 1);
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
        if (found) return std::nullopt;
        found = Address::parse(value); // also nothing for "unknown" and "_hidden"
        if (!found) return std::nullopt;
    }
    return found;
}

} // namespace

Address client_address(const Address& peer, std::string_view value, ForwardedHeader header,
                       std::span<const Network> trusted_proxies) noexcept {
    Address address = peer;
    const auto is_trusted = [&] {
        return std::ranges::any_of(trusted_proxies, [&](const Network& network) { return network.contains(address); });
    };
    if (!is_trusted()) return address;
    while (!value.empty()) {
        const std::optional<std::string_view> entry = take_last(value, ',', header == ForwardedHeader::forwarded);
        if (!entry) break;
        const std::string_view text = trimmed(*entry, space);
        if (text.empty()) continue; // lists of HTTP may hold empty entries
        const std::optional<Address> next =
            header == ForwardedHeader::forwarded ? forwarded_for(text) : Address::parse(text);
        if (!next) break;
        address = *next;
        if (!is_trusted()) break;
    }
    return address;
}

} // namespace weightseal
