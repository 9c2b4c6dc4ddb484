/* diff.h - in what two points differ: of one run, of a run and its fork, of any two runs. */
#ifndef ST_HISTORY_DIFF_H
#define ST_HISTORY_DIFF_H

#include "history/point.h"
#include "model/primitive.h"

/* A set of primitives: bit 1 << st_primitive_id. */
typedef uint32_t st_primitives;

/* Those that can be named: all but provenance. */
st_primitives st_primitives_all(void);

typedef enum st_diff_kind {
    ST_DIFF_ADDED,
    ST_DIFF_REMOVED,
    ST_DIFF_CHANGED,
    ST_DIFF_KINDS
} st_diff_kind;

typedef struct st_diff_change {
    st_diff_kind kind;
    strata_slice key;          /* of the thing */
    const st_revision *before; /* with its value; NULL: added */
    const st_revision *after;  /* NULL: removed */
} st_diff_change;

/* Is shown each difference, all of it borrowed until it returns; *more false ends it. */
typedef strata_status (*st_diff_visit)(void *ctx, const st_diff_change *difference, bool *more);

typedef struct st_diff_spec {
    const st_point *before;
    const st_point *after;
    st_primitives primitives;
    strata_slice past; /* a key: only what comes after it; empty: everything */
    st_diff_visit visit;
    void *ctx;
} st_diff_spec;

/* Shows the things that differ, primitive by primitive, in order of their keys. Where the points have
 * history in common, a value that ended by itself without a write is no difference. Errors:
 * history_trimmed, and those of reading and of the visitor. Cost: what was written since the runs
 * parted; of runs that share nothing, all that is in both. */
strata_status st_diff(st_request *rq, const st_diff_spec *spec);

/* All things of a point. */
typedef struct st_thing {
    strata_slice key;
    const st_revision *revision; /* with its value */
} st_thing;

typedef strata_status (*st_thing_visit)(void *ctx, const st_thing *thing, bool *more);

typedef struct st_things_spec {
    const st_point *point;
    st_primitives primitives;
    strata_slice past; /* as above */
    st_thing_visit visit;
    void *ctx;
} st_things_spec;

/* Shows what has a value there, in the same order. Errors: as above. Cost: in proportion to it. */
strata_status st_things(st_request *rq, const st_things_spec *spec);

#endif
