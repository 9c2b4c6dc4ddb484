/* data.h - rows of floats in files, and what all engines agree on: how many neighbours are asked for, what is
 * nearest, and which labels pass a filter.
 *
 * A set of data is the files FOLDER/NAME.base.f32 and .query.f32, rows of little-endian floats of length 1; and
 * exact answers: .truth.i32 with the VECTOR_TRUTH nearest base rows of each query, nearest first, and .truth.P.i32
 * with the VECTOR_K nearest of those that pass a filter that lets P in a hundred through.
 */
#ifndef BENCH_VECTOR_DATA_H
#define BENCH_VECTOR_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { VECTOR_K = 10, VECTOR_TRUTH = 100, VECTOR_PERCENTS = 5 };

/* Percent of the labels that pass, in the order in which their answers are made. */
extern const unsigned vector_percents[VECTOR_PERCENTS];

typedef struct vector_rows {
    uint32_t count;
    uint32_t dimension;
    float *at; /* count x dimension; of whoever made them, until the process ends */
} vector_rows;

static inline float *vector_row(const vector_rows *rows, uint32_t row) {
    return rows->at + (size_t)row * rows->dimension;
}

/* All of these end the process when they fail. */
void *vector_memory(size_t count, size_t size); /* cleared */
FILE *vector_open(const char *path, const char *mode);
/* A file's 32-bit numbers. */
void *vector_read(const char *path, size_t *count);
vector_rows vector_rows_read(const char *path, uint32_t dimension);

/* The inner product: cosine of rows of length 1. Sixteen sums, so that it is the same on any machine. */
float vector_dot(const float *a, const float *b, uint32_t dimension);
/* Makes its length 1. */
void vector_normalise(float *row, uint32_t dimension);

/* Has nothing to do with where a row lies. */
bool vector_passes(uint32_t label, unsigned percent);
unsigned vector_share(uint32_t label); /* 0 to 99: it passes if this is less than the percent */

/* Random numbers; the same from the same seed. */
uint64_t vector_random(uint64_t *state);
double vector_normal(uint64_t *state);

#ifdef __cplusplus
}
#endif

#endif
