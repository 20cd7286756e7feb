#include "watermark/align/polar.hpp"

#include <Eigen/LU>
#include <cmath>

namespace weightseal::watermark::align {
namespace {

constexpr int max_steps = 30;
// Convergence is quadratic: a step this small was the last but rounding.
constexpr float small_step = 1e-4F;
// Directions that m says nothing about stay where they are.
constexpr float prior = 1e-6F;

Matrix inverse(const Matrix& x, const Crew& crew) {
    const Eigen::PartialPivLU<Matrix> factors(x);
    Matrix result(x.rows(), x.cols());
    each_panel(crew, x.cols(), [&](Index first, Index count) {
        Matrix unit = Matrix::Zero(x.rows(), count);
        unit.middleRows(first, count).setIdentity();
        result.middleCols(first, count) = factors.solve(unit);
    });
    return result;
}

// ‖x‖₁·‖x‖∞, an estimate of the square of its spectral norm.
float square_norm(const Matrix& x) {
    return x.cwiseAbs().colwise().sum().maxCoeff() * x.cwiseAbs().rowwise().sum().maxCoeff();
}

} // namespace

std::optional<Matrix> polar_factor(const Matrix& m, const Crew& crew) {
    const float size = m.norm();
    if (!std::isfinite(size) || size <= 0) return std::nullopt;
    const float width = std::sqrt(static_cast<float>(m.rows()));
    Matrix x = m * (width / size);
    x.diagonal().array() += prior;
    for (int step = 0; step < max_steps; ++step) {
        const Matrix y = inverse(x, crew);
        const float scale = std::sqrt(std::sqrt(square_norm(y) / square_norm(x)));
        if (!std::isfinite(scale) || scale <= 0) return std::nullopt;
        const Matrix next = 0.5F * (scale * x + y.transpose() / scale);
        const float change = (next - x).norm();
        x = next;
        if (!std::isfinite(change)) return std::nullopt;
        if (change <= small_step * width) return x;
    }
    return std::nullopt;
}

} // namespace weightseal::watermark::align
