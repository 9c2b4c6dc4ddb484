/* test_table_faults.c - that a failure of storage or memory, wherever it strikes, leaves no file, no
 * open file and no memory behind, and harms no table that is there.
 *
 *   fault                                       promise
 *   the n-th call while a table is built        its status, io after a short write; the file is gone
 *   a full disk                                 no_space; the file is gone
 *   the n-th allocation while it is built       no_memory; the file is gone
 *   the n-th call or allocation while a table   the status; nothing pinned, nothing wrong; the next
 *     is opened, read, walked, verified           try is right
 *   the power goes after finish                 the table is there, whole
 */
#include "table_support.h"

#include "store/table/table_file.h"

static const char file_name[] = "db/DATA/tab-7.tab";

/* ---- Building -------------------------------------------------------------------------------- */

static const struct {
    uint32_t kinds;
    strata_status status;
    bool half;
} faults[] = {
    {SIM_CHANGING | SIM_CLOSE, STRATA_IO, false},
    {SIM_CHANGING, STRATA_NO_SPACE, false},
    {SIM_WRITE, STRATA_IO, true},
};

static void building_on_bad_storage(void **state) {
    (void)state;
    tab_model model;
    tab_fill(&model, TAB_APART, 150, 4);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        for (uint64_t nth = 1;; nth++) {
            sim *s = sim_new(1);
            st_table_info info;
            (faults[i].half ? sim_fail_short : sim_fail)(s, faults[i].kinds, nth, faults[i].status,
                                                         true);
            const strata_status status = tab_try_build(s, &model, nth % 2, &info);
            const bool hit = s->failed > 0;
            assert_int_equal(status, hit ? faults[i].status : STRATA_OK);
            assert_int_equal(sim_exists(s, file_name), !hit);
            sim_free(s);
            if (!hit) {
                assert_true(nth > 2);
                break;
            }
        }
    }
    tab_free(&model);
}

static void building_on_a_full_disk(void **state) {
    (void)state;
    tab_model model;
    tab_fill(&model, TAB_MIXED, 3000, 4);
    bool done = false;
    for (uint64_t capacity = 0; !done; capacity += 40000) {
        sim *s = sim_new(1);
        st_table_info info;
        sim_set_capacity(s, capacity);
        const strata_status status = tab_try_build(s, &model, STRATA_CODEC_NONE, &info);
        done = status == STRATA_OK;
        assert_int_equal(status, done ? STRATA_OK : STRATA_NO_SPACE);
        assert_int_equal(sim_exists(s, file_name), done);
        assert_true(sim_used(s) <= capacity);
        sim_free(s);
    }
    tab_free(&model);
}

static void building_without_memory(void **state) {
    (void)state;
    tab_model model;
    tab_fill(&model, TAB_APART, 60, 5);
    for (unsigned codec = 0; codec < 2; codec++) {
        for (uint64_t nth = 1;; nth++) {
            sim *s = sim_new(1);
            st_table_info info;
            sim_fail_memory(s, nth);
            const strata_status status = tab_try_build(s, &model, (strata_codec)codec, &info);
            const bool hit = s->memory_failed;
            assert_int_equal(status, hit ? STRATA_NO_MEMORY : STRATA_OK);
            assert_int_equal(sim_exists(s, file_name), !hit);
            sim_free(s);
            if (!hit) {
                print_message("%u allocations\n", (unsigned)nth - 1);
                break;
            }
        }
    }
    tab_free(&model);
}

/* A file that is there is not ours: it stays as it is. */
static void file_that_exists(void **state) {
    (void)state;
    sim *s = sim_new(1);
    const st_table_spec spec = tab_spec(s, STRATA_CODEC_NONE);
    st_table_builder *builder = NULL;
    strata_error error;
    sim_put(s, file_name, strata_text("of somebody else"));
    assert_int_equal(st_table_builder_create(&spec, &builder, &error), STRATA_ALREADY_EXISTS);
    assert_null(builder);
    const strata_slice bytes = sim_copy(s, file_name, false);
    test_bytes_equal(bytes, strata_text("of somebody else"), "file");
    sim_release(bytes);
    sim_free(s);
}

/* Given up half-way, or before the first entry: gone. What fails once keeps failing. */
static void given_up(void **state) {
    (void)state;
    sim *s = sim_new(1);
    const st_table_spec spec = tab_spec(s, STRATA_CODEC_NONE);
    st_table_builder *builder = NULL;
    st_table_info info;
    strata_error error;
    tab_model model;
    tab_fill(&model, TAB_PLAIN, 4000, 6);
    assert_int_equal(st_table_builder_create(&spec, &builder, &error), STRATA_OK);
    assert_true(sim_exists(s, file_name));
    st_table_builder_destroy(builder);
    assert_false(sim_exists(s, file_name));
    assert_int_equal(st_table_builder_create(&spec, &builder, &error), STRATA_OK);
    sim_fail(s, SIM_WRITE, 1, STRATA_IO, true);
    strata_status status = STRATA_OK;
    size_t added = 0;
    while (added < model.count && status == STRATA_OK) {
        status = st_table_builder_add(builder, model.entries[added].key,
                                      &model.entries[added].revision, &error);
        added++;
    }
    assert_in_range(added, 2, model.count - 1); /* long before the end */
    assert_int_equal(status, STRATA_IO);
    assert_int_equal(st_table_builder_add(builder, model.entries[added].key,
                                          &model.entries[added].revision, &error),
                     STRATA_IO);
    assert_int_equal(st_table_builder_finish(builder, &info, &error), STRATA_IO);
    st_table_builder_destroy(builder);
    st_table_builder_destroy(NULL);
    assert_false(sim_exists(s, file_name));
    tab_free(&model);
    sim_free(s);
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct reader {
    sim *s;
    const tab_model *model;
    strata_codec codec;
} reader;

/* Opens, gets, walks both ways, verifies; the first failure ends it. Everything that is answered is
 * right. */
static strata_status read_all(const reader *r, strata_error *error) {
    static st_table_iter iter;
    const st_table_spec spec = tab_spec(r->s, r->codec);
    const st_bound all = st_bound_version(UINT64_MAX);
    st_block_cache *cache = NULL;
    st_table *table = NULL;
    st_arena arena;
    strata_status status = st_block_cache_create(&r->s->host, 1 << 16, &cache);
    if (status != STRATA_OK) {
        error->code = status;
        return status;
    }
    st_arena_init(&arena, &r->s->host.memory, 0);
    status = st_table_open(&spec, cache, &table, error);
    for (size_t i = 0; status == STRATA_OK && i < r->model->count; i += 13) {
        const strata_slice key = r->model->entries[i].key;
        st_revision revision;
        bool found;
        status =
            st_table_get(table, key, st_table_hash(key), &all, &arena, &revision, &found, error);
        const size_t newest = tab_lower_bound(r->model, key, UINT64_MAX);
        if (status == STRATA_OK) {
            assert_true(found);
            assert_true(st_slice_equal(revision.value, r->model->entries[newest].revision.value));
        } else {
            assert_false(found);
        }
    }
    for (int past_cache = 0; status == STRATA_OK && past_cache < 2; past_cache++) {
        st_table_iter_init(&iter, table, error);
        iter.past_cache = past_cache != 0;
        status = st_table_iter_seek(&iter, st_slice("", 0), UINT64_MAX);
        for (size_t i = 0; status == STRATA_OK && iter.here; i++) {
            strata_slice value;
            assert_true(st_slice_equal(iter.key, r->model->entries[i].key));
            status = st_table_iter_value(&iter, &value);
            if (status == STRATA_OK) {
                assert_true(st_slice_equal(value, r->model->entries[i].revision.value));
                status = st_table_iter_next(&iter);
            }
        }
        if (status == STRATA_OK) {
            status = st_table_iter_seek_before(&iter, st_slice("\xff", 1));
        }
        st_table_iter_release(&iter);
    }
    if (status == STRATA_OK) {
        status = st_table_verify(table, error);
    }
    st_table_close(table);
    st_arena_free(&arena);
    st_block_cache_destroy(cache);
    return status;
}

static void reading_fails(bool memory) {
    for (unsigned codec = 0; codec < 2; codec++) {
        tab_model model;
        sim *s = sim_new(1);
        const reader r = {s, &model, (strata_codec)codec};
        tab_fill(&model, TAB_APART, 100, 8);
        tab_build(s, &model, r.codec);
        sim_restart(s, SIM_NONE, 0);
        for (uint64_t nth = 1;; nth++) {
            strata_error error = {STRATA_OK, "", 0, {{NULL, false, 0, ""}}};
            const size_t blocks = test_memory_blocks();
            if (memory) {
                sim_fail_memory(s, nth);
            } else {
                sim_fail(s, SIM_OPEN | SIM_READ | SIM_SIZE, nth, STRATA_IO, true);
            }
            const strata_status status = read_all(&r, &error);
            const bool hit = memory ? s->memory_failed : s->failed > 0;
            sim_heal(s);
            s->failed = 0;
            assert_int_equal(test_memory_blocks(), blocks);
            assert_int_equal(s->open_files, 0);
            if (!hit) {
                assert_int_equal(status, STRATA_OK);
                print_message("%u %s\n", (unsigned)nth - 1, memory ? "allocations" : "calls");
                break;
            }
            if (status != STRATA_OK) { /* a cache that cannot give memory back still reads */
                assert_int_equal(status, memory ? STRATA_NO_MEMORY : STRATA_IO);
                assert_int_equal(error.code, status);
            }
        }
        tab_free(&model);
        sim_free(s);
    }
}

static void reading_from_bad_storage(void **state) {
    (void)state;
    reading_fails(false);
}

static void reading_without_memory(void **state) {
    (void)state;
    reading_fails(true);
}

/* ---- Power ----------------------------------------------------------------------------------- */

/* At each changing call: before finish has returned anything may be there; after it, all. */
static void power_cuts(void **state) {
    (void)state;
    tab_model model;
    tab_fill(&model, TAB_MIXED, 4000, 9);
    for (uint64_t nth = 1;; nth++) {
        sim *s = sim_new(nth);
        const reader r = {s, &model, STRATA_CODEC_ZSTD};
        st_table_info info;
        strata_error error;
        sim_cut_power(s, nth);
        const strata_status status = tab_try_build(s, &model, r.codec, &info);
        const bool cut = s->dead;
        sim_restart(s, cut ? SIM_RANDOM : SIM_NONE, nth);
        const strata_status read = read_all(&r, &error);
        assert_true(read == STRATA_OK || read == STRATA_CORRUPT);
        if (status == STRATA_OK) {
            assert_int_equal(read, STRATA_OK);
        }
        sim_free(s);
        if (!cut) {
            assert_int_equal(status, STRATA_OK);
            break;
        }
    }
    tab_free(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(building_on_bad_storage),
        cmocka_unit_test(building_on_a_full_disk),
        cmocka_unit_test(building_without_memory),
        cmocka_unit_test(file_that_exists),
        cmocka_unit_test(given_up),
        cmocka_unit_test(reading_from_bad_storage),
        cmocka_unit_test(reading_without_memory),
        cmocka_unit_test(power_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
