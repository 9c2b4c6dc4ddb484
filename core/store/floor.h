/* floor.h - up to where the keys of a run and primitive may have gone without a trace.
 *
 * A key of which nothing that retention keeps can be seen goes altogether (retain.h). What is not
 * there in the past may then have been there, so compaction leaves a floor: an entry of the store's
 * own, behind all keys of the run; in tables of level 0.
 *   key    ST_TAG_FLOOR | u8 tag of the primitive | u64 big-endian, never twice in a database
 * Under the tag ST_FLOOR_TRIMMED it is up to where versions of any key of the run may have gone, with a
 * trace or without: there is no forking from a point below it.
 *   value  varint version | zigzag varint time | zigzag varint ended
 */
#ifndef ST_STORE_FLOOR_H
#define ST_STORE_FLOOR_H

#include "format/key.h"
#include "store/revision.h"

/* Below the version, and before the time, nothing can be said of what is not there. */
typedef struct st_floor {
    uint64_t version;
    int64_t time_us;
    int64_t ended_us; /* what had ended by then may have gone; at most time_us */
} st_floor;

static inline st_floor st_floor_none(void) {
    const st_floor floor = {0, INT64_MIN, INT64_MIN};
    return floor;
}

/* The higher of both. */
static inline void st_floor_raise(st_floor *floor, const st_floor *by) {
    floor->version = by->version > floor->version ? by->version : floor->version;
    floor->time_us = by->time_us > floor->time_us ? by->time_us : floor->time_us;
    floor->ended_us = by->ended_us > floor->ended_us ? by->ended_us : floor->ended_us;
}

enum { ST_FLOOR_TRIMMED = 0xff };
enum { ST_FLOOR_BYTES_MAX = 3 * ST_VARINT_BYTES_MAX };

void st_floor_key(st_key *key, uint8_t tag, uint64_t id);
uint8_t st_floor_tag_of(strata_slice key);
/* out: ST_FLOOR_BYTES_MAX bytes; returns how many it used. */
size_t st_floor_encode(const st_floor *floor, uint8_t *out);
/* False when it is malformed. */
bool st_floor_decode(strata_slice value, st_floor *floor);

#endif
