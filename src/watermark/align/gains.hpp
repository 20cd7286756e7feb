#pragma once
// Gains of RMSNorm: a factor for each coordinate, which may as well be folded into the matrices behind.

#include "watermark/align/pairs.hpp"
#include "watermark/align/residual.hpp"

#include <optional>
#include <unordered_map>

namespace weightseal::watermark::align {

/// The gains of one norm, each in its model's coordinates. What is not finite is 0.
struct Gain {
    Vector original, suspect;

    /// Whether the suspect's gains are the original's, moved along with their coordinates, up to small changes.
    /// Otherwise only their products with the matrices behind can be compared.
    [[nodiscard]] bool is_kept(const Residual& residual) const;
};

/// The gain in front of a tensor's columns: that of the record's tensor `norm`, or of ones where there is none.
[[nodiscard]] Gain read_gain(const Pairs& pairs, std::optional<std::size_t> norm, Index width);

} // namespace weightseal::watermark::align
