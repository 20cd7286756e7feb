#pragma once
// Text forms of bytes in constant time, by libsodium: base64url without padding, and hexadecimal.

#include "weightseal/core/bytes.hpp"

#include <string>
#include <string_view>

namespace weightseal::crypto {

/// `to` holds exactly the encoded size; no terminator is written.
void to_base64url(Bytes from, std::span<char> to);

/// False unless `text` decodes to exactly `to.size()` bytes.
[[nodiscard]] bool from_base64url(std::string_view text, MutableBytes to) noexcept;

/// Lower case.
[[nodiscard]] std::string to_hex(Bytes from);

/// False unless `text` is what `to_hex` makes of `to.size()` bytes.
[[nodiscard]] bool from_hex(std::string_view text, MutableBytes to) noexcept;

} // namespace weightseal::crypto
