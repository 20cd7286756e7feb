#include "watermark/marker.hpp"

#include "formats/dequantize.hpp"
#include "watermark/feature.hpp"
#include "watermark/kernels/kernel.hpp"
#include "watermark/row_scale.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <type_traits>

namespace weightseal::watermark {
namespace {

constexpr std::uint64_t piece = 1U << 15; // elements marked at a time: a multiple of what an AES block serves

// How a dtype is read and rounded. `round` gets the exact marked value and 16 bits of dither; nothing where the result
// would not be finite.
struct F64 {
    using Stored = double;
    static constexpr bool is_dithered = false;
    static double value(Stored stored) noexcept { return stored; }
    static std::optional<Stored> round(double marked, unsigned) noexcept {
        if (!std::isfinite(marked)) return std::nullopt;
        return marked;
    }
};

struct F32 {
    using Stored = float;
    static constexpr bool is_dithered = false;
    static double value(Stored stored) noexcept { return static_cast<double>(stored); }
    static std::optional<Stored> round(double marked, unsigned) noexcept {
        const auto rounded = static_cast<float>(marked);
        if (!std::isfinite(rounded)) return std::nullopt;
        return rounded;
    }
};

struct Bf16 {
    using Stored = std::uint16_t;
    static constexpr bool is_dithered = true;
    static double value(Stored stored) noexcept { return static_cast<double>(from_upper(stored)); }
    static std::optional<Stored> round(double marked, unsigned dither) noexcept {
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(static_cast<float>(marked)) + dither;
        const auto stored = static_cast<Stored>(bits >> 16);
        if ((stored & 0x7FFFU) >= 0x7F80U) return std::nullopt;
        return stored;
    }
};

struct F16 {
    using Stored = std::uint16_t;
    static constexpr bool is_dithered = true;
    static double value(Stored stored) noexcept { return static_cast<double>(formats::f16_to_float(stored)); }
    static std::optional<Stored> round(double marked, unsigned dither) noexcept {
        const auto magnitude = static_cast<double>(std::abs(static_cast<float>(marked)));
        if (!(magnitude < 65536)) return std::nullopt;
        // Steps of F16 around the magnitude: 2⁻²⁴ for subnormals, else 2⁻¹⁰ of its power of two.
        const int exponent = std::max(-14, magnitude == 0 ? -14 : std::ilogb(magnitude));
        const double steps = std::ldexp(magnitude, 10 - exponent);
        const double below = std::floor(steps);
        const bool up = dither < 65536 * (steps - below);
        // Counting steps from zero gives the pattern: subnormals, then 1024 for each power of two.
        const auto pattern =
            static_cast<std::uint32_t>(below) + (up ? 1U : 0U) + static_cast<std::uint32_t>((exponent + 14) * 1024);
        if (pattern >= 0x7C00U) return std::nullopt;
        return static_cast<Stored>(pattern | (std::signbit(marked) ? 0x8000U : 0U));
    }
};

} // namespace

bool is_markable(Dtype dtype) noexcept {
    return dtype == Dtype::f64 || dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16;
}

void check_strength(double strength) {
    if (!(strength >= min_strength && strength <= max_strength))
        throw Error(Errc::bad_strength, "strength", fmt::format("is not from {} to {}", min_strength, max_strength));
}

Marker::Marker(const Identity& identity, std::string_view tensor, std::span<const std::uint64_t> shape, Dtype dtype,
               double strength)
    : dtype_(dtype), strength_(strength), size_(dtype_bits(dtype) / 8),
      chips_(identity.chip_key(tensor, shape).bytes()), dither_(identity.dither_key(tensor, shape).bytes()),
      chip_bytes_(piece / 8 + 32), dither_bytes_(piece * 2 + 32) {}

void Marker::mark_rows(MutableBytes rows, std::uint64_t row_length, std::uint64_t first) {
    const std::size_t row_bytes = row_length * size_;
    for (; !rows.empty(); rows = rows.subspan(row_bytes), first += row_length) {
        const MutableBytes row = rows.first(row_bytes);
        mark_part(row, row_deviation(dtype_, row), first);
    }
}

void Marker::mark_part(MutableBytes elements, std::optional<double> deviation, std::uint64_t first) {
    while (!elements.empty()) {
        const std::uint64_t aligned = first / 128 * 128; // where an AES block of chips starts
        const std::uint64_t count = std::min<std::uint64_t>(elements.size() / size_, aligned + piece - first);
        const MutableBytes now = elements.first(count * size_);
        chips_.fill(aligned / 8, MutableBytes(chip_bytes_).first((first + count - aligned + 7) / 8));
        const std::uint64_t dither_from = first / 8 * 8; // an AES block serves 8 elements
        const std::byte* dither = nullptr;
        if (dtype_ == Dtype::f16 || dtype_ == Dtype::bf16) {
            dither_.fill(dither_from * 2, MutableBytes(dither_bytes_).first((first + count - dither_from) * 2));
            dither = dither_bytes_.data() + (first - dither_from) * 2;
        }
        const std::size_t skipped = first - aligned;
        const double amplitude = deviation ? strength_ * *deviation : 0;
        switch (dtype_) {
        case Dtype::f64: mark_elements<F64>(now, amplitude, skipped, dither); break;
        case Dtype::f32: mark_elements<F32>(now, amplitude, skipped, dither); break;
        case Dtype::f16: mark_elements<F16>(now, amplitude, skipped, dither); break;
        default: mark_elements<Bf16>(now, amplitude, skipped, dither); break;
        }
        elements = elements.subspan(now.size());
        first += count;
    }
}

template <class Type>
void Marker::mark_elements(MutableBytes elements, double amplitude, std::size_t skipped, const std::byte* dither) {
    using Stored = typename Type::Stored;
    const std::size_t count = elements.size() / sizeof(Stored);
    std::size_t i = 0;
    if constexpr (std::is_same_v<Type, Bf16>)
        if (const MarkBf16 mark = chosen_kernel().mark_bf16; mark != nullptr && amplitude != 0)
            i = mark(elements.data(), count, amplitude, chip_bytes_.data(), skipped, dither, counts_);
    for (; i < count; ++i) {
        const auto stored = load_le<Stored>(elements, i * sizeof(Stored));
        const double w = Type::value(stored);
        const std::uint32_t m = std::bit_cast<std::uint32_t>(static_cast<float>(w)) >> 16 & 0x7FFFU;
        if (!is_nonzero_finite(m)) {
            ++(m == 0 ? counts_.zeros : counts_.nonfinite);
            continue;
        }
        counts_.squared_norm += w * w;
        if (amplitude == 0) continue;
        const std::size_t at = skipped + i;
        const bool is_minus = (static_cast<unsigned>(chip_bytes_[at / 8]) >> (at % 8) & 1U) != 0;
        const double marked = is_minus ? w - amplitude : w + amplitude;
        unsigned r = 0;
        if constexpr (Type::is_dithered) r = load_le<std::uint16_t>({dither + 2 * i, 2}, 0);
        const std::optional<Stored> rounded = Type::round(marked, r);
        if (!rounded) continue;
        store_le(elements, i * sizeof(Stored), *rounded);
        ++counts_.elements;
        const double change = Type::value(*rounded) - w;
        counts_.squared_change += change * change;
    }
}

} // namespace weightseal::watermark
