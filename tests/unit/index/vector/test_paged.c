/* Proves that an index which is larger than the memory it may take answers as one that has all of it: walks, scans,
 * filters, changes and merges, beside a list of all that was ever stored (world.h); that pages stay within the budget,
 * and what waits for readers within what they touch between two rests; that pages which cannot be read again, for
 * damage or for memory, are told and never an answer. Every page that went is freed memory, so the address sanitizer
 * sees who keeps one. (Threads: recall/test_nearest_paged.c.)
 */
#include "../../sim.h"
#include "index/vector/index_private.h"
#include "index/vector/part_file.h"
#include "store/segments.h"
#include "store/store.h"
#include "world.h"

enum {
    BUDGET = 256 << 10,
    PAGE = ST_ROWS_CHUNK_PAGED + 256, /* with its header, at most */
    REST_PAGES = 200,                 /* that one reader touches between two rests */
};

typedef struct fixture {
    sim *s;
    st_store store;
    st_row_pool pool;
    world w;
} fixture;

static void begin(fixture *f, uint64_t seed, uint64_t budget, uint32_t embeddings) {
    strata_options options = STRATA_OPTIONS_INIT;
    strata_error error = {.code = STRATA_OK};
    f->s = sim_new(seed);
    options.host = &f->s->host;
    if (st_store_open(&f->store, "db", &options, &error) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
    st_row_pool_init(&f->pool, test_host(), budget);
    make_world_in(&f->w, ST_METRIC_COSINE, embeddings, seed, 300, &f->pool);
    f->w.home = (st_vector_home){&f->store, strata_text("paged")};
}

static void end(fixture *f) {
    strata_error error = {.code = STRATA_OK};
    st_row_pool_stats stats;
    drop_world(&f->w);
    st_row_pool_read_stats(&f->pool, &stats);
    assert_int_equal(stats.granted, 0);
    assert_int_equal(stats.paged, 0);
    assert_int_equal(st_row_pool_claim(&f->pool), 0);
    st_row_pool_free(&f->pool);
    assert_int_equal(st_store_close(&f->store, &error), STRATA_OK);
    assert_int_equal(test_memory_blocks(), 0);
    sim_free(f->s);
}

static void assert_bounded(fixture *f, uint32_t readers) {
    st_row_pool_stats stats;
    st_row_pool_read_stats(&f->pool, &stats);
    assert_true(stats.paged <= f->pool.budget);
    assert_true(stats.waiting <= (uint64_t)readers * REST_PAGES * PAGE);
}

static uint64_t loads(fixture *f) {
    st_row_pool_stats stats;
    st_row_pool_read_stats(&f->pool, &stats);
    return stats.loads;
}

static void fill(fixture *f, uint32_t keys) {
    for (uint32_t key = 0; key < keys; key++) {
        add(&f->w, key);
    }
    merge_all(&f->w);
    assert_int_equal(f->w.save_status, STRATA_OK);
}

/* ---- Right, and bounded ---------------------------------------------------------------------- */

static void test_answers(void **state) {
    (void)state;
    static fixture f;
    st_arena arena;
    begin(&f, 21, BUDGET, 12000);
    st_arena_init(&arena, test_allocator(), 0);
    fill(&f, 4500);
    const uint64_t before = loads(&f);
    assert_true(f.pool.refused > 2 * f.pool.budget); /* it is far larger than memory */
    for (int i = 0; i < 300; i++) {
        ask(&f.w, i % 4 == 0, &arena);
        assert_bounded(&f, 1);
    }
    assert_true(loads(&f) - before > 10 * BUDGET / PAGE); /* pages came and went */
    assert_true(f.w.walked > 50);
    assert_true(f.w.found * 100 >= f.w.expected * 95);
    for (uint32_t i = 0; i < 3000; i++) { /* what lives in pages ends, and is merged */
        change(&f.w, KEYS);
        if (i % 2 == 0) {
            merge_some(&f.w, i % 1000 == 0, 200);
            assert_int_equal(f.w.save_status, STRATA_OK);
        }
        if (i % 40 == 0) {
            ask(&f.w, i % 80 == 0, &arena);
        }
        assert_bounded(&f, 1);
    }
    assert_sound(&f.w);
    assert_bounded(&f, 1);
    f.w.keep = f.w.version;
    merge_all(&f.w);
    for (int i = 0; i < 50; i++) {
        ask(&f.w, i % 2 == 0, &arena);
    }
    assert_true(f.w.found * 100 >= f.w.expected * 95);
    st_arena_free(&arena);
    end(&f);
}

/* A page that is asked for again and again stays, whatever else is read. */
static void test_often_read_stays(void **state) {
    (void)state;
    static fixture f;
    begin(&f, 22, 4 << 20, 5000);
    fill(&f, 4500);
    assert_int_equal(f.pool.refused, 0); /* it fits */
    end(&f);
    begin(&f, 22, BUDGET, 5000);
    fill(&f, 4500);
    st_row_reader reader;
    st_row_reader_open(&reader, &f.pool);
    st_row_reader_enter(&reader);
    const st_vector_view *view = st_vector_view_of(f.w.index);
    const st_rows *codes = &view->parts[view->count - 1]->graph.codes;
    assert_true(view->parts[view->count - 1]->paged);
    uint64_t read_again = 0;
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t chunk = 1; chunk < codes->chunks_len; chunk++) {
            (void)st_rows_at(codes, chunk << codes->shift);
            const uint64_t now = loads(&f);
            (void)st_rows_at(codes, 0);
            read_again += loads(&f) - now;
            st_row_reader_rest(&reader);
        }
    }
    st_row_reader_leave(&reader);
    st_row_reader_close(&reader);
    assert_true(read_again <= 1);
    end(&f);
}

/* Reopened: the same answers, from pages or from memory. */
static void test_reopened(void **state) {
    (void)state;
    static fixture f;
    static const uint64_t budgets[] = {64 << 10, BUDGET, 64 << 20};
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    begin(&f, 23, BUDGET, 9000);
    fill(&f, 4500);
    uint64_t found[3];
    for (size_t i = 0; i < 3; i++) {
        const st_vector_options options = {ST_METRIC_COSINE, ST_CODE_I8, DIMENSION, 7, 300,
                                           &f.pool};
        strata_error error = {.code = STRATA_OK};
        uint64_t covered;
        st_vector_index_destroy(f.w.index);
        st_epoch_reclaim_all(&f.w.epoch);
        st_row_pool_free(&f.pool);
        st_row_pool_init(&f.pool, test_host(), budgets[i]);
        assert_int_equal(st_vector_index_create(test_host(), &f.w.epoch, &options, &f.w.index),
                         STRATA_OK);
        assert_int_equal(st_vector_index_load(f.w.index, &f.w.home, &covered, &error), STRATA_OK);
        assert_int_equal(covered, f.w.version);
        assert_int_equal(f.pool.refused == 0, i == 2);
        f.w.seed = 77;
        f.w.found = 0;
        for (int j = 0; j < 60; j++) {
            ask(&f.w, j % 3 == 0, &arena);
            assert_bounded(&f, 1);
        }
        found[i] = f.w.found;
        assert_sound(&f.w);
    }
    assert_int_equal(found[0], found[2]);
    assert_int_equal(found[1], found[2]);
    st_arena_free(&arena);
    end(&f);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static strata_status search_exact(fixture *f, size_t *count) {
    st_arena arena;
    st_vector_found found;
    st_arena_init(&arena, test_allocator(), 0);
    f->w.passes_one_in = 1;
    const st_vector_query query = {.embedding = f->w.embeddings,
                                   .k = 20,
                                   .effort = 60,
                                   .snapshot = f->w.version,
                                   .exact = true,
                                   .compare = compare,
                                   .ctx = &f->w};
    st_epoch_enter(&f->w.epoch, &f->w.slot);
    const strata_status status = st_vector_index_search(f->w.index, &query, &arena, &found);
    st_epoch_leave(&f->w.slot);
    *count = found.count;
    st_arena_free(&arena);
    return status;
}

/* Pages that were read once are damaged on the disk: the search that needs one again says so, and so does the index
 * from then on; the file is found damaged. */
static void test_damage_between(void **state) {
    (void)state;
    static fixture f;
    size_t count;
    uint64_t seed = 5;
    begin(&f, 24, BUDGET / 4, 5000);
    fill(&f, 4500);
    assert_int_equal(search_exact(&f, &count), STRATA_OK);
    assert_int_equal(count, 20);
    strata_buffer numbers = test_buffer();
    assert_int_equal(st_segments_numbers(&f.store, &numbers), STRATA_OK);
    assert_int_equal(numbers.len, sizeof(uint64_t));
    uint64_t number;
    memcpy(&number, numbers.data, sizeof number);
    strata_buffer_free(&numbers);
    char name[64];
    (void)snprintf(name, sizeof name, "db/DATA/seg-%llu.seg", (unsigned long long)number);
    for (uint64_t at = 1000; at < 200000; at += 4096) { /* codes are the first section */
        sim_flip(f.s, name, at, (unsigned)test_random_below(&seed, 8));
    }
    strata_error error = {.code = STRATA_OK};
    assert_int_equal(search_exact(&f, &count), STRATA_CORRUPT);
    assert_int_equal(st_vector_index_tell(f.w.index, &error), STRATA_CORRUPT);
    assert_non_null(strstr(error.message, "a page does not hold"));
    const st_segment_spec spec = st_segments_spec(&f.store, number);
    assert_int_equal(st_part_file_check(&spec, &f.pool, &error), STRATA_CORRUPT);
    assert_bounded(&f, 1);
    /* Nothing is made of it. */
    bool done = false;
    strata_status status = STRATA_OK;
    for (uint32_t key = 0; key < 400; key++) {
        add(&f.w, key);
    }
    const st_vector_merge_spec merge = {.all = true, .known = f.w.version};
    assert_int_equal(st_vector_merge_begin(f.w.index, &merge, &f.w.merge), STRATA_OK);
    while (status == STRATA_OK && !done) {
        status = st_vector_merge_step(f.w.merge, 1000, &done);
    }
    assert_int_equal(status, STRATA_CORRUPT);
    st_vector_merge_destroy(f.w.merge);
    f.w.merge = NULL;
    end(&f);
}

/* The n-th allocation fails, and all that follow: told, never an answer of less; what waits is freed all the same. */
static void test_no_memory(void **state) {
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n += n < 40 ? 1 : n / 4) {
        static fixture f;
        size_t count;
        begin(&f, 25, BUDGET, 2500);
        fill(&f, 2300);
        test_memory_fail_at(n);
        const strata_status status = search_exact(&f, &count);
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_true(status == STRATA_NO_MEMORY || (status == STRATA_OK && count == 20));
        assert_true(failed || status == STRATA_OK);
        assert_bounded(&f, 1);
        end(&f);
    }
}

/* What was merged is in a segment, but no memory is left to read it from there: it stays where it is. */
static void test_no_memory_to_page(void **state) {
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        static fixture f;
        bool done = false;
        size_t count;
        strata_error error = {.code = STRATA_OK};
        begin(&f, 26, 32 << 10, 1500);
        for (uint32_t key = 0; key < 1200; key++) {
            add(&f.w, key);
        }
        const st_vector_merge_spec spec = {.all = true, .known = f.w.version};
        assert_int_equal(st_vector_merge_begin(f.w.index, &spec, &f.w.merge), STRATA_OK);
        while (!done) {
            assert_int_equal(st_vector_merge_step(f.w.merge, 1000, &done), STRATA_OK);
        }
        test_memory_fail_at(n);
        (void)st_vector_merge_save(f.w.merge, &f.w.home, &error);
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(st_vector_merge_finish(f.w.merge), STRATA_OK);
        st_vector_merge_destroy(f.w.merge);
        f.w.merge = NULL;
        st_epoch_reclaim(&f.w.epoch);
        assert_int_equal(search_exact(&f, &count), STRATA_OK);
        assert_int_equal(count, 20);
        assert_sound(&f.w);
        assert_true(failed || f.pool.refused > 0);
        end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),   cmocka_unit_test(test_often_read_stays),
        cmocka_unit_test(test_reopened),  cmocka_unit_test(test_damage_between),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_no_memory_to_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
