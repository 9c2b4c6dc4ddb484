/* pins.c - see pins.h.
 *
 * The sets are few (one for each snapshot, backup under way, and view that is still read) and
 * looked through only when files are removed, so they are a list of arrays. Rejected: a count for
 * each file. It would have to be kept for files that the store does not otherwise know.
 *
 * Invariant: numbers are never reused, so a file that nothing needs stays unneeded, and removing it
 * is right whenever it happens.
 */
#include "store/pins.h"

#include "store/tables.h"

st_pin_set *st_pins_create(const strata_allocator *allocator, size_t count) {
    st_pin_set *set = st_alloc(allocator, sizeof *set + count * sizeof set->numbers[0]);
    if (set != NULL) {
        set->next = NULL;
        set->count = count;
    }
    return set;
}

void st_pins_destroy(const strata_allocator *allocator, st_pin_set *set) {
    if (set != NULL) {
        st_free(allocator, set, sizeof *set + set->count * sizeof set->numbers[0]);
    }
}

void st_pins_hold(st_store *store, st_pin_set *set) {
    set->next = store->pins;
    store->pins = set;
}

bool st_pins_have(const st_store *store, uint64_t number) {
    for (const st_pin_set *set = store->pins; set != NULL; set = set->next) {
        for (size_t i = 0; i < set->count; i++) {
            if (set->numbers[i] == number) {
                return true;
            }
        }
    }
    return false;
}

void st_pins_release(st_store *store, st_pin_set *set) {
    if (set == NULL) {
        return;
    }
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    st_pin_set **link = &store->pins;
    while (*link != set) {
        link = &(*link)->next;
    }
    *link = set->next;
    for (size_t i = 0; i < set->count && !store->keeps_orphans; i++) {
        if (!st_pins_have(store, set->numbers[i]) && !st_tables_has(store, set->numbers[i])) {
            st_tables_remove_file(store, set->numbers[i]);
        }
    }
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    st_pins_destroy(&store->host->memory, set);
}
