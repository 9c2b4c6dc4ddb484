/* maintain.h - what goes on behind the writers: memtables become tables, tables are merged.
 *
 * Threads: any; whoever works holds the maintenance lock.
 */
#ifndef ST_STORE_MAINTAIN_MAINTAIN_H
#define ST_STORE_MAINTAIN_MAINTAIN_H

#include "store/maintain/pace.h"
#include "store/maintain/retain.h"
#include "store/store.h"

typedef struct st_compaction st_compaction;

/* What maintenance knows; made at open. */
typedef struct st_maintenance {
    st_mutex lock;             /* whoever flushes or compacts; guards what follows */
    _Atomic uint32_t progress; /* goes up when it is given back; the word that writers wait on */
    _Atomic uint32_t waiting;  /* writers that sleep on progress, or are about to */
    st_pace pace;
    struct st_flushing *flush; /* begun; NULL: none */
    uint64_t flush_bytes;      /* of the memtables that are in it, */
    uint64_t flush_ns;         /* and what it has taken so far */
    uint64_t owed_bytes;       /* to be written or merged by who commits, where there is no job */
    st_compaction *compaction; /* begun; NULL: none */
    bool full;                 /* it is one of the whole database */
    /* A flush failed: memtables grow to this before the next try. Written under lock. */
    _Atomic uint64_t not_before_bytes;
    strata_status flush_failed; /* how the last flush did */
    uint64_t flush_again_ns;    /* when there is no room left: not again before this */
    uint64_t not_before_ns;     /* a compaction failed: not again before this */
    uint64_t rest_version;      /* the last commit that was seen, */
    uint64_t rest_ns;           /* and when it was first */
    uint64_t unflushed_ns;      /* since when, or a little later, memtables hold something; 0: they
                                  do not */

    st_mutex snapshots_lock; /* what follows */
    st_retention retention;
    struct st_held_snapshot *held;
    st_shard *dying; /* deleted forks that still hold on to their bases (forks.h) */

    _Atomic uint64_t flushes; /* since open, for statistics */
    _Atomic uint64_t compactions;
    _Atomic uint64_t versions_removed;
    _Atomic int failed; /* the strata_status of the last flush or compaction */
} st_maintenance;

/* Errors: no_memory. */
strata_status st_maintenance_create(st_store *store, strata_error *error);
/* No other thread uses the store. */
void st_maintenance_destroy(st_store *store);

void st_store_set_retention(st_store *store, const st_retention *retention);
st_retention st_store_retention(st_store *store);

/* A snapshot that somebody goes on reading at: what it sees is kept. */
typedef struct st_held_snapshot {
    struct st_held_snapshot *next;
    uint64_t version;
} st_held_snapshot;

/* Takes the run's snapshot of now and holds it. Cost: one uncontended lock; no allocation. */
void st_snapshot_hold(st_store *store, const st_shard *shard, st_held_snapshot *held);
void st_snapshot_release(st_store *store, st_held_snapshot *held);
/* The oldest that is held; UINT64_MAX: none. */
uint64_t st_snapshot_oldest(st_store *store);

/* Bytes that the memtables may take before they become a table. */
uint64_t st_memtable_limit(const st_store *store);
/* The cache of blocks has so much less from now on, as indexes have it, but something it keeps. The caller has no lock.
 */
void st_cache_lend(st_store *store, uint64_t bytes);
/* After a commit: wakes whoever flushes, or does a piece of what is due. */
void st_maintenance_after_commit(st_store *store, const st_write *writes, size_t count);
/* Before a commit, no lock held: waits a moment while maintenance is behind, and until there is room
 * while memtables are far over their limit. Errors: what keeps them from becoming a table. */
strata_status st_maintenance_before_commit(st_store *store, strata_error *error);
/* What the executor calls: all that is due. */
void st_maintenance_run(st_store *store);

/* Makes a table of everything in memory. Errors: io, no_space, no_memory, and what has poisoned the
 * log. What was there stays readable. */
strata_status st_store_flush(st_store *store, strata_error *error);

/* The state after such a flush, with the files that make it up. Errors: the same. */
struct st_capture;
strata_status st_store_capture(st_store *store, struct st_capture *capture, strata_error *error);

typedef struct st_checkpoint {
    uint64_t version; /* the last commit that is in tables */
    int64_t time_us;
    uint64_t bytes; /* of the tables */
} st_checkpoint;

/* The same when only its facts are wanted. Errors: the same, forbidden (read-only). */
strata_status st_store_checkpoint(st_store *store, st_checkpoint *checkpoint, strata_error *error);

/* Does a piece of what is due, of about a megabyte; *more: there is more. */
strata_status st_maintenance_step(st_store *store, bool *more, strata_error *error);

/* Removes what the manifest no longer needs of the log. */
void st_maintenance_trim_log(st_store *store);

typedef struct st_compact_result {
    uint64_t bytes_before;
    uint64_t bytes_after;
    uint64_t segments_removed;
    uint64_t versions_removed;
} st_compact_result;

/* Flushes, and with full merges all tables into one level, as retention wants it; in memory full
 * trims. The caller reads nothing: what goes is freed once nobody looks at it. Errors: as
 * st_store_flush, forbidden (read-only). */
strata_status st_store_compact(st_store *store, bool full, st_compact_result *result,
                               strata_error *error);

#endif
