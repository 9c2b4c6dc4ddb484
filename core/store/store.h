/* store.h - the versioned store: memtables over a write-ahead log, sorted tables below them.
 *
 * Threads: open and close belong to one thread; everything else to any. Reading takes no lock
 * (read.h).
 */
#ifndef ST_STORE_STORE_H
#define ST_STORE_STORE_H

#include "base/chunk_pool.h"
#include "store/log/wal.h"
#include "store/manifest.h"
#include "store/memtable/shard.h"
#include "store/view.h"

/* A transaction numbers its own writes from here on; commits never come so far. */
#define ST_OWN_VERSIONS (UINT64_C(1) << 62)

typedef struct st_store {
    const strata_host *host;
    char *path;
    size_t path_size;
    strata_options options;
    bool in_memory; /* ":memory:" */
    st_wal wal;
    strata_file *lock;        /* NULL in memory and read-only */
    strata_job *sync_job;     /* syncs in the background; NULL without an executor */
    strata_job *maintain_job; /* flushes and compacts; NULL without an executor */
    uint64_t torn_bytes;
    st_epoch epoch;
    st_shards shards;
    _Atomic int64_t latest_us; /* what time it is at least: somebody saw it, or a commit has it */

    st_mutex manifest_lock; /* the manifest, writing it, and changing the view */
    st_manifest manifest;
    struct st_pin_set *pins;          /* files that stay although they are not live (pins.h) */
    struct st_snapshot *snapshots;    /* oldest first (snapshot.h) */
    struct st_live_segment *segments; /* of indexes (segments.h) */
    bool keeps_orphans;               /* what a snapshot needs is not known: no file is removed */
    _Atomic uint64_t floor_version;   /* copies of the manifest's, for readers */
    _Atomic int64_t floor_us;
    _Atomic uint64_t trim_clock;  /* goes up when a snapshot is taken for trimming a run */
    _Atomic uint64_t trims_shown; /* what it was for what readers see now */

    st_block_cache *cache; /* NULL in memory */
    st_view *_Atomic view; /* NULL: no tables yet */
    struct st_maintenance *maintenance;
    st_chunk_pool chunks;            /* of memtables that have become tables, for the next ones */
    _Atomic uint64_t memtable_bytes; /* of the memtables that take writes */
    _Atomic uint64_t frozen_bytes;   /* of those that wait to be in a table */
    _Atomic uint64_t resident_bytes; /* of open tables */
    _Atomic uint64_t lent_bytes;     /* of the cache's share, to indexes */
    _Atomic uint64_t level_0;        /* tables there; a copy for writers, who may be in no epoch */
    _Atomic bool closing;            /* no more work in the background */
    _Atomic bool shut;               /* nor for anybody who asks */
    _Atomic bool kicked; /* the job of maintenance knows that there is something to do */
} st_store;

/* Opens or makes the database and recovers it. options->host is set. Errors: as strata_open. */
strata_status st_store_open(st_store *store, const char *path, const strata_options *options,
                            strata_error *error);
/* Syncs, records the whole log in the manifest, frees everything whatever the result. */
strata_status st_store_close(st_store *store, strata_error *error);

/* Whether it still takes calls. Errors: closed. */
static inline strata_status st_store_check_open(const st_store *store, strata_error *error) {
    return ST_LIKELY(!atomic_load_explicit((_Atomic bool *)&store->shut, memory_order_seq_cst))
               ? STRATA_OK
               : st_fail(error, STRATA_CLOSED, "%s is being closed", store->path);
}

/* The wall clock, but never before what it was here once, nor before any commit. Microseconds since
 * the epoch. */
int64_t st_store_now(st_store *store);
/* A reader that holds nothing takes the clock, then its snapshot, then opens what it reads from. If
 * something was trimmed in between, for a snapshot newer than its own, it begins again. */
static inline uint64_t st_store_trim_clock(const st_store *store) {
    return atomic_load_explicit((_Atomic uint64_t *)&store->trim_clock, memory_order_seq_cst);
}
static inline bool st_store_trimmed_since(const st_store *store, uint64_t clock) {
    return atomic_load_explicit((_Atomic uint64_t *)&store->trims_shown, memory_order_seq_cst) >
           clock;
}
/* Before readers see what was trimmed. clock: 0 for nothing. */
void st_store_show_trims(st_store *store, uint64_t clock);

/* Versions, and times, below which what is not there may have been trimmed without a trace, in any
 * run. */
uint64_t st_store_floor(const st_store *store);
int64_t st_store_floor_us(const st_store *store);

/* Whether a run was deleted, as far as readers may know: in strict mode once that is durable. */
static inline bool st_store_shows_gone(const st_store *store, const st_shard *shard) {
    const uint64_t gone = st_shard_gone(shard);
    return ST_UNLIKELY(gone > 0) &&
           (store->wal.durability != STRATA_STRICT ||
            gone <= atomic_load_explicit((_Atomic uint64_t *)&store->wal.durable_version,
                                         memory_order_acquire));
}

/* After something was put into a memtable: counts what its arena has grown by. Under the lock of its
 * shard. */
void st_store_count_memory(st_store *store, st_memtable *table);

/* ---- Committing ------------------------------------------------------------------------------ */

/* A commit to one run, between st_commit_begin and st_commit_finish or _abort. */
typedef struct st_commit {
    st_store *store;
    st_shard *shard;
    st_shard *also;       /* a later one, locked by the caller too; NULL: none */
    int64_t timestamp_us; /* it will carry; not below any before it in the run */
} st_commit;

/* What an upper room does at the moment of a commit, under the run's lock: after the versions were
 * linked, before readers see them. It cannot fail: what it derives it must be able to rebuild. */
typedef struct st_commit_hook {
    void *ctx;
    void (*committed)(void *ctx, const st_commit *commit, uint64_t version);
} st_commit_hook;

/* Takes the run's lock, unless nothing can be committed: the database is read-only (forbidden), or
 * its log has failed (io, no_space). Then nothing may be concluded from what is there either, as it
 * may hold commits that were never acknowledged. Reads inside the lock use the bound UINT64_MAX:
 * commits that wait for their sync count, since this one comes after them in the log. */
strata_status st_commit_begin(st_commit *commit, st_store *store, st_shard *shard,
                              strata_error *error);
/* Commits at least one write, no key twice, and gives the lock back, whatever the result; in strict
 * mode returns after the sync. hook may be NULL. Errors: no_space, io, no_memory, constraint
 * {commit_too_large}; nothing is changed then. */
strata_status st_commit_finish(st_commit *commit, const st_write *writes, size_t count,
                               const st_commit_hook *hook, uint64_t *version, strata_error *error);
void st_commit_abort(st_commit *commit);

/* Makes everything committed so far durable. */
strata_status st_store_sync(st_store *store, uint64_t *version, strata_error *error);
/* For hosts without threads: syncs in buffered mode if the interval has passed, then flushes and
 * compacts for about budget_us microseconds if something is due. */
strata_status st_store_tick(st_store *store, uint32_t budget_us, strata_error *error);

#endif
