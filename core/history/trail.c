/* trail.c - levels of a trail, and walking through what was written to them.
 *
 * What retention has let go leaves two kinds of marks (store/past.h). A version that is marked trimmed
 * had older ones: if it is newer than the low end of the range, they may have been in it. And below a
 * floor keys may be gone altogether. So the walk looks at marks of versions above the range too, and
 * never passes over a block for being too new.
 *
 * A time is found by looking at ever longer ends of the trail: the newest WINDOW commits, then
 * GROWTH times as many, until one of them is old enough. Tables that have nothing so new are not
 * opened. Rejected: an index of times, which every commit would pay for and few questions need.
 */
#include "history/trail.h"

#include "store/past.h"

enum { WINDOW = 4096, GROWTH = 64 };

/* What a fork sees of its base. The trail's levels from there on are not there yet. There may be two bounds:
 * a fork by time of a fork by version, at a moment before that one. */
static strata_status seen_of_base(st_request *rq, const st_shard *fork, uint64_t *seen) {
    const uint64_t bound = fork->base_version;
    st_trail_level level = {fork->base, 0, bound < fork->since ? bound : fork->since, false};
    const st_trail base = {&level, 1};
    *seen = bound;
    if (fork->base_us != INT64_MAX) {
        ST_TRY(st_trail_at_time(rq, &base, fork->base_us, seen));
    }
    /* A base that is a fork itself is seen from its beginning on, with commits of its own or without. */
    *seen = *seen > fork->base->since ? *seen : fork->base->since;
    return STRATA_OK;
}

strata_status st_trail_make(st_request *rq, const st_run *run, uint64_t version, st_trail *trail) {
    st_trail_level level = {run->shard, 0, version, false};
    size_t count = 1;
    for (const st_shard *shard = run->shard; shard->base != NULL; shard = shard->base) {
        count++;
    }
    trail->count = 0;
    trail->levels = st_arena_alloc(rq->arena, count * sizeof *trail->levels, 8);
    if (trail->levels == NULL) {
        return st_fail_memory(rq->error);
    }
    for (;;) {
        uint64_t seen;
        trail->levels[trail->count++] = level;
        if (level.shard->base == NULL) {
            return STRATA_OK;
        }
        ST_TRY(seen_of_base(rq, level.shard, &seen));
        level.pinned = seen <= level.high;
        level.high = level.pinned ? seen : level.high;
        level.shard = level.shard->base;
    }
}

strata_status st_trail_scan(st_scan *scan, st_reader *reader, const st_shard *shard,
                            const st_scan_range *range, uint64_t after) {
    const st_version_span span = {after, UINT64_MAX};
    return st_versions_own(scan, reader, shard, range, &span);
}

/* Versions below `version` may be gone; between it and the low end there must be room for one. */
static void note_gone(uint64_t version, uint64_t after, uint64_t *earliest) {
    if (version > after + 1 && version > *earliest) {
        *earliest = version;
    }
}

/* Versions of one level that are above `low` and not above `high`. */
static strata_status walk_level(st_request *rq, const st_shard *shard, const st_trail_range *range,
                                st_trail_visit visit, void *ctx, uint64_t *earliest) {
    static const uint8_t end[] = {ST_TAG_FLOOR}; /* what follows is the store's own */
    const strata_slice high = range->high.len > 0 ? range->high : st_slice(end, 1);
    const st_scan_range keys = {range->low, high, false};
    st_floor floor;
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_trail_scan(scan, &rq->reader, shard, &keys, range->after));
    while (scan->here) {
        const st_revision *revision = &scan->revision;
        if (revision->trimmed) {
            note_gone(revision->number, range->after, earliest);
        }
        if (revision->number > range->after && revision->number <= range->until) {
            ST_TRY(visit(ctx, scan));
        }
        ST_TRY(st_versions_next(scan));
    }
    st_scan_end(scan);
    ST_TRY(st_past_floor(&rq->reader, shard, range->low, high, &floor));
    if (st_shard_gone(shard) > 0) {
        floor.version = range->until; /* only what forks see is left */
    }
    note_gone(floor.version, range->after, earliest);
    return STRATA_OK;
}

strata_status st_trail_walk(st_request *rq, const st_trail *trail, const st_trail_range *range,
                            st_trail_visit visit, void *ctx, uint64_t *earliest) {
    for (size_t i = 0; i < trail->count; i++) {
        const st_trail_level *level = &trail->levels[i];
        st_trail_range part = *range;
        part.after = level->low > range->after ? level->low : range->after;
        part.until = level->high < range->until ? level->high : range->until;
        if (part.after < part.until) {
            ST_TRY(walk_level(rq, level->shard, &part, visit, ctx, earliest));
        }
    }
    return STRATA_OK;
}

/* ---- Times ----------------------------------------------------------------------------------- */

typedef struct time_search {
    int64_t time_us;
    uint64_t found;
} time_search;

static strata_status look_at_time(void *ctx, st_scan *scan) {
    time_search *search = ctx;
    if (scan->revision.timestamp_us <= search->time_us && scan->revision.number > search->found) {
        search->found = scan->revision.number;
    }
    return STRATA_OK;
}

strata_status st_trail_at_time(st_request *rq, const st_trail *trail, int64_t time_us,
                               uint64_t *version) {
    time_search search = {time_us, 0};
    uint64_t window = WINDOW;
    uint64_t earliest = 0;
    uint64_t until = trail->levels[0].high;
    while (until > 0 && search.found == 0) {
        const st_trail_range range = {st_slice("", 0), st_slice("", 0),
                                      until > window ? until - window : 0, until};
        ST_TRY(st_trail_walk(rq, trail, &range, look_at_time, &search, &earliest));
        until = range.after;
        window = window > UINT64_MAX / GROWTH ? UINT64_MAX : window * GROWTH;
    }
    *version = search.found;
    return STRATA_OK;
}
