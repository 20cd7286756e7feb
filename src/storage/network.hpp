#pragma once
// Addresses and networks, as conditions have them.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weightseal::storage {

/// "203.0.113.0/24", "2001:db8::/32", or one address.
struct Network {
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = 0;   ///< of the address: 32 or 128
    unsigned prefix = 0; ///< leading bits that count

    [[nodiscard]] static std::optional<Network> parse(std::string_view text) noexcept;
    [[nodiscard]] bool contains(const Network& other) const noexcept;
};

} // namespace weightseal::storage
