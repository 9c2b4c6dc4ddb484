/* maintain.c - who flushes and compacts, and when.
 *
 * With an executor a job does it, woken when the memtables are over their limit; writers go on in a
 * new memtable meanwhile. While it is behind they are slowed down (pace.c), so that they do not come
 * to where they have to stop: twice the limit. There they sleep on `progress`; only if nobody is at
 * work do they work themselves. Without one, commits do it, each its share and a piece at a time: of
 * the table that the frozen memtable becomes, twice the bytes that it adds to the next one; of the
 * merging, four times and more, the more tables level 0 has, so that it comes to rest below
 * sixteen. strata_tick does it ahead of them.
 *
 * Invariants:
 * 1. Under `lock` at most one thread flushes, merges or changes the view.
 * 2. `lock` comes before all other locks, and is never taken by a thread that holds one: lock, a
 *    run's lock, the log's flush_lock and lock, manifest_lock, and those of epochs and snapshots.
 * 3. Where there is an executor a writer never waits for `lock`. It takes it if it is free, and else
 *    sleeps on `progress`, which whoever gives it back moves on: between seeing it held and sleeping
 *    the word has changed, or somebody holds it still.
 * 4. A flush comes before the next step of a compaction, and a step of either is a megabyte, so that a
 *    long compaction never keeps memtables waiting. What is frozen is in the flush that is begun, or
 *    in the next one; who asks for a flush ends the one that is begun first.
 * 5. Memory: memtables take at most twice the limit (a commit more), and as much as is frozen, which is
 *    about one limit unless flushes fail; then REFUSED times the limit in all.
 * A failure leaves everything as it was, and is tried again later: what it says most often (no
 * space) the writers will hear from the log too.
 */
#include "store/maintain/maintain.h"

#include "store/maintain/compact.h"
#include "store/maintain/compact_memory.h"
#include "store/maintain/flush.h"
#include "store/tables.h"

enum {
    MEMTABLE_BYTES_MIN = 1 << 16,
    OVERFULL = 2,               /* times the limit: writers wait */
    REFUSED = 8,                /* times the limit, frozen ones too: they are refused if it fails */
    STEP_BYTES = 1 << 20,       /* of what is written or merged at a time */
    PIECE_BYTES = 1 << 17,      /* the same, of a writer without an executor */
    FLUSH_SHARE = 2,            /* bytes that it flushes for one that it commits */
    MERGE_LEVEL_0 = 4,          /* tables there from which on it merges, */
    MERGE_SHARE = 4,            /* so many bytes for one, */
    MERGE_TABLES_TO_DOUBLE = 2, /* and twice as many with so many tables more */
    CACHE_ONE_IN = 4,           /* of the cache's share is never lent */
    WRITE_OVERHEAD = 100,       /* bytes that a memtable takes for one besides key and value */
    SLEEP_US_MAX = 10000,       /* a writer sees that the database is closed */
    RETRY_NS =
        1000 * 1000 * 1000,     /* after a compaction that failed, or a flush without room left */
    REST_NS = 900 * 1000 * 1000 /* without a commit; less than between two steps of the job */
};

/* What was committed is in a table at the latest after this time, and if that fails, it is tried
 * again after the other: so that the log to be read at the next opening stays short. */
#define FLUSH_AFTER_NS (UINT64_C(1800) * 1000 * 1000 * 1000)
#define FLUSH_AGAIN_NS (UINT64_C(60) * 1000 * 1000 * 1000)

strata_status st_maintenance_create(st_store *store, strata_error *error) {
    st_maintenance *maintenance = st_alloc_zeroed(&store->host->memory, sizeof *maintenance);
    if (maintenance == NULL) {
        return st_fail_memory(error);
    }
    st_mutex_init(&maintenance->lock);
    atomic_init(&maintenance->progress, 0);
    atomic_init(&maintenance->waiting, 0);
    st_mutex_init(&maintenance->snapshots_lock);
    store->maintenance = maintenance;
    return STRATA_OK;
}

void st_maintenance_destroy(st_store *store) {
    st_flush_destroy(store->maintenance->flush);
    st_compaction_destroy(store->maintenance->compaction);
    st_free(&store->host->memory, store->maintenance, sizeof *store->maintenance);
    store->maintenance = NULL;
}

void st_store_set_retention(st_store *store, const st_retention *retention) {
    st_mutex_lock(&store->maintenance->snapshots_lock, &store->host->executor);
    store->maintenance->retention = *retention;
    st_mutex_unlock(&store->maintenance->snapshots_lock, &store->host->executor);
}

st_retention st_store_retention(st_store *store) {
    st_mutex_lock(&store->maintenance->snapshots_lock, &store->host->executor);
    const st_retention retention = store->maintenance->retention;
    st_mutex_unlock(&store->maintenance->snapshots_lock, &store->host->executor);
    return retention;
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

void st_snapshot_hold(st_store *store, const st_shard *shard, st_held_snapshot *held) {
    st_maintenance *maintenance = store->maintenance;
    st_mutex_lock(&maintenance->snapshots_lock, &store->host->executor);
    held->version = st_shard_snapshot(shard);
    held->next = maintenance->held;
    maintenance->held = held;
    st_mutex_unlock(&maintenance->snapshots_lock, &store->host->executor);
}

void st_snapshot_release(st_store *store, st_held_snapshot *held) {
    st_maintenance *maintenance = store->maintenance;
    st_mutex_lock(&maintenance->snapshots_lock, &store->host->executor);
    st_held_snapshot **link = &maintenance->held;
    while (*link != held) {
        link = &(*link)->next;
    }
    *link = held->next;
    st_mutex_unlock(&maintenance->snapshots_lock, &store->host->executor);
}

uint64_t st_snapshot_oldest(st_store *store) {
    st_maintenance *maintenance = store->maintenance;
    uint64_t oldest = UINT64_MAX;
    st_mutex_lock(&maintenance->snapshots_lock, &store->host->executor);
    for (const st_held_snapshot *held = maintenance->held; held != NULL; held = held->next) {
        oldest = held->version < oldest ? held->version : oldest;
    }
    st_mutex_unlock(&maintenance->snapshots_lock, &store->host->executor);
    return oldest;
}

/* ---- Limits ---------------------------------------------------------------------------------- */

uint64_t st_memtable_limit(const st_store *store) {
    const uint64_t limit = store->options.memory_bytes / 4;
    return limit < MEMTABLE_BYTES_MIN ? MEMTABLE_BYTES_MIN : limit;
}

static uint64_t memtable_bytes(const st_store *store) {
    return atomic_load_explicit((_Atomic uint64_t *)&store->memtable_bytes, memory_order_relaxed);
}

/* And of those that wait for a flush that succeeds. */
static uint64_t all_memtable_bytes(const st_store *store) {
    return memtable_bytes(store) +
           atomic_load_explicit((_Atomic uint64_t *)&store->frozen_bytes, memory_order_relaxed);
}

/* ---- The lock -------------------------------------------------------------------------------- */

static void begin_work(st_store *store) {
    st_mutex_lock(&store->maintenance->lock, &store->host->executor);
}

/* The total order (seq_cst) of progress and waiting: either this sees that a writer waits, or the
 * writer about to sleep sees that there was progress. */
static void end_work(st_store *store) {
    const strata_executor *executor = &store->host->executor;
    st_maintenance *maintenance = store->maintenance;
    st_mutex_unlock(&maintenance->lock, executor);
    atomic_fetch_add(&maintenance->progress, 1);
    if (atomic_load(&maintenance->waiting) > 0) {
        executor->wake(executor->ctx, (uint32_t *)(void *)&maintenance->progress, true);
    }
}

/* ---- Steps (under lock) ---------------------------------------------------------------------- */

/* Open tables and indexes take their memory from the cache's share; indexes leave it something. */
static void fit_cache(st_store *store) {
    const uint64_t share = store->options.memory_bytes / 2;
    const uint64_t resident = atomic_load_explicit(&store->resident_bytes, memory_order_relaxed);
    const uint64_t lent = atomic_load_explicit(&store->lent_bytes, memory_order_relaxed);
    const uint64_t left = resident < share ? share - resident : 0;
    const uint64_t least = left < share / CACHE_ONE_IN ? left : share / CACHE_ONE_IN;
    st_block_cache_resize(store->cache, left > least + lent ? left - lent : least);
}

void st_cache_lend(st_store *store, uint64_t bytes) {
    if (store->cache != NULL &&
        atomic_exchange_explicit(&store->lent_bytes, bytes, memory_order_relaxed) != bytes) {
        begin_work(store);
        fit_cache(store);
        end_work(store);
    }
}

static void tell_failure(st_store *store, strata_status status, const char *what) {
    const strata_log *log = &store->host->log;
    atomic_store_explicit(&store->maintenance->failed, (int)status, memory_order_relaxed);
    if (log->write != NULL) {
        char fields[64];
        st_format(fields, sizeof fields, "status=%s", strata_status_name(status));
        log->write(log->ctx, STRATA_LOG_ERROR, what, fields);
    }
}

static void flush_ended(st_store *store) {
    st_maintenance *maintenance = store->maintenance;
    st_pace_measured(&maintenance->pace.flush_cost, maintenance->flush_bytes,
                     maintenance->flush_ns);
    atomic_store_explicit(&maintenance->not_before_bytes, 0, memory_order_relaxed);
    maintenance->flush_failed = STRATA_OK;
    maintenance->unflushed_ns = 0;
    atomic_store_explicit(&maintenance->failed, STRATA_OK, memory_order_relaxed);
    fit_cache(store);
}

static void flush_failed(st_store *store, strata_status status) {
    st_maintenance *maintenance = store->maintenance;
    const strata_clock *clock = &store->host->clock;
    atomic_store_explicit(&maintenance->not_before_bytes,
                          memtable_bytes(store) + st_memtable_limit(store) / 2,
                          memory_order_relaxed);
    maintenance->flush_failed = status;
    maintenance->flush_again_ns = clock->monotonic_ns(clock->ctx) + RETRY_NS;
    tell_failure(store, status, "a memtable could not become a table");
    fit_cache(store);
}

/* Begins a flush, or goes on with the one that is begun. */
static strata_status flush_some(st_store *store, uint64_t bytes_max, uint64_t *segments,
                                strata_error *error) {
    st_maintenance *maintenance = store->maintenance;
    const strata_clock *clock = &store->host->clock;
    const uint64_t begun_ns = clock->monotonic_ns(clock->ctx);
    strata_status status = STRATA_OK;
    bool done = false;
    *segments = 0;
    if (maintenance->flush == NULL) {
        maintenance->flush_bytes = all_memtable_bytes(store);
        maintenance->flush_ns = 0;
        status = st_flush_begin(store, &maintenance->flush, error);
    } else {
        status = st_flush_step(maintenance->flush, bytes_max, &done, segments, error);
    }
    maintenance->flush_ns += clock->monotonic_ns(clock->ctx) - begun_ns;
    if (done || status != STRATA_OK) {
        st_flush_destroy(maintenance->flush);
        maintenance->flush = NULL;
    }
    if (status != STRATA_OK) {
        flush_failed(store, status);
    } else if (done) {
        flush_ended(store);
    }
    return status;
}

/* Ends the flush that is begun, if one is. */
static strata_status end_flush(st_store *store, uint64_t *segments, strata_error *error) {
    uint64_t removed = 0;
    while (store->maintenance->flush != NULL) {
        ST_TRY(flush_some(store, UINT64_MAX, &removed, error));
        *segments += removed;
    }
    return STRATA_OK;
}

/* Makes a table of all that is in memory now. */
static strata_status flush_locked(st_store *store, uint64_t *segments, strata_error *error) {
    uint64_t removed;
    *segments = 0;
    ST_TRY(end_flush(store, segments, error));
    ST_TRY(flush_some(store, UINT64_MAX, &removed, error));
    return end_flush(store, segments, error);
}

/* Whether something waits to be in a table for too long. */
static bool is_old(st_store *store) {
    const strata_clock *clock = &store->host->clock;
    st_maintenance *maintenance = store->maintenance;
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const uint64_t watermark = store->manifest.watermark;
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    if (atomic_load_explicit(&store->wal.durable_version, memory_order_relaxed) <= watermark) {
        maintenance->unflushed_ns = 0;
        return false;
    }
    const uint64_t now_ns = clock->monotonic_ns(clock->ctx);
    if (maintenance->unflushed_ns == 0) {
        maintenance->unflushed_ns = now_ns;
    }
    if (now_ns - maintenance->unflushed_ns < FLUSH_AFTER_NS) {
        return false;
    }
    maintenance->unflushed_ns += FLUSH_AGAIN_NS;
    return true;
}

static bool is_flush_due(const st_store *store) {
    const uint64_t bytes = memtable_bytes(store);
    return bytes >= st_memtable_limit(store) &&
           bytes >=
               atomic_load_explicit(&store->maintenance->not_before_bytes, memory_order_relaxed);
}

static void abandon_compaction(st_store *store) {
    st_compaction_destroy(store->maintenance->compaction);
    store->maintenance->compaction = NULL;
    store->maintenance->full = false;
}

/* Goes on with the compaction that is begun. */
static strata_status compact_some(st_store *store, uint64_t bytes_max, strata_error *error) {
    st_maintenance *maintenance = store->maintenance;
    const strata_clock *clock = &store->host->clock;
    const uint64_t begun_ns = clock->monotonic_ns(clock->ctx);
    bool done = false;
    uint64_t bytes = 0;
    const strata_status status =
        st_compaction_step(maintenance->compaction, bytes_max, &bytes, &done, error);
    st_pace_measured(&maintenance->pace.merge_cost, bytes,
                     clock->monotonic_ns(clock->ctx) - begun_ns);
    if (done) {
        atomic_fetch_add_explicit(&maintenance->versions_removed,
                                  st_compaction_versions_removed(maintenance->compaction),
                                  memory_order_relaxed);
        fit_cache(store);
    }
    if (done || status != STRATA_OK) {
        abandon_compaction(store);
    }
    return status;
}

static strata_status compact_due(st_store *store, uint64_t bytes_max, bool *more,
                                 strata_error *error) {
    st_maintenance *maintenance = store->maintenance;
    const strata_clock *clock = &store->host->clock;
    if (maintenance->compaction == NULL) {
        const uint64_t now_ns = clock->monotonic_ns(clock->ctx);
        if (now_ns < maintenance->not_before_ns) {
            return STRATA_OK;
        }
        ST_TRY(st_compaction_pick(store, &maintenance->compaction, error));
        if (maintenance->compaction == NULL) {
            return STRATA_OK;
        }
    }
    *more = true;
    const strata_status status = compact_some(store, bytes_max, error);
    if (status != STRATA_OK) {
        maintenance->not_before_ns = clock->monotonic_ns(clock->ctx) + RETRY_NS;
        tell_failure(store, status, "tables could not be merged");
    }
    return status;
}

static strata_status step_locked(st_store *store, uint64_t bytes_max, bool *more,
                                 strata_error *error) {
    *more = false;
    st_epoch_reclaim(&store->epoch);
    ST_TRY(st_wal_check(&store->wal, error)); /* what it lost must not come to be in a table */
    if (store->maintenance->flush != NULL || is_flush_due(store) || is_old(store)) {
        uint64_t segments;
        *more = true;
        return flush_some(store, bytes_max, &segments, error);
    }
    return compact_due(store, bytes_max, more, error);
}

/* Gives back what was kept for the next commits, once they have stayed away for REST_NS. Until then
 * it pays: fresh memory costs more than what is then done in it (chunk_pool.h). */
static void rest(st_store *store) {
    const strata_clock *clock = &store->host->clock;
    st_maintenance *maintenance = store->maintenance;
    const uint64_t now_ns = clock->monotonic_ns(clock->ctx);
    st_mutex_lock(&store->wal.lock, &store->host->executor);
    const uint64_t version = store->wal.version;
    st_mutex_unlock(&store->wal.lock, &store->host->executor);
    if (version != maintenance->rest_version || maintenance->rest_ns == 0) {
        maintenance->rest_version = version;
        maintenance->rest_ns = now_ns;
    } else if (now_ns - maintenance->rest_ns >= REST_NS) {
        st_chunk_pool_empty(&store->chunks);
        st_wal_rest(&store->wal);
    }
}

strata_status st_maintenance_step(st_store *store, bool *more, strata_error *error) {
    begin_work(store);
    const strata_status status = step_locked(store, STEP_BYTES, more, error);
    if (!*more) {
        rest(store);
    }
    end_work(store);
    return status;
}

void st_maintenance_trim_log(st_store *store) {
    begin_work(store);
    (void)st_flush_trim_log(store);
    end_work(store);
}

/* ---- What writers do ------------------------------------------------------------------------- */

static uint64_t level_0_tables(const st_store *store) {
    return atomic_load_explicit((_Atomic uint64_t *)&store->level_0, memory_order_relaxed);
}

void st_maintenance_run(st_store *store) {
    bool more = true;
    atomic_store_explicit(&store->kicked, false, memory_order_relaxed);
    while (more && !atomic_load_explicit(&store->closing, memory_order_relaxed) &&
           st_maintenance_step(store, &more, NULL) == STRATA_OK) {
    }
}

static uint64_t bytes_of(const st_write *writes, size_t count) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += writes[i].key.len + writes[i].value.len + WRITE_OVERHEAD;
    }
    return bytes;
}

/* How many bytes are to be written or merged for one that is committed. */
static uint64_t share_of_work(const st_store *store) {
    if (store->maintenance->flush != NULL) {
        return FLUSH_SHARE;
    }
    const uint64_t tables = level_0_tables(store);
    if (tables < MERGE_LEVEL_0) {
        return 0;
    }
    const uint64_t doublings = (tables - MERGE_LEVEL_0) / MERGE_TABLES_TO_DOUBLE;
    return (uint64_t)MERGE_SHARE << (doublings < 8 ? doublings : 8);
}

/* One thread, and nobody else to do it: each commit adds to what is owed, and a piece is done when
 * that is enough for one. Only where the next memtable is full too is the flush ended at once. */
static void work_here(st_store *store, const st_write *writes, size_t count) {
    st_maintenance *maintenance = store->maintenance;
    uint64_t segments = 0;
    bool more = false;
    begin_work(store);
    strata_status status = st_wal_check(&store->wal, NULL);
    if (status == STRATA_OK && is_flush_due(store)) {
        status = end_flush(store, &segments, NULL);
        if (status == STRATA_OK) {
            status = flush_some(store, 0, &segments, NULL);
        }
    }
    maintenance->owed_bytes += bytes_of(writes, count) * share_of_work(store);
    if (status == STRATA_OK && maintenance->owed_bytes >= PIECE_BYTES) {
        const uint64_t piece = maintenance->owed_bytes;
        maintenance->owed_bytes = 0;
        (void)step_locked(store, piece, &more, NULL);
    }
    end_work(store);
}

/* Sleeps for what the commit has to, while the job is behind. */
static void pay(st_store *store, const st_debt *debt, const st_write *writes, size_t count) {
    const strata_clock *clock = &store->host->clock;
    st_pace *pace = &store->maintenance->pace;
    const uint64_t cost = st_pace_cost(pace, debt);
    if (cost == 0) {
        return;
    }
    uint64_t left_us = st_pace_charge(pace, clock, bytes_of(writes, count), cost) / 1000;
    while (left_us > 0 && !atomic_load_explicit(&store->closing, memory_order_relaxed)) {
        const uint64_t now_us = left_us < SLEEP_US_MAX ? left_us : SLEEP_US_MAX;
        clock->sleep_us(clock->ctx, now_us);
        left_us -= now_us;
    }
}

void st_maintenance_after_commit(st_store *store, const st_write *writes, size_t count) {
    const st_debt debt = {.memtable_bytes = memtable_bytes(store),
                          .limit = st_memtable_limit(store),
                          .flushing =
                              atomic_load_explicit(&store->frozen_bytes, memory_order_relaxed) > 0,
                          .held = atomic_load_explicit(&store->wal.held, memory_order_relaxed),
                          .held_max = store->wal.held_max,
                          .level_0 = level_0_tables(store)};
    const bool is_over = debt.memtable_bytes >= debt.limit;
    if (ST_LIKELY(!is_over && !debt.flushing && debt.level_0 < MERGE_LEVEL_0 &&
                  debt.held < debt.held_max / 4) ||
        store->in_memory) {
        return;
    }
    if (store->maintain_job == NULL) {
        work_here(store, writes, count);
        return;
    }
    if (is_over && atomic_exchange_explicit(&store->kicked, true, memory_order_relaxed) == false) {
        store->host->executor.kick(store->host->executor.ctx, store->maintain_job);
    }
    pay(store, &debt, writes, count);
}

/* Under lock, far over the limit. Errors: nothing can be written out, and there is no more room. */
static strata_status make_room(st_store *store) {
    st_maintenance *maintenance = store->maintenance;
    const strata_clock *clock = &store->host->clock;
    uint64_t segments;
    if (all_memtable_bytes(store) >= st_memtable_limit(store) * REFUSED) {
        return maintenance->flush_failed != STRATA_OK &&
                       clock->monotonic_ns(clock->ctx) < maintenance->flush_again_ns
                   ? maintenance->flush_failed
                   : flush_locked(store, &segments, NULL);
    }
    if (store->maintain_job != NULL && end_flush(store, &segments, NULL) == STRATA_OK &&
        is_flush_due(store)) {
        (void)flush_locked(store, &segments, NULL);
    }
    return STRATA_OK;
}

static bool is_far_over(const st_store *store) {
    const uint64_t limit = st_memtable_limit(store);
    return memtable_bytes(store) >= limit * OVERFULL ||
           all_memtable_bytes(store) >= limit * REFUSED;
}

static strata_status fail_full(strata_status status, strata_error *error) {
    return st_fail(error, status,
                   "what is in memory cannot be written out (%s), and no more is taken until it "
                   "can",
                   strata_status_name(status));
}

strata_status st_maintenance_before_commit(st_store *store, strata_error *error) {
    const strata_executor *executor = &store->host->executor;
    st_maintenance *maintenance = store->maintenance;
    if (ST_LIKELY(!is_far_over(store)) || store->in_memory) {
        return STRATA_OK;
    }
    for (;;) {
        const uint32_t seen = atomic_load(&maintenance->progress);
        if (st_mutex_try(&maintenance->lock)) {
            const strata_status status = make_room(store);
            end_work(store);
            return status == STRATA_OK ? STRATA_OK : fail_full(status, error);
        }
        atomic_fetch_add(&maintenance->waiting, 1);
        executor->wait(executor->ctx, (uint32_t *)(void *)&maintenance->progress, seen);
        atomic_fetch_sub(&maintenance->waiting, 1);
        if (!is_far_over(store)) {
            return STRATA_OK;
        }
        ST_TRY(st_store_check_open(store, error));
        ST_TRY(st_wal_check(&store->wal, error));
    }
}

/* ---- What users ask for ---------------------------------------------------------------------- */

strata_status st_store_flush(st_store *store, strata_error *error) {
    uint64_t segments;
    if (store->in_memory) {
        return STRATA_OK;
    }
    begin_work(store);
    const strata_status status = flush_locked(store, &segments, error);
    end_work(store);
    return status;
}

strata_status st_store_capture(st_store *store, st_capture *capture, strata_error *error) {
    uint64_t segments;
    begin_work(store);
    strata_status status = flush_locked(store, &segments, error);
    if (status == STRATA_OK) {
        status = st_tables_capture(store, capture, error);
    }
    end_work(store);
    return status;
}

strata_status st_store_checkpoint(st_store *store, st_checkpoint *checkpoint, strata_error *error) {
    st_capture capture;
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        return st_fail(error, STRATA_FORBIDDEN, "%s was opened read-only", store->path);
    }
    checkpoint->time_us = st_store_now(store);
    if (store->in_memory) {
        checkpoint->bytes = 0;
        return st_store_sync(store, &checkpoint->version, error);
    }
    ST_TRY(st_store_capture(store, &capture, error));
    checkpoint->version = capture.manifest.watermark;
    checkpoint->bytes = capture.bytes;
    st_tables_release(store, &capture);
    return STRATA_OK;
}

/* Begins a compaction of everything, in place of one that is under way. Under lock. */
static strata_status begin_full(st_store *store, strata_error *error) {
    abandon_compaction(store);
    ST_TRY(st_compaction_full(store, &store->maintenance->compaction, error));
    store->maintenance->full = store->maintenance->compaction != NULL;
    return STRATA_OK;
}

/* One step of it; *more false: it is done. Another thread may do steps of it too. Under lock. */
static strata_status full_step(st_store *store, bool *more, strata_error *error) {
    *more = store->maintenance->full;
    if (!*more) {
        return STRATA_OK;
    }
    if (is_flush_due(store)) {
        uint64_t segments;
        return flush_locked(store, &segments, error);
    }
    return compact_some(store, STEP_BYTES, error);
}

static strata_status merge_everything(st_store *store, strata_error *error) {
    bool more = true;
    begin_work(store);
    strata_status status = begin_full(store, error);
    while (status == STRATA_OK && more) {
        status = full_step(store, &more, error);
        end_work(store);
        begin_work(store);
    }
    end_work(store);
    return status;
}

static uint64_t bytes_used(st_store *store) {
    if (store->in_memory) {
        return memtable_bytes(store);
    }
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const uint64_t tables = st_tables_bytes(st_tables_view(store));
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return tables + atomic_load_explicit(&store->wal.total_bytes, memory_order_relaxed);
}

strata_status st_store_compact(st_store *store, bool full, st_compact_result *result,
                               strata_error *error) {
    memset(result, 0, sizeof *result);
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        return st_fail(error, STRATA_FORBIDDEN, "%s was opened read-only", store->path);
    }
    ST_TRY(st_wal_check(&store->wal, error)); /* what it lost must not come to be in a table */
    result->bytes_before = bytes_used(store);
    _Atomic uint64_t *versions = &store->maintenance->versions_removed;
    const uint64_t versions_before = atomic_load_explicit(versions, memory_order_relaxed);
    begin_work(store);
    strata_status status =
        store->in_memory ? STRATA_OK : flush_locked(store, &result->segments_removed, error);
    if (status == STRATA_OK && full && store->in_memory) {
        uint64_t removed = 0;
        status = st_compact_memory(store, &removed, error);
        atomic_fetch_add_explicit(&store->maintenance->versions_removed, removed,
                                  memory_order_relaxed);
    }
    end_work(store);
    if (status == STRATA_OK && full && !store->in_memory) {
        status = merge_everything(store, error);
    }
    result->bytes_after = bytes_used(store);
    result->versions_removed =
        atomic_load_explicit(versions, memory_order_relaxed) - versions_before;
    return status;
}
