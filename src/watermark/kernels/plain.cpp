// The kernel in plain C++: the definition the others are tested against.

#include "formats/dequantize.hpp"
#include "watermark/feature.hpp"
#include "watermark/kernels/kernel.hpp"
#include "watermark/rows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weightseal::watermark {
namespace {

struct F32 {
    using Stored = float;
    static std::uint32_t upper(Stored value) noexcept { return std::bit_cast<std::uint32_t>(value) >> 16; }
};

struct F16 {
    using Stored = std::uint16_t;
    static std::uint32_t upper(Stored value) noexcept {
        return std::bit_cast<std::uint32_t>(formats::f16_to_float(value)) >> 16;
    }
};

struct Bf16 {
    using Stored = std::uint16_t;
    static std::uint32_t upper(Stored value) noexcept { return value; }
};

template <class Type>
typename Type::Stored load(const void* elements, std::size_t i) noexcept {
    typename Type::Stored value;
    std::memcpy(&value, static_cast<const char*>(elements) + i * sizeof value, sizeof value);
    return value;
}

template <class Type>
void measure(const void* elements, std::size_t count, std::size_t every, Magnitude& to) {
    for (std::size_t block = 0; block < count; block += every * sample_block)
        for (std::size_t i = block; i < std::min(block + sample_block, count); ++i) {
            const std::uint32_t m = Type::upper(load<Type>(elements, i)) & 0x7FFFU;
            if (!is_nonzero_finite(m)) continue;
            to.sum += m;
            ++to.count;
        }
}

template <class Type>
void correlate(const void* elements, std::size_t count, float c, const std::uint64_t* chips, RowSums& to) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t u = Type::upper(load<Type>(elements, i));
        if ((u & 0x7FFFU) >= 0x7F80U) {
            ++to.nonfinite;
            continue;
        }
        const int white = white_feature(u, c);
        const int sign = sign_feature(u);
        const int x = (chips[i / 64] >> (i % 64) & 1U) != 0 ? -1 : 1;
        to.white_s += x * white;
        to.white_q += static_cast<std::uint64_t>(white * white);
        to.sign_s += x * sign;
        to.sign_q += static_cast<std::uint64_t>(sign * sign);
    }
}

template <class Type>
constexpr Loops loops{measure<Type>, correlate<Type>};

} // namespace

const Kernel plain_kernel{"plain", []() noexcept { return true; }, {loops<F32>, loops<F16>, loops<Bf16>}};

} // namespace weightseal::watermark
