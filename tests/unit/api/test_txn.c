/* test_txn.c - transactions of a handle through the C functions: what joins them, what ends them, the
 * helper that tries again, and scans.
 *
 * The machine has a clock that notes how long it was asked to sleep, and a chance that is known, so
 * the pauses between tries are exact.
 */
#include "store_support.h"

enum { SLEEPS_MAX = 16 };

static struct {
    uint64_t sleeps[SLEEPS_MAX];
    size_t count;
} slept;

static void sleep_us(void *ctx, uint64_t duration_us) {
    (void)ctx;
    assert_true(slept.count < SLEEPS_MAX);
    slept.sleeps[slept.count++] = duration_us;
}

static strata_db *open_sleeping(sim *s) {
    memset(&slept, 0, sizeof slept);
    s->host.clock.sleep_us = sleep_us;
    return db_open(s, STRATA_STRICT);
}

static int64_t value_of(strata_db *db, const char *key) {
    strata_entry entry;
    const strata_status status = strata_kv_get(db, STRATA_RUN_DEFAULT, strata_text(key), &entry);
    assert_true(status == STRATA_OK || status == STRATA_NOT_FOUND);
    return status == STRATA_OK ? entry.value.as.integer : -1;
}

static void put(strata_db *db, const char *key, int64_t value) {
    assert_int_equal(
        strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text(key), strata_int(value), NULL),
        STRATA_OK);
}

/* ---- Trying again ---------------------------------------------------------------------------- */

typedef struct attempt {
    strata_db *other;
    unsigned conflicts; /* tries in which somebody else interferes */
    unsigned tries;
    strata_status result;
} attempt;

static strata_status count_up(strata_db *db, void *arg) {
    attempt *a = arg;
    const int64_t value = value_of(db, "n");
    a->tries++;
    if (a->tries <= a->conflicts) {
        put(a->other, "n", 100 * (int64_t)a->tries);
    }
    if (a->result != STRATA_OK) {
        return a->result;
    }
    put(db, "n", value + 1);
    return STRATA_OK;
}

static void tries_again_after_a_conflict(void **state) {
    (void)state;
    for (unsigned conflicts = 0; conflicts <= 3; conflicts++) {
        sim *s = sim_new(1);
        strata_db *db = open_sleeping(s);
        attempt a = {.conflicts = conflicts};
        uint64_t version = 0;
        assert_int_equal(strata_attach(db, &a.other), STRATA_OK);
        put(db, "n", 0);
        const strata_status status =
            strata_transact(db, STRATA_RUN_DEFAULT, NULL, count_up, &a, &version);
        assert_int_equal(status, conflicts < 3 ? STRATA_OK : STRATA_CONFLICT);
        assert_int_equal(a.tries, conflicts < 3 ? conflicts + 1 : 3);
        assert_int_equal(value_of(db, "n"), conflicts < 3 ? 100 * (int64_t)conflicts + 1 : 300);
        if (conflicts < 3) {
            assert_int_equal(version, db_version(db));
        }
        /* 10 ms, then 20, of each at least half and less than all; none after the last try. */
        assert_int_equal(slept.count, conflicts < 3 ? conflicts : 2);
        for (size_t i = 0; i < slept.count; i++) {
            const uint64_t most = UINT64_C(10000) << i;
            assert_in_range(slept.sleeps[i], most / 2, most - 1);
        }
        put(db, "after", 1); /* the handle is in no transaction any more */
        assert_int_equal(value_of(a.other, "after"), 1);
        db_close(a.other);
        db_close(db);
        sim_free(s);
    }
}

/* What is not a conflict is not tried again, and leaves nothing. */
static void gives_up_at_once(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = open_sleeping(s);
    attempt a = {.other = NULL, .result = STRATA_NOT_FOUND};
    put(db, "n", 5);
    const uint64_t before = db_version(db);
    assert_int_equal(strata_transact(db, STRATA_RUN_DEFAULT, NULL, count_up, &a, NULL),
                     STRATA_NOT_FOUND);
    assert_int_equal(a.tries, 1);
    assert_int_equal(slept.count, 0);
    assert_int_equal(db_version(db), before);
    assert_int_equal(strata_txn_commit(db, NULL), STRATA_NOT_FOUND);
    db_close(db);
    sim_free(s);
}

/* Without a clock that can sleep it is tried again at once. */
static void a_host_that_cannot_sleep(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    attempt a = {.conflicts = 2};
    assert_int_equal(strata_attach(db, &a.other), STRATA_OK);
    put(db, "n", 0);
    assert_int_equal(strata_transact(db, STRATA_RUN_DEFAULT, NULL, count_up, &a, NULL), STRATA_OK);
    assert_int_equal(a.tries, 3);
    assert_int_equal(value_of(db, "n"), 201);
    db_close(a.other);
    db_close(db);
    sim_free(s);
}

/* ---- Scans ----------------------------------------------------------------------------------- */

typedef struct listed {
    char text[256];
    size_t left; /* keys until it has seen enough */
} listed;

static bool list(void *arg, strata_slice key, const strata_entry *entry) {
    listed *l = arg;
    const size_t len = strlen(l->text);
    (void)snprintf(l->text + len, sizeof l->text - len, "%.*s=%lld%s ", (int)key.len,
                   (const char *)key.data, (long long)entry->value.as.integer,
                   entry->version == 0 ? "!" : "");
    return --l->left > 0;
}

static void expect_scan(strata_db *db, const strata_range *range, size_t most,
                        const char *expected) {
    listed l = {.left = most};
    assert_int_equal(strata_kv_scan(db, STRATA_RUN_DEFAULT, range, list, &l), STRATA_OK);
    assert_string_equal(l.text, expected);
}

static void scans(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_BUFFERED);
    static const char *const names[] = {"a", "aa", "ab", "b", "ba", "c"};
    for (size_t i = 0; i < 6; i++) {
        put(db, names[i], (int64_t)i);
    }
    strata_range range = STRATA_RANGE_INIT;
    expect_scan(db, NULL, SIZE_MAX, "a=0 aa=1 ab=2 b=3 ba=4 c=5 ");
    range.reverse = true;
    expect_scan(db, &range, SIZE_MAX, "c=5 ba=4 b=3 ab=2 aa=1 a=0 ");
    expect_scan(db, &range, 2, "c=5 ba=4 ");
    range.prefix = strata_text("a");
    expect_scan(db, &range, SIZE_MAX, "ab=2 aa=1 a=0 ");
    range.reverse = false;
    range.start = strata_text("aa");
    expect_scan(db, &range, SIZE_MAX, "aa=1 ab=2 ");
    range.prefix = st_slice(NULL, 0);
    range.end = strata_text("ba");
    expect_scan(db, &range, SIZE_MAX, "aa=1 ab=2 b=3 ");
    expect_scan(db, &range, 1, "aa=1 ");
    range.end = strata_text("a");
    expect_scan(db, &range, SIZE_MAX, "");
    range.size = 1;
    listed l = {.left = 1};
    assert_int_equal(strata_kv_scan(db, STRATA_RUN_DEFAULT, &range, list, &l),
                     STRATA_INVALID_ARGUMENT);
    db_close(db);
    sim_free(s);
}

/* A scan inside a transaction: its snapshot, and its own writes, whose version is 0. */
static void scans_of_a_transaction(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_BUFFERED);
    strata_db *other = NULL;
    uint64_t mark = 0;
    assert_int_equal(strata_attach(db, &other), STRATA_OK);
    put(db, "a", 1);
    put(db, "b", 2);
    put(db, "c", 3);
    assert_int_equal(strata_txn_begin(db, STRATA_RUN_DEFAULT, NULL), STRATA_OK);
    put(other, "d", 4);
    put(other, "a", 10);
    put(db, "bb", 20);
    assert_int_equal(strata_kv_delete(db, STRATA_RUN_DEFAULT, strata_text("c"), NULL), STRATA_OK);
    expect_scan(db, NULL, SIZE_MAX, "a=1 b=2 bb=20! ");
    expect_scan(other, NULL, SIZE_MAX, "a=10 b=2 c=3 d=4 ");
    assert_int_equal(strata_txn_savepoint(db, &mark), STRATA_OK);
    put(db, "b", 30);
    strata_range range = STRATA_RANGE_INIT;
    range.reverse = true;
    expect_scan(db, &range, SIZE_MAX, "bb=20! b=30! a=1 ");
    assert_int_equal(strata_txn_rollback_to(db, mark), STRATA_OK);
    expect_scan(db, &range, SIZE_MAX, "bb=20! b=2 a=1 ");
    assert_int_equal(strata_txn_commit(db, NULL), STRATA_CONFLICT); /* it has read a and d */
    expect_scan(db, NULL, SIZE_MAX, "a=10 b=2 c=3 d=4 ");
    db_close(other);
    db_close(db);
    sim_free(s);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void one_at_a_time(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_BUFFERED);
    strata_run second;
    uint64_t version = 0;
    assert_int_equal(strata_run_create(db, strata_text("second"), &second), STRATA_OK);
    assert_int_equal(strata_txn_begin(db, STRATA_RUN_DEFAULT, NULL), STRATA_OK);
    assert_int_equal(strata_txn_begin(db, STRATA_RUN_DEFAULT, NULL), STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_kv_put(db, second, strata_text("k"), strata_int(1), NULL),
                     STRATA_INVALID_ARGUMENT);
    put(db, "k", 1);
    assert_int_equal(strata_txn_commit(db, &version), STRATA_OK);
    assert_int_equal(version, db_version(db));
    assert_int_equal(strata_kv_put(db, second, strata_text("k"), strata_int(1), NULL), STRATA_OK);
    strata_txn_rollback(db); /* of none */
    strata_txn_options options = STRATA_TXN_OPTIONS_INIT;
    options.read_only = true;
    assert_int_equal(strata_txn_begin(db, STRATA_RUN_DEFAULT, &options), STRATA_OK);
    assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text("k"), strata_int(2), NULL),
                     STRATA_FORBIDDEN);
    assert_int_equal(strata_txn_commit(db, &version), STRATA_OK);
    options.read_only = false;
    options.timeout_ms = 5;
    assert_int_equal(strata_txn_begin(db, STRATA_RUN_DEFAULT, &options), STRATA_OK);
    s->monotonic_ns += 6000000;
    assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text("k"), strata_int(2), NULL),
                     STRATA_TIMEOUT);
    assert_int_equal(strata_txn_commit(db, &version), STRATA_NOT_FOUND);
    assert_int_equal(value_of(db, "k"), 1);
    options.size = 1;
    assert_int_equal(strata_txn_begin(db, STRATA_RUN_DEFAULT, &options), STRATA_INVALID_ARGUMENT);
    db_close(db);
    sim_free(s);
}

/* A handle that is closed in the middle of one takes it along. */
static void closed_in_the_middle(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    put(db, "k", 1);
    assert_int_equal(strata_txn_begin(db, STRATA_RUN_DEFAULT, NULL), STRATA_OK);
    put(db, "k", 2);
    db_close(db);
    db = db_open(s, STRATA_STRICT);
    assert_int_equal(value_of(db, "k"), 1);
    db_close(db);
    sim_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_again_after_a_conflict), cmocka_unit_test(gives_up_at_once),
        cmocka_unit_test(a_host_that_cannot_sleep),     cmocka_unit_test(scans),
        cmocka_unit_test(scans_of_a_transaction),       cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(closed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
