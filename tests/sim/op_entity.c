/* op_entity.c - entities, of which the model keeps whether they are deleted, and the document's MessagePack.
 * Without indexes, which are commits of their own, and outside of transactions: tests/unit/model/entity has
 * both. What a merge of a patch makes is told as for documents (change.h).
 *
 * A vacuum does not tell its commit; so it counts only, but where nobody else commits. What it may look at in
 * one commit is more than there ever is.
 */
#include "change.h"
#include "history.h"

#include "base/limits.h"
#include "format/sha256.h"

enum { IDS = 6, DELETED = 1 };

/* ---- What the model keeps -------------------------------------------------------------------- */

strata_slice entity_key(st_arena *arena, const op *o) {
    const strata_slice names[] = {o->type, o->key};
    return texts_key(arena, names, 2);
}

/* What all entities of a schema begin with. */
strata_slice entity_prefix(st_arena *arena, const op *o) {
    const strata_slice names[] = {o->type, o->prefix};
    return texts_key(arena, names, 2);
}

static bool is_deleted(const model_version *version) {
    return *(const uint8_t *)version->value.data == DELETED;
}

bool entity_is_live(const model_version *version) {
    return version != NULL && !is_deleted(version);
}

/* ---- Writing entities ------------------------------------------------------------------------ */

static void make_ref(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    const strata_slice known = pick_known(mk, o, MODEL_SCHEMA);
    o->type = known.len > 0 ? known : schema_pick(mk);
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
    return msgpack_of(mk->arena, json);
}

static void make_upsert(maker *mk, op *o) {
    make_ref(mk, o);
    o->value = pick_fields(mk);
}

static bool expect_ref(const op *o, expected *e) {
    if (!expect_schema_name(o->type, e) || !expect_key(o->key, e)) {
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
    if (!schema_find(at, t->run, o->type, at->snapshot, &t->schema)) {
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
        t->run, MODEL_ENTITY, t->key, flagged(&e->arena, flag, document), false, 0};
    (void)expect_write(e, at, &write);
}

static void predict_upsert(const op *o, const moment *at, expected *e) {
    target t;
    if (!expect_target(o, at, e, &t)) {
        return;
    }
    if (!schema_fits(t.schema, o->value)) {
        expect_error(e, STRATA_CONSTRAINT, "schema_mismatch");
        return;
    }
    expect_put(at, e, &t, 0, o->value);
    strata_buffer *out = expect_ok(e, 3);
    put_text(out, "id", o->key);
    put_bool(out, "created", !entity_is_live(t.version));
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
    if (entity_is_live(t.version)) {
        expect_put(at, e, &t, DELETED, flagless(t.version));
    }
    put_did(at, e, "existed", entity_is_live(t.version));
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
        expect_put(at, e, &t, 0, flagless(t.version));
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
    if (entity_is_live(t.version) && !o->whole) {
        expect_error(e, STRATA_CONSTRAINT, "not_deleted");
        return;
    }
    if (t.version != NULL) {
        const model_write write = {t.run, MODEL_ENTITY, t.key, st_slice("", 0), true, 0};
        (void)expect_write(e, at, &write);
    }
    put_did(at, e, "existed", t.version != NULL);
}

static void make_merge(maker *mk, op *o) {
    static const char *const patches[] = {"{\"n\":null}", "{\"n\":1}",   "{\"n\":-2,\"v\":1}",
                                          "{\"v\":1}",    "{\"n\":7.0}", "{\"m\":{\"x\":null}}"};
    static const char *const ns[] = {"null", "0", "-1", "2.5", "{\"x\":[1]}"};
    char json[96];
    make_known(mk, o);
    o->idle = one_in(mk, 10);
    if (o->idle) {
        o->value = msgpack_of(mk->arena, one_in(mk, 2) ? "{}" : "{\"none\":null}");
    } else if (mk->alone && one_in(mk, 2)) {
        o->value = msgpack_of(mk->arena, patches[pick(mk, sizeof patches / sizeof patches[0])]);
    } else { /* beside others it must not happen to change nothing */
        (void)snprintf(json, sizeof json, "{\"v\":%llu,\"n\":%s}",
                       (unsigned long long)pick(mk, INT64_MAX),
                       ns[pick(mk, sizeof ns / sizeof ns[0])]);
        o->value = msgpack_of(mk->arena, json);
    }
}

static void predict_merge(const op *o, const moment *at, expected *e) {
    target t;
    doc_change c;
    if (!expect_target(o, at, e, &t)) {
        return;
    }
    if (!entity_is_live(t.version)) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    change_begin(&c, &e->arena, tree_read(&e->arena, flagless(t.version)), at->value_bytes_max);
    put(change_merge(&c, tree_read(&e->arena, o->value)));
    if (c.count == 0) {
        put_uint(expect_ok(e, 1), "version", t.version->number);
        return;
    }
    strata_buffer made = {NULL, 0, 0, NULL};
    tree_write(c.root, &made);
    const strata_slice document = arena_bytes(&e->arena, st_buffer_slice(&made));
    strata_buffer_free(&made);
    if (!schema_fits(t.schema, document)) {
        expect_error(e, STRATA_CONSTRAINT, "schema_mismatch");
        return;
    }
    expect_put(at, e, &t, 0, document);
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

static void make_vacuum(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->type = one_in(mk, 2) ? schema_pick(mk) : st_slice("", 0);
    o->whole = !mk->alone || one_in(mk, 3); /* counts only */
    o->until = o->whole && one_in(mk, 2) ? 1 + pick(mk, 100000) : 0;
}

static void predict_vacuum(const op *o, const moment *at, expected *e) {
    const int64_t until_us = o->until == 0 ? INT64_MAX : at->now_us - (int64_t)o->until * 1000;
    op within = {.prefix = st_slice("", 0)};
    uint64_t count = 0;
    unsigned run;
    uint8_t schema;
    if (!expect_run(o, at, e, &run) || (o->type.len > 0 && !expect_schema_name(o->type, e))) {
        return;
    }
    if (o->type.len > 0) {
        within.prefix = entity_prefix(&e->arena, &(op){.type = o->type});
        if (!schema_find(at, run, o->type, at->snapshot, &schema)) {
            expect_error(e, STRATA_NOT_FOUND, NULL);
            return;
        }
    }
    if (!expect_writable(at, run, e)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_ENTITY);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *version = model_seen(cell, at->snapshot);
        if (version == NULL || version->deleted || !is_deleted(version) ||
            version->timestamp_us > until_us || !in_page(&within, cell->key)) {
            continue;
        }
        count++;
        if (!o->whole) {
            const model_write write = {run, MODEL_ENTITY, cell->key, st_slice("", 0), true, 0};
            (void)expect_write(e, at, &write);
        }
    }
    strata_buffer *out = expect_ok(e, 2);
    put_uint(out, "candidates", count);
    put_uint(out, "purged", o->whole ? 0 : count);
}

/* ---- Reading entities ------------------------------------------------------------------------ */

void entity_put(strata_buffer *out, strata_slice key, const model_version *version) {
    const char *mark = memchr(key.data, 0, key.len);
    assert_non_null(mark);
    const size_t len = (size_t)(mark - (const char *)key.data);
    put(st_msgpack_put_object(out, 6));
    put_text(out, "schema", st_slice(key.data, len));
    put_text(out, "id", st_slice(mark + 1, key.len - len - 1));
    put_raw(out, "document", flagless(version));
    put_bool(out, "deleted", is_deleted(version));
    put_stamp(out, version);
}

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
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
    op page = {.prefix = entity_prefix(&e->arena, o), .reverse = o->reverse};
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
    if (!schema_find(at, run, o->type, snapshot, &schema)) {
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
    within.prefix = entity_prefix(&arena, o);
    within.cursor = st_slice("", 0);
    const bool trims = history_trims(o, at, MODEL_SCHEMA, o->type) ||
                       history_trims_list(&within, at, MODEL_ENTITY);
    st_arena_free(&arena);
    return trims;
}

static void predict_exists(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (expect_run(o, at, e, &run) && expect_ref(o, e) && expect_as_of(o, at, e, run, &snapshot)) {
        const strata_slice key = entity_key(&e->arena, o);
        const model_version *version = model_live(at->model, run, MODEL_ENTITY, key, snapshot);
        put_bool(expect_ok(e, 1), "exists", entity_is_live(version));
    }
}

static void make_count(maker *mk, op *o) {
    make_list(mk, o);
    o->cursor = st_slice("", 0);
    o->limit = 0;
}

static void predict_count(const op *o, const moment *at, expected *e) {
    const op page = {.prefix = entity_prefix(&e->arena, o)};
    uint64_t count = 0;
    unsigned run;
    uint64_t snapshot;
    uint8_t schema;
    if (!expect_run(o, at, e, &run) || !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    if (!schema_find(at, run, o->type, snapshot, &schema)) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_ENTITY);
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], snapshot);
        count += version != NULL && !version->deleted && in_page(&page, table->cells[i]->key) &&
                 is_deleted(version) == o->whole;
    }
    put_uint(expect_ok(e, 1), "count", count);
}

static void make_history(maker *mk, op *o) {
    make_known(mk, o);
    o->until = one_in(mk, 3) ? pick(mk, mk->model->last + 2) : 0;
    o->whole = one_in(mk, 2); /* with documents */
    o->limit = pick_limit(mk);
}

static void predict_history(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const uint64_t newest =
        o->until > 0 && o->until - 1 < at->snapshot ? o->until - 1 : at->snapshot;
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) || !expect_ref(o, e)) {
        return;
    }
    const strata_slice key = entity_key(&e->arena, o);
    strata_buffer *out = expect_list(e, "revisions", &list);
    const model_version *version = history_next(at, run, MODEL_ENTITY, key, newest);
    for (; version != NULL && list.count < limit; list.count++) {
        const bool shows = o->whole && !version->deleted;
        put(st_msgpack_put_object(out, shows ? 5 : 4));
        put_stamp(out, version);
        put_bool(out, "deleted", version->deleted || is_deleted(version));
        put_bool(out, "purged", version->deleted);
        if (shows) {
            put_raw(out, "document", flagless(version));
        }
        version = history_next(at, run, MODEL_ENTITY, key, version->number - 1);
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

/* ---- Ids ------------------------------------------------------------------------------------- */

static void make_id(maker *mk, op *o) {
    static const char *const documents[] = {
        "{}",
        "{\"key\":\"a\"}",
        "{\"key\":7}",
        "{\"key\":7.0}",
        "{\"name\":\"a\"}",
        "{\"key\":\"\",\"name\":-3}",
        "{\"key\":2.5}",
        "{\"key\":[1],\"name\":null}",
        "{\"key\":\"7\",\"name\":\"b\"}",
    };
    make_ref(mk, o);
    o->value = msgpack_of(mk->arena, documents[pick(mk, sizeof documents / sizeof documents[0])]);
}

/* What identifies a document under that name; kind: i, a whole number, or s. False: nothing does. */
static bool identifies(strata_slice document, const char *name, char text[32], strata_slice *out,
                       char *kind) {
    st_cursor cursor = st_cursor_over(field_of(document, name));
    st_token token;
    if (!st_msgpack_next(&cursor, &token)) {
        return false;
    }
    *kind = token.type == STRATA_STRING ? 's' : 'i';
    *out = token.as.bytes;
    if (token.type == STRATA_STRING) {
        return token.as.bytes.len > 0;
    }
    const bool whole = token.type == STRATA_INT ||
                       (token.type == STRATA_FLOAT && floor(token.as.real) == token.as.real);
    if (whole) {
        (void)snprintf(text, 32, "%lld",
                       token.type == STRATA_INT ? (long long)token.as.integer
                                                : (long long)token.as.real);
        *out = strata_text(text);
    }
    return whole;
}

static void predict_id(const op *o, const moment *at, expected *e) {
    static const char *const names[] = {"key", "name"};
    unsigned run;
    uint8_t schema;
    if (!expect_run(o, at, e, &run) || !expect_schema_name(o->type, e)) {
        return;
    }
    if (!schema_find(at, run, o->type, at->snapshot, &schema)) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        char text[32];
        char kind[2] = {names[i][0]};
        strata_slice identity;
        if (identifies(o->value, names[i], text, &identity, &kind[1])) {
            const strata_slice parts[] = {o->type, st_slice("", 1), st_slice(kind, 2), identity};
            uint8_t hash[ST_SHA256_BYTES];
            char id[33];
            st_sha256(parts, 4, hash);
            for (size_t j = 0; j < 16; j++) {
                (void)snprintf(id + 2 * j, 3, "%02x", hash[j]);
            }
            put_text(expect_ok(e, 1), "id", strata_text(id));
            return;
        }
    }
    (void)expect_ok(e, 0);
}

const op_kind ops_entity[] = {
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
    {.name = "entity.merge",
     .args = "run schema id patch",
     .weight = 8,
     .make = make_merge,
     .predict = predict_merge,
     .writes = true},
    {.name = "entity.vacuum",
     .args = "run of_schema older_than_ms dry_run",
     .weight = 3,
     .make = make_vacuum,
     .predict = predict_vacuum,
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
    {.name = "entity.exists",
     .args = "run schema id as_of as_of_time",
     .weight = 4,
     .make = make_get,
     .predict = predict_exists,
     .trims = trims_entity,
     .reads_past = reads_past},
    {.name = "entity.count",
     .args = "run schema prefix deleted as_of as_of_time",
     .weight = 4,
     .make = make_count,
     .predict = predict_count,
     .trims = trims_list,
     .reads_past = reads_past},
    {.name = "entity.history",
     .args = "run schema id before# documents limit",
     .weight = 8,
     .make = make_history,
     .predict = predict_history,
     .shortens = true},
    {.name = "entity.id",
     .args = "run schema document",
     .weight = 3,
     .make = make_id,
     .predict = predict_id},
};
const size_t ops_entity_count = sizeof ops_entity / sizeof ops_entity[0];
