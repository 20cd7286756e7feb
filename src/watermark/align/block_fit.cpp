#include "watermark/align/block_fit.hpp"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <cmath>

namespace weightseal::watermark::align {
namespace {

// Whether a fit of `parameters` numbers to `samples` is worth more than chance.
bool explains(double before, double after, double parameters, double samples) {
    return parameters < samples && after < 0.9 * (1 - parameters / samples) * before;
}

} // namespace

void Moments::add(const ConstMatrixRef& from_original, const ConstMatrixRef& from_suspect) {
    const Matrix theirs =
        from_suspect.unaryExpr([](float value) { return std::isfinite(value) ? value : 0.0F; }); // a NaN must not spread
    original += Matrix(from_original * from_original.transpose()).cast<double>();
    cross += Matrix(theirs * from_original.transpose()).cast<double>();
    suspect += Matrix(theirs * theirs.transpose()).cast<double>();
    samples += from_original.cols();
}

std::optional<Square> fit_block(const Moments& moments) {
    const Index k = moments.original.rows();
    const Eigen::LDLT<Square> factors(moments.original);
    const Square a = factors.solve(moments.cross.transpose()).transpose();
    if (!a.allFinite()) return std::nullopt;
    const Square b = Eigen::PartialPivLU<Square>(a).inverse();
    if (!b.allFinite()) return std::nullopt;
    const double size = moments.original.trace();
    const double before = moments.suspect.trace() - 2 * moments.cross.trace() + size;
    const double after = (b * moments.suspect).cwiseProduct(b).sum() - 2 * (b * moments.cross).trace() + size;
    const double numbers = static_cast<double>(k * k), values = static_cast<double>(k * moments.samples);
    return explains(before, after, numbers, values) ? std::optional(b) : std::nullopt;
}

float ScaleMoments::factor(Index samples) const noexcept {
    const double b = original / cross; // of w' ≈ a·w₀ with a = cross/original
    if (!std::isfinite(b) || b == 0) return 1;
    const double before = suspect - 2 * cross + original;
    const double after = b * b * suspect - 2 * b * cross + original;
    return explains(before, after, 1, static_cast<double>(samples)) ? static_cast<float>(b) : 1.0F;
}

} // namespace weightseal::watermark::align
