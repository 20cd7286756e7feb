// The kernel for AVX-512 with byte instructions and VNNI: 64 elements a step, as avx2.cpp does 32. VNNI sums the
// products of four bytes straight to 32 bits.

#include "watermark/kernels/kernel.hpp"

#if defined(__x86_64__)

#include "watermark/kernels/chip_order.hpp"
#include "watermark/kernels/padded.hpp"
#include "watermark/kernels/target.hpp"
#include "watermark/rows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if !defined(__clang__) // GCC 12 warns of its own header
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace weightseal::watermark {
namespace {

bool is_supported() noexcept {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vnni") != 0;
}

} // namespace
} // namespace weightseal::watermark

WEIGHTSEAL_BEGIN_TARGET("avx512f,avx512bw,avx512vnni")

namespace weightseal::watermark {
namespace {

constexpr std::size_t half = 32, step = 2 * half;

__m512i load(const void* from) {
    return _mm512_loadu_si512(from);
}

struct Bf16 {
    static constexpr std::size_t size = 2;
    static constexpr ChipOrder<step> order = chip_order<step>(8);
    /// The upper halves of 32 elements.
    static __m512i upper(const std::byte* from) { return load(from); }
};

struct F16 {
    static constexpr std::size_t size = 2;
    static constexpr ChipOrder<step> order = chip_order<step>(4);
    static __m512i halves(const void* from) {
        const __m512 floats = _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
        return _mm512_srai_epi32(_mm512_castps_si512(floats), 16);
    }
    static __m512i upper(const std::byte* from) { return _mm512_packs_epi32(halves(from), halves(from + 32)); }
};

struct F32 {
    static constexpr std::size_t size = 4;
    static constexpr ChipOrder<step> order = chip_order<step>(4);
    static __m512i halves(const void* from) { return _mm512_srai_epi32(load(from), 16); }
    static __m512i upper(const std::byte* from) { return _mm512_packs_epi32(halves(from), halves(from + 64)); }
};

__m512i magnitude(__m512i upper) {
    return _mm512_and_si512(upper, _mm512_set1_epi16(0x7FFF));
}

std::uint64_t total_64(__m512i sums) {
    const __m256i four = _mm256_add_epi64(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
    const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))));
}

std::int32_t total_32(__m512i sums) {
    const __m256i four = _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
    __m128i two = _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    two = _mm_add_epi32(two, _mm_unpackhi_epi64(two, two));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

template <class Type>
void measure_steps(const std::byte* elements, std::size_t count, std::size_t distance, Magnitude& to) {
    __m512i sum = _mm512_setzero_si512();
    Padded<half * Type::size> padded;
    for (std::size_t i = 0; i < count; i += distance) {
        const std::byte* at = elements + i * Type::size;
        if (count - i < half) at = padded.fill(at, (count - i) * Type::size);
        __m512i m = magnitude(Type::upper(at));
        m = _mm512_maskz_mov_epi16(_mm512_cmple_epi16_mask(m, _mm512_set1_epi16(0x7F7F)), m);
        sum = _mm512_dpwssd_epi32(sum, m, _mm512_set1_epi16(1));
        to.count += static_cast<unsigned>(std::popcount(_mm512_test_epi16_mask(m, m)));
    }
    to.sum += static_cast<std::uint32_t>(total_32(sum));
}

template <class Type>
void measure(const void* elements, std::size_t count, std::size_t every, Magnitude& to) {
    static_assert(half == sample_block);
    const std::size_t distance = every * half;
    constexpr std::size_t max_steps = 1024; // so that 32 bits hold the sum
    for (std::size_t i = 0; i < count; i += max_steps * distance)
        measure_steps<Type>(static_cast<const std::byte*>(elements) + i * Type::size,
                            std::min(count - i, max_steps * distance), distance, to);
}

/// Features of 32 elements without their signs.
__m512i features(__m512i m, __m512 c) {
    const __m512 low = _mm512_castsi512_ps(_mm512_unpacklo_epi16(_mm512_setzero_si512(), m));
    const __m512 high = _mm512_castsi512_ps(_mm512_unpackhi_epi16(_mm512_setzero_si512(), m));
    return _mm512_packs_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(low, c)), _mm512_cvtps_epi32(_mm512_mul_ps(high, c)));
}

template <class Type>
void correlate(const void* elements, std::size_t count, float scale, const std::uint64_t* chips, RowSums& to) {
    const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi8(1);
    const __m512i order = load(Type::order.byte), bit = load(Type::order.bit);
    const __m512 c = _mm512_set1_ps(scale);
    __m512i white_s = zero, white_q = zero, sign_s = zero, sign_q = zero;
    Padded<step * Type::size> padded;
    const auto* at = static_cast<const std::byte*>(elements);
    for (std::size_t i = 0; i < count; i += step, at += step * Type::size, ++chips) {
        if (count - i < step) at = padded.fill(at, (count - i) * Type::size);
        const __m512i upper_a = Type::upper(at), upper_b = Type::upper(at + half * Type::size);
        const __m512i a = magnitude(upper_a), b = magnitude(upper_b);
        __m512i feature = _mm512_packs_epi16(features(a, c), features(b, c));
        __m512i present = _mm512_min_epu8(_mm512_packs_epi16(a, b), one);
        if (_mm512_movepi8_mask(feature) != 0) [[unlikely]] {
            const __m512i past_finite = _mm512_set1_epi16(0x80); // lifts what is not finite above 0x7FFF
            const std::uint64_t absent = _mm512_movepi8_mask(
                _mm512_packs_epi16(_mm512_add_epi16(a, past_finite), _mm512_add_epi16(b, past_finite)));
            feature = _mm512_maskz_mov_epi8(~absent, _mm512_min_epu8(feature, _mm512_set1_epi8(127)));
            present = _mm512_maskz_mov_epi8(~absent, present);
            to.nonfinite += static_cast<unsigned>(std::popcount(absent));
        }
        const __m512i spread = _mm512_shuffle_epi8(_mm512_set1_epi64(static_cast<std::int64_t>(*chips)), order);
        const std::uint64_t negative =
            _mm512_test_epi8_mask(spread, bit) ^ _mm512_movepi8_mask(_mm512_packs_epi16(upper_a, upper_b));
        white_s = _mm512_dpbusd_epi32(white_s, one, _mm512_mask_sub_epi8(feature, negative, zero, feature));
        white_q = _mm512_dpbusd_epi32(white_q, feature, feature);
        sign_s = _mm512_dpbusd_epi32(sign_s, one, _mm512_mask_sub_epi8(present, negative, zero, present));
        sign_q = _mm512_dpbusd_epi32(sign_q, present, one);
    }
    to.white_s += total_32(white_s);
    const __m512i even = _mm512_set1_epi64(0xFFFFFFFF);
    to.white_q += total_64(_mm512_and_si512(white_q, even)) + total_64(_mm512_srli_epi64(white_q, 32));
    to.sign_s += total_32(sign_s);
    to.sign_q += static_cast<std::uint32_t>(total_32(sign_q));
}

template <class Type>
constexpr Loops loops{measure<Type>, correlate<Type>};

} // namespace

const Kernel avx512_kernel{"avx512", is_supported, {loops<F32>, loops<F16>, loops<Bf16>}, mark_bf16_avx2};

} // namespace weightseal::watermark

WEIGHTSEAL_END_TARGET

#endif
