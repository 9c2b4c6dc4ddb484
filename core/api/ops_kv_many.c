/* ops_kv_many.c - the operations of ops.def on several keys at once. */
#include "api/ops.h"
#include "model/kv.h"

/* ---- Arguments ------------------------------------------------------------------------------- */

static strata_status fail_list(st_call *call, const char *name, const char *what) {
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "the argument \"%s\" %s", name, what);
    return st_fail_text(call->rq->error, "argument", strata_text(name));
}

/* The array of an argument; the cursor stands at its first element. */
static strata_status open_array(st_call *call, int arg, const char *name, st_cursor *cursor,
                                size_t *count) {
    st_token token;
    *cursor = st_cursor_over(call->args[arg].as.bytes);
    if (!st_msgpack_next(cursor, &token) || token.as.count < 1 || token.as.count > ST_KV_MANY_MAX) {
        return fail_list(call, name, "has 1 to 1000 elements");
    }
    *count = token.as.count;
    return STRATA_OK;
}

static strata_status take_keys(st_call *call, int arg, strata_slice **keys, size_t *count) {
    st_cursor cursor;
    ST_TRY(open_array(call, arg, "keys", &cursor, count));
    *keys = st_arena_alloc(call->rq->arena, *count * sizeof **keys, 8);
    if (*keys == NULL) {
        return st_fail_memory(call->rq->error);
    }
    for (size_t i = 0; i < *count; i++) {
        st_token token;
        if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_STRING) {
            return fail_list(call, "keys", "is an array of strings");
        }
        (*keys)[i] = token.as.bytes;
    }
    return STRATA_OK;
}

static strata_status take_field(st_call *call, strata_slice name, const strata_value *field,
                                st_kv_item *item) {
    if (st_slice_equal(name, strata_text("key")) && field->type == STRATA_STRING) {
        item->key = field->as.bytes;
        return STRATA_OK;
    }
    if (st_slice_equal(name, strata_text("value"))) {
        item->value = field;
        return STRATA_OK;
    }
    if (st_slice_equal(name, strata_text("ttl_ms")) && field->type == STRATA_INT) {
        item->ttl_ms = field->as.integer < 0 ? 0 : (uint64_t)field->as.integer;
        return st_ttl_check(call->rq, item->ttl_ms);
    }
    return fail_list(call, "entries", "is an array of {key, value, ttl_ms?}");
}

/* One entry; its fields, each at most once. */
static strata_status take_entry(st_call *call, st_cursor *cursor, st_kv_item *item) {
    enum { FIELDS_MAX = 3 };
    st_token map;
    strata_value *fields =
        st_arena_alloc(call->rq->arena, FIELDS_MAX * sizeof *fields, _Alignof(strata_value));
    if (fields == NULL) {
        return st_fail_memory(call->rq->error);
    }
    *item = (st_kv_item){st_slice(NULL, 0), NULL, 0};
    if (!st_msgpack_next(cursor, &map) || map.type != STRATA_OBJECT || map.as.count > FIELDS_MAX) {
        return fail_list(call, "entries", "is an array of {key, value, ttl_ms?}");
    }
    for (uint32_t i = 0; i < map.as.count; i++) {
        st_token name;
        strata_slice field;
        if (!st_msgpack_next(cursor, &name) || name.type != STRATA_STRING ||
            !st_msgpack_skip(cursor, &field) || !st_value_decode(field, &fields[i])) {
            return fail_list(call, "entries", "is an array of {key, value, ttl_ms?}");
        }
        ST_TRY(take_field(call, name.as.bytes, &fields[i], item));
    }
    return item->key.data == NULL || item->value == NULL
               ? fail_list(call, "entries", "has an entry without a key or a value")
               : STRATA_OK;
}

static strata_status take_entries(st_call *call, int arg, st_kv_item **items, size_t *count) {
    st_cursor cursor;
    ST_TRY(open_array(call, arg, "entries", &cursor, count));
    *items = st_arena_alloc(call->rq->arena, *count * sizeof **items, 8);
    if (*items == NULL) {
        return st_fail_memory(call->rq->error);
    }
    for (size_t i = 0; i < *count; i++) {
        ST_TRY(take_entry(call, &cursor, &(*items)[i]));
    }
    return STRATA_OK;
}

/* ---- Operations ------------------------------------------------------------------------------ */

static strata_status put_found(st_call *call, const strata_slice *keys, size_t count,
                               const st_revision *revisions, const bool *found) {
    strata_buffer *out = call->out;
    uint32_t there = 0;
    for (size_t i = 0; i < count; i++) {
        there += found[i] ? 1 : 0;
    }
    ST_TRY(st_msgpack_put_object(out, 2));
    ST_TRY(st_put_name(out, "entries"));
    ST_TRY(st_msgpack_put_array(out, there));
    for (size_t i = 0; i < count; i++) {
        if (found[i]) {
            ST_TRY(st_put_entry(out, keys[i], &revisions[i], revisions[i].value));
        }
    }
    ST_TRY(st_put_name(out, "missing"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)count - there));
    for (size_t i = 0; i < count; i++) {
        if (!found[i]) {
            ST_TRY(st_msgpack_put_string(out, keys[i]));
        }
    }
    return STRATA_OK;
}

strata_status st_op_kv_get_many(st_call *call) {
    const st_when when = st_call_when(call, ARG_kv_get_many_as_of, ARG_kv_get_many_as_of_time);
    st_run *run;
    strata_slice *keys;
    size_t count;
    ST_TRY(st_call_run(call, ARG_kv_get_many_run, &run));
    ST_TRY(take_keys(call, ARG_kv_get_many_keys, &keys, &count));
    st_revision *revisions = st_arena_alloc(call->rq->arena, count * sizeof *revisions, 8);
    bool *found = st_arena_alloc(call->rq->arena, count * sizeof *found, 1);
    if (revisions == NULL || found == NULL) {
        return st_fail_memory(call->rq->error);
    }
    ST_TRY(st_kv_get_many(call->rq, run, keys, count, &when, revisions, found));
    return put_found(call, keys, count, revisions, found);
}

strata_status st_op_kv_put_many(st_call *call) {
    st_run *run;
    st_kv_item *items;
    size_t count;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_kv_put_many_run, &run));
    ST_TRY(take_entries(call, ARG_kv_put_many_entries, &items, &count));
    ST_TRY(st_kv_put_many(call->rq, run, items, count, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_kv_delete_many(st_call *call) {
    st_run *run;
    strata_slice *keys;
    size_t count;
    st_stamp stamp;
    bool any = false;
    ST_TRY(st_call_run(call, ARG_kv_delete_many_run, &run));
    ST_TRY(take_keys(call, ARG_kv_delete_many_keys, &keys, &count));
    bool *existed = st_arena_alloc(call->rq->arena, count * sizeof *existed, 1);
    /* Once something is committed, the memory to say so must be there. */
    if (existed == NULL || st_buffer_reserve(call->out, count + 64) != STRATA_OK) {
        return st_fail_memory(call->rq->error);
    }
    ST_TRY(st_kv_delete_many(call->rq, run, keys, count, existed, &stamp));
    for (size_t i = 0; i < count; i++) {
        any = any || existed[i];
    }
    ST_TRY(st_msgpack_put_object(call->out, any ? 2 : 1));
    ST_TRY(st_put_name(call->out, "existed"));
    ST_TRY(st_msgpack_put_array(call->out, (uint32_t)count));
    for (size_t i = 0; i < count; i++) {
        ST_TRY(st_msgpack_put_bool(call->out, existed[i]));
    }
    return any ? st_put_uint(call->out, "version", stamp.version) : STRATA_OK;
}
