/* op_run.c - runs and their life cycle: the model numbers them as they come. */
#include "op.h"

#include "base/limits.h"

static const char *const statuses[] = {"active", "paused",    "completed",
                                       "failed", "cancelled", "archived"};

enum { ACTIVE, PAUSED, COMPLETED, FAILED, CANCELLED, ARCHIVED };

static const model_run *find_run(const moment *at, strata_slice name,
                                 const model_version **version) {
    *version = model_live(at->model, MODEL_SYSTEM, MODEL_RUN, name, at->snapshot);
    return *version == NULL ? NULL : (*version)->value.data;
}

/* ---- Creating -------------------------------------------------------------------------------- */

static void make_create(maker *mk, op *o) {
    const bool full =
        model_table_of(mk->model, MODEL_SYSTEM, MODEL_RUN)->count + 8 > MODEL_RUNS_MAX;
    if (!mk->named && !full && one_in(mk, 6)) {
        o->key = st_slice("", 0);
    } else {
        o->key =
            one_in(mk, 12) ? strata_text("default") : pick_text(mk, "run%u", (unsigned)pick(mk, 7));
    }
    o->parent = one_in(mk, 4) ? pick_run(mk) : st_slice("", 0);
    o->tags = pick_tags(mk);
    o->value = one_in(mk, 3) ? pick_object(mk) : st_slice("", 0);
}

static unsigned next_place(const moment *at) {
    const model_table *table = model_table_of(at->model, MODEL_SYSTEM, MODEL_RUN);
    unsigned place = MODEL_DEFAULT;
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], at->snapshot);
        const model_run *run = version == NULL ? NULL : version->value.data;
        place = run != NULL && run->place >= place ? run->place + 1 : place;
    }
    return place;
}

static void predict_create(const op *o, const moment *at, expected *e) {
    static const uint8_t no_map = 0x80;
    static const uint8_t no_array = 0x90;
    const model_version *version;
    if (o->value.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return;
    }
    if (o->parent.len > 0 && find_run(at, o->parent, &version) == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    if (find_run(at, o->key, &version) != NULL) {
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return;
    }
    const int64_t timestamp_us = model_time(at->model, MODEL_SYSTEM, at->wall_us);
    const model_run run = {.place = next_place(at),
                           .tags = o->tags.len > 0 ? o->tags : st_slice(&no_array, 1),
                           .metadata = o->value.len > 0 ? o->value : st_slice(&no_map, 1),
                           .parent = o->parent,
                           .created_us = timestamp_us,
                           .updated_us = timestamp_us};
    assert_true(run.place < MODEL_RUNS_MAX);
    const model_write write = {MODEL_SYSTEM, MODEL_RUN,
                               o->key,       arena_bytes(&e->arena, st_slice(&run, sizeof run)),
                               false,        0};
    (void)expect_write(e, at, &write);
    strata_buffer *out = expect_ok(e, 2);
    put_text(out, "name", o->key);
    put_uint(out, "version", expect_version(at));
}

/* ---- Moving ---------------------------------------------------------------------------------- */

static void make_move(maker *mk, op *o) {
    o->key = pick_run(mk);
    if (o->key.len == 0) {
        o->key = pick_text(mk, "run%u", (unsigned)pick(mk, 7));
    }
}

static void make_fail(maker *mk, op *o) {
    make_move(mk, o);
    o->text = pick_text(mk, "reason %u", (unsigned)pick(mk, 100));
}

static bool may_move(int from, int to) {
    if (from == ACTIVE) {
        return to != ACTIVE;
    }
    if (from == PAUSED) {
        return to != PAUSED && to != COMPLETED;
    }
    return from != ARCHIVED && to == ARCHIVED;
}

static void predict_to(const op *o, const moment *at, expected *e, int to) {
    const model_version *version;
    const model_run *found = find_run(at, o->key, &version);
    if (found == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    if (found->place == MODEL_DEFAULT || !may_move(found->status, to)) {
        expect_error(e, STRATA_CONSTRAINT,
                     found->place == MODEL_DEFAULT ? "default_run" : "transition");
        return;
    }
    model_run run = *found;
    run.status = to;
    run.updated_us = model_time(at->model, MODEL_SYSTEM, at->wall_us);
    run.error = o->text.len > 0 ? o->text : run.error;
    const model_write write = {MODEL_SYSTEM, MODEL_RUN,
                               o->key,       arena_bytes(&e->arena, st_slice(&run, sizeof run)),
                               false,        0};
    (void)expect_write(e, at, &write);
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

static void predict_pause(const op *o, const moment *at, expected *e) {
    predict_to(o, at, e, PAUSED);
}
static void predict_resume(const op *o, const moment *at, expected *e) {
    predict_to(o, at, e, ACTIVE);
}
static void predict_complete(const op *o, const moment *at, expected *e) {
    predict_to(o, at, e, COMPLETED);
}
static void predict_fail(const op *o, const moment *at, expected *e) {
    predict_to(o, at, e, FAILED);
}
static void predict_cancel(const op *o, const moment *at, expected *e) {
    predict_to(o, at, e, CANCELLED);
}
static void predict_archive(const op *o, const moment *at, expected *e) {
    predict_to(o, at, e, ARCHIVED);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void put_run(strata_buffer *out, strata_slice name, const model_version *version) {
    const model_run *run = version->value.data;
    put(st_msgpack_put_object(out, 7u + (run->parent.len > 0 ? 1u : 0u) +
                                       (run->error.len > 0 ? 1u : 0u)));
    put_text(out, "name", name);
    put_text(out, "status", strata_text(statuses[run->status]));
    put_raw(out, "tags", run->tags);
    put_raw(out, "metadata", run->metadata);
    if (run->parent.len > 0) {
        put_text(out, "parent", run->parent);
    }
    if (run->error.len > 0) {
        put_text(out, "error", run->error);
    }
    put_int(out, "created", run->created_us);
    put_int(out, "updated", run->updated_us);
    put_uint(out, "version", version->number);
}

static void predict_get(const op *o, const moment *at, expected *e) {
    const model_version *version;
    if (find_run(at, o->key, &version) == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 1);
    put_name(out, "run");
    put_run(out, o->key, version);
}

static void make_list(maker *mk, op *o) {
    o->type = one_in(mk, 3) ? strata_text(statuses[pick(mk, 6)]) : st_slice("", 0);
    o->tag = one_in(mk, 3) ? pick_text(mk, "tag%u", (unsigned)pick(mk, 4)) : st_slice("", 0);
    o->cursor = one_in(mk, 4) ? pick_text(mk, "run%u", (unsigned)pick(mk, 7)) : st_slice("", 0);
    o->limit = pick_limit(mk);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    open_list list;
    if (!expect_bounds(o, e)) {
        return;
    }
    const model_table *table = model_table_of(at->model, MODEL_SYSTEM, MODEL_RUN);
    strata_buffer *out = expect_list(e, "runs", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *version = model_seen(cell, at->snapshot);
        if (version == NULL || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            expect_list_end(e, &list, last);
            return;
        }
        const model_run *run = version->value.data;
        last = cell->key;
        if ((o->type.len == 0 || st_slice_equal(o->type, strata_text(statuses[run->status]))) &&
            (o->tag.len == 0 || tags_hold(run->tags, o->tag))) {
            put_run(out, cell->key, version);
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static strata_status call_create(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run;
    if (o->key.len == 0 || o->parent.len > 0 || o->tags.len > 0 || o->value.len > 0) {
        return strata_exec(db, o->request, out); /* more than the function can say */
    }
    ST_TRY(strata_run_create(db, o->key, &run));
    put(st_msgpack_put_array(out, 2));
    put(st_msgpack_put_bool(out, true));
    put(st_msgpack_put_object(out, 1));
    put_text(out, "name", o->key);
    return STRATA_OK;
}

/* The function does not tell the version. */
static bool create_matches(const op *o, const moment *at, const expected *e,
                           strata_slice response) {
    const bool whole = field_of(object_of(response), "version").data != NULL;
    (void)at;
    return whole ? st_slice_equal(st_buffer_slice(&e->answer), response) : o->by_function;
}

const op_kind ops_run[] = {
    {.name = "run.create",
     .args = "name parent tags metadata",
     .weight = 8,
     .make = make_create,
     .predict = predict_create,
     .call = call_create,
     .matches = create_matches,
     .writes = true,
     .silent = true},
    {.name = "run.pause",
     .args = "name",
     .weight = 4,
     .make = make_move,
     .predict = predict_pause,
     .writes = true},
    {.name = "run.resume",
     .args = "name",
     .weight = 8,
     .make = make_move,
     .predict = predict_resume,
     .writes = true},
    {.name = "run.complete",
     .args = "name",
     .weight = 1,
     .make = make_move,
     .predict = predict_complete,
     .writes = true},
    {.name = "run.fail",
     .args = "name error",
     .weight = 1,
     .make = make_fail,
     .predict = predict_fail,
     .writes = true},
    {.name = "run.cancel",
     .args = "name",
     .weight = 1,
     .make = make_move,
     .predict = predict_cancel,
     .writes = true},
    {.name = "run.archive",
     .args = "name",
     .weight = 1,
     .make = make_move,
     .predict = predict_archive,
     .writes = true},
    {.name = "run.get", .args = "name", .weight = 4, .make = make_move, .predict = predict_get},
    {.name = "run.list",
     .args = "status tag limit cursor",
     .weight = 3,
     .make = make_list,
     .predict = predict_list},
};
const size_t ops_run_count = sizeof ops_run / sizeof ops_run[0];
