/* op_schema.c - schemas. One is one of a few that the model knows by their number, which it keeps with the
 * schema's MessagePack. None is put twice: that would be no commit.
 */
#include "history.h"

#include "base/limits.h"

enum { SCHEMAS = 3 };

static const char *const schemas[SCHEMAS] = {
    "{\"title\":\"%llx\"}",
    "{\"title\":\"%llx\",\"required\":[\"n\"]}",
    "{\"title\":\"%llx\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":0}}}",
};

strata_slice msgpack_of(st_arena *arena, const char *json) {
    strata_buffer made = {NULL, 0, 0, NULL};
    put(strata_json_to_msgpack(strata_text(json), &made, NULL));
    const strata_slice kept = arena_bytes(arena, st_buffer_slice(&made));
    strata_buffer_free(&made);
    return kept;
}

/* The keyword that a document does not fit, as the JSON above says; NULL: it fits. */
static const char *misfit(uint8_t schema, strata_slice document) {
    const strata_slice n = field_of(document, "n");
    st_cursor cursor = st_cursor_over(n);
    st_token token;
    if (schema == 1) {
        return n.len > 0 ? NULL : "required";
    }
    if (schema == 0 || n.len == 0 || !st_msgpack_next(&cursor, &token)) {
        return NULL;
    }
    const bool whole = token.type == STRATA_INT ||
                       (token.type == STRATA_FLOAT && floor(token.as.real) == token.as.real);
    const double number = token.type == STRATA_INT ? (double)token.as.integer : token.as.real;
    return !whole ? "type" : number < 0 ? "minimum" : NULL;
}

bool schema_fits(uint8_t schema, strata_slice document) {
    return misfit(schema, document) == NULL;
}

bool schema_find(const moment *at, unsigned run, strata_slice name, uint64_t snapshot,
                 uint8_t *number) {
    const model_version *version = model_live(at->model, run, MODEL_SCHEMA, name, snapshot);
    if (version != NULL) {
        *number = *(const uint8_t *)version->value.data;
    }
    return version != NULL;
}

strata_slice flagged(st_arena *arena, uint8_t flag, strata_slice document) {
    uint8_t *kept = st_arena_alloc(arena, 1 + document.len, 1);
    assert_non_null(kept);
    kept[0] = flag;
    memcpy(kept + 1, document.data, document.len);
    return st_slice(kept, 1 + document.len);
}

strata_slice flagless(const model_version *version) {
    return st_slice((const uint8_t *)version->value.data + 1, version->value.len - 1);
}

/* ---- Writing --------------------------------------------------------------------------------- */

strata_slice schema_pick(maker *mk) {
    return one_in(mk, 40) ? pick_key(mk, 'c') : pick_text(mk, "c%u", (unsigned)pick(mk, 2));
}

static void make_name(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->key = schema_pick(mk);
}

static void make_put(maker *mk, op *o) {
    make_name(mk, o);
    char json[256];
    o->number = pick(mk, SCHEMAS);
    (void)snprintf(json, sizeof json, schemas[o->number], (unsigned long long)pick(mk, UINT64_MAX));
    o->value = msgpack_of(mk->arena, json);
}

bool expect_schema_name(strata_slice name, expected *e) {
    if (expect_key(name, e) && name.len > ST_NAME_BYTES_MAX) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
    }
    return e->status == STRATA_OK;
}

static void predict_put(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_schema_name(o->key, e) ||
        !expect_writable(at, run, e)) {
        return;
    }
    const model_write write = {
        run, MODEL_SCHEMA, o->key, flagged(&e->arena, (uint8_t)o->number, o->value), false, 0};
    strata_buffer *out = expect_ok(e, 2);
    put_bool(out, "created",
             model_live(at->model, run, MODEL_SCHEMA, o->key, at->snapshot) == NULL);
    put_uint(out, "version", expect_version(at));
    (void)expect_write(e, at, &write);
}

static void predict_drop(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_schema_name(o->key, e) ||
        !expect_writable(at, run, e)) {
        return;
    }
    const bool existed = model_live(at->model, run, MODEL_SCHEMA, o->key, at->snapshot) != NULL;
    const model_table *table = model_table_of(at->model, run, MODEL_ENTITY);
    const op within = {.prefix = entity_prefix(&e->arena, &(op){.type = o->key})};
    for (size_t i = 0; i < table->count && existed; i++) {
        const model_version *version = model_seen(table->cells[i], at->snapshot);
        if (version != NULL && !version->deleted && in_page(&within, table->cells[i]->key)) {
            expect_error(e, STRATA_CONSTRAINT, "schema_in_use");
            return;
        }
    }
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        const model_write write = {run, MODEL_SCHEMA, o->key, st_slice("", 0), true, 0};
        (void)expect_write(e, at, &write);
        put_uint(out, "version", expect_version(at));
    }
}

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void make_get_schema(maker *mk, op *o) {
    make_name(mk, o);
    pick_when(mk, o);
}

static void put_schema(strata_buffer *out, strata_slice name, const model_version *version) {
    put(st_msgpack_put_object(out, 4));
    put_text(out, "name", name);
    put_raw(out, "schema", flagless(version));
    put_stamp(out, version);
}

static void predict_get_schema(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_schema_name(o->key, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_version *version = model_live(at->model, run, MODEL_SCHEMA, o->key, snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 1);
    put_name(out, "schema");
    put_schema(out, o->key, version);
}

static bool trims_schema(const op *o, const moment *at) {
    return history_trims(o, at, MODEL_SCHEMA, o->key);
}

static void make_list(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->prefix = one_in(mk, 4) ? strata_text("c") : st_slice("", 0);
    o->cursor = one_in(mk, 4) ? strata_text("c0") : st_slice("", 0);
    o->limit = one_in(mk, 3) ? 1 : pick_limit(mk);
    pick_when(mk, o);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    strata_slice stood = {NULL, 0};
    open_list list;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_SCHEMA);
    strata_buffer *out = expect_list(e, "schemas", &list);
    for (size_t i = 0; i < table->count && stood.len == 0; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *version = model_seen(cell, snapshot);
        if (version == NULL || version->deleted || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            stood = last;
            continue;
        }
        put_schema(out, cell->key, version);
        list.count++;
        last = cell->key;
    }
    expect_list_end(e, &list, stood);
}

static bool trims_list(const op *o, const moment *at) {
    return history_trims_list(o, at, MODEL_SCHEMA);
}

static void make_history(maker *mk, op *o) {
    make_name(mk, o);
    o->until = one_in(mk, 3) ? pick(mk, mk->model->last + 2) : 0;
    o->limit = one_in(mk, 3) ? 1 : pick_limit(mk);
}

static void predict_history(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const uint64_t newest =
        o->until > 0 && o->until - 1 < at->snapshot ? o->until - 1 : at->snapshot;
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) || !expect_schema_name(o->key, e)) {
        return;
    }
    strata_buffer *out = expect_list(e, "revisions", &list);
    const model_version *version = history_next(at, run, MODEL_SCHEMA, o->key, newest);
    for (; version != NULL && list.count < limit; list.count++) {
        put(st_msgpack_put_object(out, version->deleted ? 3 : 4));
        put_stamp(out, version);
        put_bool(out, "deleted", version->deleted);
        if (!version->deleted) {
            put_name(out, "schema");
            put_schema(out, o->key, version);
        }
        version = history_next(at, run, MODEL_SCHEMA, o->key, version->number - 1);
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

/* ---- What does not fit ----------------------------------------------------------------------- */

static void make_check(maker *mk, op *o) {
    make_name(mk, o);
    o->limit = one_in(mk, 3) ? 1 : pick_limit(mk);
    o->cursor = one_in(mk, 4) ? pick_text(mk, "x%u", (unsigned)pick(mk, 6)) : st_slice("", 0);
}

/* The page ends with what was looked at last, when something follows that is stored. */
static void predict_check(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    op page = {.prefix = entity_prefix(&e->arena, &(op){.type = o->key})};
    strata_slice last = {NULL, 0};
    uint64_t checked = 0;
    bool more = false;
    open_list list;
    unsigned run;
    uint8_t schema;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) || !expect_schema_name(o->key, e)) {
        return;
    }
    if (!schema_find(at, run, o->key, at->snapshot, &schema)) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    if (o->cursor.len > 0) {
        page.cursor = entity_key(&e->arena, &(op){.type = o->key, .key = o->cursor});
    }
    const model_table *table = model_table_of(at->model, run, MODEL_ENTITY);
    strata_buffer *out = expect_list(e, "mismatches", &list);
    for (size_t i = 0; i < table->count && !more; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *version = model_seen(cell, at->snapshot);
        if (version == NULL || version->deleted || !in_page(&page, cell->key)) {
            continue;
        }
        more = list.count == limit;
        if (more || !entity_is_live(version)) {
            continue;
        }
        const char *keyword = misfit(schema, flagless(version));
        checked++;
        if (keyword != NULL) {
            last = st_slice((const char *)cell->key.data + o->key.len + 1,
                            cell->key.len - o->key.len - 1);
            put(st_msgpack_put_object(out, 3));
            put_text(out, "id", last);
            put_text(out, "path", strata_text("/n"));
            put_text(out, "keyword", strata_text(keyword));
            list.count++;
        }
    }
    expect_list_end(e, &list, more ? last : st_slice(NULL, 0));
    st_msgpack_patch(out, list.object, more ? 3 : 2);
    put_uint(out, "checked", checked);
}

const op_kind ops_schema[] = {
    {.name = "schema.put",
     .args = "run key! schema!",
     .weight = 10,
     .make = make_put,
     .predict = predict_put,
     .writes = true},
    {.name = "schema.delete",
     .args = "run key!",
     .weight = 1,
     .make = make_name,
     .predict = predict_drop,
     .writes = true},
    {.name = "schema.get",
     .args = "run key! as_of as_of_time",
     .weight = 5,
     .make = make_get_schema,
     .predict = predict_get_schema,
     .trims = trims_schema,
     .reads_past = reads_past},
    {.name = "schema.list",
     .args = "run prefix limit cursor as_of as_of_time",
     .weight = 4,
     .make = make_list,
     .predict = predict_list,
     .trims = trims_list,
     .reads_past = reads_past},
    {.name = "schema.history",
     .args = "run key! before# limit",
     .weight = 4,
     .make = make_history,
     .predict = predict_history,
     .shortens = true},
    {.name = "schema.check",
     .args = "run key! limit cursor",
     .weight = 5,
     .make = make_check,
     .predict = predict_check},
};
const size_t ops_schema_count = sizeof ops_schema / sizeof ops_schema[0];
