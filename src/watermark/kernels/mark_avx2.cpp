// Marking BF16 with AVX2: 8 elements a step, in doubles as the plain loop of marker.cpp.

#include "watermark/kernels/kernel.hpp"

#if defined(__x86_64__)

#include "watermark/kernels/target.hpp"

#include <cstring>
#include <immintrin.h>

WEIGHTSEAL_BEGIN_TARGET("avx2")

namespace weightseal::watermark {
namespace {

constexpr std::size_t step = 8;

double total(__m256d sums) {
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(sums), _mm256_extractf128_pd(sums, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

std::uint64_t total(__m128i words) {
    const __m128i sums = _mm_sad_epu8(_mm_and_si128(words, _mm_set1_epi16(0xFF)), __m128i{});
    const __m128i upper = _mm_sad_epu8(_mm_srli_epi16(words, 8), __m128i{});
    const __m128i two = _mm_add_epi64(sums, _mm_slli_epi64(upper, 8));
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))));
}

__m128i magnitude(__m128i upper) {
    return _mm_and_si128(upper, _mm_set1_epi16(0x7FFF));
}

/// All ones for each magnitude that is finite.
__m128i finite(__m128i m) {
    return _mm_cmplt_epi16(m, _mm_set1_epi16(0x7F80));
}

/// The floats whose upper halves these are.
__m256 floats(__m128i upper) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(upper), 16));
}

struct Doubles {
    __m256d low, high;
};

Doubles doubles(__m256 values) {
    return {_mm256_cvtps_pd(_mm256_castps256_ps128(values)), _mm256_cvtps_pd(_mm256_extractf128_ps(values, 1))};
}

/// `amplitude` with the signs of four chips: bits of `word`, brought to the top by `shifts`.
__m256d with_signs(__m256d amplitude, __m256i word, __m256i shifts) {
    const __m256d signs = _mm256_and_pd(_mm256_castsi256_pd(_mm256_sllv_epi64(word, shifts)), _mm256_set1_pd(-0.0));
    return _mm256_xor_pd(amplitude, signs);
}

__m256d add_square(__m256d sums, __m256d value) {
    return _mm256_add_pd(sums, _mm256_mul_pd(value, value));
}

} // namespace

std::size_t mark_bf16_avx2(std::byte* elements, std::size_t count, double amplitude, const std::byte* chips,
                           std::size_t skipped, const std::byte* dither, TensorMark& counts) {
    const __m256d plus = _mm256_set1_pd(amplitude);
    const __m256i low_shifts = _mm256_set_epi64x(60, 61, 62, 63), high_shifts = _mm256_set_epi64x(56, 57, 58, 59);
    __m256d norm{}, change{};
    __m128i marked{}, zeros{}, nonfinite{}; // words: 2¹⁵ elements give at most 2¹² each
    std::size_t i = 0;
    for (; i + step <= count; i += step) {
        auto* const at = reinterpret_cast<__m128i*>(elements + 2 * i);
        const __m128i stored = _mm_loadu_si128(at), m = magnitude(stored);
        const __m128i is_finite = finite(m), is_zero = _mm_cmpeq_epi16(m, __m128i{});
        // What is not finite counts as zero from here on, so that sums stay finite.
        const Doubles w = doubles(floats(_mm_and_si128(stored, is_finite)));
        norm = add_square(add_square(norm, w.low), w.high);

        const std::size_t bit = skipped + i;
        std::uint16_t word;
        std::memcpy(&word, chips + bit / 8, sizeof word);
        const __m256i words = _mm256_set1_epi64x(word >> (bit % 8));
        const __m128 low = _mm256_cvtpd_ps(_mm256_add_pd(w.low, with_signs(plus, words, low_shifts)));
        const __m128 high = _mm256_cvtpd_ps(_mm256_add_pd(w.high, with_signs(plus, words, high_shifts)));
        const __m256i bits = _mm256_castps_si256(_mm256_set_m128(high, low));
        const __m128i r = _mm_loadu_si128(reinterpret_cast<const __m128i*>(dither + 2 * i));
        const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_cvtepu16_epi32(r)), 16);
        const __m128i after = _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));

        const __m128i counted = _mm_andnot_si128(is_zero, is_finite);
        const __m128i changed = _mm_and_si128(counted, finite(magnitude(after)));
        const __m128i result = _mm_blendv_epi8(stored, after, changed);
        _mm_storeu_si128(at, result);
        const Doubles v = doubles(floats(_mm_and_si128(result, is_finite)));
        change = add_square(change, _mm256_sub_pd(v.low, w.low));
        change = add_square(change, _mm256_sub_pd(v.high, w.high));
        marked = _mm_sub_epi16(marked, changed);
        zeros = _mm_sub_epi16(zeros, is_zero);
        nonfinite = _mm_add_epi16(nonfinite, _mm_add_epi16(is_finite, _mm_set1_epi16(1)));
    }
    counts.squared_norm += total(norm);
    counts.squared_change += total(change);
    counts.elements += total(marked);
    counts.zeros += total(zeros);
    counts.nonfinite += total(nonfinite);
    return i;
}

} // namespace weightseal::watermark

WEIGHTSEAL_END_TARGET

#endif
