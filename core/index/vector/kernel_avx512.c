/* kernel_avx512.c - the kernels in registers of 512 bits.
 *
 * 1. The functions, not the file, are compiled for AVX-512, as in kernel_avx2.c.
 * 2. Bytes that fill no register are loaded under a mask: what is not in the mask is not touched.
 * 3. Products of bytes are those of VNNI, four to a lane and none lost: a + 128, unsigned, with b,
 *    signed. Lanes outside of the mask hold 128 times zero.
 *
 * "avx512" also needs VPOPCNTDQ (Ice Lake, Zen 4, and newer); "avx512_vnni" is for the processors
 * between (Cascade Lake), and takes the bits of AVX2. Older ones have no VNNI and slow down at this
 * width: for them, AVX2.
 */
#include "index/vector/kernel_tables.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* One set for all functions, as they are inlined into each other. Only count_step gives a compiler a
 * reason to count bits, so what "avx512_vnni" holds has no instruction of VPOPCNTDQ. */
#define TARGET                                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512vpopcntdq,avx2,f16c")))
#define KERNEL TARGET static
#define INLINE TARGET static inline __attribute__((always_inline))

enum { LANES = 16, BYTES = 64, TAIL_MIN = 1, HALF_BYTES = 2, UNSIGNED_A = 1 };

typedef __m512 floats;
typedef __m512i words;

/* ---- Floats ---------------------------------------------------------------------------------- */

INLINE floats floats_zero(void) {
    return _mm512_setzero_ps();
}
INLINE floats floats_add(floats a, floats b) {
    return _mm512_add_ps(a, b);
}
INLINE floats floats_sub(floats a, floats b) {
    return _mm512_sub_ps(a, b);
}
INLINE floats floats_mul(floats a, floats b) {
    return _mm512_mul_ps(a, b);
}
INLINE floats floats_load(const uint8_t *p) {
    return _mm512_loadu_ps((const void *)p);
}
/* The instruction that loads halves widens them. */
#define halves_ready(p, count, room) ((void)(count), (void)(room), (p))
INLINE floats floats_load_half(const uint8_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

INLINE words words_zero(void) {
    return _mm512_setzero_si512();
}
INLINE words words_load(const uint8_t *p) {
    return _mm512_loadu_si512((const void *)p);
}
INLINE words words_xor(words a, words b) {
    return _mm512_xor_si512(a, b);
}
INLINE words words_and(words a, words b) {
    return _mm512_and_si512(a, b);
}
INLINE words words_add(words a, words b) {
    return _mm512_add_epi32(a, b);
}
INLINE words words_repeat(const uint8_t *p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)p));
}
INLINE words words_last(const uint8_t *p, size_t n, size_t rest) {
    return _mm512_maskz_loadu_epi8(((uint64_t)1 << rest) - 1, p + n - rest);
}
INLINE words dot_step(words sum, words a, words b) {
    return _mm512_dpbusd_epi32(sum, words_xor(a, _mm512_set1_epi8(-128)), b);
}
INLINE words count_step(words sum, words x) {
    return words_add(sum, _mm512_popcnt_epi32(x));
}

#include "index/vector/kernel_body.h"
#include "index/vector/kernel_x86.h"

INLINE float floats_finish(const pair p, size_t i, floats sums) {
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sums), 1));
    __m256 sum = _mm256_add_ps(_mm512_castps512_ps256(sums), high);
    if (p.n - i >= 8) {
        const __m256 a = p.half ? load8_half(p.a + i * 2) : load8(p.a + i * 4);
        const __m256 b = load8(p.b + i * 4);
        const __m256 difference = _mm256_sub_ps(a, b);
        sum = _mm256_add_ps(sum, p.squared ? _mm256_mul_ps(difference, difference)
                                           : _mm256_mul_ps(a, b));
        i += 8;
    }
    return finish8(p, i, sum);
}
INLINE __m256i halves_sum(words sums) {
    return _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
}
INLINE int32_t words_sum(words sums) {
    return sum8(halves_sum(sums));
}
INLINE void words_sums(const words sums[ROWS], int32_t out[ROWS]) {
    sums8(halves_sum(sums[0]), halves_sum(sums[1]), halves_sum(sums[2]), halves_sum(sums[3]), out);
}
INLINE uint32_t count_sum(words sums) {
    return (uint32_t)words_sum(sums);
}
/* Lanes of 32 bits, each at most 2048, are packed to 16 and added in pairs, twice: the second time as they count. */
INLINE words pairs_sums(words a, words b, words weights) {
    return _mm512_madd_epi16(_mm512_packus_epi32(a, b), weights);
}
INLINE void planes_sums(const words sums[ROWS], uint32_t out[ROWS]) {
    const words ones = _mm512_set1_epi16(1);
    const words weights = _mm512_set_epi64(
        0x0008000800080008, 0x0008000800080008, 0x0004000400040004, 0x0004000400040004,
        0x0002000200020002, 0x0002000200020002, 0x0001000100010001, 0x0001000100010001);
    const __m256i eight = halves_sum(pairs_sums(pairs_sums(sums[0], sums[1], ones),
                                                pairs_sums(sums[2], sums[3], ones), weights));
    _mm_storeu_si128((void *)out, _mm_add_epi32(_mm256_castsi256_si128(eight),
                                                _mm256_extracti128_si256(eight, 1)));
}

const st_vector_kernels st_vector_kernels_avx512_vnni = {
    .name = "avx512_vnni",
    .dot_f32 = dot_f32,
    .l2_f32 = l2_f32,
    .dot_f16 = dot_f16,
    .l2_f16 = l2_f16,
    .dot_i8 = dot_i8,
    .dots_i8 = dots_i8,
    .dots_b1 = st_vector_dots_b1_avx2,
    .hamming = st_vector_hamming_avx2,
};

const st_vector_kernels st_vector_kernels_avx512 = {
    .name = "avx512",
    .dot_f32 = dot_f32,
    .l2_f32 = l2_f32,
    .dot_f16 = dot_f16,
    .l2_f16 = l2_f16,
    .dot_i8 = dot_i8,
    .dots_i8 = dots_i8,
    .dots_b1 = dots_b1,
    .hamming = hamming,
};

#endif
