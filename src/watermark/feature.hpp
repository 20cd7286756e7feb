#pragma once
// The feature of an element (WATERMARK.md §4), and conversions between element types.

#include <bit>
#include <cmath>
#include <cstdint>

namespace weightseal::watermark {

/// Whether an element with these 15 bits counts as nonzero and finite.
[[nodiscard]] constexpr bool is_nonzero_finite(std::uint32_t m) noexcept {
    return m != 0 && m < 0x7F80U;
}

/// The float whose upper half is `u`.
[[nodiscard]] constexpr float from_upper(std::uint32_t u) noexcept {
    return std::bit_cast<float>(u << 16);
}

/// White feature of a finite element under the scale c.
[[nodiscard]] inline int white_feature(std::uint32_t u, float c) noexcept {
    const float scaled = from_upper(u) * c;
    // Clamped before it is rounded: the product may be too large for an integer.
    const float clamped = scaled < -127.0F ? -127.0F : scaled > 127.0F ? 127.0F : scaled;
    return static_cast<int>(std::nearbyintf(clamped));
}

/// Sign feature of a finite element.
[[nodiscard]] constexpr int sign_feature(std::uint32_t u) noexcept {
    if ((u & 0x7FFFU) == 0) return 0;
    return (u & 0x8000U) != 0 ? -1 : 1;
}

/// Exact. NaN stays NaN.
[[nodiscard]] constexpr float f16_to_f32(std::uint16_t half) noexcept {
    const std::uint32_t sign = (half & 0x8000U) << 16;
    const std::uint32_t magnitude = half & 0x7FFFU;
    if (magnitude >= 0x7C00U) return std::bit_cast<float>(sign | 0x7F800000U | (magnitude & 0x3FFU) << 13);
    if (magnitude >= 0x0400U) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000U));
    const float value = static_cast<float>(magnitude) * 0x1p-24F; // subnormal or zero
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

} // namespace weightseal::watermark
