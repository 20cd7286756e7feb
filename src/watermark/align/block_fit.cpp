#include "watermark/align/block_fit.hpp"

#include <Eigen/Cholesky>
#include <Eigen/LU>

namespace weightseal::watermark::align {
namespace {

// What a fit must leave of the squared difference at most, beyond what its parameters explain by chance. Tuning and
// pruning of a suspect look a little like a map between its rows, and must not be taken for one.
constexpr double left_by_block = 0.5;
constexpr double left_by_factors = 0.9;

bool explains(double before, double after, double parameters, double samples, double left) {
    return parameters < samples && after < left * (1 - parameters / samples) * before;
}

} // namespace

void Moments::add(const ConstMatrixRef& from_original, const ConstMatrixRef& from_suspect) {
    const Matrix theirs = from_suspect.unaryExpr(
        [](float value) { return std::isfinite(value) ? value : 0.0F; }); // a NaN must not spread
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
    return explains(before, after, numbers, values, left_by_block) ? std::optional(b) : std::nullopt;
}

std::vector<float> fit_factors(std::span<const ScaleMoments> moments) {
    std::vector<float> factors(moments.size(), 1.0F);
    double all_before = 0, all_after = 0, samples = 0;
    for (std::size_t i = 0; i < moments.size(); ++i) {
        const ScaleMoments& m = moments[i];
        const double before = m.suspect - 2 * m.cross + m.original;
        const double b = m.original / m.cross; // the inverse of the least-squares a of w' ≈ a·w₀
        const bool exists = std::isfinite(b) && b != 0;
        if (exists) factors[i] = static_cast<float>(b);
        all_before += before;
        all_after += exists ? b * b * m.suspect - 2 * b * m.cross + m.original : before;
        samples += static_cast<double>(m.samples);
    }
    if (!explains(all_before, all_after, static_cast<double>(moments.size()), samples, left_by_factors))
        factors.assign(factors.size(), 1.0F);
    return factors;
}

} // namespace weightseal::watermark::align
