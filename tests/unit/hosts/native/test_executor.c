/* test_executor.c - that jobs step when they should, one step at a time, and stop for good; and
 * that the futex sleeps and wakes. Waiting is done with the futex itself, never with a sleep: a
 * broken executor hangs the test, and the runner's time limit says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "strata/host.h"

static const strata_executor *executor;

/* A word of shared memory that threads wait on. */
static uint32_t load(uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void add_and_wake(uint32_t *word) {
    (void)__atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
    executor->wake(executor->ctx, word, true);
}

static void wait_until(uint32_t *word, uint32_t at_least) {
    for (;;) {
        const uint32_t now = load(word);
        if (now >= at_least) {
            return;
        }
        executor->wait(executor->ctx, word, now);
    }
}

typedef struct work {
    uint32_t entered;
    uint32_t released; /* steps that may end; every step waits for its turn */
    uint32_t finished;
    uint32_t inside;
    uint32_t overlaps;
    bool signals_blocked;
} work;

static void step(void *arg) {
    work *const w = arg;
    if (__atomic_fetch_add(&w->inside, 1, __ATOMIC_SEQ_CST) != 0) {
        add_and_wake(&w->overlaps);
    }
    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    w->signals_blocked = sigismember(&mask, SIGINT) == 1;
    const uint32_t number = load(&w->entered) + 1;
    add_and_wake(&w->entered);
    wait_until(&w->released, number);
    (void)__atomic_fetch_sub(&w->inside, 1, __ATOMIC_SEQ_CST);
    add_and_wake(&w->finished);
}

static strata_job *must_start(work *w, uint32_t every_ms) {
    strata_job *job = NULL;
    assert_int_equal(executor->start(executor->ctx, step, w, every_ms, &job), STRATA_OK);
    assert_non_null(job);
    return job;
}

static void test_kick_makes_a_step(void **state) {
    (void)state;
    work w = {.released = UINT32_MAX};
    strata_job *const job = must_start(&w, 0);
    executor->kick(executor->ctx, job);
    wait_until(&w.finished, 1);
    executor->kick(executor->ctx, job);
    wait_until(&w.finished, 2);
    executor->stop(executor->ctx, job);
    assert_int_equal(w.entered, 2);
    assert_true(w.signals_blocked);
}

static void test_kick_during_a_step_is_not_lost(void **state) {
    (void)state;
    work w = {0};
    strata_job *const job = must_start(&w, 0);
    executor->kick(executor->ctx, job);
    wait_until(&w.entered, 1);
    executor->kick(executor->ctx, job);
    executor->kick(executor->ctx, job); /* both together make one step */
    add_and_wake(&w.released);
    wait_until(&w.entered, 2);
    add_and_wake(&w.released);
    wait_until(&w.finished, 2);
    executor->stop(executor->ctx, job);
    assert_int_equal(w.entered, 2);
    assert_int_equal(w.overlaps, 0);
}

static void test_steps_by_time(void **state) {
    (void)state;
    work w = {.released = UINT32_MAX};
    strata_job *const job = must_start(&w, 1);
    wait_until(&w.finished, 5);
    executor->stop(executor->ctx, job);
    assert_int_equal(w.entered, w.finished);
    assert_int_equal(w.overlaps, 0);
}

static void *release_later(void *arg) {
    work *const w = arg;
    wait_until(&w->entered, 1);
    add_and_wake(&w->released);
    return NULL;
}

static void test_stop_waits_for_the_step(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        work w = {0};
        strata_job *const job = must_start(&w, 0);
        executor->kick(executor->ctx, job);
        wait_until(&w.entered, 1);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, release_later, &w), 0);
        executor->stop(executor->ctx, job);
        assert_int_equal(load(&w.finished), 1);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static void test_wait_does_not_sleep_on_another_value(void **state) {
    (void)state;
    uint32_t word = 7;
    executor->wait(executor->ctx, &word, 6);
    executor->wake(executor->ctx, &word, true);
    assert_int_equal(word, 7);
}

enum { SLEEPERS = 4 };

typedef struct gate {
    uint32_t arrived;
    uint32_t open;
} gate;

static void *sleep_at(void *arg) {
    gate *const g = arg;
    add_and_wake(&g->arrived);
    wait_until(&g->open, 1);
    return NULL;
}

static void test_wake_all(void **state) {
    (void)state;
    gate g = {0};
    pthread_t threads[SLEEPERS];
    for (int i = 0; i < SLEEPERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sleep_at, &g), 0);
    }
    wait_until(&g.arrived, SLEEPERS);
    add_and_wake(&g.open);
    for (int i = 0; i < SLEEPERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

int main(void) {
    executor = &strata_host_default()->executor;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kick_makes_a_step),
        cmocka_unit_test(test_kick_during_a_step_is_not_lost),
        cmocka_unit_test(test_steps_by_time),
        cmocka_unit_test(test_stop_waits_for_the_step),
        cmocka_unit_test(test_wait_does_not_sleep_on_another_value),
        cmocka_unit_test(test_wake_all),
    };
    return cmocka_run_group_tests_name("hosts/native/executor", tests, NULL, NULL);
}
