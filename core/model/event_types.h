/* event_types.h - what types of events a run has, and how many of each. */
#ifndef ST_MODEL_EVENT_TYPES_H
#define ST_MODEL_EVENT_TYPES_H

#include "model/page.h"

typedef struct st_event_type {
    strata_slice type;
    uint64_t count;
    uint64_t first; /* sequences */
    uint64_t last;
    int64_t first_us;
    int64_t last_us;
} st_event_type;

/* Those of then, in order of type; in the arena of the request. Cost: of now, what was appended since
 * the last time; of the past and in a transaction, all events. Errors: as st_event_scan. */
strata_status st_event_types(st_request *rq, st_run *run, const st_when *when,
                             st_event_type **types, size_t *count);

/* What a run keeps of them between calls; NULL is fine. */
void st_event_counts_free(st_event_counts *counts);

#endif
