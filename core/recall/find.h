/* find.h - the things of a run that a filter holds of, in order of key or of a field, page by page. */
#ifndef ST_RECALL_FIND_H
#define ST_RECALL_FIND_H

#include "index/field/plan.h"
#include "model/page.h"
#include "model/primitive.h"

typedef struct st_find_request {
    st_primitive_id primitive; /* json, memory, entity */
    strata_slice schema;       /* of entities; else empty */
    strata_slice where;    /* a filter (index/field/filter.h), as a document; empty: everything */
    strata_slice order_by; /* a path; empty: by key */
    bool reverse;
    uint64_t limit;
    strata_slice prefix; /* of the keys */
    strata_slice cursor; /* of the page before; empty: from the beginning */
    st_when when;
} st_find_request;

typedef struct st_find_result {
    strata_slice *owners; /* keys of the store, in the arena */
    size_t count;
    strata_slice cursor; /* where the next page begins; empty: there is none */
    st_bound bound;      /* at which all was read */
    st_plan_kind plan;
    strata_slice index; /* the name of the one that was used; empty: none */
    uint64_t examined;  /* things that were looked at */
} st_find_result;

/* Ordered by a field, strings count with their first 250 bytes, what has no scalar there comes last, whichever
 * the direction, and what is equal there is in order of key. The answer is the same with and without indexes.
 * Errors: invalid_argument (the filter, the cursor), invalid_path, constraint, history_trimmed. Cost: with an
 * index that answers, in proportion to what it finds, and for a single value or in its order to the page;
 * otherwise to what there is. */
strata_status st_find(st_request *rq, const st_run *run, const st_find_request *request,
                      st_find_result *result);

#endif
