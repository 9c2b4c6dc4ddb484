/* epoch.c - the list of readers and the list of the retired.
 *
 * Invariants:
 * 1. `at` of something retired is the epoch that ended when it was retired. A reader that can still
 *    find it had entered before, so its slot holds at most that epoch.
 * 2. A reader that the scan of slots does not see enters after it, in the one order of all operations
 *    that are sequentially consistent: unlinking, scanning the slots; entering, loading a pointer. So
 *    it loads the pointers as they were without the retired. (Fences would say the same, and the
 *    thread sanitizer does not know them.)
 * 3. A slot may hold an older epoch than now (it was read before the counter went up); that only
 *    delays.
 * Rejected: reference counts on what is read. Two readers on two cores would write the same cache
 * line at each get, which costs more than the get.
 */
#include "base/epoch.h"

void st_epoch_init(st_epoch *epoch, const strata_executor *executor) {
    atomic_init(&epoch->now, 1);
    epoch->executor = executor;
    st_mutex_init(&epoch->lock);
    epoch->slots = NULL;
    epoch->retired = NULL;
}

void st_epoch_register(st_epoch *epoch, st_epoch_slot *slot) {
    atomic_init(&slot->at, 0);
    st_mutex_lock(&epoch->lock, epoch->executor);
    slot->next = epoch->slots;
    epoch->slots = slot;
    st_mutex_unlock(&epoch->lock, epoch->executor);
}

void st_epoch_unregister(st_epoch *epoch, st_epoch_slot *slot) {
    ST_ASSERT(atomic_load_explicit(&slot->at, memory_order_relaxed) == 0);
    st_mutex_lock(&epoch->lock, epoch->executor);
    st_epoch_slot **link = &epoch->slots;
    while (*link != slot) {
        link = &(*link)->next;
    }
    *link = slot->next;
    st_mutex_unlock(&epoch->lock, epoch->executor);
}

size_t st_epoch_readers(st_epoch *epoch) {
    size_t count = 0;
    st_mutex_lock(&epoch->lock, epoch->executor);
    for (const st_epoch_slot *slot = epoch->slots; slot != NULL; slot = slot->next) {
        count += atomic_load_explicit((_Atomic uint64_t *)&slot->at, memory_order_seq_cst) != 0;
    }
    st_mutex_unlock(&epoch->lock, epoch->executor);
    return count;
}

void st_epoch_retire(st_epoch *epoch, st_retired *retired, void (*reclaim)(st_retired *retired)) {
    retired->reclaim = reclaim;
    st_mutex_lock(&epoch->lock, epoch->executor);
    retired->at = atomic_fetch_add_explicit(&epoch->now, 1, memory_order_seq_cst);
    retired->next = epoch->retired;
    epoch->retired = retired;
    st_mutex_unlock(&epoch->lock, epoch->executor);
}

/* The oldest epoch that somebody reads in; UINT64_MAX: nobody reads. Under the lock. */
static uint64_t oldest_reader(const st_epoch *epoch) {
    uint64_t oldest = UINT64_MAX;
    for (const st_epoch_slot *slot = epoch->slots; slot != NULL; slot = slot->next) {
        const uint64_t at =
            atomic_load_explicit((_Atomic uint64_t *)&slot->at, memory_order_seq_cst);
        oldest = at != 0 && at < oldest ? at : oldest;
    }
    return oldest;
}

static void reclaim_list(st_retired *list) {
    while (list != NULL) {
        st_retired *next = list->next;
        list->reclaim(list);
        list = next;
    }
}

void st_epoch_reclaim(st_epoch *epoch) {
    st_retired *free_now = NULL;
    st_mutex_lock(&epoch->lock, epoch->executor);
    const uint64_t oldest = epoch->retired == NULL ? 0 : oldest_reader(epoch);
    for (st_retired **link = &epoch->retired; *link != NULL;) {
        st_retired *retired = *link;
        if (retired->at < oldest) {
            *link = retired->next;
            retired->next = free_now;
            free_now = retired;
        } else {
            link = &retired->next;
        }
    }
    st_mutex_unlock(&epoch->lock, epoch->executor);
    reclaim_list(free_now);
}

void st_epoch_reclaim_all(st_epoch *epoch) {
    reclaim_list(epoch->retired);
    epoch->retired = NULL;
}
