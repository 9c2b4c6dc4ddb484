/* leaf_table.h - from a key to its leaf in one cache miss: a hash table beside the radix tree.
 *
 * The tree keeps the order; this only finds. It holds exactly the tree's leaves.
 * Threads: one writer at a time; any number of readers at the same time, without a lock.
 */
#ifndef ST_STORE_MEMTABLE_LEAF_TABLE_H
#define ST_STORE_MEMTABLE_LEAF_TABLE_H

#include "store/memtable/art.h"

typedef struct st_leaf_table {
    struct leaf_lines *_Atomic lines; /* NULL: empty */
    st_arena *arena;
    uint64_t seed;
    uint64_t count;
} st_leaf_table;

void st_leaf_table_init(st_leaf_table *table, st_arena *arena);

/* The leaf of that key, or NULL. Cost: two cache misses, the leaf's own included. */
st_leaf *st_leaf_table_find(const st_leaf_table *table, strata_slice key);

/* Makes room for one more leaf. Errors: no_memory. Cost: amortised constant. */
strata_status st_leaf_table_reserve(st_leaf_table *table);
/* Adds a leaf that is not in it; there is room. */
void st_leaf_table_add(st_leaf_table *table, st_leaf *leaf);

#endif
