/* test_validate.c - what a transaction has read, what others have written since, and whether that is
 * a conflict: at both levels, with what others wrote in a memtable, in a table, or in both.
 */
#include "format/key.h"
#include "txn_support.h"

/* The store holds a=0, c=0, e=0, g=0. reads and writes: of the transaction, in steps:
 *   "ga" gets a         "sbf" scans [b, f)   "rbf" the same in reverse
 *   "1bf" scans [b, f) and stops at the first key, "9bf" in reverse
 *   "pa" puts a         "da" deletes a
 * others: what is committed by others meanwhile, in the same notation. */
static const struct {
    const char *does;
    const char *others;
    bool serializable; /* whether it conflicts */
    bool snapshot;
} cases[] = {
    {"ga px", "pa", true, false},
    {"ga pa", "pa", true, true},
    {"ga pa", "da", true, true},
    {"ga pa", "pc", false, false},
    {"pa", "pa", false, false}, /* blind: the last one wins */
    {"da", "da", false, false},
    {"pa ga", "pa", false, false}, /* its own write was read */
    {"ga", "pa", false, false},    /* wrote nothing: nothing to commit */
    {"gb px", "pb", true, false},  /* was not there, and is */
    {"gb pb", "pb", true, true},
    {"gb px", "pbb", false, false},
    /* Ranges. */
    {"sbf px", "pd", true, false}, /* a phantom */
    {"sbf px", "dc", true, false},
    {"sbf px", "pe", true, false},
    {"sbf px", "pa", false, false},
    {"sbf px", "pb", true, false},  /* the low end is inside, */
    {"sbf px", "pf", false, false}, /* the high one is not */
    {"rbf px", "pd", true, false},
    {"rbf px", "pf", false, false},
    {"sbf pc", "pc", true, true}, /* what a scan has read and the transaction wrote */
    {"rbf pc", "dc", true, true},
    {"sbf pd", "pd", true, true},
    {"sbf pc", "pe", true, false},
    {"sbf pa", "pa", false, false},
    /* A scan that stops has read as far as it went. */
    {"1bf px", "pc", true, false},
    {"1bf px", "pb", true, false},
    {"1bf px", "pd", false, false},
    {"1bf px", "pe", false, false},
    {"9bf px", "pe", true, false},
    {"9bf px", "pee", true, false},
    {"9bf px", "pd", false, false},
    {"9bf px", "pc", false, false},
    {"1bf pe", "pe", false, false},
    /* The other end of nothing. */
    {"shz px", "pg", false, false},
    {"shz px", "py", true, false},
};

static void do_steps(txn_bench *b, st_txn *txn, const char *steps) {
    char one[16];
    while (sscanf(steps, "%15s", one) == 1) {
        const char low[] = {one[1], '\0'};
        const char high[] = {one[2], '\0'};
        const bool reverse = one[0] == 'r' || one[0] == '9';
        switch (one[0]) {
        case 'g':
            (void)txn_get(b, txn, one + 1);
            break;
        case 'p':
        case 'd':
            assert_int_equal(txn_put(b, txn, one + 1, one[0] == 'p' ? "mine" : NULL), STRATA_OK);
            break;
        default:
            (void)txn_scan(b, txn, low, high, reverse,
                           one[0] == '1' || one[0] == '9' ? 1 : SIZE_MAX);
            break;
        }
        steps += strlen(one);
        steps += *steps == ' ';
    }
}

static void flush(txn_bench *b) {
    assert_int_equal(st_store_flush(&b->store, &b->error), STRATA_OK);
}

/* places: 1: the beginning is in a table, 2: what others wrote is, 4: and then more is committed. */
static void try_case(size_t at, st_isolation isolation, unsigned places) {
    txn_bench b;
    bench_begin(&b);
    for (const char *key = "aceg"; *key != '\0'; key++) {
        const char text[] = {*key, '\0'};
        (void)store_put(&b.store, 1, text, "0");
    }
    if ((places & 1) != 0) {
        flush(&b);
    }
    st_txn *txn = txn_begin(&b, isolation);
    do_steps(&b, txn, cases[at].does);
    (void)store_put(&b.store, 1, cases[at].others + 1, cases[at].others[0] == 'p' ? "1" : NULL);
    if ((places & 2) != 0) {
        flush(&b);
    }
    if ((places & 4) != 0) {
        (void)store_put(&b.store, 1, "zz", "1");
    }
    if (!st_txn_writes(txn)) {
        st_txn_destroy(txn);
    } else {
        const bool expected =
            isolation == ST_SERIALIZABLE ? cases[at].serializable : cases[at].snapshot;
        const strata_status status = txn_commit(&b, txn);
        if (status != (expected ? STRATA_CONFLICT : STRATA_OK)) {
            fail_msg("%s beside %s, %s, %u: %s", cases[at].does, cases[at].others,
                     isolation == ST_SERIALIZABLE ? "serializable" : "snapshot", places,
                     strata_status_name(status));
        }
        if (expected) {
            assert_string_equal(error_text(&b.error, "key"), cases[at].others + 1);
        }
    }
    bench_end(&b);
}

static void table_of_cases(void **state) {
    (void)state;
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        for (unsigned places = 0; places < 8; places++) {
            try_case(at, ST_SERIALIZABLE, places);
            try_case(at, ST_SNAPSHOT, places);
        }
    }
}

/* An increment or an event that was not read changes nothing that the transaction depends on. */
static void rules(void **state) {
    (void)state;
    for (unsigned isolation = 0; isolation < 2; isolation++) {
        txn_bench b;
        bench_begin(&b);
        (void)store_put(&b.store, 1, "a", "0");
        st_txn *txn = txn_begin(&b, isolation == 0 ? ST_SERIALIZABLE : ST_SNAPSHOT);
        st_key key;
        st_key_text(&key, ST_TAG_KV, strata_text("a"));
        const st_txn_write write = {.write = {.key = st_key_slice(&key), .value = strata_text("1")},
                                    .rule = 1,
                                    .operand = strata_text("1")};
        assert_int_equal(st_txn_put(txn, &write, &b.error), STRATA_OK);
        (void)store_put(&b.store, 1, "a", "2");
        assert_int_equal(txn_commit(&b, txn), STRATA_OK);
        /* But once it has read what it would be: */
        txn = txn_begin(&b, isolation == 0 ? ST_SERIALIZABLE : ST_SNAPSHOT);
        assert_int_equal(st_txn_put(txn, &write, &b.error), STRATA_OK);
        assert_string_equal(txn_get(&b, txn, "a"), "1");
        (void)store_put(&b.store, 1, "a", "3");
        assert_int_equal(txn_commit(&b, txn), STRATA_CONFLICT);
        bench_end(&b);
    }
}

/* Reads that were not there when it was rolled back are still reads. */
static void reads_outlive_a_rollback(void **state) {
    (void)state;
    txn_bench b;
    bench_begin(&b);
    st_txn *txn = txn_begin(&b, ST_SERIALIZABLE);
    const uint64_t mark = st_txn_savepoint(txn);
    assert_null(txn_get(&b, txn, "a"));
    assert_int_equal(txn_put(&b, txn, "b", "1"), STRATA_OK);
    assert_int_equal(st_txn_rollback_to(txn, mark, &b.error), STRATA_OK);
    assert_int_equal(txn_put(&b, txn, "c", "1"), STRATA_OK);
    (void)store_put(&b.store, 1, "a", "1");
    assert_int_equal(txn_commit(&b, txn), STRATA_CONFLICT);
    assert_null(store_get(&b.store, 1, "b"));
    assert_null(store_get(&b.store, 1, "c"));
    bench_end(&b);
}

/* A key that was read as its own write, and whose write was rolled back, was read anew. */
static void read_again_after_a_rollback(void **state) {
    (void)state;
    txn_bench b;
    bench_begin(&b);
    (void)store_put(&b.store, 1, "a", "0");
    st_txn *txn = txn_begin(&b, ST_SERIALIZABLE);
    const uint64_t mark = st_txn_savepoint(txn);
    assert_int_equal(txn_put(&b, txn, "a", "1"), STRATA_OK);
    assert_string_equal(txn_get(&b, txn, "a"), "1");
    assert_int_equal(st_txn_rollback_to(txn, mark, &b.error), STRATA_OK);
    assert_string_equal(txn_get(&b, txn, "a"), "0");
    assert_int_equal(txn_put(&b, txn, "b", "1"), STRATA_OK);
    (void)store_put(&b.store, 1, "a", "2");
    assert_int_equal(txn_commit(&b, txn), STRATA_CONFLICT);
    bench_end(&b);
}

/* Notes are asked for once somebody else has committed: under serializable all of them, under snapshot
 * isolation those of what was also written. */
static void notes(void **state) {
    (void)state;
    static const struct {
        st_isolation isolation;
        bool wrote;
        bool others;
        strata_status status;
    } table[] = {
        {ST_SERIALIZABLE, false, true, STRATA_CONFLICT},
        {ST_SERIALIZABLE, true, true, STRATA_CONFLICT},
        {ST_SNAPSHOT, false, true, STRATA_OK},
        {ST_SNAPSHOT, true, true, STRATA_CONFLICT},
        {ST_SERIALIZABLE, true, false, STRATA_OK},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        txn_bench b;
        bench_begin(&b);
        st_txn *txn = txn_begin(&b, table[i].isolation);
        assert_int_equal(st_txn_note(txn, strata_text("first"), false, &b.error), STRATA_OK);
        assert_int_equal(st_txn_note(txn, strata_text("part"), table[i].wrote, &b.error),
                         STRATA_OK);
        assert_int_equal(st_txn_note(txn, strata_text("part"), false, &b.error), STRATA_OK);
        assert_int_equal(txn_put(&b, txn, "x", "1"), STRATA_OK);
        if (table[i].others) {
            st_txn *other = txn_begin(&b, ST_SERIALIZABLE);
            assert_int_equal(txn_put(&b, other, "y", "1"), STRATA_OK);
            assert_int_equal(txn_commit(&b, other), STRATA_OK);
        }
        b.changed = "part";
        assert_int_equal(txn_commit(&b, txn), table[i].status);
        bench_end(&b);
    }
}

/* What the rules add at the end is in the commit, too. */
static void added_writes(void **state) {
    (void)state;
    txn_bench b;
    bench_begin(&b);
    b.adds = "more";
    st_txn *txn = txn_begin(&b, ST_SERIALIZABLE);
    assert_int_equal(txn_put(&b, txn, "x", "1"), STRATA_OK);
    assert_int_equal(txn_commit(&b, txn), STRATA_OK);
    txn = txn_begin(&b, ST_SERIALIZABLE);
    assert_string_equal(txn_get(&b, txn, "more"), "added");
    assert_string_equal(txn_get(&b, txn, "x"), "1");
    st_txn_destroy(txn);
    bench_end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_cases),
        cmocka_unit_test(rules),
        cmocka_unit_test(reads_outlive_a_rollback),
        cmocka_unit_test(read_again_after_a_rollback),
        cmocka_unit_test(notes),
        cmocka_unit_test(added_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
