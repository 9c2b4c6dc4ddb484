/* run_fork.h - runs that begin as another run was. */
#ifndef ST_MODEL_RUN_RUN_FORK_H
#define ST_MODEL_RUN_RUN_FORK_H

#include "model/run/run.h"

/* A new active run that sees what `parent` held then, and goes on by itself. spec: name (empty: one is
 * made), tags, metadata; their encodings are canonical. *record: of the fork; its slices are borrowed
 * from the arena and from spec. Cost: that of a small commit, whatever the parent holds; a point of the
 * past costs a look-up more. Errors: already_exists, not_found (parent), invalid_argument (name; a point
 * that has not come), history_trimmed (what was there then is no longer kept). */
strata_status st_run_fork(st_request *rq, strata_slice parent, const st_when *when,
                          const st_run_record *spec, st_run_record *record, st_stamp *stamp);

#endif
