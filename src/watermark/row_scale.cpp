#include "watermark/row_scale.hpp"

#include "watermark/elements.hpp"
#include "watermark/rows.hpp"
#include "watermark/scale.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace weightseal::watermark {
namespace {

// From it on, doubles are whole numbers: adding it rounds to nearest, ties to even. The processor's own instruction is
// no part of x86-64's baseline, and a call of nearbyint costs more than all the rest.
constexpr double whole_from = 0x1p52;

} // namespace

std::optional<double> row_deviation(Dtype dtype, Bytes row) {
    const std::uint64_t every = sample_step(row.size() / (dtype_bits(dtype) / 8));
    Magnitude magnitude;
    add_magnitude(dtype, row, every, magnitude);
    const auto scale = scale_of(magnitude);
    if (!scale) return std::nullopt;
    const auto a = static_cast<double>(*scale);
    double squares = 0; // whole: exact up to 2⁵³, and rows have at most 2²⁰ elements
    for_each_sample(dtype, row, every, [&](std::span<const float> block) {
        for (const float w : block) {
            const bool counts = is_nonzero_finite(std::bit_cast<std::uint32_t>(w) >> 16 & 0x7FFFU);
            const double clamped = counts ? std::min(std::abs(static_cast<double>(w)), 8 * a) : 0;
            const double q = 32 * clamped / a + whole_from - whole_from;
            squares += q * q;
        }
    });
    return a / 32 * std::sqrt(squares / static_cast<double>(magnitude.count));
}

} // namespace weightseal::watermark
