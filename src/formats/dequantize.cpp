#include "formats/dequantize.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace weightseal::formats {
namespace {

/// A float format of 8 bits: sign, exponent, mantissa, and which patterns are no numbers.
struct Fp8 {
    int mantissa_bits;
    int bias;
    enum class Specials : std::uint8_t {
        ieee,          ///< highest exponent: infinity and NaN (E5M2)
        one_nan,       ///< all ones: NaN; no infinity (E4M3)
        negative_zero, ///< 0x80: NaN; no infinity, no negative zero (FNUZ)
    } specials;
};

float fp8_to_float(unsigned bits, const Fp8& format) {
    const unsigned magnitude = bits & 0x7FU;
    const unsigned mantissa = magnitude & ((1U << format.mantissa_bits) - 1);
    const int exponent = static_cast<int>(magnitude >> format.mantissa_bits);
    const int highest = 0x7F >> format.mantissa_bits;
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    if (format.specials == Fp8::Specials::negative_zero && bits == 0x80U) return nan;
    if (format.specials == Fp8::Specials::one_nan && magnitude == 0x7FU) return nan;
    if (format.specials == Fp8::Specials::ieee && exponent == highest && mantissa != 0) return nan;
    float value = 0;
    if (format.specials == Fp8::Specials::ieee && exponent == highest)
        value = std::numeric_limits<float>::infinity();
    else if (exponent == 0)
        value = std::ldexp(static_cast<float>(mantissa), 1 - format.bias - format.mantissa_bits);
    else
        value = std::ldexp(static_cast<float>((1U << format.mantissa_bits) + mantissa),
                           exponent - format.bias - format.mantissa_bits);
    return (bits & 0x80U) != 0 ? -value : value;
}

using Table = std::array<float, 256>;

Table make_table(const Fp8& format) {
    Table table{};
    for (unsigned bits = 0; bits < table.size(); ++bits)
        table[bits] = fp8_to_float(bits, format);
    return table;
}

// Powers of two alone, without sign and zero (OCP microscaling formats).
Table make_e8m0_table() {
    Table table{};
    for (int bits = 0; bits < 255; ++bits)
        table[static_cast<std::size_t>(bits)] = std::ldexp(1.0F, bits - 127);
    table[255] = std::numeric_limits<float>::quiet_NaN();
    return table;
}

void look_up(const Table& table, Bytes elements, std::span<float> to) {
    for (std::size_t i = 0; i < to.size(); ++i)
        to[i] = table[static_cast<std::size_t>(elements[i])];
}

template <class Stored, class Convert>
void convert(Bytes elements, std::span<float> to, const Convert& to_float) {
    for (std::size_t i = 0; i < to.size(); ++i)
        to[i] = to_float(load_le<Stored>(elements, i * sizeof(Stored)));
}

} // namespace

bool is_float(Dtype dtype) noexcept {
    switch (dtype) {
    case Dtype::f64:
    case Dtype::f32:
    case Dtype::f16:
    case Dtype::bf16:
    case Dtype::f8_e5m2:
    case Dtype::f8_e4m3:
    case Dtype::f8_e8m0:
    case Dtype::f8_e4m3fnuz:
    case Dtype::f8_e5m2fnuz: return true;
    default: return false;
    }
}

void to_floats(Dtype dtype, Bytes elements, std::span<float> to) {
    using Specials = Fp8::Specials;
    switch (dtype) {
    case Dtype::f64: convert<double>(elements, to, [](double value) { return static_cast<float>(value); }); return;
    case Dtype::f32: std::memcpy(to.data(), elements.data(), to.size_bytes()); return;
    case Dtype::f16: convert<std::uint16_t>(elements, to, f16_to_float); return;
    case Dtype::bf16:
        convert<std::uint16_t>(elements, to,
                               [](std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); });
        return;
    case Dtype::f8_e5m2: {
        static const Table table = make_table({2, 15, Specials::ieee});
        look_up(table, elements, to);
        return;
    }
    case Dtype::f8_e4m3: {
        static const Table table = make_table({3, 7, Specials::one_nan});
        look_up(table, elements, to);
        return;
    }
    case Dtype::f8_e4m3fnuz: {
        static const Table table = make_table({3, 8, Specials::negative_zero});
        look_up(table, elements, to);
        return;
    }
    case Dtype::f8_e5m2fnuz: {
        static const Table table = make_table({2, 16, Specials::negative_zero});
        look_up(table, elements, to);
        return;
    }
    case Dtype::f8_e8m0: {
        static const Table table = make_e8m0_table();
        look_up(table, elements, to);
        return;
    }
    default: return; // callers ask is_float first
    }
}

} // namespace weightseal::formats
