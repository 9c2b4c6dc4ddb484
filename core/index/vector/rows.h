/* rows.h - many records of one size, in chunks that never move.
 *
 * A row is found with one load from a short table and a multiplication. Chunks come when their first
 * row does, so that a room for many costs little while it has few; none moves, so that readers need no
 * lock while rows are added behind those that they know of.
 * Threads: rows_reach by one at a time; reading rows that were reached, by any.
 */
#ifndef ST_INDEX_VECTOR_ROWS_H
#define ST_INDEX_VECTOR_ROWS_H

#include "base/memory.h"

typedef struct st_rows {
    const strata_allocator *memory;
    uint32_t stride;   /* bytes of a row */
    uint32_t shift;    /* a chunk has 1 << shift rows */
    uint32_t capacity; /* rows, at most */
    uint32_t chunks_len;
    uint8_t **chunks; /* aligned to 64 bytes; NULL: not reached yet */
    void **blocks;    /* as the allocator gave them */
} st_rows;

/* stride: a multiple of 4. memory: borrowed until st_rows_free. Errors: no_memory. */
strata_status st_rows_init(st_rows *rows, const strata_allocator *memory, uint32_t stride,
                           uint32_t capacity);
void st_rows_free(st_rows *rows);

/* Makes sure that there is memory, all zeros at first, for the rows below `count`. Errors: no_memory. */
strata_status st_rows_reach(st_rows *rows, uint32_t count);
/* Memory taken from the allocator. */
size_t st_rows_bytes(const st_rows *rows);

static inline uint8_t *st_rows_at(const st_rows *rows, uint32_t row) {
    const uint32_t within = row & ((UINT32_C(1) << rows->shift) - 1);
    return rows->chunks[row >> rows->shift] + (size_t)within * rows->stride;
}

#endif
