// The kernel for AArch64, every one of which has these instructions: 16 elements a step. Conversions saturate, and so
// clamp.

#include "watermark/kernels/kernel.hpp"

#if defined(__aarch64__)

#include "watermark/kernels/padded.hpp"
#include "watermark/rows.hpp"

#include <algorithm>
#include <arm_neon.h>
#include <cstring>

namespace weightseal::watermark {
namespace {

constexpr std::size_t step = 16;

/// The upper halves of 16 elements.
struct Upper {
    uint16x8_t a, b;
};

struct Bf16 {
    static constexpr std::size_t size = 2;
    static Upper upper(const std::byte* from) {
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(from);
        return {vreinterpretq_u16_u8(vld1q_u8(bytes)), vreinterpretq_u16_u8(vld1q_u8(bytes + 16))};
    }
};

/// The upper halves of eight floats.
uint16x8_t upper_halves(float32x4_t a, float32x4_t b) {
    return vuzp2q_u16(vreinterpretq_u16_f32(a), vreinterpretq_u16_f32(b));
}

struct F16 {
    static constexpr std::size_t size = 2;
    static uint16x8_t upper(float16x8_t stored) {
        return upper_halves(vcvt_f32_f16(vget_low_f16(stored)), vcvt_high_f32_f16(stored));
    }
    static Upper upper(const std::byte* from) {
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(from);
        return {upper(vreinterpretq_f16_u8(vld1q_u8(bytes))), upper(vreinterpretq_f16_u8(vld1q_u8(bytes + 16)))};
    }
};

struct F32 {
    static constexpr std::size_t size = 4;
    static Upper upper(const std::byte* from) {
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(from);
        const auto floats = [&](std::size_t at) { return vreinterpretq_f32_u8(vld1q_u8(bytes + at)); };
        return {upper_halves(floats(0), floats(16)), upper_halves(floats(32), floats(48))};
    }
};

uint16x8_t magnitude(uint16x8_t upper) {
    return vandq_u16(upper, vdupq_n_u16(0x7FFF));
}

/// All ones for each magnitude that is not finite.
uint16x8_t nonfinite(uint16x8_t m) {
    return vcgtq_u16(m, vdupq_n_u16(0x7F7F));
}

/// Until counts of bytes and sums of words are widened: 127 counts, or sums of two features, fit.
constexpr std::size_t max_steps = 127;

/// At most `max_steps` blocks.
template <class Type>
void measure_steps(const std::byte* elements, std::size_t count, std::size_t distance, Magnitude& to) {
    uint32x4_t sum = vdupq_n_u32(0);
    uint16x8_t present = vdupq_n_u16(0);
    const auto add = [&](uint16x8_t m) {
        m = vbicq_u16(m, nonfinite(m));
        sum = vpadalq_u16(sum, m);
        present = vaddq_u16(present, vminq_u16(m, vdupq_n_u16(1)));
    };
    Padded<step * Type::size> padded;
    for (std::size_t block = 0; block < count; block += distance) {
        for (std::size_t i = block; i < std::min(block + sample_block, count); i += step) {
            const std::byte* at = elements + i * Type::size;
            if (count - i < step) at = padded.fill(at, (count - i) * Type::size);
            const Upper upper = Type::upper(at);
            add(magnitude(upper.a));
            add(magnitude(upper.b));
        }
    }
    to.sum += vaddlvq_u32(sum);
    to.count += vaddlvq_u16(present);
}

template <class Type>
void measure(const void* elements, std::size_t count, std::size_t every, Magnitude& to) {
    const std::size_t distance = every * sample_block;
    for (std::size_t i = 0; i < count; i += max_steps * distance)
        measure_steps<Type>(static_cast<const std::byte*>(elements) + i * Type::size,
                            std::min(count - i, max_steps * distance), distance, to);
}

/// Features of eight elements without their signs.
int16x8_t features(uint16x8_t m, float32x4_t c) {
    const uint16x8_t zero = vdupq_n_u16(0);
    const float32x4_t low = vreinterpretq_f32_u16(vzip1q_u16(zero, m));
    const float32x4_t high = vreinterpretq_f32_u16(vzip2q_u16(zero, m));
    return vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(vmulq_f32(low, c))), vcvtnq_s32_f32(vmulq_f32(high, c)));
}

/// At most `max_steps` steps.
template <class Type>
void correlate_steps(const std::byte* at, std::size_t count, float32x4_t c, const std::byte* chips, RowSums& to) {
    const uint8x16_t order = vcombine_u8(vdup_n_u8(0), vdup_n_u8(1));
    const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    const int8x16_t one = vdupq_n_s8(1);
    int16x8_t white_s = vdupq_n_s16(0);
    uint32x4_t white_q = vdupq_n_u32(0);
    int8x16_t sign_s = vdupq_n_s8(0), sign_q = sign_s;
    uint16x8_t absent = vdupq_n_u16(0);
    Padded<step * Type::size> padded;
    for (std::size_t i = 0; i < count; i += step, at += step * Type::size, chips += step / 8) {
        if (count - i < step) at = padded.fill(at, (count - i) * Type::size);
        const Upper upper = Type::upper(at);
        uint16x8_t a = magnitude(upper.a), b = magnitude(upper.b);
        const uint16x8_t absent_a = nonfinite(a), absent_b = nonfinite(b);
        absent = vsubq_u16(absent, vaddq_u16(absent_a, absent_b));
        a = vbicq_u16(a, absent_a);
        b = vbicq_u16(b, absent_b);
        const int8x16_t feature = vqmovn_high_s16(vqmovn_s16(features(a, c)), features(b, c));
        const int8x16_t present =
            vminq_s8(vqmovn_high_s16(vqmovn_s16(vreinterpretq_s16_u16(a)), vreinterpretq_s16_u16(b)), one);
        std::uint16_t word;
        std::memcpy(&word, chips, sizeof word);
        const uint8x16_t negated = vtstq_u8(vqtbl1q_u8(vreinterpretq_u8_u16(vdupq_n_u16(word)), order), bit);
        const uint8x16_t top = vshrn_high_n_u16(vshrn_n_u16(upper.a, 8), upper.b, 8);
        const int8x16_t product = vreinterpretq_s8_u8(veorq_u8(negated, top)); // has the sign of chip times element
        const int8x16_t sign = vorrq_s8(vshrq_n_s8(product, 7), one);
        white_s = vpadalq_s8(white_s, vmulq_s8(feature, sign));
        white_q = vpadalq_u16(white_q, vreinterpretq_u16_s16(vmull_s8(vget_low_s8(feature), vget_low_s8(feature))));
        white_q = vpadalq_u16(white_q, vreinterpretq_u16_s16(vmull_high_s8(feature, feature)));
        sign_s = vmlaq_s8(sign_s, present, sign);
        sign_q = vaddq_s8(sign_q, present);
    }
    to.white_s += vaddlvq_s16(white_s);
    to.white_q += vaddlvq_u32(white_q);
    to.sign_s += vaddlvq_s8(sign_s);
    to.sign_q += vaddlvq_u8(vreinterpretq_u8_s8(sign_q));
    to.nonfinite += vaddlvq_u16(absent);
}

template <class Type>
void correlate(const void* elements, std::size_t count, float c, const std::uint64_t* chips, RowSums& to) {
    for (std::size_t i = 0; i < count; i += max_steps * step)
        correlate_steps<Type>(static_cast<const std::byte*>(elements) + i * Type::size,
                              std::min(count - i, max_steps * step), vdupq_n_f32(c),
                              reinterpret_cast<const std::byte*>(chips) + i / 8, to);
}

template <class Type>
constexpr Loops loops{measure<Type>, correlate<Type>};

bool is_supported() noexcept {
    return true;
}

} // namespace

const Kernel neon_kernel{"neon", is_supported, {loops<F32>, loops<F16>, loops<Bf16>}};

} // namespace weightseal::watermark

#endif
