/* broken_lock.c - a build whose locks lock nothing. */
#include "base/sync.h"

void __wrap_st_mutex_lock(st_mutex *mutex, const strata_executor *executor);
void __wrap_st_mutex_unlock(st_mutex *mutex, const strata_executor *executor);

void __wrap_st_mutex_lock(st_mutex *mutex, const strata_executor *executor) {
    (void)mutex;
    (void)executor;
}

void __wrap_st_mutex_unlock(st_mutex *mutex, const strata_executor *executor) {
    (void)mutex;
    (void)executor;
}
