/* art_private.h - the nodes of the adaptive radix tree, for the files that make it and walk it.
 *
 * A node branches on one byte of the key and is as large as its fan-out needs: 4, 16, 48 or 256
 * children. The bytes all keys below it share are its prefix, so the depth is the number of places
 * where keys really differ. What readers may rely on is said in art.c.
 */
#ifndef ST_STORE_MEMTABLE_ART_PRIVATE_H
#define ST_STORE_MEMTABLE_ART_PRIVATE_H

#include <simde/x86/sse2.h>

#include "base/bytes.h"
#include "store/memtable/art.h"

enum { KIND_4, KIND_16, KIND_48, KIND_256 };
enum { PREFIX_INLINE = 8, NO_BYTE = 256, LINE = 64 };

typedef void *_Atomic child_slot;

typedef struct st_art_node {
    uint8_t kind;
    _Atomic uint16_t count;
    uint32_t prefix_len;
    union {
        uint8_t bytes[PREFIX_INLINE]; /* when prefix_len <= PREFIX_INLINE */
        const uint8_t *far;           /* else: inside the key of some leaf, which never moves */
    } prefix;
} node;

typedef struct node4 {
    node head;
    uint8_t keys[4];
    child_slot children[4];
} node4;

/* The key bytes, four to a word, the first in the lowest bits: readers take all sixteen at once while
 * the writer may be adding one, which needs words that are atomic. */
typedef struct node16 {
    node head;
    _Atomic uint32_t keys[4];
    child_slot children[16];
} node16;

typedef struct node48 {
    node head;
    _Atomic uint8_t index[256]; /* 0: none, else place + 1 */
    child_slot children[48];
} node48;

typedef struct node256 {
    node head;
    child_slot children[256];
} node256;

/* ---- Pointers -------------------------------------------------------------------------------- */

static inline bool is_leaf(const void *p) {
    return ((uintptr_t)p & 1) != 0;
}

static inline st_leaf *as_leaf(const void *p) {
    return (st_leaf *)((uintptr_t)p & ~(uintptr_t)1);
}

static inline void *from_leaf(st_leaf *leaf) {
    return (void *)((uintptr_t)leaf | 1);
}

static inline void *load_child(const child_slot *slot) {
    return atomic_load_explicit((child_slot *)slot, memory_order_acquire);
}

static inline void publish(child_slot *slot, void *child) {
    atomic_store_explicit(slot, child, memory_order_release);
}

static inline unsigned count_of(const node *n) {
    return atomic_load_explicit((_Atomic uint16_t *)&n->count, memory_order_acquire);
}

static inline const uint8_t *prefix_of(const node *n) {
    return n->prefix_len <= PREFIX_INLINE ? n->prefix.bytes : n->prefix.far;
}

/* ---- One node -------------------------------------------------------------------------------- */

static inline size_t size_of_kind(unsigned kind) {
    static const size_t sizes[] = {sizeof(node4), sizeof(node16), sizeof(node48), sizeof(node256)};
    return sizes[kind];
}

static inline unsigned capacity_of_kind(unsigned kind) {
    static const unsigned capacities[] = {4, 16, 48, 256};
    return capacities[kind];
}

static inline int32_t key_word(const node16 *n, unsigned i) {
    return (int32_t)atomic_load_explicit((_Atomic uint32_t *)&n->keys[i], memory_order_relaxed);
}

static inline simde__m128i keys_of(const node16 *n) {
    return simde_mm_set_epi32(key_word(n, 3), key_word(n, 2), key_word(n, 1), key_word(n, 0));
}

/* The child with the smallest byte >= from (reverse: the largest <= from), that byte in *byte; NULL
 * when there is none. */
void *st_art_step(const node *n, unsigned from, bool reverse, unsigned *byte);

#endif
