/* nearest.h - the entries of a collection that are nearest to an embedding. */
#ifndef ST_RECALL_NEAREST_H
#define ST_RECALL_NEAREST_H

#include "model/vector/vector.h"

typedef struct st_nearest_request {
    strata_slice collection;
    const float *embedding;
    uint32_t dimension;
    uint64_t k;         /* 1 to ST_PAGE_MAX */
    uint64_t effort;    /* candidates of a walk, ST_EFFORT_MIN to ST_EFFORT_MAX */
    strata_slice where; /* a filter (index/field/filter.h) of {key, text?, metadata?}; empty: all */
    bool exact;         /* compare with all of them */
    bool values;        /* fetch what is stored under the keys of hits */
    st_when when;
} st_nearest_request;

enum { ST_EFFORT_MIN = 10, ST_EFFORT_MAX = 10000, ST_EFFORT_DEFAULT = 64, ST_NEAREST_DEFAULT = 10 };

typedef struct st_nearest_hit {
    strata_slice key;
    uint64_t version; /* that stored it; 0: the request's own transaction */
    float distance;   /* as in index/vector/code.h */
    double score;     /* higher is better: the cosine, 1 / (1 + distance), the dot product */
    st_vector vector; /* if it was asked for */
} st_nearest_hit;

/* Everything is in the request's arena. */
typedef struct st_nearest_result {
    const st_nearest_hit *hits; /* best first; equal ones in order of key */
    size_t count;
    uint64_t compared; /* codes, and embeddings where there is no index */
    uint64_t fetched;  /* embeddings */
    uint64_t walked;   /* parts of the index that were walked through, */
    uint64_t scanned;  /* and that were looked at as a whole */
    st_vector_metric metric;
    bool indexed; /* an index has answered; otherwise all entries were read */
} st_nearest_result;

/* As of a time, or where history has gone, all entries are read. A transaction's own writes are seen, and the
 * keys of the collection count as read. Errors: not_found (the collection), invalid_argument (k, effort, the
 * embedding, the filter), constraint {dimension_mismatch}, history_trimmed, no_memory. */
strata_status st_nearest(st_request *rq, st_run *run, const st_nearest_request *request,
                         st_nearest_result *result);

#endif
