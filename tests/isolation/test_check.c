/* test_check.c - that the checker finds each anomaly in a history made by hand, and nothing in good
 * ones.
 *
 * A history is told line by line: `begin` a transaction, what it does, `commit` or `give_up`. Ticks
 * count up by themselves; `now` sets them where transactions are to overlap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"

static iso_history told;
static iso_report report;
static uint64_t ticks;
static uint32_t number;

/* ---- Telling --------------------------------------------------------------------------------- */

static int start(void **state) {
    (void)state;
    memset(&told, 0, sizeof told);
    told.keys = 8;
    ticks = 0;
    number = 0;
    return 0;
}

static int end(void **state) {
    (void)state;
    iso_history_free(&told);
    return 0;
}

static void now(uint64_t tick) {
    ticks = tick;
}

static void begin_as(iso_level level, bool single, uint64_t snapshot) {
    const iso_txn txn = {.thread = 1,
                         .number = number++,
                         .level = level,
                         .single = single,
                         .began = ++ticks,
                         .snapshot = snapshot};
    (void)iso_add_txn(&told, &txn);
}

static void begin(uint64_t snapshot) {
    begin_as(ISO_SERIALIZABLE, false, snapshot);
}

static void begin_snapshot(uint64_t snapshot) {
    begin_as(ISO_SNAPSHOT, false, snapshot);
}

static void single(void) {
    begin_as(ISO_SERIALIZABLE, true, ISO_UNKNOWN);
}

static void op(iso_op what) {
    what.at = ++ticks;
    (void)iso_add_op(&told, &what);
}

static void get(uint32_t key, uint64_t version, int64_t value) {
    op((iso_op){.kind = ISO_GET, .key = key, .found = true, .version = version, .value = value});
}

static void get_none(uint32_t key) {
    op((iso_op){.kind = ISO_GET, .key = key});
}

static void put(uint32_t key, int64_t value) {
    op((iso_op){.kind = ISO_PUT, .key = key, .value = value});
}

static void add(uint32_t key, int64_t by) {
    op((iso_op){.kind = ISO_ADD, .key = key, .value = by});
}

static void delete_key(uint32_t key, bool existed) {
    op((iso_op){.kind = ISO_DELETE, .key = key, .found = existed});
}

static void append(int64_t value) {
    op((iso_op){.kind = ISO_APPEND, .value = value});
}

/* A scan of [key, end) that found `count` of the items. */
static void scan(uint32_t key, uint32_t key_end, size_t count, const iso_item *items) {
    op((iso_op){.kind = ISO_SCAN, .key = key, .end = key_end});
    for (size_t i = 0; i < count; i++) {
        iso_add_item(&told, &items[i]);
    }
}

static iso_txn *last_txn(void) {
    return &told.txns[told.txn_count - 1];
}

static void commit(uint64_t version) {
    last_txn()->commits_at = ++ticks;
    last_txn()->committed = true;
    last_txn()->version = version;
    last_txn()->ended = ++ticks;
}

static void give_up(void) {
    last_txn()->commits_at = ++ticks;
    last_txn()->ended = ++ticks;
}

static void event(uint64_t sequence, uint64_t version, int64_t value) {
    iso_add_event(&told, &(iso_event){0, sequence, version, value});
}

/* One commit that puts the same value under two keys. */
static void put_both(uint64_t version, int64_t value) {
    begin(version - 1);
    put(0, value);
    put(1, value + 1);
    commit(version);
}

static void expect(iso_anomaly anomaly) {
    iso_check(&told, &report);
    if (report.findings[anomaly] == 0) {
        print_error("%s", report.text);
        fail_msg("not found: %s", iso_anomaly_names[anomaly]);
    }
    assert_true(report.text_len > 0);
}

/* This, and nothing else. */
static void expect_only(iso_anomaly anomaly) {
    expect(anomaly);
    if (report.findings[anomaly] != report.total) {
        print_error("%s", report.text);
        fail_msg("more than: %s", iso_anomaly_names[anomaly]);
    }
}

static void expect_nothing(void) {
    iso_check(&told, &report);
    if (report.total > 0) {
        print_error("%s", report.text);
        fail_msg("something was found in a good history");
    }
}

/* ---- Good histories -------------------------------------------------------------------------- */

static void a_good_history(void **state) {
    (void)state;
    put_both(1, 10);
    begin(1);
    get(0, 1, 10);
    put(0, 20);
    get(0, 0, 20);
    add(0, 5);
    get(0, 0, 25);
    delete_key(1, true);
    get_none(1);
    delete_key(1, false);
    append(100);
    scan(0, 4, 1, &(iso_item){0, 0, 25});
    commit(2);
    single();
    get(0, 2, 25);
    commit(0);
    single();
    scan(0, 4, 1, &(iso_item){0, 2, 25});
    commit(0);
    single();
    add(3, 7);
    commit(3);
    begin(3);
    op((iso_op){.kind = ISO_SAVEPOINT});
    put(2, 30);
    append(101);
    op((iso_op){.kind = ISO_ROLLBACK});
    get_none(2);
    commit(0);
    begin(3);
    add(3, 1);
    get(3, 0, 8);
    append(102);
    commit(4);
    begin(4);
    get(3, 4, 8);
    give_up();
    event(1, 2, 100);
    event(2, 4, 102);
    expect_nothing();
}

/* Two blind writes follow each other, at either level. */
static void blind_writes(void **state) {
    (void)state;
    begin_snapshot(0);
    put(0, 10);
    put(1, 11);
    commit(1);
    now(0);
    begin_snapshot(0);
    put(0, 20);
    put(1, 21);
    commit(2);
    now(0);
    begin(0);
    put(0, 30);
    commit(3);
    expect_nothing();
}

/* ---- Commits and events ---------------------------------------------------------------------- */

static void one_number_twice(void **state) {
    (void)state;
    put_both(1, 10);
    now(0);
    begin(0);
    put(3, 30);
    commit(1);
    expect_only(ISO_BAD_COMMIT);
}

static void a_commit_before_its_snapshot(void **state) {
    (void)state;
    put_both(1, 10);
    put_both(2, 20);
    now(0);
    begin(2);
    put(3, 30);
    commit(2);
    expect(ISO_BAD_COMMIT);
}

static void a_write_without_a_commit(void **state) {
    (void)state;
    begin(0);
    put(0, 10);
    commit(0);
    expect_only(ISO_BAD_COMMIT);
}

static void begin_events(void) {
    begin(0);
    append(10);
    append(11);
    commit(1);
    begin(1);
    append(20);
    give_up();
    begin(1);
    append(30);
    commit(2);
}

static void good_events(void **state) {
    (void)state;
    begin_events();
    event(1, 1, 10);
    event(2, 1, 11);
    event(3, 2, 30);
    expect_nothing();
}

static void bad_events(void **state) {
    static const iso_event logs[][4] = {
        {{0, 1, 1, 10}, {0, 2, 1, 11}},                               /* one is missing */
        {{0, 1, 1, 10}, {0, 2, 1, 11}, {0, 4, 2, 30}},                /* a gap */
        {{0, 1, 1, 10}, {0, 2, 1, 11}, {0, 3, 2, 20}},                /* of one that gave up */
        {{0, 1, 1, 11}, {0, 2, 1, 10}, {0, 3, 2, 30}},                /* out of order */
        {{0, 1, 1, 10}, {0, 2, 2, 11}, {0, 3, 2, 30}},                /* of another commit */
        {{0, 1, 1, 10}, {0, 2, 1, 11}, {0, 3, 2, 30}, {0, 4, 2, 30}}, /* twice */
    };
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        (void)end(state);
        (void)start(state);
        begin_events();
        for (size_t j = 0; j < 4 && logs[i][j].sequence > 0; j++) {
            iso_add_event(&told, &logs[i][j]);
        }
        expect_only(ISO_BAD_EVENTS);
    }
}

/* ---- Reads ----------------------------------------------------------------------------------- */

static void dirty_read(void **state) {
    (void)state;
    begin(0);
    put(0, 10);
    now(20);
    commit(1);
    now(5);
    begin(1);
    get(0, 1, 10);
    commit(0);
    expect(ISO_DIRTY_READ);
}

static void aborted_read(void **state) {
    (void)state;
    begin(0);
    put(0, 10);
    give_up();
    begin(1);
    get(0, 1, 10);
    commit(0);
    expect_only(ISO_ABORTED_READ);
}

static void rolled_back_read(void **state) {
    (void)state;
    begin(0);
    op((iso_op){.kind = ISO_SAVEPOINT});
    put(0, 10);
    op((iso_op){.kind = ISO_ROLLBACK});
    put(1, 11);
    commit(1);
    begin(1);
    get(0, 1, 10);
    commit(0);
    expect_only(ISO_INTERMEDIATE_READ);
}

static void intermediate_read(void **state) {
    (void)state;
    begin(0);
    put(0, 10);
    put(0, 11);
    commit(1);
    begin(1);
    get(0, 1, 10);
    commit(0);
    expect_only(ISO_INTERMEDIATE_READ);
}

static void invented_read(void **state) {
    (void)state;
    put_both(1, 10);
    begin(1);
    get(0, 1, 99);
    commit(0);
    expect_only(ISO_INVENTED_READ);
}

static void a_wrong_sum(void **state) {
    (void)state;
    single();
    add(0, 5);
    commit(1);
    single();
    add(0, 3);
    commit(2);
    single();
    get(0, 2, 3);
    commit(0);
    expect_only(ISO_INVENTED_READ);
}

static void own_writes(void **state) {
    (void)state;
    put_both(1, 10);
    begin(1);
    put(0, 20);
    get(0, 1, 10);
    commit(2);
    expect_only(ISO_OWN_WRITES);
}

static void own_writes_in_a_scan(void **state) {
    (void)state;
    put_both(1, 10);
    begin(1);
    delete_key(0, true);
    const iso_item items[] = {{0, 1, 10}, {1, 1, 11}};
    scan(0, 4, 2, items);
    commit(2);
    expect_only(ISO_OWN_WRITES);
}

static void non_repeatable_read(void **state) {
    (void)state;
    put_both(1, 10);
    put_both(2, 20);
    now(5);
    begin(1);
    get(0, 1, 10);
    now(100);
    get(0, 2, 20);
    commit(0);
    expect(ISO_NON_REPEATABLE_READ);
}

static void fractured_read(void **state) {
    (void)state;
    put_both(1, 10);
    put_both(2, 20);
    begin(2);
    get(0, 2, 20);
    get(1, 1, 11);
    commit(0);
    expect(ISO_FRACTURED_READ);
    assert_true(report.findings[ISO_G_SINGLE] > 0);
}

static void fractured_single_scan(void **state) {
    (void)state;
    put_both(1, 10);
    now(0);
    single();
    now(100);
    scan(0, 2, 1, &(iso_item){0, 1, 10});
    commit(0);
    expect(ISO_FRACTURED_READ);
}

static void phantom_between_scans(void **state) {
    (void)state;
    put_both(1, 10);
    now(0);
    begin(0);
    scan(0, 1, 0, NULL);
    now(100);
    scan(0, 1, 1, &(iso_item){0, 1, 10});
    commit(0);
    expect(ISO_PHANTOM);
}

static void a_scan_that_misses_a_key(void **state) {
    (void)state;
    put_both(1, 10);
    begin(1);
    scan(0, 2, 0, NULL);
    commit(0);
    expect_only(ISO_PHANTOM);
}

static void a_scan_out_of_order(void **state) {
    (void)state;
    put_both(1, 10);
    begin(1);
    const iso_item items[] = {{1, 1, 11}, {0, 1, 10}};
    scan(0, 2, 2, items);
    commit(0);
    expect(ISO_PHANTOM);
}

static void wrong_snapshot(void **state) {
    (void)state;
    put_both(1, 10);
    put_both(2, 20);
    begin(2);
    get(0, 1, 10);
    commit(0);
    expect_only(ISO_WRONG_SNAPSHOT);
}

static void stale_snapshot(void **state) {
    (void)state;
    put_both(1, 10);
    put_both(2, 20);
    begin(1);
    get(0, 1, 10);
    commit(0);
    expect_only(ISO_REAL_TIME);
}

static void stale_single_read(void **state) {
    (void)state;
    put_both(1, 10);
    put_both(2, 20);
    single();
    get(0, 1, 10);
    commit(0);
    expect(ISO_WRONG_SNAPSHOT);
}

/* ---- Writes ---------------------------------------------------------------------------------- */

static void lost_update(void **state) {
    (void)state;
    const iso_level levels[] = {ISO_SERIALIZABLE, ISO_SNAPSHOT};
    for (size_t i = 0; i < 4; i++) {
        (void)end(state);
        (void)start(state);
        put_both(1, 10);
        begin_as(levels[i % 2], false, 1);
        if (i < 2) {
            get(0, 1, 10);
        } else {
            scan(0, 1, 1, &(iso_item){0, 1, 10});
        }
        put(0, 20);
        now(50);
        commit(3);
        now(10);
        single();
        put(0, 30);
        commit(2);
        expect(ISO_LOST_UPDATE);
    }
}

/* An addition to what somebody else has changed loses nothing. */
static void an_addition(void **state) {
    (void)state;
    put_both(1, 10);
    begin(1);
    add(0, 1);
    now(50);
    commit(3);
    now(10);
    single();
    put(0, 30);
    commit(2);
    now(60);
    single();
    get(0, 3, 31);
    commit(0);
    expect_nothing();
}

/* ---- Cycles ---------------------------------------------------------------------------------- */

static void circular_information_flow(void **state) {
    (void)state;
    begin(0);
    put(0, 10);
    get(1, 2, 20);
    now(0);
    commit(1);
    now(0);
    begin(1);
    put(1, 20);
    get(0, 1, 10);
    commit(2);
    expect(ISO_G1C);
}

/* Both read both keys; each writes one. */
static void tell_skew(iso_level first, iso_level second) {
    put_both(1, 10);
    begin_as(first, false, 1);
    get(0, 1, 10);
    get(1, 1, 11);
    put(0, 20);
    now(50);
    commit(2);
    now(10);
    begin_as(second, false, 1);
    get(0, 1, 10);
    get(1, 1, 11);
    put(1, 30);
    now(50);
    commit(3);
}

static void write_skew(void **state) {
    (void)state;
    tell_skew(ISO_SERIALIZABLE, ISO_SERIALIZABLE);
    expect_only(ISO_WRITE_SKEW);
}

static void write_skew_is_allowed_to_snapshots(void **state) {
    (void)state;
    tell_skew(ISO_SNAPSHOT, ISO_SNAPSHOT);
    expect_nothing();
    assert_int_equal(report.skews_allowed, 1);
}

/* The serializable one comes before the other, whose read of the past is its own affair. */
static void write_skew_of_two_levels(void **state) {
    (void)state;
    tell_skew(ISO_SNAPSHOT, ISO_SERIALIZABLE);
    expect_nothing();
    assert_int_equal(report.skews_allowed, 1);
}

static void phantom_skew(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        now(0);
        begin(0);
        scan(0, 4, 0, NULL);
        put(i, 10 + i);
        now(50);
        commit(1 + i);
    }
    expect_only(ISO_G2);
}

static void a_ring_of_three(void **state) {
    (void)state;
    begin(0);
    put(0, 10);
    put(1, 11);
    put(2, 12);
    commit(1);
    for (uint32_t i = 0; i < 3; i++) {
        now(10);
        begin(1);
        get(i, 1, 10 + i);
        put((i + 1) % 3, 20 + i);
        now(50);
        commit(2 + i);
    }
    expect_only(ISO_G2_ITEM);
}

static void long_fork(void **state) {
    (void)state;
    put_both(1, 10);
    for (uint32_t i = 0; i < 2; i++) {
        now(10);
        begin(1);
        put(i, 20 + i);
        commit(2 + i);
    }
    /* One sees the first write and not the second, the other the second and not the first. */
    now(10);
    begin(2);
    get(0, 2, 20);
    get(1, 1, 11);
    now(50);
    commit(0);
    now(10);
    begin(3);
    get(0, 1, 10);
    get(1, 3, 21);
    now(50);
    commit(0);
    expect(ISO_LONG_FORK);
}

/* A snapshot transaction whose reads are of two moments is in a cycle, too. */
static void snapshot_of_two_moments(void **state) {
    (void)state;
    put_both(1, 10);
    put_both(2, 20);
    begin_snapshot(2);
    get(0, 2, 20);
    get(1, 1, 11);
    put(3, 30);
    commit(3);
    expect(ISO_G_SINGLE);
    assert_true(report.findings[ISO_FRACTURED_READ] > 0);
}

#define TOLD(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TOLD(a_good_history),
        TOLD(blind_writes),
        TOLD(one_number_twice),
        TOLD(a_commit_before_its_snapshot),
        TOLD(a_write_without_a_commit),
        TOLD(good_events),
        TOLD(bad_events),
        TOLD(dirty_read),
        TOLD(aborted_read),
        TOLD(rolled_back_read),
        TOLD(intermediate_read),
        TOLD(invented_read),
        TOLD(a_wrong_sum),
        TOLD(own_writes),
        TOLD(own_writes_in_a_scan),
        TOLD(non_repeatable_read),
        TOLD(fractured_read),
        TOLD(fractured_single_scan),
        TOLD(phantom_between_scans),
        TOLD(a_scan_that_misses_a_key),
        TOLD(a_scan_out_of_order),
        TOLD(wrong_snapshot),
        TOLD(stale_snapshot),
        TOLD(stale_single_read),
        TOLD(lost_update),
        TOLD(an_addition),
        TOLD(circular_information_flow),
        TOLD(write_skew),
        TOLD(write_skew_is_allowed_to_snapshots),
        TOLD(write_skew_of_two_levels),
        TOLD(phantom_skew),
        TOLD(a_ring_of_three),
        TOLD(long_fork),
        TOLD(snapshot_of_two_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
