/* bits.c - one bit a number.
 *
 * 1. Turning is done in blocks of 128 numbers, each made of every n-th number of the vector, so that vectors whose
 *    first numbers say most fill all blocks alike: signs that are fixed at random, then a Hadamard transform, twice.
 *    That keeps lengths and products, and makes the numbers about as large as each other.
 * 2. With s the signs and |x|_1 the sum of the sizes, <x, q> is about |x|^2 / |x|_1 * <s, q>, and not more often too
 *    much than too little. What is left out of x has the length |x| * sqrt(1 / c^2 - 1), c = |x|_1 / (|x| * sqrt(bits));
 *    c is about 0.8.
 * 3. Sums of floats are made in eight lanes, i modulo 8, folded in halves.
 * Rejected: to turn the whole vector at once. It needs a power of two, and the room for it on the stack.
 */
#include "index/vector/bits.h"

#include "base/hash.h"

enum { LANES = 8, LEVELS = 15, ROUNDS = 2 };

#define SEED UINT64_C(0x5354524154412042)

/* ---- Turning --------------------------------------------------------------------------------- */

static void flip(float *numbers, uint32_t block, unsigned round) {
    for (uint32_t i = 0; i < ST_BITS_BLOCK; i += 64) {
        const uint64_t signs =
            st_hash_u64(SEED + ((uint64_t)block * ST_BITS_BLOCK + i) * ROUNDS + round);
        for (uint32_t j = 0; j < 64; j++) {
            numbers[i + j] = (signs >> j & 1) != 0 ? -numbers[i + j] : numbers[i + j];
        }
    }
}

static void transform(float *numbers) {
    for (uint32_t half = 1; half < ST_BITS_BLOCK; half *= 2) {
        for (uint32_t i = 0; i < ST_BITS_BLOCK; i += 2 * half) {
            for (uint32_t j = i; j < i + half; j++) {
                const float a = numbers[j];
                const float b = numbers[j + half];
                numbers[j] = a + b;
                numbers[j + half] = a - b;
            }
        }
    }
}

/* One block of embedding * factor. */
static void turn(const float *embedding, uint32_t dimension, float factor, uint32_t block,
                 float *numbers) {
    const uint32_t blocks = st_bits_count(dimension) / ST_BITS_BLOCK;
    for (uint32_t i = 0; i < ST_BITS_BLOCK; i++) {
        const uint32_t from = i * blocks + block;
        numbers[i] = from < dimension ? embedding[from] * factor : 0;
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        flip(numbers, block, round);
        transform(numbers);
    }
    for (uint32_t i = 0; i < ST_BITS_BLOCK; i++) {
        numbers[i] *= 1.0f / (float)ST_BITS_BLOCK; /* its root for each round */
    }
}

static float fold(float lanes[LANES]) {
    for (unsigned width = LANES / 2; width > 0; width /= 2) {
        for (unsigned i = 0; i < width; i++) {
            lanes[i] += lanes[i + width];
        }
    }
    return lanes[0];
}

/* ---- Vectors --------------------------------------------------------------------------------- */

static int32_t write_signs(const float *numbers, uint8_t *bits) {
    int32_t ones = 0;
    for (uint32_t i = 0; i < ST_BITS_BLOCK; i += 8) {
        unsigned byte = 0;
        for (uint32_t j = 0; j < 8; j++) {
            const bool one = numbers[i + j] >= 0;
            byte |= (unsigned)one << j;
            ones += one;
        }
        bits[i / 8] = (uint8_t)byte;
    }
    return ones;
}

st_bits_made st_bits_write(const float *embedding, uint32_t dimension, float factor,
                           uint8_t *bits) {
    const uint32_t count = st_bits_count(dimension);
    float sizes[LANES] = {0};
    float squares[LANES] = {0};
    int32_t ones = 0;
    for (uint32_t block = 0; block < count / ST_BITS_BLOCK; block++) {
        float numbers[ST_BITS_BLOCK];
        turn(embedding, dimension, factor, block, numbers);
        ones += write_signs(numbers, bits + (size_t)block * ST_BITS_BLOCK / 8);
        for (uint32_t i = 0; i < ST_BITS_BLOCK; i++) {
            sizes[i % LANES] += fabsf(numbers[i]);
            squares[i % LANES] += numbers[i] * numbers[i];
        }
    }
    const float size = fold(sizes);
    const float square = fold(squares);
    if (!(size > 0)) {
        return (st_bits_made){0, sqrtf(square), ones};
    }
    const float scale = square / size;
    const float left_out = scale * scale * (float)count - square;
    return (st_bits_made){scale, left_out > 0 ? sqrtf(left_out) : 0, ones};
}

/* ---- Queries --------------------------------------------------------------------------------- */

/* To the nearest level. */
static uint32_t level_of(float x) {
    const float level = x + 0.5f;
    return level<0 ? 0 : level>(float) LEVELS ? LEVELS : (uint32_t)level;
}

st_bits_asked st_bits_ask(const float *embedding, uint32_t dimension, float factor, float *turned,
                          uint8_t *planes) {
    const uint32_t count = st_bits_count(dimension);
    float low = 0;
    float high = 0;
    float left_out[LANES] = {0};
    st_bits_asked asked = {0, 0, 0, 0};
    for (uint32_t block = 0; block < count / ST_BITS_BLOCK; block++) {
        turn(embedding, dimension, factor, block, turned + (size_t)block * ST_BITS_BLOCK);
    }
    for (uint32_t i = 0; i < count; i++) {
        low = turned[i] < low ? turned[i] : low;
        high = turned[i] > high ? turned[i] : high;
    }
    asked.low = low;
    asked.step = (high - low) / (float)LEVELS;
    const float inverse = high > low ? (float)LEVELS / (high - low) : 0;
    memset(planes, 0, ST_PLANES * count / 8);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t level = level_of((turned[i] - low) * inverse);
        const float off = turned[i] - (low + (float)level * asked.step);
        left_out[i % LANES] += off * off;
        asked.sum += level;
        uint8_t *const byte =
            planes + (size_t)(i / ST_BITS_BLOCK * ST_PLANES) * ST_BITS_STEP + i % ST_BITS_BLOCK / 8;
        for (size_t j = 0; j < ST_PLANES; j++) {
            byte[j * ST_BITS_STEP] |= (uint8_t)((level >> j & 1) << (i % 8));
        }
    }
    asked.error = sqrtf(fold(left_out));
    return asked;
}
