/* recall.h - the main job: the memories of a run that fit a question best. */
#ifndef ST_RECALL_RECALL_H
#define ST_RECALL_RECALL_H

#include "model/memory.h"

typedef struct st_recall_request {
    strata_slice query;
    uint64_t k;
    bool snippets;
    st_when when;
} st_recall_request;

typedef struct st_recall_hit {
    double score;
    st_memory memory; /* borrowed from the store */
    st_stamp stamp;
    strata_slice snippet; /* in the arena; empty when not asked for */
} st_recall_hit;

/* Everything is in the request's arena. */
typedef struct st_recall_result {
    const st_recall_hit *hits; /* best first; equal scores in order of key */
    size_t count;
    uint64_t candidates;
    uint64_t memories;
    uint64_t terms;
    uint64_t elapsed_ns;
} st_recall_result;

/* Errors: invalid_argument (no words, k, when), constraint {query_too_long}, history_trimmed,
 * no_memory. Cost: of a moment before the index was built, or given as a time, in proportion to the
 * memories that there were. */
strata_status st_recall(st_request *rq, st_run *run, const st_recall_request *request,
                        st_recall_result *result);

#endif
