/* vectors.h - what the files of rows on vectors share: what the model keeps, as they read it. */
#ifndef STRATA_SIM_VECTORS_H
#define STRATA_SIM_VECTORS_H

#include "history.h"

enum { VECTOR_NUMBERS_MAX = 8, VECTOR_DIMENSION_LEAST = 2, VECTOR_DIMENSIONS = 3 };

typedef struct collection {
    uint32_t dimension;
    strata_slice metric;
} collection;

typedef struct embedding {
    uint32_t count;
    float numbers[VECTOR_NUMBERS_MAX];
    bool finite;
    bool zero;
} embedding;

/* What is given, or kept: embedding, and metadata and text where there are any. */
typedef struct entry {
    strata_slice key;
    embedding numbers;
    strata_slice metadata;
    strata_slice text;
} entry;

typedef struct place {
    unsigned run;
    uint64_t snapshot;
    collection of;
} place;

/* ---- op_collection.c ------------------------------------------------------------------------- */

void vector_make_run(maker *mk, op *o);
/* Mostly one that there is; returns its dimension. */
uint32_t vector_make_collection(maker *mk, op *o);
bool vector_expect_name(strata_slice name, expected *e);
bool vector_expect_collection(const moment *at, expected *e, unsigned run, strata_slice name,
                              uint64_t snapshot, collection *found);
/* The collection as the operation sees it; p->run is known. */
bool vector_expect_place(const op *o, strata_slice name, const moment *at, expected *e, place *p);
void vector_put_collection(strata_buffer *out, strata_slice name, const model_version *record);

/* ---- op_vector.c ----------------------------------------------------------------------------- */

/* As it is given: an array of numbers, or their bytes. */
embedding vector_embedding_of(strata_slice msgpack);
void vector_put_embedding(strata_buffer *out, const embedding *numbers);
entry vector_entry_of(strata_slice key, strata_slice map);
/* The key without the collection. */
strata_slice vector_id_of(strata_slice key);
strata_slice vector_pick_embedding(maker *mk, uint32_t dimension);
bool vector_expect_fits(const collection *of, const embedding *numbers, expected *e);
uint64_t vector_count_entries(const moment *at, const place *p, strata_slice prefix);
bool vector_trims_within(const op *o, const moment *at, strata_slice name);

#endif
