/* test_memtable.c - versions: what each snapshot sees, in gets and in walks, against an oracle that
 * keeps every state as a list of keys; and that a staged write that is never linked is not there.
 */
#include "support.h"

#include "format/key.h"
#include "store/memtable/memtable.h"

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
    const st_write write = {.key = st_key_slice(&key),
                            .value = deletes ? st_slice("", 0) : strata_text(value),
                            .deletes = deletes,
                            .expires_us = version % 5 == 0 ? (int64_t)version * 1000 : 0};
    assert_int_equal(st_memtable_stage(table, &write, &staged), STRATA_OK);
    st_memtable_link(table, &staged, version, (int64_t)version * 10);
}

static void expect_revision(const st_revision *revision, unsigned number) {
    char value[16];
    (void)snprintf(value, sizeof value, "%u", number);
    assert_int_equal(revision->number, number);
    assert_int_equal(revision->timestamp_us, number * 10);
    assert_int_equal(revision->expires_us, number % 5 == 0 ? number * 1000 : ST_NEVER);
    assert_false(revision->deleted || revision->trimmed);
    test_bytes_equal(revision->value, strata_text(value), "value");
}

static bool find(const st_memtable *table, strata_slice key, uint64_t snapshot,
                 st_revision *revision) {
    const st_bound bound = st_bound_version(snapshot);
    return st_memtable_find(table, key, &bound, revision);
}

/* Walks the versions up to a snapshot and takes the first of each key. */
static void check_walk(const st_memtable *table, uint64_t snapshot) {
    static st_memtable_iter iter;
    unsigned seen = 0;
    st_memtable_iter_init(&iter, table);
    st_memtable_iter_seek(&iter, st_slice("", 0), UINT64_MAX);
    for (unsigned i = 0; i < KEYS; i++) {
        const st_key key = key_of(sorted[i]);
        st_memtable_iter_seek(&iter, st_key_slice(&key), snapshot);
        if (values[snapshot][sorted[i]] != 0) {
            st_revision revision;
            assert_non_null(iter.version);
            test_bytes_equal(st_leaf_key(iter.walk.leaf), st_key_slice(&key), "key");
            st_version_read(iter.version, &revision);
            expect_revision(&revision, values[snapshot][sorted[i]]);
            seen++;
        }
    }
    assert_true(snapshot < 50 || seen > 0);
}

/* Every version of every key once, in the order of a table; and the keys backwards. */
static void check_order(const st_memtable *table, uint64_t versions) {
    static st_memtable_iter iter;
    st_key before = {.len = 0};
    uint64_t number = 0;
    uint64_t entries = 0;
    st_memtable_iter_init(&iter, table);
    st_memtable_iter_seek(&iter, st_slice("", 0), UINT64_MAX);
    for (; iter.version != NULL; st_memtable_iter_next(&iter)) {
        const strata_slice key = st_leaf_key(iter.walk.leaf);
        const int order = st_slice_compare(st_key_slice(&before), key);
        assert_true(order < 0 || (order == 0 && iter.version->number < number));
        memcpy(before.bytes, key.data, key.len);
        before.len = key.len;
        number = iter.version->number;
        entries++;
    }
    assert_int_equal(entries, versions);
    uint64_t keys = 0;
    for (st_memtable_iter_seek_before(&iter, st_slice("\xff", 1)); iter.version != NULL; keys++) {
        const strata_slice key = st_leaf_key(iter.walk.leaf);
        assert_true(keys == 0 || st_slice_compare(key, st_key_slice(&before)) < 0);
        memcpy(before.bytes, key.data, key.len);
        before.len = key.len;
        assert_ptr_equal(iter.version, atomic_load(&((st_leaf *)iter.walk.leaf)->newest));
        st_memtable_iter_seek_before(&iter, st_key_slice(&before));
    }
    assert_int_equal(keys, atomic_load(&table->keys));
}

static void snapshots(void **state) {
    (void)state;
    st_memtable *table = st_memtable_create(test_allocator());
    uint64_t chance = 21;
    for (unsigned k = 0; k < KEYS; k++) {
        sorted[k] = k;
    }
    qsort(sorted, KEYS, sizeof sorted[0], compare_places);
    for (uint64_t version = 1; version <= COMMITS; version++) {
        commit(table, version, &chance);
        assert_int_equal(table->version_max, version);
    }
    assert_true(st_memtable_check(table));
    check_order(table, COMMITS);
    for (uint64_t snapshot = 0; snapshot <= COMMITS; snapshot += 7) {
        for (unsigned k = 0; k < KEYS; k++) {
            const st_key key = key_of(k);
            st_revision revision;
            const bool found = find(table, st_key_slice(&key), snapshot, &revision);
            if (values[snapshot][k] == 0) {
                assert_true(!found || revision.deleted);
            } else {
                assert_true(found);
                expect_revision(&revision, values[snapshot][k]);
            }
            /* The same moment by time: commit v was at 10 v. */
            const st_bound then = {UINT64_MAX, (int64_t)snapshot * 10 + 9, false, false};
            st_revision timed;
            assert_int_equal(st_memtable_find(table, st_key_slice(&key), &then, &timed), found);
            assert_true(!found || timed.number == revision.number);
        }
        check_walk(table, snapshot);
    }
    st_memtable_destroy(table);
    assert_int_equal(test_memory_blocks(), 0);
}

/* Whatever allocation of staging fails: nothing is to be seen, and the next commit works. */
static void staging_fails(void **state) {
    (void)state;
    enum { BIG = 100000 };
    static uint8_t big[BIG];
    for (size_t nth = 1; nth <= 3; nth++) {
        st_memtable *table = st_memtable_create(test_allocator());
        st_staged staged;
        st_revision revision;
        const st_key old = key_of(2);
        const st_key key = key_of(3);
        const st_write first = {.key = st_key_slice(&old), .value = strata_text("old")};
        assert_int_equal(st_memtable_stage(table, &first, &staged), STRATA_OK);
        st_memtable_link(table, &staged, 1, 1);
        const st_write writes[] = {{.key = st_key_slice(&key), .value = st_slice(big, BIG)},
                                   {.key = st_key_slice(&old), .value = st_slice(big, BIG)}};
        for (size_t i = 0; i < 2; i++) {
            test_memory_fail_at(nth);
            const strata_status status = st_memtable_stage(table, &writes[i], &staged);
            test_memory_fail_at(0);
            assert_true(status == STRATA_NO_MEMORY || nth > 1);
            assert_true(st_memtable_check(table));
            assert_int_equal(atomic_load(&table->keys), 1);
            assert_false(find(table, writes[0].key, UINT64_MAX, &revision));
            static st_memtable_iter iter;
            st_memtable_iter_init(&iter, table);
            st_memtable_iter_seek(&iter, st_slice("", 0), UINT64_MAX);
            test_bytes_equal(st_leaf_key(iter.walk.leaf), st_key_slice(&old), "key");
            st_version_read(iter.version, &revision);
            test_bytes_equal(revision.value, strata_text("old"), "value");
            st_memtable_iter_next(&iter);
            assert_null(iter.version);
        }
        assert_int_equal(st_memtable_stage(table, &writes[0], &staged), STRATA_OK);
        st_memtable_link(table, &staged, 2, 2);
        assert_true(find(table, writes[0].key, 2, &revision));
        assert_int_equal(revision.value.len, BIG);
        assert_int_equal(atomic_load(&table->keys), 2);
        st_memtable_destroy(table);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

/* The check finds what must not be: versions that do not go down along `older`, or time that goes
 * back. */
static void check_finds(void **state) {
    (void)state;
    static const struct {
        uint64_t version;
        int64_t time;
        bool good;
    } cases[] = {{2, 20, true}, {1, 10, false}, {0, 10, false}, {2, 9, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_memtable *table = st_memtable_create(test_allocator());
        st_staged staged;
        const st_key key = key_of(4);
        const st_write write = {.key = st_key_slice(&key), .value = strata_text("x")};
        assert_int_equal(st_memtable_stage(table, &write, &staged), STRATA_OK);
        st_memtable_link(table, &staged, 1, 10);
        assert_int_equal(st_memtable_stage(table, &write, &staged), STRATA_OK);
        st_memtable_link(table, &staged, cases[i].version, cases[i].time);
        assert_int_equal(st_memtable_check(table), cases[i].good);
        st_memtable_destroy(table);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots),
        cmocka_unit_test(staging_fails),
        cmocka_unit_test(check_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
