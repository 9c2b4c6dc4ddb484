/* trace.h - traces: what an agent did and why, step by step, as a forest of records. */
#ifndef ST_MODEL_TRACE_H
#define ST_MODEL_TRACE_H

#include "model/page.h"

/* MessagePack is canonical; empty: there is none. */
typedef struct st_trace {
    strata_slice id;
    strata_slice type;
    strata_slice content; /* an object */
    strata_slice parent;  /* the id of a record; empty: none */
    strata_slice tags;    /* an array of strings */
    strata_slice metadata;
} st_trace;

/* Stores a record that is never changed. trace->id empty: a new one is made. *id: borrowed from the
 * arena or the caller. Errors: already_exists, not_found (parent), invalid_key, invalid_argument (type,
 * fields), wrong_type (a field), constraint {value_too_large, run_closed}, and those of a commit. */
strata_status st_trace_record(st_request *rq, st_run *run, const st_trace *trace, strata_slice *id,
                              st_stamp *stamp);
/* Borrowed until the request ends. Errors: not_found, corrupt. */
strata_status st_trace_get(st_request *rq, const st_run *run, strata_slice id, const st_when *when,
                           st_trace *trace, st_stamp *stamp);

/* What is stored of the record; borrowed. Errors: corrupt. */
strata_status st_trace_of(st_request *rq, strata_slice id, strata_slice stored, st_trace *trace);

/* ---- Several --------------------------------------------------------------------------------- */

/* Records in order of id, all, or the children of one. */
typedef struct st_trace_page {
    strata_slice parent; /* empty: all */
    strata_slice after;  /* the last id of the page before; empty: none */
    bool reverse;
    st_when when;
} st_trace_page;

typedef struct st_trace_walk {
    st_moment moment;
    st_scan *scan; /* stands at a record while scan->here */
    bool by_parent;
} st_trace_walk;

/* To be ended if it succeeds. Errors: invalid_key, invalid_argument, history_trimmed. */
strata_status st_trace_begin(st_request *rq, const st_run *run, const st_trace_page *page,
                             st_trace_walk *walk);
/* The record where it stands; borrowed until the walk ends. Errors: corrupt. */
strata_status st_trace_at(st_request *rq, st_trace_walk *walk, st_trace *trace, st_stamp *stamp);
void st_trace_end(st_request *rq, st_trace_walk *walk);

/* What is wanted of them; empty or at its limit: whatever. */
typedef struct st_trace_filter {
    strata_slice type;
    strata_slice tag;
    int64_t after_us;  /* from then on */
    int64_t before_us; /* and before */
} st_trace_filter;

bool st_trace_fits(const st_trace_filter *filter, const st_trace *trace, const st_stamp *stamp);

/* A record with all that came of it: each record before its children, which are in order of id. */
typedef struct st_trace_tree {
    strata_slice root;
    uint64_t depth; /* of the last generation; 0: the root alone */
    uint64_t limit; /* of records */
    st_when when;
    void *arg;
    strata_status (*visit)(void *arg, const st_trace *trace, const st_stamp *stamp, uint64_t depth);
} st_trace_tree;

/* *truncated: there are more than the limit. Errors: not_found (the root), corrupt, and the
 * visitor's. Cost: in proportion to what is visited. */
strata_status st_trace_visit(st_request *rq, const st_run *run, const st_trace_tree *tree,
                             bool *truncated);

#endif
