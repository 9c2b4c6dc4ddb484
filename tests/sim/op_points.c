/* op_points.c - what history tells of points: state and diff. A point is what a reader then sees; two points
 * differ where they show other versions.
 *
 * Three things are taken from the answer itself: cursors, which are keys of the store; the version that a
 * state of now or of a time shows; and where a document differs (tests/unit/format has that). Where something
 * may be gone the answer is exact, or refused.
 */
#include "history.h"

#include "base/limits.h"

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

/* Those that are asked for; all when none is named. */
static bool is_asked(const op *o, size_t thing) {
    st_cursor cursor = st_cursor_over(o->expected);
    st_token token;
    if (!st_msgpack_next(&cursor, &token)) {
        return true;
    }
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token name;
        assert_true(st_msgpack_next(&cursor, &name));
        if (st_slice_equal(name.as.bytes, strata_text(history_things[thing].name))) {
            return true;
        }
    }
    return false;
}

static void pick_things(maker *mk, op *o) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const size_t first = (size_t)pick(mk, HISTORY_THINGS);
    if (one_in(mk, 2)) {
        return;
    }
    put(st_msgpack_put_array(&out, 2));
    put(st_msgpack_put_string(&out, strata_text(history_things[first].name)));
    put(st_msgpack_put_string(&out, strata_text(history_things[pick(mk, HISTORY_THINGS)].name)));
    o->expected = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
}

/* ---- Points ---------------------------------------------------------------------------------- */

/* What a reader there finds of a cell; NULL: nothing. when: as_of or as_of_us, and its run. */
static const model_version *find_there(const op *when, const moment *at, model_kind kind,
                                       const model_cell *cell, uint64_t snapshot) {
    const model_version *version = model_seen(cell, snapshot);
    const bool live =
        version != NULL && (kind == MODEL_KV ? kv_is_live(when, at, version) : !version->deleted);
    return live ? version : NULL;
}

/* What a page has last that the model does not foresee. */
static void put_got(const expected *e, strata_buffer *out, const char *name) {
    const strata_slice got = field_of(object_of(e->got->response), name);
    put_raw(out, name, got.len > 0 ? got : st_slice("\xc0", 1));
}

static void make_state(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->limit = pick_limit(mk);
    pick_things(mk, o);
    pick_when(mk, o);
}

static void predict_state(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    bool more = false;
    open_list list;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    strata_buffer *out = expect_list(e, "items", &list);
    for (size_t t = 0; t < HISTORY_THINGS && !more; t++) {
        const model_table *table = model_table_of(at->model, run, history_things[t].kind);
        for (size_t i = 0; i < table->count && is_asked(o, t) && !more; i++) {
            const model_version *version =
                find_there(o, at, history_things[t].kind, table->cells[i], snapshot);
            more = version != NULL && list.count == limit;
            if (version == NULL || more) {
                continue;
            }
            const bool ends = version->expires_us != INT64_MAX;
            put(st_msgpack_put_object(out, ends ? 5 : 4));
            put_text(out, "ref",
                     history_ref(&e->arena, history_things[t].kind, table->cells[i]->key));
            put_name(out, "value");
            history_show(out, history_things[t].kind, version);
            put_stamp(out, version);
            if (ends) {
                put_int(out, "expires", version->expires_us);
            }
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
    st_msgpack_patch(out, list.object, more ? 3 : 2);
    if (o->as_of != UINT64_MAX) {
        put_uint(out, "version", o->as_of);
    } else {
        put_got(e, out, "version");
    }
    if (more) {
        put_got(e, out, "cursor");
    }
}

static bool trims_state(const op *o, const moment *at) {
    const op all = {.kind = o->kind, .run = o->run, .as_of = o->as_of, .as_of_us = o->as_of_us};
    bool trims = false;
    for (size_t t = 0; t < HISTORY_THINGS && !trims; t++) {
        trims = is_asked(o, t) && history_trims_list(&all, at, history_things[t].kind);
    }
    return trims;
}

/* ---- Differences ----------------------------------------------------------------------------- */

/* The other point: run type, as of the commit `until` or the time `by`. */
static op other_of(const op *o) {
    return (op){.kind = o->kind,
                .run = o->type.len > 0 ? o->type : o->run,
                .as_of = o->until,
                .as_of_us = o->by};
}

static void make_diff(maker *mk, op *o) {
    op other = {.as_of = UINT64_MAX};
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->type = one_in(mk, 2) ? pick_run(mk) : st_slice("", 0);
    o->limit = pick_limit(mk);
    pick_things(mk, o);
    pick_when(mk, o);
    pick_when(mk, &other);
    o->until = other.as_of;
    o->by = other.as_of_us;
    if (!mk->alone) { /* two readers of now would see two moments */
        o->by = 0;
        o->until = pick(mk, mk->model->last + 1);
    }
    o->reverse = one_in(mk, 3); /* without values */
    o->whole = one_in(mk, 5);   /* only counted */
}

typedef struct comparison {
    const op *o;
    op other;
    const moment *at;
    unsigned runs[2];
    uint64_t snapshots[2];
    uint64_t limit;
    open_list list;
    bool more;
    uint64_t counts[HISTORY_THINGS][3];
} comparison;

/* The change of that thing that the answer tells; empty: none. */
static strata_slice told_of(const expected *e, strata_slice ref) {
    st_cursor cursor;
    uint32_t left = history_items(field_of(object_of(e->got->response), "changes"), &cursor);
    while (left-- > 0) {
        const strata_slice told = history_next_item(&cursor);
        if (st_slice_equal(text_of(field_of(told, "ref")), ref)) {
            return told;
        }
    }
    return st_slice("", 0);
}

static void put_difference(comparison *c, expected *e, size_t thing, strata_slice ref,
                           const model_version *const sides[2]) {
    static const char *const names[2][2] = {{"before", "after"},
                                            {"before_version", "after_version"}};
    static const char *const kinds[] = {"added", "removed", "changed"};
    const size_t kind = sides[0] == NULL ? 0 : sides[1] == NULL ? 1 : 2;
    const bool values = !c->o->reverse;
    const bool paths = values && kind == 2 && history_things[thing].kind == MODEL_JSON;
    strata_buffer *out = &e->answer;
    if (c->o->whole) {
        c->counts[thing][kind]++;
        return;
    }
    c->more = c->list.count == c->limit;
    if (c->more) {
        return;
    }
    c->list.count++;
    put(st_msgpack_put_object(out, 2 + (kind == 2 ? 2u : 1u) * (values ? 2 : 1) + paths));
    put_text(out, "ref", ref);
    put_text(out, "kind", strata_text(kinds[kind]));
    for (size_t side = 0; side < 2; side++) {
        if (sides[side] != NULL && values) {
            put_name(out, names[0][side]);
            history_show(out, history_things[thing].kind, sides[side]);
        }
    }
    if (paths) {
        const strata_slice told = field_of(told_of(e, ref), "paths");
        st_cursor cursor;
        put_raw(out, "paths", history_items(told, &cursor) > 0 ? told : st_slice("\xc0", 1));
    }
    for (size_t side = 0; side < 2; side++) {
        if (sides[side] != NULL) {
            put_uint(out, names[1][side], sides[side]->number);
        }
    }
}

/* Whether there is no telling when it ended for a reader of a commit. */
static bool is_doubtful(const comparison *c, size_t side, const model_version *version) {
    const op *when = side == 0 ? c->o : &c->other;
    const model *m = c->at->model;
    return version != NULL && !version->deleted && version->expires_us != INT64_MAX &&
           when->as_of != UINT64_MAX &&
           (m->origins[c->runs[side]].base > 0 || history_is_loose(c->at, c->runs[side]));
}

static void compare_cells(comparison *c, expected *e, size_t thing, strata_slice key,
                          const model_cell *const cells[2]) {
    const model_kind kind = history_things[thing].kind;
    const strata_slice ref = history_ref(&e->arena, kind, key);
    const model_version *seen[2] = {NULL, NULL};
    const model_version *sides[2] = {NULL, NULL};
    bool doubtful = false;
    for (size_t i = 0; i < 2; i++) {
        const op *when = i == 0 ? c->o : &c->other;
        seen[i] = cells[i] == NULL ? NULL : model_seen(cells[i], c->snapshots[i]);
        sides[i] =
            seen[i] == NULL ? NULL : find_there(when, c->at, kind, cells[i], c->snapshots[i]);
        doubtful = doubtful || is_doubtful(c, i, seen[i]);
    }
    if (seen[0] != NULL && seen[1] != NULL && seen[0]->number == seen[1]->number) {
        return;
    }
    if (doubtful) {
        const strata_slice told = text_of(field_of(told_of(e, ref), "kind"));
        if (told.len == 0) { /* none, or one of the next page */
            c->more = c->list.count == c->limit &&
                      field_of(object_of(e->got->response), "cursor").len > 0;
            return;
        }
        for (size_t i = 0; i < 2; i++) {
            const bool there = !st_slice_equal(told, strata_text(i == 0 ? "added" : "removed"));
            const bool may_be = seen[i] != NULL && !seen[i]->deleted;
            sides[i] = there && may_be && (sides[i] != NULL || is_doubtful(c, i, seen[i])) ? seen[i]
                                                                                           : NULL;
        }
    }
    if ((sides[0] != NULL || sides[1] != NULL) && !history_same(kind, sides[0], sides[1])) {
        put_difference(c, e, thing, ref, sides);
    }
}

static void compare_tables(comparison *c, expected *e, size_t thing) {
    const model_table *tables[2];
    size_t at[2] = {0, 0};
    for (size_t i = 0; i < 2; i++) {
        tables[i] = model_table_of(c->at->model, c->runs[i], history_things[thing].kind);
    }
    while (!c->more && (at[0] < tables[0]->count || at[1] < tables[1]->count)) {
        const model_cell *cells[2];
        for (size_t i = 0; i < 2; i++) {
            cells[i] = at[i] < tables[i]->count ? tables[i]->cells[at[i]] : NULL;
        }
        const int order = cells[0] == NULL   ? 1
                          : cells[1] == NULL ? -1
                                             : st_slice_compare(cells[0]->key, cells[1]->key);
        cells[0] = order <= 0 ? cells[0] : NULL;
        cells[1] = order >= 0 ? cells[1] : NULL;
        compare_cells(c, e, thing, cells[order > 0 ? 1 : 0]->key, cells);
        at[0] += order <= 0;
        at[1] += order >= 0;
    }
}

static void put_summary(const comparison *c, strata_buffer *out) {
    static const char *const kinds[] = {"added", "removed", "changed"};
    size_t place;
    uint32_t count = 0;
    put_name(out, "summary");
    put(st_msgpack_open_object(out, &place));
    for (size_t t = 0; t < HISTORY_THINGS; t++) {
        if (c->counts[t][0] + c->counts[t][1] + c->counts[t][2] == 0) {
            continue;
        }
        count++;
        put_name(out, history_things[t].name);
        put(st_msgpack_put_object(out, 3));
        for (size_t kind = 0; kind < 3; kind++) {
            put_uint(out, kinds[kind], c->counts[t][kind]);
        }
    }
    st_msgpack_patch(out, place, count);
}

static bool expect_points(const op *o, const moment *at, expected *e, comparison *c) {
    *c = (comparison){.o = o, .other = other_of(o), .at = at, .limit = o->limit};
    c->limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    return expect_run(o, at, e, &c->runs[0]) && expect_run(&c->other, at, e, &c->runs[1]) &&
           expect_bounds(o, e) && expect_as_of(o, at, e, c->runs[0], &c->snapshots[0]) &&
           expect_as_of(&c->other, at, e, c->runs[1], &c->snapshots[1]);
}

static void predict_diff(const op *o, const moment *at, expected *e) {
    comparison c;
    if (!expect_points(o, at, e, &c)) {
        return;
    }
    strata_buffer *out = expect_list(e, "changes", &c.list);
    for (size_t t = 0; t < HISTORY_THINGS; t++) {
        if (is_asked(o, t)) {
            compare_tables(&c, e, t);
        }
    }
    expect_list_end(e, &c.list, st_slice(NULL, 0));
    st_msgpack_patch(out, c.list.object, 1u + o->whole + c.more);
    if (o->whole) {
        put_summary(&c, out);
    }
    if (c.more) {
        put_got(e, out, "cursor");
    }
}

/* Of counts there is no telling which of those that end by themselves had. */
static bool diff_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    (void)at;
    if (!o->whole) {
        return st_slice_equal(st_buffer_slice(&e->answer), response);
    }
    static const char *const kinds[] = {"added", "removed", "changed"};
    const strata_slice told = field_of(object_of(response), "summary");
    const strata_slice wanted = field_of(object_of(st_buffer_slice(&e->answer)), "summary");
    for (size_t t = 0; t < HISTORY_THINGS; t++) {
        for (size_t kind = 0; kind < 3 && history_things[t].kind != MODEL_KV; kind++) {
            if (int_of(field_of(field_of(told, history_things[t].name), kinds[kind])) !=
                int_of(field_of(field_of(wanted, history_things[t].name), kinds[kind]))) {
                return false;
            }
        }
    }
    return told.len > 0;
}

static bool diff_may_differ(const op *o, const moment *at, const answer *got) {
    expected e;
    comparison c;
    expected_init(&e);
    const bool trimmed =
        got->status == STRATA_HISTORY_TRIMMED && expect_points(o, at, &e, &c) &&
        (o->as_of != UINT64_MAX || o->as_of_us != 0 || o->until != UINT64_MAX || o->by != 0) &&
        (history_is_loose(at, c.runs[0]) || history_is_loose(at, c.runs[1]));
    expected_free(&e);
    return trimmed;
}

static bool diff_reads_past(const op *o) {
    return o->as_of != UINT64_MAX && o->until != UINT64_MAX;
}

const op_kind ops_points[] = {
    {.name = "history.state",
     .args = "run primitives as_of as_of_time limit",
     .weight = 10,
     .make = make_state,
     .predict = predict_state,
     .trims = trims_state,
     .reads_past = reads_past},
    {.name = "history.diff",
     .args =
         "run other_run primitives as_of as_of_time other_as_of other_as_of_time values summary "
         "limit",
     .weight = 20,
     .make = make_diff,
     .predict = predict_diff,
     .matches = diff_matches,
     .may_differ = diff_may_differ,
     .reads_past = diff_reads_past},
};
const size_t ops_points_count = sizeof ops_points / sizeof ops_points[0];
