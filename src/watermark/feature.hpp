#pragma once
// The feature of an element (WATERMARK.md §4).

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

} // namespace weightseal::watermark
