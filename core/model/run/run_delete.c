/* run_delete.c - deleting a run is one commit to run 0, whatever the run holds.
 *
 * It deletes the record and the rules of retention, and leaves under the id, ST_TAG_RUN_GONE, what is to
 * be known of the run for good: that the id is taken, and what it saw as a fork, for forks of it. The
 * commit also holds the lock of the run, so that no write of the run comes after it. Maintenance drops
 * the versions (store/forks.h).
 *
 * Invariant: an id has a record or is gone, and never both; the ids of both are below the next one.
 * Rejected: a delete for each key. A run of a million keys would grow by as many before it shrinks.
 */
#include "model/run/run_delete.h"

#include "model/event_wait.h"
#include "model/retention.h"
#include "model/run/run_private.h"
#include "model/vector/vector_home.h"
#include "model/vector/vector_index.h"

typedef struct deleting {
    st_request *rq;
    st_run *run;
    st_key key;
    st_key gone;
    st_write writes[2 + ST_RUN_RULES_MAX];
    size_t count;
} deleting;

static void add_write(deleting *d, const st_key *key, strata_slice value, bool deletes) {
    d->writes[d->count++] =
        (st_write){.key = st_key_slice(key), .value = value, .deletes = deletes};
}

/* Under the lock of run 0; takes the run's too. */
static strata_status delete_locked(deleting *d, strata_slice name, st_commit *commit) {
    st_request *rq = d->rq;
    st_run_record record;
    st_stamp stamp;
    size_t rules;
    ST_TRY(st_run_find_record(rq, name, UINT64_MAX, &record, &stamp));
    if (record.id == ST_RUN_DEFAULT) {
        return st_fail_constraint(rq->error, "default_run",
                                  "the run \"default\" cannot be deleted");
    }
    ST_TRY(st_run_of(rq, record.id, &d->run));
    st_mutex_lock(&d->run->shard->lock, &rq->model->host->executor);
    commit->also = d->run->shard;
    if (st_run_encode_gone(&record, &rq->value) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    st_key_text(&d->key, ST_TAG_RUN, name);
    st_key_number(&d->gone, ST_TAG_RUN_GONE, record.id);
    add_write(d, &d->key, st_slice("", 0), true);
    add_write(d, &d->gone, st_buffer_slice(&rq->value), false);
    const st_scope scope = {.run = record.id, .run_name = name};
    ST_TRY(st_retention_forget(rq, &scope, d->writes + d->count, &rules));
    d->count += rules;
    return STRATA_OK;
}

/* The index of its memories goes at once; readers that are in it leave it in peace. */
static void drop_index(st_model *model, st_run *run) {
    st_run_index *index = atomic_exchange_explicit(&run->index, NULL, memory_order_seq_cst);
    if (index != NULL) {
        st_epoch_retire(&model->store.epoch, &index->retired, st_run_index_reclaim);
    }
}

static void bury(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    const deleting *d = ctx;
    st_model *model = d->rq->model;
    st_fork_bury(&model->store, d->run->shard, version);
    st_retention_forgotten(model, d->run->shard->run);
    drop_index(model, d->run);
    st_vector_indexes_forget(model, d->run);
}

strata_status st_run_remove(st_request *rq, strata_slice name, st_stamp *stamp) {
    deleting d = {.rq = rq};
    st_commit commit;
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    const strata_status status = delete_locked(&d, name, &commit);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    const st_commit_hook hook = {&d, bury};
    ST_TRY(st_run_write(rq, &commit, d.writes, d.count, &hook, stamp));
    st_vector_home_leave(rq, d.run, st_slice("", 0));
    st_event_wake(rq, d.run); /* whoever waits for its events learns that there is no run */
    return STRATA_OK;
}

/* ---- At open --------------------------------------------------------------------------------- */

strata_status st_run_find_gone(st_request *rq, uint64_t id, st_run_record *record,
                               uint64_t *version, bool *found) {
    const st_bound now = st_bound_version(st_shard_snapshot(st_run_system(rq)->shard));
    st_revision revision;
    st_key key;
    st_key_number(&key, ST_TAG_RUN_GONE, id);
    ST_TRY(st_read_live(&rq->reader, st_run_system(rq)->shard, st_key_slice(&key), &now, &revision,
                        found));
    if (!*found) {
        return STRATA_OK;
    }
    *version = revision.number;
    return st_run_read_gone(rq, st_key_slice(&key), revision.value, record);
}

strata_status st_run_load_gone(st_request *rq) {
    static const uint8_t low[] = {ST_TAG_RUN_GONE};
    static const uint8_t high[] = {ST_TAG_RUN_GONE + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), false};
    const st_when now = st_now();
    st_shards *shards = &rq->model->store.shards;
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_scan_at(rq, st_run_system(rq), &range, &now, scan));
    while (scan->here) {
        const uint64_t id = st_key_number_of(scan->key);
        const st_shard *shard = st_shards_find(shards, id);
        if (id <= ST_RUN_DEFAULT || id >= ST_RUNS_MAX || (shard != NULL && shard->owner != NULL)) {
            return st_run_fail_record(rq, strata_text("of a deleted run"));
        }
        if (st_shards_bury(shards, id, scan->revision.number) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        st_run_raise_end(rq->model, id);
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}
