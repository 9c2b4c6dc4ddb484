/* run_record.c - what is stored of a run: a MessagePack map {id, status, tags, metadata, created,
 * updated, parent?, error?, provenance?, fork?}; status is the number of st_run_status. Fields that a
 * later version adds are left alone.
 * fork: a map {run, since, version?, time?}: the run whose commits it sees besides its own, those up to
 * the version and not after the time; its own are above `since`. A fork is younger than the run it sees,
 * so ids go down along a chain of forks.
 * Of a run that was deleted there is a map {name, created, fork?} under its id (ST_TAG_RUN_GONE).
 */
#include "model/run/run_private.h"

static strata_status put_named(strata_buffer *out, const char *name) {
    return st_msgpack_put_string(out, strata_text(name));
}

static strata_status put_number(strata_buffer *out, const char *name, uint64_t number) {
    ST_TRY(put_named(out, name));
    return st_msgpack_put_uint(out, number);
}

static strata_status put_origin(const st_run_origin *fork, strata_buffer *out) {
    const bool by_version = fork->point.version != UINT64_MAX;
    const bool by_time = fork->point.time_us != INT64_MAX;
    ST_TRY(put_named(out, "fork"));
    ST_TRY(st_msgpack_put_object(out, 2u + (by_version ? 1u : 0u) + (by_time ? 1u : 0u)));
    ST_TRY(put_number(out, "run", fork->run));
    ST_TRY(put_number(out, "since", fork->since));
    if (by_version) {
        ST_TRY(put_number(out, "version", fork->point.version));
    }
    if (by_time) {
        ST_TRY(put_named(out, "time"));
        ST_TRY(st_msgpack_put_int(out, fork->point.time_us));
    }
    return STRATA_OK;
}

strata_status st_run_encode_gone(const st_run_record *record, strata_buffer *out) {
    out->len = 0;
    ST_TRY(st_msgpack_put_object(out, 2u + (record->fork.run > 0 ? 1u : 0u)));
    ST_TRY(put_named(out, "name"));
    ST_TRY(st_msgpack_put_string(out, record->name));
    ST_TRY(put_named(out, "created"));
    ST_TRY(st_msgpack_put_int(out, record->created_us));
    return record->fork.run > 0 ? put_origin(&record->fork, out) : STRATA_OK;
}

strata_status st_run_encode(const st_run_record *record, strata_buffer *out) {
    const uint32_t count = 6u + (record->parent.len > 0) + (record->error.len > 0) +
                           record->provenance + (record->fork.run > 0);
    out->len = 0;
    ST_TRY(st_msgpack_put_object(out, count));
    ST_TRY(put_named(out, "id"));
    ST_TRY(st_msgpack_put_uint(out, record->id));
    ST_TRY(put_named(out, "status"));
    ST_TRY(st_msgpack_put_uint(out, (uint64_t)record->status));
    ST_TRY(put_named(out, "tags"));
    ST_TRY(st_buffer_append(out, record->tags.data, record->tags.len));
    ST_TRY(put_named(out, "metadata"));
    ST_TRY(st_buffer_append(out, record->metadata.data, record->metadata.len));
    ST_TRY(put_named(out, "created"));
    ST_TRY(st_msgpack_put_int(out, record->created_us));
    ST_TRY(put_named(out, "updated"));
    ST_TRY(st_msgpack_put_int(out, record->updated_us));
    if (record->parent.len > 0) {
        ST_TRY(put_named(out, "parent"));
        ST_TRY(st_msgpack_put_string(out, record->parent));
    }
    if (record->error.len > 0) {
        ST_TRY(put_named(out, "error"));
        ST_TRY(st_msgpack_put_string(out, record->error));
    }
    if (record->provenance) {
        ST_TRY(put_named(out, "provenance"));
        ST_TRY(st_msgpack_put_bool(out, true));
    }
    return record->fork.run > 0 ? put_origin(&record->fork, out) : STRATA_OK;
}

static bool take_int(strata_slice value, int64_t *out) {
    st_cursor cursor = st_cursor_over(value);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_INT) {
        return false;
    }
    *out = token.as.integer;
    return true;
}

static bool take_string(strata_slice value, strata_slice *out) {
    st_cursor cursor = st_cursor_over(value);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_STRING) {
        return false;
    }
    *out = token.as.bytes;
    return true;
}

static bool take_bool(strata_slice value, bool *out) {
    st_cursor cursor = st_cursor_over(value);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_BOOL) {
        return false;
    }
    *out = token.as.boolean;
    return true;
}

static bool take_origin(strata_slice value, st_run_origin *fork) {
    st_cursor cursor = st_cursor_over(value);
    st_token map;
    bool good = st_msgpack_next(&cursor, &map) && map.type == STRATA_OBJECT;
    *fork = (st_run_origin){.point = {UINT64_MAX, INT64_MAX}};
    for (uint32_t i = 0; good && i < map.as.count; i++) {
        st_token name;
        strata_slice field;
        int64_t number = 0;
        good = st_msgpack_next(&cursor, &name) && name.type == STRATA_STRING &&
               st_msgpack_skip(&cursor, &field) && take_int(field, &number);
        if (st_slice_equal(name.as.bytes, strata_text("time"))) {
            fork->point.time_us = number;
            continue;
        }
        good = good && number >= 0;
        if (st_slice_equal(name.as.bytes, strata_text("run"))) {
            fork->run = (uint64_t)number;
        } else if (st_slice_equal(name.as.bytes, strata_text("since"))) {
            fork->since = (uint64_t)number;
        } else if (st_slice_equal(name.as.bytes, strata_text("version"))) {
            fork->point.version = (uint64_t)number;
        }
    }
    const bool bounded = fork->point.version != UINT64_MAX || fork->point.time_us != INT64_MAX;
    const bool ordered = fork->point.version == UINT64_MAX || fork->point.version <= fork->since;
    return good && fork->run > 0 && bounded && ordered;
}

static bool take_field(strata_slice name, strata_slice value, st_run_record *record) {
    int64_t number = 0;
    if (st_slice_equal(name, strata_text("id"))) {
        const bool good = take_int(value, &number) && number > 0;
        record->id = (uint64_t)number;
        return good;
    }
    if (st_slice_equal(name, strata_text("status"))) {
        const bool good = take_int(value, &number) && number >= 0 && number < ST_RUN_STATUS_COUNT;
        record->status = good ? (st_run_status)number : ST_RUN_ACTIVE;
        return good;
    }
    if (st_slice_equal(name, strata_text("created"))) {
        return take_int(value, &record->created_us);
    }
    if (st_slice_equal(name, strata_text("updated"))) {
        return take_int(value, &record->updated_us);
    }
    if (st_slice_equal(name, strata_text("parent"))) {
        return take_string(value, &record->parent);
    }
    if (st_slice_equal(name, strata_text("error"))) {
        return take_string(value, &record->error);
    }
    if (st_slice_equal(name, strata_text("provenance"))) {
        return take_bool(value, &record->provenance);
    }
    if (st_slice_equal(name, strata_text("fork"))) {
        return take_origin(value, &record->fork);
    }
    if (st_slice_equal(name, strata_text("tags"))) {
        record->tags = value;
    } else if (st_slice_equal(name, strata_text("metadata"))) {
        record->metadata = value;
    }
    return true; /* fields of later versions are left alone */
}

strata_status st_run_fail_record(st_request *rq, strata_slice name) {
    st_fail(rq->error, STRATA_CORRUPT, "the record of the run \"%S\" is malformed", &name);
    st_fail_text(rq->error, "file", strata_text("run"));
    return st_fail_number(rq->error, "offset", 0);
}

static bool take_fields(strata_slice value, st_run_record *record) {
    st_cursor cursor = st_cursor_over(value);
    st_token map;
    bool good = st_msgpack_next(&cursor, &map) && map.type == STRATA_OBJECT;
    for (uint32_t i = 0; good && i < map.as.count; i++) {
        st_token name;
        strata_slice field;
        good = st_msgpack_next(&cursor, &name) && name.type == STRATA_STRING &&
               st_msgpack_skip(&cursor, &field) && take_field(name.as.bytes, field, record);
    }
    return good;
}

strata_status st_run_read(st_request *rq, strata_slice key, strata_slice value,
                          st_run_record *record) {
    memset(record, 0, sizeof *record);
    record->name = st_key_text_of(key);
    if (!take_fields(value, record) || record->id == 0 || record->tags.len == 0 ||
        record->metadata.len == 0) {
        return st_run_fail_record(rq, record->name);
    }
    return STRATA_OK;
}

strata_status st_run_read_gone(st_request *rq, strata_slice key, strata_slice value,
                               st_run_record *record) {
    memset(record, 0, sizeof *record);
    record->id = st_key_number_of(key);
    if (!take_fields(value, record)) {
        return st_run_fail_record(rq, strata_text("of a deleted run"));
    }
    return STRATA_OK;
}
