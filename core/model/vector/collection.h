/* collection.h - collections of vectors: what the embeddings of a collection are, and how they compare. */
#ifndef ST_MODEL_VECTOR_COLLECTION_H
#define ST_MODEL_VECTOR_COLLECTION_H

#include "index/vector/code.h"
#include "model/page.h"
#include "model/write.h"

/* How embeddings are coded in the index, as stored: what was asked for. */
typedef enum st_codes_asked {
    ST_CODES_AUTO,
    ST_CODES_F32,
    ST_CODES_I8,
    ST_CODES_B1,
    ST_CODES_COUNT
} st_codes_asked;

typedef struct st_collection {
    strata_slice name;
    uint32_t dimension; /* 1 to ST_DIMENSION_MAX */
    st_vector_metric metric;
    st_codes_asked codes;
    uint64_t seed;
    bool dropping; /* nobody finds it: its entries go, then its record */
    st_stamp stamp;
} st_collection;

/* Names are keys of at most ST_NAME_BYTES_MAX bytes: invalid_key. */
strata_status st_collection_name_check(strata_slice name, strata_error *error);

/* collection: name, dimension, metric, codes, seed. What a drop of that name has left is taken away first.
 * Not inside a transaction. Errors: already_exists, invalid_argument (dimension), constraint {run_closed}. */
strata_status st_collection_create(st_request *rq, st_run *run, const st_collection *collection,
                                   st_stamp *stamp);
/* *existed false: there was none, or it was being dropped, which is done now. Its entries go in many commits;
 * the stamp is of the one from which on it is not found. Not inside a transaction. */
strata_status st_collection_drop(st_request *rq, st_run *run, strata_slice name, bool *existed,
                                 st_stamp *stamp);

/* Borrowed until the request ends. Errors: not_found, history_trimmed. */
strata_status st_collection_get(st_request *rq, const st_run *run, strata_slice name,
                                const st_when *when, st_collection *collection);
/* The same inside a bound. Errors: not_found. */
strata_status st_collection_find(st_request *rq, const st_run *run, strata_slice name,
                                 const st_bound *bound, st_collection *collection);
/* Inside a commit, or a transaction: that which writes go to. Errors: not_found. */
strata_status st_collection_newest(st_request *rq, const st_run *run, strata_slice name,
                                   st_collection *collection);
/* What is stored under a key of ST_TAG_COLLECTION; borrowed from the key. Errors: corrupt. */
strata_status st_collection_read(st_request *rq, strata_slice store_key, strata_slice stored,
                                 st_collection *collection);

/* The codes that its index has. */
st_code_kind st_collection_codes(const st_collection *collection);
/* Whether an index of the one can answer for the other. */
bool st_collection_same_index(const st_collection *a, const st_collection *b);
/* The keys of its entries. The bounds live in the arena. Errors: no_memory. */
strata_status st_collection_range(st_request *rq, strata_slice name, st_scan_range *range);

const char *st_metric_name(st_vector_metric metric);
const char *st_codes_asked_name(st_codes_asked codes);
const char *st_code_kind_name(st_code_kind kind);

#endif
