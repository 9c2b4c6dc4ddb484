/* make.h - the sets of data. Each writes NAME.base.f32 and NAME.query.f32, the same on every machine with the same
 * input and mathematics. */
#ifndef BENCH_VECTOR_MAKE_H
#define BENCH_VECTOR_MAKE_H

#include "vector/data.h"

typedef struct vector_wanted {
    const char *name; /* with the folder */
    uint32_t count;   /* base rows, at most */
    uint32_t queries;
    uint32_t dimension;
} vector_wanted;

/* Points around a thousand centres. */
void vector_make_clustered(const vector_wanted *wanted);
/* The packages that apt knows, from the text of `apt-cache dumpavail` on standard input. */
void vector_make_stanzas(const vector_wanted *wanted);

/* FOLDER/NAME.what, opened for writing. */
FILE *vector_create(const vector_wanted *wanted, const char *what);
void vector_write_row(FILE *file, const float *row, uint32_t dimension);
/* Ends the process when something was not written. */
void vector_finish(FILE *file);

#endif
