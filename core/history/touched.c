/* touched.c - the commits that two points do not share, as a merge of their keys.
 *
 * A trail (trail.h) is a chain of runs, each forked from the next. Two trails meet at the first run
 * that is in both, and go on through the same runs. What such a run shows of itself to the one and to
 * the other differs by the commits between two numbers; once they are equal all below is the same. So a
 * key can only have another value in the two points if it was written
 *   - to a level of either trail above the run where they meet, or
 *   - to that run or one below, between the two numbers.
 * Two points of one run meet in that run itself. Points that share nothing meet nowhere, and every key
 * of both is touched.
 *
 * Each such piece of history is a lane: a scan over the versions that were written to one run; of
 * documents a second one, over what was changed in them (their parts, model/json). The next thing is the
 * least at which a lane stands. Lanes are few: two, and one for each fork between.
 *
 * Invariants:
 * 1. A lane stands at a version inside its piece, or is over.
 * 2. A thing that retention has taken from the piece is not missed. While anything of it is left there,
 *    the value of then is read as a reader of then would, who is told. If nothing is, then either a
 *    version above the piece is marked trimmed, or the whole key has gone, and the floor is above the
 *    piece's low end: that is history_trimmed. But not if a fork begins at the low end: nothing goes
 *    that it sees, so what has gone altogether was not there at the low end either, and is no
 *    difference as long as the high end is not below the floor itself. And if a fork begins at the high end
 *    too, or that is now, nothing is missed: what is seen from one end only has a version in the piece
 *    that is kept for the other.
 * Rejected: walking through both points side by side. It is what is done for points that share
 * nothing, and costs all that is stored.
 */
#include "history/touched.h"

#include "model/ref.h"
#include "store/past.h"

typedef struct touched_lane {
    st_trail_level piece;
    st_scan scan;
    bool kept;  /* forks begin at both ends of the piece */
    st_key key; /* of the thing at which it stands */
    uint8_t low[ST_STORE_KEY_MAX + 1];
    uint8_t high[1];
} touched_lane;

st_meeting st_trails_meet(const st_trail *a, const st_trail *b) {
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            if (a->levels[i].shard == b->levels[j].shard) {
                const uint64_t left = a->levels[i].high;
                const uint64_t right = b->levels[j].high;
                return (st_meeting){a->levels[i].shard, {i, j}, left < right ? left : right};
            }
        }
    }
    return (st_meeting){NULL, {a->count, b->count}, 0};
}

/* The lane moves on until it stands inside its piece. */
static strata_status settle(touched_lane *lane) {
    st_scan *scan = &lane->scan;
    while (scan->here &&
           (scan->revision.number > lane->piece.high || scan->revision.number <= lane->piece.low)) {
        /* The mark of a version that is above the piece speaks of all below it. */
        if (!lane->kept && scan->revision.trimmed && scan->revision.number > lane->piece.low + 1) {
            const st_bound bound = st_bound_version(lane->piece.low);
            return st_past_fail(scan->reader, lane->piece.shard->run, scan->key, &bound,
                                scan->revision.number);
        }
        ST_TRY(st_versions_next(scan));
    }
    if (scan->here) {
        const bool named = st_ref_subject(scan->key, &lane->key);
        ST_ASSERT(named);
    }
    return STRATA_OK;
}

/* The keys of the lane: all of the tag, or what comes after `past`. A part belongs to the document of
 * its text, so of parts those come after whose text does. */
static st_scan_range keys_of(touched_lane *lane, uint8_t tag, strata_slice past) {
    size_t len = 1;
    lane->low[0] = tag;
    lane->high[0] = (uint8_t)(tag + 1);
    if (past.len > 0) {
        memcpy(lane->low + 1, (const uint8_t *)past.data + 1, past.len - 1);
        lane->low[past.len] = 0;
        lane->low[past.len - 1] = st_key_form_of(tag) == ST_KEY_PART ? 1 : lane->low[past.len - 1];
        len = past.len + 1;
    }
    return (st_scan_range){st_slice(lane->low, len), st_slice(lane->high, 1), false};
}

static strata_status open_lane(touched_lane *lane, st_request *rq, const st_touched_spec *spec,
                               uint8_t tag) {
    const st_scan_range range = keys_of(lane, tag, spec->past);
    const st_shard *shard = lane->piece.shard;
    const bool ends_now = lane->piece.high >= st_shard_snapshot(shard);
    st_floor floor;
    lane->kept = lane->kept || (lane->piece.pinned && ends_now);
    ST_TRY(st_trail_scan(&lane->scan, &rq->reader, shard, &range, lane->piece.low));
    ST_TRY(st_past_floor(&rq->reader, shard, range.low, range.high, &floor));
    if (!lane->kept && floor.version > (lane->piece.pinned ? lane->piece.high : lane->piece.low)) {
        const st_bound bound = st_bound_version(lane->piece.low);
        return st_past_fail(&rq->reader, shard->run, range.low, &bound, floor.version);
    }
    return settle(lane);
}

static void find_least(st_touched *touched) {
    const touched_lane *least = NULL;
    for (size_t i = 0; i < touched->count; i++) {
        const touched_lane *lane = &touched->lanes[i];
        if (lane->scan.here && (least == NULL || st_slice_compare(st_key_slice(&lane->key),
                                                                  st_key_slice(&least->key)) < 0)) {
            least = lane;
        }
    }
    touched->here = least != NULL;
    if (touched->here) {
        memcpy(touched->key.bytes, least->key.bytes, least->key.len);
        touched->key.len = least->key.len;
    }
}

static strata_status add_lanes(st_touched *touched, st_request *rq, const st_touched_spec *spec,
                               const st_trail_level *piece, bool kept) {
    const uint8_t tags[] = {spec->tag, ST_TAG_JSON_PATCH};
    const size_t count = spec->tag == ST_TAG_JSON ? 2 : 1;
    /* Not by the run's snapshot: a commit that is synced can be asked for before readers of now see it. */
    for (size_t i = 0; i < count && piece->low < piece->high; i++) {
        touched_lane *lane = &touched->lanes[touched->count++];
        lane->piece = *piece;
        lane->kept = kept;
        ST_TRY(open_lane(lane, rq, spec, tags[i]));
    }
    return STRATA_OK;
}

strata_status st_touched_start(st_touched *touched, st_request *rq, const st_touched_spec *spec) {
    const size_t most = (spec->trails[0]->count + spec->trails[1]->count) * 2;
    const size_t *levels = spec->meeting.levels;
    touched->here = false;
    touched->count = 0;
    touched->lanes = st_arena_alloc(rq->arena, most * sizeof *touched->lanes, 16);
    if (touched->lanes == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < levels[i]; j++) {
            st_trail_level piece = spec->trails[i]->levels[j];
            const bool kept = piece.pinned;
            piece.pinned = true; /* nothing of it is seen from the other side */
            ST_TRY(add_lanes(touched, rq, spec, &piece, kept));
        }
    }
    for (size_t k = 0; levels[0] + k < spec->trails[0]->count; k++) {
        const st_trail_level *a = &spec->trails[0]->levels[levels[0] + k];
        const st_trail_level *b = &spec->trails[1]->levels[levels[1] + k];
        const st_trail_level *lower = a->high < b->high ? a : b;
        const bool kept = a->pinned && b->pinned;
        const st_trail_level piece = {a->shard, lower->high, a->high < b->high ? b->high : a->high,
                                      lower->pinned};
        if (a->high == b->high) {
            break;
        }
        ST_TRY(add_lanes(touched, rq, spec, &piece, kept));
    }
    find_least(touched);
    return STRATA_OK;
}

strata_status st_touched_next(st_touched *touched) {
    const strata_slice key = st_key_slice(&touched->key);
    for (size_t i = 0; i < touched->count; i++) {
        touched_lane *lane = &touched->lanes[i];
        while (lane->scan.here && st_slice_equal(st_key_slice(&lane->key), key)) {
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
