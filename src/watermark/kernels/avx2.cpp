// The kernel for AVX2 and F16C: 32 elements a step.
//
// Their upper halves, 16 a vector, are multiplied as floats, converted and packed to bytes; saturation is the clamp.
// What is not finite, or too large to convert, comes out as 0x80, a byte that nothing else gives.

#include "watermark/kernels/kernel.hpp"

#if defined(__x86_64__)

#include "watermark/kernels/chip_order.hpp"
#include "watermark/kernels/padded.hpp"
#include "watermark/kernels/target.hpp"
#include "watermark/rows.hpp"

#include <algorithm>
#include <bit>
#include <cpuid.h>
#include <cstring>
#include <immintrin.h>

namespace weightseal::watermark {
namespace {

bool is_supported() noexcept {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __builtin_cpu_supports("avx2") != 0 && __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

} // namespace
} // namespace weightseal::watermark

WEIGHTSEAL_BEGIN_TARGET("avx2,f16c")

namespace weightseal::watermark {
namespace {

constexpr std::size_t half = 16, step = 2 * half;
/// Bytes. Measuring a row reads parts of it far apart, for which the processor does not read ahead by itself.
constexpr std::size_t prefetched = 8192;
/// Until bytes and words are widened: 127 counts, or sums of two features, fit.
constexpr std::size_t max_steps = 127;

__m256i load(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

struct Bf16 {
    static constexpr std::size_t size = 2;
    static constexpr ChipOrder<step> order = chip_order<step>(8);
    /// The upper halves of 16 elements.
    static __m256i upper(const std::byte* from) { return load(from); }
};

struct F16 {
    static constexpr std::size_t size = 2;
    static constexpr ChipOrder<step> order = chip_order<step>(4);
    static __m256i halves(const void* from) {
        const __m256 floats = _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(from)));
        return _mm256_srai_epi32(_mm256_castps_si256(floats), 16);
    }
    static __m256i upper(const std::byte* from) { return _mm256_packs_epi32(halves(from), halves(from + 16)); }
};

struct F32 {
    static constexpr std::size_t size = 4;
    static constexpr ChipOrder<step> order = chip_order<step>(4);
    static __m256i halves(const void* from) { return _mm256_srai_epi32(load(from), 16); }
    static __m256i upper(const std::byte* from) { return _mm256_packs_epi32(halves(from), halves(from + 32)); }
};

__m256i magnitude(__m256i upper) {
    return _mm256_and_si256(upper, _mm256_set1_epi16(0x7FFF));
}

/// All ones for each magnitude that is not finite.
__m256i nonfinite(__m256i m) {
    return _mm256_cmpgt_epi16(m, _mm256_set1_epi16(0x7F7F));
}

/// Magnitudes as bytes: 1 for each that is not zero.
__m256i nonzero(__m256i a, __m256i b) {
    return _mm256_min_epu8(_mm256_packs_epi16(a, b), _mm256_set1_epi8(1));
}

/// Sums of two neighbours each.
__m256i pairs(__m256i words) {
    return _mm256_madd_epi16(words, _mm256_set1_epi16(1));
}

std::uint64_t total_64(__m256i sums) {
    const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))));
}

std::int32_t total_32(__m256i sums) {
    __m128i two = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    two = _mm_add_epi32(two, _mm_unpackhi_epi64(two, two));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

/// At most `max_steps` blocks.
template <class Type>
void measure_steps(const std::byte* elements, std::size_t count, std::size_t distance, Magnitude& to) {
    __m256i sum{}, present{};
    Padded<step * Type::size> padded;
    for (std::size_t i = 0; i < count; i += distance) {
        const std::byte* at = elements + i * Type::size;
        if (count - i < step) at = padded.fill(at, (count - i) * Type::size);
        __m256i a = magnitude(Type::upper(at)), b = magnitude(Type::upper(at + half * Type::size));
        a = _mm256_andnot_si256(nonfinite(a), a);
        b = _mm256_andnot_si256(nonfinite(b), b);
        sum = _mm256_add_epi32(sum, _mm256_add_epi32(pairs(a), pairs(b)));
        present = _mm256_add_epi8(present, nonzero(a, b));
    }
    to.sum += static_cast<std::uint32_t>(total_32(sum));
    to.count += total_64(_mm256_sad_epu8(present, __m256i{}));
}

template <class Type>
void measure(const void* elements, std::size_t count, std::size_t every, Magnitude& to) {
    static_assert(step == sample_block);
    const std::size_t distance = every * step;
    for (std::size_t i = 0; i < count; i += max_steps * distance)
        measure_steps<Type>(static_cast<const std::byte*>(elements) + i * Type::size,
                            std::min(count - i, max_steps * distance), distance, to);
}

/// Features of 16 elements without their signs.
__m256i features(__m256i m, __m256 c) {
    const __m256 low = _mm256_castsi256_ps(_mm256_unpacklo_epi16(__m256i{}, m));
    const __m256 high = _mm256_castsi256_ps(_mm256_unpackhi_epi16(__m256i{}, m));
    return _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(low, c)), _mm256_cvtps_epi32(_mm256_mul_ps(high, c)));
}

/// At most `max_steps` steps.
template <class Type>
void correlate_steps(const std::byte* at, std::size_t count, __m256 c, const std::byte* chips, RowSums& to) {
    const __m256i order = load(Type::order.byte), bit = load(Type::order.bit), one = _mm256_set1_epi8(1);
    __m256i white_s{}, white_q{}, sign_s{}, sign_q{};
    Padded<step * Type::size> padded;
    for (std::size_t i = 0; i < count; i += step, at += step * Type::size, chips += step / 8) {
        if (count - i < step) at = padded.fill(at, (count - i) * Type::size);
        for (std::size_t line = 0; line < step * Type::size; line += 64)
            _mm_prefetch(reinterpret_cast<const char*>(at) + prefetched + line, _MM_HINT_T0);
        const __m256i upper_a = Type::upper(at), upper_b = Type::upper(at + half * Type::size);
        const __m256i a = magnitude(upper_a), b = magnitude(upper_b);
        __m256i feature = _mm256_packs_epi16(features(a, c), features(b, c));
        __m256i present = nonzero(a, b);
        if (_mm256_movemask_epi8(feature) != 0) [[unlikely]] {
            const __m256i absent = _mm256_packs_epi16(nonfinite(a), nonfinite(b));
            feature = _mm256_andnot_si256(absent, _mm256_min_epu8(feature, _mm256_set1_epi8(127)));
            present = _mm256_andnot_si256(absent, present);
            to.nonfinite += static_cast<unsigned>(std::popcount(static_cast<unsigned>(_mm256_movemask_epi8(absent))));
        }
        std::int32_t word;
        std::memcpy(&word, chips, sizeof word);
        const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(word), order);
        const __m256i negated = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
        // Its sign is that of chip times element. It is zero for zeros alone.
        const __m256i product = _mm256_xor_si256(negated, _mm256_packs_epi16(upper_a, upper_b));
        const __m256i sign = _mm256_sign_epi8(present, product);
        white_s = _mm256_add_epi16(white_s, _mm256_maddubs_epi16(feature, sign));
        white_q = _mm256_add_epi32(white_q, pairs(_mm256_maddubs_epi16(feature, feature)));
        sign_s = _mm256_add_epi8(sign_s, sign);
        sign_q = _mm256_add_epi8(sign_q, present);
    }
    to.white_s += total_32(pairs(white_s));
    to.white_q += static_cast<std::uint32_t>(total_32(white_q));
    to.sign_s += total_32(pairs(_mm256_maddubs_epi16(one, sign_s)));
    to.sign_q += total_64(_mm256_sad_epu8(sign_q, __m256i{}));
}

template <class Type>
void correlate(const void* elements, std::size_t count, float c, const std::uint64_t* chips, RowSums& to) {
    for (std::size_t i = 0; i < count; i += max_steps * step)
        correlate_steps<Type>(static_cast<const std::byte*>(elements) + i * Type::size,
                              std::min(count - i, max_steps * step), _mm256_set1_ps(c),
                              reinterpret_cast<const std::byte*>(chips) + i / 8, to);
}

template <class Type>
constexpr Loops loops{measure<Type>, correlate<Type>};

} // namespace

const Kernel avx2_kernel{"avx2", is_supported, {loops<F32>, loops<F16>, loops<Bf16>}, mark_bf16_avx2};

} // namespace weightseal::watermark

WEIGHTSEAL_END_TARGET

#endif
