/* field_index.h - secondary indexes of a run: on paths of JSON documents, on fields of memories, of the entries of
 * collections, and of entities. Entries are keys of the run, written in the commit of what they are of.
 */
#ifndef ST_MODEL_FIELD_INDEX_H
#define ST_MODEL_FIELD_INDEX_H

#include "index/field/plan.h"
#include "model/page.h"
#include "model/primitive.h"
#include "store/copies/verify.h"

typedef struct st_index_def {
    strata_slice name;
    uint32_t id;
    const st_primitive *primitive;
    strata_slice schema; /* of entities; else empty */
    strata_slice path_text;
    st_path path;
    bool ready; /* what was there before it is in it */
    st_stamp stamp;
} st_index_def;

/* The indexes inside the bound, in order of name; in the arena. Errors: corrupt. */
strata_status st_indexes_read(st_request *rq, const st_run *run, const st_bound *bound,
                              st_index_def **defs, size_t *count);

/* ---- For the primitives ---------------------------------------------------------------------- */

/* Whether the run has indexes on a primitive. Under the run's lock. Errors: corrupt, no_memory. */
strata_status st_indexes_any(st_request *rq, st_run *run, st_primitive_id primitive, bool *any);
/* Appends (st_write) what a change of one thing changes in the indexes on it. owner: its key of the store;
 * before and after: documents, empty: there is none. Under the run's lock. Errors: no_memory. */
strata_status st_indexes_change(st_request *rq, st_run *run, strata_slice owner,
                                strata_slice before, strata_slice after, strata_buffer *writes);
/* The run's lock is held, or nobody else uses it: what is known of its indexes is forgotten. */
void st_indexes_forget(st_run *run, const strata_allocator *memory);

/* ---- Entries --------------------------------------------------------------------------------- */

/* The beginning of the entries of an index with that encoded value. */
void st_index_key(st_key *key, uint32_t id, strata_slice value);
/* Takes an entry's key apart; owner: without its tag. False: malformed. */
bool st_index_key_parts(strata_slice key, strata_slice *value, strata_slice *owner);

/* Compares the indexes of a run with what they are on, at one moment, and adds to the report what does not
 * agree. Cost: reads everything that is indexed, twice. */
strata_status st_indexes_verify(st_request *rq, const st_run *run, st_report *report);

enum { ST_INDEXES_MAX = 64 }; /* of a run: each costs every write a look */

#endif
