/* Proves that searches with filters find what comparing with every embedding finds: k whenever k pass, from all to one
 * and none, near the query or far from it, now and in the past, after deletes, asked for the first time and again, with
 * and without somebody who knows the keys. That a filter which is new asks for few rows, that none is asked for twice
 * once answers are kept, that what is kept is bounded, and that memory which fails changes nothing. */
#include "world.h"

#include "index/vector/part.h"

enum { ROWS = 8000, PLACES = 40 };

typedef struct filtered {
    world w; /* first: `compare` takes it */
    uint64_t questions;
    uint32_t one_in; /* of the keys pass; 0: none; */
    bool far;        /* or those do that are far from the query, as many */
    bool knows_keys; /* and they are known */
    st_arena arena;
} filtered;

static bool key_passes(const filtered *f, uint32_t key) {
    const uint32_t place = key % PLACES;
    return f->far ? place >= PLACES / 2 : f->one_in > 0 && key / 3 % f->one_in == 0;
}

static strata_status counts_passes(void *ctx, const st_vector_hit *entries, uint32_t count,
                                   bool *yes) {
    filtered *f = ctx;
    f->questions += count;
    for (uint32_t i = 0; i < count; i++) {
        const char *key = entries[i].key.data;
        yes[i] = key_passes(f, (uint32_t)strtoul(key + 1, NULL, 10));
    }
    return STRATA_OK;
}

/* All keys that pass, each of them twice. */
static strata_status tells_keys(void *ctx, uint32_t most, const strata_slice **keys,
                                uint32_t *count, bool *known) {
    filtered *f = ctx;
    strata_slice *all = st_arena_alloc(&f->arena, 2 * KEYS * sizeof *all, 8);
    if (all == NULL) {
        return STRATA_NO_MEMORY;
    }
    *count = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        char text[16];
        if (key_passes(f, key)) {
            all[*count] = st_arena_copy(&f->arena, key_text(key, text));
            all[*count + 1] = all[*count];
            if (all[*count].data == NULL) {
                return STRATA_NO_MEMORY;
            }
            *count += 2;
        }
    }
    *known = *count <= most;
    *keys = all;
    return STRATA_OK;
}

/* KEYS live in one part with a graph, and some more under the same keys have ended. */
static void make_filtered(filtered *f, uint64_t seed) {
    make_world(&f->w, ST_METRIC_COSINE, ROWS + 200, seed, 600);
    f->questions = 0;
    f->one_in = 0;
    f->far = false;
    f->knows_keys = false;
    st_arena_init(&f->arena, test_allocator(), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        add(&f->w, i);
        if (i % 5 == 0) {
            add(&f->w, i);
        }
    }
    merge_all(&f->w);
}

static void drop_filtered(filtered *f) {
    st_arena_free(&f->arena);
    drop_world(&f->w);
}

static st_vector_query query_of(filtered *f, const char *filter, uint32_t k) {
    world *w = &f->w;
    const uint64_t which = test_random_below(&w->seed, 100);
    return (st_vector_query){
        .embedding = w->embeddings + (size_t)(w->embeddings_len - 1 - which) * DIMENSION,
        .k = k,
        .effort = 64,
        .snapshot = w->version,
        .passes = counts_passes,
        .filter = strata_text(filter),
        .keys = f->knows_keys ? tells_keys : NULL,
        .compare = compare,
        .ctx = f,
    };
}

static strata_status search(filtered *f, const st_vector_query *query, st_vector_found *found) {
    st_epoch_enter(&f->w.epoch, &f->w.slot);
    const strata_status status = st_vector_index_search(f->w.index, query, &f->arena, found);
    st_epoch_leave(&f->w.slot);
    return status;
}

/* Compares with everything; as in world.h, but by key_passes. Returns how many of the answer were found. */
static uint32_t assert_right(filtered *f, const st_vector_query *query,
                             const st_vector_found *found, uint32_t *expected) {
    const world *w = &f->w;
    const float length = st_vector_length(&w->codec, query->embedding);
    uint32_t nearer = 0;
    uint32_t pass = 0;
    const float last = found->count > 0 ? found->hits[found->count - 1].distance : 0;
    for (uint32_t i = 0; i < w->count; i++) {
        const row *r = &w->rows[i];
        if (r->from <= query->snapshot && query->snapshot < r->to && key_passes(f, r->key)) {
            const float distance =
                st_vector_distance(&w->codec, query->embedding, length, r->embedding);
            pass++;
            nearer += distance < last;
        }
    }
    *expected = pass < query->k ? pass : query->k;
    assert_int_equal(found->count, *expected);
    for (size_t i = 0; i < found->count; i++) {
        const uint32_t key = (uint32_t)strtoul((const char *)found->hits[i].key.data + 1, NULL, 10);
        assert_true(key_passes(f, key));
        assert_true(found->hits[i].version <= query->snapshot);
        const float *embedding = original(&f->w, found->hits[i].key, found->hits[i].version);
        assert_true(found->hits[i].distance ==
                    st_vector_distance(&w->codec, query->embedding, length, embedding));
        assert_true(i == 0 || is_before(&found->hits[i - 1], &found->hits[i]));
    }
    /* Of what is nearer than the last hit all but `missed` are hits. */
    const uint32_t missed = nearer + 1 > *expected ? nearer + 1 - *expected : 0;
    return *expected > missed ? *expected - missed : 0;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void ask_often(filtered *f, const char *name, uint32_t k, uint32_t times) {
    uint32_t expected = 0;
    uint32_t right = 0;
    for (uint32_t i = 0; i < times; i++) {
        char filter[64];
        st_vector_found found;
        uint32_t one;
        (void)snprintf(filter, sizeof filter, "%s %u %u %d", name, f->one_in, i % 3 == 0 ? i : 1,
                       f->far);
        st_vector_query query = query_of(f, filter, k);
        query.snapshot -= i % 4 == 0 ? test_random_below(&f->w.seed, f->w.version) : 0;
        assert_int_equal(search(f, &query, &found), STRATA_OK);
        right += assert_right(f, &query, &found, &one);
        expected += one;
        st_arena_reset(&f->arena);
    }
    if (right * 100 < expected * 95) {
        fail_msg("%s, one in %u, k %u: %u of %u", name, f->one_in, k, right, expected);
    }
}

static void test_shares(void **state) {
    (void)state;
    static const uint32_t one_ins[] = {0, 1, 2, 3, 5, 10, 20, 100, 400, KEYS};
    static filtered f;
    make_filtered(&f, 11);
    for (int turn = 0; turn < 2; turn++) {
        f.knows_keys = turn == 1;
        for (size_t i = 0; i < sizeof one_ins / sizeof one_ins[0]; i++) {
            f.one_in = one_ins[i];
            ask_often(&f, turn == 0 ? "asked" : "known", 10, 24);
            ask_often(&f, turn == 0 ? "asked" : "known", i % 2 == 0 ? 1 : 50, 6);
        }
        f.far = true;
        ask_often(&f, turn == 0 ? "asked" : "known", 10, 24);
        f.far = false;
        for (uint32_t key = 0; key < KEYS; key += 3 - (uint32_t)turn) { /* many have ended, then */
            if (f.w.live[key] != 0) {
                drop_key(&f.w, key);
            }
        }
    }
    for (size_t i = 0; i < sizeof one_ins / sizeof one_ins[0]; i++) {
        f.one_in = one_ins[i];
        ask_often(&f, "ended", 10, 12);
    }
    drop_filtered(&f);
}

/* ---- Questions ------------------------------------------------------------------------------- */

static uint64_t questions_of(filtered *f, const char *filter) {
    st_vector_found found;
    const st_vector_query query = query_of(f, filter, 10);
    f->questions = 0;
    assert_int_equal(search(f, &query, &found), STRATA_OK);
    st_arena_reset(&f->arena);
    return f->questions;
}

/* A part of 8000 rows: those that lived on, and those of the past. */
static void test_questions(void **state) {
    (void)state;
    static const struct {
        uint32_t one_in;
        uint64_t most; /* of a search with a new filter, on average */
    } cases[] = {{2, 60}, {5, 150}, {20, 700}};
    static filtered f;
    char filter[32];
    make_filtered(&f, 12);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        uint64_t sum = 0;
        f.one_in = cases[c].one_in;
        for (unsigned i = 0; i < 50; i++) {
            (void)snprintf(filter, sizeof filter, "%u of %u", i, f.one_in);
            sum += questions_of(&f, filter);
        }
        if (sum > 50 * cases[c].most) {
            fail_msg("one in %u: %llu questions", f.one_in, (unsigned long long)sum / 50);
        }
        sum = 0;
        for (unsigned i = 0; i < 50; i++) {
            (void)snprintf(filter, sizeof filter, "again %u", f.one_in);
            sum += questions_of(&f, filter);
        }
        assert_true(sum >= KEYS &&
                    sum <= KEYS + cases[c].most * 4); /* once, but for the first time */
        assert_int_equal(questions_of(&f, filter), 0);
    }
    f.one_in = 2500; /* two pass: all are asked for, and that is kept at once */
    assert_true(questions_of(&f, "rare") >= KEYS);
    assert_int_equal(questions_of(&f, "rare"), 0);
    f.knows_keys = true;
    assert_true(questions_of(&f, "rare, and known") < 700);
    drop_filtered(&f);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static size_t bytes_of(filtered *f) {
    st_vector_stats stats;
    st_epoch_enter(&f->w.epoch, &f->w.slot);
    st_vector_index_stats(f->w.index, &stats);
    st_epoch_leave(&f->w.slot);
    st_epoch_reclaim(&f->w.epoch);
    return stats.bytes;
}

static void test_bounded(void **state) {
    (void)state;
    static filtered f;
    char filter[32];
    make_filtered(&f, 13);
    const size_t before = bytes_of(&f);
    f.one_in = 2;
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(filter, sizeof filter, "once %u", i);
        (void)questions_of(&f, filter);
    }
    assert_int_equal(bytes_of(&f), before);
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(filter, sizeof filter, "again %u", i / 3);
        f.one_in = i / 3 % 2 == 0 ? 2 : 2500;
        (void)questions_of(&f, filter);
    }
    const size_t after = bytes_of(&f);
    assert_true(after > before);
    assert_true(after < before + 8 * (3 * (ROWS / 8) + 512));
    drop_filtered(&f);
}

static void test_no_memory(void **state) {
    (void)state;
    bool failed = true;
    static filtered f;
    make_filtered(&f, 14);
    for (size_t n = 1; failed; n++) {
        static const uint32_t one_ins[] = {3, 20, 2500};
        failed = false;
        for (size_t i = 0; i < 6; i++) {
            st_vector_found found;
            uint32_t expected;
            char filter[32];
            f.one_in = one_ins[i / 2];
            f.knows_keys = n % 2 == 0;
            (void)snprintf(filter, sizeof filter, "%zu %u", n, f.one_in); /* new, then again */
            const st_vector_query query = query_of(&f, filter, 10);
            st_arena_free(&f.arena);
            st_arena_init(&f.arena, test_allocator(), 0);
            test_memory_fail_at(n);
            const strata_status status = search(&f, &query, &found);
            const bool once = test_memory_failed();
            test_memory_fail_at(0);
            assert_int_equal(status, once ? STRATA_NO_MEMORY : STRATA_OK);
            failed = failed || once;
            if (status == STRATA_OK) {
                (void)assert_right(&f, &query, &found, &expected);
            }
        }
    }
    drop_filtered(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
