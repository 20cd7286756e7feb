#pragma once
// The polar factor: the orthogonal matrix nearest to a square one.

#include "watermark/align/matrix.hpp"

#include <optional>

namespace weightseal::watermark::align {

/// The orthogonal R that maximizes tr(Rᵀ·m), where m = Σ x₀ᵀx' over row vectors and their images: the least-squares
/// solution of x₀·R ≈ x' (Schönemann 1966). By Newton's iteration, scaled (Higham 1986). Empty where m is not finite or
/// tells too little.
[[nodiscard]] std::optional<Matrix> polar_factor(const Matrix& m, const Crew& crew);

} // namespace weightseal::watermark::align
