/* run_status.c - the life cycle of SEMANTICS.md section 3, as a table of names and of moves. */
#include "model/run_status.h"

#include "base/bytes.h"

static const char *const status_names[] = {"active", "paused",    "completed",
                                           "failed", "cancelled", "archived"};

_Static_assert(sizeof status_names / sizeof status_names[0] == ST_RUN_STATUS_COUNT, "a name each");

const char *st_run_status_name(st_run_status status) {
    return status_names[status];
}

bool st_run_status_parse(strata_slice name, st_run_status *status) {
    for (int i = 0; i < ST_RUN_STATUS_COUNT; i++) {
        if (st_slice_equal(name, strata_text(status_names[i]))) {
            *status = (st_run_status)i;
            return true;
        }
    }
    return false;
}

bool st_run_may_move(st_run_status from, st_run_status to) {
    switch (from) {
    case ST_RUN_ACTIVE:
        return to != ST_RUN_ACTIVE;
    case ST_RUN_PAUSED:
        return to == ST_RUN_ACTIVE || to == ST_RUN_FAILED || to == ST_RUN_CANCELLED ||
               to == ST_RUN_ARCHIVED;
    case ST_RUN_COMPLETED:
    case ST_RUN_FAILED:
    case ST_RUN_CANCELLED:
        return to == ST_RUN_ARCHIVED;
    case ST_RUN_ARCHIVED:
    case ST_RUN_STATUS_COUNT:
        return false;
    }
    return false;
}
