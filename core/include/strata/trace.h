/* trace.h - traces, what an agent did and why: a part of strata.h, which includes it.
 *
 * What strata.h says of threads, memory and errors holds here.
 */
#ifndef STRATA_TRACE_H
#define STRATA_TRACE_H

#include "strata/strata.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct strata_trace {
    size_t size;       /* sizeof(strata_trace) */
    strata_slice type; /* tool_call, decision, query, thought, error, or any other: 1-255 bytes */
    strata_value content;  /* an object; the fields of known types are in docs/operations.md */
    strata_slice parent;   /* empty: none */
    strata_slice id;       /* empty: a new time-ordered one */
    strata_value metadata; /* an object, or null */
    const strata_slice *tags;
    size_t tag_count;
} strata_trace;

#define STRATA_TRACE_INIT                                                                          \
    {sizeof(strata_trace),                                                                         \
     {NULL, 0},                                                                                    \
     {STRATA_NULL, {.integer = 0}},                                                                \
     {NULL, 0},                                                                                    \
     {NULL, 0},                                                                                    \
     {STRATA_NULL, {.integer = 0}},                                                                \
     NULL,                                                                                         \
     0}

/* Records a step of what an agent did; it is never changed. id, which may be NULL, is borrowed until
 * the next call. Errors: already_exists, not_found (the parent), invalid_key, invalid_argument and
 * wrong_type {field}, constraint {reason}, no_space, io, no_memory. */
strata_status strata_trace_record(strata_db *db, strata_run run, const strata_trace *trace,
                                  strata_slice *id, uint64_t *version) STRATA_MUST_USE;

typedef struct strata_trace_entry {
    strata_slice id;
    strata_slice type;
    strata_value content;  /* an object */
    strata_slice parent;   /* empty: none */
    strata_value metadata; /* an object, or null */
    strata_value tags;     /* an array of strings, or null */
    uint64_t version;
    int64_t timestamp_us;
} strata_trace_entry;

/* Errors: not_found, invalid_key; history_trimmed, invalid_argument in the past. */
strata_status strata_trace_get(strata_db *db, strata_run run, strata_slice id, strata_when when,
                               strata_trace_entry *entry) STRATA_MUST_USE;

/* Is given each record, borrowed until it returns; false ends it. It must not call anything with this
 * handle. */
typedef bool (*strata_visit_trace)(void *arg, const strata_trace_entry *entry, uint64_t depth);
/* Visits the records that came of one, or all (parent empty), in order of id, on one snapshot; their
 * depth is 0. Errors: as strata_trace_get. */
strata_status strata_trace_scan(strata_db *db, strata_run run, strata_slice parent,
                                strata_when when, strata_visit_trace visit,
                                void *arg) STRATA_MUST_USE;
typedef struct strata_tree {
    size_t size; /* sizeof(strata_tree) */
    strata_slice root;
    uint64_t depth; /* generations below the root */
    uint64_t limit; /* of records, from 1 */
    strata_when when;
} strata_tree;

#define STRATA_TREE_INIT {sizeof(strata_tree), {NULL, 0}, UINT64_MAX, 1000, STRATA_NOW_INIT}

/* Visits a record and what came of it, each before its children, on one snapshot, up to the limit.
 * Errors: not_found (the root) besides. */
strata_status strata_trace_tree(strata_db *db, strata_run run, const strata_tree *tree,
                                strata_visit_trace visit, void *arg) STRATA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
