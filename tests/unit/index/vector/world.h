/* world.h - a vector index beside a plain list of all that was ever stored in it: changes of both, merges, and
 * questions that both answer.
 */
#ifndef TEST_VECTOR_WORLD_H
#define TEST_VECTOR_WORLD_H

#include "index/vector/index.h"
#include "vectors.h"

enum { DIMENSION = 24, KEYS = 5000, HITS_MAX = 60 };

typedef struct row {
    uint32_t key;
    uint64_t from;
    uint64_t to;
    const float *embedding;
} row;

typedef struct world {
    st_vector_index *index;
    st_vector_merge *merge;
    st_epoch epoch;
    st_epoch_slot slot;
    st_codec codec;
    float *embeddings;
    uint32_t embeddings_used;
    uint32_t embeddings_len;
    row *rows;
    uint32_t count;
    uint32_t live[KEYS]; /* row + 1 of each key; 0: none */
    uint64_t version;
    uint64_t keep; /* what ended until then may be gone */
    uint64_t seed;
    /* Sums over approximate answers. */
    uint64_t expected;
    uint64_t found;
    uint64_t walked;
    uint32_t passes_one_in; /* of the query that goes on */
    uint32_t passes_below;  /* only lower keys; 0: all */
    st_vector_home home;    /* without a store: parts are not kept */
    strata_status save_status;
    st_row_pool *pool; /* NULL: memory has no bound */
} world;

static inline void make_world_of(world *w, const st_vector_options *options, uint32_t embeddings,
                                 uint64_t seed) {
    *w = (world){.seed = seed, .embeddings_len = embeddings, .pool = options->pool};
    w->embeddings = vectors_make(seed, embeddings, DIMENSION, 30);
    w->rows = malloc(embeddings * sizeof *w->rows);
    assert_non_null(w->rows);
    st_epoch_init(&w->epoch, &test_host()->executor);
    st_epoch_register(&w->epoch, &w->slot);
    assert_int_equal(st_vector_index_create(test_host(), &w->epoch, options, &w->index), STRATA_OK);
    w->codec = *st_vector_index_codec(w->index);
}

static inline void make_coded_world(world *w, st_vector_metric metric, st_code_kind codes,
                                    uint32_t embeddings, uint64_t seed, uint32_t head_rows) {
    const st_vector_options options = {metric, codes, DIMENSION, 7, head_rows, NULL};
    make_world_of(w, &options, embeddings, seed);
}

static inline void make_world_in(world *w, st_vector_metric metric, uint32_t embeddings,
                                 uint64_t seed, uint32_t head_rows, st_row_pool *pool) {
    const st_vector_options options = {metric, ST_CODE_I8, DIMENSION, 7, head_rows, pool};
    make_world_of(w, &options, embeddings, seed);
}

static inline void make_world(world *w, st_vector_metric metric, uint32_t embeddings, uint64_t seed,
                              uint32_t head_rows) {
    make_coded_world(w, metric, ST_CODE_I8, embeddings, seed, head_rows);
}

static inline void drop_world(world *w) {
    st_vector_merge_destroy(w->merge);
    st_vector_index_destroy(w->index);
    st_epoch_unregister(&w->epoch, &w->slot);
    st_epoch_reclaim_all(&w->epoch);
    free(w->embeddings);
    free(w->rows);
    if (w->home.store == NULL) {
        assert_int_equal(test_memory_blocks(), 0);
    }
}

static inline void assert_sound(const world *w) {
    strata_error error;
    error.message[0] = '\0';
    if (st_vector_index_check(w->index, &error) != STRATA_OK) {
        fail_msg("seed %llu: %s", (unsigned long long)w->seed, error.message);
    }
}

/* ---- Changing -------------------------------------------------------------------------------- */

static inline strata_slice key_text(uint32_t key, char text[16]) {
    return st_slice(text, (size_t)snprintf(text, 16, "k%u", key));
}

static inline void end_live(world *w, uint32_t key) {
    if (w->live[key] != 0) {
        w->rows[w->live[key] - 1].to = w->version;
        w->live[key] = 0;
    }
}

static inline void add(world *w, uint32_t key) {
    char text[16];
    const float *embedding = w->embeddings + (size_t)w->embeddings_used++ * DIMENSION;
    w->version++;
    assert_int_equal(st_vector_index_add(w->index, key_text(key, text), w->version, embedding),
                     STRATA_OK);
    end_live(w, key);
    w->rows[w->count] = (row){key, w->version, UINT64_MAX, embedding};
    w->live[key] = ++w->count;
}

static inline void drop_key(world *w, uint32_t key) {
    char text[16];
    w->version++;
    const bool there = st_vector_index_remove(w->index, key_text(key, text), w->version);
    assert_int_equal(there, w->live[key] != 0);
    end_live(w, key);
}

static inline void change(world *w, uint32_t keys) {
    const uint32_t key = (uint32_t)test_random_below(&w->seed, keys);
    if (test_random_below(&w->seed, 5) == 0) {
        drop_key(w, key);
    } else if (w->embeddings_used < w->embeddings_len - 100) {
        add(w, key);
    }
}

/* A piece of a merge, maybe a new one. */
static inline void merge_some(world *w, bool all, uint32_t entries) {
    bool done = false;
    strata_error error = {.code = STRATA_OK};
    if (w->merge == NULL) {
        const st_vector_merge_spec spec = {.all = all, .keep = w->keep, .known = w->version};
        assert_int_equal(st_vector_merge_begin(w->index, &spec, &w->merge), STRATA_OK);
    }
    if (w->merge != NULL) {
        assert_int_equal(st_vector_merge_step(w->merge, entries, &done), STRATA_OK);
    }
    if (done && w->home.store != NULL) {
        w->save_status = st_vector_merge_save(w->merge, &w->home, &error);
    }
    if (done) {
        assert_int_equal(st_vector_merge_finish(w->merge), STRATA_OK);
        st_vector_merge_destroy(w->merge);
        w->merge = NULL;
        st_epoch_reclaim(&w->epoch);
    }
}

static inline void merge_all(world *w) {
    do {
        merge_some(w, false, 1000);
    } while (w->merge != NULL);
    do {
        merge_some(w, true, 1000);
    } while (w->merge != NULL);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static inline bool lets_pass(const world *w, uint32_t key, uint64_t version) {
    if (w->passes_below > 0) {
        return key < w->passes_below;
    }
    return w->passes_one_in < 2 || (key * 31 + version * 17) % w->passes_one_in == 0;
}

static inline uint32_t key_number(strata_slice key) {
    const char *digits = key.data;
    uint32_t number = 0;
    for (size_t i = 1; i < key.len; i++) {
        number = number * 10 + (uint32_t)(digits[i] - '0');
    }
    return number;
}

static inline strata_status passes(void *ctx, const st_vector_hit *entries, uint32_t count,
                                   bool *yes) {
    for (uint32_t i = 0; i < count; i++) {
        yes[i] = lets_pass(ctx, key_number(entries[i].key), entries[i].version);
    }
    return STRATA_OK;
}

static inline const float *original(const world *w, strata_slice key, uint64_t version) {
    const uint32_t number = key_number(key);
    uint32_t low = 0; /* versions go up */
    uint32_t high = w->count;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (w->rows[middle].from <= version) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if (w->rows[low].from != version || w->rows[low].key != number) {
        fail_msg("no k%u was stored by version %llu", number, (unsigned long long)version);
    }
    return w->rows[low].embedding;
}

static inline strata_status compare(void *ctx, const float *embedding, st_vector_hit *entries,
                                    uint32_t count) {
    const world *w = ctx;
    const float length = st_vector_length(&w->codec, embedding);
    for (uint32_t i = 0; i < count; i++) {
        entries[i].distance = st_vector_distance(&w->codec, embedding, length,
                                                 original(w, entries[i].key, entries[i].version));
    }
    return STRATA_OK;
}

typedef struct nearest {
    st_vector_hit hits[HITS_MAX];
    char texts[HITS_MAX][16];
    uint32_t count;
} nearest;

static inline bool is_before(const st_vector_hit *a, const st_vector_hit *b) {
    return a->distance < b->distance ||
           (a->distance == b->distance && st_slice_compare(a->key, b->key) < 0);
}

static inline void find_nearest(const world *w, const st_vector_query *query, nearest *n) {
    char text[HITS_MAX + 1][16];
    st_vector_hit hits[HITS_MAX + 1];
    const float length = st_vector_length(&w->codec, query->embedding);
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        const row *r = &w->rows[i];
        if (r->from <= query->snapshot && query->snapshot < r->to &&
            lets_pass(w, r->key, r->from)) {
            const st_vector_hit one = {
                key_text(r->key, text[count]), r->from,
                st_vector_distance(&w->codec, query->embedding, length, r->embedding)};
            uint32_t at = count;
            for (; at > 0 && is_before(&one, &hits[at - 1]); at--) {
                hits[at] = hits[at - 1];
            }
            hits[at] = one;
            count += count < query->k;
            for (uint32_t j = 0; j < count; j++) { /* texts follow their hits */
                memcpy(n->texts[j], hits[j].key.data, hits[j].key.len);
                n->hits[j] = hits[j];
                n->hits[j].key.data = n->texts[j];
            }
            for (uint32_t j = 0; j < count; j++) {
                memcpy(text[j], n->texts[j], 16);
                hits[j].key.data = text[j];
            }
        }
    }
    n->count = count;
}

static inline uint32_t count_found(const st_vector_found *found, const nearest *n) {
    uint32_t hits = 0;
    for (size_t i = 0; i < found->count; i++) {
        for (uint32_t j = 0; j < n->count; j++) {
            hits += st_slice_equal(found->hits[i].key, n->hits[j].key);
        }
    }
    return hits;
}

/* Every hit is one that a reader sees, at its distance; in order. */
static inline void assert_good(world *w, const st_vector_query *query,
                               const st_vector_found *found) {
    const float length = st_vector_length(&w->codec, query->embedding);
    for (size_t i = 0; i < found->count; i++) {
        const st_vector_hit *hit = &found->hits[i];
        const uint32_t key = key_number(hit->key);
        const float *embedding = original(w, hit->key, hit->version);
        assert_true(hit->version <= query->snapshot);
        assert_true(lets_pass(w, key, hit->version));
        assert_true(hit->distance ==
                    st_vector_distance(&w->codec, query->embedding, length, embedding));
        assert_true(i == 0 || is_before(&found->hits[i - 1], hit));
    }
}

static inline void ask(world *w, bool exact, st_arena *arena) {
    static const uint32_t ks[] = {1, 3, 10, 50};
    static const uint32_t one_ins[] = {1, 1, 2, 3, 10, 200};
    char filter[8];
    nearest n;
    st_vector_found found;
    const uint64_t back = test_random_below(&w->seed, 3) == 0
                              ? test_random_below(&w->seed, w->version - w->keep + 1)
                              : test_random_below(&w->seed, 3) % (w->version - w->keep + 1);
    w->passes_one_in = one_ins[test_random_below(&w->seed, 6)];
    st_vector_query query = {
        .embedding = w->embeddings +
                     (size_t)(w->embeddings_len - 1 - test_random_below(&w->seed, 100)) * DIMENSION,
        .k = ks[test_random_below(&w->seed, 4)],
        .snapshot = w->version - back,
        .exact = exact,
        .passes = w->passes_one_in > 1 ? passes : NULL,
        .compare = compare,
        .ctx = w,
    };
    query.effort = query.k * 4 + 40;
    if (test_random_below(&w->seed, 2) == 0) {
        query.filter =
            st_slice(filter, (size_t)snprintf(filter, sizeof filter, "%u", w->passes_one_in));
    }
    st_epoch_enter(&w->epoch, &w->slot);
    assert_int_equal(st_vector_index_search(w->index, &query, arena, &found), STRATA_OK);
    assert_good(w, &query, &found);
    find_nearest(w, &query, &n);
    assert_int_equal(found.count, n.count);
    w->walked += found.walked;
    if (exact) {
        for (uint32_t i = 0; i < n.count; i++) {
            assert_true(found.hits[i].distance == n.hits[i].distance);
            assert_true(st_slice_equal(found.hits[i].key, n.hits[i].key));
        }
    } else {
        w->expected += n.count;
        w->found += count_found(&found, &n);
    }
    st_epoch_leave(&w->slot);
    st_arena_reset(arena);
}

#endif
