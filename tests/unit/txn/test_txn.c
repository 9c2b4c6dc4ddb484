/* test_txn.c - what a transaction shows while it lasts, and what it leaves.
 *
 * By chance: puts, deletes, savepoints and going back, beside commits of others, flushes and merges
 * that trim; after each step gets and scans are compared with a model of snapshot and own writes, and
 * in the end the store with the model or with what it was. Then one by one: a snapshot that is held
 * keeps what it sees, time-outs, read-only, allocations that fail.
 */
#include "format/key.h"
#include "txn/txn_private.h"
#include "txn_support.h"

enum { KEYS = 10, STEPS = 60, ROUNDS = 60, SAVEPOINTS = 4 };

/* Values are numbers; 0: there is none. */
typedef struct world {
    uint32_t values[KEYS];
} world;

typedef struct life {
    txn_bench bench;
    uint64_t chance;
    uint32_t next_value;
    world stored; /* as readers without a transaction see it */
    world seen;   /* as the transaction does */
    uint64_t savepoints[SAVEPOINTS];
    world at_savepoint[SAVEPOINTS];
    size_t marked;
    bool written[KEYS]; /* by the transaction, in the end */
} life;

static const char *name_of(size_t key) {
    static char names[KEYS][4];
    (void)snprintf(names[key], sizeof names[key], "k%zu", key);
    return names[key];
}

static const char *text_of(uint32_t value) {
    static char texts[8][16];
    static size_t next;
    char *text = texts[next++ % 8];
    (void)snprintf(text, 16, "v%u", value);
    return value == 0 ? NULL : text;
}

static void compare_get(life *l, st_txn *txn) {
    const size_t key = (size_t)test_random_below(&l->chance, KEYS);
    const char *got = txn_get(&l->bench, txn, name_of(key));
    const char *expected = text_of(l->seen.values[key]);
    if (expected == NULL) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, expected);
    }
}

static void compare_scan(life *l, st_txn *txn) {
    const size_t low = (size_t)test_random_below(&l->chance, KEYS);
    const size_t high = low + (size_t)test_random_below(&l->chance, KEYS - low);
    const bool reverse = test_random_below(&l->chance, 2) == 0;
    char expected[1024];
    size_t len = 0;
    expected[0] = '\0';
    for (size_t i = 0; i < high - low; i++) {
        const size_t key = reverse ? high - 1 - i : low + i;
        if (l->seen.values[key] > 0) {
            len += (size_t)snprintf(expected + len, sizeof expected - len, "%s=%s ", name_of(key),
                                    text_of(l->seen.values[key]));
        }
    }
    assert_string_equal(txn_scan(&l->bench, txn, name_of(low), name_of(high), reverse, SIZE_MAX),
                        expected);
}

/* Commits of others; the transaction sees nothing of them. */
static void others(life *l) {
    const size_t key = (size_t)test_random_below(&l->chance, KEYS);
    const uint32_t value = test_random_below(&l->chance, 3) == 0 ? 0 : ++l->next_value;
    st_compact_result result;
    (void)store_put(&l->bench.store, 1, name_of(key), text_of(value));
    l->stored.values[key] = value;
    switch (test_random_below(&l->chance, 4)) {
    case 0:
        assert_int_equal(st_store_flush(&l->bench.store, &l->bench.error), STRATA_OK);
        break;
    case 1:
        assert_int_equal(st_store_compact(&l->bench.store, true, &result, &l->bench.error),
                         STRATA_OK);
        break;
    default:
        break;
    }
}

static void step(life *l, st_txn *txn) {
    const size_t key = (size_t)test_random_below(&l->chance, KEYS);
    const uint64_t die = test_random_below(&l->chance, 100);
    if (die < 40) {
        const uint32_t value = die < 12 ? 0 : ++l->next_value;
        assert_int_equal(txn_put(&l->bench, txn, name_of(key), text_of(value)), STRATA_OK);
        l->seen.values[key] = value;
    } else if (die < 50 && l->marked < SAVEPOINTS) {
        l->savepoints[l->marked] = st_txn_savepoint(txn);
        l->at_savepoint[l->marked++] = l->seen;
    } else if (die < 60 && l->marked > 0) {
        const size_t at = (size_t)test_random_below(&l->chance, l->marked);
        assert_int_equal(st_txn_rollback_to(txn, l->savepoints[at], &l->bench.error), STRATA_OK);
        l->seen = l->at_savepoint[at];
        l->marked = at + 1;
    } else if (die < 70) {
        others(l);
    } else if (die < 85) {
        compare_scan(l, txn);
    } else {
        compare_get(l, txn);
    }
}

/* What readers without a transaction see. */
static void compare_store(life *l) {
    for (size_t key = 0; key < KEYS; key++) {
        const char *got = store_get(&l->bench.store, 1, name_of(key));
        const char *expected = text_of(l->stored.values[key]);
        assert_int_equal(got == NULL, expected == NULL);
        if (got != NULL) {
            assert_string_equal(got, expected);
        }
    }
}

/* The keys whose newest own write is still there are what a commit puts. */
static void note_written(life *l, const st_txn *txn) {
    for (size_t key = 0; key < KEYS; key++) {
        st_key stored;
        st_txn_write own;
        st_key_text(&stored, ST_TAG_KV, strata_text(name_of(key)));
        l->written[key] = st_txn_find(txn, st_key_slice(&stored), &own);
    }
}

static st_policy keep_one(void *ctx, uint64_t run, uint8_t tag) {
    (void)ctx;
    (void)run;
    (void)tag;
    return (st_policy){ST_KEEP_LAST, 1, 0};
}

static void live(uint64_t seed) {
    const st_retention retention = {NULL, keep_one};
    life l = {.chance = seed};
    replay_hint("TXN_SEED=%u build/tests/unit/txn/test_txn", (unsigned)seed);
    bench_begin(&l.bench);
    st_store_set_retention(&l.bench.store, &retention);
    for (unsigned i = 0; i < 12; i++) {
        others(&l);
    }
    for (unsigned round = 0; round < 4; round++) {
        const bool blind = round == 3; /* at this level reads do not matter */
        st_txn *txn = txn_begin(&l.bench, blind ? ST_SNAPSHOT : ST_SERIALIZABLE);
        l.seen = l.stored;
        l.marked = 0;
        for (unsigned i = 0; i < STEPS; i++) {
            step(&l, txn);
        }
        note_written(&l, txn);
        if (round == 0 || !st_txn_writes(txn)) {
            st_txn_destroy(txn);
        } else {
            const strata_status status = txn_commit(&l.bench, txn);
            assert_true(status == STRATA_OK || status == STRATA_CONFLICT);
            for (size_t key = 0; key < KEYS && status == STRATA_OK; key++) {
                l.stored.values[key] = l.written[key] ? l.seen.values[key] : l.stored.values[key];
            }
        }
        compare_store(&l);
    }
    bench_end(&l.bench);
    replay_hint(NULL);
}

static void random_lives(void **state) {
    (void)state;
    const uint64_t only = env_number("TXN_SEED", 0);
    for (uint64_t seed = only > 0 ? only : 1; seed <= (only > 0 ? only : ROUNDS); seed++) {
        live(seed);
    }
}

/* ---- One by one ------------------------------------------------------------------------------ */

/* Merges keep what a held snapshot sees, and what comes after it is trimmed when it is let go. */
static void a_held_snapshot(void **state) {
    (void)state;
    const st_retention retention = {NULL, keep_one};
    st_compact_result result;
    txn_bench b;
    bench_begin(&b);
    st_store_set_retention(&b.store, &retention);
    (void)store_put(&b.store, 1, "a", "1");
    st_txn *txn = txn_begin(&b, ST_SERIALIZABLE);
    for (unsigned i = 0; i < 5; i++) {
        (void)store_put(&b.store, 1, "a", "2");
        (void)store_put(&b.store, 1, "b", "2");
        assert_int_equal(st_store_compact(&b.store, true, &result, &b.error), STRATA_OK);
        assert_string_equal(txn_get(&b, txn, "a"), "1");
        assert_string_equal(txn_scan(&b, txn, "a", "z", false, SIZE_MAX), "a=1 ");
    }
    assert_int_equal(st_snapshot_oldest(&b.store), st_txn_snapshot(txn));
    st_txn_destroy(txn);
    assert_int_equal(st_snapshot_oldest(&b.store), UINT64_MAX);
    assert_int_equal(st_store_compact(&b.store, true, &result, &b.error), STRATA_OK);
    assert_true(result.versions_removed > 0);
    assert_string_equal(store_get(&b.store, 1, "a"), "2");
    bench_end(&b);
}

static void time_out(void **state) {
    (void)state;
    txn_bench b;
    st_txn *txn = NULL;
    bench_begin(&b);
    const st_txn_spec spec = {.isolation = ST_SERIALIZABLE, .timeout_ns = 5000000};
    assert_int_equal(st_txn_begin(&b.store, b.shard, &spec, &txn, &b.error), STRATA_OK);
    b.machine->monotonic_ns += 5000000;
    assert_int_equal(st_txn_check(txn, &b.error), STRATA_OK);
    b.machine->monotonic_ns += 1;
    assert_int_equal(st_txn_check(txn, &b.error), STRATA_TIMEOUT);
    assert_int_equal(error_number(&b.error, "timeout_ms"), 5);
    st_txn_destroy(txn);
    bench_end(&b);
}

/* It notes nothing, writes nothing, and never conflicts. */
static void read_only(void **state) {
    (void)state;
    txn_bench b;
    st_txn *txn = NULL;
    st_txn_info info;
    bench_begin(&b);
    (void)store_put(&b.store, 1, "a", "1");
    const st_txn_spec spec = {.read_only = true};
    assert_int_equal(st_txn_begin(&b.store, b.shard, &spec, &txn, &b.error), STRATA_OK);
    (void)store_put(&b.store, 1, "a", "2");
    assert_string_equal(txn_get(&b, txn, "a"), "1");
    assert_string_equal(txn_scan(&b, txn, "a", "z", true, SIZE_MAX), "a=1 ");
    assert_int_equal(txn_put(&b, txn, "a", "3"), STRATA_FORBIDDEN);
    assert_false(st_txn_writes(txn));
    st_txn_read_info(txn, &info);
    assert_int_equal(info.keys_read + info.ranges_read + info.writes, 0);
    assert_true(info.read_only);
    st_txn_destroy(txn);
    bench_end(&b);
}

static void counts(void **state) {
    (void)state;
    txn_bench b;
    st_txn_info info;
    bench_begin(&b);
    (void)store_put(&b.store, 1, "a", "1");
    st_txn *txn = txn_begin(&b, ST_SNAPSHOT);
    assert_string_equal(txn_get(&b, txn, "a"), "1");
    assert_string_equal(txn_get(&b, txn, "a"), "1");
    assert_null(txn_get(&b, txn, "b"));
    (void)txn_scan(&b, txn, "a", "z", false, 1);
    assert_int_equal(txn_put(&b, txn, "c", "1"), STRATA_OK);
    const uint64_t mark = st_txn_savepoint(txn);
    assert_int_equal(txn_put(&b, txn, "c", "2"), STRATA_OK);
    assert_int_equal(st_txn_rollback_to(txn, mark, &b.error), STRATA_OK);
    assert_int_equal(st_txn_rollback_to(txn, mark + 1, &b.error), STRATA_INVALID_ARGUMENT);
    st_txn_read_info(txn, &info);
    assert_int_equal(info.keys_read, 2);
    assert_int_equal(info.ranges_read, 1);
    assert_int_equal(info.writes, 1);
    assert_int_equal(info.snapshot, 1);
    assert_int_equal(info.isolation, ST_SNAPSHOT);
    assert_int_equal(txn_commit(&b, txn), STRATA_OK);
    assert_string_equal(store_get(&b.store, 1, "c"), "1");
    bench_end(&b);
}

/* One that has ended is begun again: nothing of its first life shows, and no memory is taken. */
static void begun_again(void **state) {
    (void)state;
    const st_txn_spec write = {.isolation = ST_SERIALIZABLE};
    const st_txn_spec read = {.read_only = true};
    st_txn_info info;
    txn_bench b;
    bench_begin(&b);
    (void)store_put(&b.store, 1, "a", "1");
    st_txn *txn = txn_begin(&b, ST_SNAPSHOT);
    for (unsigned turn = 0; turn < 3; turn++) {
        assert_string_equal(txn_get(&b, txn, "a"), "1");
        assert_string_equal(txn_scan(&b, txn, "a", "z", false, SIZE_MAX), "a=1 ");
        for (size_t key = 0; key < KEYS; key++) {
            assert_int_equal(txn_put(&b, txn, name_of(key), "mine"), STRATA_OK);
        }
        st_txn_end(txn);
        assert_int_equal(st_txn_begin_again(txn, b.shard, &write), STRATA_OK);
        st_txn_read_info(txn, &info);
        assert_int_equal(info.keys_read + info.ranges_read + info.writes, 0);
        assert_int_equal(info.isolation, ST_SERIALIZABLE);
        assert_false(st_txn_writes(txn));
    }
    sim_fail_memory(b.machine, 1);
    for (size_t key = 0; key < KEYS; key++) {
        assert_int_equal(txn_put(&b, txn, name_of(key), "mine"), STRATA_OK);
    }
    st_txn_end(txn);
    assert_int_equal(st_txn_begin_again(txn, b.shard, &read), STRATA_OK);
    assert_false(b.machine->memory_failed);
    sim_heal(b.machine);
    (void)store_put(&b.store, 1, "a", "2");
    assert_string_equal(txn_scan(&b, txn, "a", "z", false, SIZE_MAX), "a=1 ");
    st_txn_end(txn);
    assert_int_equal(st_txn_begin_again(txn, b.shard, &write), STRATA_OK);
    assert_string_equal(txn_scan(&b, txn, "a", "z", false, SIZE_MAX), "a=2 ");
    assert_int_equal(txn_put(&b, txn, "b", "3"), STRATA_OK);
    assert_int_equal(txn_commit(&b, txn), STRATA_OK);
    assert_string_equal(store_get(&b.store, 1, "b"), "3");
    assert_null(store_get(&b.store, 1, "k0"));
    bench_end(&b);
}

/* What is large is not kept. */
static void keeps_little(void **state) {
    (void)state;
    static char value[1 << 12];
    txn_bench b;
    bench_begin(&b);
    st_txn *txn = txn_begin(&b, ST_SERIALIZABLE);
    memset(value, 'v', sizeof value - 1);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(txn_put(&b, txn, name_of(i % KEYS), value), STRATA_OK);
    }
    assert_true(txn->own->arena.reserved > sizeof value * 500);
    st_txn_end(txn);
    assert_true(txn->own == NULL || txn->own->arena.reserved <= 1 << 18);
    st_txn_destroy(txn);
    bench_end(&b);
}

/* A key put again and again is one write of one commit. */
static void each_key_once(void **state) {
    (void)state;
    txn_bench b;
    bench_begin(&b);
    st_txn *txn = txn_begin(&b, ST_SERIALIZABLE);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(txn_put(&b, txn, name_of(i % KEYS), i == 99 ? NULL : text_of(i + 1)),
                         STRATA_OK);
    }
    assert_int_equal(txn_commit(&b, txn), STRATA_OK);
    assert_int_equal(b.store.wal.version, 1);
    for (size_t key = 0; key < KEYS; key++) {
        const char *got = store_get(&b.store, 1, name_of(key));
        if (key == KEYS - 1) {
            assert_null(got);
        } else {
            assert_string_equal(got, text_of(90 + (uint32_t)key + 1));
        }
    }
    bench_end(&b);
}

/* Every allocation of a put, a read and the commit fails once: no_memory, and the transaction is as
 * it was. */
static strata_status whole_life(txn_bench *b, st_txn **out, bool *committed) {
    const st_txn_spec spec = {.isolation = ST_SERIALIZABLE};
    *out = NULL;
    *committed = false;
    ST_TRY(st_txn_begin(&b->store, b->shard, &spec, out, &b->error));
    for (unsigned i = 0; i < 40; i++) {
        ST_TRY(txn_put(b, *out, name_of(i % KEYS), text_of(i + 1)));
    }
    const strata_status status = txn_commit(b, *out);
    *out = NULL;
    *committed = status == STRATA_OK;
    return status;
}

static void no_memory(void **state) {
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        txn_bench b;
        st_txn *txn;
        bool committed;
        bench_begin(&b);
        (void)store_put(&b.store, 1, "k0", "before");
        sim_fail_memory(b.machine, nth);
        const strata_status status = whole_life(&b, &txn, &committed);
        const bool failed = b.machine->memory_failed;
        st_txn_destroy(txn);
        sim_heal(b.machine);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        assert_string_equal(store_get(&b.store, 1, "k0"), committed ? text_of(31) : "before");
        assert_int_equal(st_snapshot_oldest(&b.store), UINT64_MAX);
        if (failed) {
            assert_int_equal(whole_life(&b, &txn, &committed), STRATA_OK);
        }
        bench_end(&b);
        if (!failed) {
            assert_true(nth > 5);
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives), cmocka_unit_test(a_held_snapshot),
        cmocka_unit_test(time_out),     cmocka_unit_test(read_only),
        cmocka_unit_test(counts),       cmocka_unit_test(begun_again),
        cmocka_unit_test(keeps_little), cmocka_unit_test(each_key_once),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
