/* test_epoch.c - that nothing is freed while somebody who may still see it reads.
 *
 * One thread: by chance slots enter and leave, things are retired and reclaimed; the model knows of
 * each thing which readers were inside when it was retired, and it is freed exactly by the first
 * reclaim after the last of them has left. Many threads: one replaces a shared thing again and again,
 * the others read it inside epochs; whoever sees a freed one says so.
 */
#include "support.h"

#include <pthread.h>
#include <sched.h>

#include "base/epoch.h"
#include "strata/host.h"

enum { SLOTS = 5, THINGS = 400, STEPS = 4000 };

typedef struct thing {
    st_retired retired; /* first */
    bool freed;
    uint32_t readers; /* that were inside when it was retired; bits */
} thing;

static size_t freed_count;

static void free_thing(st_retired *retired) {
    thing *t = (thing *)retired;
    assert_false(t->freed);
    t->freed = true;
    freed_count++;
}

static void by_chance(uint64_t seed) {
    static thing things[THINGS];
    st_epoch_slot slots[SLOTS];
    bool inside[SLOTS] = {false};
    uint64_t chance = seed;
    size_t next = 0;
    st_epoch epoch;
    memset(things, 0, sizeof things);
    freed_count = 0;
    st_epoch_init(&epoch, &test_host()->executor);
    for (size_t i = 0; i < SLOTS; i++) {
        st_epoch_register(&epoch, &slots[i]);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        const size_t at = (size_t)test_random_below(&chance, SLOTS);
        switch (test_random_below(&chance, 4)) {
        case 0:
            if (!inside[at]) {
                st_epoch_enter(&epoch, &slots[at]);
                inside[at] = true;
            }
            break;
        case 1:
            if (inside[at]) {
                st_epoch_leave(&slots[at]);
                inside[at] = false;
                for (size_t i = 0; i < next; i++) {
                    things[i].readers &= ~(UINT32_C(1) << at);
                }
            }
            break;
        case 2:
            if (next < THINGS) {
                for (size_t i = 0; i < SLOTS; i++) {
                    things[next].readers |= inside[i] ? UINT32_C(1) << i : 0;
                }
                st_epoch_retire(&epoch, &things[next].retired, free_thing);
                next++;
            }
            break;
        default:
            st_epoch_reclaim(&epoch);
            for (size_t i = 0; i < next; i++) {
                assert_int_equal(things[i].freed, things[i].readers == 0);
            }
            break;
        }
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (inside[i]) {
            st_epoch_leave(&slots[i]);
        }
        st_epoch_unregister(&epoch, &slots[i]);
    }
    st_epoch_reclaim_all(&epoch);
    assert_int_equal(freed_count, next);
    assert_true(next > 100);
}

static void freed_when_the_last_has_left(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        by_chance(seed);
    }
}

/* A reader that comes after something was retired does not keep it. */
static void later_readers_do_not_count(void **state) {
    (void)state;
    thing one = {.freed = false};
    st_epoch epoch;
    st_epoch_slot early;
    st_epoch_slot late;
    st_epoch_init(&epoch, &test_host()->executor);
    st_epoch_register(&epoch, &early);
    st_epoch_register(&epoch, &late);
    st_epoch_enter(&epoch, &early);
    st_epoch_retire(&epoch, &one.retired, free_thing);
    st_epoch_enter(&epoch, &late);
    st_epoch_reclaim(&epoch);
    assert_false(one.freed);
    st_epoch_leave(&early);
    st_epoch_reclaim(&epoch);
    assert_true(one.freed);
    st_epoch_leave(&late);
    st_epoch_unregister(&epoch, &early);
    st_epoch_unregister(&epoch, &late);
}

/* ---- Threads --------------------------------------------------------------------------------- */

enum { READERS = 3, REPLACED = 20000 };

typedef struct shown {
    st_retired retired; /* first */
    _Atomic uint64_t number;
    uint64_t twice; /* the same: written before it is shown, and by whoever frees it */
} shown;

static struct {
    st_epoch epoch;
    shown *_Atomic current;
    _Atomic bool done;
    _Atomic uint64_t freed;
    _Atomic uint64_t torn;
} shared;

static void free_shown(st_retired *retired) {
    shown *s = (shown *)retired;
    atomic_store_explicit(&s->number, UINT64_MAX, memory_order_relaxed);
    s->twice = 0;
    free(s);
    atomic_fetch_add(&shared.freed, 1);
}

static void *read_shown(void *arg) {
    st_epoch_slot *slot = arg;
    uint64_t last = 0;
    while (!atomic_load(&shared.done)) {
        st_epoch_enter(&shared.epoch, slot);
        shown *s = atomic_load_explicit(&shared.current, memory_order_seq_cst);
        const uint64_t number = atomic_load_explicit(&s->number, memory_order_relaxed);
        (void)sched_yield();
        if (s->twice != number || number < last) {
            atomic_fetch_add(&shared.torn, 1);
        }
        last = number;
        st_epoch_leave(slot);
    }
    return NULL;
}

static shown *make_shown(uint64_t number) {
    shown *s = calloc(1, sizeof *s);
    assert_non_null(s);
    atomic_init(&s->number, number);
    s->twice = number;
    return s;
}

static void readers_beside_a_writer(void **state) {
    (void)state;
    pthread_t threads[READERS];
    st_epoch_slot slots[READERS];
    st_epoch_init(&shared.epoch, &strata_host_default()->executor);
    atomic_store(&shared.current, make_shown(1));
    for (size_t i = 0; i < READERS; i++) {
        st_epoch_register(&shared.epoch, &slots[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, read_shown, &slots[i]), 0);
    }
    for (uint64_t number = 2; number <= REPLACED; number++) {
        shown *before =
            atomic_exchange_explicit(&shared.current, make_shown(number), memory_order_seq_cst);
        st_epoch_retire(&shared.epoch, &before->retired, free_shown);
        if (number % 8 == 0) {
            st_epoch_reclaim(&shared.epoch);
        }
    }
    atomic_store(&shared.done, true);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        st_epoch_unregister(&shared.epoch, &slots[i]);
    }
    st_epoch_reclaim(&shared.epoch);
    assert_int_equal(atomic_load(&shared.freed), REPLACED - 1);
    assert_int_equal(atomic_load(&shared.torn), 0);
    free(atomic_load(&shared.current));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freed_when_the_last_has_left),
        cmocka_unit_test(later_readers_do_not_count),
        cmocka_unit_test(readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
