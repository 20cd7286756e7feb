#include "watermark/align/matrix.hpp"

#include <cmath>

namespace weightseal::watermark::align {

void make_unit_rows(MatrixRef rows) {
    for (Index i = 0; i < rows.rows(); ++i) {
        double square = 0;
        for (Index j = 0; j < rows.cols(); ++j) {
            if (!std::isfinite(rows(i, j))) rows(i, j) = 0;
            square += static_cast<double>(rows(i, j)) * static_cast<double>(rows(i, j));
        }
        const double length = std::sqrt(square);
        for (Index j = 0; j < rows.cols(); ++j)
            rows(i, j) = length > 0 ? static_cast<float>(static_cast<double>(rows(i, j)) / length) : 0.0F;
    }
}

void add_product(Matrix& sum, const Matrix& a, const Matrix& b, const Crew& crew) {
    each_panel(crew, b.cols(), [&](Index first, Index count) {
        sum.middleCols(first, count).noalias() += a.transpose() * b.middleCols(first, count);
    });
}

} // namespace weightseal::watermark::align
