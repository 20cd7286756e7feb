#pragma once
// Invariants: what no rotation of the residual stream changes. They find neurons again when nothing else is known.

#include "watermark/align/gains.hpp"
#include "watermark/align/pairs.hpp"

#include <span>
#include <vector>

namespace weightseal::watermark::align {

/// Rows whose columns are residual coordinates.
struct ResidualRows {
    Pair pair;
    Gain gain;
};

/// For the rows of each of the first `wanted` tensors where they went, from quadratic forms: with M the second moments
/// of the directions of all rows of a tensor, and S the sum of all M, wᵀS⁻¹MS⁻¹w and wᵀS⁻¹MS⁻¹M'S⁻¹w are the same for a
/// row w of the original and its image, whatever the rotation and the order of the rows.
[[nodiscard]] std::vector<Places> match_by_invariants(std::span<const ResidualRows> tensors, std::size_t wanted,
                                                      const Crew& crew);

} // namespace weightseal::watermark::align
