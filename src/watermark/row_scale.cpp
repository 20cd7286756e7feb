#include "watermark/row_scale.hpp"

#include "formats/dequantize.hpp"
#include "watermark/rows.hpp"
#include "watermark/scale.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace weightseal::watermark {
namespace {

// Calls `use` with the floats of each block of the row's sample.
template <class Use>
void for_each_sample(Dtype dtype, Bytes row, const Use& use) {
    const std::size_t size = dtype_bits(dtype) / 8;
    const std::uint64_t length = row.size() / size;
    std::array<float, sample_block> floats;
    for (std::uint64_t at = 0; at < length; at += sample_block * sample_step(length)) {
        const std::span<float> block = std::span(floats).first(std::min(sample_block, length - at));
        formats::to_floats(dtype, row.subspan(at * size, block.size() * size), block);
        use(block);
    }
}

} // namespace

std::optional<double> row_deviation(Dtype dtype, Bytes row) {
    Magnitude magnitude;
    for_each_sample(dtype, row, [&](std::span<const float> block) {
        plain_kernel.of(Element::f32).measure(block.data(), block.size(), 1, magnitude);
    });
    const auto scale = scale_of(magnitude);
    if (!scale) return std::nullopt;
    const auto a = static_cast<double>(*scale);
    std::uint64_t squares = 0;
    for_each_sample(dtype, row, [&](std::span<const float> block) {
        for (const float w : block) {
            if (!is_nonzero_finite(std::bit_cast<std::uint32_t>(w) >> 16 & 0x7FFFU)) continue;
            const auto q =
                static_cast<std::uint64_t>(std::nearbyint(32 * std::min(std::abs(static_cast<double>(w)), 8 * a) / a));
            squares += q * q;
        }
    });
    return a / 32 * std::sqrt(static_cast<double>(squares) / static_cast<double>(magnitude.count));
}

} // namespace weightseal::watermark
