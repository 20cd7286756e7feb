// Addresses and networks: every form that sockets and headers have.

#include "platform/address.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/guard/client_key.hpp"

#include <algorithm>
#include <charconv>

namespace weightseal {
namespace {

using Bytes16 = std::array<std::uint8_t, 16>;

// ::ffff:0:0/96, how sockets show IPv4, and 64:ff9b::/96, how NAT64 does (RFC 6052).
constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::array<std::uint8_t, 12> nat64{0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0};

Address of_v6(const Bytes16& bytes) noexcept {
    const std::span<const std::uint8_t> head = std::span(bytes).first(12);
    Address address;
    if (std::ranges::equal(head, mapped) || std::ranges::equal(head, nat64)) {
        std::copy_n(bytes.begin() + 12, 4, address.bytes.begin());
        return address;
    }
    return {bytes, true};
}

bool is_port(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<Address> parse_v6(std::string_view text) noexcept {
    Bytes16 bytes{};
    if (const std::size_t zone = text.find('%'); zone != text.npos) {
        if (zone + 1 == text.size()) return std::nullopt;
        text = text.substr(0, zone);
    }
    if (!platform::parse_ipv6(text, bytes)) return std::nullopt;
    return of_v6(bytes);
}

std::optional<Address> parse_v4(std::string_view text) noexcept {
    Address address;
    if (!platform::parse_ipv4(text, std::span(address.bytes).first<4>())) return std::nullopt;
    return address;
}

} // namespace

std::optional<Address> Address::parse(std::string_view text) noexcept {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == text.npos) return std::nullopt;
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && !(rest.starts_with(':') && is_port(rest.substr(1)))) return std::nullopt;
        return parse_v6(text.substr(1, end - 1));
    }
    const std::size_t colon = text.find(':');
    if (colon == text.npos) return parse_v4(text);
    if (text.find(':', colon + 1) != text.npos) return parse_v6(text);
    return is_port(text.substr(colon + 1)) ? parse_v4(text.substr(0, colon)) : std::nullopt;
}

std::optional<Address> Address::from_bytes(Bytes bytes) noexcept {
    Bytes16 copy{};
    if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
    std::ranges::transform(bytes, copy.begin(), [](std::byte b) { return static_cast<std::uint8_t>(b); });
    if (bytes.size() == 4) return Address{copy, false};
    return of_v6(copy);
}

Network Network::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view head = text.substr(0, slash);
    // A network is written without port, brackets or zone.
    const bool plain = head.find_first_of("[]%") == head.npos && std::ranges::count(head, ':') != 1;
    const std::optional<Address> address = plain ? Address::parse(head) : std::nullopt;
    if (!address) throw Error(Errc::bad_address, text, "is no address of the Internet");
    Network network{*address, address->is_v6 ? 128U : 32U};
    if (slash == text.npos) return network;
    const std::string_view digits = text.substr(slash + 1);
    unsigned prefix = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    // IPv4 inside IPv6 counts its bits from the start of the IPv6 address.
    const unsigned before = !address->is_v6 && head.find(':') != head.npos ? 96 : 0;
    if (error != std::errc() || end != digits.data() + digits.size() || prefix < before ||
        prefix - before > network.prefix)
        throw Error(Errc::bad_address, text, "has no prefix length of its kind of address");
    network.prefix = prefix - before;
    return network;
}

bool Network::contains(const Address& other) const noexcept {
    if (other.is_v6 != address.is_v6) return false;
    const std::size_t whole = prefix / 8;
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                    other.bytes.begin()))
        return false;
    if (prefix % 8 == 0) return true;
    const unsigned differing = static_cast<unsigned>(address.bytes[whole] ^ other.bytes[whole]);
    return differing >> (8 - prefix % 8) == 0;
}

} // namespace weightseal
