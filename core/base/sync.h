/* sync.h - a mutex and a once-publishable pointer, made of atomics and the host's futex.
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
void st_mutex_unlock(st_mutex *mutex, const strata_executor *executor);

/* A counter that threads wait on: st_signal_wait returns once the count is no longer `seen`. */
typedef struct st_signal {
    _Atomic uint32_t count;
} st_signal;

static inline void st_signal_init(st_signal *signal) {
    atomic_init(&signal->count, 0);
}
static inline uint32_t st_signal_read(st_signal *signal) {
    return atomic_load_explicit(&signal->count, memory_order_acquire);
}
void st_signal_wait(st_signal *signal, uint32_t seen, const strata_executor *executor);
void st_signal_raise(st_signal *signal, const strata_executor *executor);

#endif
