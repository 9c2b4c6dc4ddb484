/* op_kv.c - keys and values: the model keeps their MessagePack as it was given. */
#include "base/limits.h"
#include "history.h"

/* ---- Writing --------------------------------------------------------------------------------- */

bool expect_fitting(const moment *at, strata_slice value, expected *e) {
    if (value.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return false;
    }
    return true;
}

/* For a reader of a fork as of one of its own commits it is no earlier than when the fork began. */
static bool had_ended(const op *o, const moment *at, const model_version *version) {
    const model_origin *origins = at->model->origins;
    unsigned run = version->from > 0 ? op_run_of(o, at) : 0;
    for (; origins[run].base > 0; run = origins[run].base) {
        if (version->number <= origins[run].at && o->as_of + 1 >= origins[run].made &&
            version->expires_us <= origins[run].made_us) {
            return true;
        }
    }
    return false;
}

bool kv_is_live(const op *o, const moment *at, const model_version *version) {
    if (version->deleted) {
        return false;
    }
    if (o->as_of != UINT64_MAX) {
        return version->expires_us > at->ended_us && !had_ended(o, at, version);
    }
    return version->expires_us > (o->as_of_us != 0 ? o->as_of_us : at->now_us);
}

const model_version *kv_find(const op *o, const moment *at, unsigned run, strata_slice key,
                             uint64_t snapshot) {
    const model_version *version = model_find(at->model, run, MODEL_KV, key, snapshot);
    return version != NULL && kv_is_live(o, at, version) ? version : NULL;
}

int64_t kv_expiry(const moment *at, int64_t ttl_ms) {
    return ttl_ms <= 0 ? 0 : at->now_us + ttl_ms * 1000;
}

int64_t kv_ending(const model_version *version) {
    return version == NULL || version->expires_us == INT64_MAX ? 0 : version->expires_us;
}

static void expect_put(const op *o, const moment *at, expected *e, unsigned run, strata_slice value,
                       int64_t expires_us) {
    const model_write write = {run, MODEL_KV, o->key, value, false, expires_us};
    (void)expect_write(e, at, &write);
}

/* Some end soon, some when the clock jumps, one is as long as they go. */
static int64_t pick_ttl(maker *mk) {
    static const uint64_t limits[] = {5, 100, 3600000, 7200000};
    return one_in(mk, 60) ? (one_in(mk, 2) ? -1 : INT64_C(3155760000001) - (int64_t)pick(mk, 2))
                          : 1 + (int64_t)pick(mk, limits[pick(mk, 4)]);
}

bool expect_ttl(const op *o, expected *e) {
    if (o->ttl_ms < 0 || o->ttl_ms > INT64_C(3155760000000)) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    return true;
}

static void make_put(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_key(mk, 'k');
    o->value = pick_value(mk);
    o->ttl_ms = one_in(mk, 3) ? pick_ttl(mk) : 0;
}

static void predict_put(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_ttl(o, e) || !expect_run(o, at, e, &run) || !expect_key(o->key, e) ||
        !expect_fitting(at, o->value, e) || !expect_writable(at, run, e)) {
        return;
    }
    expect_put(o, at, e, run, o->value, kv_expiry(at, o->ttl_ms));
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
    const bool existed = kv_find(o, at, run, o->key, at->snapshot) != NULL;
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        const model_write write = {run, MODEL_KV, o->key, st_slice("", 0), true, 0};
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
    const model_version *version = kv_find(o, at, run, o->key, at->snapshot);
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
    expect_put(o, at, e, run, arena_bytes(&e->arena, st_buffer_slice(&encoded)),
               kv_ending(version));
    strata_buffer_free(&encoded);
    strata_buffer *out = expect_ok(e, 2);
    put_int(out, "value", sum);
    put_uint(out, "version", expect_version(at));
}

static void make_cas(maker *mk, op *o) {
    make_put(mk, o);
    const moment now = {.model = mk->model, .snapshot = mk->model->last, .now_us = mk->now_us};
    unsigned run;
    const model_version *version = NULL;
    if (op_has_run(o, &now, &run)) {
        version = kv_find(o, &now, run, o->key, mk->model->last);
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
    if (!expect_ttl(o, e) || !expect_run(o, at, e, &run) || !expect_key(o->key, e)) {
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
    const model_version *version = kv_find(o, at, run, o->key, at->snapshot);
    e->detail = version == NULL ? 0 : version->number;
    if ((o->by_version && o->number != e->detail) ||
        (o->expected.len > 0 &&
         (version == NULL || !st_slice_equal(version->value, o->expected)))) {
        expect_error(e, STRATA_CONFLICT, NULL);
        return;
    }
    expect_put(o, at, e, run, o->value, kv_expiry(at, o->ttl_ms));
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

/* ---- Reading --------------------------------------------------------------------------------- */

bool kv_reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static bool reads_then(const op *o) {
    return o->as_of != UINT64_MAX || o->as_of_us != 0;
}

static void make_get(maker *mk, op *o) {
    make_delete(mk, o);
    pick_when(mk, o);
}

static void predict_get(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_version *version = kv_find(o, at, run, o->key, snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    const bool told = !o->by_function || reads_then(o); /* not by the function */
    const bool ends = version->expires_us != INT64_MAX && told;
    strata_buffer *out = expect_ok(e, ends ? 4 : 3);
    put_raw(out, "value", version->value);
    put_stamp(out, version);
    if (ends) {
        put_int(out, "expires", version->expires_us);
    }
}

static void predict_exists(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (expect_run(o, at, e, &run) && expect_key(o->key, e) &&
        expect_as_of(o, at, e, run, &snapshot)) {
        put_bool(expect_ok(e, 1), "exists", kv_find(o, at, run, o->key, snapshot) != NULL);
    }
}

static void make_list(maker *mk, op *o) {
    o->run = pick_run(mk);
    pick_page(mk, o, one_in(mk, 4) ? 'c' : 'k');
    pick_when(mk, o);
    o->start = one_in(mk, 4) ? pick_text(mk, "k%u", (unsigned)pick(mk, 6)) : st_slice("", 0);
    o->end = one_in(mk, 4) ? pick_text(mk, "k%u", (unsigned)pick(mk, 9)) : st_slice("", 0);
}

static void put_ending(strata_buffer *out, const model_version *version) {
    put_stamp(out, version);
    if (version->expires_us != INT64_MAX) {
        put_int(out, "expires", version->expires_us);
    }
}

void kv_put_entry(strata_buffer *out, strata_slice key, const model_version *version) {
    put(st_msgpack_put_object(out, version->expires_us == INT64_MAX ? 4 : 5));
    put_text(out, "key", key);
    put_raw(out, "value", version->value);
    put_ending(out, version);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    open_list list;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_KV);
    strata_buffer *out = expect_list(e, "entries", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const model_version *version = model_seen(cell, snapshot);
        if (version == NULL || !kv_is_live(o, at, version) || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            e->stood = cell->key;
            expect_list_end(e, &list, last);
            return;
        }
        kv_put_entry(out, cell->key, version);
        last = cell->key;
        list.count++;
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static void make_count(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->prefix = one_in(mk, 2) ? strata_text("k1") : st_slice("", 0);
    pick_when(mk, o);
}

static void predict_count(const op *o, const moment *at, expected *e) {
    uint64_t count = 0;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_KV);
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], snapshot);
        count += version != NULL && kv_is_live(o, at, version) && in_page(o, table->cells[i]->key);
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
    uint64_t last = 0;
    const model_version *version = history_next(at, run, MODEL_KV, o->key, newest);
    for (; version != NULL && list.count < limit; list.count++) {
        const bool ends = version->expires_us != INT64_MAX;
        put(st_msgpack_put_object(out, (version->deleted ? 3u : 4u) + (ends ? 1u : 0u)));
        put_ending(out, version);
        put_bool(out, "deleted", version->deleted);
        if (!version->deleted) {
            put_raw(out, "value", version->value);
        }
        last = version->number;
        version = history_next(at, run, MODEL_KV, o->key, version->number - 1);
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
    if (version != NULL && last > 0) {
        st_msgpack_patch(out, list.object, 2);
        put_uint(out, "next", last);
    }
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
    if (o->ttl_ms != 0) {
        return strata_exec(db, o->request, out); /* the function has none */
    }
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
    if (reads_then(o)) {
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
     .args = "run key value ttl_ms",
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
     .args = "run key value expected_version expected_value ttl_ms",
     .weight = 25,
     .make = make_cas,
     .predict = predict_cas,
     .writes = true},
    {.name = "kv.get",
     .args = "run key as_of as_of_time",
     .weight = 40,
     .make = make_get,
     .predict = predict_get,
     .call = call_get,
     .trims = history_trims_kv,
     .reads_past = kv_reads_past},
    {.name = "kv.exists",
     .args = "run key as_of as_of_time",
     .weight = 4,
     .make = make_get,
     .predict = predict_exists,
     .trims = history_trims_kv,
     .reads_past = kv_reads_past},
    {.name = "kv.list",
     .args = "run prefix start end reverse limit cursor as_of as_of_time",
     .weight = 12,
     .make = make_list,
     .predict = predict_list,
     .trims = history_trims_page,
     .reads_past = kv_reads_past},
    {.name = "kv.count",
     .args = "run prefix as_of as_of_time",
     .weight = 3,
     .make = make_count,
     .predict = predict_count,
     .trims = history_trims_page,
     .reads_past = kv_reads_past},
    {.name = "kv.history",
     .args = "run key before# limit",
     .weight = 12,
     .make = make_history,
     .predict = predict_history,
     .shortens = true},
};
const size_t ops_kv_count = sizeof ops_kv / sizeof ops_kv[0];
