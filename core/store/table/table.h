/* table.h - a sorted immutable table: keys of all runs with their versions, in a file.
 *
 * Its keys are 8 bytes of run, big-endian, then a key of the store (format/key.h); the entries are
 * in order of key and, under one key, from the newest version to the oldest. (key, number) is
 * unique. Threads: open and close belong to one thread; everything else to any, an iterator to one
 * at a time.
 */
#ifndef ST_STORE_TABLE_TABLE_H
#define ST_STORE_TABLE_TABLE_H

#include "format/codec.h"
#include "store/log/wal_frame.h"
#include "store/table/block.h"
#include "store/table/block_cache.h"

typedef struct st_table st_table;

/* What a table is and holds; filled in by the builder and by open. The keys are borrowed: from the
 * builder until it is destroyed, from the table until it is closed. */
typedef struct st_table_info {
    uint64_t number; /* of the file */
    uint64_t bytes;  /* of the file */
    uint64_t entries;
    uint64_t keys; /* distinct */
    uint64_t version_min;
    uint64_t version_max;
    int64_t time_min_us;
    int64_t time_max_us;
    int64_t expires_min_us; /* ST_NEVER: nothing in it ends */
    strata_slice first_key;
    strata_slice last_key;
} st_table_info;

/* "DATA/tab-N.tab" inside the database in `path`; name has room for path and ST_FILE_NAME_MAX. */
void st_table_name(char *name, size_t size, const char *path, uint64_t number);

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct st_table_builder st_table_builder;

typedef struct st_table_spec {
    const strata_host *host;
    const char *path; /* of the database; borrowed while building */
    uint64_t number;  /* of the file, which must not exist */
    uint8_t uuid[ST_UUID_BYTES];
    strata_codec codec; /* of a table that is built; others say theirs */
    /* Of a table that is opened: its filter, 10 bits a key, is left in the file; a get of a key that
     * is not there then costs a block. For the last level, where memory is short. */
    bool without_filter;
} st_table_spec;

/* Makes the file. Errors: io, no_space, no_memory, already_exists. */
strata_status st_table_builder_create(const st_table_spec *spec, st_table_builder **builder,
                                      strata_error *error) STRATA_MUST_USE;
/* Adds an entry; keys and versions in order. Errors: io, no_space, no_memory. */
strata_status st_table_builder_add(st_table_builder *builder, strata_slice key,
                                   const st_revision *revision,
                                   strata_error *error) STRATA_MUST_USE;
/* Bytes of file so far, what waits in memory included. */
uint64_t st_table_builder_bytes(const st_table_builder *builder);
/* Writes what is left, syncs and closes the file. At least one entry was added. */
strata_status st_table_builder_finish(st_table_builder *builder, st_table_info *info,
                                      strata_error *error) STRATA_MUST_USE;
/* Frees the builder; removes the file unless finish succeeded. NULL is fine. */
void st_table_builder_destroy(st_table_builder *builder);

/* ---- Reading --------------------------------------------------------------------------------- */

/* Opens the file, reads its footer, index and filter, which stay in memory. cache: shared by all
 * tables. Errors: corrupt {file, offset}, io, no_memory, not_found (as corrupt: it is named by the
 * manifest). */
strata_status st_table_open(const st_table_spec *spec, st_block_cache *cache, st_table **table,
                            strata_error *error) STRATA_MUST_USE;
/* Its blocks leave the cache. NULL is fine. */
void st_table_close(st_table *table);
const st_table_info *st_table_about(const st_table *table);
/* Memory that the open table keeps: index, filter and itself. */
size_t st_table_resident_bytes(const st_table *table);

/* Of a table key, for the filters of all tables. */
uint64_t st_table_hash(strata_slice key);

/* The newest version of the key inside the bound; *found false: there is none here. The value is
 * copied into the arena. hash: st_table_hash(key). Errors: corrupt {file, offset}, io, no_memory.
 * Cost: nothing but the filter for most keys that are not there, else one block. */
strata_status st_table_get(const st_table *table, strata_slice key, uint64_t hash,
                           const st_bound *bound, st_arena *arena, st_revision *revision,
                           bool *found, strata_error *error) STRATA_MUST_USE;

/* One of many keys that are looked for at once. */
typedef struct st_table_lookup {
    const st_table *table; /* the next to look in; NULL: none */
    strata_slice key;
    uint64_t hash;        /* st_table_hash(key) */
    st_bound bound;       /* of versions only */
    st_revision revision; /* if it was found; its value is borrowed until released */
    bool found;

    /* Its own. */
    const st_cached_block *pinned; /* holds the value; NULL: none */
    size_t place;                  /* of the block; SIZE_MAX: it is in none */
    uint64_t apart_from;           /* of that block */
    st_apart apart;                /* where the value is still to be fetched from */
} st_table_lookup;

/* st_table_get of each that was not found yet, in its table; what has to come from memory does so for all of them at
 * the same time. Errors: those of st_table_get. */
strata_status st_table_get_many(st_table_lookup *lookups, size_t count, st_arena *arena,
                                strata_error *error) STRATA_MUST_USE;
void st_table_release_many(st_table_lookup *lookups, size_t count);

/* Bytes of a file that is read in order, a piece at a time. */
typedef struct st_table_window {
    uint64_t start; /* offset in the file */
    size_t piece;   /* bytes to read at a time; 0: as many as pay */
    strata_buffer bytes;
} st_table_window;

typedef struct st_table_iter {
    const st_table *table;
    bool here;            /* whether it stands at an entry */
    strata_slice key;     /* of the entry; borrowed until the iterator moves */
    st_revision revision; /* without its value: st_table_iter_value */
    strata_error *error;
    /* May be set before the first move. past_cache: blocks are read past the cache, and many at a
     * time, as is right for whoever reads a table once, from end to end. version_after: blocks that
     * have nothing newer are passed over by next and seek; what is in the others is shown, newer or
     * not. */
    bool past_cache;
    uint64_t version_after;

    /* Its own. */
    size_t block;                  /* in the index */
    const st_cached_block *pinned; /* NULL: none, or own is used */
    strata_buffer own;             /* a block that is not in the cache */
    st_table_window window;        /* of the file, past the cache */
    strata_buffer apart;           /* a value that was kept apart */
    uint64_t apart_end;            /* where its frame ends */
    unsigned apart_run;            /* values that were read in order until then */
    st_block_cursor cursor;
    uint8_t key_bytes[ST_TABLE_KEY_MAX];
} st_table_iter;

/* Stands nowhere. error: where failures say why; may be NULL. table: NULL if it never moves. */
void st_table_iter_init(st_table_iter *iter, const st_table *table, strata_error *error);
/* Gives back what it holds; to be called once, whatever happened. */
void st_table_iter_release(st_table_iter *iter);
/* Stands at the first entry that is not before (key, number) in the order of the table: of the key
 * the newest version <= number, or else the first entry of the next key. Errors: as st_table_get. */
strata_status st_table_iter_seek(st_table_iter *iter, strata_slice key,
                                 uint64_t number) STRATA_MUST_USE;
strata_status st_table_iter_next(st_table_iter *iter) STRATA_MUST_USE;
/* Past the older versions of the key, or to the first of them in the next block: one more seek to
 * version 0 of the key is past them all then. */
strata_status st_table_iter_next_key(st_table_iter *iter) STRATA_MUST_USE;
/* Stands at the last entry whose key is below `key`. */
strata_status st_table_iter_seek_before(st_table_iter *iter, strata_slice key) STRATA_MUST_USE;
/* The value of the entry; borrowed until the iterator moves. A value kept apart is read here. */
strata_status st_table_iter_value(st_table_iter *iter, strata_slice *value) STRATA_MUST_USE;

/* Reads every byte of the file, past the cache: checksums, order, counts, filter, index. Errors:
 * corrupt {file, offset}, io, no_memory. */
strata_status st_table_verify(const st_table *table, strata_error *error) STRATA_MUST_USE;

#endif
