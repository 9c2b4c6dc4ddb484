/* op_collection.c - collections of vectors: making and dropping them, and what is told of them.
 *
 * A drop is two commits or three: the record says so, the entries go, the record goes. The answer tells the first,
 * and of a collection that a drop has left behind create and drop take away the rest first, which no answer tells.
 * So all of that happens only where nothing fails and nobody else commits.
 */
#include "vectors.h"

#include "base/limits.h"

enum { COLLECTIONS = 3 };

static const char *const metrics[] = {"cosine", "euclidean", "dot"};
static const char *const codes[] = {"auto", "f32", "i8", "b1"};

/* ---- What the model keeps -------------------------------------------------------------------- */

bool vector_is_collection(const model_version *record) {
    return record != NULL && !record->deleted && field_of(record->value, "dropping").len == 0;
}

uint32_t vector_dimension(const model_version *record) {
    return (uint32_t)int_of(field_of(record->value, "dimension"));
}

static bool find_collection(const moment *at, unsigned run, strata_slice name, uint64_t snapshot,
                            collection *found) {
    const model_version *record = model_live(at->model, run, MODEL_COLLECTION, name, snapshot);
    if (!vector_is_collection(record)) {
        return false;
    }
    *found = (collection){vector_dimension(record), text_of(field_of(record->value, "metric"))};
    return true;
}

bool vector_expect_collection(const moment *at, expected *e, unsigned run, strata_slice name,
                              uint64_t snapshot, collection *found) {
    if (!find_collection(at, run, name, snapshot, found)) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
    }
    return e->status == STRATA_OK;
}

static strata_slice keep_collection(const op *o, expected *e, bool dropping) {
    strata_buffer out = {NULL, 0, 0, NULL};
    put(st_msgpack_put_object(&out, dropping ? 5 : 4));
    put_uint(&out, "dimension", o->number);
    put_text(&out, "metric", o->direction.len > 0 ? o->direction : strata_text("cosine"));
    put_text(&out, "codes", o->path.len > 0 ? o->path : strata_text("auto"));
    put_uint(&out, "seed", o->until);
    if (dropping) {
        put_bool(&out, "dropping", true);
    }
    const strata_slice kept = arena_bytes(&e->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return kept;
}

/* ---- Collections ----------------------------------------------------------------------------- */

static strata_slice pick_name(maker *mk) {
    return one_in(mk, 60) ? pick_key(mk, 'v')
                          : pick_text(mk, "v%u", (unsigned)pick(mk, COLLECTIONS));
}

void vector_make_run(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
}

static const model_version *record_now(maker *mk, const op *o, strata_slice name) {
    const moment now = {.model = mk->model, .snapshot = mk->model->last};
    unsigned run;
    return op_has_run(o, &now, &run)
               ? model_live(mk->model, run, MODEL_COLLECTION, name, mk->model->last)
               : NULL;
}

static bool may_take_away(const maker *mk) {
    return mk->alone && !mk->named;
}

static void make_create(maker *mk, op *o) {
    vector_make_run(mk, o);
    o->key = pick_name(mk);
    const model_version *record = record_now(mk, o, o->key);
    if (record != NULL && !vector_is_collection(record) && !may_take_away(mk)) {
        o->key = st_slice("", 0); /* which is refused */
    }
    o->number =
        one_in(mk, 40) ? pick(mk, 2) * 9000 : VECTOR_DIMENSION_LEAST + pick(mk, VECTOR_DIMENSIONS);
    o->direction = one_in(mk, 4) ? st_slice("", 0) : strata_text(metrics[pick(mk, 3)]);
    o->path = one_in(mk, 3) ? st_slice("", 0) : strata_text(codes[pick(mk, 4)]);
    o->until = one_in(mk, 3) ? pick(mk, 100) : 0;
    if (one_in(mk, 60)) {
        o->direction = strata_text("manhattan");
    }
}

bool vector_expect_name(strata_slice name, expected *e) {
    if (expect_key(name, e) && name.len > ST_NAME_BYTES_MAX) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
    }
    return e->status == STRATA_OK;
}

static void end_commit(expected *e) {
    assert_true(e->end_count < OP_ENDS_MAX);
    e->ends[e->end_count++] = e->write_count;
}

/* The commits that take away entries, and the record. */
static void take_away(const moment *at, expected *e, unsigned run, strata_slice name) {
    const model_table *table = model_table_of(at->model, run, MODEL_VECTOR);
    const op within = {.prefix = vector_prefix(&e->arena, name)};
    const size_t before = e->write_count;
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *version = model_seen(cell, at->snapshot);
        if (version != NULL && !version->deleted && in_page(&within, cell->key)) {
            const model_write write = {run, MODEL_VECTOR, cell->key, st_slice("", 0), true, 0};
            (void)expect_write(e, at, &write);
        }
    }
    if (e->write_count > before) {
        end_commit(e);
    }
    const model_write write = {run, MODEL_COLLECTION, name, st_slice("", 0), true, 0};
    (void)expect_write(e, at, &write);
}

static void predict_create(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    if (st_slice_equal(o->direction, strata_text("manhattan")) || o->number > 8192) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    if (!vector_expect_name(o->key, e)) {
        return;
    }
    if (o->number == 0) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    if (!expect_writable(at, run, e)) {
        return;
    }
    const model_version *there = model_live(at->model, run, MODEL_COLLECTION, o->key, at->snapshot);
    if (vector_is_collection(there)) {
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return;
    }
    if (there != NULL) {
        take_away(at, e, run, o->key);
        end_commit(e);
    }
    const model_write write = {run, MODEL_COLLECTION, o->key, keep_collection(o, e, false), false,
                               0};
    (void)expect_write(e, at, &write);
    put_uint(expect_ok(e, 1), "version", expect_version(at) + e->end_count);
}

static void make_drop(maker *mk, op *o) {
    vector_make_run(mk, o);
    const strata_slice known = pick_known(mk, o, MODEL_COLLECTION);
    o->key = known.len > 0 ? known : pick_name(mk);
    if (!may_take_away(mk)) {
        o->key = strata_text("v-none"); /* which nobody makes */
    }
}

static void predict_drop(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !vector_expect_name(o->key, e) ||
        !expect_writable(at, run, e)) {
        return;
    }
    const model_version *there = model_live(at->model, run, MODEL_COLLECTION, o->key, at->snapshot);
    const bool existed = vector_is_collection(there);
    if (existed) {
        const op was = {.number = vector_dimension(there),
                        .direction = text_of(field_of(there->value, "metric")),
                        .path = text_of(field_of(there->value, "codes")),
                        .until = (uint64_t)int_of(field_of(there->value, "seed"))};
        const model_write write = {
            run, MODEL_COLLECTION, o->key, keep_collection(&was, e, true), false, 0};
        (void)expect_write(e, at, &write);
        end_commit(e);
    }
    if (there != NULL) {
        take_away(at, e, run, o->key);
    }
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        put_uint(out, "version", expect_version(at));
    }
}

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

void vector_put_collection(strata_buffer *out, strata_slice name, const model_version *record) {
    const bool bits = st_slice_equal(text_of(field_of(record->value, "codes")), strata_text("b1"));
    const bool packs = st_slice_equal(text_of(field_of(record->value, "codes")), strata_text("i8"));
    put(st_msgpack_put_object(out, 8));
    put_text(out, "name", name);
    put_raw(out, "dimension", field_of(record->value, "dimension"));
    put_raw(out, "metric", field_of(record->value, "metric"));
    put_raw(out, "codes", field_of(record->value, "codes"));
    put_text(out, "coded_as", strata_text(bits ? "b1" : packs ? "i8" : "f32"));
    put_raw(out, "seed", field_of(record->value, "seed"));
    put_stamp(out, record);
}

static void make_collections(maker *mk, op *o) {
    vector_make_run(mk, o);
    o->cursor =
        one_in(mk, 4) ? pick_text(mk, "v%u", (unsigned)pick(mk, COLLECTIONS)) : st_slice("", 0);
    o->reverse = one_in(mk, 3);
    o->limit = pick_limit(mk);
    pick_when(mk, o);
}

static void predict_collections(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    open_list list;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_COLLECTION);
    strata_buffer *out = expect_list(e, "collections", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const model_version *record = model_seen(cell, snapshot);
        if (record == NULL || record->deleted || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) { /* something follows, listed or not */
            expect_list_end(e, &list, last);
            return;
        }
        if (vector_is_collection(record)) {
            vector_put_collection(out, cell->key, record);
            list.count++;
            last = cell->key;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static bool trims_collections(const op *o, const moment *at) {
    return history_trims_list(o, at, MODEL_COLLECTION);
}

/* Mostly one that there is; returns its dimension. */
uint32_t vector_make_collection(maker *mk, op *o) {
    vector_make_run(mk, o);
    const strata_slice known = pick_known(mk, o, MODEL_COLLECTION);
    o->type = known.len > 0 ? known : pick_name(mk);
    const model_version *record = record_now(mk, o, o->type);
    return record == NULL || one_in(mk, 50)
               ? VECTOR_DIMENSION_LEAST + (uint32_t)pick(mk, VECTOR_DIMENSIONS)
               : vector_dimension(record);
}

bool vector_expect_place(const op *o, strata_slice name, const moment *at, expected *e, place *p) {
    return vector_expect_name(name, e) && expect_as_of(o, at, e, p->run, &p->snapshot) &&
           vector_expect_collection(at, e, p->run, name, p->snapshot, &p->of);
}

const op_kind ops_collection[] = {
    {.name = "vector.create",
     .args = "run key! dimension metric codes seed",
     .weight = 12,
     .make = make_create,
     .predict = predict_create,
     .writes = true},
    {.name = "vector.drop",
     .args = "run key!",
     .weight = 3,
     .make = make_drop,
     .predict = predict_drop,
     .writes = true},
    {.name = "vector.collections",
     .args = "run reverse limit cursor as_of as_of_time",
     .weight = 3,
     .make = make_collections,
     .predict = predict_collections,
     .trims = trims_collections,
     .reads_past = reads_past},
};
const size_t ops_collection_count = sizeof ops_collection / sizeof ops_collection[0];
