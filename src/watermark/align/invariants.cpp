#include "watermark/align/invariants.hpp"

#include "watermark/align/row_match.hpp"

#include <Eigen/Cholesky>
#include <cmath>

namespace weightseal::watermark::align {
namespace {

// Directions with less energy than this share of the usual are noise in a rounded suspect.
constexpr float floor_share = 0.05F;

/// One of the two models.
struct Side {
    TensorRows Pair::*rows;
    Vector Gain::*gain;
};
constexpr Side original_side{&Pair::original, &Gain::original};
constexpr Side suspect_side{&Pair::suspect, &Gain::suspect};

// The directions of rows [first, first + count).
Matrix directions(const ResidualRows& tensor, const Side& side, Index first, Index count) {
    const TensorRows& rows = tensor.pair.*side.rows;
    Matrix read(count, rows.columns());
    rows.read_rows(first, read);
    make_unit_rows(read); // before anything can overflow
    read = read * (tensor.gain.*side.gain).asDiagonal();
    make_unit_rows(read);
    return read;
}

class Forms {
  public:
    Forms(std::span<const ResidualRows> tensors, const Side& side, const Crew& crew) : side_(side), crew_(crew) {
        const Index width = tensors.front().pair.original.columns();
        Matrix sum = Matrix::Zero(width, width);
        for (const ResidualRows& tensor : tensors) {
            Matrix moments = Matrix::Zero(width, width);
            const Index rows = (tensor.pair.*side.rows).rows();
            for (Index first = 0; first < rows; first += step) {
                const Matrix block = directions(tensor, side, first, std::min(step, rows - first));
                add_product(moments, block, block, crew);
            }
            moments /= static_cast<float>(rows);
            sum += moments;
            moments_.push_back(std::move(moments));
        }
        sum.diagonal().array() += floor_share * sum.trace() / static_cast<float>(width) + 1e-9F;
        inverse_ = sum.llt().solve(Matrix::Identity(width, width));
    }

    // The forms of each row, each with mean 0 and deviation 1 over the rows, at length 1.
    [[nodiscard]] Matrix prints(const ResidualRows& tensor) const {
        const Index forms = static_cast<Index>(moments_.size());
        Matrix prints((tensor.pair.*side_.rows).rows(), forms + forms * (forms + 1) / 2);
        each_panel(crew_, prints.rows(), [&](Index first, Index count) {
            const Matrix rows = directions(tensor, side_, first, count);
            const Matrix solved = rows * inverse_;
            const Vector size = rows.cwiseProduct(solved).rowwise().sum().cwiseMax(1e-20F);
            std::vector<Matrix> images, solved_images;
            Index column = 0;
            const auto add = [&](const Matrix& a, const Matrix& b) {
                prints.col(column++).segment(first, count) = a.cwiseProduct(b).rowwise().sum().cwiseQuotient(size);
            };
            for (const Matrix& moments : moments_) {
                images.push_back(solved * moments);
                solved_images.push_back(images.back() * inverse_);
                add(solved, images.back());
                for (const Matrix& earlier : solved_images)
                    add(images.back(), earlier);
            }
        });
        prints = prints.unaryExpr([](float value) { return std::isfinite(value) ? value : 0.0F; });
        const Eigen::RowVectorXf mean = prints.colwise().mean();
        prints.rowwise() -= mean;
        for (Index j = 0; j < prints.cols(); ++j)
            if (const float size = prints.col(j).norm(); size > 0) prints.col(j) /= size;
        make_unit_rows(prints);
        return prints;
    }

  private:
    static constexpr Index step = 1024;
    const Side& side_;
    const Crew& crew_;
    std::vector<Matrix> moments_;
    Matrix inverse_;
};

std::vector<Matrix> prints_of(std::span<const ResidualRows> tensors, std::size_t wanted, const Side& side,
                              const Crew& crew) {
    const Forms forms(tensors, side, crew);
    std::vector<Matrix> prints;
    for (const ResidualRows& tensor : tensors.first(wanted))
        prints.push_back(forms.prints(tensor));
    return prints;
}

} // namespace

std::vector<Places> match_by_invariants(std::span<const ResidualRows> tensors, std::size_t wanted, const Crew& crew) {
    const std::vector<Matrix> mine = prints_of(tensors, wanted, original_side, crew);
    const std::vector<Matrix> theirs = prints_of(tensors, wanted, suspect_side, crew);
    std::vector<Places> places;
    for (std::size_t i = 0; i < wanted; ++i)
        places.push_back(match_rows(mine[i], theirs[i], crew));
    return places;
}

} // namespace weightseal::watermark::align
