#pragma once
// Grid: where the chunks of an entry lie (FORMAT.md §6).

#include "weightseal/container/layout.hpp"

#include <algorithm>
#include <cstdint>

namespace weightseal::container {

/// The part of an entry that lies in one cell, as byte offsets in the entry.
struct ChunkSpan {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    [[nodiscard]] std::uint64_t size() const noexcept { return end - begin; }
};

/// Chunks of an entry at `offset` in the body.
struct EntryGrid {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    unsigned chunk_log2 = 0;

    [[nodiscard]] std::uint64_t chunk_count() const noexcept { return layout::chunk_count(offset, length, chunk_log2); }
    /// The chunk that holds a byte of the entry.
    [[nodiscard]] std::uint64_t chunk_of(std::uint64_t byte) const noexcept { return cell_of(byte) - cell_of(0); }
    [[nodiscard]] std::uint64_t cell_of(std::uint64_t byte) const noexcept { return (offset + byte) >> chunk_log2; }
    [[nodiscard]] ChunkSpan chunk(std::uint64_t number) const noexcept {
        const std::uint64_t cell = cell_of(0) + number;
        const std::uint64_t cell_begin = cell << chunk_log2;
        const std::uint64_t cell_end = (cell + 1) << chunk_log2;
        return {std::max(cell_begin, offset) - offset, std::min(cell_end, offset + length) - offset};
    }
};

} // namespace weightseal::container
