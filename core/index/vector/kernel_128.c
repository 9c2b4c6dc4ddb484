/* kernel_128.c - the kernels in registers of 128 bits: SSE2, NEON and WASM's SIMD128, by SIMDe.
 *
 * 1. What every x86-64 has, no more: wider instructions are chosen when the program runs, and each
 *    processor that has SSE4.1 but no AVX2 is older than ten years.
 * 2. One step of bytes is written for each instruction set, as it is what a scan consists of and
 *    SIMDe 0.7.4 makes shuffles of it in WASM.
 * 3. Halves become floats by integer arithmetic, as in st_half_to_float.
 *
 * Rejected: the maddubs instructions for products of bytes; they saturate at 2^15.
 */
#include "index/vector/kernel_tables.h"

#include <simde/x86/avx512/popcnt.h>
#include <simde/x86/sse4.1.h>

#define KERNEL static
#define INLINE static inline __attribute__((always_inline))

enum { LANES = 4, BYTES = 16, TAIL_MIN = BYTES, HALF_BYTES = 4, UNSIGNED_A = 0 };

typedef simde__m128 floats;
typedef simde__m128i words;

/* ---- Floats ---------------------------------------------------------------------------------- */

INLINE floats floats_zero(void) {
    return simde_mm_setzero_ps();
}
INLINE floats floats_add(floats a, floats b) {
    return simde_mm_add_ps(a, b);
}
INLINE floats floats_sub(floats a, floats b) {
    return simde_mm_sub_ps(a, b);
}
INLINE floats floats_mul(floats a, floats b) {
    return simde_mm_mul_ps(a, b);
}
INLINE floats floats_load(const uint8_t *p) {
    return simde_mm_castsi128_ps(simde_mm_loadu_si128((const void *)p));
}

INLINE floats floats_load_half(const uint8_t *p) {
    return floats_load(p);
}

INLINE floats widen(words halves) {
    const words magnitude =
        simde_mm_slli_epi32(simde_mm_and_si128(halves, simde_mm_set1_epi32(0x7fff)), 13);
    const words sign =
        simde_mm_slli_epi32(simde_mm_and_si128(halves, simde_mm_set1_epi32(0x8000)), 16);
    const words ones =
        simde_mm_and_si128(simde_mm_cmpgt_epi32(magnitude, simde_mm_set1_epi32(0x7bff << 13)),
                           simde_mm_set1_epi32(0x7f800000));
    const words biased =
        simde_mm_or_si128(simde_mm_add_epi32(magnitude, simde_mm_set1_epi32(112 << 23)), ones);
    const words subnormal = simde_mm_cmpgt_epi32(simde_mm_set1_epi32(1 << 23), magnitude);
    const floats value = simde_mm_castsi128_ps(biased);
    const floats correction = simde_mm_and_ps(simde_mm_castsi128_ps(subnormal),
                                              simde_mm_sub_ps(value, simde_mm_set1_ps(0x1p-14f)));
    return simde_mm_or_ps(simde_mm_add_ps(value, correction), simde_mm_castsi128_ps(sign));
}

/* One loop for all blocks of both kernels: widened in place, fifteen times in each, they are 3 KB
 * more of strata.wasm. */
static __attribute__((noinline)) const uint8_t *halves_ready(const uint8_t *p, size_t count,
                                                             float *room) {
    for (size_t i = 0; i < count; i += LANES) {
        const words halves = simde_mm_loadl_epi64((const void *)(p + i * sizeof(uint16_t)));
        simde_mm_storeu_ps(room + i,
                           widen(simde_mm_unpacklo_epi16(halves, simde_mm_setzero_si128())));
    }
    return (const uint8_t *)room;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

INLINE words words_zero(void) {
    return simde_mm_setzero_si128();
}
INLINE words words_load(const uint8_t *p) {
    return simde_mm_loadu_si128((const void *)p);
}
INLINE words words_xor(words a, words b) {
    return simde_mm_xor_si128(a, b);
}
INLINE words words_and(words a, words b) {
    return simde_mm_and_si128(a, b);
}
INLINE words words_add(words a, words b) {
    return simde_mm_add_epi32(a, b);
}

INLINE words words_repeat(const uint8_t *p) {
    return words_load(p);
}

/* Loaded so that they end the register; a window over zeros and ones then hides those before. */
static const uint8_t window[2 * BYTES] = {
    [BYTES] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff,           0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

INLINE words words_last(const uint8_t *p, size_t n, size_t rest) {
    return simde_mm_and_si128(words_load(p + n - BYTES), words_load(window + rest));
}

#if defined(SIMDE_WASM_SIMD128_NATIVE)

INLINE words dot_step(words sum, words a, words b) {
    const v128_t x = simde__m128i_to_wasm_v128(a);
    const v128_t y = simde__m128i_to_wasm_v128(b);
    const v128_t low =
        wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(x), wasm_i16x8_extend_low_i8x16(y));
    const v128_t high =
        wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(x), wasm_i16x8_extend_high_i8x16(y));
    return words_add(sum, simde__m128i_from_wasm_v128(wasm_i32x4_add(low, high)));
}

/* Widened as it is loaded: engines make two instructions of the upper half of a register, and one of this. */
#define dot_step_at dot_step_at
INLINE words dot_step_at(words sum, const uint8_t *a, words b) {
    const v128_t y = simde__m128i_to_wasm_v128(b);
    const v128_t low = wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(a), wasm_i16x8_extend_low_i8x16(y));
    const v128_t high =
        wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(a + BYTES / 2), wasm_i16x8_extend_high_i8x16(y));
    return words_add(sum, simde__m128i_from_wasm_v128(wasm_i32x4_add(low, high)));
}

#elif defined(__ARM_FEATURE_DOTPROD)

INLINE words dot_step(words sum, words a, words b) {
    return simde__m128i_from_neon_i32(vdotq_s32(
        simde__m128i_to_neon_i32(sum), simde__m128i_to_neon_i8(a), simde__m128i_to_neon_i8(b)));
}

#elif defined(SIMDE_ARM_NEON_A64V8_NATIVE)

INLINE words dot_step(words sum, words a, words b) {
    const int8x16_t x = simde__m128i_to_neon_i8(a);
    const int8x16_t y = simde__m128i_to_neon_i8(b);
    const int32x4_t low =
        vpadalq_s16(simde__m128i_to_neon_i32(sum), vmull_s8(vget_low_s8(x), vget_low_s8(y)));
    return simde__m128i_from_neon_i32(vpadalq_s16(low, vmull_high_s8(x, y)));
}

#else

INLINE words dot_step(words sum, words a, words b) {
    /* Each byte above itself, shifted down with its sign. */
    const words a_low = simde_mm_srai_epi16(simde_mm_unpacklo_epi8(a, a), 8);
    const words b_low = simde_mm_srai_epi16(simde_mm_unpacklo_epi8(b, b), 8);
    const words a_high = simde_mm_srai_epi16(simde_mm_unpackhi_epi8(a, a), 8);
    const words b_high = simde_mm_srai_epi16(simde_mm_unpackhi_epi8(b, b), 8);
    const words low = simde_mm_madd_epi16(a_low, b_low);
    return words_add(sum, words_add(low, simde_mm_madd_epi16(a_high, b_high)));
}

#endif

/* Lanes of 16 bits, at most 16 more a step: 8192 bytes are far from an overflow. */
INLINE words count_step(words sum, words x) {
    const words counts = simde_mm_popcnt_epi8(x);
    const words even = simde_mm_and_si128(counts, simde_mm_set1_epi16(0xff));
    return simde_mm_add_epi16(sum, simde_mm_add_epi16(even, simde_mm_srli_epi16(counts, 8)));
}

#include "index/vector/kernel_body.h"

INLINE float floats_finish(const pair p, size_t i, floats sums) {
    float lanes[LANES];
    simde_mm_storeu_ps(lanes, sums);
    return last_terms(p, i, (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]));
}

INLINE int32_t words_sum(words sums) {
    int32_t lanes[4];
    simde_mm_storeu_si128((void *)lanes, sums);
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}
INLINE void words_sums(const words sums[ROWS], int32_t out[ROWS]) {
    const words low01 = simde_mm_unpacklo_epi32(sums[0], sums[1]);
    const words high01 = simde_mm_unpackhi_epi32(sums[0], sums[1]);
    const words low23 = simde_mm_unpacklo_epi32(sums[2], sums[3]);
    const words high23 = simde_mm_unpackhi_epi32(sums[2], sums[3]);
    const words even = words_add(low01, high01);
    const words odd = words_add(low23, high23);
    simde_mm_storeu_si128((void *)out, words_add(simde_mm_unpacklo_epi64(even, odd),
                                                 simde_mm_unpackhi_epi64(even, odd)));
}
INLINE uint32_t count_sum(words sums) {
    return (uint32_t)words_sum(simde_mm_madd_epi16(sums, simde_mm_set1_epi16(1)));
}

INLINE void planes_sums(const words sums[ROWS], uint32_t out[ROWS]) {
    words wide[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        wide[r] = simde_mm_madd_epi16(sums[r], simde_mm_set1_epi16(1));
    }
    words_sums(wide, (int32_t *)out);
}

const st_vector_kernels st_vector_kernels_simd128 = {
    .name = "simd128",
    .dot_f32 = dot_f32,
    .l2_f32 = l2_f32,
    .dot_f16 = dot_f16,
    .l2_f16 = l2_f16,
    .dot_i8 = dot_i8,
    .dots_i8 = dots_i8,
    .dots_b1 = dots_b1,
    .hamming = hamming,
};
