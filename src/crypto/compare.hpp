#pragma once
// Comparison in constant time.

#include "weightseal/core/bytes.hpp"

namespace weightseal::crypto {

/// Equal size and content; takes the same time wherever they differ.
[[nodiscard]] bool equal(Bytes a, Bytes b) noexcept;

} // namespace weightseal::crypto
