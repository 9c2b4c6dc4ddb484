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
    o->by =
        one_in(mk, 2) ? (int64_t)pick(mk, 100) - 4 : 0; /* paths by weight refuse those below 0 */
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

/* An edge as it was met: the name it came from, its type, the name it led to. */
typedef struct crossing {
    size_t from; /* a place in walk.names */
    strata_slice type;
    strata_slice other;
    bool in; /* it was walked against */
} crossing;

typedef struct walk {
    const op *o;
    const moment *at;
    unsigned run;
    uint64_t snapshot;
    bool along;
    bool against;
    strata_slice names[REACHED_MAX];
    unsigned depths[REACHED_MAX];
    crossing by[REACHED_MAX]; /* the edges that led to them */
    size_t count;             /* with the first one */
    uint64_t limit;
    uint64_t edges_max;
    uint64_t seen;
    bool truncated;
    strata_buffer *out;
    bool names_only;
} walk;

/* Whether it can begin; at the name of the operation. */
static bool expect_walk(const op *o, const moment *at, expected *e, walk *w) {
    *w = (walk){.o = o, .at = at, .edges_max = UINT64_MAX};
    w->along = !st_slice_equal(o->direction, strata_text("in"));
    w->against = o->direction.len > 0 && !st_slice_equal(o->direction, strata_text("out"));
    w->limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    w->names[w->count++] = o->key;
    return expect_run(o, at, e, &w->run) && expect_bounds(o, e) &&
           expect_as_of(o, at, e, w->run, &w->snapshot);
}

/* Its place; count: it was not met. */
static size_t place_of(const walk *w, strata_slice name) {
    size_t i = 0;
    while (i < w->count && !st_slice_equal(w->names[i], name)) {
        i++;
    }
    return i;
}

static void add_name(walk *w, const crossing *by, unsigned depth) {
    assert_true(w->count < REACHED_MAX);
    w->names[w->count] = by->other;
    w->depths[w->count] = depth;
    w->by[w->count++] = *by;
}

static void ends_of(const walk *w, const crossing *by, strata_slice edge[3]) {
    edge[by->in ? 2 : 0] = w->names[by->from];
    edge[1] = by->type;
    edge[by->in ? 0 : 2] = by->other;
}

static void reach(walk *w, const crossing *by, unsigned depth) {
    strata_slice edge[3];
    if (w->count - 1 == w->limit) {
        w->truncated = true;
        return;
    }
    add_name(w, by, depth);
    if (w->names_only) {
        put(st_msgpack_put_string(w->out, by->other));
        return;
    }
    ends_of(w, by, edge);
    put(st_msgpack_put_object(w->out, 5));
    put_text(w->out, "name", by->other);
    put_uint(w->out, "depth", depth);
    put_names(w->out, edge);
}

/* The next edge of a name: by way of those that begin there, then those that end there. *step: where it is;
 * 0 at first. False: there is none, or enough were looked at. */
static bool cross(walk *w, size_t from, size_t *step, crossing *by) {
    const model_table *out = model_table_of(w->at->model, w->run, MODEL_EDGE);
    const model_table *in = model_table_of(w->at->model, w->run, MODEL_EDGE_IN);
    for (; *step < out->count + in->count; (*step)++) {
        const bool turned = *step >= out->count;
        const model_cell *cell = turned ? in->cells[*step - out->count] : out->cells[*step];
        const model_version *version = model_seen(cell, w->snapshot);
        strata_slice names[3];
        names_of(cell->key, names);
        if (!(turned ? w->against : w->along) || version == NULL || version->deleted ||
            !st_slice_equal(names[0], w->names[from]) ||
            (w->o->value.len > 0 && !tags_hold(w->o->value, names[1]))) {
            continue;
        }
        if (w->seen == w->edges_max) {
            w->truncated = true;
            return false;
        }
        w->seen++;
        (*step)++;
        *by = (crossing){from, names[1], names[2], turned};
        return true;
    }
    return false;
}

static void reach_all(walk *w, uint64_t depth) {
    crossing by;
    for (size_t i = 0; i < w->count && w->depths[i] < depth && !w->truncated; i++) {
        for (size_t step = 0; !w->truncated && cross(w, i, &step, &by);) {
            if (place_of(w, by.other) == w->count) {
                reach(w, &by, w->depths[i] + 1);
            }
        }
    }
}

static void expect_reached(walk *w, expected *e, const char *name, uint64_t depth) {
    open_list list;
    w->out = expect_list(e, name, &list);
    reach_all(w, depth);
    list.count = (uint32_t)w->count - 1;
    expect_list_end(e, &list, st_slice(NULL, 0));
    st_msgpack_patch(w->out, list.object, 3);
    put_uint(w->out, "edges_seen", w->seen);
    put_bool(w->out, "truncated", w->truncated);
}

static void predict_traverse(const op *o, const moment *at, expected *e) {
    const uint64_t depth = o->number == 0 ? 1 : o->number;
    walk w;
    if (!expect_walk(o, at, e, &w)) {
        return;
    }
    if (depth > 10) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    expect_reached(&w, e, "reached", depth);
}

/* Mostly any; that one is given twice makes no difference. */
static strata_slice pick_types(maker *mk) {
    static const uint8_t one[] = {0x91, 0xa2, 'e', '1'};
    static const uint8_t both[] = {0x93, 0xa2, 'e', '1', 0xa2, 'e', '0', 0xa2, 'e', '1'};
    switch (pick(mk, 4)) {
    case 0:
        return st_slice(one, sizeof one);
    case 1:
        return st_slice(both, sizeof both);
    default:
        return st_slice("", 0);
    }
}

static void make_walk(maker *mk, op *o) {
    make_traverse(mk, o);
    o->value = pick_types(mk);
    o->until = one_in(mk, 4) ? 1 + pick(mk, 12) : 0; /* edges */
    pick_when(mk, o);
}

static void limit_edges(walk *w, uint64_t otherwise) {
    w->edges_max = w->o->until == 0 ? otherwise : w->o->until;
}

static void predict_neighbours(const op *o, const moment *at, expected *e) {
    walk w;
    if (expect_walk(o, at, e, &w)) {
        limit_edges(&w, w.limit * 100);
        w.names_only = true;
        expect_reached(&w, e, "names", 1);
    }
}

/* ---- Paths ----------------------------------------------------------------------------------- */

enum { WAYS_MAX = 8192, NOWHERE = WAYS_MAX };

static void make_path(maker *mk, op *o) {
    make_walk(mk, o);
    o->text = pick_name(mk);
    o->whole = one_in(mk, 2); /* by weight */
    o->limit = 0;
}

/* A way to a name, in the order of finding. */
typedef struct way {
    int64_t weight;
    uint64_t edges;
    crossing by;
    size_t before; /* the way that it goes on from; NOWHERE: it begins */
    size_t place;  /* of the name */
    bool taken;
} way;

typedef struct route {
    walk w;
    way *ways;
    size_t count;
    uint64_t fewest[REACHED_MAX]; /* edges of a way that was taken to that name */
    bool negative;
} route;

static const model_version *edge_of(route *r, expected *e, const crossing *by, strata_slice *key) {
    strata_slice edge[3];
    ends_of(&r->w, by, edge);
    *key = texts_key(&e->arena, edge, 3);
    return model_live(r->w.at->model, r->w.run, MODEL_EDGE, *key, r->w.snapshot);
}

static int64_t weight_of(route *r, expected *e, const crossing *by) {
    strata_slice key;
    const model_version *version = edge_of(r, e, by, &key);
    const int64_t weight = (int64_t)load64_le(version->value.data);
    return !r->w.o->whole || weight == 0 ? 1 : weight;
}

static bool is_better(const way *a, const way *b) {
    return a->weight != b->weight ? a->weight < b->weight : a->edges < b->edges;
}

/* The best one that was not taken; of several, the first that was found. NOWHERE: none is left. */
static size_t take_best(route *r) {
    size_t best = NOWHERE;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->ways[i].taken && (best == NOWHERE || is_better(&r->ways[i], &r->ways[best]))) {
            best = i;
        }
    }
    if (best != NOWHERE) {
        r->ways[best].taken = true;
    }
    return best;
}

static void add_way(route *r, const way *found) {
    assert_true(r->count < WAYS_MAX);
    r->ways[r->count++] = *found;
}

/* Each edge that leads on from a way makes one more. By edges it ends where it arrives. */
static void go_on(route *r, expected *e, size_t before) {
    const way at = r->ways[before];
    walk *w = &r->w;
    way next = {.edges = at.edges + 1, .before = before};
    for (size_t step = 0; !r->negative && cross(w, at.place, &step, &next.by);) {
        const int64_t weight = weight_of(r, e, &next.by);
        r->negative = weight < 0;
        next.weight = at.weight + weight;
        next.place = place_of(w, next.by.other);
        const bool is_new = next.place == w->count;
        if (is_new) {
            r->fewest[w->count] = UINT64_MAX;
            add_name(w, &next.by, 0);
        }
        if (w->o->whole ? next.edges < r->fewest[next.place] : is_new) {
            add_way(r, &next);
        }
        if (!w->o->whole && is_new && st_slice_equal(next.by.other, w->o->text)) {
            return;
        }
    }
}

/* The way that arrives; NOWHERE: there is none. */
static size_t find_route(route *r, expected *e) {
    const uint64_t depth = r->w.o->number == 0 ? UINT64_MAX : r->w.o->number;
    r->fewest[0] = UINT64_MAX;
    add_way(r, &(way){.before = NOWHERE});
    while (!r->w.truncated && !r->negative) {
        const size_t taken = take_best(r);
        const way *at = &r->ways[taken];
        if (taken == NOWHERE) {
            return NOWHERE;
        }
        if (at->edges >= r->fewest[at->place]) {
            continue;
        }
        r->fewest[at->place] = at->edges;
        if (st_slice_equal(r->w.names[at->place], r->w.o->text)) {
            return taken;
        }
        if (at->edges < depth) {
            const size_t count = r->count;
            go_on(r, e, taken);
            const way *last = &r->ways[r->count - 1];
            if (!r->w.o->whole && r->count > count &&
                st_slice_equal(last->by.other, r->w.o->text)) {
                return r->count - 1;
            }
        }
    }
    return NOWHERE;
}

static void put_route(route *r, expected *e, strata_buffer *out, size_t end) {
    if (end != NOWHERE && r->ways[end].before != NOWHERE) {
        const size_t count = (size_t)r->ways[end].edges;
        const crossing **all = st_arena_alloc(&e->arena, count * sizeof(void *), 8);
        assert_non_null(all);
        for (size_t i = count; i > 0; i--, end = r->ways[end].before) {
            all[i - 1] = &r->ways[end].by;
        }
        for (size_t i = 0; i < count; i++) {
            strata_slice key;
            const model_version *version = edge_of(r, e, all[i], &key);
            put_edge(out, key, version);
        }
    }
}

static void predict_path(const op *o, const moment *at, expected *e) {
    route *r = st_arena_alloc(&e->arena, sizeof *r, 16);
    assert_non_null(r);
    memset(r, 0, sizeof *r);
    r->ways = st_arena_alloc(&e->arena, WAYS_MAX * sizeof(way), 16);
    assert_non_null(r->ways);
    open_list list;
    if (!expect_walk(o, at, e, &r->w) || !expect_key(o->text, e)) {
        return;
    }
    limit_edges(&r->w, 100000);
    const size_t end = find_route(r, e);
    if (r->negative) {
        expect_error(e, STRATA_CONSTRAINT, "negative_weight");
        return;
    }
    const bool found = end != NOWHERE;
    strata_buffer *out = expect_list(e, "edges", &list);
    put_route(r, e, out, end);
    list.count = found ? (uint32_t)r->ways[end].edges : 0;
    expect_list_end(e, &list, st_slice(NULL, 0));
    st_msgpack_patch(out, list.object, found && o->whole ? 5 : 4);
    put_bool(out, "found", found);
    if (found && o->whole) {
        put_name(out, "weight");
        put(st_msgpack_put_float(out, (double)r->ways[end].weight));
    }
    put_uint(out, "edges_seen", r->w.seen);
    put_bool(out, "truncated", !found && r->w.truncated);
}

/* Whatever edge there is may be on the way. */
static bool trims_walk(const op *o, const moment *at) {
    op all = *o;
    all.cursor = st_slice("", 0);
    return history_trims_list(&all, at, MODEL_EDGE) || history_trims_list(&all, at, MODEL_EDGE_IN);
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
    {.name = "edge.neighbours",
     .args = "run of direction types edges_max limit as_of as_of_time",
     .weight = 6,
     .make = make_walk,
     .predict = predict_neighbours,
     .trims = trims_walk,
     .reads_past = reads_past},
    {.name = "edge.path",
     .args = "run from to direction types weighted depth edges_max as_of as_of_time",
     .weight = 8,
     .make = make_path,
     .predict = predict_path,
     .trims = trims_walk,
     .reads_past = reads_past},
};
const size_t ops_edge_count = sizeof ops_edge / sizeof ops_edge[0];
