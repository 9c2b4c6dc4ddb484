/* vector.h - the entries of collections: embeddings with a key, metadata and a text. */
#ifndef ST_MODEL_VECTOR_VECTOR_H
#define ST_MODEL_VECTOR_VECTOR_H

#include "model/vector/collection.h"

/* Collection and key are checked by every function: invalid_key; together they have at most ST_KEY_BYTES_MAX
 * bytes. Writes: not_found (there is no such collection), constraint {run_closed, value_too_large}, and what
 * a commit returns. */
typedef struct st_vector_ref {
    strata_slice collection;
    strata_slice key;
} st_vector_ref;

typedef struct st_vector {
    st_vector_ref ref;
    uint32_t dimension;
    const uint8_t *embedding; /* dimension × f32, little-endian; not aligned */
    strata_slice metadata;    /* MessagePack map; empty: none */
    strata_slice text;        /* empty: none */
    st_stamp stamp;
} st_vector;

/* What is put. */
typedef struct st_vector_input {
    strata_slice key;
    const float *embedding;
    uint32_t dimension;
    strata_slice metadata; /* canonical; empty: none */
    strata_slice text;
} st_vector_input;

enum { ST_UPSERT_MAX = 10000 };

/* Stores entries, or replaces them, in one commit: all or none. Errors: invalid_argument (an embedding; a key
 * that is there twice; a text that is not UTF-8), constraint {dimension_mismatch {dimension, given}}. */
strata_status st_vector_upsert(st_request *rq, st_run *run, strata_slice collection,
                               const st_vector_input *inputs, size_t count, st_stamp *stamp);
strata_status st_vector_delete(st_request *rq, st_run *run, const st_vector_ref *ref, bool *existed,
                               st_stamp *stamp);

/* Whether all numbers are finite, and the length of what they make is one that 32-bit floats can hold; *zero:
 * all of them are 0. Errors: invalid_argument {argument: embedding}. */
strata_status st_embedding_check(const float *embedding, uint32_t dimension, bool *zero,
                                 strata_error *error);
/* And that it is one for the collection. Errors: the same, constraint {dimension_mismatch}. */
strata_status st_embedding_fits(const st_collection *collection, uint32_t dimension, bool zero,
                                strata_error *error);
/* Appends them as a MessagePack array of floats. Errors: no_memory. */
strata_status st_embedding_put(const st_vector *vector, strata_buffer *out);
/* The numbers of an entry, aligned. */
void st_embedding_load(const st_vector *vector, float *embedding);

/* ---- Reading --------------------------------------------------------------------------------- */

/* Errors: not_found (the entry, or the collection), history_trimmed. */
strata_status st_vector_get(st_request *rq, const st_run *run, const st_vector_ref *ref,
                            const st_when *when, st_vector *vector);
/* What is stored under a key of ST_TAG_VECTOR; borrowed from both. Errors: corrupt. */
strata_status st_vector_read(st_request *rq, strata_slice store_key, strata_slice stored,
                             st_vector *vector);
/* The same; false: malformed. */
bool st_vector_decode(strata_slice stored, st_vector *vector);
strata_status st_vector_fail_malformed(st_request *rq, const st_vector_ref *ref);
/* What filters see of it, appended: a document {key, text?, metadata?}. Errors: corrupt, no_memory. */
strata_status st_vector_document(const st_vector *vector, strata_buffer *out);
/* The same of what is stored under a key of ST_TAG_VECTOR, in the arena. Errors: corrupt, no_memory. */
strata_status st_vector_document_of(st_request *rq, strata_slice store_key, strata_slice stored,
                                    strata_slice *document);
/* Appends (st_write) what a write of an entry changes in the run's secondary indexes. Under the run's lock. */
strata_status st_vector_index_fields(st_request *rq, st_run *run, const st_write *write,
                                     strata_buffer *writes);
/* The versions, to be read with st_versions_next. */
strata_status st_vector_history(st_request *rq, const st_run *run, const st_vector_ref *ref,
                                uint64_t before, st_scan **scan);

typedef struct st_vector_page {
    strata_slice collection;
    strata_slice prefix; /* of keys */
    strata_slice after;  /* the last key of the page before; empty: none */
    bool reverse;
    st_when when;
} st_vector_page;

/* A scan over the entries of a collection, in order of key. Errors: not_found (the collection). */
strata_status st_vector_scan(st_request *rq, const st_run *run, const st_vector_page *page,
                             st_scan **scan);
/* The one where the scan stands; borrowed until it moves. */
strata_status st_vector_at(st_request *rq, st_scan *scan, st_vector *vector);

strata_status st_vector_key(const st_vector_ref *ref, strata_error *error, st_key *key);

/* ---- For the commit of a transaction --------------------------------------------------------- */

/* Sees to it that every entry has a collection that it fits. Other writes are left alone. Under the run's
 * lock. Errors: conflict {key}. */
strata_status st_vector_follow(st_request *rq, const st_run *run, const st_write *write);

#endif
