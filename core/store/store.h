/* store.h - the versioned store: memtables over a write-ahead log.
 *
 * Threads: open and close belong to one thread; everything else to any. Reading takes no lock.
 */
#ifndef ST_STORE_STORE_H
#define ST_STORE_STORE_H

#include "store/manifest.h"
#include "store/memtable.h"
#include "store/wal.h"

enum {
    ST_RUN_CHUNKS = 18, /* of 64, 64, 128, 256, ... memtables */
    ST_RUNS_MAX = 64 << (ST_RUN_CHUNKS - 1),
    ST_COMMIT_WRITES_MAX = 16,
};

typedef struct st_store {
    const strata_host *host;
    char *path;
    size_t path_size;
    strata_options options;
    bool in_memory; /* ":memory:" */
    st_manifest manifest;
    st_wal wal;
    strata_file *lock; /* NULL in memory and read-only */
    strata_job *job;   /* syncs in the background; NULL without an executor */
    uint64_t torn_bytes;
    st_mutex runs_lock; /* adding a memtable */
    st_memtable *_Atomic *_Atomic chunks[ST_RUN_CHUNKS];
    _Atomic uint64_t runs_end; /* above the highest run that has a memtable */
} st_store;

/* Opens or makes the database and recovers it. options->host is set. Errors: as strata_open. */
strata_status st_store_open(st_store *store, const char *path, const strata_options *options,
                            strata_error *error);
/* Syncs, records the whole log in the manifest, frees everything whatever the result. */
strata_status st_store_close(st_store *store, strata_error *error);

/* The memtable of a run; NULL when the run has none. */
st_memtable *st_store_run(const st_store *store, uint64_t run);
/* The same, made if missing. Errors: no_memory, constraint {too_many_runs}. */
strata_status st_store_add_run(st_store *store, uint64_t run, st_memtable **table,
                               strata_error *error);
/* At close: nobody reads any more. */
void st_store_free_runs(st_store *store);

/* ---- Committing ------------------------------------------------------------------------------ */

/* A commit to one run, between st_commit_begin and st_commit_finish or _abort. */
typedef struct st_commit {
    st_store *store;
    st_memtable *table;
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
 * may hold commits that were never acknowledged. Reads inside the lock use the snapshot UINT64_MAX:
 * commits that wait for their sync count, since this one comes after them in the log. */
strata_status st_commit_begin(st_commit *commit, st_store *store, st_memtable *table,
                              strata_error *error);
/* Commits 1 to ST_COMMIT_WRITES_MAX writes and gives the lock back, whatever the result; in strict
 * mode returns after the sync. hook may be NULL. Errors: no_space, io, no_memory; nothing is
 * changed then. */
strata_status st_commit_finish(st_commit *commit, const st_write *writes, size_t count,
                               const st_commit_hook *hook, uint64_t *version, strata_error *error);
void st_commit_abort(st_commit *commit);

/* Makes everything committed so far durable. */
strata_status st_store_sync(st_store *store, uint64_t *version, strata_error *error);
/* Syncs in buffered mode if the interval has passed. */
strata_status st_store_tick(st_store *store, strata_error *error);

#endif
