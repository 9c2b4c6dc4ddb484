/* rows.c - many records of one size, in chunks that never move.
 *
 * 1. A chunk has the power of two of rows that fits the size asked for, or all rows if those are fewer. Large ones
 *    come from huge pages, of which a walk through a graph, with its rows all over the place, needs few entries in
 *    the processor's table.
 * 2. The table of chunks is as long as the capacity asks for from the beginning, and never moves.
 * 3. A chunk of a source is loaded once, under the source's lock, and shown when it is whole. What cannot be loaded is
 *    a row of zeros, and the source remembers why: a walk goes on among nonsense, to its end, and its caller then
 *    throws the answer away. So no reader of a row has to look at a status. After that nothing more is loaded.
 * 4. Chunks that are paged (row_pool.h) come and go under the lock of the pool instead, and are read without one.
 * Rejected: one block that is copied when it grows. Readers would have to be told, and for a moment there
 * would be two.
 */
#include "index/vector/rows.h"

enum { ALIGN = 64 };

uint32_t st_rows_shift(uint32_t stride, uint32_t capacity, uint32_t chunk_bytes) {
    uint32_t shift = 0;
    while ((size_t)stride << (shift + 1) <= chunk_bytes && UINT32_C(1) << shift < capacity) {
        shift++;
    }
    return shift;
}

strata_status st_rows_init(st_rows *rows, const strata_allocator *memory, uint32_t stride,
                           uint32_t capacity, uint32_t chunk_bytes) {
    ST_ASSERT(stride > 0 && stride % 4 == 0 && capacity > 0);
    const uint32_t shift = st_rows_shift(stride, capacity, chunk_bytes);
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

strata_status st_rows_attach(st_rows *rows, const strata_allocator *memory, uint32_t stride,
                             uint32_t capacity, uint32_t chunk_bytes, st_row_source *source,
                             uint32_t section) {
    ST_TRY(st_rows_init(rows, memory, stride, capacity, chunk_bytes));
    rows->nothing = st_alloc_zeroed(memory, stride);
    if (rows->nothing == NULL) {
        st_rows_free(rows);
        return STRATA_NO_MEMORY;
    }
    rows->source = source;
    rows->section = section;
    return STRATA_OK;
}

/* Rows of a chunk; the last one may have fewer. */
static size_t chunk_bytes(const st_rows *rows, uint32_t chunk) {
    const uint32_t first = chunk << rows->shift;
    const size_t count = st_min((size_t)1 << rows->shift, rows->capacity - first);
    return count * rows->stride;
}

static bool is_paged(const st_rows *rows) {
    return rows->source != NULL && rows->source->pool != NULL;
}

void st_rows_free(st_rows *rows) {
    if (is_paged(rows)) {
        st_row_pool_drop(rows->source->pool, rows);
    }
    for (uint32_t i = 0; rows->blocks != NULL && i < rows->chunks_len; i++) {
        st_free(rows->memory, rows->blocks[i], chunk_bytes(rows, i) + ALIGN);
    }
    if (rows->memory != NULL) {
        st_free(rows->memory, rows->chunks, rows->chunks_len * sizeof *rows->chunks);
        st_free(rows->memory, rows->blocks, rows->chunks_len * sizeof *rows->blocks);
        st_free(rows->memory, rows->nothing, rows->stride);
    }
    *rows = (st_rows){.memory = rows->memory};
}

/* Memory for the chunk, which nobody sees yet. */
static uint8_t *take_chunk(const st_rows *rows, uint32_t chunk) {
    uint8_t *block = st_alloc_zeroed(rows->memory, chunk_bytes(rows, chunk) + ALIGN);
    rows->blocks[chunk] = block;
    return block == NULL ? NULL : block + (ALIGN - (uintptr_t)block % ALIGN) % ALIGN;
}

strata_status st_rows_reach(st_rows *rows, uint32_t count) {
    ST_ASSERT(count <= rows->capacity && rows->source == NULL);
    const uint32_t end =
        (uint32_t)(((uint64_t)count + (UINT32_C(1) << rows->shift) - 1) >> rows->shift);
    for (uint32_t i = end; i > 0 && rows->blocks[i - 1] == NULL; i--) {
        uint8_t *bytes = take_chunk(rows, i - 1);
        if (bytes == NULL) {
            return STRATA_NO_MEMORY;
        }
        atomic_store_explicit(&rows->chunks[i - 1], bytes, memory_order_release);
    }
    return STRATA_OK;
}

static strata_status read_chunk(const st_rows *rows, uint32_t chunk, uint8_t *into) {
    return rows->source->load(rows->source, rows->section, chunk, into, chunk_bytes(rows, chunk));
}

/* Under the source's lock. */
static strata_status load_to_stay(const st_rows *rows, uint32_t chunk, uint8_t **bytes) {
    uint8_t *made = take_chunk(rows, chunk);
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    const strata_status status = read_chunk(rows, chunk, made);
    if (status != STRATA_OK) {
        st_free(rows->memory, rows->blocks[chunk], chunk_bytes(rows, chunk) + ALIGN);
        rows->blocks[chunk] = NULL;
        return status;
    }
    atomic_store_explicit(&rows->chunks[chunk], made, memory_order_release);
    *bytes = made;
    return STRATA_OK;
}

/* Without a lock: two threads may read the same, and one of them keeps it. */
static strata_status load_paged(const st_rows *rows, uint32_t chunk, uint8_t **bytes) {
    st_paged_chunk *made = st_paged_chunk_create(rows->source->pool, chunk_bytes(rows, chunk));
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    const strata_status status = read_chunk(rows, chunk, st_paged_chunk_bytes(made));
    if (status != STRATA_OK) {
        st_paged_chunk_free(made);
        return status;
    }
    *bytes = st_row_pool_show(rows, chunk, made);
    return STRATA_OK;
}

static strata_status load_chunk(const st_rows *rows, uint32_t chunk, uint8_t **bytes) {
    st_row_source *source = rows->source;
    int failure = atomic_load_explicit(&source->failure, memory_order_relaxed);
    if (failure == STRATA_OK) {
        failure = (int)(is_paged(rows) ? load_paged : load_to_stay)(rows, chunk, bytes);
        if (failure != STRATA_OK) {
            atomic_store_explicit(&source->failure, failure, memory_order_release);
        }
    }
    return (strata_status)failure;
}

/* The bytes of the chunk; as long as it stays, or for a reader that has entered. */
static strata_status need_chunk(const st_rows *rows, uint32_t chunk, uint8_t **bytes) {
    st_row_source *source = rows->source;
    strata_status status = STRATA_OK;
    if (is_paged(rows)) {
        *bytes = st_row_pool_find(source->pool, rows, chunk);
        return *bytes != NULL ? STRATA_OK : load_chunk(rows, chunk, bytes);
    }
    st_mutex_lock(&source->lock, source->executor);
    *bytes = atomic_load_explicit(&rows->chunks[chunk], memory_order_acquire);
    if (*bytes == NULL) {
        status = load_chunk(rows, chunk, bytes);
    }
    st_mutex_unlock(&source->lock, source->executor);
    return status;
}

uint8_t *st_rows_fetch(const st_rows *rows, uint32_t row) {
    const uint32_t within = row & ((UINT32_C(1) << rows->shift) - 1);
    uint8_t *bytes;
    ST_ASSERT(rows->source != NULL);
    return need_chunk(rows, row >> rows->shift, &bytes) == STRATA_OK
               ? bytes + (size_t)within * rows->stride
               : rows->nothing;
}

strata_status st_rows_load(st_rows *rows, st_row_reader *reader) {
    for (uint32_t i = 0; i < rows->chunks_len; i++) {
        uint8_t *unused;
        ST_TRY(need_chunk(rows, i, &unused));
        st_row_reader_rest(reader);
    }
    return STRATA_OK;
}

size_t st_rows_bytes(const st_rows *rows) {
    size_t bytes = rows->chunks_len * (sizeof *rows->chunks + sizeof *rows->blocks);
    for (uint32_t i = 0; i < rows->chunks_len && !is_paged(rows); i++) {
        const bool there = atomic_load_explicit(&rows->chunks[i], memory_order_acquire) != NULL;
        bytes += there ? chunk_bytes(rows, i) + ALIGN : 0;
    }
    return bytes;
}
