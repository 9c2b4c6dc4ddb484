/* vector_index.h - the indexes of a run's collections that are in memory.
 *
 * One is made when its collection is first searched, from all versions that are kept, and changed by every commit
 * from then on. So it answers for any moment for which nothing has gone (`kept`).
 *
 * Threads. The list changes under the run's lock; it is read by anybody, inside an epoch.
 */
#ifndef ST_MODEL_VECTOR_VECTOR_INDEX_H
#define ST_MODEL_VECTOR_VECTOR_INDEX_H

#include "index/vector/index.h"
#include "model/vector/collection.h"

typedef struct st_collection_index {
    st_retired retired; /* first: what the epoch knows it by */
    struct st_collection_index *_Atomic next;
    const strata_allocator *memory;
    st_vector_index *index;
    st_collection of;      /* the record that it was made for; its name lies here */
    _Atomic uint64_t kept; /* it answers at this version and above */
    float *numbers;        /* room for an embedding, under the run's lock */
    bool merging;          /* under the run's lock: a merge of it goes on, */
    bool gone;             /* and whoever merges it ends it, too */
    char name[ST_NAME_BYTES_MAX];
} st_collection_index;

/* The index of a collection that looks like this; *out NULL: the newest record looks otherwise, so there is none.
 * Errors: corrupt, no_memory. Cost: the first time, in proportion to all that was ever put and is kept; nobody
 * writes to the run meanwhile. */
strata_status st_vector_index_of(st_request *rq, st_run *run, const st_collection *collection,
                                 const st_collection_index **out);
/* The one that there is; NULL: none. Inside an epoch. */
const st_collection_index *st_vector_index_there(const st_run *run, strata_slice name);

/* In the hook of a commit: what one write changes; others than those of vectors are left alone. If there is no
 * memory for it the index is given up, and made anew by the next search. */
void st_vector_index_write(st_request *rq, st_run *run, const st_write *write, uint64_t version);

/* For the hook of a commit that changes a record: the index goes. */
typedef struct st_index_forget {
    st_request *rq;
    st_run *run;
    strata_slice name;
} st_index_forget;
void st_vector_index_forget_at(void *ctx, const st_commit *commit, uint64_t version);

/* It could not be read: it goes, if it is still there, and the next search makes it anew. */
void st_vector_index_give_up(st_request *rq, st_run *run, const st_collection_index *index);
/* All indexes of a run go: it was deleted, under its lock. */
void st_vector_indexes_forget(st_model *model, st_run *run);
/* The same when nobody uses the run any more. */
void st_vector_indexes_free(st_run *run);
/* One that is in no list, and no reader can find. */
void st_collection_index_free(st_collection_index *index);
/* The same of one that readers may still be in. */
void st_collection_index_retire(st_model *model, st_collection_index *index);

#endif
