#pragma once
// The text form that secret and public keys share: "wseal_" ‖ kind ‖ "_" ‖ base64url of the 32 bytes and of the first 4
// of SHA-256("weightseal/v1/key/" ‖ kind ‖ the 32 bytes).

#include "weightseal/core/bytes.hpp"

#include <string>
#include <string_view>

namespace weightseal::key_text {

/// Characters after the prefix.
inline constexpr std::size_t encoded_size = 48;

/// "wseal_" ‖ kind ‖ "_".
[[nodiscard]] std::string prefix(std::string_view kind);

/// The one line that is neither blank nor a comment, without blanks around it; empty if there is none. Throws
/// `key_format` when there are several.
[[nodiscard]] std::string_view line(std::string_view text);

/// Writes prefix and encoded bytes; `to` has the room they need.
void encode(std::string_view kind, std::span<const std::byte, 32> key, std::span<char> to);

/// Reads what follows the prefix. Throws `key_checksum` without repeating it.
void decode(std::string_view kind, std::string_view encoded, std::span<std::byte, 32> to);

} // namespace weightseal::key_text
