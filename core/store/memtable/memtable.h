/* memtable.h - the newest versions of the keys of one run, in memory, until they are in a table.
 *
 * Threads. The writer of a run holds its shard's lock (shard.h); staging and linking happen under
 * it. Reading takes no lock, inside an epoch (base/epoch.h).
 */
#ifndef ST_STORE_MEMTABLE_MEMTABLE_H
#define ST_STORE_MEMTABLE_MEMTABLE_H

#include "base/epoch.h"
#include "store/memtable/art.h"
#include "store/memtable/leaf_table.h"
#include "store/revision.h"

enum {
    ST_VERSION_DELETED = 1,
    ST_VERSION_EXPIRES = 2,
    ST_VERSION_TRIMMED = 4,
    ST_VERSION_HOLE = 8
};

/* One version of one key. Immutable once linked; newer versions point to older ones. */
typedef struct st_version {
    const struct st_version *older;
    uint64_t number;      /* the commit */
    int64_t timestamp_us; /* of the commit */
    uint32_t len;         /* of the value */
    uint8_t flags;
    uint8_t value[]; /* with ST_VERSION_EXPIRES eight bytes of time come first */
} st_version;

/* revision->value is borrowed from the memtable. */
void st_version_read(const st_version *version, st_revision *revision);

typedef struct st_memtable {
    st_retired retired; /* first: what the epoch knows it by */
    const strata_allocator *allocator;
    /* Frozen before this one took its place, and not yet in a table. */
    struct st_memtable *_Atomic older;
    st_arena arena;
    st_art index;                   /* the keys in order */
    st_leaf_table leaves;           /* the same keys, found faster */
    _Atomic uint64_t keys;          /* leaves with at least one version */
    uint64_t version_max;           /* the newest version that was linked; under the shard's lock */
    _Atomic uint64_t version_first; /* the first one that was; 0: none yet */
    uint64_t counted; /* of the arena, in the total of the store; under the shard's lock */
} st_memtable;

/* NULL when there is no memory. */
st_memtable *st_memtable_create(const strata_allocator *allocator);
void st_memtable_destroy(st_memtable *table);
/* Forgets everything but keeps some of its memory for reuse. Nobody reads it meanwhile. */
void st_memtable_clear(st_memtable *table);
/* The same, for an epoch. */
void st_memtable_reclaim(st_retired *retired);

/* ---- Writing, under the shard's lock --------------------------------------------------------- */

typedef struct st_write {
    strata_slice key;   /* of the store (format/key.h) */
    strata_slice value; /* empty for a delete */
    bool deletes;
    int64_t expires_us; /* 0: never */
} st_write;

typedef struct st_staged {
    st_leaf *leaf;
    st_version *version;
} st_staged;

/* Takes all memory that a write needs and copies it; readers see nothing of it. A staged write that
 * is never linked wastes its memory and does no other harm. Errors: no_memory. */
strata_status st_memtable_stage(st_memtable *table, const st_write *write, st_staged *staged);
/* Makes a staged write the newest version of its key. Cannot fail. */
void st_memtable_link(st_memtable *table, const st_staged *staged, uint64_t number,
                      int64_t timestamp_us);

/* Fills a memtable that nobody else knows yet, in the order of tables: adds the version as the oldest
 * of its key. *last: of the entry before; the leaf NULL at the beginning. Errors: no_memory. */
strata_status st_memtable_add_older(st_memtable *table, strata_slice key,
                                    const st_revision *revision, st_staged *last);

/* ---- Reading --------------------------------------------------------------------------------- */

/* The newest version of the key inside the bound, deletes included; false: none is here. */
bool st_memtable_find(const st_memtable *table, strata_slice key, const st_bound *bound,
                      st_revision *revision);

/* Entries in the order of tables: by key, and under one key from the newest version to the oldest.
 * About 16 KiB: the path in the tree. */
typedef struct st_memtable_iter {
    const st_memtable *table;
    const st_version *version; /* where it stands; NULL past the end */
    st_art_iter walk;
} st_memtable_iter;

void st_memtable_iter_init(st_memtable_iter *iter, const st_memtable *table);
/* Of the key the newest version <= number, or else the first entry of the next key. */
void st_memtable_iter_seek(st_memtable_iter *iter, strata_slice key, uint64_t number);
void st_memtable_iter_next(st_memtable_iter *iter);
/* The first entry of the next key. */
void st_memtable_iter_next_key(st_memtable_iter *iter);
/* The newest entry of the last key below `key`. */
void st_memtable_iter_seek_before(st_memtable_iter *iter, strata_slice key);

/* Walks all invariants: the tree's, and that versions of a key go down. */
bool st_memtable_check(const st_memtable *table);

#endif
