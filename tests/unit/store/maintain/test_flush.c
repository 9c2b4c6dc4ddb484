/* test_flush.c - that memtables become a table whole or not at all.
 *
 * Each call of the storage during commits and flushes fails in each way, the power goes at each, and
 * allocations fail: what readers see never changes, and what is found afterwards is a prefix of the
 * commits (store_script.h). In buffered mode, too: a flush must not make a table of commits that the
 * log can still lose.
 */
#include "store_script.h"

static const char program[] = "build/tests/unit/store/maintain/test_flush";

static const store_script scripts[] = {
    {.program = program,
     .name = "strict",
     .steps = "12c f 6c f f 3c 2m r 4c f 3c",
     .seed = 1,
     .value_bytes = 200,
     .durability = STRATA_STRICT},
    {.program = program,
     .name = "buffered",
     .steps = "12c f 6c f 3c 2m r 8c f 6c",
     .seed = 2,
     .value_bytes = 200,
     .durability = STRATA_BUFFERED},
};

enum { SCRIPTS = sizeof scripts / sizeof scripts[0] };

static void storage(void **state) {
    (void)state;
    for (size_t i = 0; i < SCRIPTS; i++) {
        script_fail_storage(&scripts[i]);
    }
}

static void power(void **state) {
    (void)state;
    for (size_t i = 0; i < SCRIPTS; i++) {
        script_cut_power(&scripts[i]);
    }
}

static void memory(void **state) {
    (void)state;
    for (size_t i = 0; i < SCRIPTS; i++) {
        script_fail_memory(&scripts[i], 200);
    }
}

static void same_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < SCRIPTS; i++) {
        script_compare_files(&scripts[i]);
    }
}

/* A flush that fails leaves its memtables frozen; the next one takes them, and what came since. */
static void frozen_again_and_again(void **state) {
    (void)state;
    strata_error error;
    sim *s = sim_new(1);
    store_model model;
    st_store store;
    sm_init(&model, 5, 100);
    assert_int_equal(sm_open(s, &model, &store, STRATA_STRICT, &error), STRATA_OK);
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(sm_commit(s, &model, &store), STRATA_OK);
        }
        sim_fail(s, SIM_CREATE, 2, STRATA_NO_SPACE, true); /* after the segment, the table */
        assert_int_equal(st_store_flush(&store, &error), STRATA_NO_SPACE);
        sm_check(&model, &store);
        assert_true(st_tables_view(&store) == NULL);
    }
    assert_true(atomic_load(&store.frozen_bytes) > 0);
    assert_int_equal(st_store_flush(&store, &error), STRATA_OK);
    assert_int_equal(st_tables_view(&store)->count, 1);
    assert_int_equal(atomic_load(&store.frozen_bytes), 0);
    sm_check(&model, &store);
    sm_check_files(s, &store);
    assert_int_equal(st_store_close(&store, &error), STRATA_OK);
    sm_free(&model);
    sim_free(s);
}

/* Nothing to flush makes no table, and the log is shortened by what a flush has taken. */
static void empty_flush(void **state) {
    (void)state;
    strata_error error;
    sim *s = sim_new(1);
    store_model model;
    st_store store;
    sm_init(&model, 6, 100);
    assert_int_equal(sm_open(s, &model, &store, STRATA_STRICT, &error), STRATA_OK);
    assert_int_equal(st_store_flush(&store, &error), STRATA_OK);
    assert_true(st_tables_view(&store) == NULL);
    assert_int_equal(sm_commit(s, &model, &store), STRATA_OK);
    assert_int_equal(st_store_flush(&store, &error), STRATA_OK);
    assert_int_equal(st_store_flush(&store, &error), STRATA_OK);
    assert_int_equal(st_tables_view(&store)->count, 1);
    assert_false(sim_exists(s, "db/WAL/wal-1.seg"));
    assert_int_equal(store.manifest.watermark, 1);
    assert_int_equal(st_store_close(&store, &error), STRATA_OK);
    assert_int_equal(sm_open(s, &model, &store, STRATA_STRICT, &error), STRATA_OK);
    sm_check(&model, &store);
    assert_int_equal(st_store_close(&store, &error), STRATA_OK);
    sm_free(&model);
    sim_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storage),     cmocka_unit_test(power),
        cmocka_unit_test(memory),      cmocka_unit_test(same_bytes),
        cmocka_unit_test(empty_flush), cmocka_unit_test(frozen_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
