/* broken_pins.c - a build whose merges drop what forks see. */
#include "store/forks.h"

bool __wrap_st_fork_may_drop(st_store *store, const st_fork_drop *drop);

bool __wrap_st_fork_may_drop(st_store *store, const st_fork_drop *drop) {
    (void)store;
    (void)drop;
    return true;
}
