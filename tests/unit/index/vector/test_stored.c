/* Proves that an index which was kept in segments is, after an opening, what it was: every entry, also those of the
 * past, is found at every version as before, whatever was added, replaced and removed since; that segments which
 * merges have replaced go; that what is damaged, missing or not of this index is given up, told, and made again;
 * and that a merge which cannot be kept, or of which the power goes, loses nothing.
 */
#include "../../sim.h"
#include "index/vector/part_file.h"
#include "store/segments.h"
#include "store/store.h"
#include "world.h"

static const char owner[] = "collection 1";

static void open_store(st_store *store, sim *s) {
    strata_options options = STRATA_OPTIONS_INIT;
    strata_error error = {.code = STRATA_OK};
    options.host = &s->host;
    if (st_store_open(store, "db", &options, &error) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
}

static void close_store(st_store *store) {
    strata_error error = {.code = STRATA_OK};
    assert_int_equal(st_store_close(store, &error), STRATA_OK);
    assert_int_equal(test_memory_blocks(), 0);
}

static size_t count_segments(st_store *store) {
    return st_segments_count(store);
}

static void restore_after(world *w, uint64_t covered) {
    for (uint32_t key = 0; key < KEYS; key++) {
        char text[16];
        const strata_slice name = key_text(key, text);
        for (uint32_t i = 0; i < w->count; i++) {
            const row *r = &w->rows[i];
            if (r->key == key && r->from > covered) {
                assert_int_equal(st_vector_index_restore(w->index, name, r->from, r->embedding),
                                 STRATA_OK);
            }
            if (r->key == key && r->to != UINT64_MAX && r->to > covered) {
                assert_int_equal(st_vector_index_restore(w->index, name, r->to, NULL), STRATA_OK);
            }
        }
    }
}

/* As if the database had been closed and opened: the index is what segments and tables have. */
static uint64_t reopen(world *w) {
    const st_vector_options options = {w->codec.metric, w->codec.kind, DIMENSION, 7, 300, w->pool};
    strata_error error = {.code = STRATA_OK};
    uint64_t covered;
    st_vector_merge_destroy(w->merge);
    w->merge = NULL;
    st_vector_index_destroy(w->index);
    st_epoch_reclaim_all(&w->epoch);
    assert_int_equal(st_vector_index_create(test_host(), &w->epoch, &options, &w->index),
                     STRATA_OK);
    if (st_vector_index_load(w->index, &w->home, &covered, &error) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
    restore_after(w, covered);
    return covered;
}

static void ask_some(world *w, int count) {
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    for (int i = 0; i < count; i++) {
        ask(w, i % 2 == 0, &arena);
    }
    assert_true(w->found * 100 >= w->expected * 95);
    st_arena_free(&arena);
}

static void begin_coded_world(world *w, st_code_kind codes, st_store *store, sim *s,
                              uint64_t seed) {
    open_store(store, s);
    make_coded_world(w, ST_METRIC_COSINE, codes, 12000, seed, 300);
    w->home = (st_vector_home){store, strata_text(owner)};
}

static void begin_world(world *w, st_store *store, sim *s, uint64_t seed) {
    begin_coded_world(w, ST_CODE_I8, store, s, seed);
}

static void check_files(st_store *store) {
    strata_buffer numbers = test_buffer();
    assert_int_equal(st_segments_numbers(store, &numbers), STRATA_OK);
    for (size_t i = 0; i < numbers.len / sizeof(uint64_t); i++) {
        uint64_t number;
        strata_error error = {.code = STRATA_OK};
        memcpy(&number, numbers.data + i * sizeof number, sizeof number);
        const st_segment_spec spec = st_segments_spec(store, number);
        if (st_part_file_check(&spec, NULL, &error) != STRATA_OK) {
            fail_msg("%s", error.message);
        }
    }
    strata_buffer_free(&numbers);
}

/* ---- As it was ------------------------------------------------------------------------------- */

static void change_and_reopen(st_code_kind codes) {
    sim *s = sim_new(1);
    st_store store;
    world w;
    begin_coded_world(&w, codes, &store, s, 11);
    uint64_t covered = 0;
    for (int opening = 0; opening < 6; opening++) {
        for (uint32_t i = 0; i < 900; i++) {
            change(&w, opening < 2 ? 3000 : 600);
            if (i % 2 == 0) {
                merge_some(&w, i % 800 == 0, 200);
                assert_int_equal(w.save_status, STRATA_OK);
            }
        }
        if (opening % 2 == 1) {
            w.keep = w.version / 3;
        }
        assert_true(count_segments(&store) > 0);
        const uint64_t now = reopen(&w);
        assert_true(now > covered);
        covered = now;
        assert_sound(&w);
        ask_some(&w, 30);
    }
    merge_all(&w);
    assert_true(count_segments(&store) <= 2); /* what lives, and what has ended */
    check_files(&store);
    assert_true(reopen(&w) == w.version);
    assert_sound(&w);
    ask_some(&w, 30);
    drop_world(&w);
    close_store(&store);
    sim_free(s);
}

static void test_reopening(void **state) {
    (void)state;
    change_and_reopen(ST_CODE_I8);
    change_and_reopen(ST_CODE_B1);
}

/* Another database finds what this one wrote; one owner never finds another's. */
static void test_owners(void **state) {
    (void)state;
    sim *s = sim_new(2);
    st_store store;
    world w;
    begin_world(&w, &store, s, 12);
    for (uint32_t key = 0; key < 1500; key++) {
        add(&w, key);
    }
    merge_all(&w);
    w.home.owner = strata_text("collection 2");
    assert_int_equal(reopen(&w), 0);
    w.home.owner = strata_text(owner);
    drop_world(&w);
    close_store(&store);
    begin_world(&w, &store, s, 12);
    assert_int_equal(count_segments(&store), 1);
    for (uint32_t key = 0; key < 1500; key++) { /* the same, by the same versions */
        add(&w, key);
    }
    assert_int_equal(reopen(&w), 1500);
    ask_some(&w, 20);
    drop_world(&w);
    close_store(&store);
    sim_free(s);
}

static void test_forget(void **state) {
    (void)state;
    sim *s = sim_new(3);
    st_store store;
    world w;
    strata_error error = {.code = STRATA_OK};
    begin_world(&w, &store, s, 13);
    for (uint32_t key = 0; key < 700; key++) {
        add(&w, key);
    }
    merge_all(&w);
    assert_int_equal(count_segments(&store), 1);
    assert_int_equal(st_vector_home_forget(&w.home, false, &error), STRATA_OK);
    assert_int_equal(count_segments(&store), 0);
    assert_int_equal(reopen(&w), 0);
    assert_false(sim_exists(s, "db/DATA/seg-1.seg"));
    drop_world(&w);
    close_store(&store);
    sim_free(s);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static uint64_t some_segment(st_store *store, uint64_t *seed) {
    strata_buffer numbers = test_buffer();
    uint64_t number;
    assert_int_equal(st_segments_numbers(store, &numbers), STRATA_OK);
    assert_true(numbers.len > 0);
    const size_t which = (size_t)test_random_below(seed, numbers.len / sizeof number);
    memcpy(&number, numbers.data + which * sizeof number, sizeof number);
    strata_buffer_free(&numbers);
    return number;
}

/* Whatever byte of the file is another: either nothing of it is used, or the search is told. */
static void test_damage(void **state) {
    (void)state;
    sim *s = sim_new(4);
    st_store store;
    world w;
    char name[64];
    uint64_t seed = 9;
    begin_world(&w, &store, s, 14);
    for (uint32_t key = 0; key < 1200; key++) {
        add(&w, key);
    }
    for (int i = 0; i < 60; i++) {
        merge_all(&w);
        (void)snprintf(name, sizeof name, "db/DATA/seg-%llu.seg",
                       (unsigned long long)some_segment(&store, &seed));
        const strata_slice bytes = sim_copy(s, name, false);
        const uint64_t size = bytes.len;
        sim_release(bytes);
        sim_flip(s, name, test_random_below(&seed, size), (unsigned)test_random_below(&seed, 8));
        const uint64_t covered = reopen(&w);
        if (covered > 0) { /* what is read when it is needed */
            st_arena arena;
            st_vector_found found;
            st_arena_init(&arena, test_allocator(), 0);
            const st_vector_query query = {.embedding = w.embeddings,
                                           .k = 1200,
                                           .effort = 1200,
                                           .snapshot = w.version,
                                           .exact = i % 2 == 0,
                                           .compare = compare,
                                           .ctx = &w};
            st_epoch_enter(&w.epoch, &w.slot);
            const strata_status status = st_vector_index_search(w.index, &query, &arena, &found);
            st_epoch_leave(&w.slot);
            assert_true(status == STRATA_OK || status == STRATA_CORRUPT);
            assert_true(status != STRATA_OK || found.count == 1200);
            st_arena_free(&arena);
            strata_error error = {.code = STRATA_OK};
            assert_int_equal(st_vector_home_forget(&w.home, false, &error), STRATA_OK);
            assert_int_equal(reopen(&w), 0);
        }
        assert_sound(&w);
        add(&w, 3);
    }
    drop_world(&w);
    close_store(&store);
    sim_free(s);
}

/* A file that is missing takes the others of its index with it. */
static void test_missing(void **state) {
    (void)state;
    sim *s = sim_new(5);
    st_store store;
    world w;
    char name[64];
    begin_world(&w, &store, s, 15);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t key = 0; key < 1200; key++) {
            add(&w, key);
        }
    }
    merge_all(&w);
    assert_int_equal(count_segments(&store), 2);
    uint64_t seed = 1;
    (void)snprintf(name, sizeof name, "db/DATA/seg-%llu.seg",
                   (unsigned long long)some_segment(&store, &seed));
    sim_drop(s, name);
    assert_int_equal(reopen(&w), 0);
    assert_int_equal(count_segments(&store), 1); /* nobody knows whose the lost one was */
    ask_some(&w, 20);
    drop_world(&w);
    close_store(&store);
    sim_free(s);
}

/* The n-th call of the storage fails: the merge is there, and kept or not. */
static void test_failing_storage(void **state) {
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        sim *s = sim_new(6);
        st_store store;
        world w;
        begin_world(&w, &store, s, 16);
        for (uint32_t key = 0; key < 400; key++) {
            add(&w, key);
        }
        sim_fail(s, SIM_ANY, n, STRATA_NO_SPACE, true);
        w.save_status = STRATA_OK;
        merge_all(&w);
        failed = w.save_status != STRATA_OK;
        sim_heal(s);
        assert_sound(&w);
        (void)reopen(&w);
        assert_sound(&w);
        ask_some(&w, 6);
        drop_world(&w);
        strata_error error = {.code = STRATA_OK};
        (void)st_store_close(&store, &error);
        sim_free(s);
    }
}

/* The power goes at the n-th call: the next opening has the segments of before, or those of after. */
static void test_power(void **state) {
    (void)state;
    bool cut = true;
    for (uint64_t n = 1; cut; n++) {
        sim *s = sim_new(7);
        st_store store;
        world w;
        strata_error error = {.code = STRATA_OK};
        begin_world(&w, &store, s, 17);
        for (uint32_t key = 0; key < 400; key++) {
            add(&w, key);
        }
        merge_all(&w);
        for (uint32_t key = 100; key < 500; key++) {
            add(&w, key);
        }
        w.save_status = STRATA_OK;
        sim_cut_power(s, n);
        merge_all(&w);
        cut = w.save_status != STRATA_OK;
        (void)st_store_close(&store, &error);
        sim_restart(s, (sim_policy)(n % 3), n);
        open_store(&store, s);
        const uint64_t covered = reopen(&w);
        assert_true(covered >= 400 && covered <= 800);
        assert_sound(&w);
        ask_some(&w, 6);
        drop_world(&w);
        close_store(&store);
        sim_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reopening), cmocka_unit_test(test_owners),
        cmocka_unit_test(test_forget),    cmocka_unit_test(test_damage),
        cmocka_unit_test(test_missing),   cmocka_unit_test(test_failing_storage),
        cmocka_unit_test(test_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
