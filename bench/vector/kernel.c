/* kernel.c - how many distances a second each set of kernels computes.
 *
 * One query against 100 000 vectors that lie one behind the other, which is more than the caches
 * hold, and against 256 KiB of them, which stay in the second level. Codes of one bit take an eighth
 * of the dimension in bytes. Best of five passes or 50 ms, whichever is longer. Before, each set is
 * held against the checksum that all hosts share.
 *
 * Compiled natively and for WASI: C and a clock, nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "index/vector/kernel_order.h"

enum { VECTORS = 100000, CACHED_BYTES = 256 << 10, DIMENSION_MAX = 768, PASSES_MIN = 5 };

typedef enum { DOT_F32, L2_F32, DOT_F16, L2_F16, DOT_I8, HAMMING, WHATS } what;

static const char *const what_names[WHATS] = {"dot_f32", "l2_f32", "dot_f16",
                                              "l2_f16",  "dot_i8", "hamming"};

typedef struct {
    const uint8_t *vectors;
    const uint8_t *query; /* floats or bytes */
    size_t count;
    size_t dimension;
    size_t stride;
    int32_t query_sum;
} task;

static volatile float sink;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static size_t bytes_of(what which, size_t dimension) {
    static const size_t bits[WHATS] = {32, 32, 16, 16, 8, 1};
    return (dimension * bits[which] + 7) / 8;
}

static void pass_floats(float (*distance)(const float *, const float *, size_t), const task *t) {
    float sum = 0;
    for (size_t i = 0; i < t->count; i++) {
        sum += distance((const void *)(t->vectors + i * t->stride), (const void *)t->query,
                        t->dimension);
    }
    sink = sum;
}

static void pass_halves(float (*distance)(const uint16_t *, const float *, size_t), const task *t) {
    float sum = 0;
    for (size_t i = 0; i < t->count; i++) {
        sum += distance((const void *)(t->vectors + i * t->stride), (const void *)t->query,
                        t->dimension);
    }
    sink = sum;
}

static void pass_bytes(const st_vector_kernels *k, const task *t) {
    int64_t sum = 0;
    for (size_t i = 0; i < t->count; i++) {
        sum += k->dot_i8((const int8_t *)t->vectors + i * t->stride, (const int8_t *)t->query,
                         t->dimension, t->query_sum);
    }
    sink = (float)sum;
}

static void pass_bits(const st_vector_kernels *k, const task *t) {
    uint64_t sum = 0;
    for (size_t i = 0; i < t->count; i++) {
        sum += k->hamming(t->vectors + i * t->stride, t->query, t->stride);
    }
    sink = (float)sum;
}

static void pass(const st_vector_kernels *k, what which, const task *t) {
    switch (which) {
    case DOT_F32:
        pass_floats(k->dot_f32, t);
        break;
    case L2_F32:
        pass_floats(k->l2_f32, t);
        break;
    case DOT_F16:
        pass_halves(k->dot_f16, t);
        break;
    case L2_F16:
        pass_halves(k->l2_f16, t);
        break;
    case DOT_I8:
        pass_bytes(k, t);
        break;
    default:
        pass_bits(k, t);
    }
}

/* Millions of distances a second. */
static double measure(const st_vector_kernels *k, what which, const task *t) {
    double best = 1e9;
    const double end = now() + 0.05;
    for (int i = 0; i < PASSES_MIN || now() < end; i++) {
        /* So often that the clock's grain does not matter. */
        const size_t times = 1 + VECTORS / 4 / t->count;
        const double start = now();
        for (size_t j = 0; j < times; j++) {
            pass(k, which, t);
        }
        const double took = (now() - start) / (double)times;
        best = took < best ? took : best;
    }
    return (double)t->count / best / 1e6;
}

/* What all kernels can read without meeting a NaN: floats, halves or any bytes. */
static void fill(uint8_t *vectors, what which, size_t len, uint64_t *chance) {
    for (size_t i = 0; i + 4 <= len; i += 4) {
        const float value = kernel_random_float(chance);
        const uint16_t halves[2] = {kernel_random_half(chance), kernel_random_half(chance)};
        const uint32_t bytes = kernel_random(chance);
        const void *from = which < DOT_F16  ? (const void *)&value
                           : which < DOT_I8 ? (const void *)halves
                                            : (const void *)&bytes;
        memcpy(vectors + i, from, 4);
    }
}

static void compare_order(void) {
    const st_vector_kernels *k = NULL;
    for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
        if (kernel_order(k) != KERNEL_ORDER) {
            fprintf(stderr, "%s adds in an order of its own\n", k->name);
            exit(1);
        }
    }
}

static void measure_all(uint8_t *vectors, what which, size_t dimension) {
    static uint8_t query[DIMENSION_MAX * sizeof(float)];
    uint64_t chance = 5;
    const size_t stride = bytes_of(which, dimension);
    fill(vectors, which, VECTORS * stride, &chance);
    fill(query, which < DOT_I8 ? DOT_F32 : DOT_I8, sizeof query, &chance);
    task all = {vectors, query, VECTORS, dimension, stride, 0};
    for (size_t i = 0; i < dimension; i++) {
        all.query_sum += ((const int8_t *)query)[i];
    }
    task cached = all;
    cached.count = CACHED_BYTES / stride;
    const st_vector_kernels *k = NULL;
    for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
        const double far = measure(k, which, &all);
        printf("| %s | %zu | %s | %.2f | %.1f | %.2f |\n", what_names[which], dimension, k->name,
               far, far * (double)stride / 1e3, measure(k, which, &cached));
    }
}

int main(void) {
    static const size_t dimensions[] = {100, 384, DIMENSION_MAX};
    compare_order();
    uint8_t *vectors = malloc((size_t)VECTORS * DIMENSION_MAX * sizeof(float));
    if (vectors == NULL) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    printf("| kernel | dimension | set | M/s of %d | GB/s | M/s of %d KiB |\n"
           "|---|---:|---|---:|---:|---:|\n",
           VECTORS, CACHED_BYTES >> 10);
    for (what which = DOT_F32; which < WHATS; which++) {
        for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++) {
            measure_all(vectors, which, dimensions[i]);
        }
    }
    free(vectors);
    return 0;
}
