/* view.h - the tables that make up a database at one moment, by level.
 *
 * Immutable; replaced as a whole. Readers find the newest one in an epoch and keep it until they
 * leave.
 */
#ifndef ST_STORE_VIEW_H
#define ST_STORE_VIEW_H

#include "base/epoch.h"
#include "store/table/table.h"

enum { ST_LEVELS = 7 };

typedef struct st_level {
    st_table **tables;
    size_t count;
} st_level;

typedef struct st_view {
    st_retired retired; /* first: what the epoch knows it by */
    void *owner;        /* the store, for whoever reclaims it */
    /* Level 0: whole memtables, newest first, keys overlap. The others: in order of key, disjoint.
     * For one key each level holds only older versions than those above it. */
    st_level levels[ST_LEVELS];
    size_t count; /* of all tables */
    size_t cap;   /* of the array that all levels are in */
    /* Tables of this view that the next one no longer has; in memory of their own. */
    st_table **dropped;
    size_t dropped_count;
    struct st_pin_set *pins; /* their files, until the last reader has left */
    st_table *tables[];
} st_view;

/* A change of the tables. */
typedef struct st_view_change {
    st_table *const *removed;
    size_t removed_count;
    st_table *const *added; /* in order of key; into level 0 only one at a time */
    size_t added_count;
    unsigned level;   /* that those added go to */
    st_table *floors; /* goes to level 0; NULL: none */
} st_view_change;

/* The view after a change; before NULL: of an empty database. NULL when there is no memory. */
st_view *st_view_make(const strata_allocator *allocator, const st_view *before,
                      const st_view_change *change);
/* Frees the view alone; its tables stay open. */
void st_view_destroy(const strata_allocator *allocator, st_view *view);

/* The table of a level from 1 on whose keys may include `key` (a table key); NULL: none. */
st_table *st_level_find(const st_level *level, strata_slice key);
/* The first table of the level that ends at or after `key`; count: none. */
size_t st_level_seek(const st_level *level, strata_slice key);

/* Walks the order of the levels. */
bool st_view_check(const st_view *view);

#endif
