/* pins.h - files that must stay although the manifest no longer names them.
 *
 * A table that compaction has replaced may still be read by somebody, belong to a snapshot, or be on
 * its way into a backup. Each of them holds a set of numbers; a file goes when it is in no set and
 * not live.
 */
#ifndef ST_STORE_PINS_H
#define ST_STORE_PINS_H

#include "store/store.h"

typedef struct st_pin_set {
    struct st_pin_set *next;
    size_t count;
    uint64_t numbers[]; /* of tables */
} st_pin_set;

/* A set for `count` numbers, which the caller fills in; NULL when there is no memory. */
st_pin_set *st_pins_create(const strata_allocator *allocator, size_t count);
/* Of a set that holds nothing. NULL is fine. */
void st_pins_destroy(const strata_allocator *allocator, st_pin_set *set);

/* From here on the files stay. All of them are live, or in another set. Under manifest_lock. */
void st_pins_hold(st_store *store, st_pin_set *set);
/* Ends that, frees the set, and removes the files that nothing needs any more. Takes manifest_lock.
 * NULL is fine. */
void st_pins_release(st_store *store, st_pin_set *set);

/* Whether a set has that number. Under manifest_lock. */
bool st_pins_have(const st_store *store, uint64_t number);

#endif
