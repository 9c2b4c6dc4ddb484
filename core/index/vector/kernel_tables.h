/* kernel_tables.h - the kernels by name, for kernel.c and for each other. Whether this processor
 * runs them is for kernel.c to ask. */
#ifndef ST_INDEX_VECTOR_KERNEL_TABLES_H
#define ST_INDEX_VECTOR_KERNEL_TABLES_H

#include "index/vector/kernel.h"

extern const st_vector_kernels st_vector_kernels_scalar;
extern const st_vector_kernels st_vector_kernels_simd128;
#if defined(__x86_64__)
extern const st_vector_kernels st_vector_kernels_avx2;
extern const st_vector_kernels st_vector_kernels_avx512_vnni;
extern const st_vector_kernels st_vector_kernels_avx512;
#endif

/* For vectors shorter than a register. */
int32_t st_vector_dot_i8_scalar(const int8_t *a, const int8_t *b, size_t n, int32_t sum_b);
void st_vector_dots_i8_scalar(const st_dots_query *query, const uint8_t *const *rows, size_t skip,
                              size_t count, int32_t *out);
uint32_t st_vector_hamming_scalar(const uint8_t *a, const uint8_t *b, size_t n);
#if defined(__x86_64__)
uint32_t st_vector_hamming_avx2(const uint8_t *a, const uint8_t *b, size_t n);
void st_vector_dots_b1_avx2(const st_bits_query *query, const uint8_t *const *rows, size_t skip,
                            size_t count, uint32_t *out);
#endif

/* The value of a half float, exact; subnormal numbers, infinities and NaN too. */
static inline float st_half_to_float(uint16_t half) {
    const uint32_t magnitude = (uint32_t)(half & 0x7fffu) << 13;
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    /* The exponent's bias goes from 15 to 127; all ones stay all ones. */
    uint32_t bits = magnitude + (112u << 23);
    bits |= magnitude >= 0x7c00u << 13 ? 0x7f800000u : 0;
    float value;
    memcpy(&value, &bits, sizeof value);
    if (magnitude < 1u << 23) {
        /* No implicit one: 2^-15 * (1 + m) was meant to be 2^-14 * m. */
        value += value - 0x1p-14f;
    }
    memcpy(&bits, &value, sizeof bits);
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
