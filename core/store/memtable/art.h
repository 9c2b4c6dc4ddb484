/* art.h - the ordered index of a memtable: an adaptive radix tree with lock-free readers.
 *
 * Leis, Kemper, Neumann, "The Adaptive Radix Tree: ARTful Indexing for Main-Memory Databases"
 * (ICDE 2013). Keys must be prefix-free: none is the beginning of another (format/key.h sees to
 * it).
 *
 * Threads: one writer at a time; any number of readers at the same time, without a lock. Nodes and
 * leaves stay where they are until the arena is freed.
 */
#ifndef ST_STORE_MEMTABLE_ART_H
#define ST_STORE_MEMTABLE_ART_H

#include "base/limits.h"
#include "base/memory.h"

struct st_version;

/* A key and the newest of its versions (NULL: inserted, but nothing committed yet). */
typedef struct st_leaf {
    struct st_version *_Atomic newest;
    uint32_t key_len;
    uint8_t key[];
} st_leaf;

static inline strata_slice st_leaf_key(const st_leaf *leaf) {
    return st_slice(leaf->key, leaf->key_len);
}

typedef struct st_art {
    void *_Atomic root; /* NULL, a node, or a leaf with bit 0 set */
    st_arena *arena;
} st_art;

void st_art_init(st_art *art, st_arena *arena);

/* The leaf of that key, or NULL. Cost: O(key length), about one cache miss a level. */
st_leaf *st_art_find(const st_art *art, strata_slice key);

/* The same, made if missing. *tail: tail_len bytes right behind a leaf that was made, so that its
 * first version is found without another cache miss; NULL when the leaf was there. NULL when there
 * is no memory; the tree is then unchanged. */
st_leaf *st_art_insert(st_art *art, strata_slice key, size_t tail_len, void **tail);

/* ---- Walking in order ------------------------------------------------------------------------ */

enum {
    ST_ART_DEPTH_MAX = ST_KEY_BYTES_MAX + 8,
    ST_ART_AHEAD = 16, /* leaves that an iterator knows before it gets there */
};

typedef struct st_art_iter {
    const st_leaf *leaf; /* where it stands; NULL past the end */
    bool reverse;
    unsigned first; /* of ahead */
    unsigned count;
    const st_leaf *ahead[ST_ART_AHEAD];
    size_t depth;
    struct {
        const struct st_art_node *node;
        unsigned byte; /* of the branch taken */
    } path[ST_ART_DEPTH_MAX];
} st_art_iter;

/* Forward: stands at the first key >= `key`. Reverse: at the last key < `key`. What is inserted
 * behind the iterator's back may or may not be seen; what was there is. */
void st_art_seek(st_art_iter *iter, const st_art *art, strata_slice key, bool reverse);
void st_art_next(st_art_iter *iter);

/* Walks all invariants: keys in order and found again, prefixes, counts. For tests and verify. */
bool st_art_check(const st_art *art, uint64_t *leaves);

#endif
