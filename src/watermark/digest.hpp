#pragma once
// Digests of a model's tensors: what the root of the original is made of (WATERMARK.md §2).

#include "weightseal/core/digest.hpp"
#include "weightseal/core/progress.hpp"
#include "weightseal/formats/model_source.hpp"
#include "weightseal/io/parallel.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace weightseal::io {
class Work;
}

namespace weightseal::watermark {

/// Bytes of a tensor that are read at a time.
inline constexpr std::size_t block_size = std::size_t{1} << 20;

/// Entries of `model` that are tensors, those with the most bytes first, so that workers end together.
[[nodiscard]] std::vector<std::size_t> tensors_by_size(const ModelSource& model);

/// Called for each block of a tensor in order; blocks of different tensors come at once. Blocks are whole elements.
using OnBlock = std::function<void(std::size_t entry, std::uint64_t offset, Bytes block)>;

/// SHA-256 of the data of each tensor, indexed like the model's entries (zeros for what is no tensor). Memory: a block
/// for each worker.
[[nodiscard]] std::vector<Digest> digest_tensors(const ModelSource& model, const Parallel& parallel, io::Work& work,
                                                 const OnBlock& on_block = {});

} // namespace weightseal::watermark
