#include "watermark/align/residual.hpp"

#include <limits>
#include <utility>

namespace weightseal::watermark::align {
namespace {

constexpr float snap = 0.95F;
constexpr float min_entry = 0.5F;

std::size_t at(Index i) {
    return static_cast<std::size_t>(i);
}

} // namespace

Residual Residual::identity(Index width) {
    return {Kind::identity, width};
}

Residual Residual::permutation(Places places, Vector signs) {
    bool moves = false;
    for (Index i = 0; i < signs.size(); ++i)
        moves |= places[at(i)] != i || signs[i] < 0;
    Residual made(moves ? Kind::permutation : Kind::identity, signs.size());
    if (moves) {
        made.places_ = std::move(places);
        made.signs_ = std::move(signs);
    }
    return made;
}

Residual Residual::rotation(Matrix r) {
    Residual made(Kind::rotation, r.rows());
    made.r_ = std::move(r);
    return made;
}

bool Residual::is_lost(Index coordinate) const {
    return kind_ == Kind::permutation && places_[at(coordinate)] == nowhere;
}

void Residual::restore_columns(MatrixRef rows) const {
    if (kind_ == Kind::identity) return;
    const Matrix before = rows;
    if (kind_ == Kind::rotation) {
        rows.noalias() = before * r_.transpose();
        return;
    }
    for (Index i = 0; i < rows.rows(); ++i)
        for (Index j = 0; j < width_; ++j)
            rows(i, j) = is_lost(j) ? 0.0F : signs_[j] * before(i, places_[at(j)]);
}

void Residual::restore_rows(Matrix& matrix, const Crew& crew) const {
    if (kind_ == Kind::identity) return;
    each_panel(crew, matrix.cols(), [&](Index first, Index count) {
        auto columns = matrix.middleCols(first, count);
        const Matrix before = columns;
        if (kind_ == Kind::rotation) {
            columns.noalias() = r_ * before;
            return;
        }
        for (Index j = 0; j < width_; ++j)
            if (is_lost(j))
                columns.row(j).setZero();
            else
                columns.row(j) = signs_[j] * before.row(places_[at(j)]);
    });
}

Vector Residual::restored_gain(const Vector& gain) const {
    if (kind_ == Kind::identity) return gain;
    Vector restored(width_);
    for (Index j = 0; j < width_; ++j)
        restored[j] = is_lost(j) ? std::numeric_limits<float>::quiet_NaN() : gain[places_[at(j)]];
    return restored;
}

Matrix Residual::to_suspect(const Matrix& matrix) const {
    if (kind_ == Kind::identity) return matrix;
    if (kind_ == Kind::rotation) return r_.transpose() * matrix;
    Matrix moved = Matrix::Zero(matrix.rows(), matrix.cols());
    for (Index j = 0; j < width_; ++j)
        if (!is_lost(j)) moved.row(places_[at(j)]) = signs_[j] * matrix.row(j);
    return moved;
}

std::optional<Residual> signed_permutation_near(const Matrix& r) {
    Places places(at(r.rows()));
    Vector signs(r.rows());
    std::vector<bool> taken(at(r.cols()));
    for (Index i = 0; i < r.rows(); ++i) {
        Index largest = 0;
        if (r.row(i).cwiseAbs().maxCoeff(&largest) <= snap || taken[at(largest)]) return std::nullopt;
        taken[at(largest)] = true;
        places[at(i)] = largest;
        signs[i] = r(i, largest) < 0 ? -1.0F : 1.0F;
    }
    return Residual::permutation(std::move(places), std::move(signs));
}

Residual permutation_nearest(const Matrix& r) {
    Places places(at(r.rows()), nowhere);
    for (Index i = 0; i < r.rows(); ++i) {
        Index column = 0, row = 0;
        if (r.row(i).maxCoeff(&column) < min_entry) continue;
        r.col(column).maxCoeff(&row);
        if (row == i) places[at(i)] = column;
    }
    return Residual::permutation(std::move(places), Vector::Ones(r.rows()));
}

} // namespace weightseal::watermark::align
