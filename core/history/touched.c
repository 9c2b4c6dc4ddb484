/* touched.c - the commits that two points do not share, as a merge of their keys.
 *
 * A trail (trail.h) is a chain of runs, each forked from the next. Two trails meet at the first run
 * that is in both: what it shows of itself to the one and to the other differs by the commits between
 * two numbers, and all below is the same. So a key can only have another value in the two points if it
 * was written
 *   - to a level of either trail above the run where they meet, or
 *   - to that run, between the two numbers.
 * Two points of one run meet in that run itself. Points that share nothing meet nowhere, and every key
 * of both is touched.
 *
 * Each such piece of history is a lane: a scan over the versions that were written to one run. The
 * next key is the least at which a lane stands. Lanes are few: two, and one for each fork between.
 *
 * Invariants:
 * 1. A lane stands at a version inside its piece, or is over.
 * 2. A key that retention has taken from the piece is not missed: a mark or a floor above its low end
 *    is history_trimmed. It is no matter what there is below: the value of then is read as a reader
 *    of then would, who is told.
 * Rejected: walking through both points side by side. It is what is done for points that share
 * nothing, and costs all that is stored.
 */
#include "history/touched.h"

#include "store/past.h"

typedef struct touched_lane {
    st_trail_level piece;
    st_scan scan;
} touched_lane;

st_meeting st_trails_meet(const st_trail *a, const st_trail *b) {
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            if (a->levels[i].shard == b->levels[j].shard) {
                const uint64_t left = a->levels[i].high;
                const uint64_t right = b->levels[j].high;
                return (st_meeting){a->levels[i].shard, left < right ? left : right};
            }
        }
    }
    return (st_meeting){NULL, 0};
}

/* What of a level lies above the meeting; false: nothing, and nothing of the levels below either. */
static bool piece_of(const st_trail_level *level, const st_meeting *meeting,
                     st_trail_level *piece) {
    *piece = *level;
    if (level->shard != meeting->shard) {
        return true;
    }
    piece->low = meeting->version;
    return false;
}

/* The lane moves on until it stands inside its piece. */
static strata_status settle(touched_lane *lane) {
    st_scan *scan = &lane->scan;
    while (scan->here &&
           (scan->revision.number > lane->piece.high || scan->revision.number <= lane->piece.low)) {
        /* The mark of a version that is above the piece speaks of all below it. */
        if (scan->revision.trimmed && scan->revision.number > lane->piece.low) {
            const st_bound bound = st_bound_version(lane->piece.low);
            return st_past_fail(scan->reader, lane->piece.shard->run, scan->key, &bound,
                                scan->revision.number);
        }
        ST_TRY(st_versions_next(scan));
    }
    return STRATA_OK;
}

static strata_status open_lane(touched_lane *lane, st_request *rq, const st_touched_spec *spec) {
    const st_scan_range range = {spec->low, spec->high, false};
    st_floor floor;
    ST_TRY(st_trail_scan(&lane->scan, &rq->reader, lane->piece.shard, &range, lane->piece.low));
    ST_TRY(st_past_floor(&rq->reader, lane->piece.shard, spec->low, spec->high, &floor));
    if (floor.version > lane->piece.low && spec->meeting.shard != NULL) {
        const st_bound bound = st_bound_version(lane->piece.low);
        return st_past_fail(&rq->reader, lane->piece.shard->run, spec->low, &bound, floor.version);
    }
    return settle(lane);
}

static void find_least(st_touched *touched) {
    const touched_lane *least = NULL;
    for (size_t i = 0; i < touched->count; i++) {
        const touched_lane *lane = &touched->lanes[i];
        if (lane->scan.here &&
            (least == NULL || st_slice_compare(lane->scan.key, least->scan.key) < 0)) {
            least = lane;
        }
    }
    touched->here = least != NULL;
    if (touched->here) {
        memcpy(touched->key.bytes, least->scan.key.data, least->scan.key.len);
        touched->key.len = least->scan.key.len;
    }
}

strata_status st_touched_start(st_touched *touched, st_request *rq, const st_touched_spec *spec) {
    const size_t most = spec->trails[0]->count + spec->trails[1]->count;
    touched->here = false;
    touched->count = 0;
    touched->lanes = st_arena_alloc(rq->arena, most * sizeof *touched->lanes, 16);
    if (touched->lanes == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < 2; i++) {
        bool above = true;
        for (size_t j = 0; above && j < spec->trails[i]->count; j++) {
            touched_lane *lane = &touched->lanes[touched->count];
            above = piece_of(&spec->trails[i]->levels[j], &spec->meeting, &lane->piece);
            if (lane->piece.low < lane->piece.high) {
                touched->count++;
                ST_TRY(open_lane(lane, rq, spec));
            }
        }
    }
    find_least(touched);
    return STRATA_OK;
}

strata_status st_touched_next(st_touched *touched) {
    const strata_slice key = st_key_slice(&touched->key);
    for (size_t i = 0; i < touched->count; i++) {
        touched_lane *lane = &touched->lanes[i];
        if (lane->scan.here && st_slice_equal(lane->scan.key, key)) {
            ST_TRY(st_versions_next_key(&lane->scan));
            ST_TRY(settle(lane));
        }
    }
    find_least(touched);
    return STRATA_OK;
}

void st_touched_end(st_touched *touched) {
    for (size_t i = 0; i < touched->count; i++) {
        st_scan_end(&touched->lanes[i].scan);
    }
    touched->count = 0;
}
