/* sync.h - a mutex, made of atomics and the host's futex.
 *
 * Without an executor (one thread) a lock is two plain-looking atomics and never waits; finding it
 * held then is a defect of ours, and asserted.
 */
#ifndef ST_BASE_SYNC_H
#define ST_BASE_SYNC_H

#include "base/std.h"

typedef struct st_mutex {
    _Atomic uint32_t state; /* 0 free, 1 held, 2 held and somebody waits */
} st_mutex;

static inline void st_mutex_init(st_mutex *mutex) {
    atomic_init(&mutex->state, 0);
}
/* Not recursive. Any thread. */
void st_mutex_lock(st_mutex *mutex, const strata_executor *executor);
/* Whether it was free, and is the caller's now. Never waits. */
static inline bool st_mutex_try(st_mutex *mutex) {
    uint32_t seen = 0;
    return atomic_compare_exchange_strong_explicit(&mutex->state, &seen, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}
void st_mutex_unlock(st_mutex *mutex, const strata_executor *executor);

/* Between two looks at what another thread will change soon. */
static inline void st_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
