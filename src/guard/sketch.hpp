#pragma once
// Sketches: what clients had used when they lost their place in a table.
//
// For each quarter of a window, rows of cells; a client has one cell in each row, and what it used is at most the
// smallest of its cells. Cells take the maximum of the clients that share them, not the sum, so that a flood of clients
// with one query each leaves cells of one. Quarters are kept until they have left the window.

#include "guard/in_order.hpp"
#include "guard/ring.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace weightseal::guard {

/// A view of one window's sketch. Cells are floats: exact up to 2²⁴, rounded up beyond.
class Sketch {
  public:
    static constexpr unsigned rows = 3;
    static constexpr unsigned quarters = 5; ///< four, and the one that is leaving the window

    /// Sub-buckets of a quarter.
    static constexpr std::uint64_t quarter_size = Ring::parts / (quarters - 1);
    /// The last sub-bucket of the quarter that `bucket` is in.
    [[nodiscard]] static constexpr std::uint64_t quarter_end(std::uint64_t bucket) noexcept {
        return bucket / quarter_size * quarter_size + quarter_size - 1;
    }

    [[nodiscard]] static constexpr std::size_t cells_needed(std::size_t row) noexcept { return row * rows * quarters; }

    /// @param cells    `cells_needed(row)` zeros, where row is at most 2¹⁹
    /// @param numbers  one zero for each quarter
    Sketch(std::span<float> cells, std::span<std::uint64_t> numbers) noexcept
        : cells_(cells), numbers_(numbers), row_(cells.size() / (rows * quarters)) {}

    /// At least what `note` was told of this client and quarter, or of later ones that share all its cells.
    [[nodiscard]] std::uint64_t estimate(std::uint64_t hash, std::uint64_t quarter) const noexcept {
        const std::size_t slot = quarter % quarters;
        if (numbers_[slot] != quarter) return 0;
        float least = std::numeric_limits<float>::infinity();
        for (unsigned row = 0; row < rows; ++row)
            least = std::min(least, cells_[cell(hash, slot, row)]);
        return static_cast<std::uint64_t>(least);
    }

    /// A client used `amount` in a quarter; `quarter` is within the window.
    void note(std::uint64_t hash, std::uint64_t quarter, std::uint64_t amount) noexcept {
        const std::size_t slot = quarter % quarters;
        if (numbers_[slot] != quarter) {
            std::ranges::fill(cells_.subspan(slot * rows * row_, rows * row_), 0.0F);
            in_order();
            numbers_[slot] = quarter;
        }
        for (unsigned row = 0; row < rows; ++row) {
            float& value = cells_[cell(hash, slot, row)];
            value = std::max(value, round_up(amount));
        }
    }

  private:
    // Three times this are the bits of a hash that do not say its shard.
    static constexpr unsigned bits_of_row = 19;

    [[nodiscard]] std::size_t cell(std::uint64_t hash, std::size_t slot, unsigned row) const noexcept {
        const std::uint64_t bits = hash >> (bits_of_row * row) & ((1U << bits_of_row) - 1);
        return (slot * rows + row) * row_ + (bits * row_ >> bits_of_row);
    }

    [[nodiscard]] static float round_up(std::uint64_t amount) noexcept {
        const auto value = static_cast<float>(amount);
        return static_cast<std::uint64_t>(value) < amount
                   ? std::nextafter(value, std::numeric_limits<float>::infinity())
                   : value;
    }

    std::span<float> cells_;
    std::span<std::uint64_t> numbers_;
    std::size_t row_;
};

} // namespace weightseal::guard
