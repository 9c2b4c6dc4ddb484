/* run_delete.h - the end of a run with all that it holds. */
#ifndef ST_MODEL_RUN_RUN_DELETE_H
#define ST_MODEL_RUN_RUN_DELETE_H

#include "model/run/run.h"

/* Deletes the run of that name: its record, its rules of retention, and every version of every key. From
 * then on nothing of it can be read or written, as of a point in the past neither; forks go on to see
 * what they saw. The name can be taken again; the id is never reused. Cost: that of a small commit; the
 * space is free once tables are merged. Errors: not_found, constraint {default_run}. */
strata_status st_run_remove(st_request *rq, strata_slice name, st_stamp *stamp);

#endif
