/* run_fork.c - a fork is a record with the run and the point whose commits it sees besides its own.
 *
 * It is a commit to run 0 that also holds the lock of the parent: so the present, as the parent's last
 * commit, is a version of the database above which the parent has none yet. What the fork sees of the
 * parent is pinned before the record is written (store/forks.h), and its shard becomes a fork inside the
 * commit, before anybody can find it.
 *
 * Invariants:
 * 1. record.fork.run is the run whose own commits are the newest that the fork sees: the parent, or, for
 *    a point before the first commit of a parent that is a fork itself, what that sees. It has a
 *    lower id than the fork, so chains end, and a file that says otherwise is damaged.
 * 2. A point by time that is not before the parent's newest commit is the present; every other one is
 *    kept as a time, which no later commit of the parent can be before.
 * 3. The record is never earlier than the newest commit of the parent, so that times do not go back
 *    from the parent's versions to the fork's.
 * When a database is opened forks are linked in the order of their names, each with those deleted runs
 * down the chain that nobody else links; what they see is pinned again before anything is trimmed, as
 * maintenance trims nothing before it has been told of the rules.
 */
#include "model/run/run_fork.h"

#include "model/run/run_private.h"

typedef struct forking {
    st_request *rq;
    const st_when *when;
    st_run_record *record;
    st_commit commit;
    st_key key;
    st_run *run; /* the fork */
    st_shard *parent;
    uint64_t parent_last;  /* its newest commit, whether or not readers may see it */
    st_fork_target target; /* what it sees */
    uint64_t since;
    bool pinned;
    bool linked;
} forking;

/* The point in the parent, whose lock is held. */
static void find_point(forking *f, st_shard *parent) {
    st_wal *wal = &f->rq->model->store.wal;
    st_mutex_lock(&wal->lock, &f->rq->model->host->executor);
    f->since = wal->version;
    st_mutex_unlock(&wal->lock, &f->rq->model->host->executor);
    f->target.asked = (st_fork_point){f->when->version, f->when->time_us};
    f->target.now = f->when->version == UINT64_MAX && f->when->time_us >= parent->newest_us;
    if (f->target.now) {
        f->target.asked = (st_fork_point){f->since, INT64_MAX};
    }
    st_fork_find_base(parent, &f->target);
}

/* Under the lock of run 0; takes the parent's too. */
static strata_status fork_locked(forking *f, strata_slice name) {
    st_request *rq = f->rq;
    st_run_record found;
    st_stamp stamp;
    st_run *parent;
    ST_TRY(st_run_find_record(rq, name, UINT64_MAX, &found, &stamp));
    ST_TRY(st_run_of(rq, found.id, &parent));
    st_mutex_lock(&parent->shard->lock, &rq->model->host->executor);
    f->commit.also = parent->shard;
    if (f->commit.timestamp_us < parent->shard->newest_us) {
        f->commit.timestamp_us = parent->shard->newest_us;
    }
    f->parent = parent->shard;
    f->parent_last = parent->shard->last;
    find_point(f, parent->shard);
    f->record->parent = name;
    f->record->provenance = found.provenance;
    f->record->fork = (st_run_origin){f->target.base->run, f->target.point, f->since};
    ST_TRY(st_run_make(rq, f->record, &f->commit, &f->key, &f->run));
    ST_TRY(st_fork_pin(&rq->reader, &f->target));
    f->pinned = true;
    return STRATA_OK;
}

static void begin_fork(void *ctx, const st_commit *commit, uint64_t version) {
    forking *f = ctx;
    st_run_create_hook create = {f->rq->model, f->record->id};
    const st_fork_link link = {f->target.base, f->target.point, f->since, commit->timestamp_us};
    st_fork_begin(&f->rq->model->store, f->run->shard, &link);
    f->linked = true;
    st_run_show(&create, commit, version);
}

/* What was pinned is nobody's, unless the commit came as far as to be seen: then its log has failed, and
 * nothing is committed any more. */
static strata_status give_up(forking *f, strata_status status) {
    if (f->pinned && !f->linked) {
        st_fork_unpin(&f->rq->model->store, f->target.base, &f->target.point);
    }
    return status;
}

strata_status st_run_fork(st_request *rq, strata_slice parent, const st_when *when,
                          const st_run_record *spec, st_run_record *record, st_stamp *stamp) {
    forking f = {.rq = rq, .when = when, .record = record};
    const strata_slice name = parent.len == 0 ? strata_text("default") : parent;
    st_bound bound;
    st_run *run;
    *record = *spec;
    ST_TRY(st_run_complete(rq, record));
    ST_TRY(st_run_find(rq, name, &run));
    ST_TRY(st_bound_at(rq, run, when, &bound)); /* that it has come */
    ST_TRY(st_commit_begin(&f.commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    strata_status status = fork_locked(&f, name);
    if (status != STRATA_OK) {
        st_commit_abort(&f.commit);
        return give_up(&f, status);
    }
    const st_commit_hook hook = {&f, begin_fork};
    status = st_run_put(rq, &f.commit, &f.key, &hook, stamp);
    if (status != STRATA_OK) {
        return give_up(&f, status);
    }
    st_shard_publish(f.parent, f.parent_last); /* the fork shows it, and it is as durable */
    return STRATA_OK;
}

/* ---- At open --------------------------------------------------------------------------------- */

/* The run that a fork sees; of one that was deleted a shard is made if it has none. */
static strata_status find_base(st_request *rq, const st_run_record *record, st_shard **base,
                               st_run_record *gone) {
    st_store *store = &rq->model->store;
    const uint64_t id = record->fork.run;
    uint64_t version;
    bool found = false;
    gone->fork.run = 0;
    *base = st_shards_find(&store->shards, id);
    if (*base != NULL && (*base)->owner != NULL) {
        return STRATA_OK;
    }
    ST_TRY(st_run_find_gone(rq, id, gone, &version, &found));
    if (found) {
        ST_TRY(st_shards_add(&store->shards, id, base, rq->error));
        return st_shards_bury(&store->shards, id, version) == STRATA_OK ? STRATA_OK
                                                                        : st_fail_memory(rq->error);
    }
    if ((store->options.flags & (uint32_t)ST_OPEN_ADOPT) == 0) {
        return st_run_fail_record(rq, record->name);
    }
    ST_TRY(st_run_adopt(rq, id));
    *base = st_shards_find(&store->shards, id);
    return STRATA_OK;
}

/* Whether what the record says of its beginning can be. at_us: when it was committed. */
static bool is_sound(st_request *rq, const st_run_record *record, int64_t at_us) {
    return record->fork.run < record->id && record->fork.since <= rq->model->store.wal.version &&
           record->created_us <= at_us;
}

/* One fork, and the deleted ones below it. Ids go down, so that it ends. */
static strata_status link_forks(st_request *rq, const st_run_record *first, int64_t at_us) {
    st_store *store = &rq->model->store;
    st_run_record record = *first;
    while (record.fork.run > 0) {
        st_shard *shard = st_shards_find(&store->shards, record.id);
        st_run_record gone;
        st_fork_link link = {
            .point = record.fork.point, .since = record.fork.since, .since_us = record.created_us};
        if (shard->base != NULL) {
            return STRATA_OK; /* another fork has linked it */
        }
        if (!is_sound(rq, &record, at_us)) {
            return st_run_fail_record(rq, record.name);
        }
        ST_TRY(find_base(rq, &record, &link.base, &gone));
        ST_TRY(st_fork_pin_again(store, link.base, &link.point, rq->error));
        st_fork_begin(store, shard, &link);
        if (st_shard_gone(shard) > 0) {
            st_fork_bury(store, shard, st_shard_gone(shard)); /* it may let go of its base */
        }
        record = gone;
    }
    return STRATA_OK;
}

strata_status st_run_load_forks(st_request *rq) {
    const st_page page = {.when = st_now()};
    st_scan *scan;
    ST_TRY(st_page_scan(rq, st_run_system(rq), ST_TAG_RUN, &page, &scan));
    while (scan->here) {
        st_run_record record;
        strata_slice value;
        ST_TRY(st_scan_value(scan, &value));
        ST_TRY(st_run_read(rq, scan->key, value, &record));
        ST_TRY(link_forks(rq, &record, scan->revision.timestamp_us));
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}
