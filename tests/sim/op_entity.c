/* op_entity.c - schemas and entities. A schema is one of a few that the model knows by their number, which it
 * keeps with the schema's MessagePack; of an entity it keeps whether it is deleted, and the document's. No
 * schema is put twice: that would be no commit. Without indexes, which are commits of their own, and outside of
 * transactions: tests/unit/model/entity has both.
 */
#include "history.h"

#include "base/limits.h"

enum { SCHEMAS = 3, IDS = 6, DELETED = 1 };

static const char *const schemas[SCHEMAS] = {
    "{\"title\":\"%llx\"}",
    "{\"title\":\"%llx\",\"required\":[\"n\"]}",
    "{\"title\":\"%llx\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":0}}}",
};

static strata_slice as_msgpack(st_arena *arena, const char *json) {
    strata_buffer made = {NULL, 0, 0, NULL};
    put(strata_json_to_msgpack(strata_text(json), &made, NULL));
    const strata_slice kept = arena_bytes(arena, st_buffer_slice(&made));
    strata_buffer_free(&made);
    return kept;
}

/* Whether a document fits; as the JSON above says. */
static bool fits(uint8_t schema, strata_slice document) {
    const strata_slice n = field_of(document, "n");
    st_cursor cursor = st_cursor_over(n);
    st_token token;
    if (schema == 1) {
        return n.len > 0;
    }
    if (schema == 0 || n.len == 0 || !st_msgpack_next(&cursor, &token)) {
        return true;
    }
    return token.type == STRATA_INT ? token.as.integer >= 0
           : token.type == STRATA_FLOAT
               ? token.as.real >= 0 && floor(token.as.real) == token.as.real
               : false;
}

/* ---- What the model keeps -------------------------------------------------------------------- */

/* The number of the schema; false: there is none. */
static bool find_schema(const moment *at, unsigned run, strata_slice name, uint64_t snapshot,
                        uint8_t *number) {
    const model_version *version = model_live(at->model, run, MODEL_SCHEMA, name, snapshot);
    if (version != NULL) {
        *number = *(const uint8_t *)version->value.data;
    }
    return version != NULL;
}

static strata_slice entity_key(st_arena *arena, const op *o) {
    const strata_slice names[] = {o->type, o->key};
    return texts_key(arena, names, 2);
}

/* What all entities of a schema begin with. */
static strata_slice schema_prefix(st_arena *arena, const op *o) {
    const strata_slice names[] = {o->type, o->prefix};
    return texts_key(arena, names, 2);
}

static strata_slice with_flag(st_arena *arena, uint8_t flag, strata_slice document) {
    uint8_t *kept = st_arena_alloc(arena, 1 + document.len, 1);
    assert_non_null(kept);
    kept[0] = flag;
    memcpy(kept + 1, document.data, document.len);
    return st_slice(kept, 1 + document.len);
}

static bool is_deleted(const model_version *version) {
    return *(const uint8_t *)version->value.data == DELETED;
}

static strata_slice document_of(const model_version *version) {
    return st_slice((const uint8_t *)version->value.data + 1, version->value.len - 1);
}

static bool is_live(const model_version *version) {
    return version != NULL && !is_deleted(version);
}

/* ---- Schemas --------------------------------------------------------------------------------- */

static strata_slice pick_schema(maker *mk) {
    return one_in(mk, 40) ? pick_key(mk, 'c') : pick_text(mk, "c%u", (unsigned)pick(mk, 2));
}

static void make_name(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->key = pick_schema(mk);
}

static void make_put(maker *mk, op *o) {
    make_name(mk, o);
    char json[256];
    o->number = pick(mk, SCHEMAS);
    (void)snprintf(json, sizeof json, schemas[o->number], (unsigned long long)pick(mk, UINT64_MAX));
    o->value = as_msgpack(mk->arena, json);
}

static bool expect_name(strata_slice name, expected *e) {
    if (expect_key(name, e) && name.len > ST_NAME_BYTES_MAX) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
    }
    return e->status == STRATA_OK;
}

static void predict_put(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_name(o->key, e) || !expect_writable(at, run, e)) {
        return;
    }
    const model_write write = {
        run, MODEL_SCHEMA, o->key, with_flag(&e->arena, (uint8_t)o->number, o->value), false, 0};
    strata_buffer *out = expect_ok(e, 2);
    put_bool(out, "created",
             model_live(at->model, run, MODEL_SCHEMA, o->key, at->snapshot) == NULL);
    put_uint(out, "version", expect_version(at));
    (void)expect_write(e, at, &write);
}

static void predict_drop(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_name(o->key, e) || !expect_writable(at, run, e)) {
        return;
    }
    const bool existed = model_live(at->model, run, MODEL_SCHEMA, o->key, at->snapshot) != NULL;
    const model_table *table = model_table_of(at->model, run, MODEL_ENTITY);
    const op within = {.prefix = schema_prefix(&e->arena, &(op){.type = o->key})};
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

static void predict_get_schema(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_name(o->key, e) ||
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
    put(st_msgpack_put_object(out, 4));
    put_text(out, "name", o->key);
    put_raw(out, "schema", document_of(version));
    put_stamp(out, version);
}

static bool trims_schema(const op *o, const moment *at) {
    return history_trims(o, at, MODEL_SCHEMA, o->key);
}

/* ---- Writing entities ------------------------------------------------------------------------ */

static void make_ref(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    const strata_slice known = pick_known(mk, o, MODEL_SCHEMA);
    o->type = known.len > 0 ? known : pick_schema(mk);
    o->key = one_in(mk, 40) ? pick_key(mk, 'x') : pick_text(mk, "x%u", (unsigned)pick(mk, IDS));
}

/* Mostly one that was stored once. */
static void make_known(maker *mk, op *o) {
    make_ref(mk, o);
    const strata_slice known = pick_known(mk, o, MODEL_ENTITY);
    if (known.len > 0) {
        const size_t len = strlen(known.data); /* up to its first 00 */
        o->type = st_slice(known.data, len);
        o->key = st_slice((const char *)known.data + len + 1, known.len - len - 1);
    }
}

static strata_slice pick_fields(maker *mk) {
    static const char *const numbers[] = {"0", "1", "7.0", "-1", "2.5", "\"x\"", "null"};
    char json[128];
    const char *n = numbers[pick(mk, one_in(mk, 2) ? 3 : sizeof numbers / sizeof numbers[0])];
    if (one_in(mk, 5)) {
        (void)snprintf(json, sizeof json, "{\"v\":%u}", (unsigned)pick(mk, 100));
    } else {
        (void)snprintf(json, sizeof json, "{\"v\":%u,\"n\":%s}", (unsigned)pick(mk, 100), n);
    }
    return as_msgpack(mk->arena, json);
}

static void make_upsert(maker *mk, op *o) {
    make_ref(mk, o);
    o->value = pick_fields(mk);
}

static bool expect_ref(const op *o, expected *e) {
    if (!expect_name(o->type, e) || !expect_key(o->key, e)) {
        return false;
    }
    if (o->type.len + o->key.len > ST_KEY_BYTES_MAX) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
    }
    return e->status == STRATA_OK;
}

/* What a write meets. */
typedef struct target {
    unsigned run;
    uint8_t schema;
    strata_slice key;
    const model_version *version; /* NULL: nothing is stored */
} target;

static bool expect_target(const op *o, const moment *at, expected *e, target *t) {
    if (!expect_run(o, at, e, &t->run) || !expect_ref(o, e) || !expect_writable(at, t->run, e)) {
        return false;
    }
    if (!find_schema(at, t->run, o->type, at->snapshot, &t->schema)) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return false;
    }
    t->key = entity_key(&e->arena, o);
    t->version = model_live(at->model, t->run, MODEL_ENTITY, t->key, at->snapshot);
    return true;
}

static void expect_put(const moment *at, expected *e, const target *t, uint8_t flag,
                       strata_slice document) {
    const model_write write = {
        t->run, MODEL_ENTITY, t->key, with_flag(&e->arena, flag, document), false, 0};
    (void)expect_write(e, at, &write);
}

static void predict_upsert(const op *o, const moment *at, expected *e) {
    target t;
    if (!expect_target(o, at, e, &t)) {
        return;
    }
    if (!fits(t.schema, o->value)) {
        expect_error(e, STRATA_CONSTRAINT, "schema_mismatch");
        return;
    }
    expect_put(at, e, &t, 0, o->value);
    strata_buffer *out = expect_ok(e, 3);
    put_text(out, "id", o->key);
    put_bool(out, "created", !is_live(t.version));
    put_uint(out, "version", expect_version(at));
}

static void put_did(const moment *at, expected *e, const char *name, bool did) {
    strata_buffer *out = expect_ok(e, did ? 2 : 1);
    put_bool(out, name, did);
    if (did) {
        put_uint(out, "version", expect_version(at));
    }
}

static void predict_delete(const op *o, const moment *at, expected *e) {
    target t;
    if (!expect_target(o, at, e, &t)) {
        return;
    }
    if (is_live(t.version)) {
        expect_put(at, e, &t, DELETED, document_of(t.version));
    }
    put_did(at, e, "existed", is_live(t.version));
}

static void predict_restore(const op *o, const moment *at, expected *e) {
    target t;
    if (!expect_target(o, at, e, &t)) {
        return;
    }
    if (t.version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    const bool restores = is_deleted(t.version);
    if (restores) {
        expect_put(at, e, &t, 0, document_of(t.version));
    }
    put_did(at, e, "restored", restores);
}

static void make_purge(maker *mk, op *o) {
    make_known(mk, o);
    o->whole = one_in(mk, 3); /* by force */
}

static void predict_purge(const op *o, const moment *at, expected *e) {
    target t;
    if (!expect_target(o, at, e, &t)) {
        return;
    }
    if (is_live(t.version) && !o->whole) {
        expect_error(e, STRATA_CONSTRAINT, "not_deleted");
        return;
    }
    if (t.version != NULL) {
        const model_write write = {t.run, MODEL_ENTITY, t.key, st_slice("", 0), true, 0};
        (void)expect_write(e, at, &write);
    }
    put_did(at, e, "existed", t.version != NULL);
}

/* ---- Reading entities ------------------------------------------------------------------------ */

void entity_put(strata_buffer *out, strata_slice key, const model_version *version) {
    const char *mark = memchr(key.data, 0, key.len);
    assert_non_null(mark);
    const size_t len = (size_t)(mark - (const char *)key.data);
    put(st_msgpack_put_object(out, 6));
    put_text(out, "schema", st_slice(key.data, len));
    put_text(out, "id", st_slice(mark + 1, key.len - len - 1));
    put_raw(out, "document", document_of(version));
    put_bool(out, "deleted", is_deleted(version));
    put_stamp(out, version);
}

static void make_get(maker *mk, op *o) {
    make_known(mk, o);
    o->whole = one_in(mk, 3); /* deleted ones, too */
    pick_when(mk, o);
}

static void predict_get(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_ref(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const strata_slice key = entity_key(&e->arena, o);
    const model_version *version = model_live(at->model, run, MODEL_ENTITY, key, snapshot);
    if (version == NULL || (is_deleted(version) && !o->whole)) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 1);
    put_name(out, "entity");
    entity_put(out, key, version);
}

static bool trims_entity(const op *o, const moment *at) {
    st_arena arena;
    st_arena_init(&arena, &strata_host_default()->memory, 0);
    const bool trims = history_trims(o, at, MODEL_ENTITY, entity_key(&arena, o));
    st_arena_free(&arena);
    return trims;
}

static void make_list(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->type = pick_text(mk, "c%u", (unsigned)pick(mk, 2));
    o->prefix = one_in(mk, 4) ? strata_text("x") : st_slice("", 0);
    o->cursor = one_in(mk, 4) ? pick_text(mk, "x%u", (unsigned)pick(mk, IDS)) : st_slice("", 0);
    o->reverse = one_in(mk, 3);
    o->whole = one_in(mk, 3); /* the deleted ones */
    o->limit = pick_limit(mk);
    pick_when(mk, o);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    op page = {.prefix = schema_prefix(&e->arena, o), .reverse = o->reverse};
    strata_slice last = {NULL, 0};
    strata_slice stood = {NULL, 0};
    open_list list;
    unsigned run;
    uint64_t snapshot;
    uint8_t schema;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    if (!find_schema(at, run, o->type, snapshot, &schema)) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    if (o->cursor.len > 0) {
        page.cursor = entity_key(&e->arena, &(op){.type = o->type, .key = o->cursor});
    }
    const model_table *table = model_table_of(at->model, run, MODEL_ENTITY);
    strata_buffer *out = expect_list(e, "entities", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const model_version *version = model_seen(cell, snapshot);
        if (version == NULL || version->deleted || !in_page(&page, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            stood = last; /* something follows, listed or not */
            break;
        }
        if (is_deleted(version) == o->whole) {
            entity_put(out, cell->key, version);
            list.count++;
            last = st_slice((const char *)cell->key.data + o->type.len + 1,
                            cell->key.len - o->type.len - 1);
        }
    }
    expect_list_end(e, &list, stood);
}

static bool trims_list(const op *o, const moment *at) {
    st_arena arena;
    st_arena_init(&arena, &strata_host_default()->memory, 0);
    op within = *o;
    within.prefix = schema_prefix(&arena, o);
    within.cursor = st_slice("", 0);
    const bool trims = history_trims(o, at, MODEL_SCHEMA, o->type) ||
                       history_trims_list(&within, at, MODEL_ENTITY);
    st_arena_free(&arena);
    return trims;
}

const op_kind ops_entity[] = {
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
    {.name = "entity.upsert",
     .args = "run schema id document",
     .weight = 30,
     .make = make_upsert,
     .predict = predict_upsert,
     .writes = true},
    {.name = "entity.delete",
     .args = "run schema id",
     .weight = 8,
     .make = make_known,
     .predict = predict_delete,
     .writes = true},
    {.name = "entity.restore",
     .args = "run schema id",
     .weight = 5,
     .make = make_known,
     .predict = predict_restore,
     .writes = true},
    {.name = "entity.purge",
     .args = "run schema id force",
     .weight = 4,
     .make = make_purge,
     .predict = predict_purge,
     .writes = true},
    {.name = "entity.get",
     .args = "run schema id deleted as_of as_of_time",
     .weight = 12,
     .make = make_get,
     .predict = predict_get,
     .trims = trims_entity,
     .reads_past = reads_past},
    {.name = "entity.list",
     .args = "run schema prefix deleted reverse limit cursor as_of as_of_time",
     .weight = 8,
     .make = make_list,
     .predict = predict_list,
     .trims = trims_list,
     .reads_past = reads_past},
};
const size_t ops_entity_count = sizeof ops_entity / sizeof ops_entity[0];
