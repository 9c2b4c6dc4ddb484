/* shutdown.c - ending the work of all handles of a database, with a deadline.
 *
 * 1. The store is shut: calls that begin from now on, and commits, are refused.
 * 2. The calls that run are waited for: those that are in an epoch, and the long ones that have left
 *    it (handle.h). A call enters its epoch before it asks whether the store is shut, and the store is
 *    shut before the epochs are looked at, so none is overlooked.
 * 3. What was committed is synced.
 * The memory and the lock of the folder stay until the last handle is closed: nobody can take them
 * from a thread that is in a call.
 * There is no timed wait among what a host provides, so a job wakes the waiting thread now and then.
 */
#include "api/handle.h"
#include "model/event_wait.h"

enum { LOOK_EVERY_MS = 5 };

typedef struct waiting {
    const strata_executor *executor;
    _Atomic uint32_t looks;
} waiting;

static void look_again(void *arg) {
    waiting *w = arg;
    atomic_fetch_add_explicit(&w->looks, 1, memory_order_seq_cst);
    w->executor->wake(w->executor->ctx, (uint32_t *)(void *)&w->looks, true);
}

static uint64_t running(st_engine *engine) {
    return st_epoch_readers(&engine->model.store.epoch) +
           atomic_load_explicit(&engine->long_calls, memory_order_seq_cst);
}

/* Waits until no call runs, or the deadline; how many run then. */
static uint64_t wait_for_calls(st_engine *engine) {
    const strata_executor *executor = &engine->host.executor;
    const strata_clock *clock = &engine->host.clock;
    const uint64_t until_ns =
        clock->monotonic_ns(clock->ctx) + (uint64_t)engine->close_deadline_ms * 1000000;
    waiting w = {.executor = executor};
    strata_job *job = NULL;
    uint64_t left = running(engine);
    if (left == 0 || executor->start == NULL ||
        executor->start(executor->ctx, look_again, &w, LOOK_EVERY_MS, &job) != STRATA_OK) {
        return left;
    }
    while (left > 0 && clock->monotonic_ns(clock->ctx) < until_ns) {
        const uint32_t looks = atomic_load_explicit(&w.looks, memory_order_seq_cst);
        left = running(engine);
        if (left > 0) {
            executor->wait(executor->ctx, (uint32_t *)(void *)&w.looks, looks);
        }
    }
    executor->stop(executor->ctx, job);
    return running(engine);
}

static strata_status abandon(st_engine *engine, uint64_t calls, strata_error *error) {
    const strata_log *log = &engine->host.log;
    if (log->write != NULL) {
        char fields[64];
        st_format(fields, sizeof fields, "calls=%u waited_ms=%u", calls,
                  (uint64_t)engine->close_deadline_ms);
        log->write(log->ctx, STRATA_LOG_WARN, "closing while calls are running", fields);
    }
    return st_fail(error, STRATA_TIMEOUT, "%u calls were running still after %u ms", calls,
                   (uint64_t)engine->close_deadline_ms);
}

static strata_status shut_down(strata_db *db, st_request *rq) {
    st_engine *engine = db->engine;
    st_store *store = &engine->model.store;
    uint64_t version;
    st_epoch_leave(&db->slot); /* it is not to wait for itself */
    atomic_store_explicit(&store->shut, true, memory_order_seq_cst);
    atomic_store_explicit(&store->closing, true, memory_order_seq_cst);
    st_event_wake_all(&engine->model); /* they wait for what will not come */
    const uint64_t left = wait_for_calls(engine);
    const strata_status status = st_store_sync(store, &version, rq->error);
    return status == STRATA_OK && left > 0 ? abandon(engine, left, rq->error) : status;
}

strata_status strata_shutdown(strata_db *db) {
    return st_handle_end(db, shut_down(db, st_handle_begin(db)));
}
