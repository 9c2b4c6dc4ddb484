/* vector.h - collections of embeddings, and the nearest of them: a part of strata.h, which includes it.
 *
 * What strata.h says of threads, memory and errors holds here.
 */
#ifndef STRATA_VECTOR_H
#define STRATA_VECTOR_H

#include "strata/strata.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum strata_metric {
    STRATA_METRIC_COSINE = 0,
    STRATA_METRIC_EUCLIDEAN,
    STRATA_METRIC_DOT
} strata_metric;

/* How the index codes embeddings; what decides is compared as it was stored. */
typedef enum strata_codes {
    STRATA_CODES_AUTO = 0, /* eight bits a number, from dimension 16 on */
    STRATA_CODES_F32,
    STRATA_CODES_I8,
    STRATA_CODES_B1 /* a bit a number: a search looks at all of them, and then at the best */
} strata_codes;

typedef struct strata_collection {
    size_t size; /* sizeof(strata_collection) */
    strata_slice name;
    uint32_t dimension; /* 1 to 8192 */
    strata_metric metric;
    strata_codes codes;
    uint64_t seed; /* of the index; below 2^63 */
} strata_collection;

#define STRATA_COLLECTION_INIT                                                                     \
    {sizeof(strata_collection), {NULL, 0}, 0, STRATA_METRIC_COSINE, STRATA_CODES_AUTO, 0}

/* Makes a collection. Not inside a transaction. version may be NULL. Errors: already_exists, invalid_key,
 * invalid_argument (dimension, metric, codes, seed), constraint {run_closed}. */
strata_status strata_vector_create(strata_db *db, strata_run run,
                                   const strata_collection *collection,
                                   uint64_t *version) STRATA_MUST_USE;
/* Drops a collection with all of its entries, in many commits; their history stays. Not inside a transaction.
 * existed may be NULL. */
strata_status strata_vector_drop(strata_db *db, strata_run run, strata_slice name,
                                 bool *existed) STRATA_MUST_USE;

typedef struct strata_vector {
    size_t size; /* sizeof(strata_vector) */
    strata_slice key;
    const float *embedding;
    uint32_t dimension;    /* numbers of it */
    strata_value metadata; /* an object, or null */
    strata_slice text;     /* what it is the embedding of; empty: nothing */
} strata_vector;

#define STRATA_VECTOR_INIT                                                                         \
    {sizeof(strata_vector), {NULL, 0}, NULL, 0, {STRATA_NULL, {.integer = 0}}, {NULL, 0}}

/* Stores 1 to 10 000 entries in one commit, or none; no key twice. version may be NULL. Errors: not_found (the
 * collection), invalid_key, invalid_argument (a number that is not finite; all are 0, under cosine; a key that
 * is there twice), constraint {dimension_mismatch {dimension, given}, value_too_large, run_closed}. */
strata_status strata_vector_upsert(strata_db *db, strata_run run, strata_slice collection,
                                   const strata_vector *vectors, size_t count,
                                   uint64_t *version) STRATA_MUST_USE;
/* existed may be NULL. Errors: not_found (the collection), invalid_key, constraint {run_closed}. */
strata_status strata_vector_delete(strata_db *db, strata_run run, strata_slice collection,
                                   strata_slice key, bool *existed) STRATA_MUST_USE;

typedef struct strata_vector_entry {
    strata_slice key;
    const float *embedding; /* NULL: it was not asked for */
    uint32_t dimension;
    strata_value metadata; /* an object; null: none, or not asked for */
    strata_slice text;     /* empty: the same */
    uint64_t version;      /* that stored it; 0: the transaction itself */
    double score;          /* of a search */
} strata_vector_entry;

/* Everything is borrowed until the next call. Errors: not_found, invalid_key, history_trimmed. */
strata_status strata_vector_get(strata_db *db, strata_run run, strata_slice collection,
                                strata_slice key, strata_when when,
                                strata_vector_entry *entry) STRATA_MUST_USE;

typedef struct strata_vector_query {
    size_t size; /* sizeof(strata_vector_query) */
    strata_slice collection;
    const float *embedding;
    uint32_t dimension;
    uint32_t k;          /* 1 to 1000 */
    uint32_t effort;     /* how far beyond the k-th it looks, 10 to 10 000 */
    strata_value filter; /* as the argument of vector.search; null: none */
    bool exact;          /* compare with all */
    bool values;         /* whether hits have embeddings, metadata and texts */
    strata_when when;
} strata_vector_query;

#define STRATA_VECTOR_QUERY_INIT                                                                   \
    {sizeof(strata_vector_query),                                                                  \
     {NULL, 0},                                                                                    \
     NULL,                                                                                         \
     0,                                                                                            \
     10,                                                                                           \
     64,                                                                                           \
     {STRATA_NULL, {.integer = 0}},                                                                \
     false,                                                                                        \
     false,                                                                                        \
     STRATA_NOW_INIT}

/* The nearest entries, best first; hits are borrowed until the next call. A score is higher the better: the cosine,
 * 1 / (1 + the distance), the dot product. Errors: not_found (the collection), invalid_argument, invalid_path,
 * constraint {dimension_mismatch, nesting_too_deep, filter_too_large}, history_trimmed. */
strata_status strata_vector_search(strata_db *db, strata_run run, const strata_vector_query *query,
                                   const strata_vector_entry **hits, size_t *count) STRATA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
