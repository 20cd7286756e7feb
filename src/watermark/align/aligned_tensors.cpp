#include "watermark/align/aligned_tensors.hpp"

#include <algorithm>

namespace weightseal::watermark::align {

void Columns::restore(MatrixRef rows) const {
    if (is_folded) rows = rows * gain.suspect.asDiagonal();
    residual->restore_columns(rows);
}

void Columns::fold(MatrixRef rows) const {
    if (is_folded) rows = rows * gain.original.asDiagonal();
}

void Columns::unfold(MatrixRef rows) const {
    for (Index j = 0; j < rows.cols(); ++j)
        if (residual->is_lost(j) || (is_folded && gain.original[j] == 0))
            rows.col(j).setConstant(no_value);
        else if (is_folded)
            rows.col(j) /= gain.original[j];
}

void MovedRows::read(std::uint64_t first, std::span<float> to) const {
    const auto length = static_cast<std::uint64_t>(suspect_.columns());
    for (std::uint64_t done = 0; done < to.size();) {
        const std::uint64_t row = (first + done) / length, column = (first + done) % length;
        const Index place = places_[row];
        std::uint64_t count = length - column; // and all of the rows that follow each other in the suspect, too
        for (std::uint64_t next = row + 1; count < to.size() - done && next < places_.size(); ++next, count += length)
            if (place == nowhere ? places_[next] != nowhere : places_[next] != place + static_cast<Index>(next - row))
                break;
        const std::span<float> part = to.subspan(done, std::min<std::uint64_t>(count, to.size() - done));
        if (place == nowhere)
            std::ranges::fill(part, no_value);
        else
            suspect_.read(static_cast<std::uint64_t>(place) * length + column, part);
        done += part.size();
    }
}

void RestoredRows::read(std::uint64_t first, std::span<float> to) const {
    const auto length = static_cast<std::size_t>(suspect_.columns());
    Eigen::Map<Matrix> rows(to.data(), static_cast<Index>(to.size() / length), suspect_.columns());
    const std::span<const Index> places = std::span(places_).subspan(first / length, to.size() / length);
    suspect_.gather(places, rows);
    columns_.restore(rows);
    columns_.unfold(rows);
    rows *= factor_;
}

void HeldTensor::read(std::uint64_t first, std::span<float> to) const {
    std::copy_n(values_.data() + first, to.size(), to.data());
}

} // namespace weightseal::watermark::align
