/* rows.c - many records of one size, in chunks that never move.
 *
 * 1. A chunk has the power of two of rows that takes it to between two and four mebibytes, or all rows if
 *    those are fewer: hosts give such sizes from huge pages, of which a walk through a graph, with its
 *    rows all over the place, needs few entries in the processor's table.
 * 2. The table of chunks is as long as the capacity asks for from the beginning, and never moves.
 * Rejected: one block that is copied when it grows. Readers would have to be told, and for a moment there
 * would be two.
 */
#include "index/vector/rows.h"

enum { CHUNK_BYTES = 4 << 20, ALIGN = 64 };

strata_status st_rows_init(st_rows *rows, const strata_allocator *memory, uint32_t stride,
                           uint32_t capacity) {
    uint32_t shift = 0;
    ST_ASSERT(stride > 0 && stride % 4 == 0 && capacity > 0);
    while ((size_t)stride << (shift + 1) <= CHUNK_BYTES && UINT32_C(1) << shift < capacity) {
        shift++;
    }
    const uint32_t len = (uint32_t)(((uint64_t)capacity + (UINT32_C(1) << shift) - 1) >> shift);
    *rows = (st_rows){.memory = memory,
                      .stride = stride,
                      .shift = shift,
                      .capacity = capacity,
                      .chunks_len = len,
                      .chunks = st_alloc_zeroed(memory, len * sizeof *rows->chunks),
                      .blocks = st_alloc_zeroed(memory, len * sizeof *rows->blocks)};
    if (rows->chunks == NULL || rows->blocks == NULL) {
        st_rows_free(rows);
        return STRATA_NO_MEMORY;
    }
    return STRATA_OK;
}

/* Of the block of a chunk; the last one may be shorter. */
static size_t block_bytes(const st_rows *rows, uint32_t chunk) {
    const uint32_t first = chunk << rows->shift;
    const uint32_t count = (uint32_t)st_min(UINT32_C(1) << rows->shift, rows->capacity - first);
    return (size_t)count * rows->stride + ALIGN;
}

void st_rows_free(st_rows *rows) {
    for (uint32_t i = 0; rows->blocks != NULL && i < rows->chunks_len; i++) {
        st_free(rows->memory, rows->blocks[i], block_bytes(rows, i));
    }
    st_free(rows->memory, rows->chunks, rows->chunks_len * sizeof *rows->chunks);
    st_free(rows->memory, rows->blocks, rows->chunks_len * sizeof *rows->blocks);
    *rows = (st_rows){.memory = rows->memory};
}

strata_status st_rows_reach(st_rows *rows, uint32_t count) {
    ST_ASSERT(count <= rows->capacity);
    const uint32_t end =
        (uint32_t)(((uint64_t)count + (UINT32_C(1) << rows->shift) - 1) >> rows->shift);
    for (uint32_t i = end; i > 0 && rows->blocks[i - 1] == NULL; i--) {
        uint8_t *block = st_alloc_zeroed(rows->memory, block_bytes(rows, i - 1));
        if (block == NULL) {
            return STRATA_NO_MEMORY;
        }
        rows->blocks[i - 1] = block;
        rows->chunks[i - 1] = block + (ALIGN - (uintptr_t)block % ALIGN) % ALIGN;
    }
    return STRATA_OK;
}

size_t st_rows_bytes(const st_rows *rows) {
    size_t bytes = rows->chunks_len * (sizeof *rows->chunks + sizeof *rows->blocks);
    for (uint32_t i = 0; i < rows->chunks_len; i++) {
        bytes += rows->blocks[i] == NULL ? 0 : block_bytes(rows, i);
    }
    return bytes;
}
