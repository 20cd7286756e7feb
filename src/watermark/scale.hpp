#pragma once
// The scale of a row (WATERMARK.md §4).

#include "watermark/feature.hpp"
#include "watermark/kernels/kernel.hpp"
#include "watermark/rows.hpp"

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

/// The magnitude of a row's sample; `elements` is the whole row.
[[nodiscard]] inline Magnitude measure_row(const Loops& loops, const std::byte* elements, std::uint64_t length,
                                           std::size_t element_size) {
    Magnitude magnitude;
    const std::uint64_t step = sample_step(length) * sample_block;
    if (step == sample_block) {
        loops.measure(elements, length, magnitude);
        return magnitude;
    }
    for (std::uint64_t at = 0; at < length; at += step)
        loops.measure(elements + at * element_size, std::min(sample_block, length - at), magnitude);
    return magnitude;
}

} // namespace weightseal::watermark
