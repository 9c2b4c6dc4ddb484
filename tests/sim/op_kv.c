/* op_kv.c - keys and values: the model keeps their MessagePack as it was given. */
#include "op.h"

#include "base/limits.h"

/* ---- Writing --------------------------------------------------------------------------------- */

static bool expect_fitting(const moment *at, strata_slice value, expected *e) {
    if (value.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return false;
    }
    return true;
}

static void expect_put(const op *o, const moment *at, expected *e, unsigned run,
                       strata_slice value) {
    const model_write write = {run, MODEL_KV, o->key, value, false};
    (void)expect_write(e, at, &write);
}

static void make_put(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_key(mk, 'k');
    o->value = pick_value(mk);
}

static void predict_put(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) || !expect_fitting(at, o->value, e) ||
        !expect_writable(at, run, e)) {
        return;
    }
    expect_put(o, at, e, run, o->value);
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

static void make_delete(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_key(mk, 'k');
}

static void predict_delete(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) || !expect_writable(at, run, e)) {
        return;
    }
    const bool existed = model_live(at->model, run, MODEL_KV, o->key, at->snapshot) != NULL;
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        const model_write write = {run, MODEL_KV, o->key, st_slice("", 0), true};
        (void)expect_write(e, at, &write);
        put_uint(out, "version", expect_version(at));
    }
}

static void make_incr(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = one_in(mk, 4) ? pick_key(mk, 'k') : pick_key(mk, 'c');
    o->by = one_in(mk, 12) ? INT64_MAX - (int64_t)pick(mk, 9) : (int64_t)pick(mk, 9) - 3;
}

static void predict_incr(const op *o, const moment *at, expected *e) {
    unsigned run;
    int64_t sum = 0;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) || !expect_writable(at, run, e)) {
        return;
    }
    const model_version *version = model_live(at->model, run, MODEL_KV, o->key, at->snapshot);
    strata_value value = strata_int(0);
    if (version != NULL && (!st_value_decode(version->value, &value) || value.type != STRATA_INT)) {
        expect_error(e, STRATA_WRONG_TYPE, NULL);
        return;
    }
    if (__builtin_add_overflow(value.as.integer, o->by, &sum)) {
        expect_error(e, STRATA_OVERFLOW, NULL);
        return;
    }
    strata_buffer encoded = {NULL, 0, 0, NULL};
    put(st_msgpack_put_int(&encoded, sum));
    expect_put(o, at, e, run, arena_bytes(&e->arena, st_buffer_slice(&encoded)));
    strata_buffer_free(&encoded);
    strata_buffer *out = expect_ok(e, 2);
    put_int(out, "value", sum);
    put_uint(out, "version", expect_version(at));
}

static void make_cas(maker *mk, op *o) {
    make_put(mk, o);
    const moment now = {.model = mk->model, .snapshot = mk->model->last};
    expected unused = {.status = STRATA_OK};
    unsigned run;
    const model_version *version = NULL;
    if (expect_run(o, &now, &unused, &run)) {
        version = model_live(mk->model, run, MODEL_KV, o->key, mk->model->last);
    }
    const uint64_t die = pick(mk, 8);
    if (die == 0) {
        return; /* neither, which is refused */
    }
    o->by_version = die < 5;
    o->number = one_in(mk, 4) || version == NULL ? pick(mk, 3) : version->number;
    if (die >= 4) {
        o->expected = version == NULL || one_in(mk, 4) ? pick_value(mk) : version->value;
    }
}

static void predict_cas(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e)) {
        return;
    }
    if (!o->by_version && o->expected.len == 0) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    if (!expect_fitting(at, o->expected, e) || !expect_fitting(at, o->value, e) ||
        !expect_writable(at, run, e)) {
        return;
    }
    const model_version *version = model_live(at->model, run, MODEL_KV, o->key, at->snapshot);
    e->detail = version == NULL ? 0 : version->number;
    if ((o->by_version && o->number != e->detail) ||
        (o->expected.len > 0 &&
         (version == NULL || !st_slice_equal(version->value, o->expected)))) {
        expect_error(e, STRATA_CONFLICT, NULL);
        return;
    }
    expect_put(o, at, e, run, o->value);
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void make_get(maker *mk, op *o) {
    make_delete(mk, o);
    o->as_of = pick_as_of(mk);
}

static void predict_get(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) ||
        !expect_as_of(o, at, e, &snapshot)) {
        return;
    }
    const model_version *version = model_live(at->model, run, MODEL_KV, o->key, snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 3);
    put_raw(out, "value", version->value);
    put_stamp(out, version);
}

static void predict_exists(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (expect_run(o, at, e, &run) && expect_key(o->key, e)) {
        put_bool(expect_ok(e, 1), "exists",
                 model_live(at->model, run, MODEL_KV, o->key, at->snapshot) != NULL);
    }
}

static void make_list(maker *mk, op *o) {
    o->run = pick_run(mk);
    pick_page(mk, o, one_in(mk, 4) ? 'c' : 'k');
    o->as_of = pick_as_of(mk);
    o->start = one_in(mk, 4) ? pick_text(mk, "k%u", (unsigned)pick(mk, 6)) : st_slice("", 0);
    o->end = one_in(mk, 4) ? pick_text(mk, "k%u", (unsigned)pick(mk, 9)) : st_slice("", 0);
}

static void put_entry(strata_buffer *out, const model_cell *cell, const model_version *version) {
    put(st_msgpack_put_object(out, 4));
    put_text(out, "key", cell->key);
    put_raw(out, "value", version->value);
    put_stamp(out, version);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    open_list list;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) || !expect_as_of(o, at, e, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_KV);
    strata_buffer *out = expect_list(e, "entries", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const model_version *version = model_seen(cell, snapshot);
        if (version == NULL || version->deleted || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            e->stood = cell->key;
            expect_list_end(e, &list, last);
            return;
        }
        put_entry(out, cell, version);
        last = cell->key;
        list.count++;
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static void make_count(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->prefix = one_in(mk, 2) ? strata_text("k1") : st_slice("", 0);
}

static void predict_count(const op *o, const moment *at, expected *e) {
    uint64_t count = 0;
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_KV);
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], at->snapshot);
        count += version != NULL && !version->deleted && in_page(o, table->cells[i]->key);
    }
    put_uint(expect_ok(e, 1), "count", count);
}

static void make_history(maker *mk, op *o) {
    make_delete(mk, o);
    o->until = one_in(mk, 3) ? pick(mk, mk->model->last + 2) : 0;
    o->limit = pick_limit(mk);
}

static void predict_history(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const uint64_t newest =
        o->until > 0 && o->until - 1 < at->snapshot ? o->until - 1 : at->snapshot;
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) || !expect_key(o->key, e)) {
        return;
    }
    strata_buffer *out = expect_list(e, "revisions", &list);
    const model_version *version = model_find(at->model, run, MODEL_KV, o->key, newest);
    for (; version != NULL && list.count < limit; list.count++) {
        put(st_msgpack_put_object(out, version->deleted ? 3 : 4));
        put_stamp(out, version);
        put_bool(out, "deleted", version->deleted);
        if (!version->deleted) {
            put_raw(out, "value", version->value);
        }
        version = model_find(at->model, run, MODEL_KV, o->key, version->number - 1);
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

/* ---- The C functions ------------------------------------------------------------------------- */

static strata_status find_run(const op *o, strata_db *db, strata_run *run) {
    *run = STRATA_RUN_DEFAULT;
    return o->run.len == 0 ? STRATA_OK : strata_run_find(db, o->run, run);
}

static void begin_response(strata_buffer *out, uint32_t pairs) {
    put(st_msgpack_put_array(out, 2));
    put(st_msgpack_put_bool(out, true));
    put(st_msgpack_put_object(out, pairs));
}

static strata_status call_put(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run;
    strata_value value;
    uint64_t version;
    assert_true(st_value_decode(o->value, &value));
    ST_TRY(find_run(o, db, &run));
    ST_TRY(strata_kv_put(db, run, o->key, value, &version));
    begin_response(out, 1);
    put_uint(out, "version", version);
    return STRATA_OK;
}

static strata_status call_get(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run;
    strata_entry entry;
    if (o->as_of != UINT64_MAX) {
        return strata_exec(db, o->request, out); /* the function reads now only */
    }
    ST_TRY(find_run(o, db, &run));
    ST_TRY(strata_kv_get(db, run, o->key, &entry));
    begin_response(out, 3);
    put_name(out, "value");
    put(st_value_encode(&entry.value, SIZE_MAX, out, NULL));
    put_uint(out, "version", entry.version);
    put_int(out, "timestamp", entry.timestamp_us);
    return STRATA_OK;
}

static strata_status call_delete(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run;
    bool existed;
    ST_TRY(find_run(o, db, &run));
    ST_TRY(strata_kv_delete(db, run, o->key, &existed));
    begin_response(out, 1);
    put_bool(out, "existed", existed);
    return STRATA_OK;
}

/* It does not tell the version, so the answer is compared without. */
static bool delete_matches(const op *o, const moment *at, const expected *e,
                           strata_slice response) {
    const strata_slice wanted = st_buffer_slice(&e->answer);
    (void)at;
    return o->by_function ? bool_of(field_of(object_of(wanted), "existed")) ==
                                bool_of(field_of(object_of(response), "existed"))
                          : st_slice_equal(wanted, response);
}

const op_kind ops_kv[] = {
    {.name = "kv.put",
     .args = "run key value",
     .weight = 90,
     .make = make_put,
     .predict = predict_put,
     .call = call_put,
     .writes = true},
    {.name = "kv.delete",
     .args = "run key",
     .weight = 25,
     .make = make_delete,
     .predict = predict_delete,
     .call = call_delete,
     .matches = delete_matches,
     .writes = true,
     .silent = true},
    {.name = "kv.incr",
     .args = "run key by",
     .weight = 25,
     .make = make_incr,
     .predict = predict_incr,
     .writes = true},
    {.name = "kv.cas",
     .args = "run key value expected_version expected_value",
     .weight = 25,
     .make = make_cas,
     .predict = predict_cas,
     .writes = true},
    {.name = "kv.get",
     .args = "run key as_of",
     .weight = 40,
     .make = make_get,
     .predict = predict_get,
     .call = call_get,
     .reads_past = reads_past},
    {.name = "kv.exists",
     .args = "run key",
     .weight = 4,
     .make = make_delete,
     .predict = predict_exists},
    {.name = "kv.list",
     .args = "run prefix start end reverse limit cursor as_of",
     .weight = 12,
     .make = make_list,
     .predict = predict_list,
     .reads_past = reads_past},
    {.name = "kv.count",
     .args = "run prefix",
     .weight = 3,
     .make = make_count,
     .predict = predict_count},
    {.name = "kv.history",
     .args = "run key before# limit",
     .weight = 12,
     .make = make_history,
     .predict = predict_history},
};
const size_t ops_kv_count = sizeof ops_kv / sizeof ops_kv[0];
