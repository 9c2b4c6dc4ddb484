/* test_pace.c - what a commit costs, and who sleeps for it, on a clock that the test moves.
 *
 * The debts: each costs nothing while it is small, more the larger it is, and twice as much at the
 * steps that pace.c names. The clock: writers together go at the rate that the cost says, a small
 * commit never sleeps longer than a turn, and nobody sleeps where the host cannot.
 */
#include "support.h"

#include "store/maintain/pace.h"

enum { LIMIT = 1 << 24, HELD_MAX = 1 << 22, NS = 1024 };

static const st_debt none = {.limit = LIMIT, .held_max = HELD_MAX};

static uint64_t now_ns;

static uint64_t monotonic_ns(void *ctx) {
    (void)ctx;
    return now_ns;
}

static void sleep_us(void *ctx, uint64_t duration_us) {
    (void)ctx;
    now_ns += duration_us * 1000;
}

static const strata_clock with_sleep = {.monotonic_ns = monotonic_ns, .sleep_us = sleep_us};

/* ---- Costs ----------------------------------------------------------------------------------- */

static void no_debt_no_cost(void **state) {
    (void)state;
    const st_pace pace = {0};
    st_debt debt = none;
    assert_int_equal(st_pace_cost(&pace, &debt), 0);
    debt.memtable_bytes = LIMIT - 1;
    debt.held = HELD_MAX / 4 - 1;
    debt.level_0 = ST_PACE_LEVEL_0 - 1;
    assert_int_equal(st_pace_cost(&pace, &debt), 0);
}

/* At the limit what the flush takes, at one and a half eight times that. */
static void memtables(void **state) {
    (void)state;
    st_pace pace = {0};
    st_debt debt = none;
    st_pace_measured(&pace.flush_cost, 1000000, 5000000);
    debt.flushing = true;
    debt.memtable_bytes = LIMIT / 2;
    assert_int_equal(st_pace_cost(&pace, &debt), 0);
    debt.memtable_bytes = LIMIT;
    assert_int_equal(st_pace_cost(&pace, &debt), 5 * NS);
    debt.memtable_bytes = LIMIT / 2 * 3;
    assert_int_equal(st_pace_cost(&pace, &debt), 40 * NS);
    debt.flushing = false; /* nobody has begun with it */
    assert_int_equal(st_pace_cost(&pace, &debt), 40 * NS);
}

static void level_0(void **state) {
    (void)state;
    st_pace pace = {0};
    st_debt debt = none;
    uint64_t before = 0;
    st_pace_measured(&pace.merge_cost, 1000000, 10000000);
    for (debt.level_0 = ST_PACE_LEVEL_0; debt.level_0 < 40; debt.level_0++) {
        const uint64_t cost = st_pace_cost(&pace, &debt);
        assert_true(cost > before);
        const uint64_t over = debt.level_0 - ST_PACE_LEVEL_0;
        if (over % 4 == 0) {
            assert_int_equal(cost, (UINT64_C(20) * NS) << (over / 4));
        }
        before = cost;
    }
    debt.level_0 = 1000000; /* no overflow, and writers still get on */
    assert_true(st_pace_cost(&pace, &debt) >= before);
    assert_true(st_pace_cost(&pace, &debt) <= UINT64_C(20480) * NS);
}

static void the_log(void **state) {
    (void)state;
    const st_pace pace = {0};
    st_debt debt = none;
    debt.held = HELD_MAX / 4;
    assert_int_equal(st_pace_cost(&pace, &debt), 4 * NS);
    debt.held = HELD_MAX / 2;
    assert_int_equal(st_pace_cost(&pace, &debt), 16 * NS);
    debt.level_0 = ST_PACE_LEVEL_0 + 20; /* the larger one counts */
    assert_true(st_pace_cost(&pace, &debt) > 16 * NS);
}

/* One odd measurement is not believed at once. */
static void measuring(void **state) {
    (void)state;
    _Atomic uint32_t cost = 0;
    st_pace_measured(&cost, 100, 1000000000); /* too little to tell */
    assert_int_equal(cost, 0);
    st_pace_measured(&cost, 1 << 20, (1 << 20) * 8);
    assert_int_equal(cost, 8 * NS);
    st_pace_measured(&cost, 1 << 20, (1 << 20) * 16);
    assert_int_equal(cost, 9 * NS);
    for (unsigned i = 0; i < 100; i++) {
        st_pace_measured(&cost, 1 << 20, UINT64_MAX >> 12);
    }
    assert_true(cost < 20000 * NS);
}

/* ---- Sleeping -------------------------------------------------------------------------------- */

/* Commits of 100 bytes at 100 ns a byte: 100 000 a second, and few of them sleep. */
static void the_rate(void **state) {
    (void)state;
    enum { COMMITS = 50000 };
    st_pace pace = {0};
    unsigned sleepers = 0;
    now_ns = 1000;
    for (unsigned i = 0; i < COMMITS; i++) {
        const uint64_t ns = st_pace_charge(&pace, &with_sleep, 100, 100 * NS);
        assert_true(ns < 4000000);
        sleepers += ns > 0;
        now_ns += 1000 + ns; /* the commit takes a microsecond itself */
    }
    assert_in_range(now_ns, UINT64_C(490000000), UINT64_C(510000000));
    assert_true(sleepers < COMMITS / 100);
}

/* Who is slower than the rate does not sleep. */
static void below_the_rate(void **state) {
    (void)state;
    st_pace pace = {0};
    now_ns = 1000;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(st_pace_charge(&pace, &with_sleep, 100, 100 * NS), 0);
        now_ns += 10001;
    }
}

/* A large commit pays for itself; a small one beside it waits for a turn. */
static void large_and_small(void **state) {
    (void)state;
    st_pace pace = {0};
    now_ns = 1000;
    const uint64_t large_ns = st_pace_charge(&pace, &with_sleep, 5000000, 100 * NS);
    assert_in_range(large_ns, 490000000, 510000000);
    const uint64_t small_ns = st_pace_charge(&pace, &with_sleep, 100, 100 * NS);
    assert_in_range(small_ns, 1, 9000000);
    /* Whatever it costs, there is an end to it. */
    assert_true(st_pace_charge(&pace, &with_sleep, UINT64_MAX / 2, 20000 * NS) <= 1000000000);
    assert_true(st_pace_charge(&pace, &with_sleep, UINT32_MAX, 20000 * NS) <= 1000000000);
}

static void a_host_that_cannot_sleep(void **state) {
    (void)state;
    st_pace pace = {0};
    const strata_clock clock = {.monotonic_ns = monotonic_ns};
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(st_pace_charge(&pace, &clock, 1 << 20, 1000 * NS), 0);
    }
    assert_int_equal(st_pace_charge(&pace, &with_sleep, 1 << 20, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_debt_no_cost),
        cmocka_unit_test(memtables),
        cmocka_unit_test(level_0),
        cmocka_unit_test(the_log),
        cmocka_unit_test(measuring),
        cmocka_unit_test(the_rate),
        cmocka_unit_test(below_the_rate),
        cmocka_unit_test(large_and_small),
        cmocka_unit_test(a_host_that_cannot_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
