/* table_private.h - what the files of an open table share. */
#ifndef ST_STORE_TABLE_TABLE_PRIVATE_H
#define ST_STORE_TABLE_TABLE_PRIVATE_H

#include "store/table/table_index.h"

struct st_table {
    st_table_file file;
    st_block_cache *cache;
    st_table_info info;
    st_table_properties properties;
    strata_buffer properties_bytes; /* holds the keys */
    st_table_index index;
    strata_buffer filter;
    size_t size; /* of this allocation */
    char path[]; /* of the database */
};

/* What the table knows of a block before it is read. */
typedef struct st_table_block {
    st_index_block about;
    st_block_expected expected; /* its keys are in low and high, or the table's */
    uint8_t low[ST_TABLE_KEY_MAX];
    uint8_t high[ST_TABLE_KEY_MAX];
} st_table_block;

void st_table_expect(const st_table *table, size_t place, st_table_block *block);

/* Reads and checks a block into memory of st_block_room bytes. window: NULL if not in order.
 * Errors: corrupt, io, no_memory. */
strata_status st_table_load_block(const st_table *table, const st_table_block *block,
                                  st_table_window *window, uint8_t *memory,
                                  strata_error *error) STRATA_MUST_USE;

/* The block, in the cache and pinned. Errors: the same. */
strata_status st_table_pin_block(const st_table *table, size_t block,
                                 const st_cached_block **pinned,
                                 strata_error *error) STRATA_MUST_USE;

/* The frame of a value that is kept apart. apart_from: of the block of the entry (st_index_block). */
st_table_frame st_table_value_frame(uint64_t apart_from, const st_apart *apart);

/* Such a value of at most ST_VALUE_CACHED_BYTES, in the cache and pinned, its bytes after
 * ST_FRAME_BYTES of others. window: NULL if not in order. Errors: corrupt, io, no_memory. */
strata_status st_table_pin_value(const st_table *table, const st_table_frame *frame,
                                 st_table_window *window, const st_cached_block **pinned,
                                 strata_error *error) STRATA_MUST_USE;

#endif
