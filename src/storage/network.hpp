#pragma once
// Addresses and networks, as conditions have them.

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::storage {

/// "203.0.113.0/24", "2001:db8::/32", or one address.
struct Network {
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = 0;   ///< of the address: 32 or 128
    unsigned prefix = 0; ///< leading bits that count

    [[nodiscard]] static std::optional<Network> parse(std::string_view text) noexcept;
    [[nodiscard]] bool contains(const Network& other) const noexcept;

    /// Whether somebody may call it his own: 8 leading bits of IPv4 or 32 of IPv6 at least.
    [[nodiscard]] bool is_narrow() const noexcept;

    /// The first address.
    [[nodiscard]] Network first() const noexcept;
    /// The address that follows the last one; none at the end of all addresses.
    [[nodiscard]] std::optional<Network> next() const noexcept;
    /// Of its address, without the prefix.
    [[nodiscard]] std::string address() const;
};

/// An address beside the networks it is in.
struct Place {
    std::string address;
    std::string network;       ///< the narrowest, as the text has it; empty: in none
    bool is_first = false;     ///< the first address of that network
    bool is_everybodys = true; ///< that network is too wide to be somebody's own, or there is none
};

/// An address of each kind that texts tell apart, that of the Internet at large first. Networks lie in each other or
/// apart, so that what one has beside those within it holds its first address or the one after some other network.
/// @param texts  networks, and addresses with wildcards
[[nodiscard]] std::vector<Place> places_apart(const std::set<std::string>& texts);

} // namespace weightseal::storage
