/* kernel_avx2.c - the kernels in registers of 256 bits, for the processors since 2013.
 *
 * 1. The functions, not the file, are compiled for AVX2: each build system compiles this like any
 *    other file, and nothing that a header defines can become AVX2 code that others then call.
 * 2. Nothing here runs before kernel.c has seen that the processor can.
 *
 * The instructions themselves, not SIMDe's names for them: no processor without them calls this, and
 * SIMDe takes what the whole file is compiled for as the limit.
 *
 * Products of bytes: a is its low seven bits, less 128 where it is below zero. Seven bits times a
 * signed byte, two of them added, are at most 2 * 127 * 128, which maddubs holds; those b whose a is
 * below zero are added up beside it, and taken off 128 times. Rejected: maddubs of a + 128 with b,
 * as two of those saturate at 2^15; both widened to 16 bits, which takes twice the time (768
 * dimensions, second-level cache).
 */
#include "index/vector/kernel_tables.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,f16c")))
#define KERNEL TARGET static
#define INLINE TARGET static inline __attribute__((always_inline))

enum { LANES = 8, BYTES = 32, TAIL_MIN = BYTES, HALF_BYTES = 2, UNSIGNED_A = 0 };

typedef __m256 floats;
typedef __m256i words;

/* ---- Floats ---------------------------------------------------------------------------------- */

INLINE floats floats_zero(void) {
    return _mm256_setzero_ps();
}
INLINE floats floats_add(floats a, floats b) {
    return _mm256_add_ps(a, b);
}
INLINE floats floats_sub(floats a, floats b) {
    return _mm256_sub_ps(a, b);
}
INLINE floats floats_mul(floats a, floats b) {
    return _mm256_mul_ps(a, b);
}
INLINE floats floats_load(const uint8_t *p) {
    return _mm256_loadu_ps((const void *)p);
}
/* The instruction that loads halves widens them. */
#define halves_ready(p, count, room) ((void)(count), (void)(room), (p))
INLINE floats floats_load_half(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

INLINE words words_zero(void) {
    return _mm256_setzero_si256();
}
INLINE words words_load(const uint8_t *p) {
    return _mm256_loadu_si256((const void *)p);
}
INLINE words words_xor(words a, words b) {
    return _mm256_xor_si256(a, b);
}
INLINE words words_and(words a, words b) {
    return _mm256_and_si256(a, b);
}
INLINE words words_add(words a, words b) {
    return _mm256_add_epi32(a, b);
}

INLINE words words_repeat(const uint8_t *p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)p));
}

/* Loaded so that they end the register; a window over zeros and ones then hides those before. */
static const uint8_t window[2 * BYTES] = {
    [BYTES] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff,           0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff,           0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

INLINE words words_last(const uint8_t *p, size_t n, size_t rest) {
    return _mm256_and_si256(words_load(p + n - BYTES), words_load(window + rest));
}

INLINE words dot_step(words sum, words a, words b) {
    const words magnitude = _mm256_and_si256(a, _mm256_set1_epi8(0x7f));
    const words b_below_zero = _mm256_and_si256(b, _mm256_cmpgt_epi8(words_zero(), a));
    const words products = _mm256_maddubs_epi16(magnitude, b);
    const words below_zero = _mm256_maddubs_epi16(_mm256_set1_epi8(1), b_below_zero);
    sum = words_add(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
    return words_add(sum, _mm256_madd_epi16(below_zero, _mm256_set1_epi16(-128)));
}

/* Each half of a byte looked up in a table of sixteen, then eight bytes added at a time (Mula,
 * Kurz and Lemire, Faster population counts using AVX2 instructions, 2018). */
INLINE words count_step(words sum, words x) {
    const words table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const words nibble = _mm256_set1_epi8(0x0f);
    const words low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    const words high =
        _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return words_add(sum, _mm256_sad_epu8(_mm256_add_epi8(low, high), words_zero()));
}

#include "index/vector/kernel_body.h"
#include "index/vector/kernel_x86.h"

INLINE float floats_finish(const pair p, size_t i, floats sums) {
    return finish8(p, i, sums);
}
INLINE int32_t words_sum(words sums) {
    return sum8(sums);
}
INLINE void words_sums(const words sums[ROWS], int32_t out[ROWS]) {
    sums8(sums[0], sums[1], sums[2], sums[3], out);
}
INLINE uint32_t count_sum(words sums) {
    return (uint32_t)sum8(sums);
}
INLINE void planes_sums(const words sums[ROWS], uint32_t out[ROWS]) {
    const words all =
        _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    const __m128i twice = _mm_slli_epi32(_mm256_extracti128_si256(all, 1), 1);
    _mm_storeu_si128((void *)out, _mm_add_epi32(_mm256_castsi256_si128(all), twice));
}

TARGET uint32_t st_vector_hamming_avx2(const uint8_t *a, const uint8_t *b, size_t n) {
    return hamming(a, b, n);
}

TARGET void st_vector_dots_b1_avx2(const st_bits_query *query, const uint8_t *const *rows,
                                   size_t skip, size_t count, uint32_t *out) {
    dots_b1(query, rows, skip, count, out);
}

const st_vector_kernels st_vector_kernels_avx2 = {
    .name = "avx2",
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
