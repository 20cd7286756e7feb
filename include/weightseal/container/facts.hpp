#pragma once
// Facts: what a container tells without a key, and that is all it tells.

#include "weightseal/core/suite.hpp"     // Suite
#include "weightseal/io/byte_source.hpp" // ByteSource

#include <cstdint>
#include <filesystem>
#include <vector>

namespace weightseal {

/// What one of the two slot blocks looks like from outside.
struct SlotBlockFacts {
    bool intact = false;                   ///< its keyless checksum and structure are right
    std::uint64_t generation = 0;          ///< 0 unless intact; grows with every change of who can open the file
    std::vector<std::uint16_t> slot_kinds; ///< 1: a 256-bit key; others are reserved
};

/// Public facts of a container.
struct Facts {
    Suite suite{};
    std::uint64_t chunk_size = 0; ///< bytes
    std::uint64_t file_size = 0;  ///< bytes
    std::uint64_t body_size = 0;  ///< bytes, with gaps
    std::uint64_t index_size = 0; ///< bytes, with padding
    bool is_signed = false;
    SlotBlockFacts slot_blocks[2]; ///< A and B
};

/// Reads the public facts. Nothing of them is authenticated without a key. Throws the container codes of `Errc`.
[[nodiscard]] Facts inspect(const ByteSource& file);
[[nodiscard]] Facts inspect(const std::filesystem::path& path);

} // namespace weightseal
