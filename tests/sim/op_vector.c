/* op_vector.c - the entries of collections. Entries are not made part of transactions here (tests/unit/recall has
 * that).
 *
 * Embeddings are a few small numbers, of which many are the same, so that keys decide what is nearer.
 */
#include "vectors.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <math.h>

enum {
    IDS = 14,
    ENTRIES_MAX = 12, /* of one upsert_many */
    FIXED_BYTES = 2,  /* of what is stored: form and dimension */
};

/* ---- What the model keeps -------------------------------------------------------------------- */

strata_slice vector_prefix(st_arena *arena, strata_slice name) {
    const strata_slice texts[] = {name, st_slice("", 0)};
    return texts_key(arena, texts, 2);
}

static strata_slice entry_key(st_arena *arena, strata_slice name, strata_slice key) {
    const strata_slice texts[] = {name, key};
    return texts_key(arena, texts, 2);
}

/* Without the collection. */
strata_slice vector_id_of(strata_slice key) {
    const char *mark = memchr(key.data, 0, key.len);
    assert_non_null(mark);
    return st_slice(mark + 1, key.len - (size_t)(mark + 1 - (const char *)key.data));
}

static float packed_number(const uint8_t *bytes) {
    const uint32_t bits = load32_le(bytes);
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* As it is given: an array of numbers, or their bytes. */
embedding vector_embedding_of(strata_slice msgpack) {
    st_cursor cursor = st_cursor_over(msgpack);
    embedding read = {.finite = true, .zero = true};
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token));
    const bool packed = token.type == STRATA_BYTES;
    const uint8_t *bytes = packed ? token.as.bytes.data : NULL;
    read.count = packed ? (uint32_t)(token.as.bytes.len / 4) : token.as.count;
    assert_true(read.count <= VECTOR_NUMBERS_MAX);
    for (uint32_t i = 0; i < read.count; i++) {
        if (!packed) {
            assert_true(st_msgpack_next(&cursor, &token));
        }
        read.numbers[i] = packed                       ? packed_number(bytes + (size_t)4 * i)
                          : token.type == STRATA_FLOAT ? (float)token.as.real
                                                       : (float)token.as.integer;
        read.finite = read.finite && isfinite(read.numbers[i]);
        read.zero = read.zero && read.numbers[i] == 0;
    }
    return read;
}

uint32_t vector_numbers(strata_slice kept) {
    return vector_embedding_of(field_of(kept, "embedding")).count;
}

void vector_put_embedding(strata_buffer *out, const embedding *numbers) {
    put_name(out, "embedding");
    put(st_msgpack_put_array(out, numbers->count));
    for (uint32_t i = 0; i < numbers->count; i++) {
        put(st_msgpack_put_float(out, (double)numbers->numbers[i]));
    }
}

entry vector_entry_of(strata_slice key, strata_slice map) {
    return (entry){key, vector_embedding_of(field_of(map, "embedding")), field_of(map, "metadata"),
                   text_of(field_of(map, "text"))};
}

static strata_slice keep_entry(st_arena *arena, const entry *one) {
    strata_buffer out = {NULL, 0, 0, NULL};
    put(st_msgpack_put_object(&out, 1u + (one->metadata.len > 0) + (one->text.len > 0)));
    vector_put_embedding(&out, &one->numbers);
    if (one->metadata.len > 0) {
        put_raw(&out, "metadata", one->metadata);
    }
    if (one->text.len > 0) {
        put_text(&out, "text", one->text);
    }
    const strata_slice kept = arena_bytes(arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return kept;
}

/* ---- Writing entries ------------------------------------------------------------------------- */

static strata_slice pick_id(maker *mk) {
    return one_in(mk, 80) ? pick_key(mk, 'e') : pick_text(mk, "e%u", (unsigned)pick(mk, IDS));
}

strata_slice vector_pick_embedding(maker *mk, uint32_t dimension) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const bool far = one_in(mk, 4);
    const bool broken = one_in(mk, 100);
    const bool packed = one_in(mk, 2);
    float numbers[VECTOR_NUMBERS_MAX];
    uint8_t bytes[4 * VECTOR_NUMBERS_MAX];
    assert_true(dimension <= VECTOR_NUMBERS_MAX);
    for (uint32_t i = 0; i < dimension; i++) {
        numbers[i] = far ? (float)pick(mk, 41) / 2 - 10 : (float)pick(mk, 3) - 1;
        numbers[i] = broken && i == 0 ? (one_in(mk, 2) ? NAN : INFINITY) : numbers[i];
        uint32_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        store32_le(bytes + (size_t)4 * i, bits);
    }
    if (packed) {
        put(st_msgpack_put_bytes(&out, st_slice(bytes, (size_t)4 * dimension)));
    } else {
        put(st_msgpack_put_array(&out, dimension));
        for (uint32_t i = 0; i < dimension; i++) {
            const bool whole = isfinite(numbers[i]) && floorf(numbers[i]) == numbers[i];
            put(whole ? st_msgpack_put_int(&out, (int64_t)numbers[i])
                      : st_msgpack_put_float(&out, (double)numbers[i]));
        }
    }
    const strata_slice kept = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return kept;
}

static strata_slice pick_metadata(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    if (one_in(mk, 3)) {
        return pick_object(mk);
    }
    put(st_msgpack_put_object(&out, 1));
    put_int(&out, "x", (int64_t)pick(mk, 200) - 60);
    const strata_slice kept = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return kept;
}

static strata_slice pick_some_text(maker *mk) {
    return pick_text(mk, "%u", (unsigned)pick(mk, 3));
}

static void make_upsert(maker *mk, op *o) {
    const uint32_t dimension = vector_make_collection(mk, o);
    o->key = pick_id(mk);
    o->expected = vector_pick_embedding(mk, dimension);
    o->value = one_in(mk, 3) ? st_slice("", 0) : pick_metadata(mk);
    o->text = one_in(mk, 2) ? st_slice("", 0) : pick_some_text(mk);
}

static void make_upsert_many(maker *mk, op *o) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const uint32_t dimension = vector_make_collection(mk, o);
    const uint32_t count = one_in(mk, 60) ? 0 : 1 + (uint32_t)pick(mk, ENTRIES_MAX);
    const uint64_t first = pick(mk, IDS);
    const bool again = one_in(mk, 40);
    put(st_msgpack_put_array(&out, count));
    for (uint32_t i = 0; i < count; i++) {
        const bool has_metadata = one_in(mk, 2);
        const bool has_text = one_in(mk, 3);
        const uint64_t id = again ? pick(mk, IDS) : (first + i) % IDS;
        put(st_msgpack_put_object(&out, 2u + has_metadata + has_text));
        put_text(&out, "key", pick_text(mk, "e%u", (unsigned)id));
        put_raw(&out, "embedding",
                vector_pick_embedding(mk, one_in(mk, 200) ? VECTOR_DIMENSION_LEAST : dimension));
        if (has_metadata) {
            put_raw(&out, "metadata", pick_metadata(mk));
        }
        if (has_text) {
            put_text(&out, "text", pick_some_text(mk));
        }
    }
    o->value = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
}

static bool expect_pair(strata_slice name, strata_slice key, expected *e) {
    if (!vector_expect_name(name, e) || !expect_key(key, e)) {
        return false;
    }
    if (name.len + key.len > ST_KEY_BYTES_MAX) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
    }
    return e->status == STRATA_OK;
}

static bool expect_small(size_t bytes, const moment *at, expected *e) {
    if (bytes > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
    }
    return e->status == STRATA_OK;
}

/* What is wrong with an entry before its collection is looked at. */
static bool expect_entry(const moment *at, expected *e, strata_slice name, const entry *one) {
    if (!expect_pair(name, one->key, e)) {
        return false;
    }
    if (!one->numbers.finite) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    const size_t kept = keep_entry(&e->arena, one).len;
    const size_t fields = 2 + strlen("embedding") + (size_t)9 * one->numbers.count;
    const size_t rest = one->metadata.len > 0 || one->text.len > 0 ? kept - fields + 1 : 0;
    return expect_small(FIXED_BYTES + (size_t)4 * one->numbers.count + rest - (rest > 0), at, e);
}

bool vector_expect_fits(const collection *of, const embedding *numbers, expected *e) {
    if (numbers->count != of->dimension) {
        expect_error(e, STRATA_CONSTRAINT, "dimension_mismatch");
    } else if (numbers->zero && st_slice_equal(of->metric, strata_text("cosine"))) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
    }
    return e->status == STRATA_OK;
}

static void expect_stored(const op *o, const moment *at, expected *e, unsigned run,
                          const entry *entries, uint32_t count) {
    collection of;
    if (!expect_writable(at, run, e) ||
        !vector_expect_collection(at, e, run, o->type, at->snapshot, &of)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!vector_expect_fits(&of, &entries[i].numbers, e)) {
            return;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const model_write write = {run,
                                   MODEL_VECTOR,
                                   entry_key(&e->arena, o->type, entries[i].key),
                                   keep_entry(&e->arena, &entries[i]),
                                   false,
                                   0};
        (void)expect_write(e, at, &write);
    }
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

static void predict_upsert(const op *o, const moment *at, expected *e) {
    const entry one = {o->key, vector_embedding_of(o->expected), o->value, o->text};
    unsigned run;
    if (expect_run(o, at, e, &run) && expect_pair(o->type, o->key, e) &&
        expect_small(o->value.len, at, e) && expect_entry(at, e, o->type, &one)) {
        expect_stored(o, at, e, run, &one, 1);
    }
}

static bool expect_different(const entry *entries, uint32_t count, expected *e) {
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (st_slice_equal(entries[i].key, entries[j].key)) {
                expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
            }
        }
    }
    return e->status == STRATA_OK;
}

static void predict_upsert_many(const op *o, const moment *at, expected *e) {
    entry entries[ENTRIES_MAX];
    st_cursor cursor;
    const uint32_t count = history_items(o->value, &cursor);
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const strata_slice map = history_next_item(&cursor);
        entries[i] = vector_entry_of(text_of(field_of(map, "key")), map);
        if (!expect_small(entries[i].metadata.len, at, e)) {
            return;
        }
    }
    if (!vector_expect_name(o->type, e)) {
        return;
    }
    if (count == 0) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!expect_entry(at, e, o->type, &entries[i])) {
            return;
        }
    }
    if (expect_different(entries, count, e)) {
        expect_stored(o, at, e, run, entries, count);
    }
}

/* Mostly one that was stored once. */
static void make_known(maker *mk, op *o) {
    (void)vector_make_collection(mk, o);
    o->key = pick_id(mk);
    const strata_slice known = pick_known(mk, o, MODEL_VECTOR);
    if (known.len > 0) {
        o->type = st_slice(known.data, strlen(known.data)); /* up to its first 00 */
        o->key = vector_id_of(known);
    }
}

static void predict_delete(const op *o, const moment *at, expected *e) {
    collection of;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_pair(o->type, o->key, e) ||
        !expect_writable(at, run, e) ||
        !vector_expect_collection(at, e, run, o->type, at->snapshot, &of)) {
        return;
    }
    const strata_slice key = entry_key(&e->arena, o->type, o->key);
    const bool existed = model_live(at->model, run, MODEL_VECTOR, key, at->snapshot) != NULL;
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        const model_write write = {run, MODEL_VECTOR, key, st_slice("", 0), true, 0};
        (void)expect_write(e, at, &write);
        put_uint(out, "version", expect_version(at));
    }
}

/* ---- Reading entries ------------------------------------------------------------------------- */

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void put_entry(strata_buffer *out, strata_slice key, const model_version *version,
                      bool embeddings) {
    const entry one = vector_entry_of(vector_id_of(key), version->value);
    put(st_msgpack_put_object(out, 3u + embeddings + (one.metadata.len > 0) + (one.text.len > 0)));
    put_text(out, "key", one.key);
    if (embeddings) {
        vector_put_embedding(out, &one.numbers);
    }
    if (one.metadata.len > 0) {
        put_raw(out, "metadata", one.metadata);
    }
    if (one.text.len > 0) {
        put_text(out, "text", one.text);
    }
    put_stamp(out, version);
}

static void make_get(maker *mk, op *o) {
    make_known(mk, o);
    o->whole = one_in(mk, 3); /* without the numbers */
    pick_when(mk, o);
}

/* NULL: none, or refused. */
static const model_version *find_entry(const op *o, const moment *at, expected *e,
                                       strata_slice *key) {
    collection of;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_pair(o->type, o->key, e) ||
        !expect_as_of(o, at, e, run, &snapshot) ||
        !vector_expect_collection(at, e, run, o->type, snapshot, &of)) {
        return NULL;
    }
    *key = entry_key(&e->arena, o->type, o->key);
    const model_version *version = model_live(at->model, run, MODEL_VECTOR, *key, snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
    }
    return version;
}

static void predict_get(const op *o, const moment *at, expected *e) {
    strata_slice key;
    const model_version *version = find_entry(o, at, e, &key);
    if (version != NULL) {
        strata_buffer *out = expect_ok(e, 1);
        put_name(out, "vector");
        put_entry(out, key, version, !o->whole);
    }
}

static void predict_exists(const op *o, const moment *at, expected *e) {
    unsigned run;
    strata_slice key;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    const model_version *version = find_entry(o, at, e, &key);
    if (e->status == STRATA_OK || e->status == STRATA_NOT_FOUND) {
        e->status = STRATA_OK;
        put_bool(expect_ok(e, 1), "exists", version != NULL);
    }
}

static bool trims_entry(const op *o, const moment *at) {
    st_arena arena;
    st_arena_init(&arena, &strata_host_default()->memory, 0);
    const bool trims = history_trims(o, at, MODEL_COLLECTION, o->type) ||
                       history_trims(o, at, MODEL_VECTOR, entry_key(&arena, o->type, o->key));
    st_arena_free(&arena);
    return trims;
}

static void make_list(maker *mk, op *o) {
    (void)vector_make_collection(mk, o);
    o->prefix = one_in(mk, 4) ? strata_text(one_in(mk, 2) ? "e1" : "e") : st_slice("", 0);
    o->cursor = one_in(mk, 4) ? pick_text(mk, "e%u", (unsigned)pick(mk, IDS)) : st_slice("", 0);
    o->reverse = one_in(mk, 3);
    o->whole = one_in(mk, 2); /* with the numbers */
    o->limit = pick_limit(mk);
    pick_when(mk, o);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    open_list list;
    place p;
    if (!expect_run(o, at, e, &p.run) || !expect_bounds(o, e) ||
        !vector_expect_place(o, o->type, at, e, &p)) {
        return;
    }
    op page = {.prefix = entry_key(&e->arena, o->type, o->prefix), .reverse = o->reverse};
    if (o->cursor.len > 0) {
        page.cursor = entry_key(&e->arena, o->type, o->cursor);
    }
    const model_table *table = model_table_of(at->model, p.run, MODEL_VECTOR);
    strata_buffer *out = expect_list(e, "vectors", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const model_version *version = model_seen(cell, p.snapshot);
        if (version == NULL || version->deleted || !in_page(&page, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            expect_list_end(e, &list, last);
            return;
        }
        put_entry(out, cell->key, version, o->whole);
        list.count++;
        last = vector_id_of(cell->key);
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

bool vector_trims_within(const op *o, const moment *at, strata_slice name) {
    st_arena arena;
    st_arena_init(&arena, &strata_host_default()->memory, 0);
    op within = *o;
    within.prefix = vector_prefix(&arena, name);
    within.cursor = st_slice("", 0);
    const bool trims = history_trims(o, at, MODEL_COLLECTION, name) ||
                       history_trims_list(&within, at, MODEL_VECTOR);
    st_arena_free(&arena);
    return trims;
}

static bool trims_list(const op *o, const moment *at) {
    return vector_trims_within(o, at, o->type);
}

uint64_t vector_count_entries(const moment *at, const place *p, strata_slice prefix) {
    const model_table *table = model_table_of(at->model, p->run, MODEL_VECTOR);
    const op page = {.prefix = prefix};
    uint64_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], p->snapshot);
        count += version != NULL && !version->deleted && in_page(&page, table->cells[i]->key);
    }
    return count;
}

static void predict_count(const op *o, const moment *at, expected *e) {
    place p;
    if (expect_run(o, at, e, &p.run) && vector_expect_place(o, o->type, at, e, &p)) {
        const strata_slice prefix = entry_key(&e->arena, o->type, o->prefix);
        put_uint(expect_ok(e, 1), "count", vector_count_entries(at, &p, prefix));
    }
}

const op_kind ops_vector[] = {
    {.name = "vector.upsert",
     .args = "run collection key embedding metadata text?",
     .weight = 20,
     .make = make_upsert,
     .predict = predict_upsert,
     .writes = true},
    {.name = "vector.upsert_many",
     .args = "run collection entries",
     .weight = 14,
     .make = make_upsert_many,
     .predict = predict_upsert_many,
     .writes = true},
    {.name = "vector.delete",
     .args = "run collection key",
     .weight = 10,
     .make = make_known,
     .predict = predict_delete,
     .writes = true},
    {.name = "vector.get",
     .args = "run collection key no_embedding as_of as_of_time",
     .weight = 5,
     .make = make_get,
     .predict = predict_get,
     .trims = trims_entry,
     .reads_past = reads_past},
    {.name = "vector.exists",
     .args = "run collection key as_of as_of_time",
     .weight = 3,
     .make = make_get,
     .predict = predict_exists,
     .trims = trims_entry,
     .reads_past = reads_past},
    {.name = "vector.list",
     .args = "run collection prefix embeddings reverse limit cursor as_of as_of_time",
     .weight = 5,
     .make = make_list,
     .predict = predict_list,
     .trims = trims_list,
     .reads_past = reads_past},
    {.name = "vector.count",
     .args = "run collection prefix as_of as_of_time",
     .weight = 3,
     .make = make_list,
     .predict = predict_count,
     .trims = trims_list,
     .reads_past = reads_past},
};
const size_t ops_vector_count = sizeof ops_vector / sizeof ops_vector[0];
