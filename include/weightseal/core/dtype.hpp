#pragma once
// Element types: the dtypes of the safetensors specification, sub-byte ones included.

#include <cstdint>
#include <optional>
#include <string_view>

namespace weightseal {

/// Element type of a tensor. The numbers are stored in containers and never change.
enum class Dtype : std::uint8_t {
    boolean = 1,
    f4 = 2,
    f6_e2m3 = 3,
    f6_e3m2 = 4,
    u8 = 5,
    i8 = 6,
    f8_e5m2 = 7,
    f8_e4m3 = 8,
    f8_e8m0 = 9,
    f8_e4m3fnuz = 10,
    f8_e5m2fnuz = 11,
    i16 = 12,
    u16 = 13,
    f16 = 14,
    bf16 = 15,
    i32 = 16,
    u32 = 17,
    f32 = 18,
    c64 = 19,
    f64 = 20,
    i64 = 21,
    u64 = 22,
};

/// The name safetensors uses, for example "BF16"; "?" for a value outside the enumeration.
[[nodiscard]] std::string_view dtype_name(Dtype dtype) noexcept;

/// Bits per element (4, 6, 8, 16, 32 or 64); 0 for a value outside the enumeration.
[[nodiscard]] unsigned dtype_bits(Dtype dtype) noexcept;

/// The dtype of a safetensors name, or nothing.
[[nodiscard]] std::optional<Dtype> dtype_from_name(std::string_view name) noexcept;

/// The dtype of a stored number, or nothing.
[[nodiscard]] std::optional<Dtype> dtype_from_code(std::uint8_t code) noexcept;

} // namespace weightseal
