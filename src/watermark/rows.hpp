#pragma once
// Rows of a tensor, and the sample of a row that its scale is taken from (WATERMARK.md §4).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weightseal::watermark {

inline constexpr std::uint64_t min_row = 64;
inline constexpr std::uint64_t sample_block = 32;
/// Longest row that is marked: rows are handled whole.
inline constexpr std::uint64_t max_row = std::uint64_t{1} << 20;

/// Rows of a tensor: `count` runs of `length` consecutive elements.
struct Rows {
    std::uint64_t length = 0;
    std::uint64_t count = 0;
};

/// `shape` has no overflow. A tensor without elements has no rows.
[[nodiscard]] inline Rows rows_of(std::span<const std::uint64_t> shape) noexcept {
    std::uint64_t length = 1;
    std::size_t left = shape.size();
    while (left != 0 && (length < min_row || left == shape.size()))
        length *= shape[--left];
    std::uint64_t count = length == 0 ? 0 : 1;
    while (left != 0)
        count *= shape[--left];
    return {length, count};
}

/// Every how many blocks one belongs to the sample.
[[nodiscard]] inline std::uint64_t sample_step(std::uint64_t row_length) noexcept {
    return std::max<std::uint64_t>(1, row_length / 1024);
}

} // namespace weightseal::watermark
