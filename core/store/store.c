/* store.c - commits: where memtables and the log come together.
 *
 * A commit, under its run's lock: stage (all memory is taken, nothing is visible) -> append to the
 * log (the version is taken, or the commit refused) -> link (cannot fail) -> hook -> unlock -> in
 * strict mode wait for the sync -> publish.
 *
 * Invariants:
 * 1. Whatever can fail comes before the log has the record; after that nothing can, but the sync,
 *    and a failed sync poisons the writer with the commit unpublished.
 * 2. published of a run never passes a version that is not durable in strict mode: versions become
 *    durable in order, and each thread publishes only its own.
 * Rejected: holding the run's lock during the sync; two writers of one run could then never share
 * one, and the whole point of strict mode with many writers is sharing.
 */
#include "store/store.h"

#include "store/recover.h"

/* ---- Committing ------------------------------------------------------------------------------ */

strata_status st_commit_begin(st_commit *commit, st_store *store, st_memtable *table,
                              strata_error *error) {
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        return st_fail(error, STRATA_FORBIDDEN, "%s was opened read-only", store->path);
    }
    ST_TRY(st_wal_check(&store->wal, error));
    commit->store = store;
    commit->table = table;
    st_mutex_lock(&table->lock, &store->host->executor);
    const int64_t now_us = store->host->clock.wall_us(store->host->clock.ctx);
    commit->timestamp_us = now_us > table->newest_us ? now_us : table->newest_us;
    return STRATA_OK;
}

void st_commit_abort(st_commit *commit) {
    st_mutex_unlock(&commit->table->lock, &commit->store->host->executor);
}

static strata_status commit_locked(st_commit *commit, const st_write *writes, size_t count,
                                   const st_commit_hook *hook, uint64_t *version,
                                   strata_error *error) {
    st_staged staged[ST_COMMIT_WRITES_MAX];
    ST_ASSERT(count >= 1 && count <= ST_COMMIT_WRITES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (st_memtable_stage(commit->table, &writes[i], &staged[i]) != STRATA_OK) {
            return st_fail_memory(error);
        }
    }
    ST_TRY(st_wal_append(&commit->store->wal, commit->table->run, commit->timestamp_us, writes,
                         count, version, error));
    for (size_t i = 0; i < count; i++) {
        st_memtable_link(commit->table, &staged[i], *version, commit->timestamp_us);
    }
    commit->table->newest_us = commit->timestamp_us;
    if (hook != NULL) {
        hook->committed(hook->ctx, commit, *version);
    }
    if (commit->store->wal.durability != STRATA_STRICT) {
        st_memtable_publish(commit->table, *version);
    }
    return STRATA_OK;
}

strata_status st_commit_finish(st_commit *commit, const st_write *writes, size_t count,
                               const st_commit_hook *hook, uint64_t *version, strata_error *error) {
    st_store *store = commit->store;
    st_memtable *table = commit->table;
    uint64_t taken = 0;
    const strata_status status = commit_locked(commit, writes, count, hook, &taken, error);
    st_mutex_unlock(&table->lock, &store->host->executor);
    ST_TRY(status);
    if (store->wal.durability == STRATA_STRICT) {
        ST_TRY(st_wal_sync(&store->wal, taken, error));
        st_memtable_publish(table, taken);
    } else if (store->wal.durability == STRATA_BUFFERED && store->job == NULL) {
        /* The commit stands; a log that failed says so at the next one. */
        (void)st_wal_tick(&store->wal, store->options.sync_interval_ms, NULL);
    }
    *version = taken;
    return STRATA_OK;
}

strata_status st_store_sync(st_store *store, uint64_t *version, strata_error *error) {
    st_mutex_lock(&store->wal.lock, &store->host->executor);
    *version = store->wal.version;
    st_mutex_unlock(&store->wal.lock, &store->host->executor);
    return st_wal_sync(&store->wal, *version, error);
}

strata_status st_store_tick(st_store *store, strata_error *error) {
    if (store->wal.durability != STRATA_BUFFERED ||
        (store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        return STRATA_OK;
    }
    return st_wal_tick(&store->wal, store->options.sync_interval_ms, error);
}

static void background_step(void *arg) {
    st_store *store = arg;
    /* A failure poisons the writer, and the next commit tells its caller. */
    (void)st_wal_tick(&store->wal, 0, NULL);
}

/* ---- Closing --------------------------------------------------------------------------------- */

static strata_status close_log(st_store *store, strata_error *error) {
    st_wal_position at = {0};
    ST_TRY(st_wal_close(&store->wal, &at, error));
    if (store->wal.durability == STRATA_MEMORY) {
        return STRATA_OK;
    }
    if (at.segment == store->manifest.whole_segment && at.end == store->manifest.whole_end) {
        return STRATA_OK; /* nothing was written */
    }
    store->manifest.whole_segment = at.segment;
    store->manifest.whole_end = at.end;
    store->manifest.whole_version = at.version;
    return st_manifest_write(store->host, store->path, &store->manifest, error);
}

strata_status st_store_close(st_store *store, strata_error *error) {
    const strata_storage *storage = &store->host->storage;
    if (store->job != NULL) {
        store->host->executor.stop(store->host->executor.ctx, store->job);
    }
    strata_status status = STRATA_OK;
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) == 0) {
        status = close_log(store, error);
    }
    if (store->lock != NULL) {
        (void)storage->unlock(storage->ctx, store->lock);
    }
    st_store_free_runs(store);
    st_free(&store->host->memory, store->path, store->path_size);
    return status;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static strata_status start_background(st_store *store, strata_error *error) {
    const strata_executor *executor = &store->host->executor;
    if (store->wal.durability != STRATA_BUFFERED || executor->start == NULL ||
        (store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        return STRATA_OK;
    }
    const strata_status status = executor->start(executor->ctx, background_step, store,
                                                 store->options.sync_interval_ms, &store->job);
    if (status != STRATA_OK) {
        store->job = NULL;
        return st_fail(error, status, "the thread that syncs the log could not be started");
    }
    return STRATA_OK;
}

strata_status st_store_open(st_store *store, const char *path, const strata_options *options,
                            strata_error *error) {
    memset(store, 0, sizeof *store);
    store->host = options->host;
    store->options = *options;
    store->in_memory = strcmp(path, ":memory:") == 0;
    st_mutex_init(&store->runs_lock);
    store->path_size = strlen(path) + 1;
    store->path = st_alloc(&store->host->memory, store->path_size);
    if (store->path == NULL) {
        return st_fail_memory(error);
    }
    memcpy(store->path, path, store->path_size);
    strata_status status = st_store_recover(store, error);
    if (status == STRATA_OK) {
        status = start_background(store, error);
        if (status != STRATA_OK) {
            (void)st_store_close(store, NULL);
            return status;
        }
        return STRATA_OK;
    }
    if (store->lock != NULL) {
        (void)store->host->storage.unlock(store->host->storage.ctx, store->lock);
    }
    st_store_free_runs(store);
    st_free(&store->host->memory, store->path, store->path_size);
    return status;
}
