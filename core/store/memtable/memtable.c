/* memtable.c - versions under leaves, which a radix tree orders and a hash table finds.
 *
 * Invariants:
 * 1. From a leaf's `newest`, version numbers strictly go down.
 * 2. A version is linked with a release store after all its fields; readers load with acquire.
 * 3. Versions that readers may not see yet (in strict mode: until their sync) are there already.
 *    Readers skip them by number, so they need no mark of their own.
 * 4. Memory comes from the arena and is freed with the whole memtable, so a reader may keep what it
 *    found until it leaves its epoch.
 * A leaf without versions is what is left of a staged write that failed; readers skip it.
 */
#include "store/memtable/memtable.h"

#include "base/bytes.h"

enum { EXPIRY_BYTES = 8 };

void st_version_read(const st_version *version, st_revision *revision) {
    const size_t head = (version->flags & ST_VERSION_EXPIRES) != 0 ? EXPIRY_BYTES : 0;
    revision->number = version->number;
    revision->timestamp_us = version->timestamp_us;
    revision->expires_us = head > 0 ? (int64_t)load64_le(version->value) : ST_NEVER;
    revision->deleted = (version->flags & ST_VERSION_DELETED) != 0;
    revision->trimmed = (version->flags & ST_VERSION_TRIMMED) != 0;
    revision->hole = (version->flags & ST_VERSION_HOLE) != 0;
    revision->value = st_slice(version->value + head, version->len);
}

static void make_empty(st_memtable *table) {
    st_art_init(&table->index, &table->arena);
    st_leaf_table_init(&table->leaves, &table->arena);
    atomic_init(&table->keys, 0);
}

st_memtable *st_memtable_create(const strata_allocator *allocator) {
    st_memtable *table = st_alloc_zeroed(allocator, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    table->allocator = allocator;
    atomic_init(&table->older, NULL);
    st_arena_init(&table->arena, allocator, 0);
    make_empty(table);
    return table;
}

void st_memtable_clear(st_memtable *table) {
    st_arena_reset(&table->arena);
    make_empty(table);
    table->version_max = 0;
    atomic_store_explicit(&table->version_first, 0, memory_order_relaxed);
    table->counted = 0;
}

void st_memtable_destroy(st_memtable *table) {
    st_arena_free(&table->arena);
    st_free(table->allocator, table, sizeof *table);
}

void st_memtable_reclaim(st_retired *retired) {
    st_memtable_destroy((st_memtable *)retired);
}

/* ---- Writing --------------------------------------------------------------------------------- */

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
    const size_t head = write->expires_us != 0 ? EXPIRY_BYTES : 0;
    const size_t size = offsetof(st_version, value) + head + write->value.len;
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
    version->flags =
        (uint8_t)((write->deletes ? ST_VERSION_DELETED : 0) | (head > 0 ? ST_VERSION_EXPIRES : 0));
    if (head > 0) {
        store64_le(version->value, (uint64_t)write->expires_us);
    }
    if (write->value.len > 0) {
        memcpy(version->value + head, write->value.data, write->value.len);
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
    if (ST_UNLIKELY(table->version_max == 0)) {
        atomic_store_explicit(&table->version_first, number, memory_order_relaxed);
    }
    table->version_max = number;
}

strata_status st_memtable_add_older(st_memtable *table, strata_slice key,
                                    const st_revision *revision, st_staged *last) {
    const st_write write = {.key = key,
                            .value = revision->value,
                            .deletes = revision->deleted,
                            .expires_us =
                                revision->expires_us == ST_NEVER ? 0 : revision->expires_us};
    const uint64_t version_max = table->version_max;
    st_staged staged;
    ST_TRY(st_memtable_stage(table, &write, &staged));
    staged.version->flags |= (uint8_t)((revision->trimmed ? ST_VERSION_TRIMMED : 0) |
                                       (revision->hole ? ST_VERSION_HOLE : 0));
    if (staged.leaf != last->leaf) {
        st_memtable_link(table, &staged, revision->number, revision->timestamp_us);
    } else {
        staged.version->older = NULL;
        staged.version->number = revision->number;
        staged.version->timestamp_us = revision->timestamp_us;
        last->version->older = staged.version;
    }
    table->version_max = revision->number > version_max ? revision->number : version_max;
    *last = staged;
    return STRATA_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static const st_version *newest_of(const st_leaf *leaf) {
    return atomic_load_explicit(&((st_leaf *)leaf)->newest, memory_order_acquire);
}

bool st_memtable_find(const st_memtable *table, strata_slice key, const st_bound *bound,
                      st_revision *revision) {
    const st_leaf *leaf = st_leaf_table_find(&table->leaves, key);
    const st_version *version = leaf == NULL ? NULL : newest_of(leaf);
    while (version != NULL && !st_bound_holds(bound, version->number, version->timestamp_us)) {
        version = version->older;
    }
    if (version == NULL) {
        return false;
    }
    st_version_read(version, revision);
    return true;
}

void st_memtable_iter_init(st_memtable_iter *iter, const st_memtable *table) {
    iter->table = table;
    iter->version = NULL;
    iter->walk.leaf = NULL;
}

/* Moves on until the walk stands at a leaf with a version. */
static void settle(st_memtable_iter *iter) {
    iter->version = NULL;
    while (iter->walk.leaf != NULL && iter->version == NULL) {
        iter->version = newest_of(iter->walk.leaf);
        if (iter->version == NULL) {
            st_art_next(&iter->walk);
        }
    }
}

void st_memtable_iter_seek(st_memtable_iter *iter, strata_slice key, uint64_t number) {
    st_art_seek(&iter->walk, &iter->table->index, key, false);
    settle(iter);
    if (iter->version == NULL || !st_slice_equal(st_leaf_key(iter->walk.leaf), key)) {
        return;
    }
    while (iter->version != NULL && iter->version->number > number) {
        iter->version = iter->version->older;
    }
    if (iter->version == NULL) {
        st_memtable_iter_next_key(iter);
    }
}

void st_memtable_iter_next_key(st_memtable_iter *iter) {
    st_art_next(&iter->walk);
    settle(iter);
}

void st_memtable_iter_next(st_memtable_iter *iter) {
    iter->version = iter->version->older;
    if (iter->version == NULL) {
        st_memtable_iter_next_key(iter);
    }
}

void st_memtable_iter_seek_before(st_memtable_iter *iter, strata_slice key) {
    st_art_seek(&iter->walk, &iter->table->index, key, true);
    settle(iter);
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
        const st_version *version = newest_of(iter.leaf);
        for (; version != NULL && version->older != NULL; version = version->older) {
            if (version->number <= version->older->number ||
                version->timestamp_us < version->older->timestamp_us) {
                return false;
            }
        }
    }
    return true;
}
