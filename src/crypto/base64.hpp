#pragma once
// base64 with padding (RFC 4648, section 4) of libcrypto, for public data: not in constant time, and several times as
// fast as that.

#include "weightseal/core/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::crypto {

/// Of less than 1 GiB.
[[nodiscard]] std::string to_base64(Bytes from);

/// Nothing unless `text` is what `to_base64` makes.
[[nodiscard]] std::optional<std::vector<std::byte>> from_base64(std::string_view text);

} // namespace weightseal::crypto
