/* wal_replay.h - the write-ahead log, reading side: recovery and verification are the same walk. */
#ifndef ST_STORE_LOG_WAL_REPLAY_H
#define ST_STORE_LOG_WAL_REPLAY_H

#include "store/log/wal.h"
#include "store/manifest.h"

/* Called for every commit in order; the record is positioned before its first write. Not OK ends
 * the walk with that status: corrupt for a record that makes no sense. */
typedef struct st_replay_sink {
    void *ctx;
    strata_status (*commit)(void *ctx, uint64_t version, int64_t timestamp_us,
                            st_wal_record *record);
    uint64_t until_segment; /* the walk ends with it; 0: with the last one */
} st_replay_sink;

typedef struct st_replay {
    st_wal_position at;  /* where writing goes on */
    uint64_t torn_bytes; /* garbage after the last good frame of the last segment */
    uint64_t bytes;      /* good bytes read */
    uint64_t commits;
    uint64_t size_of_last; /* of the last segment's file, reserved space included */
    bool header_torn;      /* the last segment was never begun */
    uint64_t torn_segment; /* its number */
} st_replay;

/* Lists the live segments and walks them. Changes nothing. Errors: corrupt {file, offset}, io,
 * no_memory. */
strata_status st_wal_replay(const strata_host *host, const char *path, const st_manifest *manifest,
                            const st_replay_sink *sink, st_replay *replay, strata_error *error);

#endif
