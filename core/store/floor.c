/* floor.c - the bytes of a floor.
 *
 * Each compaction that lets keys go writes floors under keys of its own number, and folds those that
 * it meets into them. Whoever asks takes the highest of all.
 * Rejected: one floor for the database. A run that keeps everything would be told `history_trimmed`
 * because another one does not.
 */
#include "store/floor.h"

#include "base/bytes.h"

void st_floor_key(st_key *key, uint8_t tag, uint64_t id) {
    key->bytes[0] = ST_TAG_FLOOR;
    key->bytes[1] = tag;
    store64_be(key->bytes + 2, id);
    key->len = 10;
}

uint8_t st_floor_tag_of(strata_slice key) {
    ST_ASSERT(key.len == 10);
    return ((const uint8_t *)key.data)[1];
}

size_t st_floor_encode(const st_floor *floor, uint8_t *out) {
    uint8_t *p = st_varint_put(out, floor->version);
    p = st_varint_put(p, st_zigzag(floor->time_us));
    p = st_varint_put(p, st_zigzag(floor->ended_us));
    return (size_t)(p - out);
}

bool st_floor_decode(strata_slice value, st_floor *floor) {
    st_cursor cursor = st_cursor_over(value);
    uint64_t time;
    uint64_t ended;
    if (!st_cursor_varint(&cursor, &floor->version) || !st_cursor_varint(&cursor, &time) ||
        !st_cursor_varint(&cursor, &ended) || st_cursor_left(&cursor) > 0) {
        return false;
    }
    floor->time_us = st_unzigzag(time);
    floor->ended_us = st_unzigzag(ended);
    return true;
}
