/* op_run.c - runs and their life cycle: the model numbers them as they come. */
#include "op.h"

#include "base/limits.h"
#include "format/merge_patch.h"

static const char *const statuses[] = {"active", "paused",    "completed",
                                       "failed", "cancelled", "archived"};

enum { ACTIVE, PAUSED, COMPLETED, FAILED, CANCELLED, ARCHIVED };

static const model_run *find_run(const moment *at, strata_slice name,
                                 const model_version **version) {
    *version = model_live(at->model, MODEL_SYSTEM, MODEL_RUN, name, at->snapshot);
    return *version == NULL ? NULL : (*version)->value.data;
}

/* ---- Tags ------------------------------------------------------------------------------------ */

enum { TAGS_TOGETHER_MAX = 64 };

static bool is_among(const strata_slice *tags, size_t count, strata_slice tag) {
    for (size_t i = 0; i < count; i++) {
        if (st_slice_equal(tags[i], tag)) {
            return true;
        }
    }
    return false;
}

/* Those of an array that are not there yet, nor to be left out. */
static size_t gather(strata_slice array, strata_slice without, strata_slice *tags, size_t count) {
    st_cursor cursor = st_cursor_over(array);
    st_token token;
    if (array.len == 0) {
        return count;
    }
    assert_true(st_msgpack_next(&cursor, &token));
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token tag;
        assert_true(st_msgpack_next(&cursor, &tag));
        if (!is_among(tags, count, tag.as.bytes) && !tags_hold(without, tag.as.bytes)) {
            assert_true(count < TAGS_TOGETHER_MAX);
            tags[count++] = tag.as.bytes;
        }
    }
    return count;
}

strata_slice run_change_tags(expected *e, strata_slice old, strata_slice remove, strata_slice add) {
    strata_slice tags[TAGS_TOGETHER_MAX];
    strata_buffer out = {NULL, 0, 0, NULL};
    size_t count = gather(old, remove, tags, 0);
    count = gather(add, st_slice("", 0), tags, count);
    put(st_msgpack_put_array(&out, (uint32_t)count));
    for (size_t i = 0; i < count; i++) {
        put(st_msgpack_put_string(&out, tags[i]));
    }
    const strata_slice made = arena_bytes(&e->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return made;
}

/* ---- Creating -------------------------------------------------------------------------------- */

static void make_create(maker *mk, op *o) {
    const bool full = run_next_place(mk->model, UINT64_MAX) + 12 > MODEL_RUNS_MAX;
    if (full) {
        o->key = strata_text("default"); /* there is no room in the model for another one */
    } else if (!mk->named && one_in(mk, 6)) {
        o->key = st_slice("", 0);
    } else {
        o->key =
            one_in(mk, 12) ? strata_text("default") : pick_text(mk, "run%u", (unsigned)pick(mk, 7));
    }
    o->parent = one_in(mk, 4) ? pick_run(mk) : st_slice("", 0);
    o->tags = pick_tags(mk);
    o->value = one_in(mk, 3) ? pick_object(mk) : st_slice("", 0);
}

/* Places are never used again, whatever became of the run. */
unsigned run_next_place(const model *m, uint64_t snapshot) {
    const model_table *table = model_table_of(m, MODEL_SYSTEM, MODEL_RUN);
    unsigned place = MODEL_DEFAULT;
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        for (size_t j = 0; j < cell->count && cell->versions[j].number <= snapshot; j++) {
            const model_run *run = cell->versions[j].value.data;
            if (!cell->versions[j].deleted && run->place >= place) {
                place = run->place + 1;
            }
        }
    }
    return place;
}

/* Whether it is made; else the error is there. */
static bool expect_created(const op *o, const moment *at, expected *e) {
    static const uint8_t no_map = 0x80;
    const model_version *version;
    if (o->parent.len > 0 && find_run(at, o->parent, &version) == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return false;
    }
    if (find_run(at, o->key, &version) != NULL) {
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return false;
    }
    const int64_t timestamp_us = model_time(at->model, MODEL_SYSTEM, at->wall_us);
    const model_run run = {.place = run_next_place(at->model, at->snapshot),
                           .tags = run_change_tags(e, st_slice("", 0), st_slice("", 0), o->tags),
                           .metadata = o->value.len > 0 ? o->value : st_slice(&no_map, 1),
                           .parent = o->parent,
                           .created_us = timestamp_us,
                           .updated_us = timestamp_us};
    assert_true(run.place < MODEL_RUNS_MAX);
    const model_write write = {MODEL_SYSTEM, MODEL_RUN,
                               o->key,       arena_bytes(&e->arena, st_slice(&run, sizeof run)),
                               false,        0};
    (void)expect_write(e, at, &write);
    return true;
}

static bool expect_small(const op *o, const moment *at, expected *e) {
    if (o->value.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return false;
    }
    return true;
}

static void predict_create(const op *o, const moment *at, expected *e) {
    if (expect_small(o, at, e) && expect_created(o, at, e)) {
        strata_buffer *out = expect_ok(e, 2);
        put_text(out, "name", o->key);
        put_uint(out, "version", expect_version(at));
    }
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

/* The record as it will be. */
static void expect_record(const op *o, const moment *at, expected *e, const model_run *changed) {
    model_run run = *changed;
    run.updated_us = model_time(at->model, MODEL_SYSTEM, at->wall_us);
    const model_write write = {MODEL_SYSTEM, MODEL_RUN,
                               o->key,       arena_bytes(&e->arena, st_slice(&run, sizeof run)),
                               false,        0};
    (void)expect_write(e, at, &write);
}

/* Whether it moves; else the error is there. */
static bool expect_move(const op *o, const moment *at, expected *e, int to) {
    const model_version *version;
    const model_run *found = find_run(at, o->key, &version);
    if (found == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return false;
    }
    if (found->place == MODEL_DEFAULT || !may_move(found->status, to)) {
        expect_error(e, STRATA_CONSTRAINT,
                     found->place == MODEL_DEFAULT ? "default_run" : "transition");
        return false;
    }
    model_run run = *found;
    run.status = to;
    run.error = o->text.len > 0 ? o->text : run.error;
    expect_record(o, at, e, &run);
    return true;
}

static void predict_to(const op *o, const moment *at, expected *e, int to) {
    if (expect_move(o, at, e, to)) {
        put_uint(expect_ok(e, 1), "version", expect_version(at));
    }
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

/* ---- Begin and end --------------------------------------------------------------------------- */

static void make_begin(maker *mk, op *o) {
    make_create(mk, o);
    if (o->key.len == 0 ||
        model_table_of(mk->model, MODEL_SYSTEM, MODEL_RUN)->count + 8 > MODEL_RUNS_MAX) {
        make_move(mk, o);
    }
}

static void predict_begin(const op *o, const moment *at, expected *e) {
    const model_version *version;
    if (!expect_small(o, at, e)) {
        return;
    }
    const model_run *found = find_run(at, o->key, &version);
    if (found != NULL && found->status == ACTIVE) {
        put_bool(expect_ok(e, 1), "created", false);
    } else if (found != NULL ? expect_move(o, at, e, ACTIVE) : expect_created(o, at, e)) {
        strata_buffer *out = expect_ok(e, 2);
        put_bool(out, "created", found == NULL);
        put_uint(out, "version", expect_version(at));
    }
}

static void make_end(maker *mk, op *o) {
    static const int odd[] = {ACTIVE, PAUSED, ARCHIVED};
    make_move(mk, o);
    if (one_in(mk, 12)) {
        o->type = strata_text(statuses[odd[pick(mk, 3)]]);
    } else if (one_in(mk, 2)) {
        o->type = strata_text(statuses[COMPLETED + pick(mk, 3)]);
    }
    if (one_in(mk, 3)) {
        o->text = pick_text(mk, "reason %u", (unsigned)pick(mk, 100));
    }
}

static void predict_end(const op *o, const moment *at, expected *e) {
    int to = COMPLETED;
    for (int i = 0; i <= ARCHIVED && o->type.len > 0; i++) {
        to = st_slice_equal(o->type, strata_text(statuses[i])) ? i : to;
    }
    if (to < COMPLETED || to == ARCHIVED || (to == COMPLETED && o->text.len > 0)) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    predict_to(o, at, e, to);
}

/* ---- Edits ----------------------------------------------------------------------------------- */

static void make_tag(maker *mk, op *o) {
    make_move(mk, o);
    o->tags = pick_tags(mk);
    o->expected = pick_tags(mk);
}

/* What is to be written, if it is not what is there. */
static void expect_edit(const op *o, const moment *at, expected *e, const model_run *found,
                        const model_run *edited) {
    const bool changed = !st_slice_equal(found->tags, edited->tags) ||
                         !st_slice_equal(found->metadata, edited->metadata);
    if (changed) {
        expect_record(o, at, e, edited);
    }
    strata_buffer *out = expect_ok(e, changed ? 2 : 1);
    put_bool(out, "changed", changed);
    if (changed) {
        put_uint(out, "version", expect_version(at));
    }
}

static void predict_tag(const op *o, const moment *at, expected *e) {
    const model_version *version;
    const model_run *found = find_run(at, o->key, &version);
    if (found == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    model_run run = *found;
    run.tags = run_change_tags(e, found->tags, o->expected, o->tags);
    expect_edit(o, at, e, found, &run);
}

static void make_update(maker *mk, op *o) {
    make_move(mk, o);
    o->value = pick_object(mk);
}

static void predict_update(const op *o, const moment *at, expected *e) {
    const model_version *version;
    strata_buffer merged = {NULL, 0, 0, NULL};
    if (!expect_small(o, at, e)) {
        return;
    }
    const model_run *found = find_run(at, o->key, &version);
    if (found == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    model_run run = *found;
    put(st_merge_patch(found->metadata, o->value, &e->arena, &merged));
    run.metadata = arena_bytes(&e->arena, st_buffer_slice(&merged));
    strata_buffer_free(&merged);
    if (run.metadata.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return;
    }
    expect_edit(o, at, e, found, &run);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void put_run(strata_buffer *out, strata_slice name, const model_version *version) {
    const model_run *run = version->value.data;
    put(st_msgpack_put_object(out, 7u + (run->parent.len > 0 ? 1u : 0u) +
                                       (run->error.len > 0 ? 1u : 0u) + (run->forked ? 1u : 0u)));
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
    if (run->forked && run->forked_us != 0) {
        put_int(out, "forked_at_time", run->forked_us);
    } else if (run->forked) {
        put_uint(out, "forked_at", run->forked_at);
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

static bool has_any_tag(strata_slice tags, strata_slice wanted) {
    st_cursor cursor = st_cursor_over(wanted);
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token));
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token tag;
        assert_true(st_msgpack_next(&cursor, &tag));
        if (tags_hold(tags, tag.as.bytes)) {
            return true;
        }
    }
    return false;
}

static bool run_fits(const op *o, const model_run *run) {
    return (o->type.len == 0 || st_slice_equal(o->type, strata_text(statuses[run->status]))) &&
           (o->tag.len == 0 || tags_hold(run->tags, o->tag)) &&
           (o->tags.len == 0 || has_any_tag(run->tags, o->tags)) &&
           (o->parent.len == 0 || st_slice_equal(o->parent, run->parent));
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
        if (version == NULL || version->deleted || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            expect_list_end(e, &list, last);
            return;
        }
        last = cell->key;
        if (run_fits(o, version->value.data)) {
            put_run(out, cell->key, version);
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static void make_query(maker *mk, op *o) {
    make_list(mk, o);
    o->tag = st_slice("", 0);
    o->tags = one_in(mk, 2) ? pick_tags(mk) : st_slice("", 0);
    o->parent = one_in(mk, 4) ? pick_run(mk) : st_slice("", 0);
    o->prefix = one_in(mk, 4) ? strata_text("run") : st_slice("", 0);
}

static void make_children(maker *mk, op *o) {
    make_move(mk, o);
    o->cursor = one_in(mk, 4) ? pick_text(mk, "run%u", (unsigned)pick(mk, 7)) : st_slice("", 0);
    o->limit = pick_limit(mk);
}

static void predict_children(const op *o, const moment *at, expected *e) {
    const model_version *version;
    const op page = {.parent = o->key, .cursor = o->cursor, .limit = o->limit};
    if (!expect_bounds(o, e)) {
        return;
    }
    if (find_run(at, o->key, &version) == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    predict_list(&page, at, e);
}

static void make_history(maker *mk, op *o) {
    make_move(mk, o);
    o->until = one_in(mk, 3) ? 1 + pick(mk, mk->model->last + 2) : 0;
    o->limit = pick_limit(mk);
}

/* Run 0 keeps everything. */
static void predict_history(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const uint64_t before = o->until == 0 ? UINT64_MAX : o->until;
    const model_version *version;
    uint64_t next = 0;
    open_list list;
    if (!expect_bounds(o, e)) {
        return;
    }
    version = model_find(at->model, MODEL_SYSTEM, MODEL_RUN, o->key, at->snapshot);
    if (before == UINT64_MAX && version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    const model_table *table = model_table_of(at->model, MODEL_SYSTEM, MODEL_RUN);
    strata_buffer *out = expect_list(e, "revisions", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        uint64_t last = 0;
        for (size_t j = st_slice_equal(cell->key, o->key) ? cell->count : 0; j > 0; j--) {
            version = &cell->versions[j - 1];
            if (version->number > at->snapshot || version->number >= before) {
                continue;
            }
            if (list.count == limit) {
                next = last;
                break;
            }
            put(st_msgpack_put_object(out, version->deleted ? 3 : 4));
            put_stamp(out, version);
            put_bool(out, "deleted", version->deleted);
            if (!version->deleted) {
                put_name(out, "run");
                put_run(out, cell->key, version);
            }
            last = version->number;
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
    if (next > 0) {
        st_msgpack_patch(out, list.object, 2);
        put_uint(out, "next", next);
    }
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

/* ---- What a run holds ------------------------------------------------------------------------ */

/* What the model has of a kind, at a moment. */
typedef struct holding {
    uint64_t cells;
    uint64_t live;
    uint64_t versions;
} holding;

static holding held(const op *o, const moment *at, unsigned run, model_kind kind) {
    const model_table *table = model_table_of(at->model, run, kind);
    holding all = {0, 0, 0};
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *seen = model_seen(cell, at->snapshot);
        all.cells += seen != NULL;
        all.live += seen != NULL && !seen->deleted && (kind != MODEL_KV || kv_is_live(o, at, seen));
        for (size_t j = 0; j < cell->count; j++) {
            all.versions += cell->versions[j].number <= at->snapshot;
        }
    }
    return all;
}

static void make_stats(maker *mk, op *o) {
    o->key = pick_run(mk);
    o->key = o->key.len == 0 ? strata_text("default") : o->key;
}

static void predict_stats(const op *o, const moment *at, expected *e) {
    const model_version *version;
    unsigned run;
    if (!op_has_run(&(op){.run = o->key}, at, &run) || find_run(at, o->key, &version) == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
    } else {
        (void)expect_ok(e, 0);
    }
}

/* What there is of a primitive: all keys that have a value, and of versions those that were not let go. Of a
 * document not all versions are whole, but one is. */
static bool primitive_holds(const op *o, const moment *at, unsigned run, const history_thing *thing,
                            strata_slice told) {
    const bool loose = history_is_loose(at, run);
    const holding all = held(o, at, run, thing->kind);
    const uint64_t most = all.versions;
    const uint64_t least = loose ? all.live : thing->kind == MODEL_JSON ? all.cells : all.versions;
    const uint64_t keys = (uint64_t)int_of(field_of(told, "keys"));
    const uint64_t versions = (uint64_t)int_of(field_of(told, "versions"));
    /* Of labels, many versions have one key. */
    const bool known = thing->kind == MODEL_LABEL ? keys <= all.live && (keys > 0) == (versions > 0)
                                                  : keys == all.live;
    return known && versions >= (thing->kind == MODEL_LABEL && loose ? 0 : least) &&
           versions <= most && (int_of(field_of(told, "bytes")) > 0) == (versions > 0);
}

/* The oldest commit to a run that is kept, and the newest one. */
static bool ends_hold(const moment *at, unsigned run, strata_slice told) {
    const model_version *first = NULL;
    const model_version *last = NULL;
    for (size_t kind = 0; kind < MODEL_KINDS; kind++) {
        const model_table *table = model_table_of(at->model, run, (model_kind)kind);
        for (size_t i = 0; i < table->count; i++) {
            for (size_t j = 0; j < table->cells[i]->count; j++) {
                const model_version *version = &table->cells[i]->versions[j];
                if (version->number > at->snapshot) {
                    continue;
                }
                first = first == NULL || version->number < first->number ? version : first;
                last = last == NULL || version->number > last->number ? version : last;
            }
        }
    }
    if (first == NULL) {
        return field_of(told, "first_version").len == 0;
    }
    return (uint64_t)int_of(field_of(told, "first_version")) == first->number &&
           int_of(field_of(told, "first_time")) == first->timestamp_us &&
           (uint64_t)int_of(field_of(told, "last_version")) == last->number &&
           int_of(field_of(told, "last_time")) == last->timestamp_us;
}

static bool stats_match(const op *o, const moment *at, const expected *e, strata_slice response) {
    const strata_slice told = object_of(response);
    uint64_t events = 0;
    st_cursor cursor;
    unsigned run;
    uint32_t left = history_items(field_of(told, "primitives"), &cursor);
    strata_slice item = left > 0 ? history_next_item(&cursor) : st_slice("", 0);
    bool holds = op_has_run(&(op){.run = o->key}, at, &run);
    (void)e;
    for (size_t i = 0; holds && i <= HISTORY_THINGS; i++) {
        static const history_thing labels = {MODEL_LABEL, "provenance", 0, 0};
        const history_thing *thing = i == HISTORY_THINGS ? &labels : &history_things[i];
        const bool listed = left > 0 && st_slice_equal(text_of(field_of(item, "primitive")),
                                                       strata_text(thing->name));
        holds = primitive_holds(o, at, run, thing, listed ? item : st_slice("", 0));
        if (listed) {
            item = --left > 0 ? history_next_item(&cursor) : st_slice("", 0);
        }
    }
    (void)event_tail(at, run, &events);
    return holds && left == 0 && (uint64_t)int_of(field_of(told, "events")) == events &&
           (history_is_loose(at, run) || ends_hold(at, run, told));
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
    {.name = "run.begin",
     .args = "key! parent tags metadata",
     .weight = 6,
     .make = make_begin,
     .predict = predict_begin,
     .writes = true},
    {.name = "run.end",
     .args = "name status error?",
     .weight = 2,
     .make = make_end,
     .predict = predict_end,
     .writes = true},
    {.name = "run.tag",
     .args = "name add remove",
     .weight = 4,
     .make = make_tag,
     .predict = predict_tag,
     .writes = true},
    {.name = "run.update",
     .args = "name metadata!",
     .weight = 4,
     .make = make_update,
     .predict = predict_update,
     .writes = true},
    {.name = "run.query",
     .args = "prefix status tags parent limit cursor",
     .weight = 3,
     .make = make_query,
     .predict = predict_list},
    {.name = "run.children",
     .args = "name limit cursor",
     .weight = 2,
     .make = make_children,
     .predict = predict_children},
    {.name = "run.history",
     .args = "name before# limit",
     .weight = 3,
     .make = make_history,
     .predict = predict_history},
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
    {.name = "run.stats",
     .args = "key!",
     .weight = 6,
     .make = make_stats,
     .predict = predict_stats,
     .matches = stats_match},
    {.name = "run.list",
     .args = "status tag limit cursor",
     .weight = 3,
     .make = make_list,
     .predict = predict_list},
};
const size_t ops_run_count = sizeof ops_run / sizeof ops_run[0];
