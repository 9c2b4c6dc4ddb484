/* op_merge.c - history.merge: three versions of each thing, that of the source, of the target, and of where
 * both come from.
 *
 * Documents that both have changed are merged member by member. Where all three have an array in the same
 * place and all differ, the model would need a second implementation of what moved where
 * (tests/unit/history/test_unite_document has that): such runs are not merged here. Nor are runs while
 * others write to them, which is a conflict like those of transactions.
 */
#include "history.h"

#include "base/bytes.h"
#include "base/limits.h"

enum { CONFLICTS_SHOWN = 100, CHANGES_MAX = 100, DRAWS = 12 };

/* ---- Where two runs meet --------------------------------------------------------------------- */

typedef struct meeting {
    unsigned run;
    uint64_t at; /* the last commit of it that both see */
} meeting;

static bool find_meeting(const model *m, unsigned source, unsigned target, meeting *found) {
    uint64_t high = UINT64_MAX;
    for (unsigned a = source;; a = m->origins[a].base) {
        uint64_t other = UINT64_MAX;
        for (unsigned b = target;; b = m->origins[b].base) {
            if (a == b) {
                *found = (meeting){a, high < other ? high : other};
                return true;
            }
            if (m->origins[b].base == 0) {
                break;
            }
            other = m->origins[b].at < other ? m->origins[b].at : other;
        }
        if (m->origins[a].base == 0) {
            return false;
        }
        high = m->origins[a].at < high ? m->origins[a].at : high;
    }
}

/* ---- Merging --------------------------------------------------------------------------------- */

typedef struct merger {
    const moment *at;
    expected *e;
    strata_slice source_name;
    unsigned source;
    unsigned target;
    meeting meeting;
    bool theirs;
    bool untold; /* it cannot be predicted */
    bool checks; /* it writes something that looks at the status of the run */
    bool too_large;
    uint64_t taken;
    uint64_t events;
    uint64_t conflicts;
    strata_buffer list; /* of conflicts */
    uint32_t listed;
} merger;

static const model_version *find_now(const merger *g, unsigned run, model_kind kind,
                                     strata_slice key, uint64_t snapshot) {
    const model_version *version = model_live(g->at->model, run, kind, key, snapshot);
    return version == NULL || version->expires_us <= g->at->now_us ? NULL : version;
}

static void write_one(merger *g, model_kind kind, strata_slice key, strata_slice value,
                      bool deletes, int64_t expires_us) {
    const model_write write = {g->target, kind, key, value, deletes, expires_us};
    if (g->e->write_count < MODEL_WRITES_MAX) {
        (void)expect_write(g->e, g->at, &write);
    } else {
        g->untold = true;
    }
}

static strata_slice turned(st_arena *arena, strata_slice key) {
    strata_slice names[3];
    const char *at = key.data;
    const char *end = at + key.len;
    for (size_t i = 0; i < 3; i++) {
        const char *mark = i == 2 ? end : memchr(at, 0, (size_t)(end - at));
        assert_non_null(mark);
        names[2 - i] = st_slice(at, (size_t)(mark - at));
        at = mark + 1;
    }
    return texts_key(arena, names, 3);
}

/* What follows from an edge, or a trace. */
static void write_derived(merger *g, model_kind kind, strata_slice key,
                          const model_version *source) {
    if (kind == MODEL_EDGE) {
        write_one(g, MODEL_EDGE_IN, turned(&g->e->arena, key), st_slice("", 0), source == NULL, 0);
    }
    if (kind == MODEL_TRACE && source != NULL) {
        const strata_slice pair[] = {text_of(field_of(source->value, "parent")), key};
        if (pair[0].len > 0) {
            write_one(g, MODEL_TRACE_CHILD, texts_key(&g->e->arena, pair, 2), st_slice("", 0),
                      false, 0);
        }
    }
}

static void take(merger *g, model_kind kind, strata_slice key, const model_version *source) {
    const bool ends = source != NULL && source->expires_us != INT64_MAX;
    const strata_slice value = source == NULL ? st_slice("", 0) : source->value;
    g->taken++;
    write_one(g, kind, key, value, source == NULL, ends ? source->expires_us : 0);
    write_derived(g, kind, key, source);
}

/* As a document that was just set. */
static void take_document(merger *g, strata_slice key, const tree *root) {
    strata_buffer bytes = {NULL, 0, 0, NULL};
    model_document document = {.root = NULL, .whole = true};
    g->taken++;
    g->checks = true;
    if (root == NULL) {
        write_one(g, MODEL_JSON, key, st_slice("", 0), true, 0);
        return;
    }
    tree_write(root, &bytes);
    g->too_large = g->too_large || tree_bytes(root) > g->at->value_bytes_max;
    document.root = tree_read(&g->e->arena, st_buffer_slice(&bytes));
    strata_buffer_free(&bytes);
    write_one(g, MODEL_JSON, key, arena_bytes(&g->e->arena, st_slice(&document, sizeof document)),
              false, 0);
}

/* ---- Conflicts ------------------------------------------------------------------------------- */

static bool begin_conflict(merger *g, strata_slice ref, uint32_t sides) {
    g->conflicts++;
    if (g->listed == CONFLICTS_SHOWN) {
        return false;
    }
    g->listed++;
    put(st_msgpack_put_object(&g->list, 1 + sides));
    put_text(&g->list, "ref", ref);
    return true;
}

static const char *const side_names[] = {"base", "source", "target"};

static void tell_conflict(merger *g, model_kind kind, strata_slice key,
                          const model_version *const sides[3]) {
    uint32_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        count += sides[i] != NULL;
    }
    if (begin_conflict(g, history_ref(&g->e->arena, kind, key), count)) {
        for (size_t i = 0; i < 3; i++) {
            if (sides[i] != NULL) {
                put_name(&g->list, side_names[i]);
                history_show(&g->list, kind, sides[i]);
            }
        }
    }
}

static void tell_path(merger *g, strata_slice ref, const tree *const sides[3]) {
    uint32_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        count += sides[i] != NULL;
    }
    if (begin_conflict(g, ref, count)) {
        for (size_t i = 0; i < 3; i++) {
            if (sides[i] != NULL) {
                put_name(&g->list, side_names[i]);
                tree_write(sides[i], &g->list);
            }
        }
    }
}

/* ---- Documents ------------------------------------------------------------------------------- */

static bool is_same(const tree *a, const tree *b) {
    return a == NULL || b == NULL ? a == b : tree_equal(a, b);
}

static bool are_all(const tree *const sides[3], strata_type type) {
    return sides[0] != NULL && sides[1] != NULL && sides[2] != NULL && sides[0]->type == type &&
           sides[1]->type == type && sides[2]->type == type;
}

static strata_slice escaped(st_arena *arena, strata_slice name) {
    const char *bytes = name.data;
    char *text = st_arena_alloc(arena, 2 * name.len + 1, 1);
    size_t len = 0;
    assert_non_null(text);
    for (size_t i = 0; i < name.len; i++) {
        const bool special = bytes[i] == '~' || bytes[i] == '/';
        text[len++] = special ? '~' : bytes[i];
        if (special) {
            text[len++] = bytes[i] == '~' ? '0' : '1';
        }
    }
    return st_slice(text, len);
}

typedef struct member {
    strata_slice name;
    strata_slice text; /* as in a pointer */
} member;

static int by_text(const void *a, const void *b) {
    return st_slice_compare(((const member *)a)->text, ((const member *)b)->text);
}

/* The names in the objects of the base and of the source, in order of pointers. */
static size_t members_of(merger *g, const tree *const sides[3], member **members) {
    size_t count = 0;
    *members =
        st_arena_alloc(&g->e->arena, (sides[0]->count + sides[1]->count + 1) * sizeof **members, 8);
    assert_non_null(*members);
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < sides[side]->count; i++) {
            const strata_slice name = sides[side]->names[i];
            if (side == 0 || tree_find(sides[0], name) == sides[0]->count) {
                (*members)[count++] = (member){name, escaped(&g->e->arena, name)};
            }
        }
    }
    qsort(*members, count, sizeof **members, by_text);
    return count;
}

static const tree *member_of(const tree *object, strata_slice name) {
    const size_t place = tree_find(object, name);
    return place == object->count ? NULL : object->items[place];
}

/* The object with another value under that name; NULL: with none. */
static const tree *with_member(merger *g, const tree *object, strata_slice name,
                               const tree *value) {
    tree_edit edit = {.kind = value == NULL ? TREE_DELETE : TREE_PUT, .value = value};
    edit.route.count = 1;
    edit.route.steps[0] = (tree_step){.named = true, .name = name};
    const tree *changed = tree_apply(&g->e->arena, object, &edit);
    assert_non_null(changed);
    return changed;
}

/* Whether an array has objects in it: what is added to them comes in the order of pointers. */
static bool has_objects(const tree *node) {
    bool has = node->type == STRATA_OBJECT;
    for (size_t i = 0; i < node->count && !has; i++) {
        has = has_objects(node->items[i]);
    }
    return has;
}

/* One place of a document: base, source, target. What it becomes; *took: the source had a say. Objects that
 * are the same may have their members in another order, and the target's counts. */
static const tree *unite(merger *g, strata_slice ref, const tree *const sides[3], bool *took) {
    if (is_same(sides[1], sides[0]) || is_same(sides[1], sides[2])) {
        return sides[2];
    }
    const bool only_source = is_same(sides[2], sides[0]);
    g->untold =
        g->untold || (are_all(sides, STRATA_ARRAY) && (!only_source || has_objects(sides[1])));
    if (only_source && !are_all(sides, STRATA_OBJECT)) {
        *took = true;
        return sides[1];
    }
    if (!are_all(sides, STRATA_OBJECT)) {
        tell_path(g, ref, sides);
        *took = *took || g->theirs;
        return g->theirs ? sides[1] : sides[2];
    }
    member *members;
    const size_t count = members_of(g, sides, &members);
    const tree *result = sides[2];
    const bool is_root = memchr(ref.data, '#', ref.len) == NULL;
    for (size_t i = 0; i < count; i++) {
        const strata_slice name = members[i].name;
        const tree *inner[] = {member_of(sides[0], name), member_of(sides[1], name),
                               member_of(sides[2], name)};
        const strata_slice text = members[i].text;
        char *bytes = st_arena_alloc(&g->e->arena, ref.len + text.len + 2, 1);
        assert_non_null(bytes);
        memcpy(bytes, ref.data, ref.len);
        memcpy(bytes + ref.len, "#/", 2);
        memcpy(bytes + ref.len + (is_root ? 2 : 1), text.data, text.len);
        bytes[ref.len] = is_root ? '#' : '/';
        const strata_slice below = st_slice(bytes, ref.len + (is_root ? 2 : 1) + text.len);
        const tree *became = unite(g, below, inner, took);
        if (became != inner[2]) {
            result = with_member(g, result, name, became);
        }
    }
    return result;
}

static const tree *root_of(const model_version *version) {
    return version == NULL ? NULL : ((const model_document *)version->value.data)->root;
}

static void merge_documents(merger *g, strata_slice key, const model_version *const sides[3]) {
    const tree *const roots[] = {root_of(sides[0]), root_of(sides[1]), root_of(sides[2])};
    bool took = false;
    const tree *became = unite(g, history_ref(&g->e->arena, MODEL_JSON, key), roots, &took);
    if (took) {
        take_document(g, key, became);
    }
}

/* ---- Things ---------------------------------------------------------------------------------- */

/* A trace of the target that had another parent. */
static void drop_place(merger *g, strata_slice key, const model_version *const sides[3]) {
    const strata_slice had = text_of(field_of(sides[2]->value, "parent"));
    const strata_slice has = text_of(field_of(sides[1]->value, "parent"));
    if (had.len > 0 && !st_slice_equal(had, has)) {
        const strata_slice pair[] = {had, key};
        write_one(g, MODEL_TRACE_CHILD, texts_key(&g->e->arena, pair, 2), st_slice("", 0), true, 0);
    }
}

static void merge_thing(merger *g, model_kind kind, strata_slice key) {
    const uint64_t now = g->at->snapshot;
    const uint64_t then = g->meeting.at < now ? g->meeting.at : now;
    const model_version *sides[] = {find_now(g, g->meeting.run, kind, key, then),
                                    find_now(g, g->source, kind, key, now),
                                    find_now(g, g->target, kind, key, now)};
    if (history_same(kind, sides[1], sides[0]) || history_same(kind, sides[1], sides[2])) {
        return;
    }
    const bool conflicts = !history_same(kind, sides[2], sides[0]);
    const bool all = sides[0] != NULL && sides[1] != NULL && sides[2] != NULL;
    if (conflicts && kind == MODEL_JSON && all) {
        merge_documents(g, key, sides);
        return;
    }
    if (conflicts) {
        tell_conflict(g, kind, key, sides);
    }
    if (conflicts && !g->theirs) {
        return;
    }
    if (kind == MODEL_TRACE && sides[2] != NULL) {
        drop_place(g, key, sides);
    }
    if (kind == MODEL_JSON) {
        take_document(g, key, root_of(sides[1]));
    } else {
        take(g, kind, key, sides[1]);
    }
}

/* The keys of both runs in order. */
static void merge_kind(merger *g, model_kind kind) {
    const model_table *a = model_table_of(g->at->model, g->source, kind);
    const model_table *b = model_table_of(g->at->model, g->target, kind);
    size_t i = 0;
    size_t j = 0;
    while (i < a->count || j < b->count) {
        const int order = i == a->count   ? 1
                          : j == b->count ? -1
                                          : st_slice_compare(a->cells[i]->key, b->cells[j]->key);
        merge_thing(g, kind, order <= 0 ? a->cells[i]->key : b->cells[j]->key);
        i += order <= 0;
        j += order >= 0;
    }
}

/* ---- Events ---------------------------------------------------------------------------------- */

static uint64_t last_event(const merger *g, unsigned run, uint64_t snapshot) {
    const model_table *table = model_table_of(g->at->model, run, MODEL_EVENT);
    uint64_t last = 0;
    for (size_t i = 0; i < table->count; i++) {
        last = model_seen(table->cells[i], snapshot) != NULL ? load64_be(table->cells[i]->key.data)
                                                             : last;
    }
    return last;
}

static const model_event *event_at(const merger *g, unsigned run, uint64_t sequence) {
    uint8_t bytes[8];
    const model_version *version =
        model_live(g->at->model, run, MODEL_EVENT, event_key(bytes, sequence), g->at->snapshot);
    return version == NULL ? NULL : version->value.data;
}

/* Which event of the source that of the target is; 0: none. */
static uint64_t origin_of(const merger *g, const model_event *event) {
    const strata_slice from = field_of(event->payload, "merged_from");
    if (from.len == 0 || !st_slice_equal(text_of(field_of(from, "run")), g->source_name)) {
        return 0;
    }
    const uint64_t sequence = (uint64_t)int_of(field_of(from, "sequence"));
    const model_event *source = event_at(g, g->source, sequence);
    const strata_slice hash = field_of(from, "hash");
    return source != NULL && hash.len > 32 &&
                   memcmp((const uint8_t *)hash.data + hash.len - 32, source->hash, 32) == 0
               ? sequence
               : 0;
}

/* The payload, and last in it where the event is from. */
static strata_slice payload_of(merger *g, uint64_t sequence, int64_t timestamp_us,
                               const model_event *event) {
    const strata_slice inner = field_of(event->payload, "merged_from");
    strata_buffer out = {NULL, 0, 0, NULL};
    st_cursor cursor = st_cursor_over(event->payload);
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token));
    put(st_msgpack_put_object(&out, token.as.count + (inner.len > 0 ? 0 : 1)));
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token name;
        strata_slice value;
        assert_true(st_msgpack_next(&cursor, &name) && st_msgpack_skip(&cursor, &value));
        if (value.data != inner.data) {
            put(st_msgpack_put_string(&out, name.as.bytes));
            put(st_buffer_append(&out, value.data, value.len));
        }
    }
    put_name(&out, "merged_from");
    put(st_msgpack_put_object(&out, inner.len > 0 ? 5 : 4));
    put_text(&out, "run", g->source_name);
    put_uint(&out, "sequence", sequence);
    put_int(&out, "timestamp", timestamp_us);
    put_name(&out, "hash");
    put(st_msgpack_put_bytes(&out, st_slice(event->hash, 32)));
    if (inner.len > 0) {
        put_raw(&out, "merged_from", inner);
    }
    const strata_slice kept = arena_bytes(&g->e->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return kept;
}

static void merge_events(merger *g) {
    const model *m = g->at->model;
    const uint64_t now = g->at->snapshot;
    const uint64_t common =
        last_event(g, g->meeting.run, g->meeting.at < now ? g->meeting.at : now);
    uint64_t end = last_event(g, g->target, now);
    uint64_t merged = common;
    uint8_t previous[32] = {0};
    for (uint64_t i = common + 1; i <= end; i++) {
        const uint64_t origin = origin_of(g, event_at(g, g->target, i));
        merged = origin > merged ? origin : merged;
    }
    if (end > 0) {
        memcpy(previous, event_at(g, g->target, end)->hash, 32);
    }
    const int64_t time_us = model_time(m, g->target, g->at->wall_us);
    for (uint64_t i = merged + 1; event_at(g, g->source, i) != NULL; i++) {
        uint8_t bytes[8];
        const model_version *version =
            model_live(m, g->source, MODEL_EVENT, event_key(bytes, i), now);
        model_event event = *(const model_event *)version->value.data;
        event.payload = payload_of(g, i, version->timestamp_us, &event);
        g->too_large = g->too_large || event.payload.len > g->at->value_bytes_max;
        event_chain(++end, time_us, previous, &event);
        memcpy(previous, event.hash, 32);
        write_one(g, MODEL_EVENT, arena_bytes(&g->e->arena, event_key(bytes, end)),
                  arena_bytes(&g->e->arena, st_slice(&event, sizeof event)), false, 0);
        g->events++;
        g->checks = true;
    }
}

/* ---- The operation --------------------------------------------------------------------------- */

/* False: there is nothing to merge, or no telling. */
static bool merge_all(const op *o, const moment *at, expected *e, merger *g) {
    static const model_kind kinds[] = {MODEL_KV,         MODEL_STATE,  MODEL_TRACE,  MODEL_JSON,
                                       MODEL_COLLECTION, MODEL_VECTOR, MODEL_MEMORY, MODEL_EDGE,
                                       MODEL_SCHEMA,     MODEL_ENTITY};
    const op from = {.kind = o->kind, .run = o->key};
    const op to = {.kind = o->kind, .run = o->run};
    *g = (merger){.at = at,
                  .e = e,
                  .source_name = o->key,
                  .theirs = st_slice_equal(o->type, strata_text("theirs"))};
    if (o->type.len > 0 && !g->theirs && !st_slice_equal(o->type, strata_text("strict")) &&
        !st_slice_equal(o->type, strata_text("ours"))) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    if (!expect_run(&from, at, e, &g->source) || !expect_run(&to, at, e, &g->target)) {
        return false;
    }
    if (g->source == g->target || !find_meeting(at->model, g->source, g->target, &g->meeting)) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        merge_kind(g, kinds[i]);
    }
    merge_events(g);
    return true;
}

static bool is_strict(const op *o) {
    return o->type.len == 0 || st_slice_equal(o->type, strata_text("strict"));
}

static void put_merged(const op *o, const moment *at, expected *e, const merger *g) {
    strata_buffer *out;
    open_list list;
    char label[ST_NAME_BYTES_MAX + 16];
    uint8_t key[8];
    if (e->write_count > 0 && !o->whole) {
        const int len =
            snprintf(label, sizeof label, "merge %.*s", (int)o->key.len, (const char *)o->key.data);
        store64_be(key, at->snapshot + 1);
        const model_write write = {g->target,
                                   MODEL_LABEL,
                                   arena_bytes(&e->arena, st_slice(key, 8)),
                                   arena_bytes(&e->arena, st_slice(label, (size_t)len)),
                                   false,
                                   0};
        (void)expect_write(e, at, &write);
    }
    e->write_count = o->whole ? 0 : e->write_count;
    out = expect_list(e, "conflicts", &list);
    put(st_buffer_append(out, g->list.data, g->list.len));
    st_msgpack_patch(out, list.array, g->listed);
    st_msgpack_patch(out, list.object, e->write_count > 0 ? 5 : 4);
    put_uint(out, "conflict_count", g->conflicts);
    put_uint(out, "taken", g->taken);
    put_uint(out, "events", g->events);
    if (e->write_count > 0) {
        put_uint(out, "version", expect_version(at));
    }
}

/* The schema of an entity in the target, after all that was written before. */
static bool has_schema(const merger *g, strata_slice entity) {
    const strata_slice name = st_slice(entity.data, strlen(entity.data)); /* up to its first 00 */
    const expected *e = g->e;
    for (size_t i = 0; i < e->write_count; i++) {
        if (e->writes[i].kind == MODEL_SCHEMA && st_slice_equal(e->writes[i].key, name)) {
            return !e->writes[i].deletes;
        }
    }
    return model_live(g->at->model, g->target, MODEL_SCHEMA, name, g->at->snapshot) != NULL;
}

static bool is_purged(const expected *e, strata_slice entity) {
    for (size_t i = 0; i < e->write_count; i++) {
        if (e->writes[i].kind == MODEL_ENTITY && e->writes[i].deletes &&
            st_slice_equal(e->writes[i].key, entity)) {
            return true;
        }
    }
    return false;
}

static bool has_entities(const merger *g, strata_slice schema) {
    const model_table *table = model_table_of(g->at->model, g->target, MODEL_ENTITY);
    for (size_t i = 0; i < table->count; i++) {
        const strata_slice key = table->cells[i]->key;
        const model_version *version = model_seen(table->cells[i], g->at->snapshot);
        if (version != NULL && !version->deleted &&
            st_slice_equal(st_slice(key.data, strlen(key.data)), schema) && !is_purged(g->e, key)) {
            return true;
        }
    }
    return false;
}

/* An entity does not come where its schema was deleted, and no schema goes that has entities. */
static void expect_schemas(const merger *g) {
    expected *e = g->e;
    for (size_t i = 0; i < e->write_count && e->status == STRATA_OK; i++) {
        const model_write *write = &e->writes[i];
        const bool lacks =
            write->kind == MODEL_ENTITY && !write->deletes && !has_schema(g, write->key);
        const bool leaves =
            write->kind == MODEL_SCHEMA && write->deletes && has_entities(g, write->key);
        if (lacks || leaves) {
            expect_error(e, STRATA_CONFLICT, NULL);
        }
    }
}

/* The record of an entry's collection in the target, after all that was written before; NULL: there is none. */
static const model_version *collection_after(const merger *g, strata_slice entry,
                                             model_version *own) {
    const strata_slice name = st_slice(entry.data, strlen(entry.data)); /* up to its first 00 */
    const expected *e = g->e;
    const model_version *record =
        model_live(g->at->model, g->target, MODEL_COLLECTION, name, g->at->snapshot);
    for (size_t i = 0; i < e->write_count; i++) {
        const model_write *write = &e->writes[i];
        if (write->kind == MODEL_COLLECTION && st_slice_equal(write->key, name)) {
            *own = (model_version){.deleted = write->deletes, .value = write->value};
            record = own;
        }
    }
    return vector_is_collection(record) ? record : NULL;
}

/* An entry does not come where its collection was dropped, or is of another dimension. */
static void expect_collections(const merger *g) {
    expected *e = g->e;
    for (size_t i = 0; i < e->write_count && e->status == STRATA_OK; i++) {
        const model_write *write = &e->writes[i];
        model_version own;
        if (write->kind != MODEL_VECTOR || write->deletes) {
            continue;
        }
        const model_version *record = collection_after(g, write->key, &own);
        if (record == NULL || vector_dimension(record) != vector_numbers(write->value)) {
            expect_error(e, STRATA_CONFLICT, NULL);
        }
    }
}

/* What is too large is found where it is written, the status of the run where something that looks at it is: which
 * of them comes first is left to the core. */
static void expect_size(const merger *g, const moment *at) {
    if (!g->checks || !says_run_closed(g->e->got) || expect_writable(at, g->target, g->e)) {
        expect_error(g->e, STRATA_CONSTRAINT, "value_too_large");
    }
}

static void predict_merge(const op *o, const moment *at, expected *e) {
    merger g;
    if (!merge_all(o, at, e, &g)) {
        return;
    }
    const bool refused = g.conflicts > 0 && is_strict(o) && !o->whole;
    const strata_slice details = field_of(object_of(e->got->response), "details");
    if (e->got->status == STRATA_HISTORY_TRIMMED && field_of(details, "requested_time").len > 0) {
        /* A rule by time took it while it was read. */
        expect_error(e, STRATA_HISTORY_TRIMMED, NULL);
    }
    if (e->status == STRATA_OK && !o->whole && g.too_large) {
        expect_size(&g, at);
    }
    if (e->status == STRATA_OK && !o->whole && (g.checks || (!refused && e->write_count > 0))) {
        (void)expect_writable(at, g.target, e);
    }
    if (e->status == STRATA_OK && refused) {
        expect_error(e, STRATA_CONFLICT, NULL);
    }
    if (e->status == STRATA_OK && !o->whole) {
        expect_schemas(&g);
        expect_collections(&g);
    }
    if (e->status == STRATA_OK) {
        put_merged(o, at, e, &g);
    } else {
        e->write_count = 0;
    }
    strata_buffer_free(&g.list);
}

/* Whether the model can tell what comes of it. */
static bool can_tell(maker *mk, const op *o, bool *merges) {
    const moment now = {.model = mk->model, .snapshot = mk->model->last, .now_us = mk->now_us};
    expected e;
    merger g;
    expected_init(&e);
    *merges = merge_all(o, &now, &e, &g);
    const bool tells = !*merges || (!g.untold && e.write_count <= CHANGES_MAX);
    strata_buffer_free(&g.list);
    expected_free(&e);
    return tells;
}

/* Mostly runs that have history in common. */
static void make_merge(maker *mk, op *o) {
    static const char *const strategies[] = {"", "strict", "theirs", "ours", "mine"};
    o->type = strata_text(strategies[pick(mk, one_in(mk, 20) ? 5 : 4)]);
    o->whole = one_in(mk, 3); /* only says what would happen */
    for (unsigned i = 0; mk->alone && i < DRAWS; i++) {
        bool merges;
        o->key = pick_run(mk);
        o->key = o->key.len == 0 ? strata_text("default") : o->key;
        o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
        if (can_tell(mk, o, &merges) && (merges || one_in(mk, DRAWS))) {
            return;
        }
    }
    o->key = strata_text("nowhere");
}

const op_kind ops_merge[] = {
    {.name = "history.merge",
     .args = "source run_target strategy dry_run",
     .weight = 30,
     .make = make_merge,
     .predict = predict_merge,
     .writes = true},
};
const size_t ops_merge_count = sizeof ops_merge / sizeof ops_merge[0];
