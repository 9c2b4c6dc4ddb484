/* trail.h - all that was ever written to a run, whether to itself or to what it was forked from.
 *
 * A run that was forked shows its own commits, and below the point where it was forked those of its
 * parent, and so on. These are the levels of its trail: each a run and the highest commit of it that
 * is seen, the newest level first. All commits of a level are above those of the levels after it.
 */
#ifndef ST_HISTORY_TRAIL_H
#define ST_HISTORY_TRAIL_H

#include "model/page.h"

typedef struct st_trail_level {
    const st_shard *shard;
    uint64_t low;  /* what was written above this */
    uint64_t high; /* up to here */
    bool pinned;   /* that is where a fork begins, for which all that it sees is kept */
} st_trail_level;

typedef struct st_trail {
    st_trail_level *levels; /* of the arena */
    size_t count;
} st_trail;

/* The trail of a run up to a commit. Errors: no_memory; those of reading. Cost: that of the levels; of a
 * run that was forked at a time, of finding the commit of then. */
strata_status st_trail_make(st_request *rq, const st_run *run, uint64_t version, st_trail *trail);

/* What of a trail to look at. */
typedef struct st_trail_range {
    strata_slice low;  /* keys from here, inclusive */
    strata_slice high; /* to here, exclusive; empty: no bound */
    uint64_t after;    /* commits above this one */
    uint64_t until;    /* up to this one */
} st_trail_range;

/* Starts a scan over the versions of a level that were written to it itself; tables and blocks that
 * have nothing newer than `after` are passed over, and what has is not: whoever walks looks at the
 * numbers. Errors: as st_versions_start. */
strata_status st_trail_scan(st_scan *scan, st_reader *reader, const st_shard *shard,
                            const st_scan_range *range, uint64_t after) STRATA_MUST_USE;

/* Is shown a scan that stands at a version; it does not move it. */
typedef strata_status (*st_trail_visit)(void *ctx, st_scan *scan);

/* Shows each version in the range, level by level, in the order of keys and from the newest to the
 * oldest under each. *earliest: is raised to the version below which some that were in the range may be
 * gone.
 * Errors: those of reading, and of the visitor. */
strata_status st_trail_walk(st_request *rq, const st_trail *trail, const st_trail_range *range,
                            st_trail_visit visit, void *ctx, uint64_t *earliest);

/* The newest commit of the trail that was made at that time or before; 0: there is none. Errors:
 * those of reading. Cost: in proportion to what was written since. */
strata_status st_trail_at_time(st_request *rq, const st_trail *trail, int64_t time_us,
                               uint64_t *version);

#endif
