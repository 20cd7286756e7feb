#pragma once
// Client keys: who a request is charged to. Names and addresses are hashed with a secret key before they are kept.

#include "weightseal/core/bytes.hpp"   // Bytes
#include "weightseal/guard/limits.hpp" // tier_count

#include <array>       // std::array
#include <cstdint>     // std::uint64_t
#include <optional>    // std::optional
#include <span>        // std::span
#include <string_view> // std::string_view

namespace weightseal {

/// An address of the Internet. IPv4 inside IPv6 (::ffff:0:0/96, and 64:ff9b::/96 of NAT64, RFC 6052) is IPv4, so that
/// a client has one address however it comes.
struct Address {
    std::array<std::uint8_t, 16> bytes{}; ///< network order; IPv4 fills the first 4
    bool is_v6 = false;

    bool operator==(const Address&) const = default;

    /// Text as sockets and headers have it: "192.0.2.1", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]:443",
    /// "fe80::1%eth0". Empty for anything else. Neither allocates nor throws.
    [[nodiscard]] static std::optional<Address> parse(std::string_view text) noexcept;
    /// 4 bytes, or 16 bytes of IPv6.
    [[nodiscard]] static std::optional<Address> from_bytes(Bytes bytes) noexcept;
};

/// A range of addresses.
struct Network {
    Address address;
    unsigned prefix = 0; ///< leading bits that count

    /// "10.0.0.0/8", "2001:db8::/32", or one address. Throws `bad_address`.
    [[nodiscard]] static Network parse(std::string_view text);
    [[nodiscard]] bool contains(const Address& address) const noexcept;
};

/// Which header a server's proxies write. Only one of them: clients can send the other one themselves.
enum class ForwardedHeader : std::uint8_t {
    x_forwarded_for = 0, ///< X-Forwarded-For
    forwarded = 1,       ///< Forwarded (RFC 7239)
};

/// The client's address, as the trusted proxies tell it. Starts with `peer`, the address of the connection; as long as
/// that is a trusted proxy, it steps to the address which the proxy added: the header is read from the right, and
/// what lies left of the first address that is no trusted proxy is the client's own invention. An entry that is no
/// address ends the search: the proxy that let it through is charged. Neither allocates nor throws.
/// @param value  the header's lines joined by ", ", as HTTP allows; empty: no header
[[nodiscard]] Address client_address(const Address& peer, std::string_view value, ForwardedHeader header,
                                     std::span<const Network> trusted_proxies) noexcept;

/// Who sends a request, as far as the server knows. Names are any bytes.
struct Client {
    std::optional<std::string_view> name; ///< an API key or account: tier `client`
    std::optional<Address> address;       ///< tiers `address`, `network_56` and `network_48`
    std::optional<std::string_view> pool; ///< tier `pool`
};

/// A client's hashes, one for each tier it belongs to: what the guard knows it by. Made by `Guard::identify`, and
/// meaningless to any other guard.
struct ClientKey {
    std::array<std::uint64_t, tier_count> hashes{};
    std::uint8_t tiers = 0; ///< bit t: `hashes[t]` is set

    bool operator==(const ClientKey&) const = default;
};

} // namespace weightseal
