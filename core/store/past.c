/* past.c - telling "it was not there" from "it is no longer kept".
 *
 * Two things bear witness: the mark `trimmed` on the oldest version that is left of a key, and the
 * floor of a run and primitive for keys of which nothing is left. The floor of the whole database,
 * which is at hand, is asked first: most databases never trim.
 */
#include "store/past.h"

#include "store/maintain/maintain.h"

strata_status st_past_fail(st_reader *reader, uint64_t run, strata_slice key, const st_bound *bound,
                           uint64_t earliest) {
    const st_retention retention = st_store_retention((st_store *)reader->store);
    const uint8_t tag = key.len == 0 ? 0 : *(const uint8_t *)key.data;
    const st_policy policy = retention.policy == NULL ? (st_policy){ST_KEEP_ALL, 0, 0}
                                                      : retention.policy(retention.ctx, run, tag);
    char text[ST_POLICY_TEXT_MAX];
    st_policy_text(&policy, text);
    st_fail(reader->error, STRATA_HISTORY_TRIMMED,
            "what was there then is no longer kept; what is kept begins with version %u", earliest);
    if (bound->time_us == INT64_MAX) {
        st_fail_number(reader->error, "requested", (int64_t)bound->version);
    } else {
        st_fail_number(reader->error, "requested_time", bound->time_us);
    }
    st_fail_number(reader->error, "earliest_retained", (int64_t)earliest);
    return st_fail_text(reader->error, "policy", strata_text(text));
}

strata_status st_past_fail_part(st_reader *reader, const st_run_part *part, strata_slice key,
                                uint64_t earliest) {
    const bool later = part->is_base && part->whole_from > earliest;
    return st_past_fail(reader, part->shard->run, key, part->asked,
                        later ? part->whole_from : earliest);
}

/* ---- Floors ---------------------------------------------------------------------------------- */

/* By what was asked for: of what a fork sees nothing is missing but what had ended by itself, so the
 * bounds of the fork do not count. */
static bool is_above(const st_run_part *part, const st_floor *floor) {
    const st_bound *asked = part->asked;
    return asked->time_us == INT64_MAX ? asked->version >= floor->version
                                       : asked->time_us >= floor->time_us;
}

static st_floor floor_of_all(const st_reader *reader) {
    const int64_t time_us = st_store_floor_us(reader->store);
    const st_floor floor = {st_store_floor(reader->store), time_us, time_us};
    return floor;
}

/* Floors are few: one for each compaction that let keys go and was not merged since. */
static strata_status read_floors(st_scan *scan, st_floor *floor) {
    while (scan->here) {
        st_floor one;
        strata_slice value;
        ST_TRY(st_scan_value(scan, &value));
        if (!st_floor_decode(value, &one)) {
            st_fail(scan->reader->error, STRATA_CORRUPT, "a floor is malformed");
            return st_fail_text(scan->reader->error, "file", strata_text("floor"));
        }
        st_floor_raise(floor, &one);
        ST_TRY(st_versions_next(scan));
    }
    return STRATA_OK;
}

/* In the run's own commits, outside any transaction. */
typedef struct own_scan {
    st_reader reader;
    st_scan *scan;
} own_scan;

static strata_status start_own(own_scan *own, st_reader *reader, const st_shard *shard,
                               const st_scan_range *range) {
    static const st_version_span all = {0, UINT64_MAX};
    own->reader = *reader;
    own->reader.overlay = NULL;
    own->reader.scans = NULL;
    own->scan = st_arena_alloc(reader->arena, sizeof *own->scan, 16);
    return own->scan == NULL ? st_fail_memory(reader->error)
                             : st_versions_own(own->scan, &own->reader, shard, range, &all);
}

static strata_status find_floor(st_reader *reader, const st_shard *shard,
                                const st_scan_range *range, st_floor *floor) {
    own_scan own;
    *floor = st_floor_none();
    strata_status status = start_own(&own, reader, shard, range);
    if (status == STRATA_OK) {
        status = read_floors(own.scan, floor);
    }
    st_reader_finish(&own.reader);
    return status;
}

strata_status st_past_floor(st_reader *reader, const st_shard *shard, strata_slice low,
                            strata_slice high, st_floor *floor) {
    const uint8_t *from = low.data;
    const uint8_t *to = high.data;
    const uint8_t first[] = {ST_TAG_FLOOR, low.len == 0 ? 0 : from[0]};
    uint8_t end[] = {ST_TAG_FLOOR, ST_FLOOR_TRIMMED};
    if (high.len > 0 && to[0] < ST_FLOOR_TRIMMED) {
        end[1] = (uint8_t)(to[0] + (high.len > 1 ? 1 : 0));
    }
    const st_scan_range range = {st_slice(first, sizeof first), st_slice(end, sizeof end), false};
    return find_floor(reader, shard, &range, floor);
}

strata_status st_past_trimmed(st_reader *reader, const st_shard *shard, st_floor *floor) {
    static const uint8_t low[] = {ST_TAG_FLOOR, ST_FLOOR_TRIMMED};
    static const uint8_t high[] = {ST_TAG_FLOOR + 1};
    const st_scan_range range = {st_slice(low, sizeof low), st_slice(high, sizeof high), false};
    return find_floor(reader, shard, &range, floor);
}

strata_status st_past_check(st_reader *reader, const st_run_part *part, strata_slice low,
                            strata_slice high) {
    const st_floor all = floor_of_all(reader);
    st_floor floor;
    if (is_above(part, &all)) {
        return STRATA_OK;
    }
    ST_TRY(st_past_floor(reader, part->shard, low, high, &floor));
    return is_above(part, &floor) ? STRATA_OK : st_past_fail_part(reader, part, low, floor.version);
}

/* ---- One key --------------------------------------------------------------------------------- */

/* The end of the range that is only this key. */
static strata_slice above_key(strata_slice key, uint8_t bytes[ST_STORE_KEY_MAX + 1]) {
    memcpy(bytes, key.data, key.len);
    bytes[key.len] = 0;
    return st_slice(bytes, key.len + 1);
}

/* Looks at all that the run itself has of the key: the oldest version that is not inside the bound, and
 * whether any says that older ones are missing. */
static strata_status look_at_key(st_reader *reader, const st_run_part *part, strata_slice key,
                                 uint64_t *oldest, bool *trimmed) {
    uint8_t bytes[ST_STORE_KEY_MAX + 1];
    const st_scan_range range = {key, above_key(key, bytes), false};
    own_scan own;
    *oldest = 0;
    *trimmed = false;
    strata_status status = start_own(&own, reader, part->shard, &range);
    while (status == STRATA_OK && own.scan->here) {
        const st_revision *revision = &own.scan->revision;
        *trimmed = *trimmed || revision->trimmed;
        *oldest = st_bound_holds(&part->bound, revision->number, revision->timestamp_us)
                      ? *oldest
                      : revision->number;
        status = st_versions_next(own.scan);
    }
    st_reader_finish(&own.reader);
    return status;
}

strata_status st_past_fail_key(st_reader *reader, const st_run_part *part, strata_slice key) {
    uint64_t oldest;
    bool trimmed;
    ST_TRY(look_at_key(reader, part, key, &oldest, &trimmed));
    return st_past_fail_part(reader, part, key, oldest);
}

strata_status st_past_check_key(st_reader *reader, const st_run_part *part, strata_slice key) {
    uint8_t bytes[ST_STORE_KEY_MAX + 1];
    uint64_t oldest;
    bool trimmed;
    ST_TRY(look_at_key(reader, part, key, &oldest, &trimmed));
    return trimmed ? st_past_fail_part(reader, part, key, oldest)
                   : st_past_check(reader, part, key, above_key(key, bytes));
}

strata_status st_past_check_ended(st_reader *reader, const st_run_part *part, strata_slice key,
                                  const st_revision *revision, bool *live) {
    const st_floor all = floor_of_all(reader);
    uint8_t bytes[ST_STORE_KEY_MAX + 1];
    st_floor floor;
    *live = true;
    if (revision->expires_us > all.ended_us) {
        return STRATA_OK;
    }
    ST_TRY(st_past_floor(reader, part->shard, key, above_key(key, bytes), &floor));
    if (revision->expires_us > floor.ended_us) {
        return STRATA_OK;
    }
    *live = false;
    return part->asked->version >= floor.version
               ? STRATA_OK
               : st_past_fail_part(reader, part, key, floor.version);
}
