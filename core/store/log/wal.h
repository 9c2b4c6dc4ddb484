/* wal.h - the write-ahead log, writing side: versions are given out here, in the order of the log.
 *
 * Threads: every function may be called by any thread. Lock order: a run's lock, flush_lock, lock.
 */
#ifndef ST_STORE_LOG_WAL_H
#define ST_STORE_LOG_WAL_H

#include "store/log/wal_frame.h"

struct st_wal_position;

typedef struct st_wal {
    /* Set at open, then read only. */
    const strata_host *host;
    const char *path;
    uint8_t uuid[ST_UUID_BYTES];
    strata_durability durability;
    uint64_t segment_bytes;
    size_t held_max; /* bytes that are held in memory while somebody syncs, in buffered mode */
    st_codec *codec;

    st_mutex flush_lock;   /* whoever writes to the file: one at a time */
    st_mutex lock;         /* the fields below */
    strata_buffer pending; /* frames not yet handed to the file */
    strata_buffer payload; /* scratch of one record */
    uint64_t version;      /* the last one given out */
    uint64_t end;          /* of the log in this segment, pending frames included */
    uint64_t durable_end;  /* of the part of this segment that is synced */

    /* Under flush_lock. */
    strata_buffer flushing;
    strata_file *file;
    uint64_t segment;
    uint64_t written;       /* bytes of this segment in the file */
    int64_t base_us;        /* of the segment that takes frames; changes under both locks */
    uint64_t begin_version; /* before its first frame; changes under both locks */
    bool half_made;         /* the next segment may be there already, and holds nothing */
    uint64_t first;         /* the first segment that is there */

    /* Called under flush_lock when a segment has begun because the one before was full; set before
     * anybody else knows the wal. */
    void *rolled_ctx;
    void (*rolled)(void *ctx, const struct st_wal_position *at);

    _Atomic uint32_t turn; /* odd while somebody syncs for all; the word that the others wait on */
    _Atomic uint32_t waiting; /* threads that sleep on turn, or are about to */
    /* Of whoever has the turn: how many waited at the end of the last one, and how many turns it is
     * not worth waiting for them. */
    uint32_t company;
    uint32_t alone;

    _Atomic uint64_t reserved; /* size of the file, 0: there is none; changes under both locks */
    _Atomic size_t held;       /* bytes pending */
    _Atomic uint64_t durable_version;
    _Atomic uint64_t total_bytes; /* of all live segments */
    _Atomic uint64_t segments;
    _Atomic uint32_t kept;       /* how many read segments that must not be removed meanwhile */
    _Atomic uint64_t flushed_ns; /* monotonic time of the last sync, for hosts without threads */
    _Atomic int failed;          /* a strata_status: the writer is poisoned */
} st_wal;

/* Where writing goes on: what recovery found, or a new log. */
typedef struct st_wal_position {
    uint64_t segment; /* 0: there is none yet; it will be `first` */
    uint64_t end;
    int64_t base_us;
    uint64_t version;
    uint64_t total_bytes;
    uint64_t segments;
    uint64_t first; /* the first segment */
    /* The segment after it was begun and holds nothing: writing goes on there, and not in this one. */
    bool next_begun;
} st_wal_position;

/* memory mode: versions only, no file. Errors: io, no_space, no_memory. */
strata_status st_wal_open(st_wal *wal, const strata_host *host, const char *path,
                          const uint8_t uuid[ST_UUID_BYTES], const strata_options *options,
                          strata_codec codec, const st_wal_position *at, strata_error *error);

/* Whether the log still takes commits. Errors: what has poisoned it. */
strata_status st_wal_check(st_wal *wal, strata_error *error);

/* Gives out the next version and appends the commit to the log in memory. When it fails, no version
 * was taken and nothing was written. Errors: no_space, no_memory, io (poisoned), constraint. */
strata_status st_wal_append(st_wal *wal, uint64_t run, int64_t timestamp_us, const st_write *writes,
                            size_t count, uint64_t *version, strata_error *error);

/* Returns once everything up to `version` is synced; threads that wait together share one sync.
 * A failed write or sync poisons the writer for good. Errors: io, no_space. */
strata_status st_wal_sync(st_wal *wal, uint64_t version, strata_error *error);

/* Syncs what is pending if the interval has passed (or `now`). For buffered mode. */
strata_status st_wal_tick(st_wal *wal, uint32_t interval_ms, strata_error *error);

/* Gives back the memory of large commits, while nothing is pending. Any thread; what is committed
 * meanwhile waits for no more than a lock. */
void st_wal_rest(st_wal *wal);

/* Goes on in a new segment, unless nothing is in this one. *at: its beginning, with the version that
 * was the last one there; everything before it is synced. Errors: as st_wal_sync. */
strata_status st_wal_roll(st_wal *wal, st_wal_position *at, strata_error *error);

/* Removes the segments below that one, which the manifest no longer needs; how many that were. One
 * that cannot be removed is tried again next time. One caller at a time. */
uint64_t st_wal_remove_below(st_wal *wal, uint64_t segment);
/* From here on no segment is removed, until st_wal_let_go. Begin it under a lock that keeps the manifest
 * as it is: what that says of the log stays true for the one who reads it. */
void st_wal_hold(st_wal *wal);
void st_wal_let_go(st_wal *wal);

/* Syncs, gives reserved space back, closes. The wal is gone in any case. *at: the end of the log.
 */
strata_status st_wal_close(st_wal *wal, st_wal_position *at, strata_error *error);

#endif
