/* run_life.c - the life of a run: active, then paused and active again, completed, failed or
 * cancelled, and archived at last; and what else of its record changes on the way.
 *
 * A change is a commit to run 0 that reads the newest record and writes another. One of the status
 * also holds the lock of the run (st_commit.also), so that no write of the run falls between the check
 * of its status and the change.
 *
 * Invariants:
 * 1. A change that leaves the record as it is writes nothing.
 * 2. Who waits for events of a run whose status changes is woken: there may be none any more.
 */
#include "model/event_wait.h"
#include "model/run/run_private.h"

typedef struct status_hook {
    st_run *run;
    st_run_status to;
    bool provenance;
} status_hook;

static void set_status(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    (void)version;
    const status_hook *change = ctx;
    atomic_store_explicit(&change->run->status, (int)change->to, memory_order_release);
    atomic_store_explicit(&change->run->provenance, change->provenance, memory_order_relaxed);
}

/* Under the lock of run 0: the record as it will be, encoded in rq->value, and as it is, in *before. */
static strata_status change_locked(st_request *rq, strata_slice name, const st_run_edit *edit,
                                   const st_commit *commit, st_run_record *before,
                                   st_run_record *after, st_stamp *stamp) {
    ST_TRY(st_run_find_record(rq, name, UINT64_MAX, before, stamp));
    *after = *before;
    ST_TRY(edit->apply(rq, edit->arg, after));
    after->updated_us = commit->timestamp_us;
    return st_run_encode(after, &rq->value) == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
}

static bool same(const st_run_record *a, const st_run_record *b) {
    return a->status == b->status && a->provenance == b->provenance &&
           st_slice_equal(a->tags, b->tags) && st_slice_equal(a->metadata, b->metadata) &&
           st_slice_equal(a->error, b->error);
}

strata_status st_run_change(st_request *rq, strata_slice name, const st_run_edit *edit,
                            st_stamp *stamp) {
    st_run_record before;
    st_run_record after;
    st_commit commit;
    st_key key;
    st_run *run = NULL;
    *stamp = (st_stamp){0, 0};
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    strata_status status = change_locked(rq, name, edit, &commit, &before, &after, stamp);
    if (status == STRATA_OK) {
        status = st_run_of(rq, before.id, &run);
    }
    if (status != STRATA_OK || same(&before, &after)) {
        const uint64_t version = stamp->version;
        st_commit_abort(&commit);
        ST_TRY(status);
        *stamp = (st_stamp){0, 0};
        /* What was found may wait for its sync; whoever is told that it is there relies on it. */
        return rq->model->store.wal.durability == STRATA_STRICT
                   ? st_wal_sync(&rq->model->store.wal, version, rq->error)
                   : STRATA_OK;
    }
    const bool moves = before.status != after.status;
    status_hook change = {run, after.status, after.provenance};
    const st_commit_hook hook = {&change, set_status};
    if (moves) {
        st_mutex_lock(&run->shard->lock, &rq->model->host->executor);
        commit.also = run->shard;
    }
    st_key_text(&key, ST_TAG_RUN, name);
    ST_TRY(st_run_put(rq, &commit, &key, &hook, stamp));
    if (moves) {
        st_event_wake(rq, run);
    }
    return STRATA_OK;
}

/* ---- Moves ----------------------------------------------------------------------------------- */

typedef struct move {
    st_run_status to;
    strata_slice why;
    bool unless_there; /* to be where it already is, is no mistake */
} move;

static strata_status apply_move(st_request *rq, void *arg, st_run_record *record) {
    const move *m = arg;
    if (m->unless_there && record->status == m->to) {
        return STRATA_OK;
    }
    if (record->id == ST_RUN_DEFAULT) {
        return st_fail_constraint(rq->error, "default_run", "the run \"default\" is always active");
    }
    if (!st_run_may_move(record->status, m->to)) {
        const char *from = st_run_status_name(record->status);
        st_fail_constraint(rq->error, "transition", "the run \"%S\" is %s and cannot become %s",
                           &record->name, from, st_run_status_name(m->to));
        return st_fail_text(rq->error, "status", strata_text(from));
    }
    record->status = m->to;
    record->error = m->why.len > 0 ? m->why : record->error;
    return STRATA_OK;
}

strata_status st_run_move(st_request *rq, strata_slice name, st_run_status to, strata_slice why,
                          st_stamp *stamp) {
    move m = {to, why, false};
    const st_run_edit edit = {apply_move, &m};
    if (why.len > ST_STRING_BYTES_MAX) {
        st_fail_constraint(rq->error, "value_too_large", "the reason has %u bytes; the limit is %u",
                           (uint64_t)why.len, (uint64_t)ST_STRING_BYTES_MAX);
        return st_fail_number(rq->error, "limit", ST_STRING_BYTES_MAX);
    }
    return st_run_change(rq, name, &edit, stamp);
}

strata_status st_run_start(st_request *rq, const st_run_record *spec, bool *created,
                           st_stamp *stamp) {
    move m = {ST_RUN_ACTIVE, {NULL, 0}, true};
    const st_run_edit edit = {apply_move, &m};
    for (;;) {
        *created = false;
        strata_status status = st_run_change(rq, spec->name, &edit, stamp);
        if (status == STRATA_NOT_FOUND) {
            strata_slice name;
            uint64_t id;
            st_error_clear(rq->error);
            *created = true;
            status = st_run_create(rq, spec, &name, &id, stamp);
        }
        if (status != STRATA_ALREADY_EXISTS) {
            return status;
        }
        st_error_clear(rq->error); /* somebody has made it in between */
    }
}
