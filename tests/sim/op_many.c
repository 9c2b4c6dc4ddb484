/* op_many.c - several keys at once: arguments are MessagePack arrays, which the model reads again. */
#include "history.h"

/* ---- Arguments ------------------------------------------------------------------------------- */

/* Mostly different ones: each is chosen from a part of the key space of its own. */
static uint32_t pick_keys(maker *mk, strata_slice *keys) {
    const uint32_t count = one_in(mk, 40) ? 0 : 1 + (uint32_t)pick(mk, OP_KEYS_MAX);
    const bool meets = one_in(mk, 10);
    for (uint32_t i = 0; i < count; i++) {
        bool again = true;
        for (unsigned tries = 0; again && tries < 8; tries++) {
            keys[i] = pick_key(mk, one_in(mk, 5) ? 'c' : 'k');
            again = false;
            for (uint32_t j = 0; j < i && !meets; j++) {
                again = again || st_slice_equal(keys[i], keys[j]);
            }
        }
    }
    return count;
}

static void make_keys(maker *mk, op *o) {
    strata_slice keys[OP_KEYS_MAX];
    strata_buffer out = {NULL, 0, 0, NULL};
    o->run = pick_run(mk);
    const uint32_t count = pick_keys(mk, keys);
    put(st_msgpack_put_array(&out, count));
    for (uint32_t i = 0; i < count; i++) {
        put(st_msgpack_put_string(&out, keys[i]));
    }
    o->value = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
}

static void make_get_many(maker *mk, op *o) {
    make_keys(mk, o);
    pick_when(mk, o);
}

static void make_put_many(maker *mk, op *o) {
    strata_slice keys[OP_KEYS_MAX];
    strata_buffer out = {NULL, 0, 0, NULL};
    o->run = pick_run(mk);
    const uint32_t count = pick_keys(mk, keys);
    put(st_msgpack_put_array(&out, count));
    for (uint32_t i = 0; i < count; i++) {
        const bool ends = one_in(mk, 4);
        put(st_msgpack_put_object(&out, ends ? 3 : 2));
        put_text(&out, "key", keys[i]);
        put_raw(&out, "value", pick_value(mk));
        if (ends) {
            put_uint(&out, "ttl_ms", one_in(mk, 30) ? 0 : 1 + pick(mk, 5000));
        }
    }
    o->value = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
}

typedef struct item {
    strata_slice key;
    strata_slice value;
    int64_t ttl_ms; /* -1: none */
} item;

/* The keys, or the entries, of the argument. */
static uint32_t items_of(const op *o, item *items) {
    st_cursor cursor = st_cursor_over(o->value);
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token) && token.as.count <= OP_KEYS_MAX);
    const uint32_t count = token.as.count;
    for (uint32_t i = 0; i < count; i++) {
        strata_slice element;
        assert_true(st_msgpack_skip(&cursor, &element));
        const strata_slice key = field_of(element, "key");
        const strata_slice ttl_ms = field_of(element, "ttl_ms");
        items[i] = (item){text_of(key.data == NULL ? element : key), field_of(element, "value"),
                          ttl_ms.data == NULL ? -1 : int_of(ttl_ms)};
    }
    return count;
}

uint32_t op_keys(const op *o, strata_slice keys[OP_KEYS_MAX]) {
    item items[OP_KEYS_MAX];
    const uint32_t count = items_of(o, items);
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = items[i].key;
    }
    return count;
}

/* ---- Predictions ----------------------------------------------------------------------------- */

static bool expect_some(uint32_t count, expected *e) {
    if (count == 0) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
    }
    return count > 0;
}

static bool expect_different(const item *items, uint32_t count, expected *e) {
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (st_slice_equal(items[i].key, items[j].key)) {
                expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
                return false;
            }
        }
    }
    return true;
}

static bool expect_keys(const item *items, uint32_t count, expected *e) {
    for (uint32_t i = 0; i < count; i++) {
        if (!expect_key(items[i].key, e)) {
            return false;
        }
    }
    return true;
}

static void predict_get_many(const op *o, const moment *at, expected *e) {
    item items[OP_KEYS_MAX];
    const model_version *found[OP_KEYS_MAX];
    const uint32_t count = items_of(o, items);
    uint32_t there = 0;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_some(count, e) || !expect_keys(items, count, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        found[i] = kv_find(o, at, run, items[i].key, snapshot);
        there += found[i] != NULL;
    }
    strata_buffer *out = expect_ok(e, 2);
    put_name(out, "entries");
    put(st_msgpack_put_array(out, there));
    for (uint32_t i = 0; i < count; i++) {
        if (found[i] != NULL) {
            kv_put_entry(out, items[i].key, found[i]);
        }
    }
    put_name(out, "missing");
    put(st_msgpack_put_array(out, count - there));
    for (uint32_t i = 0; i < count; i++) {
        if (found[i] == NULL) {
            put(st_msgpack_put_string(out, items[i].key));
        }
    }
}

static bool expect_items(const item *items, uint32_t count, const moment *at, expected *e) {
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].ttl_ms == 0) {
            expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!expect_key(items[i].key, e) || !expect_fitting(at, items[i].value, e)) {
            return false;
        }
    }
    return expect_different(items, count, e);
}

static void predict_put_many(const op *o, const moment *at, expected *e) {
    item items[OP_KEYS_MAX];
    const uint32_t count = items_of(o, items);
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_some(count, e) ||
        !expect_items(items, count, at, e) || !expect_writable(at, run, e)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const model_write write = {.run = run,
                                   .kind = MODEL_KV,
                                   .key = items[i].key,
                                   .value = items[i].value,
                                   .expires_us = kv_expiry(at, items[i].ttl_ms)};
        (void)expect_write(e, at, &write);
    }
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

static void predict_delete_many(const op *o, const moment *at, expected *e) {
    item items[OP_KEYS_MAX];
    const uint32_t count = items_of(o, items);
    bool existed[OP_KEYS_MAX];
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_some(count, e) || !expect_keys(items, count, e) ||
        !expect_different(items, count, e) || !expect_writable(at, run, e)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        existed[i] = kv_find(o, at, run, items[i].key, at->snapshot) != NULL;
        if (existed[i]) {
            const model_write write = {
                .run = run, .kind = MODEL_KV, .key = items[i].key, .deletes = true};
            (void)expect_write(e, at, &write);
        }
    }
    strata_buffer *out = expect_ok(e, e->write_count > 0 ? 2 : 1);
    put_name(out, "existed");
    put(st_msgpack_put_array(out, count));
    for (uint32_t i = 0; i < count; i++) {
        put(st_msgpack_put_bool(out, existed[i]));
    }
    if (e->write_count > 0) {
        put_uint(out, "version", expect_version(at));
    }
}

const op_kind ops_many[] = {
    {.name = "kv.get_many",
     .args = "run keys as_of as_of_time",
     .weight = 12,
     .make = make_get_many,
     .predict = predict_get_many,
     .trims = history_trims_keys,
     .reads_past = kv_reads_past},
    {.name = "kv.put_many",
     .args = "run entries",
     .weight = 12,
     .make = make_put_many,
     .predict = predict_put_many,
     .writes = true},
    {.name = "kv.delete_many",
     .args = "run keys",
     .weight = 6,
     .make = make_keys,
     .predict = predict_delete_many,
     .writes = true},
};
const size_t ops_many_count = sizeof ops_many / sizeof ops_many[0];
