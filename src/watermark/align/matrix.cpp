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

} // namespace weightseal::watermark::align
