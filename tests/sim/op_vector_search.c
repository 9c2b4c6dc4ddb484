/* op_vector_search.c - searches of a collection, and what is told of its index. The model has none: it compares with
 * all entries, so what the core has in memory, in segments or not at all decides nothing.
 *
 * 1. Sums of the small numbers are exact in any order; for the cosine the model does the same steps in floats. So
 *    scores are compared as bytes.
 * 2. A search of now, when nothing else happens, must have asked the index, and the index must know as many entries
 *    as can be found: otherwise all could be right because everything was read.
 */
#include "vectors.h"

#include "base/limits.h"

#include <math.h>

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

/* ---- Search ---------------------------------------------------------------------------------- */

static float dot_of(const float *a, const float *b, uint32_t count) {
    float sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static float distance_of(strata_slice metric, const embedding *query, const embedding *other) {
    const float *a = query->numbers;
    const float *b = other->numbers;
    const uint32_t n = query->count;
    float between[VECTOR_NUMBERS_MAX];
    if (st_slice_equal(metric, strata_text("euclidean"))) {
        for (uint32_t i = 0; i < n; i++) {
            between[i] = a[i] - b[i];
        }
        return dot_of(between, between, n);
    }
    const float dot = dot_of(a, b, n);
    return st_slice_equal(metric, strata_text("dot"))
               ? -dot
               : 1 - dot / (sqrtf(dot_of(a, a, n)) * sqrtf(dot_of(b, b, n)));
}

static double score_of(strata_slice metric, float distance) {
    if (st_slice_equal(metric, strata_text("cosine"))) {
        return 1 - (double)distance;
    }
    if (st_slice_equal(metric, strata_text("euclidean"))) {
        return 1 / (1 + sqrt((double)distance));
    }
    return distance == 0 ? 0 : -(double)distance;
}

typedef struct hit {
    entry entry;
    float distance;
    uint64_t version;
} hit;

static int compare_hits(const void *a, const void *b) {
    const hit *left = a;
    const hit *right = b;
    if (left->distance != right->distance) {
        return left->distance < right->distance ? -1 : 1;
    }
    return st_slice_compare(left->entry.key, right->entry.key);
}

static bool passes(st_arena *arena, const tree *filter, const entry *one) {
    strata_buffer bytes = {NULL, 0, 0, NULL};
    if (filter == NULL) {
        return true;
    }
    put(st_msgpack_put_object(&bytes, 1u + (one->text.len > 0) + (one->metadata.len > 0)));
    put_text(&bytes, "key", one->key);
    if (one->text.len > 0) {
        put_text(&bytes, "text", one->text);
    }
    if (one->metadata.len > 0) {
        put_raw(&bytes, "metadata", one->metadata);
    }
    const bool holds = find_filter_holds(filter, tree_read(arena, st_buffer_slice(&bytes)));
    strata_buffer_free(&bytes);
    return holds;
}

/* Merging histories may have brought another record for entries that there were. */
static bool can_be_found(const collection *of, const embedding *numbers) {
    return numbers->count == of->dimension &&
           !(numbers->zero && st_slice_equal(of->metric, strata_text("cosine")));
}

/* All that can be found, nearest first. */
static hit *find_hits(const op *o, const moment *at, expected *e, const place *p, size_t *count) {
    const model_table *table = model_table_of(at->model, p->run, MODEL_VECTOR);
    const op page = {.prefix = vector_prefix(&e->arena, o->type)};
    const embedding query = vector_embedding_of(o->expected);
    const tree *filter = o->value.len > 0 ? tree_read(&e->arena, o->value) : NULL;
    hit *all = st_arena_alloc(&e->arena, (table->count + 1) * sizeof *all, 8);
    assert_non_null(all);
    *count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        const model_version *version = model_seen(cell, p->snapshot);
        if (version == NULL || version->deleted || !in_page(&page, cell->key)) {
            continue;
        }
        const entry one = vector_entry_of(vector_id_of(cell->key), version->value);
        if (can_be_found(&p->of, &one.numbers) && passes(&e->arena, filter, &one)) {
            all[(*count)++] =
                (hit){one, distance_of(p->of.metric, &query, &one.numbers), version->number};
        }
    }
    qsort(all, *count, sizeof *all, compare_hits);
    return all;
}

static void make_search(maker *mk, op *o) {
    const uint32_t dimension = vector_make_collection(mk, o);
    o->expected = vector_pick_embedding(mk, dimension);
    o->number = one_in(mk, 2) ? 1 + pick(mk, 6) : one_in(mk, 40) ? ST_PAGE_MAX + 1 : 0;
    o->value = one_in(mk, 2) ? find_pick_filter(mk) : st_slice("", 0);
    o->reverse = one_in(mk, 3); /* exact */
    o->whole = one_in(mk, 3);   /* with the numbers */
    o->by_version = one_in(mk, 3);
    if (!one_in(mk, 2)) {
        pick_when(mk, o);
    }
}

static void put_hit(strata_buffer *out, const op *o, const collection *of, const hit *found) {
    const entry *one = &found->entry;
    put(st_msgpack_put_object(out, 3u + (one->metadata.len > 0) + (one->text.len > 0) + o->whole +
                                       o->by_version));
    put_text(out, "key", one->key);
    put_name(out, "score");
    put(st_msgpack_put_float(out, score_of(of->metric, found->distance)));
    put_uint(out, "version", found->version);
    if (one->metadata.len > 0) {
        put_raw(out, "metadata", one->metadata);
    }
    if (one->text.len > 0) {
        put_text(out, "text", one->text);
    }
    if (o->whole) {
        vector_put_embedding(out, &one->numbers);
    }
    if (o->by_version) {
        put_name(out, "explain");
        put(st_msgpack_put_object(out, 2));
        put_text(out, "metric", of->metric);
        put_name(out, "distance");
        put(st_msgpack_put_float(out, (double)found->distance));
    }
}

static void predict_search(const op *o, const moment *at, expected *e) {
    const embedding query = vector_embedding_of(o->expected);
    const size_t k = o->number == 0 ? 10 : (size_t)o->number;
    size_t count;
    place p;
    if (!expect_run(o, at, e, &p.run) || !vector_expect_name(o->type, e)) {
        return;
    }
    if (!query.finite || k > ST_PAGE_MAX) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    if (!vector_expect_place(o, o->type, at, e, &p)) {
        return;
    }
    /* What the record was may have gone: that is told before what does not fit it. */
    const bool gone = e->got->status == STRATA_HISTORY_TRIMMED;
    if (!vector_expect_fits(&p.of, &query, e)) {
        e->status = gone ? STRATA_OK : e->status;
        return;
    }
    const hit *hits = find_hits(o, at, e, &p, &count);
    const size_t shown = st_min(count, k);
    strata_buffer *out = expect_ok(e, 1);
    put_name(out, "hits");
    put(st_msgpack_put_array(out, (uint32_t)shown));
    for (size_t i = 0; i < shown; i++) {
        put_hit(out, o, &p.of, &hits[i]);
    }
}

static bool is_now(const op *o, const moment *at) {
    return at->alone && o->as_of == UINT64_MAX && o->as_of_us == 0;
}

static bool search_matches(const op *o, const moment *at, const expected *e,
                           strata_slice response) {
    const strata_slice told = object_of(response);
    const strata_slice wanted = object_of(st_buffer_slice(&e->answer));
    return st_slice_equal(field_of(told, "hits"), field_of(wanted, "hits")) &&
           (!is_now(o, at) || bool_of(field_of(field_of(told, "stats"), "indexed")));
}

/* ---- Info ------------------------------------------------------------------------------------ */

static void make_info(maker *mk, op *o) {
    (void)vector_make_collection(mk, o);
    o->key = o->type;
    pick_when(mk, o);
}

static void predict_info(const op *o, const moment *at, expected *e) {
    place p;
    if (!expect_run(o, at, e, &p.run) || !vector_expect_place(o, o->key, at, e, &p)) {
        return;
    }
    const strata_slice prefix = vector_prefix(&e->arena, o->key);
    strata_buffer *out = expect_ok(e, 2);
    put_name(out, "collection");
    vector_put_collection(out, o->key,
                          model_live(at->model, p.run, MODEL_COLLECTION, o->key, p.snapshot));
    put_uint(out, "count", vector_count_entries(at, &p, prefix));
}

/* What the index says of itself is of now, and with damage no better than what is left of it. */
static bool index_matches(const op *o, const moment *at, strata_slice index) {
    expected e;
    place p;
    bool matches = true;
    size_t count;
    expected_init(&e);
    if (index.len > 0 && is_now(o, at) && at->snapshot == at->model->last && !at->broken &&
        !at->damaged && expect_run(o, at, &e, &p.run) &&
        vector_expect_place(o, o->key, at, &e, &p)) {
        const op all = {.type = o->key, .expected = strata_text("\x90")};
        (void)find_hits(&all, at, &e, &p, &count);
        matches = int_of(field_of(index, "live")) == (int64_t)count;
    }
    expected_free(&e);
    return matches;
}

static bool info_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    const strata_slice told = object_of(response);
    const strata_slice wanted = object_of(st_buffer_slice(&e->answer));
    return st_slice_equal(field_of(told, "collection"), field_of(wanted, "collection")) &&
           st_slice_equal(field_of(told, "count"), field_of(wanted, "count")) &&
           index_matches(o, at, field_of(told, "index"));
}

static bool trims_info(const op *o, const moment *at) {
    return vector_trims_within(o, at, o->key);
}

static bool trims_search(const op *o, const moment *at) {
    return vector_trims_within(o, at, o->type);
}

const op_kind ops_vector_search[] = {
    {.name = "vector.search",
     .args = "run collection embedding k filter exact embeddings explain as_of as_of_time",
     .weight = 24,
     .make = make_search,
     .predict = predict_search,
     .matches = search_matches,
     .trims = trims_search,
     .reads_past = reads_past},
    {.name = "vector.info",
     .args = "run key! as_of as_of_time",
     .weight = 5,
     .make = make_info,
     .predict = predict_info,
     .matches = info_matches,
     .trims = trims_info,
     .reads_past = reads_past},
};
const size_t ops_vector_search_count = sizeof ops_vector_search / sizeof ops_vector_search[0];
