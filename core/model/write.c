/* write.c - the way of a write from a primitive into the store, or into the transaction that it is
 * part of.
 *
 * A primitive begins, reads what it has to, and writes; between begin and write nobody else writes to
 * the run. Inside a transaction nothing is locked: what is written goes to the transaction, and what
 * was read is checked at its commit (transaction.c).
 */
#include "model/write.h"

static strata_status check_active(st_request *rq, const st_run *run) {
    const int status = atomic_load_explicit((_Atomic int *)&run->status, memory_order_acquire);
    if (ST_LIKELY(status == ST_RUN_ACTIVE)) {
        return STRATA_OK;
    }
    st_fail_constraint(rq->error, "run_closed", "the run is %s and takes no writes",
                       st_run_status_name((st_run_status)status));
    return st_fail_text(rq->error, "status",
                        strata_text(st_run_status_name((st_run_status)status)));
}

strata_status st_run_lock(st_request *rq, st_run *run, st_commit *commit) {
    ST_TRY(st_commit_begin(commit, &rq->model->store, run->shard, rq->error));
    const strata_status status = ST_UNLIKELY(st_shard_gone(run->shard) > 0)
                                     ? st_fail(rq->error, STRATA_NOT_FOUND, "the run was deleted")
                                     : check_active(rq, run);
    if (status != STRATA_OK) {
        st_commit_abort(commit);
    }
    return status;
}

strata_status st_run_begin(st_request *rq, st_run *run, st_commit *commit) {
    if (rq->txn == NULL) {
        return st_run_lock(rq, run, commit);
    }
    /* Nothing is locked; what is written goes to the transaction. */
    *commit = (st_commit){.store = NULL, .timestamp_us = st_store_now(&rq->model->store)};
    ST_TRY(st_run_check_there(rq, run));
    return check_active(rq, run);
}

void st_run_abort(st_request *rq, st_commit *commit) {
    if (rq->txn == NULL) {
        st_commit_abort(commit);
    }
}

strata_status st_run_newest(st_request *rq, const st_run *run, const st_key *key,
                            st_revision *revision, bool *found) {
    st_bound bound = st_bound_version(UINT64_MAX);
    if (rq->txn != NULL && st_txn_shard(rq->txn) == run->shard) {
        bound.version = st_txn_snapshot(rq->txn);
        bound.own = true;
    }
    return st_read_live(&rq->reader, run->shard, st_key_slice(key), &bound, revision, found);
}

static strata_status write_pending(st_request *rq, const st_write *writes, size_t count) {
    const uint64_t savepoint = st_txn_savepoint(rq->txn);
    for (size_t i = 0; i < count; i++) {
        const st_txn_write pending = {.write = writes[i], .operand = {"", 0}, .follows = i > 0};
        const strata_status status = st_txn_put(rq->txn, &pending, rq->error);
        if (status != STRATA_OK) {
            (void)st_txn_rollback_to(rq->txn, savepoint, NULL);
            return status;
        }
    }
    return STRATA_OK;
}

strata_status st_run_write(st_request *rq, st_commit *commit, const st_write *writes, size_t count,
                           const st_commit_hook *hook, st_stamp *stamp) {
    *stamp = (st_stamp){0, commit->timestamp_us};
    if (rq->txn != NULL) {
        return write_pending(rq, writes, count);
    }
    uint64_t version;
    ST_TRY(st_commit_finish(commit, writes, count, hook, &version, rq->error));
    stamp->version = version;
    return STRATA_OK;
}

strata_status st_run_put(st_request *rq, st_commit *commit, const st_key *key,
                         const st_commit_hook *hook, st_stamp *stamp) {
    const st_write write = {.key = st_key_slice(key), .value = st_buffer_slice(&rq->value)};
    return st_run_write(rq, commit, &write, 1, hook, stamp);
}

strata_status st_run_delete(st_request *rq, st_commit *commit, const st_key *key,
                            const st_commit_hook *hook, st_stamp *stamp) {
    const st_write write = {.key = st_key_slice(key), .value = st_slice("", 0), .deletes = true};
    return st_run_write(rq, commit, &write, 1, hook, stamp);
}
