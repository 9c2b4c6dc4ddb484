/* table_index.h - which block of a table a key is in; resident while the table is open.
 *
 * Payload of the frame, for each block of entries in order:
 *   varint  bytes of values kept apart, frames included, between the block before and this one
 *   varint  bytes of payload of the block's frame, times 4; + 2: encoded; + 1: CONTINUES
 *   varint  bytes of the plain block                             with encoded
 *   varint  entries, varint distinct keys, varint heads
 *   varint  zigzag(lowest version - that of the block before, or 0), modulo 2^64
 *   varint  highest version - lowest version
 *   varint, varint  the same of times
 *   varint  version before which the block begins                with CONTINUES
 *   varint  bytes shared with the separator before, varint bytes that follow, the bytes
 * A separator is the shortest beginning of the block's first key that is above the last key of the
 * block before; of the first block it is empty. CONTINUES: both keys are the same; the separator is
 * that key, and versions up to the one given are in this block, newer ones before it.
 */
#ifndef ST_STORE_TABLE_TABLE_INDEX_H
#define ST_STORE_TABLE_TABLE_INDEX_H

#include "store/table/table_file.h"

/* ---- Building -------------------------------------------------------------------------------- */

typedef struct st_index_add {
    st_table_frame frame;
    uint64_t apart_bytes;
    const st_spans *spans;
    size_t heads;
    strata_slice separator;
    bool continues;
    uint64_t separator_version; /* with continues */
} st_index_add;

typedef struct st_index_builder {
    strata_buffer bytes; /* of the payload */
    uint64_t blocks;
    uint64_t version_min; /* of the block before */
    int64_t time_min_us;
    uint8_t separator[ST_TABLE_KEY_MAX];
    size_t separator_len;
} st_index_builder;

void st_index_builder_init(st_index_builder *builder, const strata_host *host);
void st_index_builder_free(st_index_builder *builder);
/* Errors: no_memory. */
strata_status st_index_builder_add(st_index_builder *builder, const st_index_add *add);

/* ---- Reading --------------------------------------------------------------------------------- */

/* The first 16 bytes of a key, filled up with zeros: two big-endian numbers. */
typedef struct st_index_head {
    uint64_t first;
    uint64_t second;
} st_index_head;

typedef struct st_table_index {
    const strata_host *host;
    size_t count;
    size_t prefix_len;  /* what all keys of the table begin with */
    strata_slice first; /* key of the table; borrowed from its properties, as the next two */
    strata_slice last;
    const st_spans *spans;
    unsigned version_shift; /* spans of blocks are kept in 256ths of the table's, rounded up to a */
    unsigned time_shift;    /* power of two */
    st_index_head *heads;   /* of each separator after the prefix */
    uint64_t *offsets;      /* of the frames */
    uint32_t *places;       /* in the pool: the rest */
    strata_buffer pool;
} st_table_index;

/* What the index knows of a block. */
typedef struct st_index_block {
    st_table_frame frame;
    uint64_t apart_from; /* offset of the first value kept apart; or of the frame */
    uint32_t keys;
    uint32_t heads;
    uint64_t version_high;      /* nothing in it is newer; about */
    int64_t time_low_us;        /* nothing in it is older; about */
    bool continues;             /* the key that the block before ends with */
    strata_slice separator;     /* without the prefix; borrowed */
    uint64_t separator_version; /* UINT64_MAX unless it continues */
} st_index_block;

/* Takes the payload apart. *what: what is wrong with it; NULL on any other outcome. properties:
 * borrowed while the index lives. Errors: no_memory, corrupt. */
strata_status st_table_index_load(st_table_index *index, const st_table_file *file,
                                  const st_table_properties *properties, strata_slice payload,
                                  const char **what);
void st_table_index_free(st_table_index *index);
size_t st_table_index_resident_bytes(const st_table_index *index);
/* The most bytes that the payload of so many blocks takes. */
size_t st_table_index_payload_max(uint64_t blocks);

/* The block in which (key, number) is or would be: the last one that begins not after it. False:
 * it is before everything. */
bool st_table_index_find(const st_table_index *index, strata_slice key, uint64_t number,
                         size_t *block);
void st_table_index_block(const st_table_index *index, size_t block, st_index_block *out);
/* Whether the block begins with the key that the one before ends with. */
bool st_table_index_continues(const st_table_index *index, size_t block);

#endif
