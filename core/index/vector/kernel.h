/* kernel.h - distances between vectors, in the instructions of this processor.
 *
 * Every kernel gives the same bits for the same input on every processor and host, also in floating
 * point: kernel_body.h says in which order it adds. So codes, graphs and scores that are made with
 * one kernel are those of all others, and a file does not tell where it was written.
 *
 * n is the dimension, 1 to 8192 (bytes for hamming and dots_b1). No pointer needs alignment, nothing is read
 * beyond the n-th element, nothing fails. Pure functions: any thread may call them.
 */
#ifndef ST_INDEX_VECTOR_KERNEL_H
#define ST_INDEX_VECTOR_KERNEL_H

#include "base/std.h"

/* The bits that are 1, without the compiler's library, which some processors would need for it. */
static inline uint32_t st_count_bits(uint64_t word) {
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)(word * 0x0101010101010101u >> 56);
}

typedef struct st_dots_query {
    const int8_t *a;
    int32_t sum; /* of all a[i] */
    size_t n;
} st_dots_query;

enum { ST_PLANES = 4, ST_BITS_STEP = 16 };

typedef struct st_bits_query {
    /* ST_PLANES times n bytes: of each ST_BITS_STEP * 8 numbers the lowest bits, then the next ones, and so on. So bytes of
     * a row that are loaded once meet all planes, and no length leaves a register half full. */
    const uint8_t *planes;
    size_t n; /* a multiple of ST_BITS_STEP, 32 to 1024 */
} st_bits_query;

typedef struct st_vector_kernels {
    const char *name; /* "scalar", "simd128", "avx2", "avx512_vnni", "avx512" */

    /* The sum of a[i] * b[i], and of (a[i] - b[i])^2. _f16: a are IEEE 754 half floats. Each term is
     * rounded and then each sum: the error is at most (n / 32 + 16) * 2^-24 of the sum of the terms'
     * magnitudes. */
    float (*dot_f32)(const float *a, const float *b, size_t n);
    float (*l2_f32)(const float *a, const float *b, size_t n);
    float (*dot_f16)(const uint16_t *a, const float *b, size_t n);
    float (*l2_f16)(const uint16_t *a, const float *b, size_t n);

    /* The sum of a[i] * b[i], exact. sum_b: the sum of all b[i], which some kernels need: they
     * multiply a[i] + 128, unsigned, and take 128 * sum_b off. */
    int32_t (*dot_i8)(const int8_t *a, const int8_t *b, size_t n, int32_t sum_b);

    /* The same for each of `count` rows: out[i] is of query->a with the bytes from rows[i] + skip on. */
    void (*dots_i8)(const st_dots_query *query, const uint8_t *const *rows, size_t skip,
                    size_t count, int32_t *out);

    /* The sum of those numbers of four bits at whose places the row has a 1: out[i] is of the n bytes from
     * rows[i] + skip on. */
    void (*dots_b1)(const st_bits_query *query, const uint8_t *const *rows, size_t skip,
                    size_t count, uint32_t *out);

    /* The bits in which the n bytes of a and b differ. */
    uint32_t (*hamming)(const uint8_t *a, const uint8_t *b, size_t n);
} st_vector_kernels;

/* The fastest that this processor runs. Asks the processor, which costs some nanoseconds: for once
 * a search, not once a distance. */
const st_vector_kernels *st_vector_kernels_best(void);

/* The i-th that this processor runs, the plainest, "scalar", first; NULL after the last. */
const st_vector_kernels *st_vector_kernels_at(size_t i);

/* The one called so; NULL when there is none or this processor does not run it. */
const st_vector_kernels *st_vector_kernels_named(const char *name);

#endif
