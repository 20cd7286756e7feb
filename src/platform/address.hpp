#pragma once
// Text of addresses of the Internet, read by the C library.

#include <cstdint>
#include <span>
#include <string_view>

namespace weightseal::platform {

/// Exactly "192.0.2.1"; false for anything else.
[[nodiscard]] bool parse_ipv4(std::string_view text, std::span<std::uint8_t, 4> to) noexcept;
/// Exactly "2001:db8::1" or another form of RFC 4291, without zone; false for anything else.
[[nodiscard]] bool parse_ipv6(std::string_view text, std::span<std::uint8_t, 16> to) noexcept;

} // namespace weightseal::platform
