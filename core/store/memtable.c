/* memtable.c - versions under leaves, which a radix tree orders and a hash table finds.
 *
 * Invariants:
 * 1. From a leaf's `newest`, version numbers strictly go down (equal only within one commit that
 *    writes a key twice; the later write is the newer).
 * 2. A version is linked with a release store after all its fields; readers load with acquire.
 * 3. Versions above `published` exist only between a commit's link and its publication (in strict
 *    mode: its sync). Readers skip them by number, so they need no mark of their own.
 * 4. Memory comes from the run's arena and is freed with the whole memtable, so a reader may keep
 *    what it found as long as the database is open.
 * A leaf without versions is what is left of a staged write that failed; readers skip it.
 */
#include "store/memtable.h"

void st_memtable_init(st_memtable *table, uint64_t run, const strata_allocator *allocator) {
    memset(table, 0, sizeof *table);
    table->run = run;
    st_mutex_init(&table->lock);
    st_arena_init(&table->arena, allocator, 0);
    st_art_init(&table->index, &table->arena);
    st_leaf_table_init(&table->leaves, &table->arena);
    atomic_init(&table->published, 0);
    atomic_init(&table->keys, 0);
}

void st_memtable_free(st_memtable *table) {
    st_arena_free(&table->arena);
    st_art_init(&table->index, &table->arena);
    st_leaf_table_init(&table->leaves, &table->arena);
}

/* The leaf of the key, made if missing; *tail as st_art_insert. NULL when there is no memory. */
static st_leaf *find_or_make(st_memtable *table, strata_slice key, size_t tail_len, void **tail) {
    *tail = NULL;
    st_leaf *leaf = st_leaf_table_find(&table->leaves, key);
    if (leaf != NULL) {
        return leaf;
    }
    if (st_leaf_table_reserve(&table->leaves) != STRATA_OK) {
        return NULL;
    }
    leaf = st_art_insert(&table->index, key, tail_len, tail);
    if (leaf != NULL) {
        st_leaf_table_add(&table->leaves, leaf);
    }
    return leaf;
}

strata_status st_memtable_stage(st_memtable *table, const st_write *write, st_staged *staged) {
    const size_t size = sizeof(st_version) + write->value.len;
    void *tail;
    st_leaf *leaf = find_or_make(table, write->key, size, &tail);
    if (leaf == NULL) {
        return STRATA_NO_MEMORY;
    }
    st_version *version = tail != NULL ? tail : st_arena_alloc(&table->arena, size, 8);
    if (version == NULL) {
        return STRATA_NO_MEMORY;
    }
    version->len = (uint32_t)write->value.len;
    version->deleted = write->deletes;
    if (write->value.len > 0) {
        memcpy(version->value, write->value.data, write->value.len);
    }
    staged->leaf = leaf;
    staged->version = version;
    return STRATA_OK;
}

void st_memtable_link(st_memtable *table, const st_staged *staged, uint64_t number,
                      int64_t timestamp_us) {
    st_version *version = staged->version;
    /* The writer's own store, so relaxed is enough here. */
    version->older = atomic_load_explicit(&staged->leaf->newest, memory_order_relaxed);
    version->number = number;
    version->timestamp_us = timestamp_us;
    if (version->older == NULL) {
        atomic_fetch_add_explicit(&table->keys, 1, memory_order_relaxed);
    }
    atomic_store_explicit(&staged->leaf->newest, version, memory_order_release);
}

void st_memtable_publish(st_memtable *table, uint64_t number) {
    uint64_t seen = atomic_load_explicit(&table->published, memory_order_relaxed);
    while (seen < number &&
           !atomic_compare_exchange_weak_explicit(&table->published, &seen, number,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

static const st_version *visible(const st_leaf *leaf, uint64_t snapshot) {
    const st_version *version =
        atomic_load_explicit(&((st_leaf *)leaf)->newest, memory_order_acquire);
    while (version != NULL && version->number > snapshot) {
        version = version->older;
    }
    return version;
}

const st_version *st_memtable_get(const st_memtable *table, strata_slice key, uint64_t snapshot) {
    const st_leaf *leaf = st_leaf_table_find(&table->leaves, key);
    return leaf == NULL ? NULL : visible(leaf, snapshot);
}

const st_version *st_memtable_live(const st_memtable *table, strata_slice key, uint64_t snapshot) {
    const st_version *version = st_memtable_get(table, key, snapshot);
    return version == NULL || version->deleted ? NULL : version;
}

/* Moves on until the iterator stands at a live key inside the bounds. */
static void settle(st_scan *scan) {
    for (; scan->iter.leaf != NULL; st_art_next(&scan->iter)) {
        scan->key = st_leaf_key(scan->iter.leaf);
        const bool outside =
            scan->iter.reverse ? st_slice_compare(scan->key, scan->low) < 0
                               : scan->high.len > 0 && st_slice_compare(scan->key, scan->high) >= 0;
        if (outside) {
            break;
        }
        scan->version = visible(scan->iter.leaf, scan->snapshot);
        if (scan->version != NULL && !scan->version->deleted) {
            return;
        }
    }
    scan->version = NULL;
}

void st_scan_start(st_scan *scan, const st_memtable *table, strata_slice low, strata_slice high,
                   uint64_t snapshot, bool reverse) {
    ST_ASSERT(!reverse || high.len > 0); /* a reverse scan starts somewhere */
    scan->snapshot = snapshot;
    scan->low = low;
    scan->high = high;
    st_art_seek(&scan->iter, &table->index, reverse ? high : low, reverse);
    settle(scan);
}

void st_scan_next(st_scan *scan) {
    st_art_next(&scan->iter);
    settle(scan);
}

bool st_memtable_check(const st_memtable *table) {
    uint64_t leaves = 0;
    if (!st_art_check(&table->index, &leaves) || leaves != table->leaves.count) {
        return false;
    }
    st_art_iter iter;
    for (st_art_seek(&iter, &table->index, st_slice("", 0), false); iter.leaf != NULL;
         st_art_next(&iter)) {
        if (st_leaf_table_find(&table->leaves, st_leaf_key(iter.leaf)) != iter.leaf) {
            return false;
        }
        const st_version *version = visible(iter.leaf, UINT64_MAX);
        for (; version != NULL && version->older != NULL; version = version->older) {
            if (version->number < version->older->number ||
                version->timestamp_us < version->older->timestamp_us) {
                return false;
            }
        }
    }
    return true;
}
