/* shard.h - all that the store has of one run: who may write it, and its memtables.
 *
 * Threads. One writer at a time holds `lock`. Readers take none: they load `published` once, that
 * is the snapshot, and find memtables from `newest` on.
 */
#ifndef ST_STORE_MEMTABLE_SHARD_H
#define ST_STORE_MEMTABLE_SHARD_H

#include "store/memtable/fork_pins.h"
#include "store/memtable/memtable.h"

typedef struct st_shard {
    uint64_t run;
    st_mutex lock;
    st_memtable *_Atomic newest; /* takes the writes; its `older` are frozen */
    _Atomic uint64_t published;  /* the newest commit that readers may see */
    int64_t newest_us;           /* timestamp of the newest commit; under lock */
    uint64_t last;               /* its version, whether or not readers may see it; under lock */
    void *owner;                 /* of the model room: what it keeps for this run */

    /* Of a fork: the run in which reads go on where this one has nothing, and what they see of it:
     * commits up to a version and a time. Set before readers can find it, then immutable. */
    struct st_shard *base; /* NULL: not a fork */
    uint64_t base_version; /* UINT64_MAX: bounded by time alone */
    int64_t base_us;       /* INT64_MAX: bounded by version alone */
    uint64_t since;        /* the fork's own commits are above it, */
    int64_t since_us;      /* and not before that */

    _Atomic uint64_t gone; /* the commit that deleted the run; 0: it is there */

    /* What forks of it need (forks.h), under the store's snapshots_lock. */
    struct st_fork_pins *pins; /* NULL: there was never a fork */
    struct st_shard *dying;    /* the next deleted fork that still holds on to its base */
    uint64_t trimmed_version;  /* there may be nothing left to fork from below that version, */
    int64_t trimmed_us;        /* and before that time */
} st_shard;

static inline uint64_t st_shard_gone(const st_shard *shard) {
    return atomic_load_explicit((_Atomic uint64_t *)&shard->gone, memory_order_acquire);
}

static inline uint64_t st_shard_snapshot(const st_shard *shard) {
    return atomic_load_explicit((_Atomic uint64_t *)&shard->published, memory_order_acquire);
}
/* Commits up to `number` become visible; a smaller number than before changes nothing. */
void st_shard_publish(st_shard *shard, uint64_t number);

static inline st_memtable *st_shard_newest(const st_shard *shard) {
    return atomic_load_explicit((st_memtable * _Atomic *)&shard->newest, memory_order_seq_cst);
}
static inline st_memtable *st_memtable_older(const st_memtable *table) {
    return atomic_load_explicit((st_memtable * _Atomic *)&table->older, memory_order_seq_cst);
}

/* ---- The shards of all runs ------------------------------------------------------------------ */

enum {
    ST_RUNS_MAX = 1 << 23,
    ST_SHARD_CHUNK_MAX = 4096,
    ST_SHARD_CHUNKS =
        6 + ST_RUNS_MAX / ST_SHARD_CHUNK_MAX, /* 64, 64, 128, ... 2048, 4096, 4096, ... */
};

typedef struct st_shards {
    const strata_host *host;
    st_mutex lock; /* adding one */
    st_shard *_Atomic *_Atomic chunks[ST_SHARD_CHUNKS];
    _Atomic uint64_t end;   /* above the highest run that has a shard */
    uint64_t begin_version; /* what a new shard has published, and the time of its newest commit */
    int64_t begin_us;
} st_shards;

void st_shards_init(st_shards *shards, const strata_host *host);
/* At close: nobody reads any more. */
void st_shards_free(st_shards *shards);
/* The shard of a run; NULL when the run has none. */
st_shard *st_shards_find(const st_shards *shards, uint64_t run);
/* At open: a run that was deleted, of which nothing is needed, so that it gets no shard; one that it
 * has is told. version: of its end. Errors: no_memory. */
strata_status st_shards_bury(st_shards *shards, uint64_t run, uint64_t version);
/* Whether it is such a run. */
bool st_shards_buried(const st_shards *shards, uint64_t run);
/* The same, made if missing. Errors: no_memory, constraint {too_many_runs}. */
strata_status st_shards_add(st_shards *shards, uint64_t run, st_shard **shard, strata_error *error);

/* At open, when the log is read: older commits, up to that version and time, are in tables. */
void st_shards_begin_at(st_shards *shards, uint64_t version, int64_t time_us);

static inline uint64_t st_shards_end(const st_shards *shards) {
    return atomic_load_explicit((_Atomic uint64_t *)&shards->end, memory_order_acquire);
}

#endif
