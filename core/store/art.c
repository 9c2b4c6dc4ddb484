/* art.c - the adaptive radix tree.
 *
 * A node branches on one byte of the key and is as large as its fan-out needs: 4, 16, 48 or 256
 * children. The bytes all keys below it share are its prefix, so the depth is the number of places
 * where keys really differ.
 *
 * Invariants:
 * 1. A child pointer is published with a release store after everything it leads to was written;
 *    readers follow it with an acquire load.
 * 2. Nodes of 4 and 16 children append: key byte and child first, then the count. Readers look at
 *    `count` entries only. Nodes of 48 and 256 publish the entry itself.
 * 3. A node that must change in any other way (grow, or split its prefix) is copied, and the copy
 *    is published in its parent. The old node stays as it was for readers that are in it; it lacks
 *    only keys inserted later, whose versions are above any snapshot those readers can have.
 * 4. Growth copies at most as much as the live tree, so the garbage is bounded by its size.
 *
 * Why not a skip list: at a million keys it costs some twenty cache misses where this costs five.
 * A single key is found faster still by the hash table beside this tree (leaf_table.h), which knows
 * no order.
 */
#include "store/art.h"

#include <simde/x86/sse2.h>

#include "base/bytes.h"

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

static bool is_leaf(const void *p) {
    return ((uintptr_t)p & 1) != 0;
}

static st_leaf *as_leaf(const void *p) {
    return (st_leaf *)((uintptr_t)p & ~(uintptr_t)1);
}

static void *from_leaf(st_leaf *leaf) {
    return (void *)((uintptr_t)leaf | 1);
}

static void *load_child(const child_slot *slot) {
    return atomic_load_explicit((child_slot *)slot, memory_order_acquire);
}

static void publish(child_slot *slot, void *child) {
    atomic_store_explicit(slot, child, memory_order_release);
}

static unsigned count_of(const node *n) {
    return atomic_load_explicit((_Atomic uint16_t *)&n->count, memory_order_acquire);
}

static const uint8_t *prefix_of(const node *n) {
    return n->prefix_len <= PREFIX_INLINE ? n->prefix.bytes : n->prefix.far;
}

/* bytes: inside a leaf's key or another node's prefix; neither moves. */
static void set_prefix(node *n, const uint8_t *bytes, size_t len) {
    n->prefix_len = (uint32_t)len;
    if (len <= PREFIX_INLINE) {
        memcpy(n->prefix.bytes, bytes, len);
    } else {
        n->prefix.far = bytes;
    }
}

/* ---- One node -------------------------------------------------------------------------------- */

static int32_t key_word(const node16 *n, unsigned i) {
    return (int32_t)atomic_load_explicit((_Atomic uint32_t *)&n->keys[i], memory_order_relaxed);
}

/* Under the writer's lock: no other store to the word can be lost. */
static void set_key(node16 *n, unsigned i, uint8_t byte) {
    const uint32_t word = (uint32_t)key_word(n, i / 4);
    atomic_store_explicit(&n->keys[i / 4], word | (uint32_t)byte << (i % 4 * 8),
                          memory_order_relaxed);
}

/* The slot of the child for `byte`, or NULL. */
static child_slot *find_slot(node *n, uint8_t byte) {
    switch (n->kind) {
    case KIND_4: {
        node4 *n4 = (node4 *)n;
        const unsigned count = count_of(n);
        for (unsigned i = 0; i < count; i++) {
            if (n4->keys[i] == byte) {
                return &n4->children[i];
            }
        }
        return NULL;
    }
    case KIND_16: {
        node16 *n16 = (node16 *)n;
        /* Bytes past the count belong to children that are not there yet; the mask drops them. */
        const unsigned count = count_of(n);
        const simde__m128i keys = simde_mm_set_epi32(key_word(n16, 3), key_word(n16, 2),
                                                     key_word(n16, 1), key_word(n16, 0));
        const simde__m128i same = simde_mm_cmpeq_epi8(keys, simde_mm_set1_epi8((char)byte));
        const unsigned found = (unsigned)simde_mm_movemask_epi8(same) & ((1u << count) - 1);
        return found == 0 ? NULL : &n16->children[__builtin_ctz(found)];
    }
    case KIND_48: {
        node48 *n48 = (node48 *)n;
        const unsigned place = atomic_load_explicit(&n48->index[byte], memory_order_acquire);
        return place == 0 ? NULL : &n48->children[place - 1];
    }
    default: {
        node256 *n256 = (node256 *)n;
        return load_child(&n256->children[byte]) == NULL ? NULL : &n256->children[byte];
    }
    }
}

/* The smallest byte >= from that has a child (reverse: the largest <= from), or NO_BYTE. */
static unsigned step_small(const uint8_t *keys, unsigned count, unsigned from, bool reverse) {
    unsigned best = NO_BYTE;
    for (unsigned i = 0; i < count; i++) {
        const unsigned key = keys[i];
        if (reverse ? key <= from && (best == NO_BYTE || key > best)
                    : key >= from && (best == NO_BYTE || key < best)) {
            best = key;
        }
    }
    return best;
}

static unsigned step_byte(const node *n, unsigned from, bool reverse) {
    if (n->kind == KIND_4) {
        return step_small(((const node4 *)n)->keys, count_of(n), from, reverse);
    }
    if (n->kind == KIND_16) {
        const unsigned count = count_of(n);
        uint8_t keys[16];
        for (unsigned i = 0; i < 4; i++) {
            store32_le(keys + (size_t)4 * i, (uint32_t)key_word((const node16 *)n, i));
        }
        return step_small(keys, count, from, reverse);
    }
    for (unsigned byte = from; byte < 256; byte = reverse ? byte - 1 : byte + 1) {
        if (find_slot((node *)n, (uint8_t)byte) != NULL) {
            return byte;
        }
    }
    return NO_BYTE;
}

static size_t size_of_kind(unsigned kind) {
    static const size_t sizes[] = {sizeof(node4), sizeof(node16), sizeof(node48), sizeof(node256)};
    return sizes[kind];
}

static unsigned capacity_of_kind(unsigned kind) {
    static const unsigned capacities[] = {4, 16, 48, 256};
    return capacities[kind];
}

static node *new_node(st_art *art, unsigned kind) {
    const size_t size = size_of_kind(kind);
    node *n = st_arena_alloc(art->arena, size, LINE);
    if (n != NULL) {
        memset(n, 0, size);
        n->kind = (uint8_t)kind;
    }
    return n;
}

/* Adds a child for a byte that has none; the node has room. */
static void add_child(node *n, uint8_t byte, void *child) {
    const unsigned count = count_of(n);
    ST_ASSERT(count < capacity_of_kind(n->kind));
    switch (n->kind) {
    case KIND_4:
        ((node4 *)n)->keys[count] = byte;
        publish(&((node4 *)n)->children[count], child);
        break;
    case KIND_16:
        set_key((node16 *)n, count, byte);
        publish(&((node16 *)n)->children[count], child);
        break;
    case KIND_48:
        publish(&((node48 *)n)->children[count], child);
        atomic_store_explicit(&((node48 *)n)->index[byte], (uint8_t)(count + 1),
                              memory_order_release);
        break;
    default:
        publish(&((node256 *)n)->children[byte], child);
        break;
    }
    atomic_store_explicit(&n->count, (uint16_t)(count + 1), memory_order_release);
}

/* A copy of the node as `kind` (its own or the next larger) with the same prefix and children. */
static node *copy_as(st_art *art, const node *from, unsigned kind) {
    node *n = new_node(art, kind);
    if (n == NULL) {
        return NULL;
    }
    set_prefix(n, prefix_of(from), from->prefix_len);
    for (unsigned byte = step_byte(from, 0, false); byte != NO_BYTE;
         byte = byte == 255 ? NO_BYTE : step_byte(from, byte + 1, false)) {
        add_child(n, (uint8_t)byte, load_child(find_slot((node *)from, (uint8_t)byte)));
    }
    return n;
}

/* ---- Finding and inserting ------------------------------------------------------------------- */

void st_art_init(st_art *art, st_arena *arena) {
    atomic_init(&art->root, NULL);
    art->arena = arena;
}

static size_t shared_len(const uint8_t *a, const uint8_t *b, size_t max) {
    size_t len = 0;
    while (len < max && a[len] == b[len]) {
        len++;
    }
    return len;
}

st_leaf *st_art_find(const st_art *art, strata_slice key) {
    const uint8_t *bytes = key.data;
    size_t depth = 0;
    void *p = load_child(&art->root);
    while (p != NULL && !is_leaf(p)) {
        node *n = p;
        const size_t left = key.len - depth;
        if (left <= n->prefix_len || memcmp(prefix_of(n), bytes + depth, n->prefix_len) != 0) {
            return NULL;
        }
        depth += n->prefix_len;
        const child_slot *slot = find_slot(n, bytes[depth++]);
        if (slot == NULL) {
            return NULL;
        }
        p = load_child(slot);
    }
    if (p == NULL) {
        return NULL;
    }
    st_leaf *leaf = as_leaf(p);
    return leaf->key_len == key.len && memcmp(leaf->key, bytes, key.len) == 0 ? leaf : NULL;
}

/* The tail begins at a multiple of eight after the key, most often in the leaf's own cache line. */
static st_leaf *new_leaf(st_art *art, strata_slice key, size_t tail_len, void **tail) {
    const size_t own = (sizeof(st_leaf) + key.len + 7) & ~(size_t)7;
    st_leaf *leaf = st_arena_alloc(art->arena, own + tail_len, LINE / 2);
    if (leaf != NULL) {
        *tail = (char *)leaf + own;
        atomic_init(&leaf->newest, NULL);
        leaf->key_len = (uint32_t)key.len;
        memcpy(leaf->key, key.data, key.len);
    }
    return leaf;
}

/* Two children under a new node of the `shared` bytes from depth on; published in slot. */
static bool fork_at(st_art *art, child_slot *slot, const st_leaf *leaf, size_t depth, size_t shared,
                    uint8_t other_byte, void *other) {
    node *n = new_node(art, KIND_4);
    if (n == NULL) {
        return false;
    }
    ST_ASSERT(depth + shared < leaf->key_len);
    set_prefix(n, leaf->key + depth, shared);
    add_child(n, other_byte, other);
    add_child(n, leaf->key[depth + shared], from_leaf((st_leaf *)leaf));
    publish(slot, n);
    return true;
}

/* The node's prefix and the new key part inside the prefix: a copy with the rest of the prefix goes
 * under a new node. */
static bool split_prefix(st_art *art, child_slot *slot, const node *n, const st_leaf *leaf,
                         size_t depth, size_t shared) {
    node *rest = copy_as(art, n, n->kind);
    if (rest == NULL) {
        return false;
    }
    /* The bytes of an inline prefix live in the old node, which stays. */
    const uint8_t *prefix = prefix_of(n);
    set_prefix(rest, prefix + shared + 1, n->prefix_len - shared - 1);
    return fork_at(art, slot, leaf, depth, shared, prefix[shared], rest);
}

static bool add_branch(st_art *art, child_slot *slot, node *n, uint8_t byte, st_leaf *leaf) {
    if (count_of(n) < capacity_of_kind(n->kind)) {
        add_child(n, byte, from_leaf(leaf));
        return true;
    }
    node *larger = copy_as(art, n, n->kind + 1u);
    if (larger == NULL) {
        return false;
    }
    add_child(larger, byte, from_leaf(leaf));
    publish(slot, larger);
    return true;
}

st_leaf *st_art_insert(st_art *art, strata_slice key, size_t tail_len, void **tail) {
    *tail = NULL;
    const uint8_t *bytes = key.data;
    child_slot *slot = &art->root;
    size_t depth = 0;
    for (;;) {
        void *p = load_child(slot);
        if (p != NULL && is_leaf(p)) {
            st_leaf *found = as_leaf(p);
            const size_t max = st_min(found->key_len, key.len) - depth;
            const size_t shared = shared_len(found->key + depth, bytes + depth, max);
            if (shared == max) {
                ST_ASSERT(found->key_len == key.len); /* prefix-free */
                return found;
            }
            st_leaf *leaf = new_leaf(art, key, tail_len, tail);
            return leaf != NULL &&
                           fork_at(art, slot, leaf, depth, shared, found->key[depth + shared], p)
                       ? leaf
                       : NULL;
        }
        if (p == NULL) {
            st_leaf *leaf = new_leaf(art, key, tail_len, tail);
            if (leaf != NULL) {
                publish(slot, from_leaf(leaf));
            }
            return leaf;
        }
        node *n = p;
        const size_t max = st_min(n->prefix_len, key.len - depth);
        const size_t shared = shared_len(prefix_of(n), bytes + depth, max);
        if (shared < n->prefix_len) {
            ST_ASSERT(depth + shared < key.len);
            st_leaf *leaf = new_leaf(art, key, tail_len, tail);
            return leaf != NULL && split_prefix(art, slot, n, leaf, depth, shared) ? leaf : NULL;
        }
        depth += n->prefix_len;
        ST_ASSERT(depth < key.len);
        child_slot *next = find_slot(n, bytes[depth]);
        if (next == NULL) {
            st_leaf *leaf = new_leaf(art, key, tail_len, tail);
            return leaf != NULL && add_branch(art, slot, n, bytes[depth], leaf) ? leaf : NULL;
        }
        slot = next;
        depth++;
    }
}

/* ---- Walking in order ------------------------------------------------------------------------ */

static void push(st_art_iter *iter, const node *n, unsigned byte) {
    ST_ASSERT(iter->depth < ST_ART_DEPTH_MAX);
    iter->path[iter->depth].node = n;
    iter->path[iter->depth].byte = byte;
    iter->depth++;
}

/* Stands at the first leaf (reverse: last) under p. */
static void descend(st_art_iter *iter, const void *p) {
    while (!is_leaf(p)) {
        const node *n = p;
        const unsigned byte = step_byte(n, iter->reverse ? 255 : 0, iter->reverse);
        ST_ASSERT(byte != NO_BYTE);
        push(iter, n, byte);
        p = load_child(find_slot((node *)n, (uint8_t)byte));
    }
    iter->leaf = as_leaf(p);
}

void st_art_next(st_art_iter *iter) {
    while (iter->depth > 0) {
        const node *n = iter->path[iter->depth - 1].node;
        const unsigned byte = iter->path[iter->depth - 1].byte;
        unsigned next = NO_BYTE;
        if (iter->reverse ? byte > 0 : byte < 255) {
            next = step_byte(n, iter->reverse ? byte - 1 : byte + 1, iter->reverse);
        }
        if (next != NO_BYTE) {
            iter->path[iter->depth - 1].byte = next;
            descend(iter, load_child(find_slot((node *)n, (uint8_t)next)));
            return;
        }
        iter->depth--;
    }
    iter->leaf = NULL;
}

void st_art_seek(st_art_iter *iter, const st_art *art, strata_slice key, bool reverse) {
    const uint8_t *bytes = key.data;
    size_t depth = 0;
    iter->leaf = NULL;
    iter->reverse = reverse;
    iter->depth = 0;
    const void *p = load_child(&art->root);
    if (p == NULL) {
        return;
    }
    for (;;) {
        if (is_leaf(p)) {
            iter->leaf = as_leaf(p);
            const bool before = st_slice_compare(st_leaf_key(iter->leaf), key) < 0;
            if (before != reverse) {
                st_art_next(iter);
            }
            return;
        }
        const node *n = p;
        const size_t shared = st_min(n->prefix_len, key.len - depth);
        const int order = shared == 0 ? 0 : memcmp(prefix_of(n), bytes + depth, shared);
        const bool key_ends = order == 0 && depth + n->prefix_len >= key.len;
        if (order != 0 || key_ends) {
            /* All below lie on one side of the key: before it only if the prefix is. */
            if ((order < 0) == reverse) {
                descend(iter, p);
            } else {
                st_art_next(iter);
            }
            return;
        }
        depth += n->prefix_len;
        push(iter, n, bytes[depth]);
        const child_slot *slot = find_slot((node *)n, bytes[depth]);
        if (slot == NULL) {
            st_art_next(iter);
            return;
        }
        p = load_child(slot);
        depth++;
    }
}

/* ---- Checking -------------------------------------------------------------------------------- */

bool st_art_check(const st_art *art, uint64_t *leaves) {
    st_art_iter iter;
    const st_leaf *before = NULL;
    uint64_t count = 0;
    for (st_art_seek(&iter, art, st_slice("", 0), false); iter.leaf != NULL; st_art_next(&iter)) {
        const strata_slice key = st_leaf_key(iter.leaf);
        if (before != NULL && st_slice_compare(st_leaf_key(before), key) >= 0) {
            return false;
        }
        if (st_art_find(art, key) != iter.leaf) {
            return false;
        }
        for (size_t i = 0; i < iter.depth; i++) {
            const node *n = iter.path[i].node;
            if (count_of(n) > capacity_of_kind(n->kind) || count_of(n) < 2) {
                return false;
            }
        }
        before = iter.leaf;
        count++;
    }
    *leaves = count;
    return true;
}
