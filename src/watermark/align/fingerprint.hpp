#pragma once
// Fingerprints: rows of a tensor, projected to a few dimensions by fixed public signs.

#include "watermark/align/gains.hpp"
#include "watermark/align/pairs.hpp"
#include "watermark/align/residual.hpp"

namespace weightseal::watermark::align {

/// Dimensions of a fingerprint. Of unrelated rows the cosine has a deviation of 1/8.
inline constexpr Index fingerprint_size = 64;

/// Whether fingerprints tell rows of this tensor apart: neither too few nor too short, nor beyond any model's.
[[nodiscard]] bool has_fingerprints(const TensorRows& tensor) noexcept;

/// A `rows` × `columns` matrix of ±1 that never changes.
[[nodiscard]] Matrix public_signs(Index rows, Index columns);

/// What rows of the original and of the suspect are multiplied with, so that equal rows give equal products.
struct Projection {
    Matrix original, suspect;
};

/// Projection of rows whose columns are residual coordinates behind `gain`, or of any rows under the identity.
[[nodiscard]] Projection make_projection(const Pair& pair, const Gain& gain, const Residual& residual);

/// Rows of length 1, one for each of the tensors'.
struct Fingerprints {
    Matrix original, suspect;
};

/// Of rows whose columns are residual coordinates behind `gain`, or of any rows under the identity: their projected
/// directions, minus the mean of all, less what most of the original's have in common. Zero rows stay zero.
[[nodiscard]] Fingerprints fingerprints(const Pair& pair, const Gain& gain, const Residual& residual, const Crew& crew);

} // namespace weightseal::watermark::align
