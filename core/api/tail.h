/* tail.h - following the log of events of a run, for the operation and the C function. */
#ifndef ST_API_TAIL_H
#define ST_API_TAIL_H

#include "api/handle.h"
#include "model/event.h"

enum { ST_TAIL_WAIT_MS_MAX = 60000 };

typedef struct st_tail {
    bool from_now; /* else from `after` on */
    uint64_t after;
    bool by_type;
    strata_slice type;
    uint64_t limit;
    uint64_t wait_ms;
    /* Is given each event, borrowed until it returns; *more false: it wants no other. */
    strata_status (*visit)(void *ctx, const st_event *event, bool *more);
    void *ctx;
    /* What comes back besides: `after` is the sequence to go on after. */
    uint64_t count;
    bool ended; /* the run is closed, and that were its last events */
} st_tail;

/* Inside a call on the handle. What the caller has borrowed from the store or the arena is gone
 * afterwards. Errors: closed (while it waited), corrupt, io, no_memory, those of visit. */
strata_status st_tail_events(strata_db *db, st_run *run, st_tail *tail);

#endif
