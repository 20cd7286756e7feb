#pragma once
// The kinds of aligned tensors: rows read where they are, rows restored as they are read, and a whole tensor held.

#include "watermark/align/gains.hpp"
#include "watermark/align/pairs.hpp"
#include "watermark/align/residual.hpp"
#include "watermark/alignment.hpp"

#include <limits>

namespace weightseal::watermark::align {

inline constexpr float no_value = std::numeric_limits<float>::quiet_NaN();

/// What a tensor's columns are in front of: brings rows of the suspect into the original's coordinates and back to the
/// original's gain.
struct Columns {
    const Residual* residual;
    Gain gain;
    bool is_folded; ///< whether the gains are part of what is compared

    /// Rows of the suspect, which become those of original × original gain if folded.
    void restore(MatrixRef rows) const;
    /// Rows of the original become comparable to restored ones.
    void fold(MatrixRef rows) const;
    /// Undoes `fold`; coordinates that are lost or have no gain become NaN.
    void unfold(MatrixRef rows) const;
};

/// Rows of the suspect, at other places.
class MovedRows final : public AlignedTensor {
  public:
    MovedRows(TensorRows suspect, Places places) : suspect_(suspect), places_(std::move(places)) {}
    void read(std::uint64_t first, std::span<float> to) const override;

  private:
    TensorRows suspect_;
    Places places_;
};

/// Rows of the suspect at other places, with restored columns and a factor for all.
class RestoredRows final : public AlignedTensor {
  public:
    RestoredRows(TensorRows suspect, Places places, Columns columns, float factor)
        : suspect_(suspect), places_(std::move(places)), columns_(std::move(columns)), factor_(factor) {}
    void read(std::uint64_t first, std::span<float> to) const override;

  private:
    TensorRows suspect_;
    Places places_;
    Columns columns_;
    float factor_;
};

/// A tensor restored as a whole.
class HeldTensor final : public AlignedTensor {
  public:
    explicit HeldTensor(Matrix values) : values_(std::move(values)) {}
    void read(std::uint64_t first, std::span<float> to) const override;

  private:
    Matrix values_;
};

} // namespace weightseal::watermark::align
