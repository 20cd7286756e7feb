#pragma once
// Residual: what became of the coordinates of the residual stream. A row vector x of the original is x·R in the
// suspect, R orthogonal.

#include "watermark/align/matrix.hpp"

#include <optional>

namespace weightseal::watermark::align {

class Residual {
  public:
    /// Nothing became of them.
    [[nodiscard]] static Residual identity(Index width);
    /// Coordinate i went to places[i] with its sign changed where signs[i] is −1; `nowhere` is lost.
    [[nodiscard]] static Residual permutation(Places places, Vector signs);
    [[nodiscard]] static Residual rotation(Matrix r);

    [[nodiscard]] bool is_identity() const noexcept { return kind_ == Kind::identity; }
    [[nodiscard]] bool is_rotation() const noexcept { return kind_ == Kind::rotation; }
    [[nodiscard]] Index width() const noexcept { return width_; }
    [[nodiscard]] bool is_lost(Index coordinate) const;

    /// Rows of the suspect into coordinates of the original: rows·Rᵀ. Lost coordinates become 0.
    void restore_columns(MatrixRef rows) const;
    /// A matrix whose rows are coordinates, the same: R·matrix.
    void restore_rows(Matrix& matrix, const Crew& crew) const;
    /// Factors of coordinates of the suspect, which have no sign that moves with them. Not of a rotation. Lost ones
    /// become NaN.
    [[nodiscard]] Vector restored_gain(const Vector& gain) const;
    /// Rᵀ·matrix: what a product with restored columns is a product of before.
    [[nodiscard]] Matrix to_suspect(const Matrix& matrix) const;

  private:
    enum class Kind : std::uint8_t { identity, permutation, rotation };
    Residual(Kind kind, Index width) : kind_(kind), width_(width) {}

    Kind kind_;
    Index width_;
    Places places_;
    Vector signs_;
    Matrix r_;
};

/// The signed permutation that an estimate of R is near to, if it is: every row's largest magnitude above 0.95.
[[nodiscard]] std::optional<Residual> signed_permutation_near(const Matrix& r);

/// The permutation that an estimate of R is nearest to: entries above one half that are the largest of their row and
/// column. All others are lost.
[[nodiscard]] Residual permutation_nearest(const Matrix& r);

} // namespace weightseal::watermark::align
