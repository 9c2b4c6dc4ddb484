/* run_status.h - the states of a run, and which may follow which. */
#ifndef ST_MODEL_RUN_STATUS_H
#define ST_MODEL_RUN_STATUS_H

#include "base/std.h"

/* Stored by their numbers. */
typedef enum st_run_status {
    ST_RUN_ACTIVE,
    ST_RUN_PAUSED,
    ST_RUN_COMPLETED,
    ST_RUN_FAILED,
    ST_RUN_CANCELLED,
    ST_RUN_ARCHIVED,
    ST_RUN_STATUS_COUNT
} st_run_status;

const char *st_run_status_name(st_run_status status);
/* False when there is no such status. */
bool st_run_status_parse(strata_slice name, st_run_status *status);
bool st_run_may_move(st_run_status from, st_run_status to);

#endif
