/* test_fork_pins.c - the points at which forks see a run, against a list that is looked through: random
 * adding and removing, in order and out of it, and every question; and when there is no memory. */
#include "support.h"

#include "store/memtable/fork_pins.h"

enum { PINS = 300, STEPS = 4000, RANGE = 60 };

static st_fork_point points[PINS];
static size_t count;

static st_fork_point random_point(uint64_t *chance) {
    const uint64_t kind = test_random_below(chance, 5);
    const st_fork_point point = {kind == 0 ? UINT64_MAX : test_random_below(chance, RANGE),
                                 kind > 1 ? INT64_MAX
                                          : (int64_t)test_random_below(chance, RANGE) - RANGE / 2};
    return point;
}

static bool known(const st_fork_point *point) {
    bool version = point->version == UINT64_MAX;
    bool time = point->time_us == INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        version = version || points[i].version == point->version;
        time = time || points[i].time_us == point->time_us;
    }
    return version && time;
}

static bool seen(const st_fork_span *span) {
    for (size_t i = 0; i < count; i++) {
        const st_fork_point *point = &points[i];
        if ((point->version != UINT64_MAX && point->version >= span->from.version &&
             point->version < span->below.version) ||
            (point->time_us != INT64_MAX && point->time_us >= span->from.time_us &&
             point->time_us < span->below.time_us)) {
            return true;
        }
    }
    return false;
}

static void ask(st_fork_pins *pins, uint64_t *chance) {
    const st_fork_point point = random_point(chance);
    st_fork_span span = {
        {test_random_below(chance, RANGE), (int64_t)test_random_below(chance, RANGE) - RANGE / 2},
        {UINT64_MAX, INT64_MAX}};
    if (test_random_below(chance, 2) == 0) {
        span.below.version = span.from.version + test_random_below(chance, 4);
        span.below.time_us = span.from.time_us + (int64_t)test_random_below(chance, 4);
    }
    assert_int_equal(st_fork_pins_have(pins, &point), known(&point));
    assert_int_equal(st_fork_pins_see(pins, &span), seen(&span));
    assert_int_equal(st_fork_pins_none(pins), count == 0);
}

static void like_a_list(void **state) {
    (void)state;
    uint64_t chance = 7;
    st_fork_pins *pins = st_fork_pins_create(test_host());
    for (unsigned i = 0; i < STEPS; i++) {
        if (count < PINS && test_random_below(&chance, 2 + i / 1500) == 0) {
            points[count] = random_point(&chance);
            assert_int_equal(st_fork_pins_add(pins, &points[count]), STRATA_OK);
            count++;
        } else if (count > 0) {
            const size_t at = (size_t)test_random_below(&chance, count);
            st_fork_pins_remove(pins, &points[at]);
            points[at] = points[--count];
        }
        ask(pins, &chance);
    }
    while (count > 0) {
        st_fork_pins_remove(pins, &points[--count]);
    }
    assert_true(st_fork_pins_none(pins));
    st_fork_pins_destroy(test_allocator(), pins);
    assert_int_equal(test_memory_blocks(), 0);
}

static void no_memory(void **state) {
    (void)state;
    const st_fork_point both = {5, 7};
    for (size_t nth = 1;; nth++) {
        test_memory_fail_at(nth);
        st_fork_pins *pins = st_fork_pins_create(test_host());
        const strata_status status =
            pins == NULL ? STRATA_NO_MEMORY : st_fork_pins_add(pins, &both);
        const bool failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        if (pins != NULL) {
            assert_int_equal(st_fork_pins_none(pins), failed);
        }
        st_fork_pins_destroy(test_allocator(), pins);
        assert_int_equal(test_memory_blocks(), 0);
        if (!failed) {
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(like_a_list), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
