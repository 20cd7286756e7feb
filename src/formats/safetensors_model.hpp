#pragma once
// Entries of one safetensors file, shared by the single-file and the folder source.

#include "weightseal/formats/safetensors.hpp"

namespace weightseal::formats {

/// An open safetensors file and how to read the bytes behind its entries.
struct Shard {
    std::shared_ptr<const ByteSource> file;
    std::vector<std::byte> head;       ///< as it was parsed: a second read could differ
    std::vector<std::uint64_t> begins; ///< offset in the file of each tensor
};

/// Reads the header of `file` and appends its tensors to `tensors`, each linked to entry `head_entry`.
[[nodiscard]] Shard read_shard(std::shared_ptr<const ByteSource> file, std::size_t head_entry,
                               std::vector<SourceEntry>& tensors);

} // namespace weightseal::formats
