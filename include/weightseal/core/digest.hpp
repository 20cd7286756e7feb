#pragma once
// Digests: the 32 bytes of a SHA-256.

#include <array>   // std::array
#include <cstddef> // std::byte

namespace weightseal {

/// A SHA-256.
using Digest = std::array<std::byte, 32>;

} // namespace weightseal
