/* op_state.c - state cells: the model keeps a counter and the value's MessagePack. */
#include "history.h"

#include "base/bytes.h"
#include "base/limits.h"

uint64_t state_counter(strata_slice kept) {
    return load64_le(kept.data);
}

strata_slice state_with(st_arena *arena, uint64_t counter, strata_slice value) {
    uint8_t *kept = st_arena_alloc(arena, 8 + value.len, 8);
    assert_non_null(kept);
    store64_le(kept, counter);
    memcpy(kept + 8, value.data, value.len);
    return st_slice(kept, 8 + value.len);
}

static strata_slice value_of(const model_version *version) {
    return st_slice((const uint8_t *)version->value.data + 8, version->value.len - 8);
}

static const model_version *find(const op *o, const moment *at, unsigned run, uint64_t snapshot) {
    return model_live(at->model, run, MODEL_STATE, o->key, snapshot);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void expect_set(const op *o, const moment *at, expected *e, unsigned run,
                       const model_version *before) {
    const uint64_t counter = before == NULL ? 1 : state_counter(before->value) + 1;
    const model_write write = {
        run, MODEL_STATE, o->key, state_with(&e->arena, counter, o->value), false, 0};
    (void)expect_write(e, at, &write);
    strata_buffer *out = expect_ok(e, 2);
    put_uint(out, "counter", counter);
    put_uint(out, "version", expect_version(at));
}

static void make_name(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_key(mk, 's');
}

static void make_set(maker *mk, op *o) {
    make_name(mk, o);
    o->value = pick_value(mk);
}

static void predict_set(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (expect_run(o, at, e, &run) && expect_key(o->key, e) && expect_fitting(at, o->value, e) &&
        expect_writable(at, run, e)) {
        expect_set(o, at, e, run, find(o, at, run, at->snapshot));
    }
}

static void predict_init(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) || !expect_fitting(at, o->value, e) ||
        !expect_writable(at, run, e)) {
        return;
    }
    if (find(o, at, run, at->snapshot) != NULL) {
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return;
    }
    expect_set(o, at, e, run, NULL);
}

static void make_cas(maker *mk, op *o) {
    const moment now = {.model = mk->model, .snapshot = mk->model->last};
    const model_version *version = NULL;
    unsigned run;
    make_set(mk, o);
    if (op_has_run(o, &now, &run)) {
        version = find(o, &now, run, mk->model->last);
    }
    const uint64_t die = pick(mk, 8);
    o->by_version = die > 0 && die < 6; /* neither is refused */
    o->number = one_in(mk, 4) || version == NULL ? pick(mk, 3) : state_counter(version->value);
    if (die >= 5) {
        o->expected = version == NULL || one_in(mk, 4) ? pick_value(mk) : value_of(version);
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
    const model_version *version = find(o, at, run, at->snapshot);
    e->detail = version == NULL ? 0 : version->number;
    if ((o->by_version && o->number != (version == NULL ? 0 : state_counter(version->value))) ||
        (o->expected.len > 0 &&
         (version == NULL || !st_slice_equal(value_of(version), o->expected)))) {
        expect_error(e, STRATA_CONFLICT, NULL);
        return;
    }
    expect_set(o, at, e, run, version);
}

static void predict_delete(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) || !expect_writable(at, run, e)) {
        return;
    }
    const bool existed = find(o, at, run, at->snapshot) != NULL;
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        const model_write write = {run, MODEL_STATE, o->key, st_slice("", 0), true, 0};
        (void)expect_write(e, at, &write);
        put_uint(out, "version", expect_version(at));
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void make_read(maker *mk, op *o) {
    make_name(mk, o);
    const strata_slice known = pick_known(mk, o, MODEL_STATE);
    o->key = known.len > 0 ? known : o->key;
    pick_when(mk, o);
}

static void put_cell(strata_buffer *out, const model_version *version) {
    put_raw(out, "value", value_of(version));
    put_uint(out, "counter", state_counter(version->value));
    put_stamp(out, version);
}

static void predict_read(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_version *version = find(o, at, run, snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    put_cell(expect_ok(e, 4), version);
}

static void make_list(maker *mk, op *o) {
    o->run = pick_run(mk);
    pick_page(mk, o, 's');
    pick_when(mk, o);
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
    const model_table *table = model_table_of(at->model, run, MODEL_STATE);
    strata_buffer *out = expect_list(e, "cells", &list);
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
        put(st_msgpack_put_object(out, 5));
        put_text(out, "name", cell->key);
        put_cell(out, version);
        last = cell->key;
        list.count++;
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static void make_history(maker *mk, op *o) {
    make_name(mk, o);
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
    const model_version *version = history_next(at, run, MODEL_STATE, o->key, newest);
    for (; version != NULL && list.count < limit; list.count++) {
        put(st_msgpack_put_object(out, version->deleted ? 3 : 5));
        put_bool(out, "deleted", version->deleted);
        if (version->deleted) {
            put_stamp(out, version);
        } else {
            put_cell(out, version);
        }
        last = version->number;
        version = history_next(at, run, MODEL_STATE, o->key, version->number - 1);
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
    if (version != NULL && last > 0) {
        st_msgpack_patch(out, list.object, 2);
        put_uint(out, "next", last);
    }
}

static bool trims_read(const op *o, const moment *at) {
    return history_trims(o, at, MODEL_STATE, o->key);
}

static bool trims_list(const op *o, const moment *at) {
    return history_trims_list(o, at, MODEL_STATE);
}

/* ---- The C functions ------------------------------------------------------------------------- */

static strata_status grow(void *arg, const strata_cell *now, strata_value *next) {
    const op *o = arg;
    (void)now;
    assert_true(st_value_decode(o->value, next));
    return STRATA_OK;
}

/* A transition to a value is a set, when nobody is in between. */
static strata_status call_set(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run = STRATA_RUN_DEFAULT;
    uint64_t counter;
    if (o->run.len > 0) {
        ST_TRY(strata_run_find(db, o->run, &run));
    }
    ST_TRY(strata_state_transition(db, run, o->key, grow, (void *)(uintptr_t)o, &counter));
    put(st_msgpack_put_array(out, 2));
    put(st_msgpack_put_bool(out, true));
    put(st_msgpack_put_object(out, 1));
    put_uint(out, "counter", counter);
    return STRATA_OK;
}

/* The function tells the counter and not the version. */
static bool set_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    const strata_slice wanted = st_buffer_slice(&e->answer);
    (void)at;
    return o->by_function ? int_of(field_of(object_of(wanted), "counter")) ==
                                int_of(field_of(object_of(response), "counter"))
                          : st_slice_equal(wanted, response);
}

const op_kind ops_state[] = {
    {.name = "state.init",
     .args = "run key! value",
     .weight = 8,
     .make = make_set,
     .predict = predict_init,
     .writes = true},
    {.name = "state.set",
     .args = "run key! value",
     .weight = 25,
     .make = make_set,
     .predict = predict_set,
     .call = call_set,
     .matches = set_matches,
     .writes = true,
     .silent = true},
    {.name = "state.cas",
     .args = "run key! value expected_counter expected_value",
     .weight = 15,
     .make = make_cas,
     .predict = predict_cas,
     .writes = true},
    {.name = "state.delete",
     .args = "run key!",
     .weight = 8,
     .make = make_name,
     .predict = predict_delete,
     .writes = true},
    {.name = "state.read",
     .args = "run key! as_of as_of_time",
     .weight = 15,
     .make = make_read,
     .predict = predict_read,
     .trims = trims_read,
     .reads_past = reads_past},
    {.name = "state.list",
     .args = "run prefix reverse limit cursor as_of as_of_time",
     .weight = 5,
     .make = make_list,
     .predict = predict_list,
     .trims = trims_list,
     .reads_past = reads_past},
    {.name = "state.history",
     .args = "run key! before# limit",
     .weight = 5,
     .make = make_history,
     .predict = predict_history,
     .shortens = true},
};
const size_t ops_state_count = sizeof ops_state / sizeof ops_state[0];
