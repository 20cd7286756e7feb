// Stands for the compiler's header of this name: AVX-512 as SIMDe emulates it, and what version 0.7.4 of it lacks.

#if defined(WEIGHTSEAL_EMULATED_AVX512) // SIMDe includes the compiler's
#include_next <immintrin.h>
#else
#define WEIGHTSEAL_EMULATED_AVX512

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>

#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32 emulated_cvtps_epi32
inline simde__m512i emulated_cvtps_epi32(simde__m512 a) {
    simde__m512_private from = simde__m512_to_private(a);
    simde__m512i_private to;
    for (int i = 0; i < 2; ++i)
        to.m256i[i] = simde_mm256_cvtps_epi32(from.m256[i]);
    return simde__m512i_from_private(to);
}

#undef _mm512_cvtph_ps
#define _mm512_cvtph_ps emulated_cvtph_ps
inline simde__m512 emulated_cvtph_ps(simde__m256i a) {
    simde__m256i_private from = simde__m256i_to_private(a);
    simde__m512_private to;
    for (int i = 0; i < 2; ++i)
        to.m256[i] = simde_mm256_cvtph_ps(from.m128i[i]);
    return simde__m512_from_private(to);
}

#undef _mm512_srai_epi32
#define _mm512_srai_epi32 emulated_srai_epi32
inline simde__m512i emulated_srai_epi32(simde__m512i a, int count) {
    simde__m512i_private all = simde__m512i_to_private(a);
    for (int i = 0; i < 2; ++i)
        all.m256i[i] = simde_mm256_srai_epi32(all.m256i[i], count);
    return simde__m512i_from_private(all);
}
#endif
