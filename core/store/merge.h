/* merge.h - several ordered lists of entries read as one: memtables, tables, whole levels.
 *
 * The order is that of a table: by key, and under one key from the newest version to the oldest.
 * One thread at a time.
 */
#ifndef ST_STORE_MERGE_H
#define ST_STORE_MERGE_H

#include "store/memtable/memtable.h"
#include "store/view.h"

/* One list. Either the keys of one run, as its memtables have them, or those of all runs, as
 * tables have them. */
typedef struct st_source {
    bool here;            /* whether it stands at an entry */
    bool in_memory;       /* a memtable; else tables */
    bool capped;          /* st_source_cap */
    size_t rank;          /* in its merge: newer ones before older ones */
    size_t part;          /* whoever made it knows of what */
    uint64_t version_max; /* of entries that are shown; with capped, as time_max_us */
    int64_t time_max_us;
    strata_slice key;     /* of the entry; borrowed until the source moves */
    st_revision revision; /* of tables without its value: st_merge_value */
    union {
        st_memtable_iter memtable;
        struct {
            st_table *const *tables; /* in order of key, disjoint */
            size_t count;
            size_t at;
            size_t run_bytes; /* 8: only this run, its number taken off the keys; 0: all runs */
            uint64_t run;
            uint64_t version_after; /* as in st_table_iter; set before the first move */
            st_table_iter iter;
        } tables;
    } as;
} st_source;

void st_source_memtable(st_source *source, const st_memtable *table);
/* run: UINT64_MAX for all. The array is borrowed. error: where failures say why; may be NULL. */
void st_source_tables(st_source *source, st_table *const *tables, size_t count, uint64_t run,
                      strata_error *error);

/* Entries of a newer version, or of a later time, are passed over: within a run both go up together.
 * Before the first move. */
static inline void st_source_cap(st_source *source, uint64_t version_max, int64_t time_max_us) {
    source->capped = version_max != UINT64_MAX || time_max_us != INT64_MAX;
    source->version_max = version_max;
    source->time_max_us = time_max_us;
}

typedef struct st_merge {
    st_source **sources; /* in order of where they stand */
    size_t count;
    st_source *top; /* stands at the entry; NULL past the end */
} st_merge;

/* sources: newer ones before older ones; borrowed, and put into another order, until
 * st_merge_release, which releases them. */
void st_merge_init(st_merge *merge, st_source **sources, size_t count);
void st_merge_release(st_merge *merge);

/* The first entry that is not before (key, number). Errors: as st_table_iter_seek. */
strata_status st_merge_seek(st_merge *merge, strata_slice key, uint64_t number) STRATA_MUST_USE;
/* The next entry; one that two sources have (replayed from the log although a table has it) comes
 * once. */
strata_status st_merge_next(st_merge *merge) STRATA_MUST_USE;
/* The first entry of another key. key: the one it stands at; not borrowed from the merge. */
strata_status st_merge_skip(st_merge *merge, strata_slice key) STRATA_MUST_USE;
/* Finds the last key below `key` that a source has, if only in entries that it passes over: *before is
 * borrowed until the merge moves; *found false: there is none. The merge then stands nowhere: seek. */
strata_status st_merge_before(st_merge *merge, strata_slice key, strata_slice *before,
                              bool *found) STRATA_MUST_USE;
/* The value of the entry; borrowed until the merge moves. */
strata_status st_merge_value(st_merge *merge, strata_slice *value) STRATA_MUST_USE;

static inline bool st_merge_here(const st_merge *merge) {
    return merge->top != NULL;
}

#endif
