/* memtable.h - the newest versions of the keys of one run, in memory.
 *
 * Threads. The writer of a run holds `lock`; staging and linking happen under it. Reading takes no
 * lock: load `published` once, that is the snapshot, and pass it to every read.
 */
#ifndef ST_STORE_MEMTABLE_H
#define ST_STORE_MEMTABLE_H

#include "base/sync.h"
#include "store/art.h"
#include "store/leaf_table.h"

/* One version of one key. Immutable once linked; newer versions point to older ones. */
typedef struct st_version {
    const struct st_version *older;
    uint64_t number;      /* the commit */
    int64_t timestamp_us; /* of the commit */
    uint32_t len;         /* of the value */
    bool deleted;         /* a delete is a version; its value is empty */
    uint8_t value[];
} st_version;

static inline strata_slice st_version_value(const st_version *version) {
    return st_slice(version->value, version->len);
}

typedef struct st_memtable {
    uint64_t run;
    st_mutex lock;
    st_arena arena;
    st_art index;               /* the keys in order */
    st_leaf_table leaves;       /* the same keys, found faster */
    _Atomic uint64_t published; /* the newest commit that readers may see */
    _Atomic uint64_t keys;      /* leaves with at least one version */
    int64_t newest_us;          /* timestamp of the newest commit; under lock */
    void *owner;                /* of the model room: what it keeps for this run */
} st_memtable;

void st_memtable_init(st_memtable *table, uint64_t run, const strata_allocator *allocator);
void st_memtable_free(st_memtable *table);

/* ---- Writing, under lock --------------------------------------------------------------------- */

typedef struct st_write {
    strata_slice key;   /* of the store (format/key.h) */
    strata_slice value; /* empty for a delete */
    bool deletes;
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

static inline uint64_t st_memtable_snapshot(const st_memtable *table) {
    return atomic_load_explicit((_Atomic uint64_t *)&table->published, memory_order_acquire);
}
/* Commits up to `number` become visible; a smaller number than before changes nothing. */
void st_memtable_publish(st_memtable *table, uint64_t number);

/* ---- Reading --------------------------------------------------------------------------------- */

/* The version of the key that a reader at `snapshot` sees, deletes included; NULL: none. Borrowed
 * until the memtable is freed. */
const st_version *st_memtable_get(const st_memtable *table, strata_slice key, uint64_t snapshot);
/* The same, but NULL for a delete. */
const st_version *st_memtable_live(const st_memtable *table, strata_slice key, uint64_t snapshot);

/* Live keys in order, between two bounds. About 16 KiB: the path of the tree. */
typedef struct st_scan {
    st_art_iter iter;
    uint64_t snapshot;
    strata_slice low;          /* inclusive */
    strata_slice high;         /* exclusive; empty: no bound */
    strata_slice key;          /* where it stands */
    const st_version *version; /* NULL past the end */
} st_scan;

/* low and high are borrowed while the scan lasts. reverse: from the last key to the first. */
void st_scan_start(st_scan *scan, const st_memtable *table, strata_slice low, strata_slice high,
                   uint64_t snapshot, bool reverse);
void st_scan_next(st_scan *scan);

/* Walks all invariants: the tree's, and that versions of a key go down. */
bool st_memtable_check(const st_memtable *table);

#endif
