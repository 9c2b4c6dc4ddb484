/* run_life.c - the life of a run: active, then paused and active again, completed, failed or
 * cancelled, and archived at last.
 *
 * A move is a commit to run 0 that also holds the lock of the run (st_commit.also), so that no write
 * of the run falls between the check of its status and the change.
 */
#include "model/run/run_private.h"

typedef struct move_hook {
    st_run *run;
    st_run_status to;
} move_hook;

static void set_status(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    (void)version;
    const move_hook *move = ctx;
    atomic_store_explicit(&move->run->status, (int)move->to, memory_order_release);
}

/* Under the lock of run 0. */
static strata_status move_locked(st_request *rq, strata_slice name, st_run_status to,
                                 strata_slice why, const st_commit *commit, st_run **run,
                                 st_key *key) {
    st_run_record record;
    st_stamp stamp;
    ST_TRY(st_run_find_record(rq, name, UINT64_MAX, &record, &stamp));
    if (record.id == ST_RUN_DEFAULT) {
        return st_fail_constraint(rq->error, "default_run", "the run \"default\" is always active");
    }
    if (!st_run_may_move(record.status, to)) {
        st_fail_constraint(rq->error, "transition", "the run \"%S\" is %s and cannot become %s",
                           &name, st_run_status_name(record.status), st_run_status_name(to));
        return st_fail_text(rq->error, "status", strata_text(st_run_status_name(record.status)));
    }
    ST_TRY(st_run_of(rq, record.id, run));
    record.status = to;
    record.updated_us = commit->timestamp_us;
    if (why.len > 0) {
        record.error = why;
    }
    st_key_text(key, ST_TAG_RUN, name);
    return st_run_encode(&record, &rq->value) == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
}

strata_status st_run_move(st_request *rq, strata_slice name, st_run_status to, strata_slice why,
                          st_stamp *stamp) {
    st_run *run = NULL;
    st_commit commit;
    st_key key;
    if (why.len > ST_STRING_BYTES_MAX) {
        st_fail_constraint(rq->error, "value_too_large", "the reason has %u bytes; the limit is %u",
                           (uint64_t)why.len, (uint64_t)ST_STRING_BYTES_MAX);
        return st_fail_number(rq->error, "limit", ST_STRING_BYTES_MAX);
    }
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    strata_status status = move_locked(rq, name, to, why, &commit, &run, &key);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    const move_hook move = {run, to};
    const st_commit_hook hook = {(void *)&move, set_status};
    st_mutex_lock(&run->shard->lock, &rq->model->host->executor);
    commit.also = run->shard;
    return st_run_put(rq, &commit, &key, &hook, stamp);
}
