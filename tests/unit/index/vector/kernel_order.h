/* kernel_order.h - one number for the bits of every sum of floats that a set of kernels makes.
 *
 * The checksum of the results for some 1100 dimensions, all up to 256 among them, over vectors of
 * one seed. KERNEL_ORDER is what the plain loops of kernel_scalar.c gave: any kernel on any host that
 * adds in another order, fuses or flushes has another. The unit test compares with it natively, the
 * benchmark of the kernels in WASM too.
 */
#ifndef STRATA_TEST_KERNEL_ORDER_H
#define STRATA_TEST_KERNEL_ORDER_H

#include "base/crc32c.h"
#include "base/std.h"
#include "index/vector/kernel.h"

enum { KERNEL_DIMENSIONS = 8192 };
static const uint32_t KERNEL_ORDER = 0xd6f23cf8;

/* xorshift64*, never zero. */
static inline uint32_t kernel_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545f4914f6cdd1du >> 32);
}

/* -1 <= number < 1, of 24 bits. */
static inline float kernel_random_float(uint64_t *state) {
    return (float)((int32_t)(kernel_random(state) >> 8) - (1 << 23)) * 0x1p-23f;
}

/* Any half float but infinities and NaN; a tenth of them is subnormal. */
static inline uint16_t kernel_random_half(uint64_t *state) {
    const uint32_t bits = kernel_random(state);
    const uint32_t exponent = bits % 10 == 0 ? 0 : bits >> 16 & 15;
    return (uint16_t)((bits >> 8 & 0x83ffu) | exponent << 10);
}

static inline uint32_t kernel_order(const st_vector_kernels *kernels) {
    static float a[KERNEL_DIMENSIONS];
    static float b[KERNEL_DIMENSIONS];
    static uint16_t halves[KERNEL_DIMENSIONS];
    uint64_t state = 1;
    for (size_t i = 0; i < KERNEL_DIMENSIONS; i++) {
        a[i] = kernel_random_float(&state);
        b[i] = kernel_random_float(&state);
        halves[i] = kernel_random_half(&state);
    }
    uint32_t crc = 0;
    for (size_t n = 1; n <= KERNEL_DIMENSIONS; n += 1 + n / 256) {
        const float sums[4] = {kernels->dot_f32(a, b, n), kernels->l2_f32(a, b, n),
                               kernels->dot_f16(halves, b, n), kernels->l2_f16(halves, b, n)};
        crc = st_crc32c(crc, st_slice(sums, sizeof sums));
    }
    return crc;
}

#endif
