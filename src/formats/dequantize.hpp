#pragma once
// Dequantizing: elements of any float dtype as floats.

#include "weightseal/core/bytes.hpp"
#include "weightseal/core/dtype.hpp"

#include <bit>
#include <cstdint>
#include <span>

namespace weightseal::formats {

/// Exact. NaN stays NaN.
[[nodiscard]] constexpr float f16_to_float(std::uint16_t half) noexcept {
    const std::uint32_t sign = (half & 0x8000U) << 16;
    const std::uint32_t magnitude = half & 0x7FFFU;
    if (magnitude >= 0x7C00U) return std::bit_cast<float>(sign | 0x7F800000U | (magnitude & 0x3FFU) << 13);
    if (magnitude >= 0x0400U) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000U));
    const float value = static_cast<float>(magnitude) * 0x1p-24F; // subnormal or zero
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

/// Whether `to_floats` converts this dtype: F64, F32, F16, BF16 and the FP8 types.
[[nodiscard]] bool is_float(Dtype dtype) noexcept;

/// Converts `to.size()` elements. F64 is rounded to nearest (to infinity beyond the range of float), all others convert
/// exactly. NaN stays NaN.
void to_floats(Dtype dtype, Bytes elements, std::span<float> to);

} // namespace weightseal::formats
