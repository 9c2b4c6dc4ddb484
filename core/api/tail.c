/* tail.c - what comes after a sequence, at once or when it comes.
 *
 * Each look is a read of its own, in an epoch of its own: between two of them the call has let go of
 * everything, so that who waits for an hour holds no memory and no snapshot.
 *
 * Invariants:
 * 1. Every event above `after` is told once, in order; those of another type are passed over.
 * 2. The status of the run is read before its events are: when it was closed then, no more can come.
 */
#include "api/tail.h"

#include "model/event_wait.h"
#include "model/run/run.h"

static bool is_closed(const st_run *run) {
    const int status = atomic_load_explicit((_Atomic int *)&run->status, memory_order_acquire);
    return status != ST_RUN_ACTIVE && status != ST_RUN_PAUSED;
}

static strata_status look(st_request *rq, const st_run *run, st_tail *tail) {
    const bool closed = is_closed(run);
    const st_when now = st_now();
    bool more = true;
    st_scan *scan;
    ST_TRY(st_event_scan(rq, run, tail->after + 1, &now, &scan));
    while (scan->here && more && tail->count < tail->limit) {
        st_event event;
        ST_TRY(st_event_at(rq, scan, &event));
        tail->after = event.sequence;
        if (!tail->by_type || st_slice_equal(event.type, tail->type)) {
            ST_TRY(tail->visit(tail->ctx, &event, &more));
            tail->count++;
        }
        ST_TRY(st_scan_next(scan));
    }
    tail->ended = closed && !scan->here;
    return STRATA_OK;
}

/* Until there is something to tell, or never will be, or the time is over. */
static strata_status look_and_wait(strata_db *db, st_run *run, st_event_waiting *waiting,
                                   st_tail *tail) {
    for (;;) {
        st_event_wait_look(waiting);
        ST_TRY(look(&db->request, run, tail));
        if (tail->count > 0 || tail->ended || waiting->run == NULL) {
            return STRATA_OK;
        }
        st_reader_finish(&db->request.reader);
        st_handle_let_go(db);
        const bool again = st_event_wait_sleep(waiting);
        ST_TRY(st_handle_come_back(db));
        if (!again) {
            return STRATA_OK;
        }
    }
}

strata_status st_tail_events(strata_db *db, st_run *run, st_tail *tail) {
    st_request *rq = &db->request;
    st_event_waiting waiting;
    if (tail->wait_ms > ST_TAIL_WAIT_MS_MAX) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT, "wait_ms is %u; the limit is %u",
                       tail->wait_ms, (uint64_t)ST_TAIL_WAIT_MS_MAX);
    }
    if (tail->from_now) {
        uint8_t hash[ST_SHA256_BYTES];
        const st_when now = st_now();
        ST_TRY(st_event_head(rq, run, &now, &tail->after, hash));
    }
    tail->count = 0;
    tail->ended = false;
    st_event_wait_begin(rq, run, tail->wait_ms, &waiting);
    const strata_status status = look_and_wait(db, run, &waiting, tail);
    st_event_wait_end(&waiting);
    return status;
}

/* ---- The C function -------------------------------------------------------------------------- */

typedef struct visiting {
    strata_event_visit visit;
    void *arg;
} visiting;

static strata_status visit_event(void *ctx, const st_event *event, bool *more) {
    const visiting *to = ctx;
    const strata_event told = {event->sequence, event->type,         strata_object(event->payload),
                               event->version,  event->timestamp_us, event->hash};
    *more = to->visit(to->arg, &told);
    return STRATA_OK;
}

static strata_status event_tail(st_request *rq, strata_run id, strata_tail *options, visiting *to) {
    st_tail tail = {.after = options->after,
                    .by_type = options->type.len > 0,
                    .type = options->type,
                    .limit = UINT64_MAX,
                    .wait_ms = options->wait_ms,
                    .visit = visit_event,
                    .ctx = to};
    st_run *run;
    if (options->size != sizeof *options || options->after > INT64_MAX) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_tail is not what this library knows: start from STRATA_TAIL_INIT");
    }
    /* Not st_handle_run: it reads what is committed, whatever the handle is in the middle of. */
    ST_TRY(st_run_of(rq, id, &run));
    ST_TRY(st_tail_events(st_handle_of(rq), run, &tail));
    options->after = tail.after;
    options->ended = tail.ended;
    return STRATA_OK;
}

strata_status strata_event_tail(strata_db *db, strata_run run, strata_tail *tail,
                                strata_event_visit visit, void *arg) {
    visiting to = {visit, arg};
    return st_handle_end(db, event_tail(st_handle_begin(db), run, tail, &to));
}
