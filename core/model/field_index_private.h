/* field_index_private.h - what the files of secondary indexes share. */
#ifndef ST_MODEL_FIELD_INDEX_PRIVATE_H
#define ST_MODEL_FIELD_INDEX_PRIVATE_H

#include "model/field_index.h"

/* What is known of a run's indexes. */
typedef struct st_known_indexes {
    st_arena arena;
    st_index_def *defs;
    size_t count;
} st_known_indexes;

/* Makes run->indexes what the newest records say. Under the run's lock. */
strata_status st_indexes_know(st_request *rq, st_run *run);

/* Replaces *out by the record. Errors: no_memory. */
strata_status st_index_encode(const st_index_def *def, strata_buffer *out);
/* The record where a scan over ST_TAG_INDEX stands, in the arena. Errors: corrupt, no_memory. */
strata_status st_index_record(st_request *rq, st_scan *scan, st_arena *arena, st_index_def *def);

/* The encoded values of one document at one path. */
typedef struct st_index_values {
    strata_slice *items; /* in the arena, in order, each once */
    size_t count;
} st_index_values;

/* document: empty, or one that is malformed there: none. Errors: no_memory. */
strata_status st_index_values_of(st_request *rq, strata_slice document, const st_path *path,
                                 st_index_values *values);

/* Whether the index has entries of a thing, by the thing's key of the store. */
bool st_index_covers(const st_index_def *def, strata_slice owner);
/* st_indexes_change for one index. */
strata_status st_index_change(st_request *rq, const st_index_def *def, strata_slice owner,
                              strata_slice before, strata_slice after, strata_buffer *writes);

/* ---- Building (field_index_build.c) ------------------------------------------------------------ */

/* A commit of records makes the run forget what it knew of its indexes. */
typedef struct st_index_hook {
    st_run *run;
    const strata_allocator *memory;
} st_index_hook;

void st_indexes_forget_at(void *ctx, const st_commit *commit, uint64_t version);

/* The highest id that an index of the run ever had. Under the run's lock. */
strata_status st_index_highest(st_request *rq, const st_run *run, uint32_t *highest);
/* Puts in what was there before the commit of its record, and then says that it is ready. One that was
 * dropped meanwhile stays so; then the stamp is untouched. */
strata_status st_index_fill(st_request *rq, st_run *run, st_index_def *def, uint64_t *entries,
                            st_stamp *stamp);
/* Takes away the entries of one whose record is gone. */
strata_status st_index_empty(st_request *rq, st_run *run, const st_index_def *def);

#endif
