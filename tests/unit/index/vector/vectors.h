/* vectors.h - embeddings for tests: points around centres, the same for the same seed. */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

#include "support.h"

#include <math.h>

#include "index/vector/code.h"

/* About normal: the sum of twelve even chances. */
static inline float vectors_chance(uint64_t *state) {
    float sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += (float)(test_random(state) >> 40) / (float)(1 << 24);
    }
    return sum;
}

/* count x dimension floats around so many centres; the caller frees. */
static inline float *vectors_make(uint64_t seed, uint32_t count, uint32_t dimension,
                                  uint32_t centres) {
    uint64_t state = seed;
    float *made = malloc((size_t)count * dimension * sizeof *made);
    float *centre = malloc((size_t)centres * dimension * sizeof *centre);
    assert_true(made != NULL && centre != NULL);
    for (uint32_t i = 0; i < centres * dimension; i++) {
        centre[i] = vectors_chance(&state);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t of = (uint32_t)test_random_below(&state, centres);
        for (uint32_t j = 0; j < dimension; j++) {
            made[(size_t)i * dimension + j] =
                centre[of * dimension + j] + 0.7f * vectors_chance(&state);
        }
    }
    free(centre);
    return made;
}

static inline const st_vector_kernels *vectors_kernels(void) {
    return st_vector_kernels_best();
}

#endif
