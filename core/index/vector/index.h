/* index.h - the vectors of one collection, searchable at any version.
 *
 * Entries come into the head, a part without a graph that is searched by looking at all of its codes; what is
 * full is merged, in the background, into parts with a graph (merge.c). A search looks at all parts, so what was
 * added a moment ago is found; nothing is found that a reader at its version would not see.
 *
 * Threads. One writer at a time (add, remove, and the beginning and end of a merge: the caller holds the run's lock).
 * Any number of readers at any time without a lock, each inside an epoch of `epoch`. create and destroy: nobody else.
 * Versions. The writer's never decrease. A reader may ask for any version for which no change is still to come.
 */
#ifndef ST_INDEX_VECTOR_INDEX_H
#define ST_INDEX_VECTOR_INDEX_H

#include "index/vector/part.h"

typedef struct st_vector_index st_vector_index;

typedef struct st_vector_options {
    st_vector_metric metric;
    st_code_kind codes;
    uint32_t dimension; /* 1 to ST_DIMENSION_MAX */
    uint64_t seed;
    uint32_t head_rows; /* that the head has room for; 0: 4096 */
    st_row_pool *
        pool; /* that bounds memory for parts in files, borrowed until destroy; NULL: nothing does */
} st_vector_options;

/* host and epoch are borrowed until destroy. Errors: no_memory. Cost: a few kilobytes until the first entry. */
strata_status st_vector_index_create(const strata_host *host, st_epoch *epoch,
                                     const st_vector_options *options, st_vector_index **index);
/* NULL is fine. */
void st_vector_index_destroy(st_vector_index *index);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Stores an embedding under the key at `version`; what lived there ends. The embedding is finite, and not all zero
 * under cosine. On an error nothing has changed. Errors: no_memory. */
strata_status st_vector_index_add(st_vector_index *index, strata_slice key, uint64_t version,
                                  const float *embedding);
/* What lives under the key ends at `version`; whether there was something. */
bool st_vector_index_remove(st_vector_index *index, strata_slice key, uint64_t version);

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct st_vector_hit {
    strata_slice key; /* borrowed while the reader's epoch and the arena last */
    uint64_t version; /* that stored it */
    float distance;   /* between the embeddings, as in code.h */
} st_vector_hit;

enum { ST_VECTOR_TOGETHER_MAX = 16 };

typedef struct st_vector_query {
    const float *embedding;
    uint32_t k;
    uint32_t effort; /* how far a walk goes: as a rule, about so many candidates */
    uint64_t snapshot;
    bool exact; /* compare with everything, and leave out nothing that may belong to the answer */

    /* Which of entries, at most ST_VECTOR_TOGETHER_MAX of them, may be found; NULL: all. The answer for an entry is
     * always the same, as an entry never changes. Errors: what goes through to the caller. */
    strata_status (*passes)(void *ctx, const st_vector_hit *entries, uint32_t count, bool *passes);
    strata_slice
        filter; /* bytes that say what passes: of two queries with the same, the same entries do */
    /* The keys under which all lies, at the snapshot, that passes, and perhaps more; one may be there twice. *known
     * false: nobody knows, or there are more than `most`. They last as long as the arena of the search. NULL: nobody
     * ever knows. Errors: what goes through to the caller. */
    strata_status (*keys)(void *ctx, uint32_t most, const strata_slice **keys, uint32_t *count,
                          bool *known);
    /* How far entries, at most ST_VECTOR_TOGETHER_MAX of them, are from the embedding, as they were stored: `distance` of
     * each. Errors: what goes through to the caller. */
    strata_status (*compare)(void *ctx, const float *embedding, st_vector_hit *entries,
                             uint32_t count);
    void *ctx;
    st_row_reader *reader; /* of paged rows; that of the search itself, whatever the caller says */
} st_vector_query;

typedef struct st_vector_found {
    const st_vector_hit *hits; /* nearest first, equally near ones by key; in the arena */
    size_t count;
    uint64_t compared; /* codes */
    uint64_t fetched;  /* originals */
    uint32_t walked;   /* parts that were walked through, */
    uint32_t scanned;  /* and that were looked at as a whole */
} st_vector_found;

/* The k nearest of what lives at the snapshot, and passes. arena: for the hits and for scratch. Errors: no_memory,
 * those of passes and compare, and what kept a part from being read: corrupt, io. */
strata_status st_vector_index_search(const st_vector_index *index, const st_vector_query *query,
                                     st_arena *arena, st_vector_found *found);

/* Tells why a search met a part that could not be read; STRATA_OK: none did. What was ended since may live on in it
 * then, so the index is of no use any more. By a reader. Errors: corrupt {file, offset}, io, no_memory. */
strata_status st_vector_index_tell(const st_vector_index *index, strata_error *error);

typedef struct st_vector_stats {
    uint64_t entries; /* with those that have ended */
    uint64_t live;
    uint64_t linked; /* in parts with a graph */
    uint64_t bytes;
    uint32_t parts;
} st_vector_stats;

/* By a reader. */
void st_vector_index_stats(const st_vector_index *index, st_vector_stats *stats);
const st_codec *st_vector_index_codec(const st_vector_index *index);

/* ---- Merging --------------------------------------------------------------------------------- */

typedef struct st_vector_merge st_vector_merge;

typedef struct st_vector_merge_spec {
    bool all;  /* parts become one */
    bool idle; /* the same, if so much is outside of the largest that the copying is worth it */
    uint64_t
        keep; /* entries that ended at this version or before it are seen by no reader, now or later */
    uint64_t known; /* all that was committed up to this version is in the index */
} st_vector_merge_spec;

/* What to merge, if anything is worth it: *merge is NULL otherwise. Under the run's lock, one merge at a time.
 * Errors: no_memory. */
strata_status st_vector_merge_begin(st_vector_index *index, const st_vector_merge_spec *spec,
                                    st_vector_merge **merge);
/* Copies or links about so many entries; *done: there are no more. Without the lock, by one thread. Errors:
 * no_memory; corrupt, io: a part that is merged could not be read. The merge can only be destroyed then. */
strata_status st_vector_merge_step(st_vector_merge *merge, uint32_t entries, bool *done);
/* Links some as well, if it is time to: by any other threads, all of which have returned before the merge is
 * finished or destroyed. *idle: there was nothing to link. Errors: no_memory. */
strata_status st_vector_merge_help(st_vector_merge *merge, uint32_t entries, bool *idle);
/* Shows what was made in place of what it was made of. Under the run's lock, when all steps are done. Errors:
 * no_memory; it may be tried again. */
strata_status st_vector_merge_finish(st_vector_merge *merge);
/* Gives up, or ends, a merge. NULL is fine. */
void st_vector_merge_destroy(st_vector_merge *merge);

/* ---- Files ----------------------------------------------------------------------------------- */

/* Where an index keeps its parts, between openings of the database: in segments of the store. */
typedef struct st_vector_home {
    struct st_store *store;
    strata_slice owner; /* bytes that no other index has, at most ST_VECTOR_OWNER_MAX */
} st_vector_home;

enum { ST_VECTOR_OWNER_MAX = 2048 };

/* Takes the parts that were kept into an index that is empty. *covered: every commit up to this one is in them, but
 * for what ended later; all later ones are to be restored. What does not hold is given up, told to the host's log,
 * and 0 is covered. Before others see the index. Errors: io, no_memory. */
strata_status st_vector_index_load(st_vector_index *index, const st_vector_home *home,
                                   uint64_t *covered, strata_error *error);
/* A commit of before: an embedding that was stored under the key, or NULL: it was removed. Of one key in the order
 * of versions, of different ones in any. Before others see the index. Errors: no_memory. */
strata_status st_vector_index_restore(st_vector_index *index, strata_slice key, uint64_t version,
                                      const float *embedding);
/* Keeps what a merge has made, between its last step and its finish; without the lock, when helpers have returned.
 * What is larger than memory lets be is then read from there. On an error it is not kept, and the merge can be
 * finished all the same. Errors: io, no_space, no_memory. */
strata_status st_vector_merge_save(st_vector_merge *merge, const st_vector_home *home,
                                   strata_error *error);
/* No part of that owner is kept any more; begins: of all whose bytes begin with its. The segments of an index that is
 * in use stay readable until they are closed. Errors: io, no_space, no_memory. */
strata_status st_vector_home_forget(const st_vector_home *home, bool begins, strata_error *error);

/* ---- Checking -------------------------------------------------------------------------------- */

/* Walks every invariant; no merge goes on, nor does a writer. Errors: internal with what does not hold, no_memory. Cost: linear. */
strata_status st_vector_index_check(const st_vector_index *index, strata_error *error);

#endif
