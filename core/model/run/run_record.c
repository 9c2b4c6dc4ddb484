/* run_record.c - what is stored of a run: a MessagePack map {id, status, tags, metadata, created,
 * updated, parent?, error?, provenance?}; status is the number of st_run_status. Fields that a later version adds
 * are left alone.
 */
#include "model/run/run_private.h"

static strata_status put_named(strata_buffer *out, const char *name) {
    return st_msgpack_put_string(out, strata_text(name));
}

strata_status st_run_encode(const st_run_record *record, strata_buffer *out) {
    const uint32_t count =
        6u + (record->parent.len > 0) + (record->error.len > 0) + record->provenance;
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
    return STRATA_OK;
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

strata_status st_run_read(st_request *rq, strata_slice key, strata_slice value,
                          st_run_record *record) {
    st_cursor cursor = st_cursor_over(value);
    st_token map;
    bool good = st_msgpack_next(&cursor, &map) && map.type == STRATA_OBJECT;
    memset(record, 0, sizeof *record);
    record->name = st_key_text_of(key);
    for (uint32_t i = 0; good && i < map.as.count; i++) {
        st_token name;
        strata_slice field;
        good = st_msgpack_next(&cursor, &name) && name.type == STRATA_STRING &&
               st_msgpack_skip(&cursor, &field) && take_field(name.as.bytes, field, record);
    }
    if (!good || record->id == 0 || record->tags.len == 0 || record->metadata.len == 0) {
        return st_run_fail_record(rq, record->name);
    }
    return STRATA_OK;
}
