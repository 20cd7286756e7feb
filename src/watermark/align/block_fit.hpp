#pragma once
// Block fits: the linear map between the rows of a head, or the factor of a neuron, by least squares.

#include "watermark/align/matrix.hpp"

#include <cmath>
#include <optional>
#include <span>
#include <vector>

namespace weightseal::watermark::align {

using Square = Eigen::MatrixXd;

/// Second moments of k rows of the original and of the suspect.
struct Moments {
    explicit Moments(Index k) : original(Square::Zero(k, k)), cross(original), suspect(original) {}

    /// Adds k × n matrices: columns are samples.
    void add(const ConstMatrixRef& from_original, const ConstMatrixRef& from_suspect);

    Square original; ///< Σ v₀v₀ᵀ
    Square cross;    ///< Σ v'v₀ᵀ
    Square suspect;  ///< Σ v'v'ᵀ
    Index samples = 0;
};

/// The k × k matrix B that brings the suspect back, B·v' ≈ v₀: the inverse of the least-squares A of v' ≈ A·v₀. Empty
/// where A has no inverse, or where B does not halve the squared difference, beyond what its k² numbers do by chance.
[[nodiscard]] std::optional<Square> fit_block(const Moments& moments);

/// Second moments of one row or column.
struct ScaleMoments {
    double original = 0, cross = 0, suspect = 0;
    Index samples = 0;

    /// What is not finite does not count.
    void add(float from_original, float from_suspect) noexcept {
        if (!std::isfinite(from_suspect)) return;
        const double mine = static_cast<double>(from_original), theirs = static_cast<double>(from_suspect);
        original += mine * mine;
        cross += mine * theirs;
        suspect += theirs * theirs;
        ++samples;
    }
};

/// The factors that bring rows or columns of the suspect back. All 1 where
/// together they lower the squared difference by less than a tenth.
[[nodiscard]] std::vector<float> fit_factors(std::span<const ScaleMoments> moments);

} // namespace weightseal::watermark::align
