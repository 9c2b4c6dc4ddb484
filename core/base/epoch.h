/* epoch.h - when memory that readers without locks may still look at can be freed.
 *
 * Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004, section 5.2.3): a reader says in
 * its own slot which epoch it reads in. What was unlinked is retired with the epoch of that moment,
 * and freed once every reader has left it.
 * Threads: enter and leave by the slot's own thread; everything else by any.
 */
#ifndef ST_BASE_EPOCH_H
#define ST_BASE_EPOCH_H

#include "base/sync.h"

/* A reader's place; in memory that its thread alone writes otherwise. */
typedef struct st_epoch_slot {
    _Atomic uint64_t at; /* 0: it reads nothing */
    struct st_epoch_slot *next;
} st_epoch_slot;

/* The head of something retired. */
typedef struct st_retired {
    struct st_retired *next;
    uint64_t at;
    void (*reclaim)(struct st_retired *retired);
} st_retired;

typedef struct st_epoch {
    _Atomic uint64_t now; /* from 1 */
    const strata_executor *executor;
    st_mutex lock; /* the two lists */
    st_epoch_slot *slots;
    st_retired *retired;
} st_epoch;

/* executor: borrowed. */
void st_epoch_init(st_epoch *epoch, const strata_executor *executor);
void st_epoch_register(st_epoch *epoch, st_epoch_slot *slot);
/* The slot reads nothing. */
void st_epoch_unregister(st_epoch *epoch, st_epoch_slot *slot);

/* What is found between enter and leave, by loads that are sequentially consistent, stays until
 * leave. Cost: one exchange on a line of the thread's own. */
static inline void st_epoch_enter(st_epoch *epoch, st_epoch_slot *slot) {
    atomic_store_explicit(&slot->at, atomic_load_explicit(&epoch->now, memory_order_relaxed),
                          memory_order_seq_cst);
}
static inline void st_epoch_leave(st_epoch_slot *slot) {
    atomic_store_explicit(&slot->at, 0, memory_order_release);
}

/* How many read now. */
size_t st_epoch_readers(st_epoch *epoch);

/* Takes over what no new reader can find any more, since a store that is sequentially consistent;
 * reclaim is called once none of today's is left,
 * by whoever calls st_epoch_reclaim then. */
void st_epoch_retire(st_epoch *epoch, st_retired *retired, void (*reclaim)(st_retired *retired));
/* Frees what can be freed. Never waits for a reader. */
void st_epoch_reclaim(st_epoch *epoch);
/* At close: nobody reads any more. */
void st_epoch_reclaim_all(st_epoch *epoch);

#endif
