#pragma once
// base64url without padding, in constant time, by libsodium.

#include "weightseal/core/bytes.hpp"

#include <string_view>

namespace weightseal::crypto {

/// `to` holds exactly the encoded size; no terminator is written.
void to_base64url(Bytes from, std::span<char> to);

/// False unless `text` decodes to exactly `to.size()` bytes.
[[nodiscard]] bool from_base64url(std::string_view text, MutableBytes to) noexcept;

} // namespace weightseal::crypto
