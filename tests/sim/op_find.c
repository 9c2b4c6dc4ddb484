/* op_find.c - filters over documents, memories and entities, and indexes on them. The model looks at everything,
 * so whether there is an index decides nothing.
 *
 * An index is made in several commits, of which the answer tells the last: that of its record, those that fill
 * it, and that which says it is ready. The model takes their number from there. So indexes are made where
 * nothing fails and nobody else commits, and none is dropped, as the end of that is told nowhere
 * (tests/unit/model/test_field_index has both).
 */
#include "history.h"

#include "base/limits.h"

enum { ORDER_BYTES = 252, INDEX_COMMITS_MAX = 4 };

static const char *const paths[] = {"/a", "/b",    "/x",    "/x/a",        "/n",
                                    "/v", "/text", "/tags", "/metadata/x", "/metadata/y"};
enum { PATHS = sizeof paths / sizeof paths[0] };

/* ---- Filters --------------------------------------------------------------------------------- */

static void put_operand(maker *mk, strata_buffer *out) {
    switch (pick(mk, 6)) {
    case 0:
        put(st_msgpack_put_null(out));
        break;
    case 1:
        put(st_msgpack_put_string(out, pick_text(mk, "%u", (unsigned)pick(mk, 2))));
        break;
    case 2:
        put(st_msgpack_put_float(out, (double)pick(mk, 800) / 8));
        break;
    case 3:
        put(st_msgpack_put_bool(out, one_in(mk, 2)));
        break;
    default:
        put(st_msgpack_put_int(out, (int64_t)pick(mk, 200) - 60));
    }
}

static void put_condition(maker *mk, strata_buffer *out) {
    static const char *const ops[] = {"eq",  "ne", "lt",       "lte",   "gt",
                                      "gte", "in", "contains", "exists"};
    const size_t which = (size_t)pick(mk, sizeof ops / sizeof ops[0]);
    put(st_msgpack_put_object(out, 2));
    put_text(out, "path", strata_text(paths[pick(mk, PATHS)]));
    put_name(out, ops[which]);
    if (strcmp(ops[which], "exists") == 0) {
        put(st_msgpack_put_bool(out, one_in(mk, 2)));
    } else if (strcmp(ops[which], "in") == 0) {
        put(st_msgpack_put_array(out, 3));
        put_operand(mk, out);
        put_operand(mk, out);
        put_operand(mk, out);
    } else {
        put_operand(mk, out);
    }
}

strata_slice find_pick_filter(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    if (one_in(mk, 6)) {
        return st_slice("", 0);
    }
    if (one_in(mk, 2)) {
        put_condition(mk, &out);
    } else {
        const bool both = one_in(mk, 2);
        put(st_msgpack_put_object(&out, 1));
        put_name(&out, both ? "and" : "or");
        put(st_msgpack_put_array(&out, 2));
        put_condition(mk, &out);
        put(st_msgpack_put_object(&out, 1));
        put_name(&out, "not");
        put_condition(mk, &out);
    }
    const strata_slice kept = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return kept;
}

static st_token token_of(const tree *scalar) {
    st_cursor cursor = st_cursor_over(scalar->scalar);
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token));
    return token;
}

static bool is_number(const tree *node) {
    return node->type == STRATA_INT || node->type == STRATA_FLOAT;
}

/* long double holds every int exactly. */
static long double number_of(const tree *node) {
    const st_token token = token_of(node);
    return node->type == STRATA_INT ? (long double)token.as.integer : (long double)token.as.real;
}

static bool compare(const tree *a, const tree *b, int *order) {
    *order = 0;
    if (is_number(a) && is_number(b)) {
        const long double left = number_of(a);
        const long double right = number_of(b);
        *order = (left > right) - (left < right);
        return true;
    }
    if (a->type != b->type || a->type == STRATA_ARRAY || a->type == STRATA_OBJECT) {
        return false;
    }
    if (a->type == STRATA_BOOL) {
        *order = (int)token_of(a).as.boolean - (int)token_of(b).as.boolean;
    } else if (a->type != STRATA_NULL) {
        *order = st_slice_compare(token_of(a).as.bytes, token_of(b).as.bytes);
    }
    return true;
}

static bool is_equal(const tree *a, const tree *b) {
    int order;
    return compare(a, b, &order) ? order == 0 : tree_equal(a, b);
}

static bool is_in(const tree *list, const tree *node) {
    for (size_t i = 0; i < list->count; i++) {
        if (is_equal(list->items[i], node)) {
            return true;
        }
    }
    return false;
}

static const tree *member_of(const tree *object, const char *name, size_t len) {
    const size_t place =
        object->type == STRATA_OBJECT ? tree_find(object, st_slice(name, len)) : object->count;
    return place == object->count ? NULL : object->items[place];
}

/* Down a path of names; NULL: there is nothing. */
static const tree *node_at(const tree *root, strata_slice path) {
    const char *text = path.data;
    for (size_t at = 1; root != NULL && at <= path.len;) {
        size_t end = at;
        while (end < path.len && text[end] != '/') {
            end++;
        }
        root = member_of(root, text + at, end - at);
        at = end + 1;
    }
    return root;
}

static bool condition_holds(const tree *condition, const tree *document) {
    const tree *node = node_at(document, token_of(member_of(condition, "path", 4)).as.bytes);
    const size_t which = st_slice_equal(condition->names[0], strata_text("path")) ? 1 : 0;
    const strata_slice name = condition->names[which];
    const tree *operand = condition->items[which];
    int order = 0;
    if (st_slice_equal(name, strata_text("exists"))) {
        return (node != NULL) == token_of(operand).as.boolean;
    }
    if (st_slice_equal(name, strata_text("ne"))) {
        return node == NULL || !is_equal(node, operand);
    }
    if (node == NULL) {
        return false;
    }
    if (st_slice_equal(name, strata_text("eq"))) {
        return is_equal(node, operand);
    }
    if (st_slice_equal(name, strata_text("in"))) {
        return is_in(operand, node);
    }
    if (st_slice_equal(name, strata_text("contains"))) {
        return node->type == STRATA_ARRAY && is_in(node, operand);
    }
    if (!compare(node, operand, &order)) {
        return false;
    }
    const bool lower = ((const char *)name.data)[0] == 'l';
    return (order == 0 && name.len == 3) || (lower ? order < 0 : order > 0);
}

/* As deep as find_pick_filter goes. */
bool find_filter_holds(const tree *filter, const tree *document) {
    const tree *both = member_of(filter, "and", 3);
    const tree *list = both != NULL ? both : member_of(filter, "or", 2);
    if (list == NULL) {
        return condition_holds(filter, document);
    }
    const bool first = condition_holds(list->items[0], document);
    const bool second = !condition_holds(member_of(list->items[1], "not", 3), document);
    return both != NULL ? first && second : first || second;
}

/* ---- Order ----------------------------------------------------------------------------------- */

typedef struct match {
    const tree *value; /* NULL: nothing to order by */
    const model_cell *cell;
    const model_version *version;
} match;

static int kind_rank(const tree *node) {
    return node->type == STRATA_NULL     ? 0
           : node->type == STRATA_BOOL   ? 1
           : is_number(node)             ? 2
           : node->type == STRATA_STRING ? 3
                                         : 4;
}

static int compare_ranks(const tree *a, const tree *b) {
    int order = kind_rank(a) - kind_rank(b);
    if (order != 0 || kind_rank(a) < 3) {
        return order != 0 ? order : compare(a, b, &order) ? order : 0;
    }
    const strata_slice left = token_of(a).as.bytes;
    const strata_slice right = token_of(b).as.bytes;
    const strata_slice head = st_slice(left.data, st_min(left.len, ORDER_BYTES));
    order = st_slice_compare(head, st_slice(right.data, st_min(right.len, ORDER_BYTES)));
    return order != 0 ? order : (int)(left.len > ORDER_BYTES) - (int)(right.len > ORDER_BYTES);
}

static bool comes_before(const match *a, const match *b, bool ordered, bool reverse) {
    if (ordered && (a->value == NULL || b->value == NULL)) {
        return a->value != NULL ||
               (b->value == NULL && st_slice_compare(a->cell->key, b->cell->key) < 0);
    }
    int order = ordered ? compare_ranks(a->value, b->value) : 0;
    order = order != 0 ? order : st_slice_compare(a->cell->key, b->cell->key);
    return reverse ? order > 0 : order < 0;
}

static void sort_matches(match *all, size_t count, bool ordered, bool reverse) {
    for (size_t i = 1; i < count; i++) {
        const match one = all[i];
        size_t at = i;
        for (; at > 0 && comes_before(&one, &all[at - 1], ordered, reverse); at--) {
            all[at] = all[at - 1];
        }
        all[at] = one;
    }
}

/* ---- Finding --------------------------------------------------------------------------------- */

static const tree *document_of(st_arena *arena, model_kind kind, const model_version *version) {
    strata_buffer shown = {NULL, 0, 0, NULL};
    history_show(&shown, kind, version);
    strata_slice bytes = st_buffer_slice(&shown);
    if (kind == MODEL_ENTITY) {
        bytes = field_of(bytes, "document");
    }
    const tree *document = tree_read(arena, bytes);
    strata_buffer_free(&shown);
    return document;
}

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void make_find(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->value = find_pick_filter(mk);
    o->path = one_in(mk, 2) ? strata_text(paths[pick(mk, PATHS)]) : st_slice("", 0);
    o->reverse = one_in(mk, 3);
    o->whole = one_in(mk, 2);
    o->limit = pick_limit(mk);
    o->type = pick_text(mk, "c%u", (unsigned)pick(mk, 2));
    pick_when(mk, o);
}

static void put_match(strata_buffer *out, const op *o, model_kind kind, const match *one,
                      const tree *document) {
    if (kind == MODEL_MEMORY) {
        memory_put(out, one->cell->key, one->version);
    } else if (kind == MODEL_ENTITY) {
        entity_put(out, one->cell->key, one->version);
    } else {
        put(st_msgpack_put_object(out, o->whole ? 4 : 3));
        put_text(out, "key", one->cell->key);
        put_stamp(out, one->version);
        if (o->whole) {
            put_name(out, "document");
            tree_write(document, out);
        }
    }
}

static strata_slice key_prefix(st_arena *arena, const op *o, model_kind kind) {
    const strata_slice names[] = {o->type, st_slice("", 0)};
    return kind == MODEL_ENTITY ? texts_key(arena, names, 2) : st_slice("", 0);
}

static void predict_find(const op *o, const moment *at, expected *e, model_kind kind) {
    const char *const lists[] = {"documents", "memories", "entities"};
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const op page = {.prefix = key_prefix(&e->arena, o, kind)};
    open_list list;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    if (kind == MODEL_ENTITY &&
        model_live(at->model, run, MODEL_SCHEMA, o->type, snapshot) == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    const tree *filter = o->value.len > 0 ? tree_read(&e->arena, o->value) : NULL;
    const model_table *table = model_table_of(at->model, run, kind);
    match *all = st_arena_alloc(&e->arena, (table->count + 1) * sizeof *all, 8);
    size_t count = 0;
    assert_non_null(all);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *version = model_seen(cell, snapshot);
        if (version == NULL || version->deleted || !in_page(&page, cell->key) ||
            (kind == MODEL_ENTITY && *(const uint8_t *)version->value.data != 0)) {
            continue;
        }
        const tree *document = document_of(&e->arena, kind, version);
        if (filter == NULL || find_filter_holds(filter, document)) {
            const tree *value = o->path.len > 0 ? node_at(document, o->path) : NULL;
            const bool scalar = value != NULL && value->type != STRATA_ARRAY &&
                                value->type != STRATA_OBJECT &&
                                !(is_number(value) && isnan(number_of(value)));
            all[count++] = (match){scalar ? value : NULL, cell, version};
        }
    }
    sort_matches(all, count, o->path.len > 0, o->reverse);
    strata_buffer *out = expect_list(e,
                                     lists[kind == MODEL_JSON     ? 0
                                           : kind == MODEL_MEMORY ? 1
                                                                  : 2],
                                     &list);
    for (size_t i = 0; i < count && list.count < limit; i++) {
        put_match(out, o, kind, &all[i], document_of(&e->arena, kind, all[i].version));
        list.count++;
    }
    expect_list_end(e, &list,
                    count > limit ? text_of(field_of(object_of(e->got->response), "cursor"))
                                  : st_slice(NULL, 0));
}

static void predict_json(const op *o, const moment *at, expected *e) {
    predict_find(o, at, e, MODEL_JSON);
}

static void predict_memory(const op *o, const moment *at, expected *e) {
    predict_find(o, at, e, MODEL_MEMORY);
}

static void predict_entity(const op *o, const moment *at, expected *e) {
    predict_find(o, at, e, MODEL_ENTITY);
}

static bool trims(const op *o, const moment *at, model_kind kind) {
    st_arena arena;
    st_arena_init(&arena, &strata_host_default()->memory, 0);
    op within = *o;
    within.prefix = key_prefix(&arena, o, kind);
    const bool trims = (kind == MODEL_ENTITY && history_trims(o, at, MODEL_SCHEMA, o->type)) ||
                       history_trims_list(&within, at, kind);
    st_arena_free(&arena);
    return trims;
}

static bool trims_json(const op *o, const moment *at) {
    return trims(o, at, MODEL_JSON);
}

static bool trims_memory(const op *o, const moment *at) {
    return trims(o, at, MODEL_MEMORY);
}

static bool trims_entity(const op *o, const moment *at) {
    return trims(o, at, MODEL_ENTITY);
}

/* ---- Indexes --------------------------------------------------------------------------------- */

/* What the model keeps: whether it is ready, and its answer to index.list. */
typedef struct index_def {
    strata_slice name;
    strata_slice primitive;
    strata_slice schema;
    strata_slice path;
} index_def;

static strata_slice keep_index(st_arena *arena, const index_def *def, bool ready) {
    strata_buffer out = {NULL, 0, 0, NULL};
    put(st_msgpack_put_object(&out, def->schema.len > 0 ? 7 : 6));
    put_text(&out, "name", def->name);
    put_text(&out, "primitive", def->primitive);
    if (def->schema.len > 0) {
        put_text(&out, "schema", def->schema);
    }
    put_text(&out, "path", def->path);
    put_bool(&out, "ready", ready);
    const strata_slice kept = arena_bytes(arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return kept;
}

static void make_index(maker *mk, op *o) {
    static const char *const primitives[] = {"", "json", "memory", "entity"};
    const size_t which = (size_t)pick(mk, 4);
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->key = mk->alone && !mk->named ? pick_text(mk, "i%u", (unsigned)pick(mk, 8))
                                     : st_slice("", 0); /* which is refused */
    o->text = strata_text(primitives[which]);
    o->parent = which == 3 ? pick_text(mk, "c%u", (unsigned)pick(mk, 2)) : st_slice("", 0);
    o->path = strata_text(paths[pick(mk, PATHS)]);
}

static void predict_index(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) || !expect_writable(at, run, e)) {
        return;
    }
    const index_def def = {o->key, o->text.len > 0 ? o->text : strata_text("json"), o->parent,
                           o->path};
    const strata_slice ready = keep_index(&e->arena, &def, true);
    const model_version *known = model_live(at->model, run, MODEL_INDEX, o->key, at->snapshot);
    /* One that was interrupted goes on, if it is the same. */
    if (known != NULL && !st_slice_equal(known->value, keep_index(&e->arena, &def, false))) {
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return;
    }
    const strata_slice told = object_of(e->got->response);
    const uint64_t last = (uint64_t)int_of(field_of(told, "version"));
    const uint64_t commits = last > at->snapshot ? last - at->snapshot : 1;
    e->steps = (size_t)st_min(commits, INDEX_COMMITS_MAX) - 1;
    e->step = (model_write){run, MODEL_INDEX, o->key, keep_index(&e->arena, &def, false), false, 0};
    const model_write write = {run, MODEL_INDEX, o->key, ready, false, 0};
    (void)expect_write(e, at, &write);
    strata_buffer *out = expect_ok(e, 2);
    put_uint(out, "version", at->snapshot + 1 + e->steps);
    put_uint(out, "entries", (uint64_t)int_of(field_of(told, "entries")));
}

static void make_list(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_INDEX);
    strata_buffer *out = expect_list(e, "indexes", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], at->snapshot);
        if (version != NULL && !version->deleted) {
            put(st_buffer_append(out, version->value.data, version->value.len));
            put_stamp(out, version);
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

const op_kind ops_find[] = {
    {.name = "json.find",
     .args = "run where order_by reverse documents limit as_of as_of_time",
     .weight = 14,
     .make = make_find,
     .predict = predict_json,
     .trims = trims_json,
     .reads_past = reads_past},
    {.name = "memory.find",
     .args = "run where order_by reverse limit as_of as_of_time",
     .weight = 8,
     .make = make_find,
     .predict = predict_memory,
     .trims = trims_memory,
     .reads_past = reads_past},
    {.name = "entity.find",
     .args = "run schema where order_by reverse limit as_of as_of_time",
     .weight = 8,
     .make = make_find,
     .predict = predict_entity,
     .trims = trims_entity,
     .reads_past = reads_past},
    {.name = "index.create",
     .args = "run key! primitive_on schema? path!",
     .weight = 10,
     .make = make_index,
     .predict = predict_index,
     .writes = true},
    {.name = "index.list", .args = "run", .weight = 3, .make = make_list, .predict = predict_list},
};
const size_t ops_find_count = sizeof ops_find / sizeof ops_find[0];
