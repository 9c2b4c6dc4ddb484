/* op_trace.c - traces: the model keeps of each record the map that the core stores, and of each child a
 * key of its parent's and its own id.
 */
#include "history.h"
#include "op.h"

#include "base/bytes.h"
#include "base/limits.h"

strata_slice texts_key(st_arena *arena, const strata_slice *texts, size_t count) {
    uint8_t *key = st_arena_alloc(arena, count * (ST_KEY_BYTES_MAX + 1), 1);
    size_t len = 0;
    assert_non_null(key);
    for (size_t i = 0; i < count; i++) {
        if (texts[i].len > 0) {
            memcpy(key + len, texts[i].data, texts[i].len);
        }
        len += texts[i].len;
        key[len++] = 0;
    }
    return st_slice(key, len > 0 ? len - 1 : 0);
}

/* ---- Recording ------------------------------------------------------------------------------- */

/* Ids go up to three times as far as other keys, as none is ever free again. */
static strata_slice pick_id(maker *mk) {
    return one_in(mk, 20) ? pick_key(mk, 't')
                          : pick_text(mk, "t%u", (unsigned)pick(mk, (uint64_t)mk->keys * 3));
}

static void make_record(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_id(mk);
    o->type = pick_text(mk, "type%u", (unsigned)pick(mk, 3));
    o->value = pick_object(mk);
    o->parent = one_in(mk, 12) ? pick_id(mk) : pick_known(mk, o, MODEL_TRACE);
    o->tags = pick_tags(mk);
}

static strata_slice record_of(const op *o, expected *e) {
    strata_buffer out = {NULL, 0, 0, NULL};
    put(st_msgpack_put_object(&out, 2u + (o->parent.len > 0) + (o->tags.len > 0)));
    put_text(&out, "type", o->type);
    put_raw(&out, "content", o->value);
    if (o->parent.len > 0) {
        put_text(&out, "parent", o->parent);
    }
    if (o->tags.len > 0) {
        put_raw(&out, "tags", o->tags);
    }
    const strata_slice record = arena_bytes(&e->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return record;
}

static const model_version *find(const moment *at, unsigned run, strata_slice id,
                                 uint64_t snapshot) {
    return model_live(at->model, run, MODEL_TRACE, id, snapshot);
}

static void predict_record(const op *o, const moment *at, expected *e) {
    const strata_slice pair[] = {o->parent, o->key};
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) ||
        (o->parent.len > 0 && !expect_key(o->parent, e))) {
        return;
    }
    if (o->value.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return;
    }
    if (o->parent.len > 0 && o->parent.len + o->key.len > ST_KEY_BYTES_MAX) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
        return;
    }
    const strata_slice record = record_of(o, e);
    if (1 + record.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return;
    }
    if (!expect_writable(at, run, e)) {
        return;
    }
    if (find(at, run, o->key, at->snapshot) != NULL) {
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return;
    }
    if (o->parent.len > 0 && find(at, run, o->parent, at->snapshot) == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    const model_write write = {run, MODEL_TRACE, o->key, record, false, 0};
    (void)expect_write(e, at, &write);
    if (o->parent.len > 0) {
        const model_write child = {
            run, MODEL_TRACE_CHILD, texts_key(&e->arena, pair, 2), st_slice("", 0), false, 0};
        (void)expect_write(e, at, &child);
    }
    strata_buffer *out = expect_ok(e, 2);
    put_text(out, "id", o->key);
    put_uint(out, "version", expect_version(at));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void put_trace(strata_buffer *out, strata_slice id, const model_version *version,
                      int64_t depth) {
    static const uint8_t no_tags = 0x90;
    static const uint8_t no_metadata = 0x80;
    const strata_slice parent = field_of(version->value, "parent");
    const strata_slice tags = field_of(version->value, "tags");
    put(st_msgpack_put_object(out, 7u + (parent.len > 0) + (depth >= 0)));
    put_text(out, "id", id);
    put_raw(out, "type", field_of(version->value, "type"));
    put_raw(out, "content", field_of(version->value, "content"));
    if (parent.len > 0) {
        put_raw(out, "parent", parent);
    }
    put_raw(out, "tags", tags.len > 0 ? tags : st_slice(&no_tags, 1));
    put_raw(out, "metadata", st_slice(&no_metadata, 1));
    if (depth >= 0) {
        put_int(out, "depth", depth);
    }
    put_stamp(out, version);
}

static void make_get(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_known(mk, o, MODEL_TRACE);
    o->key = o->key.len == 0 ? pick_id(mk) : o->key;
    pick_when(mk, o);
}

static void predict_get(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_version *version = find(at, run, o->key, snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 1);
    put_name(out, "trace");
    put_trace(out, o->key, version, -1);
}

static void make_list(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->cursor =
        one_in(mk, 5) ? pick_text(mk, "t%u", (unsigned)pick(mk, mk->keys)) : st_slice("", 0);
    o->reverse = one_in(mk, 3);
    o->limit = pick_limit(mk);
    pick_when(mk, o);
}

static void make_query(maker *mk, op *o) {
    make_list(mk, o);
    o->type = one_in(mk, 2) ? pick_text(mk, "type%u", (unsigned)pick(mk, 3)) : st_slice("", 0);
    o->tag = one_in(mk, 3) ? pick_text(mk, "tag%u", (unsigned)pick(mk, 4)) : st_slice("", 0);
    o->parent = one_in(mk, 2) ? pick_known(mk, o, MODEL_TRACE) : st_slice("", 0);
}

static bool wanted(const op *o, const model_version *version) {
    const strata_slice tags = field_of(version->value, "tags");
    const strata_slice parent = text_of(field_of(version->value, "parent"));
    return (o->type.len == 0 ||
            st_slice_equal(text_of(field_of(version->value, "type")), o->type)) &&
           (o->tag.len == 0 || tags_hold(tags, o->tag)) &&
           (o->parent.len == 0 || st_slice_equal(parent, o->parent));
}

static void make_children(maker *mk, op *o) {
    make_list(mk, o);
    const strata_slice known = pick_known(mk, o, MODEL_TRACE);
    o->parent = known.len == 0 ? pick_id(mk) : known;
}

/* Of a query by parent only its children are looked at, which decides whether there is a cursor. */
static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    open_list list;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e)) {
        return;
    }
    if (o->cursor.len > 0 && o->parent.len + o->cursor.len > ST_KEY_BYTES_MAX) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
        return;
    }
    if (!expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_TRACE);
    strata_buffer *out = expect_list(e, "traces", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const model_version *version = model_seen(cell, snapshot);
        const op any = {.parent = o->parent};
        if (version == NULL || !in_page(o, cell->key) || !wanted(&any, version)) {
            continue;
        }
        if (list.count == limit) {
            e->stood = cell->key;
            expect_list_end(e, &list, last);
            return;
        }
        last = cell->key;
        if (wanted(o, version)) {
            put_trace(out, cell->key, version, -1);
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static void predict_children(const op *o, const moment *at, expected *e) {
    if (!expect_key(o->parent, e)) {
        return;
    }
    predict_list(o, at, e);
}

static void make_count(maker *mk, op *o) {
    make_query(mk, o);
    o->cursor = st_slice("", 0);
    o->parent = st_slice("", 0);
    o->limit = 0;
}

static void predict_count(const op *o, const moment *at, expected *e) {
    uint64_t count = 0;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_TRACE);
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], snapshot);
        count += version != NULL && wanted(o, version);
    }
    put_uint(expect_ok(e, 1), "count", count);
}

static void make_tree(maker *mk, op *o) {
    make_get(mk, o);
    o->number = one_in(mk, 3) ? 1 + pick(mk, 3) : 0;
    o->limit = pick_limit(mk);
}

typedef struct forest {
    const model_table *table;
    uint64_t snapshot;
    uint64_t depth;
    uint64_t limit;
    bool truncated;
    strata_buffer *out;
    uint32_t count;
} forest;

static void put_tree(forest *t, strata_slice id, const model_version *version, unsigned depth) {
    if (t->count == t->limit) {
        t->truncated = true;
        return;
    }
    put_trace(t->out, id, version, depth);
    t->count++;
    for (size_t i = 0; i < t->table->count && depth < t->depth && !t->truncated; i++) {
        const model_version *child = model_seen(t->table->cells[i], t->snapshot);
        if (child != NULL && st_slice_equal(text_of(field_of(child->value, "parent")), id)) {
            put_tree(t, t->table->cells[i]->key, child, depth + 1);
        }
    }
}

static void predict_tree(const op *o, const moment *at, expected *e) {
    forest t = {.depth = o->number == 0 ? UINT64_MAX : o->number,
                .limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit};
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) || !expect_key(o->key, e) ||
        !expect_as_of(o, at, e, run, &t.snapshot)) {
        return;
    }
    const model_version *root = find(at, run, o->key, t.snapshot);
    if (root == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    t.table = model_table_of(at->model, run, MODEL_TRACE);
    t.out = expect_list(e, "traces", &list);
    put_tree(&t, o->key, root, 0);
    list.count = t.count;
    expect_list_end(e, &list, st_slice(NULL, 0));
    st_msgpack_patch(t.out, list.object, 2);
    put_bool(t.out, "truncated", t.truncated);
}

const op_kind ops_trace[] = {
    {.name = "trace.record",
     .args = "run type content parent tags id",
     .weight = 30,
     .make = make_record,
     .predict = predict_record,
     .writes = true},
    {.name = "trace.get",
     .args = "run id as_of as_of_time",
     .weight = 8,
     .make = make_get,
     .predict = predict_get,
     .trims = history_trims_whole,
     .reads_past = reads_past},
    {.name = "trace.list",
     .args = "run reverse limit cursor as_of as_of_time",
     .weight = 4,
     .make = make_list,
     .predict = predict_list,
     .trims = history_trims_whole,
     .reads_past = reads_past},
    {.name = "trace.query",
     .args = "run type? tag parent reverse limit cursor as_of as_of_time",
     .weight = 6,
     .make = make_query,
     .predict = predict_list,
     .trims = history_trims_whole,
     .reads_past = reads_past},
    {.name = "trace.tree",
     .args = "run id depth limit as_of as_of_time",
     .weight = 6,
     .make = make_tree,
     .predict = predict_tree,
     .trims = history_trims_whole,
     .reads_past = reads_past},
    {.name = "trace.children",
     .args = "run parent! reverse limit cursor as_of as_of_time",
     .weight = 4,
     .make = make_children,
     .predict = predict_children,
     .trims = history_trims_whole,
     .reads_past = reads_past},
    {.name = "trace.count",
     .args = "run type? tag as_of as_of_time",
     .weight = 3,
     .make = make_count,
     .predict = predict_count,
     .trims = history_trims_whole,
     .reads_past = reads_past},
};
const size_t ops_trace_count = sizeof ops_trace / sizeof ops_trace[0];
