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
 * 3. The times of a run never decrease: a commit takes the wall clock's, or that of the commit before
 *    it in its run when the clock has gone back. latest_us never goes back, and no commit has a later
 *    time: a commit raises it before readers see it, and opening begins it at the latest that the
 *    files know of. So whoever asks as of a commit's time never asks for the future. A clock that was
 *    ahead once is followed again when it gets there.
 * Rejected: holding the run's lock during the sync; two writers of one run could then never share
 * one, and the whole point of strict mode with many writers is sharing.
 */
#include "store/store.h"

#include "store/maintain/maintain.h"
#include "store/recover.h"
#include "store/segments.h"
#include "store/snapshot.h"
#include "store/tables.h"

enum {
    STAGED_HERE = 16, /* writes of a commit that need no allocation */
    MAINTAIN_EVERY_MS = 1000,
    FLUSH_AT_CLOSE_BYTES = 1 << 20,
};

/* It is no earlier than that. Returns what time it is. */
static int64_t raise_latest(st_store *store, int64_t time_us) {
    int64_t latest_us = atomic_load_explicit(&store->latest_us, memory_order_relaxed);
    while (time_us > latest_us &&
           !atomic_compare_exchange_weak_explicit(&store->latest_us, &latest_us, time_us,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return time_us > latest_us ? time_us : latest_us;
}

int64_t st_store_now(st_store *store) {
    return raise_latest(store, store->host->clock.wall_us(store->host->clock.ctx));
}

uint64_t st_store_floor(const st_store *store) {
    return atomic_load_explicit((_Atomic uint64_t *)&store->floor_version, memory_order_relaxed);
}

int64_t st_store_floor_us(const st_store *store) {
    return atomic_load_explicit((_Atomic int64_t *)&store->floor_us, memory_order_relaxed);
}

void st_store_show_trims(st_store *store, uint64_t clock) {
    if (clock > atomic_load_explicit(&store->trims_shown, memory_order_relaxed)) {
        atomic_store_explicit(&store->trims_shown, clock, memory_order_seq_cst);
    }
}

void st_store_count_memory(st_store *store, st_memtable *table) {
    const uint64_t reserved = atomic_load_explicit(&table->arena.reserved, memory_order_relaxed);
    if (ST_UNLIKELY(reserved != table->counted)) {
        atomic_fetch_add_explicit(&store->memtable_bytes, reserved - table->counted,
                                  memory_order_relaxed);
        table->counted = reserved;
    }
}

/* ---- Committing ------------------------------------------------------------------------------ */

strata_status st_commit_begin(st_commit *commit, st_store *store, st_shard *shard,
                              strata_error *error) {
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        return st_fail(error, STRATA_FORBIDDEN, "%s was opened read-only", store->path);
    }
    ST_TRY(st_store_check_open(store, error));
    ST_TRY(st_wal_check(&store->wal, error));
    ST_TRY(st_maintenance_before_commit(store, error));
    commit->store = store;
    commit->shard = shard;
    commit->also = NULL;
    st_mutex_lock(&shard->lock, &store->host->executor);
    const int64_t now_us = store->host->clock.wall_us(store->host->clock.ctx);
    commit->timestamp_us = now_us > shard->newest_us ? now_us : shard->newest_us;
    return STRATA_OK;
}

void st_commit_abort(st_commit *commit) {
    const strata_executor *executor = &commit->store->host->executor;
    if (commit->also != NULL) {
        st_mutex_unlock(&commit->also->lock, executor);
    }
    st_mutex_unlock(&commit->shard->lock, executor);
}

static strata_status commit_staged(st_commit *commit, const st_write *writes, size_t count,
                                   st_staged *staged, uint64_t *version, strata_error *error) {
    st_store *store = commit->store;
    st_memtable *table = st_shard_newest(commit->shard);
    for (size_t i = 0; i < count; i++) {
        if (st_memtable_stage(table, &writes[i], &staged[i]) != STRATA_OK) {
            st_store_count_memory(store, table);
            return st_fail_memory(error);
        }
    }
    st_store_count_memory(store, table);
    ST_TRY(st_wal_append(&store->wal, commit->shard->run, commit->timestamp_us, writes, count,
                         version, error));
    for (size_t i = 0; i < count; i++) {
        st_memtable_link(table, &staged[i], *version, commit->timestamp_us);
    }
    commit->shard->newest_us = commit->timestamp_us;
    (void)raise_latest(store, commit->timestamp_us);
    commit->shard->last = *version;
    return STRATA_OK;
}

static strata_status commit_locked(st_commit *commit, const st_write *writes, size_t count,
                                   const st_commit_hook *hook, uint64_t *version,
                                   strata_error *error) {
    const strata_allocator *memory = &commit->store->host->memory;
    st_staged here[STAGED_HERE];
    st_staged *staged = here;
    ST_ASSERT(count >= 1);
    if (count > STAGED_HERE) {
        staged = st_alloc(memory, count * sizeof *staged);
        if (staged == NULL) {
            return st_fail_memory(error);
        }
    }
    const strata_status status = commit_staged(commit, writes, count, staged, version, error);
    if (count > STAGED_HERE) {
        st_free(memory, staged, count * sizeof *staged);
    }
    ST_TRY(status);
    if (hook != NULL) {
        hook->committed(hook->ctx, commit, *version);
    }
    if (commit->store->wal.durability != STRATA_STRICT) {
        st_shard_publish(commit->shard, *version);
    }
    return STRATA_OK;
}

strata_status st_commit_finish(st_commit *commit, const st_write *writes, size_t count,
                               const st_commit_hook *hook, uint64_t *version, strata_error *error) {
    st_store *store = commit->store;
    st_shard *shard = commit->shard;
    uint64_t taken = 0;
    const strata_status status = commit_locked(commit, writes, count, hook, &taken, error);
    st_commit_abort(commit);
    ST_TRY(status);
    if (store->wal.durability == STRATA_STRICT) {
        ST_TRY(st_wal_sync(&store->wal, taken, error));
        st_shard_publish(shard, taken);
    } else if (store->wal.durability == STRATA_BUFFERED && store->sync_job == NULL) {
        /* The commit stands; a log that failed says so at the next one. */
        (void)st_wal_tick(&store->wal, store->options.sync_interval_ms, NULL);
    }
    st_maintenance_after_commit(store, writes, count);
    *version = taken;
    return STRATA_OK;
}

strata_status st_store_sync(st_store *store, uint64_t *version, strata_error *error) {
    st_mutex_lock(&store->wal.lock, &store->host->executor);
    *version = store->wal.version;
    st_mutex_unlock(&store->wal.lock, &store->host->executor);
    return st_wal_sync(&store->wal, *version, error);
}

/* ---- In the background ----------------------------------------------------------------------- */

strata_status st_store_tick(st_store *store, uint32_t budget_us, strata_error *error) {
    const strata_clock *clock = &store->host->clock;
    bool more = !store->in_memory && (store->options.flags & STRATA_OPEN_READ_ONLY) == 0;
    if (!more) {
        return STRATA_OK;
    }
    if (store->wal.durability == STRATA_BUFFERED) {
        ST_TRY(st_wal_tick(&store->wal, store->options.sync_interval_ms, error));
    }
    const uint64_t until_ns = clock->monotonic_ns(clock->ctx) + (uint64_t)budget_us * 1000;
    do {
        ST_TRY(st_maintenance_step(store, &more, error));
    } while (more && clock->monotonic_ns(clock->ctx) < until_ns);
    return STRATA_OK;
}

static void sync_step(void *arg) {
    st_store *store = arg;
    /* A failure poisons the writer, and the next commit tells its caller. */
    (void)st_wal_tick(&store->wal, 0, NULL);
}

static void maintain_step(void *arg) {
    st_maintenance_run(arg);
}

static strata_status start_job(st_store *store, void (*step)(void *arg), uint32_t every_ms,
                               strata_job **job, strata_error *error) {
    const strata_executor *executor = &store->host->executor;
    const strata_status status = executor->start(executor->ctx, step, store, every_ms, job);
    if (status != STRATA_OK) {
        *job = NULL;
        return st_fail(error, status, "a thread for work in the background could not be started");
    }
    return STRATA_OK;
}

static strata_status start_background(st_store *store, strata_error *error) {
    if (store->in_memory || store->host->executor.start == NULL ||
        (store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        return STRATA_OK;
    }
    if (store->wal.durability == STRATA_BUFFERED) {
        ST_TRY(
            start_job(store, sync_step, store->options.sync_interval_ms, &store->sync_job, error));
    }
    return start_job(store, maintain_step, MAINTAIN_EVERY_MS, &store->maintain_job, error);
}

static void stop_background(st_store *store) {
    const strata_executor *executor = &store->host->executor;
    atomic_store_explicit(&store->closing, true, memory_order_relaxed);
    if (store->sync_job != NULL) {
        executor->stop(executor->ctx, store->sync_job);
    }
    if (store->maintain_job != NULL) {
        executor->stop(executor->ctx, store->maintain_job);
    }
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
    return st_tables_record_log(store, &at, error);
}

/* A log that takes long to replay becomes a table first. If that fails, there is the log. */
static void flush_at_close(st_store *store) {
    const uint64_t log_bytes = atomic_load_explicit(&store->wal.total_bytes, memory_order_relaxed);
    if (!store->in_memory && log_bytes >= FLUSH_AT_CLOSE_BYTES &&
        st_wal_check(&store->wal, NULL) == STRATA_OK) {
        (void)st_store_flush(store, NULL);
    }
}

/* Frees everything that open may have made. */
static void release(st_store *store) {
    const strata_storage *storage = &store->host->storage;
    if (store->maintenance != NULL) {
        st_maintenance_destroy(store);
    }
    st_epoch_reclaim_all(&store->epoch);
    if (store->lock != NULL) {
        (void)storage->unlock(storage->ctx, store->lock); /* nothing is removed any more */
    }
    st_snapshots_free(store);
    st_segments_free(store);
    st_tables_free(store);
    st_block_cache_destroy(store->cache);
    st_shards_free(&store->shards);
    st_chunk_pool_free(&store->chunks);
    st_free(&store->host->memory, store->path, store->path_size);
}

strata_status st_store_close(st_store *store, strata_error *error) {
    stop_background(store);
    strata_status status = STRATA_OK;
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) == 0) {
        flush_at_close(store);
        status = close_log(store, error);
    }
    release(store);
    return status;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void log_rolled(void *ctx, const st_wal_position *at) {
    /* It only makes a missing segment noticed; without it, recovery goes by what is there. */
    (void)st_tables_record_log(ctx, at, NULL);
}

static strata_status open_parts(st_store *store, strata_error *error) {
    ST_TRY(st_maintenance_create(store, error));
    if (!store->in_memory) {
        const uint64_t cache_bytes = store->options.memory_bytes / 2;
        if (st_block_cache_create(store->host, cache_bytes, &store->cache) != STRATA_OK) {
            return st_fail_memory(error);
        }
    }
    ST_TRY(st_store_recover(store, error));
    store->wal.rolled_ctx = store;
    store->wal.rolled = log_rolled;
    return STRATA_OK;
}

strata_status st_store_open(st_store *store, const char *path, const strata_options *options,
                            strata_error *error) {
    memset(store, 0, sizeof *store);
    store->host = options->host;
    store->options = *options;
    store->in_memory = strcmp(path, ":memory:") == 0;
    store->keeps_orphans = (options->flags & STRATA_OPEN_READ_ONLY) != 0;
    st_epoch_init(&store->epoch, &store->host->executor);
    st_shards_init(&store->shards, store->host);
    st_chunk_pool_init(&store->chunks, store->host, st_memtable_limit(store) / 2);
    st_mutex_init(&store->manifest_lock);
    atomic_init(&store->floor_us, INT64_MIN);
    store->path_size = strlen(path) + 1;
    store->path = st_alloc(&store->host->memory, store->path_size);
    if (store->path == NULL) {
        return st_fail_memory(error);
    }
    memcpy(store->path, path, store->path_size);
    strata_status status = open_parts(store, error);
    if (status != STRATA_OK) {
        release(store);
        return status;
    }
    status = start_background(store, error);
    if (status != STRATA_OK) {
        (void)st_store_close(store, NULL);
    }
    return status;
}
