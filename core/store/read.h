/* read.h - reading a run: the version of a key, keys in order, the history of a key.
 *
 * Threads: a reader belongs to one thread, which is inside an epoch while it reads. What a read
 * returns is borrowed until the epoch is left or the reader's arena is reset.
 */
#ifndef ST_STORE_READ_H
#define ST_STORE_READ_H

#include "store/memtable/shard.h"
#include "store/merge.h"

struct st_store;

/* What a transaction lays over its run: its own writes come before anything that is stored, and it
 * wants to know what was read. */
typedef struct st_overlay {
    const st_shard *shard;
    const st_memtable *own; /* NULL: it has written nothing */
    void *ctx;
    /* A key was read: *number is of the newest stored version in the snapshot (0: none). own: the
     * answer came from its own writes. Errors: no_memory. */
    strata_status (*point)(void *ctx, strata_slice key, uint64_t number, bool own);
    /* A scan begins; *range is given back when it ends. Errors: no_memory. */
    strata_status (*range_begin)(void *ctx, strata_slice low, strata_slice high, void **range);
    /* It went no further than [low, high). */
    void (*range_end)(void *ctx, void *range, strata_slice low, strata_slice high);
} st_overlay;

typedef struct st_reader {
    const struct st_store *store;
    st_arena *arena;
    strata_error *error;
    const st_overlay *overlay; /* NULL: no transaction */
    struct st_scan *scans;     /* that hold blocks */
} st_reader;

/* Gives back what unfinished scans hold. */
void st_reader_finish(st_reader *reader);

/* The newest version of the key inside the bound, deletes and expired ones included; *found false:
 * there is none. Errors: history_trimmed {requested or requested_time,
 * earliest_retained, policy} inside a bound in the past; corrupt, io, no_memory. */
strata_status st_read(st_reader *reader, const st_shard *shard, strata_slice key,
                      const st_bound *bound, st_revision *revision, bool *found) STRATA_MUST_USE;
/* The same; *found false also when it is deleted or has expired. */
strata_status st_read_live(st_reader *reader, const st_shard *shard, strata_slice key,
                           const st_bound *bound, st_revision *revision,
                           bool *found) STRATA_MUST_USE;

enum { ST_READ_MANY_MAX = 16 };

typedef struct st_read_key {
    strata_slice key;
    uint64_t version; /* inside the snapshot that the reader holds */
} st_read_key;

/* Keys that are read at once. */
typedef struct st_read_keys {
    const st_read_key *keys;
    size_t count; /* at most ST_READ_MANY_MAX */
    /* What was found of keys[i]; its value is borrowed for this call. Errors: what goes through to the caller. */
    strata_status (*take)(void *ctx, size_t i, const st_revision *revision);
    void *ctx;
} st_read_keys;

/* For each key the newest version up to its own, deletes and expired ones included; those of which there is none are
 * not told. Of no transaction. What has to come from memory does so for all of them at the same time: about a third
 * of the cost of st_read one by one, where the processor's caches hold nothing. Errors: corrupt, io, no_memory. */
strata_status st_read_many(st_reader *reader, const st_shard *shard,
                           const st_read_keys *keys) STRATA_MUST_USE;

/* Live keys in order, between two bounds. */
typedef struct st_scan {
    bool here;            /* false past the end */
    strata_slice key;     /* where it stands; borrowed until it moves */
    st_revision revision; /* without its value: st_scan_value */

    /* Its own. */
    st_reader *reader;
    struct st_scan *next; /* of the reader */
    st_merge merge;
    struct strand *strands; /* the run, and those it was forked from */
    size_t strand_count;
    st_bound bound;
    uint64_t newer_than; /* sources without a newer version are left out */
    uint64_t after;      /* versions up to this are not shown */
    strata_slice low;    /* inclusive */
    strata_slice high;   /* exclusive; empty: no bound */
    bool reverse;
    void *range;        /* of the overlay */
    size_t gone_strand; /* a deleted run of which a version of the key was seen; SIZE_MAX: none */
    uint8_t key_bytes[ST_STORE_KEY_MAX];
} st_scan;

typedef struct st_scan_range {
    strata_slice low;  /* inclusive */
    strata_slice high; /* exclusive; empty: no bound */
    bool reverse;      /* from the last key to the first */
} st_scan_range;

/* The slices of the range are borrowed while the scan lasts; so is the scan, by the reader. Errors:
 * as st_read. */
strata_status st_scan_start(st_scan *scan, st_reader *reader, const st_shard *shard,
                            const st_scan_range *range, const st_bound *bound) STRATA_MUST_USE;
strata_status st_scan_next(st_scan *scan) STRATA_MUST_USE;
/* The value where it stands; borrowed until it moves. */
strata_status st_scan_value(st_scan *scan, strata_slice *value) STRATA_MUST_USE;
/* Gives back what it holds. Not needed before st_reader_finish, and done at most once. */
void st_scan_end(st_scan *scan);

/* The versions of all keys in a range, newest first under each key, deletes included, up to a
 * commit. The same struct, and the same ending. In a fork they go on with those that it sees of its
 * base; of a base that was deleted that is one of each key. */
strata_status st_versions_start(st_scan *scan, st_reader *reader, const st_shard *shard,
                                const st_scan_range *range, uint64_t version) STRATA_MUST_USE;
typedef struct st_version_span {
    uint64_t after; /* not shown */
    uint64_t until; /* the last that is; UINT64_MAX: all */
} st_version_span;

/* The same of what was committed to the run itself, and nothing of what it was forked from. Cost:
 * memtables that are frozen, tables and blocks without anything newer than span->after are passed
 * over. */
strata_status st_versions_own(st_scan *scan, st_reader *reader, const st_shard *shard,
                              const st_scan_range *range,
                              const st_version_span *span) STRATA_MUST_USE;
/* All versions committed to the run itself, but of what has any that is newer than `version` only:
 * what has not is left out as a whole, or not. What a fork sees of its base never changes. Under the
 * run's lock. */
strata_status st_versions_since(st_scan *scan, st_reader *reader, const st_shard *shard,
                                const st_scan_range *range, uint64_t version) STRATA_MUST_USE;
strata_status st_versions_next(st_scan *scan) STRATA_MUST_USE;
/* Past the other versions of the key it stands at. */
strata_status st_versions_next_key(st_scan *scan) STRATA_MUST_USE;

#endif
