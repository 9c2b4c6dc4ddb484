/* kernel_body.h - the kernels, written once for all widths of registers.
 *
 * A file of one width includes this after it has defined:
 *
 *   KERNEL, INLINE        what stands before a function, INLINE also before one that is inlined
 *   LANES, floats         how many floats a register holds, 4 to 16, and its type;
 *   floats_zero, _load, _add, _sub, _mul, and
 *   halves_ready(p, count, room)   the count halves at p as floats_load_half wants them, HALF_BYTES
 *                                  each: in their place or, widened, in the 32 floats of room
 *   BYTES, words          how many bytes a register holds, and its type;
 *   words_zero, _load, _xor, _and, _add (32-bit lanes), and
 *   words_repeat(p)          the 16 bytes at p, again and again
 *   words_last(p, n, rest)   the last rest < BYTES of the n bytes at p in some lanes, zeros else;
 *                            n >= TAIL_MIN
 *   dot_step(sum, a, b)      sum plus products of signed bytes (where UNSIGNED_A, a are unsigned)
 *   dot_step_at(sum, p, b)   the same with the bytes at p, if that is another instruction
 *   count_step(sum, x)       sum plus the bits of x, in lanes of the width's choice
 *
 * and defines after it, as they are the last steps and narrower ones can be part of them,
 *
 *   floats_finish(p, i, sums), words_sum(sums) of dot_step, words_sums(sums, out) of ROWS of them, and
 *   count_sum(sums) of count_step, and planes_sums(sums, out) of ROWS of them, in which the bits of one plane after
 *                   another take 16 bytes each, and count double of those before
 *
 * The order of floating point, the same for all widths and in kernel_scalar.c: element i of each
 * whole block of 32 is added to lane i mod 32. Then the upper half of the lanes is added to the
 * lower, 16 are left, and if 16 elements or more remain, the next 16 are added to them; the same
 * with 8 and with 4. Then (0 + 2) + (1 + 3), and what remains, three at most, one by one. Thirty-two
 * lanes are two registers of AVX-512 and eight of SSE, enough to hide how long an addition takes; no
 * masks are needed at the end. Each product is rounded before it is added: a fused multiply-add
 * would be other bits than WASM and SSE can make, for at most a third of the time in the first-level
 * cache and for none from memory, where the floats are.
 *
 * Sums of integers are exact in any order. Four of them run side by side.
 *
 * Rejected: a loop in plain C that the compiler vectorises. It may not reorder floating point, and
 * what it makes of bytes differs from release to release.
 */

typedef struct {
    const uint8_t *a; /* floats, or halves */
    const uint8_t *b; /* floats */
    size_t n;
    bool half;
    bool squared; /* terms are squared differences, not products */
} pair;

enum { BLOCK = 32, VECTORS = BLOCK / LANES, CHAINS = 4, ROWS = 4 };

/* From the sums of LANES lanes on, with fewer than LANES elements left from i on. */
INLINE float floats_finish(const pair p, size_t i, floats sums);
INLINE int32_t words_sum(words sums);
INLINE void words_sums(const words sums[ROWS], int32_t out[ROWS]);
INLINE uint32_t count_sum(words sums);
INLINE void planes_sums(const words sums[ROWS], uint32_t out[ROWS]);

/* Unrolled, so that the array of sums becomes registers. */
#define UNROLLED _Pragma("GCC unroll 8")

INLINE float last_terms(const pair p, size_t i, float sum) {
    for (; i < p.n; i++) {
        float a;
        float b;
        uint16_t half;
        if (p.half) {
            memcpy(&half, p.a + i * sizeof half, sizeof half);
            a = st_half_to_float(half);
        } else {
            memcpy(&a, p.a + i * sizeof a, sizeof a);
        }
        memcpy(&b, p.b + i * sizeof b, sizeof b);
        const float difference = a - b;
        sum += p.squared ? difference * difference : a * b;
    }
    return sum;
}

/* Adds to each of the count sums the terms of as many elements as it has lanes. */
INLINE void add_terms(const pair p, size_t i, floats *sums, size_t count) {
    float room[BLOCK];
    const uint8_t *const b = p.b + i * sizeof(float);
    const uint8_t *const a = p.half ? halves_ready(p.a + i * sizeof(uint16_t), count * LANES, room)
                                    : p.a + i * sizeof(float);
    UNROLLED for (size_t v = 0; v < count; v++) {
        const floats x = p.half ? floats_load_half(a + v * LANES * HALF_BYTES)
                                : floats_load(a + v * LANES * sizeof(float));
        const floats y = floats_load(b + v * LANES * sizeof(float));
        const floats difference = floats_sub(x, y);
        sums[v] =
            floats_add(sums[v], p.squared ? floats_mul(difference, difference) : floats_mul(x, y));
    }
}

/* Folds 2 * count sums to count and adds as many elements as those have lanes, if there are; where
 * it then is. */
INLINE size_t fold(const pair p, size_t i, floats *sums, size_t count) {
    UNROLLED for (size_t v = 0; v < count; v++) {
        sums[v] = floats_add(sums[v], sums[v + count]);
    }
    if (p.n - i < count * LANES) {
        return i;
    }
    add_terms(p, i, sums, count);
    return i + count * LANES;
}

INLINE float sum_terms(const pair p) {
    floats sums[VECTORS];
    UNROLLED for (size_t v = 0; v < VECTORS; v++) {
        sums[v] = floats_zero();
    }
    size_t i = 0;
    for (; p.n - i >= BLOCK; i += BLOCK) {
        add_terms(p, i, sums, VECTORS);
    }
    if (VECTORS == 8) {
        i = fold(p, i, sums, VECTORS / 2);
    }
    if (VECTORS >= 4) {
        i = fold(p, i, sums, 2);
    }
    i = fold(p, i, sums, 1);
    return floats_finish(p, i, sums[0]);
}

KERNEL float dot_f32(const float *a, const float *b, size_t n) {
    return sum_terms((pair){(const void *)a, (const void *)b, n, .half = false, .squared = false});
}
KERNEL float l2_f32(const float *a, const float *b, size_t n) {
    return sum_terms((pair){(const void *)a, (const void *)b, n, .half = false, .squared = true});
}
KERNEL float dot_f16(const uint16_t *a, const float *b, size_t n) {
    return sum_terms((pair){(const void *)a, (const void *)b, n, .half = true, .squared = false});
}
KERNEL float l2_f16(const uint16_t *a, const float *b, size_t n) {
    return sum_terms((pair){(const void *)a, (const void *)b, n, .half = true, .squared = true});
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

INLINE words byte_step(words sum, words a, words b, bool count) {
    return count ? count_step(sum, words_xor(a, b)) : dot_step(sum, a, b);
}

INLINE words sum_bytes(const uint8_t *a, const uint8_t *b, size_t n, bool count) {
    words sums[CHAINS];
    UNROLLED for (size_t v = 0; v < CHAINS; v++) {
        sums[v] = words_zero();
    }
    size_t i = 0;
    for (; n - i >= (size_t)CHAINS * BYTES; i += (size_t)CHAINS * BYTES) {
        UNROLLED for (size_t v = 0; v < CHAINS; v++) {
            sums[v] = byte_step(sums[v], words_load(a + i + v * BYTES),
                                words_load(b + i + v * BYTES), count);
        }
    }
    UNROLLED for (size_t v = 0; v < CHAINS - 1; v++) {
        if (n - i >= BYTES) {
            sums[v] = byte_step(sums[v], words_load(a + i), words_load(b + i), count);
            i += BYTES;
        }
    }
    if (i < n) {
        sums[3] = byte_step(sums[3], words_last(a, n, n - i), words_last(b, n, n - i), count);
    }
    return words_add(words_add(sums[0], sums[1]), words_add(sums[2], sums[3]));
}

KERNEL int32_t dot_i8(const int8_t *a, const int8_t *b, size_t n, int32_t sum_b) {
    if (n < TAIL_MIN) {
        return st_vector_dot_i8_scalar(a, b, n, sum_b);
    }
    const int32_t sum = words_sum(sum_bytes((const uint8_t *)a, (const uint8_t *)b, n, false));
    return UNSIGNED_A ? sum - 128 * sum_b : sum;
}

/* Rows to take where fewer than ROWS are left: the last one again. */
INLINE void last_rows(const uint8_t *const *rows, size_t left, const uint8_t *some[ROWS]) {
    for (size_t r = 0; r < ROWS; r++) {
        some[r] = rows[st_min(r, left - 1)];
    }
}

#ifndef dot_step_at
#define dot_step_at(sum, p, b) dot_step(sum, words_load(p), b)
#endif

/* The step of each of the rows with one of the query. */
INLINE void row_steps(words sums[ROWS], const uint8_t *const rows[ROWS], size_t at, words query) {
    UNROLLED for (size_t r = 0; r < ROWS; r++) {
        sums[r] = dot_step_at(sums[r], rows[r] + at, query);
    }
}

/* ROWS of them side by side, as one chain of sums each is enough then. */
INLINE void dot_rows(const st_dots_query *query, const uint8_t *const rows[ROWS], size_t skip,
                     int32_t out[ROWS]) {
    const uint8_t *const a = (const uint8_t *)query->a;
    const size_t n = query->n;
    words sums[ROWS];
    size_t i = 0;
    UNROLLED for (size_t r = 0; r < ROWS; r++) {
        sums[r] = words_zero();
    }
    for (; n - i >= BYTES; i += BYTES) {
        row_steps(sums, rows, skip + i, words_load(a + i));
    }
    if (i < n) {
        const words last = words_last(a, n, n - i);
        UNROLLED for (size_t r = 0; r < ROWS; r++) {
            sums[r] = dot_step(sums[r], words_last(rows[r] + skip, n, n - i), last);
        }
    }
    words_sums(sums, out);
    if (UNSIGNED_A) {
        UNROLLED for (size_t r = 0; r < ROWS; r++) {
            out[r] -= 128 * query->sum;
        }
    }
}

KERNEL void dots_i8(const st_dots_query *query, const uint8_t *const *rows, size_t skip,
                    size_t count, int32_t *out) {
    if (query->n < TAIL_MIN) {
        st_vector_dots_i8_scalar(query, rows, skip, count, out);
        return;
    }
    size_t first = 0;
    for (; count - first >= ROWS; first += ROWS) {
        dot_rows(query, rows + first, skip, out + first);
    }
    if (first < count) {
        const uint8_t *some[ROWS];
        int32_t dots[ROWS];
        last_rows(rows + first, count - first, some);
        dot_rows(query, some, skip, dots);
        memcpy(out + first, dots, (count - first) * sizeof *out);
    }
}

KERNEL uint32_t hamming(const uint8_t *a, const uint8_t *b, size_t n) {
    return n < TAIL_MIN ? st_vector_hamming_scalar(a, b, n) : count_sum(sum_bytes(a, b, n, true));
}

/* ---- Bits ------------------------------------------------------------------------------------ */

enum {
    PLANES_BYTES = ST_BITS_STEP * ST_PLANES, /* of ST_BITS_STEP * 8 numbers */
    PLANE_WORDS = PLANES_BYTES / BYTES,
    PLANES_IN_WORD = BYTES / ST_BITS_STEP,
};

/* Of ROWS rows side by side: bits are counted by place, and those of higher places then count double, and so on. What
 * is left to do is the same among the planes of one register. */
INLINE void count_planes(const st_bits_query *query, const uint8_t *const rows[ROWS], size_t skip,
                         words out[ROWS]) {
    words sums[ROWS][PLANE_WORDS];
    UNROLLED for (size_t r = 0; r < ROWS; r++) {
        UNROLLED for (size_t v = 0; v < PLANE_WORDS; v++) {
            sums[r][v] = words_zero();
        }
    }
    const uint8_t *planes = query->planes;
    for (size_t i = 0; i < query->n; i += ST_BITS_STEP, planes += PLANES_BYTES) {
        words bits[ROWS];
        UNROLLED for (size_t r = 0; r < ROWS; r++) {
            bits[r] = words_repeat(rows[r] + skip + i);
        }
        UNROLLED for (size_t v = 0; v < PLANE_WORDS; v++) {
            const words numbers = words_load(planes + v * BYTES);
            UNROLLED for (size_t r = 0; r < ROWS; r++) {
                sums[r][v] = count_step(sums[r][v], words_and(bits[r], numbers));
            }
        }
    }
    UNROLLED for (size_t r = 0; r < ROWS; r++) {
        words sum = sums[r][PLANE_WORDS - 1];
        UNROLLED for (size_t v = PLANE_WORDS - 1; v > 0; v--) {
            UNROLLED for (size_t j = 0; j < PLANES_IN_WORD; j++) {
                sum = words_add(sum, sum);
            }
            sum = words_add(sum, sums[r][v - 1]);
        }
        out[r] = sum;
    }
}

KERNEL void dots_b1(const st_bits_query *query, const uint8_t *const *rows, size_t skip,
                    size_t count, uint32_t *out) {
    words sums[ROWS];
    size_t first = 0;
    for (; count - first >= ROWS; first += ROWS) {
        count_planes(query, rows + first, skip, sums);
        planes_sums(sums, out + first);
    }
    if (first < count) {
        const uint8_t *some[ROWS];
        uint32_t dots[ROWS];
        last_rows(rows + first, count - first, some);
        count_planes(query, some, skip, sums);
        planes_sums(sums, dots);
        memcpy(out + first, dots, (count - first) * sizeof *out);
    }
}
