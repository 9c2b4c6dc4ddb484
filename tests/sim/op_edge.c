/* op_edge.c - edges and walks along them: the model keeps each edge once by where it begins, and once by
 * where it ends, and walks by looking at all of them.
 */
#include "history.h"

#include "base/bytes.h"
#include "base/limits.h"

/* ---- Keys ------------------------------------------------------------------------------------ */

strata_slice edge_key(st_arena *arena, const op *o) {
    const strata_slice names[] = {o->key, o->type, o->text};
    return texts_key(arena, names, 3);
}

static strata_slice edge_in_key(st_arena *arena, const op *o) {
    const strata_slice names[] = {o->text, o->type, o->key};
    return texts_key(arena, names, 3);
}

/* With the zero behind its last text. */
strata_slice edge_prefix(st_arena *arena, const op *o) {
    const strata_slice names[] = {o->key, o->type, st_slice("", 0)};
    return texts_key(arena, names, o->type.len > 0 ? 3 : 2);
}

/* The three texts of a key. */
static void names_of(strata_slice key, strata_slice names[3]) {
    const char *at = key.data;
    const char *end = at + key.len;
    for (size_t i = 0; i < 3; i++) {
        const char *mark = i == 2 ? end : memchr(at, 0, (size_t)(end - at));
        assert_non_null(mark);
        names[i] = st_slice(at, (size_t)(mark - at));
        at = mark + 1;
    }
}

static bool expect_names(const op *o, expected *e) {
    if (!expect_key(o->key, e) || !expect_key(o->type, e) || !expect_key(o->text, e)) {
        return false;
    }
    if (o->key.len + o->type.len + o->text.len > ST_KEY_BYTES_MAX) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
        return false;
    }
    return true;
}

/* ---- One edge -------------------------------------------------------------------------------- */

static strata_slice pick_name(maker *mk) {
    return one_in(mk, 40) ? pick_key(mk, 'n') : pick_text(mk, "n%u", (unsigned)pick(mk, 7));
}

static void make_names(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_name(mk);
    o->type = pick_text(mk, "e%u", (unsigned)pick(mk, 2));
    o->text = pick_name(mk);
}

static void make_put(maker *mk, op *o) {
    make_names(mk, o);
    o->by = one_in(mk, 2) ? (int64_t)pick(mk, 100) - 50 : 0;
    o->value = one_in(mk, 2) ? pick_object(mk) : st_slice("", 0);
}

static void predict_put(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    if (!expect_fitting(at, o->value, e) || !expect_names(o, e) || !expect_writable(at, run, e)) {
        return;
    }
    const strata_slice kept = state_with(&e->arena, (uint64_t)o->by, o->value);
    const model_write out = {run, MODEL_EDGE, edge_key(&e->arena, o), kept, false, 0};
    const model_write in = {run, MODEL_EDGE_IN, edge_in_key(&e->arena, o), st_slice("", 0), false,
                            0};
    (void)expect_write(e, at, &out);
    (void)expect_write(e, at, &in);
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

static void predict_delete(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_names(o, e) || !expect_writable(at, run, e)) {
        return;
    }
    const model_write out = {run, MODEL_EDGE, edge_key(&e->arena, o), st_slice("", 0), true, 0};
    const model_write in = {run, MODEL_EDGE_IN, edge_in_key(&e->arena, o), st_slice("", 0), true,
                            0};
    const bool existed = model_live(at->model, run, MODEL_EDGE, out.key, at->snapshot) != NULL;
    strata_buffer *told = expect_ok(e, existed ? 2 : 1);
    put_bool(told, "existed", existed);
    if (existed) {
        (void)expect_write(e, at, &out);
        (void)expect_write(e, at, &in);
        put_uint(told, "version", expect_version(at));
    }
}

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void put_names(strata_buffer *out, const strata_slice names[3]) {
    put_text(out, "src", names[0]);
    put_text(out, "type", names[1]);
    put_text(out, "dst", names[2]);
}

static void put_edge(strata_buffer *out, strata_slice key, const model_version *version) {
    static const uint8_t none = 0x80;
    const int64_t weight = (int64_t)load64_le(version->value.data);
    const strata_slice properties =
        st_slice((const uint8_t *)version->value.data + 8, version->value.len - 8);
    strata_slice names[3];
    names_of(key, names);
    put(st_msgpack_put_object(out, weight != 0 ? 7 : 6));
    put_names(out, names);
    if (weight != 0) {
        put_name(out, "weight");
        put(st_msgpack_put_float(out, (double)weight));
    }
    put_raw(out, "properties", properties.len > 0 ? properties : st_slice(&none, 1));
    put_stamp(out, version);
}

static void make_get(maker *mk, op *o) {
    strata_slice names[3];
    make_names(mk, o);
    const strata_slice known = pick_known(mk, o, MODEL_EDGE);
    if (known.len > 0) {
        names_of(known, names);
        o->key = names[0];
        o->type = names[1];
        o->text = names[2];
    }
    pick_when(mk, o);
}

static void predict_get(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_names(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const strata_slice key = edge_key(&e->arena, o);
    const model_version *version = model_live(at->model, run, MODEL_EDGE, key, snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 1);
    put_name(out, "edge");
    put_edge(out, key, version);
}

static bool trims_get(const op *o, const moment *at) {
    st_arena arena;
    st_arena_init(&arena, &strata_host_default()->memory, 0);
    const bool trims = history_trims(o, at, MODEL_EDGE, edge_key(&arena, o));
    st_arena_free(&arena);
    return trims;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

static void make_list(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_text(mk, "n%u", (unsigned)pick(mk, 7));
    o->type = one_in(mk, 2) ? pick_text(mk, "e%u", (unsigned)pick(mk, 2)) : st_slice("", 0);
    o->limit = pick_limit(mk);
}

static strata_slice cursor_of(expected *e, const strata_slice type, strata_slice other) {
    char text[64];
    const int len =
        snprintf(text, sizeof text, "%zu:%.*s", type.len, (int)type.len, (const char *)type.data);
    uint8_t *cursor = st_arena_alloc(&e->arena, (size_t)len + other.len, 1);
    assert_non_null(cursor);
    memcpy(cursor, text, (size_t)len);
    memcpy(cursor + len, other.data, other.len);
    return st_slice(cursor, (size_t)len + other.len);
}

/* out: key is where they begin; in: where they end. */
static void predict_edges(const op *o, const moment *at, expected *e, bool in) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const op page = {.prefix = edge_prefix(&e->arena, o)};
    strata_slice last = {NULL, 0};
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) || !expect_key(o->key, e)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, in ? MODEL_EDGE_IN : MODEL_EDGE);
    strata_buffer *out = expect_list(e, "edges", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *version = model_seen(cell, at->snapshot);
        strata_slice names[3];
        if (version == NULL || version->deleted || !in_page(&page, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            e->stood = cell->key;
            expect_list_end(e, &list, last);
            return;
        }
        names_of(cell->key, names);
        last = cursor_of(e, names[1], names[2]);
        const strata_slice turned[] = {names[2], names[1], names[0]};
        const strata_slice key = in ? texts_key(&e->arena, turned, 3) : cell->key;
        put_edge(out, key,
                 in ? model_live(at->model, run, MODEL_EDGE, key, at->snapshot) : version);
        list.count++;
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static void predict_out(const op *o, const moment *at, expected *e) {
    predict_edges(o, at, e, false);
}

static void predict_in(const op *o, const moment *at, expected *e) {
    predict_edges(o, at, e, true);
}

/* ---- Walks ----------------------------------------------------------------------------------- */

static void make_traverse(maker *mk, op *o) {
    static const char *const directions[] = {"", "out", "in", "both"};
    o->run = pick_run(mk);
    o->key = pick_text(mk, "n%u", (unsigned)pick(mk, 7));
    o->direction = strata_text(directions[pick(mk, 4)]);
    o->number = one_in(mk, 30) ? 11 : pick(mk, 6);
    o->limit = pick_limit(mk);
}

enum { REACHED_MAX = 256 };

typedef struct walk {
    const op *o;
    const moment *at;
    unsigned run;
    strata_slice names[REACHED_MAX];
    unsigned depths[REACHED_MAX];
    size_t count; /* with the first one */
    uint64_t limit;
    uint64_t seen;
    bool truncated;
    strata_buffer *out;
} walk;

static bool was_met(const walk *w, strata_slice name) {
    for (size_t i = 0; i < w->count; i++) {
        if (st_slice_equal(w->names[i], name)) {
            return true;
        }
    }
    return false;
}

static void meet(walk *w, strata_slice name, unsigned depth, const strata_slice edge[3]) {
    if (w->count - 1 == w->limit) {
        w->truncated = true;
        return;
    }
    assert_true(w->count < REACHED_MAX);
    w->names[w->count] = name;
    w->depths[w->count++] = depth;
    put(st_msgpack_put_object(w->out, 5));
    put_text(w->out, "name", name);
    put_uint(w->out, "depth", depth);
    put_names(w->out, edge);
}

static void look_along(walk *w, strata_slice from, unsigned depth, bool in) {
    const model_table *table =
        model_table_of(w->at->model, w->run, in ? MODEL_EDGE_IN : MODEL_EDGE);
    for (size_t i = 0; i < table->count && !w->truncated; i++) {
        const model_version *version = model_seen(table->cells[i], w->at->snapshot);
        strata_slice names[3];
        names_of(table->cells[i]->key, names);
        if (version == NULL || version->deleted || !st_slice_equal(names[0], from)) {
            continue;
        }
        w->seen++;
        const strata_slice edge[] = {names[in ? 2 : 0], names[1], names[in ? 0 : 2]};
        if (!was_met(w, names[2])) {
            meet(w, names[2], depth, edge);
        }
    }
}

static void predict_traverse(const op *o, const moment *at, expected *e) {
    const uint64_t depth = o->number == 0 ? 1 : o->number;
    const bool out = !st_slice_equal(o->direction, strata_text("in"));
    const bool in = o->direction.len > 0 && !st_slice_equal(o->direction, strata_text("out"));
    walk w = {.o = o, .at = at, .limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit};
    open_list list;
    if (!expect_run(o, at, e, &w.run) || !expect_bounds(o, e)) {
        return;
    }
    if (depth > 10) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    w.names[w.count++] = o->key;
    w.out = expect_list(e, "reached", &list);
    for (size_t i = 0; i < w.count && w.depths[i] < depth && !w.truncated; i++) {
        if (out) {
            look_along(&w, w.names[i], w.depths[i] + 1, false);
        }
        if (in) {
            look_along(&w, w.names[i], w.depths[i] + 1, true);
        }
    }
    list.count = (uint32_t)w.count - 1;
    expect_list_end(e, &list, st_slice(NULL, 0));
    st_msgpack_patch(w.out, list.object, 3);
    put_uint(w.out, "edges_seen", w.seen);
    put_bool(w.out, "truncated", w.truncated);
}

const op_kind ops_edge[] = {
    {.name = "edge.put",
     .args = "run src type dst weight properties",
     .weight = 35,
     .make = make_put,
     .predict = predict_put,
     .writes = true},
    {.name = "edge.delete",
     .args = "run src type dst",
     .weight = 15,
     .make = make_names,
     .predict = predict_delete,
     .writes = true},
    {.name = "edge.get",
     .args = "run src type dst as_of as_of_time",
     .weight = 8,
     .make = make_get,
     .predict = predict_get,
     .trims = trims_get,
     .reads_past = reads_past},
    {.name = "edge.out",
     .args = "run src type? limit",
     .weight = 6,
     .make = make_list,
     .predict = predict_out,
     .trims = history_trims_whole},
    {.name = "edge.in",
     .args = "run dst! type? limit",
     .weight = 6,
     .make = make_list,
     .predict = predict_in,
     .trims = history_trims_whole},
    {.name = "edge.traverse",
     .args = "run from direction depth limit",
     .weight = 8,
     .make = make_traverse,
     .predict = predict_traverse,
     .trims = history_trims_whole},
};
const size_t ops_edge_count = sizeof ops_edge / sizeof ops_edge[0];
