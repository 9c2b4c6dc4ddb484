/* rows.h - many records of one size, in chunks that never move.
 *
 * A row is found with one load from a short table and a multiplication. Chunks come when their first row does, so
 * that a room for many costs little while it has few; none moves, so that readers need no lock while rows are added
 * behind those that they know of. Rows of a file are there from the beginning, and each chunk is read when somebody
 * first looks at a row of it. Those of a source with a pool are paged: chunks of them go, and are read again.
 * Threads: st_rows_reach by one at a time; reading rows that were reached, by any; paged ones, by readers of the pool.
 */
#ifndef ST_INDEX_VECTOR_ROWS_H
#define ST_INDEX_VECTOR_ROWS_H

#include "base/memory.h"
#include "base/sync.h"
#include "index/vector/row_pool.h"

/* Chunks of rows that are somewhere else. */
typedef struct st_row_source {
    /* Reads the chunk, `len` bytes. Errors: what the reader of the rows is told in the end. */
    strata_status (*load)(struct st_row_source *source, uint32_t section, uint32_t chunk,
                          uint8_t *into, size_t len);
    const strata_executor *executor;
    st_row_pool *pool;   /* NULL: what was loaded stays */
    st_mutex lock;       /* of loading */
    _Atomic int failure; /* the first strata_status that was none: then rows may be all zeros */
} st_row_source;

typedef struct st_rows {
    const strata_allocator *memory;
    uint32_t stride;   /* bytes of a row */
    uint32_t shift;    /* a chunk has 1 << shift rows */
    uint32_t capacity; /* rows, at most */
    uint32_t chunks_len;
    _Atomic(uint8_t *) *chunks; /* aligned to 64 bytes; NULL: not reached, or not loaded */
    void **blocks; /* as the allocator gave them; paged: st_paged_chunk, under the pool's lock */
    st_row_source *source; /* NULL: rows are only here */
    uint32_t section;      /* of the source */
    uint8_t *nothing;      /* a row of zeros, for those that could not be loaded */
} st_rows;

enum {
    ST_ROWS_CHUNK_PAGED = 4 << 10,  /* one read of the disk, for a row or two that are needed */
    ST_ROWS_CHUNK_SMALL = 64 << 10, /* of what may stay small */
    ST_ROWS_CHUNK_LARGE = 4 << 20,  /* hosts give such sizes from huge pages */
};

/* stride: a multiple of 4. chunk_bytes: of a chunk, at most. memory: borrowed until st_rows_free. Errors: no_memory. */
strata_status st_rows_init(st_rows *rows, const strata_allocator *memory, uint32_t stride,
                           uint32_t capacity, uint32_t chunk_bytes);
/* The same for `capacity` rows of a source, which is borrowed too. Errors: no_memory. */
strata_status st_rows_attach(st_rows *rows, const strata_allocator *memory, uint32_t stride,
                             uint32_t capacity, uint32_t chunk_bytes, st_row_source *source,
                             uint32_t section);
void st_rows_free(st_rows *rows);

/* Makes sure that there is memory, all zeros at first, for the rows below `count`. Errors: no_memory. */
strata_status st_rows_reach(st_rows *rows, uint32_t count);
/* Loads each chunk of a source; paged ones may have gone again. reader: rests between them; NULL: they are not paged.
 * Errors: those of load, no_memory. */
strata_status st_rows_load(st_rows *rows, st_row_reader *reader);
/* Memory taken from the allocator; what is paged counts for the pool instead. */
size_t st_rows_bytes(const st_rows *rows);
/* Rows of a chunk of such rows, as a shift. */
uint32_t st_rows_shift(uint32_t stride, uint32_t capacity, uint32_t chunk_bytes);

/* The row of a chunk that is not loaded. */
uint8_t *st_rows_fetch(const st_rows *rows, uint32_t row);

static inline uint8_t *st_rows_at(const st_rows *rows, uint32_t row) {
    const uint32_t within = row & ((UINT32_C(1) << rows->shift) - 1);
    /* As epochs want it; on most processors it is the load that any other order would be. */
    uint8_t *chunk = atomic_load_explicit(&rows->chunks[row >> rows->shift], memory_order_seq_cst);
    return ST_LIKELY(chunk != NULL) ? chunk + (size_t)within * rows->stride
                                    : st_rows_fetch(rows, row);
}

/* How many rows from this one on lie behind it, each a stride after the one before: at least itself. row: was reached;
 * at: as st_rows_at said. */
static inline uint32_t st_rows_run(const st_rows *rows, uint32_t row, const uint8_t *at) {
    const uint32_t within = row & ((UINT32_C(1) << rows->shift) - 1);
    return at == rows->nothing ? 1 : (UINT32_C(1) << rows->shift) - within;
}

#endif
