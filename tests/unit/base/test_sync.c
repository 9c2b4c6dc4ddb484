/* test_sync.c - that the mutex lets one thread in at a time and wakes who waits, over the native
 * host's futex, and that one thread needs no executor.
 *
 * Nothing here depends on time: the threads do a fixed number of steps, and what is asserted is the
 * same in every order they may take.
 */
#include "support.h"

#include <pthread.h>

#include "base/sync.h"

enum { THREADS = 4, STEPS = 20000 };

typedef struct shared {
    const strata_executor *executor;
    st_mutex mutex;
    uint64_t first; /* both counted under the mutex, by plain additions */
    uint64_t second;
    bool torn; /* somebody saw them differ */
} shared;

static void *count(void *arg) {
    shared *all = arg;
    for (int i = 0; i < STEPS; i++) {
        st_mutex_lock(&all->mutex, all->executor);
        all->torn = all->torn || all->first != all->second;
        all->first++;
        all->second++;
        st_mutex_unlock(&all->mutex, all->executor);
    }
    return NULL;
}

static void run_threads(void *(*body)(void *), shared *all) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, body, all), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void one_at_a_time(void **state) {
    (void)state;
    shared all = {.executor = &strata_host_default()->executor};
    st_mutex_init(&all.mutex);
    run_threads(count, &all);
    assert_true(all.first == (uint64_t)THREADS * STEPS);
    assert_true(all.second == all.first);
    assert_false(all.torn);
    assert_int_equal(atomic_load(&all.mutex.state), 0);
}

static void without_an_executor(void **state) {
    (void)state;
    const strata_executor none = {NULL, NULL, NULL, NULL, NULL, NULL};
    st_mutex mutex;
    st_mutex_init(&mutex);
    for (int i = 0; i < 3; i++) {
        st_mutex_lock(&mutex, &none);
        st_mutex_unlock(&mutex, &none);
    }
    assert_int_equal(atomic_load(&mutex.state), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(without_an_executor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
