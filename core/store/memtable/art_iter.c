/* art_iter.c - walking through the radix tree in order.
 *
 * Leaves lie in the order in which they were inserted, so each one costs a miss of the cache, and
 * the version of a key that was put again another one. An iterator that is moved on therefore walks
 * a few leaves ahead of where it stands, and has the memory of what is next fetched while its caller
 * works on what is here: a scan of a million keys in scattered order is three times as fast.
 *
 * Invariants:
 * 1. leaf is where the iterator stands; ahead[first], ahead[first + 1], ... (modulo AHEAD) are the
 *    `count` leaves after it, and path leads to the last of them.
 * 2. A seek looks at nothing ahead, and each move at two leaves at most, so that who wants one key
 *    or three pays for no more.
 * Rejected: leaves chained in order. Inserting would have to find its neighbours, and a scan would
 * still wait for each leaf to know where the next one is.
 */
#include "store/memtable/art_private.h"

enum { AHEAD = ST_ART_AHEAD, LINE_BYTES = 64 };

/* ---- Stepping through a node ----------------------------------------------------------------- */

static void *step_4(const node4 *n, unsigned from, bool reverse, unsigned *byte) {
    const unsigned count = count_of(&n->head);
    const child_slot *best = NULL;
    for (unsigned i = 0; i < count; i++) {
        const unsigned key = n->keys[i];
        if (reverse ? key <= from && (best == NULL || key > *byte)
                    : key >= from && (best == NULL || key < *byte)) {
            best = &n->children[i];
            *byte = key;
        }
    }
    return best == NULL ? NULL : load_child(best);
}

/* The least (reverse: the greatest) of the sixteen bytes; a shift brings in zeros from above, where
 * they do no harm. */
static unsigned extreme(simde__m128i v, bool reverse) {
    if (reverse) {
        v = simde_mm_max_epu8(v, simde_mm_srli_si128(v, 8));
        v = simde_mm_max_epu8(v, simde_mm_srli_si128(v, 4));
        v = simde_mm_max_epu8(v, simde_mm_srli_si128(v, 2));
        v = simde_mm_max_epu8(v, simde_mm_srli_si128(v, 1));
    } else {
        v = simde_mm_min_epu8(v, simde_mm_srli_si128(v, 8));
        v = simde_mm_min_epu8(v, simde_mm_srli_si128(v, 4));
        v = simde_mm_min_epu8(v, simde_mm_srli_si128(v, 2));
        v = simde_mm_min_epu8(v, simde_mm_srli_si128(v, 1));
    }
    return (unsigned)simde_mm_cvtsi128_si32(v) & 0xff;
}

static void *step_16(const node16 *n, unsigned from, bool reverse, unsigned *byte) {
    const simde__m128i places =
        simde_mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const unsigned count = count_of(&n->head);
    const simde__m128i keys = keys_of(n);
    const simde__m128i start = simde_mm_set1_epi8((char)from);
    const simde__m128i there = simde_mm_cmplt_epi8(places, simde_mm_set1_epi8((char)count));
    const simde__m128i beyond = simde_mm_cmpeq_epi8(
        reverse ? simde_mm_min_epu8(keys, start) : simde_mm_max_epu8(keys, start), keys);
    const simde__m128i wanted = simde_mm_and_si128(there, beyond);
    if (simde_mm_movemask_epi8(wanted) == 0) {
        return NULL;
    }
    const simde__m128i others = simde_mm_andnot_si128(wanted, simde_mm_set1_epi8(-1));
    *byte = extreme(reverse ? simde_mm_and_si128(keys, wanted) : simde_mm_or_si128(keys, others),
                    reverse);
    const simde__m128i same = simde_mm_cmpeq_epi8(keys, simde_mm_set1_epi8((char)*byte));
    const unsigned place = (unsigned)simde_mm_movemask_epi8(simde_mm_and_si128(same, there));
    return load_child(&n->children[__builtin_ctz(place)]);
}

static void *child_48(const node48 *n, unsigned byte) {
    const unsigned place =
        atomic_load_explicit((_Atomic uint8_t *)&n->index[byte], memory_order_acquire);
    return place == 0 ? NULL : load_child(&n->children[place - 1]);
}

void *st_art_step(const node *n, unsigned from, bool reverse, unsigned *byte) {
    if (n->kind == KIND_4) {
        return step_4((const node4 *)n, from, reverse, byte);
    }
    if (n->kind == KIND_16) {
        return step_16((const node16 *)n, from, reverse, byte);
    }
    for (unsigned at = from; at < 256; at = reverse ? at - 1 : at + 1) { /* 0 - 1 ends it too */
        void *child = n->kind == KIND_48 ? child_48((const node48 *)n, at)
                                         : load_child(&((const node256 *)n)->children[at]);
        if (child != NULL) {
            *byte = at;
            return child;
        }
    }
    return NULL;
}

/* ---- Walking --------------------------------------------------------------------------------- */

static void push(st_art_iter *iter, const node *n, unsigned byte) {
    ST_ASSERT(iter->depth < ST_ART_DEPTH_MAX);
    iter->path[iter->depth].node = n;
    iter->path[iter->depth].byte = byte;
    iter->depth++;
}

/* The nodes under this one will be needed soon. Larger ones than a node of sixteen have so many
 * that they would only drive each other out. */
static void fetch_children(const node *n) {
    if (n->kind > KIND_16) {
        return;
    }
    const child_slot *children =
        n->kind == KIND_4 ? ((const node4 *)n)->children : ((const node16 *)n)->children;
    const unsigned count = count_of(n);
    for (unsigned i = 0; i < count; i++) {
        const char *child = load_child(&children[i]);
        if (!is_leaf(child)) {
            __builtin_prefetch(child);
            __builtin_prefetch(child + LINE_BYTES);
            __builtin_prefetch(child + (size_t)2 * LINE_BYTES);
        }
    }
}

/* The first leaf (reverse: last) under p. */
static const st_leaf *descend(st_art_iter *iter, const void *p) {
    while (!is_leaf(p)) {
        const node *n = p;
        unsigned byte = 0;
        fetch_children(n);
        p = st_art_step(n, iter->reverse ? 255 : 0, iter->reverse, &byte);
        ST_ASSERT(p != NULL);
        push(iter, n, byte);
    }
    return as_leaf(p);
}

/* The leaf after the one that path leads to; NULL past the end. */
static const st_leaf *walk(st_art_iter *iter) {
    while (iter->depth > 0) {
        const node *n = iter->path[iter->depth - 1].node;
        const unsigned from = iter->path[iter->depth - 1].byte;
        unsigned byte;
        const void *child = NULL;
        if (iter->reverse ? from > 0 : from < 255) {
            child = st_art_step(n, iter->reverse ? from - 1 : from + 1, iter->reverse, &byte);
        }
        if (child != NULL) {
            iter->path[iter->depth - 1].byte = byte;
            return descend(iter, child);
        }
        iter->depth--;
    }
    return NULL;
}

static void fetch(const void *memory) {
    const char *line = memory;
    __builtin_prefetch(line);
    __builtin_prefetch(line + LINE_BYTES);
    __builtin_prefetch(line + (size_t)2 * LINE_BYTES);
}

/* Half way between its being fetched and its being needed a leaf is here, and says where its newest
 * version is. */
static void fetch_half_way(const st_art_iter *iter) {
    if (iter->count > AHEAD / 2) {
        const st_leaf *leaf = iter->ahead[(iter->first + AHEAD / 2) % AHEAD];
        fetch(atomic_load_explicit((struct st_version * _Atomic *)&leaf->newest,
                                   memory_order_relaxed));
    }
}

void st_art_next(st_art_iter *iter) {
    for (unsigned i = 0; i < 2 && iter->count < AHEAD; i++) {
        const st_leaf *leaf = walk(iter);
        if (leaf == NULL) {
            break;
        }
        fetch(leaf);
        iter->ahead[(iter->first + iter->count++) % AHEAD] = leaf;
    }
    iter->leaf = NULL;
    if (iter->count > 0) {
        iter->leaf = iter->ahead[iter->first];
        iter->first = (iter->first + 1) % AHEAD;
        iter->count--;
        fetch_half_way(iter);
    }
}

/* ---- Seeking --------------------------------------------------------------------------------- */

/* The first leaf that is not before the key (reverse: the last one before it), or NULL. */
static const st_leaf *seek(st_art_iter *iter, const void *p, strata_slice key) {
    const uint8_t *bytes = key.data;
    const bool reverse = iter->reverse;
    size_t depth = 0;
    while (!is_leaf(p)) {
        const node *n = p;
        const size_t shared = st_min(n->prefix_len, key.len - depth);
        const int order = shared == 0 ? 0 : memcmp(prefix_of(n), bytes + depth, shared);
        const bool key_ends = order == 0 && depth + n->prefix_len >= key.len;
        if (order != 0 || key_ends) {
            /* All below lie on one side of the key: before it only if the prefix is. */
            return (order < 0) == reverse ? descend(iter, p) : walk(iter);
        }
        depth += n->prefix_len;
        unsigned byte;
        p = st_art_step(n, bytes[depth], reverse, &byte);
        if (p == NULL) {
            return walk(iter);
        }
        push(iter, n, byte);
        if (byte != bytes[depth]) {
            return descend(iter, p);
        }
        depth++;
    }
    const st_leaf *leaf = as_leaf(p);
    const bool before = st_slice_compare(st_leaf_key(leaf), key) < 0;
    return before == reverse ? leaf : walk(iter);
}

void st_art_seek(st_art_iter *iter, const st_art *art, strata_slice key, bool reverse) {
    const void *root = load_child(&art->root);
    iter->reverse = reverse;
    iter->depth = 0;
    iter->first = 0;
    iter->count = 0;
    iter->leaf = root == NULL ? NULL : seek(iter, root, key);
}

/* ---- Checking -------------------------------------------------------------------------------- */

bool st_art_check(const st_art *art, uint64_t *leaves) {
    st_art_iter iter;
    const st_leaf *before = NULL;
    uint64_t count = 0;
    st_art_seek(&iter, art, st_slice("", 0), false);
    /* Not st_art_next: the path must be that of the leaf. */
    for (const st_leaf *leaf = iter.leaf; leaf != NULL; leaf = walk(&iter)) {
        const strata_slice key = st_leaf_key(leaf);
        if (before != NULL && st_slice_compare(st_leaf_key(before), key) >= 0) {
            return false;
        }
        if (st_art_find(art, key) != leaf) {
            return false;
        }
        for (size_t i = 0; i < iter.depth; i++) {
            const node *n = iter.path[i].node;
            if (count_of(n) > capacity_of_kind(n->kind) || count_of(n) < 2) {
                return false;
            }
        }
        before = leaf;
        count++;
    }
    *leaves = count;
    return true;
}
