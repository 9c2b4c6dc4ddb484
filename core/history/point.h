/* point.h - a run at a moment, which stays as it is while it is looked at.
 *
 * A point of now is a snapshot that is held, with the time it was taken at, so that all reads of it
 * agree on what has ended. A point of the past may be trimmed meanwhile, and says so then.
 */
#ifndef ST_HISTORY_POINT_H
#define ST_HISTORY_POINT_H

#include "model/page.h"

typedef struct st_point {
    st_run *run;
    st_bound bound;
    uint64_t
        version; /* it shows the commits up to this one of the run and of what it was forked from */
    st_held_snapshot held;
    bool holds;
} st_point;

/* To be closed if it succeeds. Errors: as st_bound_at, and those of reading. Cost: of a time, in
 * proportion to what was written since. */
strata_status st_point_open(st_request *rq, st_run *run, const st_when *when, st_point *point);
void st_point_close(st_request *rq, st_point *point);

/* The revision of a thing that has a value there, as st_show_read. Errors: as st_show_read. */
strata_status st_point_read(st_request *rq, const st_point *point, strata_slice key,
                            st_revision *revision, bool *found);

/* A request beside another, in an arena of its own: what is read through it can be forgotten while scans
 * of the other go on. */
void st_scratch_begin(st_request *scratch, st_arena *arena, const st_request *rq);
void st_scratch_forget(st_request *scratch);
void st_scratch_end(st_request *scratch);

#endif
