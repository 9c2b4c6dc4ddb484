/* kernel_scalar.c - the kernels in plain C: what the others are compared with, and what does vectors
 * that are shorter than a register.
 *
 * 1. Floating point adds in the order that kernel_body.h describes; here it is spelt out lane by
 *    lane, in code that shares nothing with it.
 * 2. Numbers are copied out of memory, as no pointer needs alignment.
 *
 * Bits are counted by adding neighbours in ever wider fields: what a compiler makes of a builtin
 * calls a library where the processor's instruction cannot be taken for granted.
 */
#include "index/vector/kernel_tables.h"

enum { LANES = 32, LANES_LAST = 4 };

typedef float (*term_fn)(const void *a, const float *b, size_t i);

static float float_at(const void *numbers, size_t i) {
    float value;
    memcpy(&value, (const uint8_t *)numbers + i * sizeof value, sizeof value);
    return value;
}

static float half_at(const void *numbers, size_t i) {
    uint16_t half;
    memcpy(&half, (const uint8_t *)numbers + i * sizeof half, sizeof half);
    return st_half_to_float(half);
}

static float square(float x) {
    return x * x;
}

static float dot_f32_term(const void *a, const float *b, size_t i) {
    return float_at(a, i) * float_at(b, i);
}
static float l2_f32_term(const void *a, const float *b, size_t i) {
    return square(float_at(a, i) - float_at(b, i));
}
static float dot_f16_term(const void *a, const float *b, size_t i) {
    return half_at(a, i) * float_at(b, i);
}
static float l2_f16_term(const void *a, const float *b, size_t i) {
    return square(half_at(a, i) - float_at(b, i));
}

static float sum_terms(term_fn term, const void *a, const float *b, size_t n) {
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; n - i >= LANES; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            lanes[lane] += term(a, b, i + lane);
        }
    }
    for (size_t width = LANES / 2; width >= LANES_LAST; width /= 2) {
        for (size_t lane = 0; lane < width; lane++) {
            lanes[lane] += lanes[lane + width];
        }
        if (n - i >= width) {
            for (size_t lane = 0; lane < width; lane++) {
                lanes[lane] += term(a, b, i + lane);
            }
            i += width;
        }
    }
    float sum = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
    for (; i < n; i++) {
        sum += term(a, b, i);
    }
    return sum;
}

static float dot_f32(const float *a, const float *b, size_t n) {
    return sum_terms(dot_f32_term, a, b, n);
}
static float l2_f32(const float *a, const float *b, size_t n) {
    return sum_terms(l2_f32_term, a, b, n);
}
static float dot_f16(const uint16_t *a, const float *b, size_t n) {
    return sum_terms(dot_f16_term, a, b, n);
}
static float l2_f16(const uint16_t *a, const float *b, size_t n) {
    return sum_terms(l2_f16_term, a, b, n);
}

int32_t st_vector_dot_i8_scalar(const int8_t *a, const int8_t *b, size_t n, int32_t sum_b) {
    (void)sum_b;
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

void st_vector_dots_i8_scalar(const st_dots_query *query, const uint8_t *const *rows, size_t skip,
                              size_t count, int32_t *out) {
    for (size_t i = 0; i < count; i++) {
        const int8_t *row = (const int8_t *)rows[i] + skip;
        out[i] = st_vector_dot_i8_scalar(row, query->a, query->n, query->sum);
    }
}

uint32_t st_vector_hamming_scalar(const uint8_t *a, const uint8_t *b, size_t n) {
    uint32_t bits = 0;
    size_t i = 0;
    for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t words[2];
        memcpy(&words[0], a + i, sizeof words[0]);
        memcpy(&words[1], b + i, sizeof words[1]);
        bits += st_count_bits(words[0] ^ words[1]);
    }
    uint64_t last = 0;
    for (; i < n; i++) {
        last = last << 8 | (uint8_t)(a[i] ^ b[i]);
    }
    return bits + st_count_bits(last);
}

/* Of one step, places as they count. */
static uint32_t dot_planes(const uint8_t *planes, const uint8_t *row) {
    uint32_t sum = 0;
    for (size_t i = 0; i < ST_BITS_STEP; i += sizeof(uint64_t)) {
        uint64_t bits;
        memcpy(&bits, row + i, sizeof bits);
        for (unsigned j = 0; j < ST_PLANES; j++) {
            uint64_t plane;
            memcpy(&plane, planes + (size_t)j * ST_BITS_STEP + i, sizeof plane);
            sum += st_count_bits(bits & plane) << j;
        }
    }
    return sum;
}

static void dots_b1(const st_bits_query *query, const uint8_t *const *rows, size_t skip,
                    size_t count, uint32_t *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        for (size_t at = 0; at < query->n; at += ST_BITS_STEP) {
            out[i] += dot_planes(query->planes + at * ST_PLANES, rows[i] + skip + at);
        }
    }
}

const st_vector_kernels st_vector_kernels_scalar = {
    .name = "scalar",
    .dot_f32 = dot_f32,
    .l2_f32 = l2_f32,
    .dot_f16 = dot_f16,
    .l2_f16 = l2_f16,
    .dot_i8 = st_vector_dot_i8_scalar,
    .dots_i8 = st_vector_dots_i8_scalar,
    .dots_b1 = dots_b1,
    .hamming = st_vector_hamming_scalar,
};
