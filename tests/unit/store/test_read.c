/* test_read.c - that a store shows what was committed, wherever it lies by now.
 *
 * A long life by chance: commits of puts, deletes and times to live to several runs, flushes,
 * merges begun and finished, everything merged, the store closed and opened again. All the while
 * points, scans in both directions and histories, at versions and times drawn by chance, are
 * compared with a model that keeps every version (store_model.h). Scans that stand open see none of
 * it: they end as they began. The same with each retention: what it promises is there, the rest is
 * there or history_trimmed, and never another answer.
 * Flushes and merges in the middle of a read: they happen inside each memory allocation that the
 * read makes.
 *
 * Replay one life: READ_SEED=n build/tests/unit/store/test_read
 */
#include "store_model.h"

enum { STEPS = 700, LIVES = 12, OPEN_SCANS = 3 };

typedef struct life {
    sim *machine;
    st_store store;
    store_model model;
    uint64_t chance;
    sm_scan scans[OPEN_SCANS];
    bool open[OPEN_SCANS];
    uint64_t flushes;
    uint64_t compactions;
} life;

static void reopen(life *l, bool killed) {
    strata_error error;
    l->flushes += l->store.maintenance->flushes;
    l->compactions += l->store.maintenance->compactions;
    for (size_t i = 0; i < OPEN_SCANS; i++) {
        if (l->open[i]) {
            sm_scan_end(&l->scans[i]);
            l->open[i] = false;
        }
    }
    if (killed) {
        sim_cut_power(l->machine, 1);
    }
    const strata_status status = st_store_close(&l->store, &error);
    assert_true(killed || status == STRATA_OK);
    if (killed) {
        sim_restart(l->machine, SIM_KILL, 0);
    }
    if (sm_open(l->machine, &l->model, &l->store, STRATA_STRICT, &error) != STRATA_OK) {
        fail_msg("open: %s", error.message);
    }
    assert_int_equal(l->store.wal.version, l->model.last);
    sm_check_files(l->machine, &l->store);
}

static void move_scan(life *l) {
    const size_t at = (size_t)test_random_below(&l->chance, OPEN_SCANS);
    sm_scan *scan = &l->scans[at];
    if (!l->open[at]) {
        /* Of now, without times to live: the clock goes on under it. */
        st_bound bound = st_bound_version(l->model.last);
        bound.past = true;
        l->open[at] = true;
        sm_scan_begin(scan, &l->model, &l->store,
                      1 + (size_t)test_random_below(&l->chance, SM_RUNS), &bound, &l->chance);
    } else if (!sm_scan_step(scan)) {
        sm_scan_end(scan);
        l->open[at] = false;
    }
}

static void live_one_step(life *l) {
    const uint64_t die = test_random_below(&l->chance, 1000);
    st_compact_result result;
    strata_error error;
    bool more;
    if (die < 600) {
        assert_int_equal(sm_commit(l->machine, &l->model, &l->store), STRATA_OK);
    } else if (die < 620) {
        assert_int_equal(st_store_flush(&l->store, &error), STRATA_OK);
    } else if (die < 625) {
        assert_int_equal(st_store_compact(&l->store, die % 2 == 0, &result, &error), STRATA_OK);
    } else if (die < 700) {
        assert_int_equal(st_maintenance_step(&l->store, &more, &error), STRATA_OK);
    } else if (die < 710) {
        reopen(l, die % 2 == 0);
    } else if (die < 850) {
        move_scan(l);
    } else {
        sm_probe(&l->model, &l->store, &l->chance, 2);
    }
}

static void live(uint64_t seed, st_policy policy) {
    life *l = calloc(1, sizeof *l);
    strata_error error;
    assert_non_null(l);
    replay_hint("READ_SEED=%llu build/tests/unit/store/test_read", (unsigned long long)seed);
    l->machine = sim_new(seed);
    l->chance = seed;
    sm_init(&l->model, seed, seed % 3 == 0 ? 3000 : 300);
    l->model.policy = policy;
    assert_int_equal(sm_open(l->machine, &l->model, &l->store, STRATA_STRICT, &error), STRATA_OK);
    for (unsigned step = 0; step < STEPS; step++) {
        live_one_step(l);
    }
    sm_check(&l->model, &l->store);
    reopen(l, false);
    sm_check(&l->model, &l->store);
    assert_int_equal(st_store_close(&l->store, &error), STRATA_OK);
    sm_verify(l->machine);
    assert_true(l->flushes > 2 && l->compactions > 0);
    sm_free(&l->model);
    sim_free(l->machine);
    free(l);
    replay_hint(NULL);
}

/* Seeds from `first` on; those of other tests are not this one's. */
static void lives(uint64_t first, st_policy policy) {
    const uint64_t only = env_number("READ_SEED", 0);
    for (uint64_t seed = first; seed < first + LIVES; seed++) {
        if (only == 0 || only == seed) {
            live(seed, policy);
        }
    }
}

static void everything_kept(void **state) {
    (void)state;
    lives(1, (st_policy){ST_KEEP_ALL, 0, 0});
}

static void one_version_kept(void **state) {
    (void)state;
    lives(1000, (st_policy){ST_KEEP_LAST, 1, 0});
}

static void three_versions_kept(void **state) {
    (void)state;
    lives(2000, (st_policy){ST_KEEP_LAST, 3, 0});
}

static void kept_for_a_while(void **state) {
    (void)state;
    lives(3000, (st_policy){ST_KEEP_FOR, 0, 60000});
}

/* ---- In the middle of a read ----------------------------------------------------------------- */

/* An allocator that flushes and merges inside its n-th call. */
typedef struct meddler {
    st_store *store;
    uint64_t left; /* calls until it does */
    bool merges;
    bool done;
} meddler;

static void *meddle(void *ctx, void *old, size_t old_size, size_t new_size) {
    meddler *m = ctx;
    const strata_allocator *memory = &m->store->host->memory;
    if (new_size > 0 && m->left > 0 && --m->left == 0) {
        st_compact_result result;
        strata_error error;
        m->done = true;
        assert_int_equal(st_store_compact(m->store, m->merges, &result, &error), STRATA_OK);
    }
    return memory->resize(memory->ctx, old, old_size, new_size);
}

/* Everything in the run, as the scan finds it; the meddler acts while it begins and goes on. */
static void scan_meddled(const store_model *model, st_store *store, meddler *m, bool reverse) {
    static const uint8_t low[] = {ST_TAG_KV};
    static const uint8_t high[] = {ST_TAG_EVENT + 1};
    const strata_allocator memory = {m, meddle};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), reverse};
    const st_bound bound = st_bound_version(UINT64_MAX);
    const st_shard *shard = st_shards_find(&store->shards, 1);
    st_scan *scan = malloc(sizeof *scan);
    store_reading reading;
    size_t expected = 0;
    size_t count = 0;
    assert_non_null(scan);
    for (size_t key = 0; key < SM_KEYS; key++) {
        expected += sm_is_live(model, sm_find(model, 1, key, &bound), &bound);
    }
    store_reading_begin(&reading, store);
    reading.arena.allocator = &memory;
    assert_int_equal(st_scan_start(scan, &reading.reader, shard, &range, &bound), STRATA_OK);
    while (scan->here) {
        count++;
        assert_int_equal(st_scan_next(scan), STRATA_OK);
    }
    assert_int_equal(count, expected);
    store_reading_end(&reading);
    free(scan);
}

/* Called before each call of the storage: no table can be made. */
static void refuse_tables(void *arg, uint32_t kind, const char *name) {
    if (kind == SIM_OPEN && strstr(name, "/DATA/") != NULL) {
        sim_fail(arg, SIM_CREATE, 1, STRATA_IO, true);
    }
}

/* A scan looks at the memtables and at the tables at two moments; what goes from the ones to the
 * others in between must be found in one of them. */
static void flushed_while_a_scan_begins(void **state) {
    (void)state;
    strata_error error;
    for (unsigned variant = 0; variant < 8; variant++) {
        sim *s = sim_new(variant + 1);
        store_model model;
        st_store store;
        meddler m = {&store, 0, variant % 2 == 1, true};
        sm_init(&model, variant + 1, 100);
        assert_int_equal(sm_open(s, &model, &store, STRATA_STRICT, &error), STRATA_OK);
        for (uint64_t nth = 1; m.done; nth++) {
            for (unsigned i = 0; i < 30; i++) {
                assert_int_equal(sm_commit(s, &model, &store), STRATA_OK);
            }
            if (variant % 4 >= 2) { /* what is frozen waits behind an empty memtable */
                s->hook = refuse_tables;
                s->hook_arg = s;
                assert_int_equal(st_store_flush(&store, &error), STRATA_IO);
                s->hook = NULL;
                sim_heal(s);
            }
            m.left = nth;
            m.done = false;
            scan_meddled(&model, &store, &m, variant >= 4);
        }
        sm_check(&model, &store);
        assert_int_equal(st_store_close(&store, &error), STRATA_OK);
        sm_free(&model);
        sim_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_kept),
        cmocka_unit_test(one_version_kept),
        cmocka_unit_test(three_versions_kept),
        cmocka_unit_test(kept_for_a_while),
        cmocka_unit_test(flushed_while_a_scan_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
