/* test_memtable.c - versions: what each snapshot sees, in gets and in scans, against an oracle that
 * keeps every state as a list of keys; and that a staged write that is never linked is not there.
 */
#include "support.h"

#include "format/key.h"
#include "store/memtable.h"

enum { KEYS = 40, COMMITS = 400 };

/* values[v][k]: the number that key k holds after commit v; 0: none. */
static unsigned values[COMMITS + 1][KEYS];

static st_key key_of(unsigned k) {
    char text[32];
    st_key key;
    (void)snprintf(text, sizeof text, "%.*s%u", (int)(k % 7), "abcdefg", k);
    st_key_text(&key, ST_TAG_KV, strata_text(text));
    return key;
}

/* Keys in the order of their bytes. */
static unsigned sorted[KEYS];

static int compare_places(const void *a, const void *b) {
    const st_key left = key_of(*(const unsigned *)a);
    const st_key right = key_of(*(const unsigned *)b);
    return st_slice_compare(st_key_slice(&left), st_key_slice(&right));
}

static void commit(st_memtable *table, uint64_t version, uint64_t *chance) {
    const unsigned k = (unsigned)test_random_below(chance, KEYS);
    const st_key key = key_of(k);
    char value[16];
    st_staged staged;
    memcpy(values[version], values[version - 1], sizeof values[0]);
    const bool deletes = test_random_below(chance, 3) == 0;
    values[version][k] = deletes ? 0 : (unsigned)version;
    (void)snprintf(value, sizeof value, "%u", (unsigned)version);
    const st_write write = {st_key_slice(&key), deletes ? st_slice("", 0) : strata_text(value),
                            deletes};
    assert_int_equal(st_memtable_stage(table, &write, &staged), STRATA_OK);
    st_memtable_link(table, &staged, version, (int64_t)version * 10);
    st_memtable_publish(table, version);
}

static void expect_version(const st_version *version, unsigned number) {
    char value[16];
    assert_non_null(version);
    (void)snprintf(value, sizeof value, "%u", number);
    assert_int_equal(version->number, number);
    assert_int_equal(version->timestamp_us, number * 10);
    test_bytes_equal(st_version_value(version), strata_text(value), "value");
}

/* low, high: places in `sorted`; high KEYS: no upper bound. */
static void check_scan(const st_memtable *table, uint64_t snapshot, unsigned low, unsigned high,
                       bool reverse) {
    static st_scan scan;
    static const uint8_t above[] = {ST_TAG_KV + 1};
    const st_key from = key_of(sorted[low]);
    const st_key to = key_of(sorted[high < KEYS ? high : 0]);
    const strata_slice end = high < KEYS ? st_key_slice(&to)
                             : reverse   ? st_slice(above, 1)
                                         : st_slice(NULL, 0);
    st_scan_start(&scan, table, st_key_slice(&from), end, snapshot, reverse);
    for (unsigned i = 0; i < high - low; i++) {
        const unsigned k = sorted[reverse ? high - 1 - i : low + i];
        if (values[snapshot][k] != 0) {
            const st_key key = key_of(k);
            test_bytes_equal(scan.key, st_key_slice(&key), "scanned key");
            expect_version(scan.version, values[snapshot][k]);
            st_scan_next(&scan);
        }
    }
    assert_null(scan.version);
}

static void snapshots(void **state) {
    (void)state;
    st_memtable table;
    uint64_t chance = 21;
    for (unsigned k = 0; k < KEYS; k++) {
        sorted[k] = k;
    }
    qsort(sorted, KEYS, sizeof sorted[0], compare_places);
    st_memtable_init(&table, 1, test_allocator());
    for (uint64_t version = 1; version <= COMMITS; version++) {
        commit(&table, version, &chance);
        assert_int_equal(st_memtable_snapshot(&table), version);
    }
    assert_true(st_memtable_check(&table));
    for (uint64_t snapshot = 0; snapshot <= COMMITS; snapshot += 7) {
        for (unsigned k = 0; k < KEYS; k++) {
            const st_key key = key_of(k);
            const st_version *live = st_memtable_live(&table, st_key_slice(&key), snapshot);
            if (values[snapshot][k] == 0) {
                assert_null(live);
                const st_version *any = st_memtable_get(&table, st_key_slice(&key), snapshot);
                assert_true(any == NULL || any->deleted);
            } else {
                expect_version(live, values[snapshot][k]);
            }
        }
        for (int i = 0; i < 20; i++) {
            const unsigned low = (unsigned)test_random_below(&chance, KEYS);
            const unsigned high = low + (unsigned)test_random_below(&chance, KEYS - low + 1);
            check_scan(&table, snapshot, low, high, false);
            check_scan(&table, snapshot, low, high, true);
        }
    }
    st_memtable_free(&table);
    assert_int_equal(test_memory_blocks(), 0);
}

/* Versions above the snapshot are there and not seen; publishing never goes back. */
static void linked_and_not_published(void **state) {
    (void)state;
    st_memtable table;
    st_staged staged;
    st_scan scan;
    const st_key key = key_of(1);
    const st_write write = {st_key_slice(&key), strata_text("later"), false};
    st_memtable_init(&table, 1, test_allocator());
    assert_int_equal(st_memtable_stage(&table, &write, &staged), STRATA_OK);
    st_memtable_link(&table, &staged, 9, 1);
    assert_null(st_memtable_live(&table, write.key, st_memtable_snapshot(&table)));
    st_scan_start(&scan, &table, st_slice("", 0), st_slice(NULL, 0), 8, false);
    assert_null(scan.version);
    assert_non_null(st_memtable_live(&table, write.key, UINT64_MAX));
    st_memtable_publish(&table, 9);
    st_memtable_publish(&table, 4);
    assert_int_equal(st_memtable_snapshot(&table), 9);
    assert_non_null(st_memtable_live(&table, write.key, st_memtable_snapshot(&table)));
    st_memtable_free(&table);
}

/* Whatever allocation of staging fails: nothing is to be seen, and the next commit works. */
static void staging_fails(void **state) {
    (void)state;
    enum { BIG = 100000 };
    static uint8_t big[BIG];
    for (size_t nth = 1; nth <= 3; nth++) {
        st_memtable table;
        st_staged staged;
        st_scan scan;
        const st_key old = key_of(2);
        const st_key key = key_of(3);
        st_memtable_init(&table, 1, test_allocator());
        const st_write first = {st_key_slice(&old), strata_text("old"), false};
        assert_int_equal(st_memtable_stage(&table, &first, &staged), STRATA_OK);
        st_memtable_link(&table, &staged, 1, 1);
        st_memtable_publish(&table, 1);
        const st_write writes[] = {{st_key_slice(&key), st_slice(big, BIG), false},
                                   {st_key_slice(&old), st_slice(big, BIG), false}};
        for (size_t i = 0; i < 2; i++) {
            test_memory_fail_at(nth);
            const strata_status status = st_memtable_stage(&table, &writes[i], &staged);
            test_memory_fail_at(0);
            assert_true(status == STRATA_NO_MEMORY || nth > 1);
            assert_true(st_memtable_check(&table));
            assert_int_equal(atomic_load(&table.keys), 1);
            assert_null(st_memtable_get(&table, writes[0].key, UINT64_MAX));
            st_scan_start(&scan, &table, st_slice("", 0), st_slice(NULL, 0), UINT64_MAX, false);
            test_bytes_equal(scan.key, st_key_slice(&old), "key");
            test_bytes_equal(st_version_value(scan.version), strata_text("old"), "value");
            st_scan_next(&scan);
            assert_null(scan.version);
        }
        assert_int_equal(st_memtable_stage(&table, &writes[0], &staged), STRATA_OK);
        st_memtable_link(&table, &staged, 2, 2);
        st_memtable_publish(&table, 2);
        assert_int_equal(st_memtable_live(&table, writes[0].key, 2)->len, BIG);
        assert_int_equal(atomic_load(&table.keys), 2);
        st_memtable_free(&table);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

/* The check finds what must not be: versions that go up along `older`, or time that goes back. */
static void check_finds(void **state) {
    (void)state;
    static const struct {
        uint64_t version;
        int64_t time;
        bool good;
    } cases[] = {{2, 20, true}, {1, 10, true}, {0, 10, false}, {2, 9, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_memtable table;
        st_staged staged;
        const st_key key = key_of(4);
        const st_write write = {st_key_slice(&key), strata_text("x"), false};
        st_memtable_init(&table, 1, test_allocator());
        assert_int_equal(st_memtable_stage(&table, &write, &staged), STRATA_OK);
        st_memtable_link(&table, &staged, 1, 10);
        assert_int_equal(st_memtable_stage(&table, &write, &staged), STRATA_OK);
        st_memtable_link(&table, &staged, cases[i].version, cases[i].time);
        assert_int_equal(st_memtable_check(&table), cases[i].good);
        st_memtable_free(&table);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots),
        cmocka_unit_test(linked_and_not_published),
        cmocka_unit_test(staging_fails),
        cmocka_unit_test(check_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
