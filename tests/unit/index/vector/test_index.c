/* Proves that a search finds what comparing with every embedding finds, at random versions, with random filters,
 * while entries come, are replaced and removed, and parts are merged: exactly, where that is asked for or the index is
 * small; else nearly always, and never something that a reader at the version would not see or that does not pass.
 * That invariants hold on the way, and that memory which fails at any point changes nothing. */
#include "world.h"

/* ---- Against comparing with everything ------------------------------------------------------- */

static void test_random_changes(void **state) {
    (void)state;
    static const struct {
        st_vector_metric metric;
        st_code_kind codes;
        uint32_t changes;
        uint32_t keys;
        uint32_t head_rows;
        uint64_t seed;
    } cases[] = {
        {ST_METRIC_COSINE, ST_CODE_I8, 600, 40, 16, 1},
        {ST_METRIC_EUCLIDEAN, ST_CODE_I8, 9000, 5000, 600, 2},
        {ST_METRIC_DOT, ST_CODE_I8, 2000, 300, 64, 3},
        {ST_METRIC_COSINE, ST_CODE_I8, 9000, 3000, 1500, 4},
        {ST_METRIC_COSINE, ST_CODE_B1, 9000, 5000, 600, 5},
        {ST_METRIC_EUCLIDEAN, ST_CODE_B1, 2000, 300, 64, 6},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        world w;
        st_arena arena;
        st_arena_init(&arena, test_allocator(), 0);
        make_coded_world(&w, cases[c].metric, cases[c].codes, 12000, cases[c].seed,
                         cases[c].head_rows);
        for (uint32_t i = 0; i < cases[c].changes; i++) {
            change(&w, cases[c].keys);
            if (i % 700 == 0 && w.merge == NULL) {
                w.keep = w.version / 2;
            }
            if (i % 3 == 0) {
                merge_some(&w, i % 4001 == 0, 50);
            }
            if (i % 60 == 0) {
                ask(&w, i % 120 == 0, &arena);
            }
            if (i % 1500 == 0) {
                assert_sound(&w);
            }
        }
        merge_all(&w);
        assert_sound(&w);
        for (int i = 0; i < 100; i++) {
            ask(&w, i % 2 == 0, &arena);
        }
        if (w.found * 100 < w.expected * 98) {
            fail_msg("case %zu: found %llu of %llu", c, (unsigned long long)w.found,
                     (unsigned long long)w.expected);
        }
        assert_true(cases[c].changes < 5000 || (w.walked > 10) == (cases[c].codes == ST_CODE_I8));
        st_arena_free(&arena);
        drop_world(&w);
    }
}

/* What ended long ago costs a search of today nothing, and goes when nobody may see it. */
static void test_past(void **state) {
    (void)state;
    world w;
    st_vector_stats stats;
    make_world(&w, ST_METRIC_COSINE, 9000, 5, 500);
    for (int round = 0; round < 3; round++) {
        for (uint32_t key = 0; key < 2500; key++) {
            add(&w, key);
        }
    }
    w.keep = 0;
    merge_all(&w);
    st_vector_index_stats(w.index, &stats);
    assert_int_equal(stats.live, 2500);
    assert_int_equal(stats.entries, 7500);
    const size_t bytes = stats.bytes;
    w.keep = w.version;
    add(&w, 1);
    do {
        merge_some(&w, true, 10000);
        while (w.merge != NULL) {
            merge_some(&w, true, 10000);
        }
        st_vector_index_stats(w.index, &stats);
    } while (stats.entries > 2501);
    assert_int_equal(stats.live, 2500);
    assert_true(stats.bytes < bytes / 2);
    assert_sound(&w);
    drop_world(&w);
}

/* A third of the entries lives at a version and passes, all of them far from the embedding: k are found all the same,
 * be they asked for by version, by a filter or by both. */
static void test_far_away(void **state) {
    (void)state;
    enum { FAR = 1000, ENTRIES = 3000, K = 10 };
    world w;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    make_world(&w, ST_METRIC_EUCLIDEAN, ENTRIES + 100, 6, 500);
    for (uint32_t i = 0; i < FAR * DIMENSION; i++) {
        w.embeddings[i] += 100;
    }
    for (uint32_t key = 0; key < ENTRIES; key++) {
        add(&w, key);
    }
    merge_all(&w);
    for (unsigned by = 1; by <= 3; by++) {
        nearest n;
        st_vector_found found;
        st_vector_query query = {.embedding = w.embeddings + (size_t)ENTRIES * DIMENSION,
                                 .k = K,
                                 .effort = 64,
                                 .snapshot = by & 1 ? FAR : w.version,
                                 .passes = by & 2 ? passes : NULL,
                                 .filter = strata_text(by & 2 ? "far" : ""),
                                 .compare = compare,
                                 .ctx = &w};
        w.passes_below = by & 2 ? FAR : 0;
        st_epoch_enter(&w.epoch, &w.slot);
        assert_int_equal(st_vector_index_search(w.index, &query, &arena, &found), STRATA_OK);
        assert_good(&w, &query, &found);
        find_nearest(&w, &query, &n);
        assert_int_equal(found.count, K);
        assert_int_equal(count_found(&found, &n), K);
        assert_true(by != 1 || found.walked > 0);
        st_epoch_leave(&w.slot);
    }
    st_arena_free(&arena);
    drop_world(&w);
}

static void test_empty(void **state) {
    (void)state;
    world w;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    make_world(&w, ST_METRIC_COSINE, 200, 1, 0);
    ask(&w, true, &arena);
    ask(&w, false, &arena);
    drop_key(&w, 3);
    add(&w, 3);
    drop_key(&w, 3);
    ask(&w, true, &arena);
    merge_all(&w);
    assert_sound(&w);
    st_arena_free(&arena);
    drop_world(&w);
}

/* How many parts there are after the idle have merged what they think is worth it. */
static uint32_t parts_when_idle(world *w) {
    const st_vector_merge_spec idle = {.idle = true, .keep = w->keep, .known = w->version};
    st_vector_stats stats;
    assert_int_equal(st_vector_merge_begin(w->index, &idle, &w->merge), STRATA_OK);
    while (w->merge != NULL) {
        merge_some(w, false, 1000);
    }
    assert_sound(w);
    st_vector_index_stats(w->index, &stats);
    return stats.parts;
}

static void test_idle(void **state) {
    (void)state;
    world w;
    make_world(&w, ST_METRIC_COSINE, 5000, 1, 4096);
    uint32_t key = 0;
    while (key < 1000) { /* so few need no graph */
        add(&w, key++);
    }
    assert_int_equal(parts_when_idle(&w), 1);
    while (key < 4096) {
        add(&w, key++);
    }
    assert_int_equal(parts_when_idle(&w), 1);
    while (key < 4096 + 255) { /* a sixteenth is 256 */
        add(&w, key++);
    }
    assert_int_equal(parts_when_idle(&w), 2);
    add(&w, key++);
    assert_int_equal(parts_when_idle(&w), 1);
    drop_world(&w);
}

static void test_no_memory(void **state) {
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        world w;
        make_world(&w, ST_METRIC_COSINE, 1500, 1, 400);
        for (uint32_t key = 0; key < 1200; key++) {
            add(&w, key);
        }
        test_memory_fail_at(n);
        strata_status status =
            st_vector_index_add(w.index, strata_text("one more"), w.version + 1, w.embeddings);
        bool done = false;
        if (status == STRATA_OK) {
            const st_vector_merge_spec spec = {.all = true, .known = w.version};
            status = st_vector_merge_begin(w.index, &spec, &w.merge);
        }
        while (status == STRATA_OK && !done) {
            status = st_vector_merge_step(w.merge, 300, &done);
        }
        if (status == STRATA_OK) {
            status = st_vector_merge_finish(w.merge);
        }
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        assert_sound(&w);
        drop_world(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes), cmocka_unit_test(test_past),
        cmocka_unit_test(test_far_away),       cmocka_unit_test(test_empty),
        cmocka_unit_test(test_idle),           cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
