#include "watermark/align/fingerprint.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <cstdint>

namespace weightseal::watermark::align {
namespace {

constexpr Index max_columns = Index{1} << 16;
constexpr Index max_rows = Index{1} << 19; // twice the largest vocabularies
constexpr Index sample_rows = 1024;        // that the spread of columns is taken from
// Columns below a tenth of the usual spread are not blown up any further: an error of R leaks into them.
constexpr float min_spread = 0.01F;
constexpr float min_variance = 0.1F; // of a direction of fingerprints, against the usual one

// SplitMix64 (Steele, Lea and Flood 2014), without a state.
std::uint64_t mixed(std::uint64_t number) {
    std::uint64_t z = (number + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

// Factors that make the columns of the original vary equally: a few of a transformer's carry most of its energy.
Vector column_factors(const TensorRows& original, const Vector& gain) {
    const Places rows = evenly_spaced(original.rows(), sample_rows);
    Vector sum = Vector::Zero(original.columns()), square = sum;
    Matrix row(1, original.columns());
    for (const Index i : rows) {
        original.read_rows(i, row);
        row.array() *= gain.transpose().array();
        make_unit_rows(row);
        sum += row.row(0).transpose();
        square += row.row(0).cwiseAbs2().transpose();
    }
    const Vector variance = square - sum.cwiseAbs2() / static_cast<float>(rows.size());
    const float mean = variance.mean();
    if (!(mean > 0)) return Vector::Ones(original.columns());
    return (variance / mean).unaryExpr([](float share) { return 1 / std::sqrt(std::max(share, 0.0F) + min_spread); });
}

// Directions of the rows, projected, around their mean.
Matrix projected(const TensorRows& tensor, const Matrix& projection, const Crew& crew) {
    Matrix prints(tensor.rows(), projection.cols());
    each_panel(crew, tensor.rows(), [&](Index first, Index count) {
        Matrix rows(count, tensor.columns());
        tensor.read_rows(first, rows);
        make_unit_rows(rows); // before anything can overflow
        auto to = prints.middleRows(first, count);
        to.noalias() = rows * projection;
        make_unit_rows(to);
    });
    // Zero rows, which may be a hostile suspect's only addition, have no direction and keep none.
    const auto sizes = prints.rowwise().squaredNorm().eval();
    const Eigen::RowVectorXf mean =
        prints.colwise().sum() / static_cast<float>(std::max<Index>(1, (sizes.array() > 0).count()));
    for (Index i = 0; i < prints.rows(); ++i)
        if (sizes[i] > 0) prints.row(i) -= mean;
    return prints;
}

// What makes these rows vary equally in all directions: a few directions that dominate make any two rows look alike.
Matrix leveling_of(const Matrix& prints) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf> solver(prints.transpose() * prints);
    const Vector& variance = solver.eigenvalues(); // ascending
    const float usual = variance[variance.size() / 2];
    if (!(usual > 0)) return Matrix::Identity(prints.cols(), prints.cols());
    const Vector factors =
        variance.unaryExpr([&](float value) { return 1 / std::sqrt(std::max(value, 0.0F) / usual + min_variance); });
    return solver.eigenvectors() * factors.asDiagonal() * solver.eigenvectors().transpose();
}

} // namespace

bool has_fingerprints(const TensorRows& tensor) noexcept {
    return tensor.columns() >= fingerprint_size && tensor.columns() <= max_columns &&
           tensor.rows() >= fingerprint_size && tensor.rows() <= max_rows;
}

Matrix public_signs(Index rows, Index columns) {
    const Index words = (columns + 63) / 64;
    Matrix signs(rows, columns);
    for (Index i = 0; i < rows; ++i)
        for (Index word = 0; word < words; ++word) {
            const std::uint64_t bits = mixed(static_cast<std::uint64_t>(i * words + word));
            for (Index bit = 0; bit < std::min<Index>(64, columns - 64 * word); ++bit)
                signs(i, 64 * word + bit) = ((bits >> bit) & 1U) != 0 ? -1.0F : 1.0F;
        }
    return signs;
}

Projection make_projection(const Pair& pair, const Gain& gain, const Residual& residual) {
    const Vector factors = column_factors(pair.original, gain.original);
    const Matrix signs = factors.asDiagonal() * public_signs(pair.original.columns(), fingerprint_size);
    return {gain.original.asDiagonal() * signs, gain.suspect.asDiagonal() * residual.to_suspect(signs)};
}

Fingerprints fingerprints(const Pair& pair, const Gain& gain, const Residual& residual, const Crew& crew) {
    const Projection projection = make_projection(pair, gain, residual);
    Fingerprints prints{projected(pair.original, projection.original, crew),
                        projected(pair.suspect, projection.suspect, crew)};
    const Matrix leveling = leveling_of(prints.original);
    for (Matrix* side : {&prints.original, &prints.suspect}) {
        *side *= leveling;
        make_unit_rows(*side);
    }
    return prints;
}

} // namespace weightseal::watermark::align
