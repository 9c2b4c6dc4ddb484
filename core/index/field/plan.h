/* plan.h - which index answers a question, and what of it has to be read. */
#ifndef ST_INDEX_FIELD_PLAN_H
#define ST_INDEX_FIELD_PLAN_H

#include "index/field/filter.h"

/* An index as the planner sees it. */
typedef struct st_plan_index {
    strata_slice name;
    uint32_t id;
    st_path path;
} st_plan_index;

typedef enum st_plan_kind {
    ST_PLAN_SCAN,  /* everything is looked at */
    ST_PLAN_EQUAL, /* one value */
    ST_PLAN_IN,    /* several */
    ST_PLAN_RANGE, /* values from one to another */
    ST_PLAN_ORDER  /* all values, in their order */
} st_plan_kind;

/* Encoded values from low (inclusive) to high (exclusive). */
typedef struct st_plan_range {
    strata_slice low;
    strata_slice high;
} st_plan_range;

typedef struct st_plan {
    st_plan_kind kind;
    const st_plan_index *index; /* NULL: ST_PLAN_SCAN */
    st_plan_range *ranges;      /* in order, disjoint */
    size_t count;
} st_plan;

const char *st_plan_kind_name(st_plan_kind kind);
/* Whether two paths lead to the same place in every document. */
bool st_path_same(const st_path *a, const st_path *b);

/* What every match of the filter is found by: one value before several before a range, and before reading
 * an index in the order asked for (order NULL: none is), before looking at everything. Of two that are as
 * good the first. Errors: no_memory. */
strata_status st_plan_choose(const st_filter *filter, const st_path *order,
                             const st_plan_index *indexes, size_t count, st_arena *arena,
                             st_plan *plan, strata_error *error);

#endif
