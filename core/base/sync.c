/* sync.c - the three-state futex mutex of Drepper, "Futexes are tricky" (2011), mutex 2.
 *
 * Orders: taking the lock acquires, giving it back releases; the waiting paths need no more, as
 * the futex re-reads the word itself.
 */
#include "base/sync.h"

static void wait_word(const strata_executor *executor, _Atomic uint32_t *word, uint32_t expected) {
    /* One thread only, and it waits for itself. */
    ST_ASSERT(executor->wait != NULL);
    executor->wait(executor->ctx, (uint32_t *)word, expected);
}

void st_mutex_lock(st_mutex *mutex, const strata_executor *executor) {
    uint32_t seen = 0;
    if (ST_LIKELY(atomic_compare_exchange_strong_explicit(
            &mutex->state, &seen, 1, memory_order_acquire, memory_order_relaxed))) {
        return;
    }
    while (atomic_exchange_explicit(&mutex->state, 2, memory_order_acquire) != 0) {
        wait_word(executor, &mutex->state, 2);
    }
}

void st_mutex_unlock(st_mutex *mutex, const strata_executor *executor) {
    if (atomic_exchange_explicit(&mutex->state, 0, memory_order_release) == 2) {
        executor->wake(executor->ctx, (uint32_t *)&mutex->state, false);
    }
}
