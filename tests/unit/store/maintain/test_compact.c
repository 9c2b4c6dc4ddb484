/* test_compact.c - that merging tables changes nothing but where things lie.
 *
 * Each call of the storage during merges and their installation fails in each way, the power goes
 * at each, and allocations fail (store_script.h): every answer stays as it was, and no file is left
 * over. A store of many tables comes to have several levels, each within its limit, and a table that
 * overlaps nothing only moves. What a reader holds is not taken away under it. Equal entries, in a
 * table and replayed from the log, count once.
 */
#include "store/maintain/compact.h"

#include "store_script.h"

static const char program[] = "build/tests/unit/store/maintain/test_compact";

static const store_script scripts[] = {
    {.program = program,
     .name = "levels",
     .steps = "6c f 6c f 6c f 6c f 4m 6c f r 2m 3c",
     .seed = 3,
     .value_bytes = 300,
     .durability = STRATA_STRICT},
    {.program = program,
     .name = "full",
     .steps = "9c f 9c f M 6c f M 3c r m",
     .seed = 4,
     .value_bytes = 300,
     .durability = STRATA_BUFFERED},
    {.program = program,
     .name = "trims",
     .steps = "8c f 8c f M 8c f 2m 6c f r M 3c",
     .seed = 12,
     .value_bytes = 100,
     .durability = STRATA_STRICT,
     .policy = {ST_KEEP_LAST, 1, 0}},
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
        script_fail_memory(&scripts[i], 150);
    }
}

static void same_bytes(void **state) {
    (void)state;
    static const store_script large = {.program = program,
                                       .name = "large",
                                       .steps = "200c 20m 200c 20m M 100c",
                                       .seed = 7,
                                       .value_bytes = 2500,
                                       .durability = STRATA_STRICT};
    for (size_t i = 0; i < SCRIPTS; i++) {
        script_compare_files(&scripts[i]);
    }
    script_compare_files(&large);
}

/* ---- Levels ---------------------------------------------------------------------------------- */

typedef struct bench {
    sim *machine;
    store_model model;
    st_store store;
    strata_error error;
} bench;

static void bench_begin(bench *b, uint64_t seed, size_t value_bytes) {
    memset(b, 0, sizeof *b);
    b->machine = sim_new(seed);
    sm_init(&b->model, seed, value_bytes);
    assert_int_equal(sm_open(b->machine, &b->model, &b->store, STRATA_STRICT, &b->error),
                     STRATA_OK);
}

static void bench_reopen(bench *b) {
    assert_int_equal(st_store_close(&b->store, &b->error), STRATA_OK);
    assert_int_equal(sm_open(b->machine, &b->model, &b->store, STRATA_STRICT, &b->error),
                     STRATA_OK);
    sm_check_files(b->machine, &b->store);
}

static void bench_end(bench *b) {
    assert_int_equal(st_store_close(&b->store, &b->error), STRATA_OK);
    sm_verify(b->machine);
    sm_free(&b->model);
    sim_free(b->machine);
}

static void commit_some(bench *b, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(sm_commit(b->machine, &b->model, &b->store), STRATA_OK);
    }
}

static void flush(bench *b) {
    assert_int_equal(st_store_flush(&b->store, &b->error), STRATA_OK);
}

static void merge_all_due(bench *b) {
    bool more = true;
    while (more) {
        assert_int_equal(st_maintenance_step(&b->store, &more, &b->error), STRATA_OK);
    }
}

static size_t tables_in(const bench *b, unsigned level) {
    const st_view *view = st_tables_view(&b->store);
    return view == NULL ? 0 : view->levels[level].count;
}

static void many_levels(void **state) {
    (void)state;
    bench b;
    bench_begin(&b, 8, 3000);
    for (unsigned round = 0; round < 40; round++) {
        commit_some(&b, 30);
        merge_all_due(&b);
        assert_true(tables_in(&b, 0) < 4);
        assert_true(st_view_check(st_tables_view(&b.store)));
    }
    assert_true(tables_in(&b, 1) > 0 && tables_in(&b, 2) > 0);
    sm_check(&b.model, &b.store);
    bench_reopen(&b);
    sm_check(&b.model, &b.store);
    st_compact_result result;
    assert_int_equal(st_store_compact(&b.store, true, &result, &b.error), STRATA_OK);
    assert_int_equal(result.versions_removed, 0);
    unsigned levels = 0;
    for (unsigned i = 0; i < ST_LEVELS; i++) {
        levels += tables_in(&b, i) > 0;
    }
    assert_int_equal(levels, 1);
    sm_check_files(b.machine, &b.store);
    sm_check(&b.model, &b.store);
    bench_end(&b);
}

/* A compaction that goes on over several steps, with commits and flushes in between. */
static void beside_commits(void **state) {
    (void)state;
    bench b;
    bench_begin(&b, 9, 3000);
    commit_some(&b, 300); /* flushes come by themselves; nobody merges */
    unsigned steps = 0;
    bool more = true;
    while (more) {
        assert_int_equal(st_maintenance_step(&b.store, &more, &b.error), STRATA_OK);
        if (++steps < 20) {
            commit_some(&b, 3);
            if (steps % 4 == 0) {
                flush(&b);
            }
        }
        sm_check(&b.model, &b.store);
    }
    assert_true(steps > 2);
    bench_end(&b);
}

/* ---- Readers --------------------------------------------------------------------------------- */

/* A scan that stands in tables goes on in them when they have been merged away: their files are
 * removed when it leaves. */
static void under_a_reader(void **state) {
    (void)state;
    bench b;
    sm_scan scans[SM_RUNS];
    uint64_t chance = 1;
    bench_begin(&b, 10, 300);
    for (unsigned round = 0; round < 3; round++) {
        commit_some(&b, 20);
        flush(&b);
    }
    st_bound bound = st_bound_version(b.model.last);
    bound.past = true;
    for (size_t run = 1; run <= SM_RUNS; run++) {
        sm_scan_begin(&scans[run - 1], &b.model, &b.store, run, &bound, &chance);
    }
    char name[ST_FILE_NAME_MAX + 8];
    const st_table *held = st_tables_view(&b.store)->levels[0].tables[0];
    st_table_name(name, sizeof name, "db", st_table_about(held)->number);
    commit_some(&b, 20);
    st_compact_result result;
    assert_int_equal(st_store_compact(&b.store, true, &result, &b.error), STRATA_OK);
    assert_int_equal(tables_in(&b, 0), 0);
    assert_true(sim_exists(b.machine, name));
    commit_some(&b, 20);
    flush(&b);
    for (size_t run = 1; run <= SM_RUNS; run++) {
        while (sm_scan_step(&scans[run - 1])) {
        }
        assert_true(sim_exists(b.machine, name));
        sm_scan_end(&scans[run - 1]);
    }
    st_epoch_reclaim(&b.store.epoch);
    assert_false(sim_exists(b.machine, name));
    sm_check_files(b.machine, &b.store);
    bench_end(&b);
}

/* What cannot be read is named, and everything stays where it was. */
static void damaged_input(void **state) {
    (void)state;
    bench b;
    char name[ST_FILE_NAME_MAX + 8];
    st_compact_result result;
    bench_begin(&b, 12, 300);
    for (unsigned round = 0; round < 3; round++) {
        commit_some(&b, 20);
        flush(&b);
    }
    const st_table *damaged = st_tables_view(&b.store)->levels[0].tables[1];
    st_table_name(name, sizeof name, "db", st_table_about(damaged)->number);
    sim_flip(b.machine, name, 60, 3);
    assert_int_equal(st_store_compact(&b.store, true, &result, &b.error), STRATA_CORRUPT);
    assert_string_equal(error_text(&b.error, "file"), name + 3);
    assert_int_equal(error_number(&b.error, "offset"), 40);
    assert_int_equal(tables_in(&b, 0), 3);
    sim_flip(b.machine, name, 60, 3);
    assert_int_equal(st_store_compact(&b.store, true, &result, &b.error), STRATA_OK);
    sm_check(&b.model, &b.store);
    sm_check_files(b.machine, &b.store);
    bench_end(&b);
}

/* ---- Equal entries --------------------------------------------------------------------------- */

/* Commits that were made while a flush froze one run after the other are in the table and in the log
 * behind the watermark: after a crash they are in a memtable too. Made here by a manifest with an
 * older watermark and the log of then. */
static void replayed_and_merged(void **state) {
    (void)state;
    bench b;
    sim *old = sim_new(1);
    bench_begin(&b, 11, 300);
    commit_some(&b, 30);
    sim_clone(old, b.machine);
    flush(&b);
    const st_manifest flushed = b.store.manifest;
    sim_cut_power(b.machine, 1);
    (void)st_store_close(&b.store, &b.error);
    sim_restart(b.machine, SIM_KILL, 0);
    /* The log as it was, and the table. */
    const strata_slice log = sim_copy(old, "db/WAL/wal-1.seg", false);
    sim_put(b.machine, "db/WAL/wal-1.seg", log);
    sim_release(log);
    sim_drop(b.machine, "db/WAL/wal-2.seg");
    st_manifest manifest = flushed;
    manifest.watermark = 0;
    manifest.wal_first = 1;
    manifest.whole_segment = 0;
    manifest.whole_end = 0;
    manifest.whole_version = 0;
    strata_buffer files = {NULL, 0, 0, &b.machine->host};
    st_manifest there;
    assert_int_equal(st_manifest_read(&b.machine->host, "db", &there, &files, &b.error), STRATA_OK);
    assert_int_equal(st_manifest_write(&b.machine->host, "db", &manifest,
                                       (const st_live_file *)(const void *)files.data, &b.error),
                     STRATA_OK);
    strata_buffer_free(&files);
    assert_int_equal(sm_open(b.machine, &b.model, &b.store, STRATA_STRICT, &b.error), STRATA_OK);
    assert_int_equal(b.store.wal.version, b.model.last);
    assert_int_equal(tables_in(&b, 0), 1);
    sm_check(&b.model, &b.store);
    commit_some(&b, 10);
    flush(&b);
    assert_int_equal(tables_in(&b, 0), 2);
    sm_check(&b.model, &b.store);
    uint64_t entries = 0;
    for (size_t i = 0; i < 2; i++) {
        entries += st_table_about(st_tables_view(&b.store)->levels[0].tables[i])->entries;
    }
    st_compact_result result;
    assert_int_equal(st_store_compact(&b.store, true, &result, &b.error), STRATA_OK);
    assert_int_equal(tables_in(&b, 1), 1);
    assert_true(st_table_about(st_tables_view(&b.store)->levels[1].tables[0])->entries < entries);
    sm_check(&b.model, &b.store);
    bench_end(&b);
    sim_free(old);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_levels),
        cmocka_unit_test(beside_commits),
        cmocka_unit_test(damaged_input),
        cmocka_unit_test(under_a_reader),
        cmocka_unit_test(replayed_and_merged),
        cmocka_unit_test(same_bytes),
        cmocka_unit_test(storage),
        cmocka_unit_test(power),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
