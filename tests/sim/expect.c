/* expect.c - how rows say what must come: MessagePack read and written, answers, errors, commits. */
#include "base/limits.h"
#include "model_txn.h"

/* ---- MessagePack ----------------------------------------------------------------------------- */

void put(strata_status status) {
    assert_int_equal(status, STRATA_OK);
}

void put_name(strata_buffer *out, const char *name) {
    put(st_msgpack_put_string(out, strata_text(name)));
}

void put_text(strata_buffer *out, const char *name, strata_slice text) {
    put_name(out, name);
    put(st_msgpack_put_string(out, text));
}

void put_uint(strata_buffer *out, const char *name, uint64_t number) {
    put_name(out, name);
    put(st_msgpack_put_uint(out, number));
}

void put_int(strata_buffer *out, const char *name, int64_t number) {
    put_name(out, name);
    put(st_msgpack_put_int(out, number));
}

void put_bool(strata_buffer *out, const char *name, bool boolean) {
    put_name(out, name);
    put(st_msgpack_put_bool(out, boolean));
}

void put_raw(strata_buffer *out, const char *name, strata_slice msgpack) {
    put_name(out, name);
    put(st_buffer_append(out, msgpack.data, msgpack.len));
}

void put_stamp(strata_buffer *out, const model_version *version) {
    put_uint(out, "version", version->number);
    put_int(out, "timestamp", version->timestamp_us);
}

strata_slice arena_bytes(st_arena *arena, strata_slice bytes) {
    uint8_t *copy = st_arena_alloc(arena, bytes.len + 1, 16);
    assert_non_null(copy);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return st_slice(copy, bytes.len);
}

strata_slice field_of(strata_slice object, const char *name) {
    st_cursor cursor = st_cursor_over(object);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_OBJECT) {
        return st_slice(NULL, 0);
    }
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token key;
        strata_slice value;
        assert_true(st_msgpack_next(&cursor, &key) && st_msgpack_skip(&cursor, &value));
        if (st_slice_equal(key.as.bytes, strata_text(name))) {
            return value;
        }
    }
    return st_slice(NULL, 0);
}

static st_token token_of(strata_slice msgpack) {
    st_cursor cursor = st_cursor_over(msgpack);
    st_token token = {STRATA_NULL, {.integer = 0}};
    (void)st_msgpack_next(&cursor, &token);
    return token;
}

int64_t int_of(strata_slice msgpack) {
    const st_token token = token_of(msgpack);
    return token.type == STRATA_INT ? token.as.integer : 0;
}

strata_slice text_of(strata_slice msgpack) {
    const st_token token = token_of(msgpack);
    return token.type == STRATA_STRING ? token.as.bytes : st_slice("", 0);
}

bool bool_of(strata_slice msgpack) {
    const st_token token = token_of(msgpack);
    return token.type == STRATA_BOOL && token.as.boolean;
}

strata_slice object_of(strata_slice response) {
    st_cursor cursor = st_cursor_over(response);
    st_token token;
    strata_slice object = {NULL, 0};
    if (!st_msgpack_next(&cursor, &token) || !st_msgpack_next(&cursor, &token) ||
        !st_msgpack_skip(&cursor, &object)) {
        return st_slice(NULL, 0);
    }
    return object;
}

/* ---- Expectations ---------------------------------------------------------------------------- */

void expected_init(expected *e) {
    memset(e, 0, sizeof *e);
    st_arena_init(&e->arena, &strata_host_default()->memory, 0);
}

void expected_free(expected *e) {
    strata_buffer_free(&e->answer);
    strata_buffer_free(&e->suffix);
    st_arena_free(&e->arena);
}

void expected_reset(expected *e) {
    e->status = STRATA_OK;
    e->reason = NULL;
    e->detail = 0;
    e->answer.len = 0;
    e->suffix.len = 0;
    e->write_count = 0;
    e->steps = 0;
    e->end_count = 0;
    e->pending_count = 0;
    e->fork = 0;
    e->buried = 0;
    e->read = NULL;
    e->notes = NULL;
    e->last_note = NULL;
    e->stood = st_slice("", 0);
    e->key = st_slice("", 0);
    st_arena_reset(&e->arena);
}

static void begin_answer(expected *e) {
    e->answer.len = 0;
    put(st_msgpack_put_array(&e->answer, 2));
    put(st_msgpack_put_bool(&e->answer, true));
}

strata_buffer *expect_ok(expected *e, uint32_t pairs) {
    begin_answer(e);
    put(st_msgpack_put_object(&e->answer, pairs));
    return &e->answer;
}

void expect_error(expected *e, strata_status status, const char *reason) {
    e->status = status;
    e->reason = reason;
}

strata_buffer *expect_list(expected *e, const char *name, open_list *list) {
    begin_answer(e);
    put(st_msgpack_open_object(&e->answer, &list->object));
    put_name(&e->answer, name);
    put(st_msgpack_open_array(&e->answer, &list->array));
    list->count = 0;
    return &e->answer;
}

void expect_list_end(expected *e, const open_list *list, strata_slice cursor) {
    st_msgpack_patch(&e->answer, list->array, list->count);
    st_msgpack_patch(&e->answer, list->object, cursor.len > 0 ? 2 : 1);
    if (cursor.len > 0) {
        put_text(&e->answer, "cursor", cursor);
    }
}

int64_t expect_write(expected *e, const moment *at, const model_write *write) {
    assert_true(e->write_count < MODEL_WRITES_MAX);
    e->writes[e->write_count++] = *write;
    e->timestamp_us = model_time(at->model, write->run, at->wall_us);
    return e->timestamp_us;
}

uint64_t expect_version(const moment *at) {
    return at->txn != NULL ? 0 : at->snapshot + 1;
}

const model_run *run_in(const model *m, unsigned place, uint64_t snapshot) {
    const model_table *runs = model_table_of(m, MODEL_SYSTEM, MODEL_RUN);
    for (size_t i = 0; i < runs->count; i++) {
        const model_version *version = model_seen(runs->cells[i], snapshot);
        if (version != NULL && !version->deleted &&
            ((const model_run *)version->value.data)->place == place) {
            return version->value.data;
        }
    }
    return NULL;
}

static bool find_run(const op *o, const moment *at, unsigned *run) {
    *run = MODEL_DEFAULT;
    if (at->txn != NULL) {
        *run = at->txn->run;
        return at->writable || run_in(at->model, *run, at->now) != NULL;
    }
    if (o->run.len == 0 || st_slice_equal(o->run, strata_text("default"))) {
        return true;
    }
    const model_version *version =
        model_live(at->model, MODEL_SYSTEM, MODEL_RUN, o->run, at->snapshot);
    if (version != NULL) {
        *run = ((const model_run *)version->value.data)->place;
    }
    return version != NULL;
}

bool op_has_run(const op *o, const moment *at, unsigned *run) {
    if (o->txn == 0) {
        return find_run(o, at, run);
    }
    *run = o->seen == NULL ? MODEL_SYSTEM : o->seen->run;
    return o->seen != NULL;
}

bool expect_run(const op *o, const moment *at, expected *e, unsigned *run) {
    if (find_run(o, at, run)) {
        return true;
    }
    expect_error(e, STRATA_NOT_FOUND, NULL);
    return false;
}

bool expect_key(strata_slice key, expected *e) {
    const bool good = key.len > 0 && key.len <= ST_KEY_BYTES_MAX &&
                      ((const uint8_t *)key.data)[0] < 0x80 &&
                      (key.len < 8 || memcmp(key.data, "_strata/", 8) != 0);
    if (!good) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
    }
    return good;
}

bool says_run_closed(const answer *got) {
    const strata_slice details = field_of(object_of(got->response), "details");
    return got->status == STRATA_CONSTRAINT &&
           st_slice_equal(text_of(field_of(details, "reason")), strata_text("run_closed"));
}

bool expect_writable(const moment *at, unsigned run, expected *e) {
    const uint64_t now = at->txn != NULL ? at->now : at->snapshot;
    /* A change of the run that was refused may count till the database is opened again. Outside a
     * transaction a write says first that the writer has failed. */
    if (at->broken && at->txn != NULL && !at->writable) {
        if (says_run_closed(e->got)) {
            expect_error(e, STRATA_CONSTRAINT, "run_closed");
        }
        return e->status == STRATA_OK;
    }
    const model_run *record = at->writable ? NULL : run_in(at->model, run, now);
    if (!at->writable && record == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
    } else if (!at->writable && record->status != 0) {
        expect_error(e, STRATA_CONSTRAINT, "run_closed");
    }
    return e->status == STRATA_OK;
}

bool expect_as_of(const op *o, const moment *at, expected *e, unsigned run, uint64_t *snapshot) {
    *snapshot = o->as_of == UINT64_MAX ? at->snapshot : o->as_of;
    if (o->as_of_us != 0) {
        *snapshot = model_at_time(at->model, run, at->snapshot, o->as_of_us);
    }
    if (*snapshot > at->snapshot || o->as_of_us > at->now_us ||
        (o->as_of_us != 0 && o->as_of != UINT64_MAX)) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    return true;
}

bool expect_bounds(const op *o, expected *e) {
    if (o->limit > ST_PAGE_MAX) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    return true;
}

bool in_page(const op *o, strata_slice key) {
    if (key.len < o->prefix.len || !st_slice_equal(st_slice(key.data, o->prefix.len), o->prefix) ||
        (o->start.len > 0 && st_slice_compare(key, o->start) < 0) ||
        (o->end.len > 0 && st_slice_compare(key, o->end) >= 0)) {
        return false;
    }
    const int order = o->cursor.len == 0 ? 0 : st_slice_compare(key, o->cursor);
    return o->cursor.len == 0 || (o->reverse ? order < 0 : order > 0);
}
