#pragma once
// The scale of a row (WATERMARK.md §4).

#include "watermark/feature.hpp"
#include "watermark/kernels/kernel.hpp"

#include <optional>

namespace weightseal::watermark {

/// The scale a, or nothing for a row without one.
[[nodiscard]] inline std::optional<float> scale_of(const Magnitude& magnitude) noexcept {
    if (magnitude.count == 0) return std::nullopt;
    const std::uint64_t g = (magnitude.sum + magnitude.count / 2) / magnitude.count;
    const float a = from_upper(static_cast<std::uint32_t>(g));
    if (a < 0x1p-100F) return std::nullopt;
    return a;
}

} // namespace weightseal::watermark
