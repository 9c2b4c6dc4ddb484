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
#include "store/memtable/art_private.h"

/* ---- One node -------------------------------------------------------------------------------- */

/* bytes: inside a leaf's key or another node's prefix; neither moves. */
static void set_prefix(node *n, const uint8_t *bytes, size_t len) {
    n->prefix_len = (uint32_t)len;
    if (len <= PREFIX_INLINE) {
        memcpy(n->prefix.bytes, bytes, len);
    } else {
        n->prefix.far = bytes;
    }
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
        const simde__m128i same = simde_mm_cmpeq_epi8(keys_of(n16), simde_mm_set1_epi8((char)byte));
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
    unsigned byte;
    void *child = st_art_step(from, 0, false, &byte);
    while (child != NULL) {
        add_child(n, (uint8_t)byte, child);
        child = byte == 255 ? NULL : st_art_step(from, byte + 1, false, &byte);
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
