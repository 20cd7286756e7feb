#pragma once
// Matrices of alignment: floats, row-major as tensors are stored, and their products on all workers.

#include "watermark/align/crew.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <vector>

namespace weightseal::watermark::align {

using Eigen::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXf;
using MatrixRef = Eigen::Ref<Matrix>;
using ConstMatrixRef = Eigen::Ref<const Matrix>;

/// For each row (column, neuron, head) of the original the suspect's that stands for it; `nowhere` where none does.
/// No element stands twice.
using Places = std::vector<Index>;
inline constexpr Index nowhere = -1;

/// Everything where it was, as far as the suspect's `theirs` elements go.
[[nodiscard]] inline Places in_place(Index mine, Index theirs) {
    Places places(static_cast<std::size_t>(mine), nowhere);
    for (Index i = 0; i < std::min(mine, theirs); ++i)
        places[static_cast<std::size_t>(i)] = i;
    return places;
}

/// The same places where they are below `limit`.
[[nodiscard]] inline Places below(Places places, Index limit) {
    for (Index& place : places)
        if (place >= limit) place = nowhere;
    return places;
}

/// Rows of a block that one worker takes at a time.
inline constexpr Index panel = 256;

/// Calls `body(first, count)` for the panels of [0, size), several at once.
template <class Body>
void each_panel(const Crew& crew, Index size, const Body& body) {
    crew.each(static_cast<std::size_t>((size + panel - 1) / panel), [&](std::size_t i) {
        const Index first = static_cast<Index>(i) * panel;
        body(first, std::min(panel, size - first));
    });
}

/// Scales each row to length 1. Elements that are not finite become 0, and so do rows without any length.
void make_unit_rows(MatrixRef rows);

/// Adds aᵀ·b to `sum`.
void add_product(Matrix& sum, const Matrix& a, const Matrix& b, const Crew& crew);

} // namespace weightseal::watermark::align
