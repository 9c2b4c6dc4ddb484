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
 *    difference as long as the high end is not below the floor itself.
 * Rejected: walking through both points side by side. It is what is done for points that share
 * nothing, and costs all that is stored.
 */
#include "history/touched.h"

#include "model/ref.h"
#include "store/past.h"

typedef struct touched_lane {
    st_trail_level piece;
    st_scan scan;
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
                const bool pinned = left < right ? i > 0 : right < left ? j > 0 : i > 0 || j > 0;
                return (st_meeting){a->levels[i].shard, left < right ? left : right, pinned};
            }
        }
    }
    return (st_meeting){NULL, 0, false};
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
        if (scan->revision.trimmed && scan->revision.number > lane->piece.low + 1) {
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
    const bool pinned = spec->meeting.pinned || shard != spec->meeting.shard;
    st_floor floor;
    ST_TRY(st_trail_scan(&lane->scan, &rq->reader, shard, &range, lane->piece.low));
    ST_TRY(st_past_floor(&rq->reader, shard, range.low, range.high, &floor));
    if (floor.version > (pinned ? lane->piece.high : lane->piece.low + 1)) {
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

static strata_status add_lane(st_touched *touched, st_request *rq, const st_touched_spec *spec,
                              const st_trail_level *piece, uint8_t tag) {
    touched_lane *lane = &touched->lanes[touched->count++];
    lane->piece = *piece;
    return open_lane(lane, rq, spec, tag);
}

strata_status st_touched_start(st_touched *touched, st_request *rq, const st_touched_spec *spec) {
    const bool has_parts = spec->tag == ST_TAG_JSON;
    const size_t most = (spec->trails[0]->count + spec->trails[1]->count) * (has_parts ? 2 : 1);
    touched->here = false;
    touched->count = 0;
    touched->lanes = st_arena_alloc(rq->arena, most * sizeof *touched->lanes, 16);
    if (touched->lanes == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < 2; i++) {
        bool above = true;
        for (size_t j = 0; above && j < spec->trails[i]->count; j++) {
            st_trail_level piece;
            above = piece_of(&spec->trails[i]->levels[j], &spec->meeting, &piece);
            if (piece.low >= piece.high) {
                continue;
            }
            ST_TRY(add_lane(touched, rq, spec, &piece, spec->tag));
            if (has_parts) {
                ST_TRY(add_lane(touched, rq, spec, &piece, ST_TAG_JSON_PATCH));
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
