#pragma once
// A tensor of a model as a matrix of floats: its first dimension by all others. A vector is one column.

#include "watermark/align/matrix.hpp"
#include "weightseal/formats/model_source.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace weightseal::watermark::align {

/// Thread-safe to read. The model must outlive it.
class TensorRows {
  public:
    /// The entry read as rows of `columns` elements, as many as it has; empty where it cannot be: not of a float dtype,
    /// no whole row, or too large for any matrix.
    [[nodiscard]] static std::optional<TensorRows> open(const ModelSource& model, std::size_t entry, Index columns);

    [[nodiscard]] Index rows() const noexcept { return rows_; }
    [[nodiscard]] Index columns() const noexcept { return columns_; }

    /// Only the first `rows` rows from now on, if it has more.
    void limit_rows(Index rows) noexcept { rows_ = std::min(rows_, rows); }

    /// Fills `to` with the elements from `first` on. What is not finite stays so.
    void read(std::uint64_t first, std::span<float> to) const;
    /// Fills `to`, whose rows lie one after the other, with the rows from `first` on.
    void read_rows(Index first, MatrixRef to) const;
    /// Fills row i of `to` with row places[i], with NaN for `nowhere`.
    void gather(std::span<const Index> places, MatrixRef to) const;

  private:
    TensorRows(const ModelSource& model, std::size_t entry, Dtype dtype, Index rows, Index columns)
        : model_(&model), entry_(entry), dtype_(dtype), rows_(rows), columns_(columns) {}

    const ModelSource* model_;
    std::size_t entry_;
    Dtype dtype_;
    Index rows_;
    Index columns_;
};

/// At most `wanted` of the numbers [0, size), evenly spaced.
[[nodiscard]] Places evenly_spaced(Index size, Index wanted);

} // namespace weightseal::watermark::align
