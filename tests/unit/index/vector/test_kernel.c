/* test_kernel.c - that every set of kernels which this processor runs computes what it says, for all
 * dimensions from 1 to 8192, and reads no byte more.
 *
 * Vectors end where a page begins that may not be read, so one byte too many is a fault whatever
 * instruction asks for it; the address sanitizer does not see into all of them. The vector of n
 * elements is the last n of those of 8192: the expected sum of n comes from that of n - 1 by one more
 * term, in double precision or in integers.
 *
 * Sums of floats are held against two things: the double within the bound of kernel.h, and the
 * plain kernels, and a constant that all hosts share, bit by bit.
 */
#include "support.h"

#include <sys/mman.h>
#include <unistd.h>

#include "index/vector/kernel_order.h"
#include "index/vector/kernel_tables.h"

enum { PAGES_BYTES = KERNEL_DIMENSIONS * (int)sizeof(float), OFFSETS = 64 };

/* PAGES_BYTES bytes right before a page that may not be read; where they end. */
static uint8_t *guarded_end(void) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *start =
        mmap(NULL, PAGES_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(start, MAP_FAILED);
    assert_int_equal(mprotect(start + PAGES_BYTES, page, PROT_NONE), 0);
    return start + PAGES_BYTES;
}

static void guarded_free(uint8_t *end) {
    assert_int_equal(munmap(end - PAGES_BYTES, PAGES_BYTES + (size_t)sysconf(_SC_PAGESIZE)), 0);
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* By the definition of the format, without bits in common with the kernels. */
static double half_value(uint16_t half) {
    const int exponent = half >> 10 & 31;
    const int fraction = half & 1023;
    const double sign = (half & 0x8000) != 0 ? -1 : 1;
    if (exponent == 31) {
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    }
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25));
}

/* ---- Which there are ------------------------------------------------------------------------- */

static void sets(void **state) {
    (void)state;
    size_t count = 0;
    const st_vector_kernels *last = NULL;
    for (const st_vector_kernels *k = NULL; (k = st_vector_kernels_at(count)) != NULL; count++) {
        assert_ptr_equal(st_vector_kernels_named(k->name), k);
        last = k;
    }
    printf("kernels: %zu sets, the best is %s\n", count, last->name);
    assert_true(count >= 2);
    assert_ptr_equal(st_vector_kernels_best(), last);
    assert_ptr_equal(st_vector_kernels_named("scalar"), st_vector_kernels_at(0));
    assert_null(st_vector_kernels_at(count));
    assert_null(st_vector_kernels_at(SIZE_MAX));
    assert_null(st_vector_kernels_named("avx"));
    assert_null(st_vector_kernels_named(""));
}

/* ---- Floats ---------------------------------------------------------------------------------- */

typedef struct {
    double sum;
    double magnitude; /* of the terms */
} expected;

static void expect_term(expected *e, double term) {
    e->sum += term;
    e->magnitude += fabs(term);
}

static void check_float(const st_vector_kernels *k, const char *what, size_t n, float got,
                        float plain, expected e) {
    const double bound = ((double)n / 32 + 16) * 0x1p-24 * e.magnitude;
    if (!(fabs((double)got - e.sum) <= bound) || bits_of(got) != bits_of(plain)) {
        fail_msg("%s %s of %zu: %.9g, scalar %.9g, expected %.17g within %g", k->name, what, n,
                 (double)got, (double)plain, e.sum, bound);
    }
}

static void floats_of_all_lengths(void **state) {
    (void)state;
    const st_vector_kernels *plain = st_vector_kernels_at(0);
    float *const a_end = (float *)(void *)guarded_end();
    float *const b_end = (float *)(void *)guarded_end();
    uint16_t *const half_end = (uint16_t *)(void *)guarded_end();
    expected dot = {0};
    expected l2 = {0};
    expected half_dot = {0};
    expected half_l2 = {0};
    uint64_t chance = 2;
    for (size_t n = 1; n <= KERNEL_DIMENSIONS; n++) {
        float *const a = a_end - n;
        float *const b = b_end - n;
        uint16_t *const half = half_end - n;
        *a = kernel_random_float(&chance);
        *b = kernel_random_float(&chance);
        *half = kernel_random_half(&chance);
        const double x = (double)*a;
        const double y = (double)*b;
        const double h = half_value(*half);
        expect_term(&dot, x * y);
        expect_term(&l2, (x - y) * (x - y));
        expect_term(&half_dot, h * y);
        expect_term(&half_l2, (h - y) * (h - y));
        const float sums[4] = {plain->dot_f32(a, b, n), plain->l2_f32(a, b, n),
                               plain->dot_f16(half, b, n), plain->l2_f16(half, b, n)};
        const st_vector_kernels *k = NULL;
        for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
            check_float(k, "dot_f32", n, k->dot_f32(a, b, n), sums[0], dot);
            check_float(k, "l2_f32", n, k->l2_f32(a, b, n), sums[1], l2);
            check_float(k, "dot_f16", n, k->dot_f16(half, b, n), sums[2], half_dot);
            check_float(k, "l2_f16", n, k->l2_f16(half, b, n), sums[3], half_l2);
        }
    }
    guarded_free((uint8_t *)a_end);
    guarded_free((uint8_t *)b_end);
    guarded_free((uint8_t *)half_end);
}

static void order_of_all_hosts(void **state) {
    (void)state;
    const st_vector_kernels *k = NULL;
    for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
        const uint32_t order = kernel_order(k);
        if (order != KERNEL_ORDER) {
            fail_msg("%s: the sums' checksum is 0x%08x, not 0x%08x", k->name, order, KERNEL_ORDER);
        }
    }
}

/* Each of the 65536 halves, alone among zeros, in the widest step, in the narrowest, and as a number
 * that fills no register. */
static void every_half(void **state) {
    (void)state;
    float ones[32];
    uint16_t halves[32] = {0};
    for (size_t i = 0; i < 32; i++) {
        ones[i] = 1;
    }
    for (uint32_t half = 0; half <= UINT16_MAX; half++) {
        halves[0] = (uint16_t)half;
        const float value = (float)half_value(halves[0]);
        assert_true(isnan(value) ? isnan(st_half_to_float(halves[0]))
                                 : bits_of(st_half_to_float(halves[0])) == bits_of(value));
        const st_vector_kernels *k = NULL;
        for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
            const size_t widths[] = {32, 8, 4, 1};
            for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
                const float got = k->dot_f16(halves, ones, widths[w]);
                if (isnan(value) ? !isnan(got) : got != value) {
                    fail_msg("%s: half %04x among %zu is %g, not %g", k->name, half, widths[w],
                             (double)got, (double)value);
                }
            }
        }
    }
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* Of one to nine rows, which are `a` and, now and then, the query itself. */
static void check_rows(const st_vector_kernels *k, const uint8_t *a, const uint8_t *query, size_t n,
                       int32_t dot, int32_t sum) {
    enum { ROWS = 9, SKIP = 16 };
    const uint8_t *rows[ROWS];
    int32_t dots[ROWS + 1];
    const st_dots_query dots_query = {(const int8_t *)query, sum, n};
    const int32_t own = k->dot_i8(dots_query.a, dots_query.a, n, sum);
    const size_t count = n % ROWS + 1;
    for (size_t i = 0; i < count; i++) {
        rows[i] = (i % 3 == 2 ? query : a) - SKIP;
    }
    dots[count] = 77;
    k->dots_i8(&dots_query, rows, SKIP, count, dots);
    for (size_t i = 0; i < count; i++) {
        if (dots[i] != (i % 3 == 2 ? own : dot)) {
            fail_msg("%s of %zu: row %zu of %zu is %d", k->name, n, i, count, dots[i]);
        }
    }
    assert_int_equal(dots[count], 77);
}

static void bytes_of_all_lengths(void **state) {
    (void)state;
    uint8_t *const a_end = guarded_end();
    uint8_t *const b_end = guarded_end();
    int32_t dot = 0;
    int32_t sum_b = 0;
    uint32_t bits = 0;
    uint64_t chance = 3;
    for (size_t n = 1; n <= KERNEL_DIMENSIONS; n++) {
        uint8_t *const a = a_end - n;
        uint8_t *const b = b_end - n;
        *a = (uint8_t)kernel_random(&chance);
        *b = (uint8_t)kernel_random(&chance);
        dot += (int8_t)*a * (int8_t)*b;
        sum_b += (int8_t)*b;
        for (unsigned bit = 0; bit < 8; bit++) {
            bits += (*a ^ *b) >> bit & 1;
        }
        const st_vector_kernels *k = NULL;
        for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
            check_rows(k, a, b, n, dot, sum_b);
            const int32_t got = k->dot_i8((const int8_t *)a, (const int8_t *)b, n, sum_b);
            const uint32_t differ = k->hamming(a, b, n);
            if (got != dot || differ != bits) {
                fail_msg("%s of %zu: dot_i8 %d, not %d; hamming %u, not %u", k->name, n, got, dot,
                         differ, bits);
            }
        }
    }
    guarded_free(a_end);
    guarded_free(b_end);
}

/* Numbers of four bits, in planes, and rows of bits: of every length that there is, each of them looked at one by one. */
static void planes_of_all_lengths(void **state) {
    (void)state;
    enum { ROWS = 6, BYTES_MAX = KERNEL_DIMENSIONS / 8, SKIP = 16 };
    static uint8_t planes[ST_PLANES * BYTES_MAX];
    uint8_t *const end = guarded_end();
    uint64_t chance = 11;
    for (size_t n = 32; n <= BYTES_MAX; n += 16) {
        const st_bits_query query = {planes, n};
        const uint8_t *rows[ROWS];
        uint32_t wanted[ROWS] = {0};
        uint32_t got[ROWS + 1];
        const size_t count = n / 16 % ROWS + 1;
        for (size_t i = 0; i < ST_PLANES * n; i++) {
            planes[i] = n % 48 == 0 ? 0xff : (uint8_t)kernel_random(&chance);
        }
        for (size_t r = 0; r < count; r++) {
            uint8_t *const row = end - n * (r + 1);
            for (size_t i = 0; i < n; i++) {
                row[i] = n % 96 == 0 ? 0xff : (uint8_t)kernel_random(&chance);
                for (unsigned j = 0; j < ST_PLANES * 8; j++) {
                    const size_t step = i / ST_BITS_STEP * ST_PLANES + j / 8;
                    const unsigned both = row[i] & planes[step * ST_BITS_STEP + i % ST_BITS_STEP];
                    wanted[r] += (both >> j % 8 & 1) << j / 8;
                }
            }
            rows[r] = row - SKIP;
        }
        const st_vector_kernels *k = NULL;
        for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
            got[count] = 77;
            k->dots_b1(&query, rows, SKIP, count, got);
            for (size_t r = 0; r < count; r++) {
                if (got[r] != wanted[r]) {
                    fail_msg("%s of %zu bytes: row %zu of %zu is %u, not %u", k->name, n, r, count,
                             got[r], wanted[r]);
                }
            }
            assert_int_equal(got[count], 77);
        }
    }
    guarded_free(end);
}

/* What saturates in 16 bits, or loses a sign, or counts a byte of eight ones wrongly. */
static void extremes(void **state) {
    (void)state;
    static const int8_t values[][2] = {{-128, -128}, {-128, 127}, {127, -128}, {127, 127},
                                       {-127, 127},  {-128, 0},   {0, -128},   {-1, 0}};
    static int8_t a[KERNEL_DIMENSIONS];
    static int8_t b[KERNEL_DIMENSIONS];
    for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        memset(a, values[v][0], sizeof a);
        memset(b, values[v][1], sizeof b);
        const uint8_t differing = (uint8_t)(values[v][0] ^ values[v][1]);
        uint32_t bits = 0;
        for (unsigned bit = 0; bit < 8; bit++) {
            bits += differing >> bit & 1u;
        }
        for (int32_t n = 1; n <= KERNEL_DIMENSIONS; n++) {
            const int32_t dot = n * values[v][0] * values[v][1];
            const st_vector_kernels *k = NULL;
            for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
                const size_t len = (size_t)n;
                const int32_t got = k->dot_i8(a, b, len, n * values[v][1]);
                const uint32_t differ = k->hamming((const uint8_t *)a, (const uint8_t *)b, len);
                const uint8_t *row = (const uint8_t *)a;
                const st_dots_query query = {b, n * values[v][1], len};
                int32_t of_row;
                k->dots_i8(&query, &row, 0, 1, &of_row);
                assert_int_equal(of_row, dot);
                if (got != dot || differ != bits * (uint32_t)n) {
                    fail_msg("%s of %d times %d by %d: dot_i8 %d, hamming %u", k->name, n,
                             values[v][0], values[v][1], got, differ);
                }
            }
        }
    }
}

/* ---- Alignment ------------------------------------------------------------------------------- */

static const size_t lengths[] = {1,  3,  4,  7,  8,  15,  16,  17,  31,  32,  33,
                                 48, 63, 64, 65, 96, 100, 127, 128, 255, 384, 768};
enum { LENGTH_MAX = 768 };

typedef struct {
    const void *floats;
    const void *halves;
    const void *others; /* floats */
} vectors;

/* What each kernel gives; the floats are bytes to the last two. */
static void run_all(const st_vector_kernels *k, const vectors v, size_t n, uint32_t results[6]) {
    int32_t sum_b = 0;
    for (size_t i = 0; i < n; i++) {
        sum_b += ((const int8_t *)v.others)[i];
    }
    results[0] = bits_of(k->dot_f32(v.floats, v.others, n));
    results[1] = bits_of(k->l2_f32(v.floats, v.others, n));
    results[2] = bits_of(k->dot_f16(v.halves, v.others, n));
    results[3] = bits_of(k->l2_f16(v.halves, v.others, n));
    results[4] = (uint32_t)k->dot_i8(v.floats, v.others, n, sum_b);
    results[5] = k->hamming(v.floats, v.others, n);
}

static void check_at(const st_vector_kernels *k, const vectors aligned, const vectors moved) {
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        uint32_t wanted[6];
        uint32_t got[6];
        run_all(k, aligned, lengths[l], wanted);
        run_all(k, moved, lengths[l], got);
        for (size_t i = 0; i < 6; i++) {
            if (got[i] != wanted[i]) {
                fail_msg("%s: kernel %zu over %zu elements depends on where they are", k->name, i,
                         lengths[l]);
            }
        }
    }
}

static void any_alignment(void **state) {
    (void)state;
    static _Alignas(64) float floats[2][LENGTH_MAX];
    static _Alignas(64) uint16_t halves[LENGTH_MAX];
    static _Alignas(64) uint8_t moved[3][sizeof floats[0] + OFFSETS];
    uint64_t chance = 4;
    for (size_t i = 0; i < LENGTH_MAX; i++) {
        floats[0][i] = kernel_random_float(&chance);
        floats[1][i] = kernel_random_float(&chance);
        halves[i] = kernel_random_half(&chance);
    }
    for (size_t offset = 0; offset < OFFSETS; offset++) {
        const size_t other = (offset * 7 + 1) % OFFSETS;
        memcpy(moved[0] + offset, floats[0], sizeof floats[0]);
        memcpy(moved[1] + offset, halves, sizeof halves);
        memcpy(moved[2] + other, floats[1], sizeof floats[1]);
        const st_vector_kernels *k = NULL;
        for (size_t i = 0; (k = st_vector_kernels_at(i)) != NULL; i++) {
            check_at(k, (vectors){floats[0], halves, floats[1]},
                     (vectors){moved[0] + offset, moved[1] + offset, moved[2] + other});
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets),
        cmocka_unit_test(floats_of_all_lengths),
        cmocka_unit_test(order_of_all_hosts),
        cmocka_unit_test(every_half),
        cmocka_unit_test(bytes_of_all_lengths),
        cmocka_unit_test(planes_of_all_lengths),
        cmocka_unit_test(extremes),
        cmocka_unit_test(any_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
