/* event_wait.h - waiting until a run has more events.
 *
 * Threads: wake from any; one st_event_waiting belongs to one thread.
 */
#ifndef ST_MODEL_EVENT_WAIT_H
#define ST_MODEL_EVENT_WAIT_H

#include "model/model.h"

typedef struct st_event_waiting {
    const strata_host *host;
    st_run *run; /* NULL: it does not wait */
    strata_job *timer;
    uint64_t until_ns;
    uint32_t seen;
} st_event_waiting;

/* Begins; every one ends. wait_ms 0, or a host without threads: it never waits. */
void st_event_wait_begin(st_request *rq, st_run *run, uint64_t wait_ms, st_event_waiting *waiting);
void st_event_wait_end(st_event_waiting *waiting);

/* Before looking for events: what is committed from here on ends the sleep that follows. */
void st_event_wait_look(st_event_waiting *waiting);
/* Sleeps until there may be something new; false: the time is over. Not inside an epoch. */
bool st_event_wait_sleep(st_event_waiting *waiting);

/* Once events, or another status, are there for readers: wakes who waits. Cost, if nobody does: one
 * atomic instruction. */
void st_event_wake(st_request *rq, st_run *run);
/* The same of all runs, for the end. */
void st_event_wake_all(st_model *model);

#endif
