#pragma once
// Leaves: one hash a cell, so that a signature can be checked without a key (FORMAT.md §8).

#include "crypto/hash.hpp"

#include <array>
#include <cstdint>

namespace weightseal::container {

/// SHA-256(0x00 ‖ number of the cell ‖ its bytes).
[[nodiscard]] inline crypto::Hash leaf_hash(std::uint64_t cell, Bytes bytes) {
    std::array<std::byte, 9> head{};
    store_le(head, 1, cell);
    return crypto::sha256({head, bytes});
}

} // namespace weightseal::container
