#pragma once
// Bytes: spans, little-endian loads and stores, checked arithmetic on untrusted sizes.

#include <array>   // std::array
#include <bit>     // std::endian
#include <cstddef> // std::byte, std::size_t
#include <cstdint> // std::uint64_t
#include <cstring> // std::memcpy
#include <limits>  // std::numeric_limits
#include <span>    // std::span
#include <string_view>

namespace weightseal {

static_assert(std::endian::native == std::endian::little, "weightseal supports little-endian machines only");

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

/// The bytes of a text, without a terminator.
[[nodiscard]] inline Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// The text a span of bytes holds; no check of its encoding.
[[nodiscard]] inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Loads a little-endian integer. `at + sizeof(T)` must be within `from`.
template <class T>
[[nodiscard]] T load_le(Bytes from, std::size_t at) noexcept {
    T value;
    std::memcpy(&value, from.data() + at, sizeof value);
    return value;
}

/// Stores a little-endian integer. `at + sizeof(T)` must be within `to`.
template <class T>
void store_le(MutableBytes to, std::size_t at, T value) noexcept {
    std::memcpy(to.data() + at, &value, sizeof value);
}

/// a + b, or false when it does not fit.
[[nodiscard]] inline bool checked_add(std::uint64_t a, std::uint64_t b, std::uint64_t& sum) noexcept {
    return !__builtin_add_overflow(a, b, &sum);
}

/// a * b, or false when it does not fit.
[[nodiscard]] inline bool checked_mul(std::uint64_t a, std::uint64_t b, std::uint64_t& product) noexcept {
    return !__builtin_mul_overflow(a, b, &product);
}

/// Rounds up to a power of two. The caller guarantees that the result fits.
[[nodiscard]] constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) noexcept {
    return (value + alignment - 1) & ~(alignment - 1);
}

/// True when every byte is zero.
[[nodiscard]] inline bool all_zero(Bytes bytes) noexcept {
    for (std::byte b : bytes)
        if (b != std::byte{0}) return false;
    return true;
}

} // namespace weightseal
