/* run_query.c - finding runs by what their records say, the history of a record, and what a run holds.
 *
 * Rejected, for now: an index over the records. A database has thousands of runs, not millions; a
 * record is some hundred bytes, and a million of them are read in a second.
 */
#include "model/event.h"
#include "model/run/run.h"

/* ---- Queries --------------------------------------------------------------------------------- */

bool st_run_has_tag(const st_run_record *record, strata_slice tag) {
    st_cursor cursor = st_cursor_over(record->tags);
    st_token token;
    bool good = st_msgpack_next(&cursor, &token) && token.type == STRATA_ARRAY;
    for (uint32_t left = good ? token.as.count : 0; good && left > 0; left--) {
        good = st_msgpack_next(&cursor, &token) && token.type == STRATA_STRING;
        if (good && st_slice_equal(token.as.bytes, tag)) {
            return true;
        }
    }
    return false;
}

static bool has_any(const st_run_record *record, strata_slice tags) {
    st_cursor cursor = st_cursor_over(tags);
    st_token token;
    bool good = st_msgpack_next(&cursor, &token);
    for (uint32_t left = good ? token.as.count : 0; good && left > 0; left--) {
        good = st_msgpack_next(&cursor, &token);
        if (good && st_run_has_tag(record, token.as.bytes)) {
            return true;
        }
    }
    return false;
}

bool st_run_fits(const st_run_record *record, const st_run_filter *filter) {
    return (filter->status == ST_RUN_STATUS_COUNT || record->status == filter->status) &&
           (filter->tags.len == 0 || has_any(record, filter->tags)) &&
           record->created_us >= filter->created_after_us &&
           record->created_us < filter->created_before_us &&
           (filter->parent.len == 0 || st_slice_equal(record->parent, filter->parent));
}

/* ---- History --------------------------------------------------------------------------------- */

strata_status st_run_history(st_request *rq, strata_slice name, uint64_t before, st_scan **scan) {
    st_key *key = st_arena_alloc(rq->arena, sizeof *key, 8);
    uint8_t *above = st_arena_alloc(rq->arena, ST_STORE_KEY_MAX + 1, 1);
    *scan = st_arena_alloc(rq->arena, sizeof **scan, 16);
    if (key == NULL || above == NULL || *scan == NULL) {
        return st_fail_memory(rq->error);
    }
    if (name.len == 0 || name.len > ST_NAME_BYTES_MAX) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there has been no run \"%S\"", &name);
    }
    st_key_text(key, ST_TAG_RUN, name);
    memcpy(above, key->bytes, key->len);
    above[key->len] = 0;
    const st_shard *shard = st_run_system(rq)->shard;
    const uint64_t now = st_shard_snapshot(shard);
    const uint64_t snapshot = before == 0 ? 0 : before - 1 < now ? before - 1 : now;
    const st_scan_range range = {st_key_slice(key), st_slice(above, key->len + 1), false};
    return st_versions_start(*scan, &rq->reader, shard, &range, snapshot);
}

/* ---- What a run holds ------------------------------------------------------------------------ */

static void count_commit(st_run_stats *stats, const st_revision *revision) {
    const st_stamp stamp = {revision->number, revision->timestamp_us};
    if (stats->first.version == 0 || stamp.version < stats->first.version) {
        stats->first = stamp;
    }
    if (stamp.version > stats->last.version) {
        stats->last = stamp;
    }
}

/* The newest version of a key comes first; those that follow are its past. */
static strata_status count_version(st_scan *scan, int64_t now_us, strata_buffer *key,
                                   st_run_stats *stats) {
    const st_revision *revision = &scan->revision;
    const st_primitive *primitive = st_primitive_of_tag(st_key_tag(scan->key));
    strata_slice value;
    count_commit(stats, revision);
    ST_TRY(st_scan_value(scan, &value));
    const uint64_t bytes = scan->key.len + value.len;
    stats->bytes += bytes;
    if (primitive == NULL) {
        return STRATA_OK;
    }
    st_primitive_stats *counts = &stats->primitives[primitive->id];
    counts->bytes += bytes;
    if (st_key_tag(scan->key) != primitive->tags[0]) {
        return STRATA_OK; /* what goes with a key is not one more */
    }
    counts->versions++;
    if (st_slice_equal(st_buffer_slice(key), scan->key)) {
        return STRATA_OK;
    }
    counts->keys += !revision->deleted && revision->expires_us > now_us ? 1 : 0;
    key->len = 0;
    return st_buffer_append(key, scan->key.data, scan->key.len);
}

strata_status st_run_stats_of(st_request *rq, const st_run *run, st_run_stats *stats) {
    static const uint8_t low[] = {1};
    static const uint8_t high[] = {ST_TAG_FLOOR};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), false};
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    uint8_t hash[ST_SHA256_BYTES];
    const st_when now = st_now();
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    memset(stats, 0, sizeof *stats);
    ST_TRY(st_event_head(rq, run, &now, &stats->events, hash));
    ST_TRY(st_versions_start(scan, &rq->reader, run->shard, &range, st_shard_snapshot(run->shard)));
    rq->value.len = 0;
    while (scan->here) {
        const strata_status status =
            count_version(scan, st_store_now(&rq->model->store), &rq->value, stats);
        if (status != STRATA_OK) {
            return status == STRATA_NO_MEMORY ? st_fail_memory(rq->error) : status;
        }
        ST_TRY(st_versions_next(scan));
    }
    return STRATA_OK;
}
