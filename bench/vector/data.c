/* data.c - rows of floats in files, and what all engines agree on. */
#include "vector/data.h"

#include <math.h>
#include <stdlib.h>

const unsigned vector_percents[VECTOR_PERCENTS] = {1, 5, 10, 20, 50};

/* ---- Memory and files ------------------------------------------------------------------------ */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

void *vector_memory(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fail("vector");
    }
    return memory;
}

FILE *vector_open(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        fail(path);
    }
    return file;
}

void *vector_read(const char *path, size_t *count) {
    FILE *file = vector_open(path, "rb");
    if (fseek(file, 0, SEEK_END) != 0) {
        fail(path);
    }
    *count = (size_t)ftell(file) / 4;
    rewind(file);
    void *numbers = vector_memory(*count, 4);
    if (fread(numbers, 4, *count, file) != *count) {
        fail(path);
    }
    fclose(file);
    return numbers;
}

vector_rows vector_rows_read(const char *path, uint32_t dimension) {
    size_t count;
    float *at = vector_read(path, &count);
    return (vector_rows){(uint32_t)(count / dimension), dimension, at};
}

/* ---- Numbers --------------------------------------------------------------------------------- */

float vector_dot(const float *a, const float *b, uint32_t dimension) {
    enum { LANES = 16 };
    float sums[LANES] = {0};
    float sum = 0;
    uint32_t at = 0;
    for (; at + LANES <= dimension; at += LANES) {
        for (uint32_t lane = 0; lane < LANES; lane++) {
            sums[lane] += a[at + lane] * b[at + lane];
        }
    }
    for (; at < dimension; at++) {
        sums[at % LANES] += a[at] * b[at];
    }
    for (uint32_t lane = 0; lane < LANES; lane++) {
        sum += sums[lane];
    }
    return sum;
}

void vector_normalise(float *row, uint32_t dimension) {
    double sum = 0;
    for (uint32_t i = 0; i < dimension; i++) {
        sum += (double)row[i] * row[i];
    }
    for (uint32_t i = 0; i < dimension; i++) {
        row[i] = (float)(row[i] / sqrt(sum));
    }
}

/* splitmix64 */
uint64_t vector_random(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

unsigned vector_share(uint32_t label) {
    uint64_t state = label;
    return (unsigned)(vector_random(&state) % 100);
}

bool vector_passes(uint32_t label, unsigned percent) {
    return vector_share(label) < percent;
}

static double chance(uint64_t *state) {
    return ((double)(vector_random(state) >> 11) + 0.5) / 9007199254740992.0;
}

double vector_normal(uint64_t *state) {
    const double length = sqrt(-2 * log(chance(state)));
    return length * cos(6.283185307179586 * chance(state));
}
