/* filter_sets.h - which entries of a part pass a filter, as far as it was asked. fill and complete: of linked parts.
 *
 * Threads: any number of readers with one set, each inside an epoch.
 */
#ifndef ST_INDEX_VECTOR_FILTER_SETS_H
#define ST_INDEX_VECTOR_FILTER_SETS_H

#include "index/vector/index.h"

typedef struct st_filter_set {
    st_retired retired; /* first */
    struct st_filter_set *next;
    const strata_allocator *memory; /* NULL: it is the search's alone, in its arena */
    size_t size;
    strata_slice filter;
    uint32_t rows;
    _Atomic uint32_t asked_count; /* rows whose answer is known */
    _Atomic uint32_t at;          /* st_filter_set_fill goes on about here */
    _Atomic uint32_t sparse;      /* in 16 matches, how many nodes walks came by; 0: not known */
    _Atomic bool no_keys;         /* nobody knew the keys of what passes */
    _Atomic uint64_t *asked;      /* bit row % 64 of word row / 64: its answer is known, */
    _Atomic uint64_t *passing;    /* and is yes */
    uint64_t *whole;              /* a copy of `passing`, once all answers are known */
    _Atomic uint32_t whole_count; /* of those that pass, + 1; 0: not all answers are known */
} st_filter_set;

/* The set of the query's filter: the one that is kept, or, the first time that such a filter is asked, one in the
 * arena; of a filter that comes again one that is kept. It lasts while the reader's epoch does. Errors: no_memory. */
strata_status st_filter_set_of(st_part *part, st_epoch *epoch, const st_vector_query *query,
                               st_arena *arena, st_filter_set **set);
/* Finds out whether rows, at most ST_VECTOR_TOGETHER_MAX of them, pass; the query is asked once for each row. Errors:
 * those of passes. */
strata_status st_filter_set_ask(st_filter_set *set, const st_part *part,
                                const st_vector_query *query, const uint32_t *rows, uint32_t count);
/* Whether a row passes that was found out. */
static inline bool st_filter_set_has(const st_filter_set *set, uint32_t row) {
    const _Atomic uint64_t *word = &set->passing[row / 64];
    return (atomic_load_explicit((_Atomic uint64_t *)word, memory_order_relaxed) >> (row % 64) &
            1) != 0;
}
/* Asks for so many rows that nobody has asked for. Errors: those of passes. */
strata_status st_filter_set_fill(st_filter_set *set, st_part *part, const st_vector_query *query,
                                 uint32_t rows);
/* Asks for all rows, and keeps the set. Errors: those of passes, no_memory. */
strata_status st_filter_set_complete(st_filter_set **set, st_part *part, st_epoch *epoch,
                                     const st_vector_query *query);
/* The rows that pass (whether they live or not), if all answers are known. */
bool st_filter_set_whole(const st_filter_set *set, st_node_set *nodes);
/* Memory that is kept. */
size_t st_filter_sets_bytes(const st_part *part);
/* When nobody looks at the part any more. */
void st_filter_sets_free(st_part *part);

#endif
