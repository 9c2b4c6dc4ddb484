/* explain.h - why a thing is as it is: the commits that wrote it, what they had read, and so on down. */
#ifndef ST_HISTORY_EXPLAIN_H
#define ST_HISTORY_EXPLAIN_H

#include "history/commits.h"

enum { ST_EXPLAIN_DEPTH_MAX = 100 };

/* A version of a thing, and the commit that wrote it. */
typedef struct st_explained {
    uint32_t parent; /* the place of the node whose commit had read this; its own: a root */
    uint32_t depth;  /* 0: a version of the thing that was asked about */
    strata_slice key;
    uint64_t version; /* 0: it was not there when it was read */
    int64_t timestamp_us;
    bool deleted;
    bool again;         /* it is a node already, and explained there */
    strata_slice value; /* canonical MessagePack; empty: it is deleted, or was not there */
    strata_slice label; /* of the commit; empty: none */
    strata_slice trace;
    const st_commit_change *wrote; /* what else the commit wrote, */
    size_t wrote_count;            /* at most ST_CHANGES_SHOWN, */
    size_t wrote_total;            /* of so many */
    bool recorded;                 /* there is a record of what it had read */
} st_explained;

typedef struct st_explain_spec {
    const st_point *point;
    const st_key *key;
    uint32_t depth;    /* at most ST_EXPLAIN_DEPTH_MAX */
    uint32_t versions; /* of the thing itself, newest first */
    uint32_t limit;    /* of nodes */
} st_explain_spec;

typedef struct st_explanation {
    st_explained *nodes; /* of the arena; each after the one that it explains, level by level */
    size_t count;
    bool truncated; /* there is more than was asked for, or than is kept */
} st_explanation;

/* Errors: not_found (it never had a value), and those of reading. Cost: in proportion to the nodes;
 * for each level, if there are commits without a record, a pass over what was written next to them. */
strata_status st_explain(st_request *rq, const st_explain_spec *spec, st_explanation *explanation);

#endif
