/* memory.c - arenas and buffers over the host's allocator.
 *
 * Invariants of an arena:
 * 1. next <= end, both inside the newest chunk; older chunks are full or were too small.
 * 2. Memory once returned does not move and is not reused before a reset or free.
 * A page fault costs as much as several inserts, so chunks grow to 4 MiB, which hosts can take from
 * huge pages. Rejected: one chunk per size class; nothing here is freed by itself.
 */
#include "base/memory.h"

enum { CHUNK_MIN = 4096, ALIGN_MAX = 64 };

typedef struct st_arena_chunk {
    struct st_arena_chunk *older;
    size_t size; /* of the whole chunk, this header included */
} st_arena_chunk;

void st_arena_init(st_arena *arena, const strata_allocator *allocator, size_t first_chunk) {
    memset(arena, 0, sizeof *arena);
    arena->allocator = allocator;
    arena->chunk_size = st_max(first_chunk, CHUNK_MIN);
    atomic_init(&arena->reserved, 0);
}

static void free_chunks(st_arena *arena, st_arena_chunk *chunk) {
    while (chunk != NULL) {
        st_arena_chunk *older = chunk->older;
        atomic_fetch_sub_explicit(&arena->reserved, chunk->size, memory_order_relaxed);
        st_free(arena->allocator, chunk, chunk->size);
        chunk = older;
    }
}

void st_arena_free(st_arena *arena) {
    free_chunks(arena, arena->chunks);
    arena->chunks = NULL;
    arena->next = NULL;
    arena->end = NULL;
    atomic_store_explicit(&arena->reserved, 0, memory_order_relaxed);
}

void st_arena_reset(st_arena *arena) {
    st_arena_chunk *newest = arena->chunks;
    if (newest == NULL) {
        return;
    }
    if (ST_UNLIKELY(newest->older != NULL)) {
        free_chunks(arena, newest->older);
        newest->older = NULL;
        atomic_store_explicit(&arena->reserved, newest->size, memory_order_relaxed);
    }
    arena->next = (char *)(newest + 1);
    arena->end = (char *)newest + newest->size;
}

static bool add_chunk(st_arena *arena, size_t size) {
    const size_t needed = sizeof(st_arena_chunk) + size + ALIGN_MAX;
    if (needed < size) {
        return false;
    }
    const size_t chunk_size = st_max(arena->chunk_size, needed);
    st_arena_chunk *chunk = st_alloc(arena->allocator, chunk_size);
    if (chunk == NULL) {
        return false;
    }
    chunk->older = arena->chunks;
    chunk->size = chunk_size;
    arena->chunks = chunk;
    arena->next = (char *)(chunk + 1);
    arena->end = (char *)chunk + chunk_size;
    atomic_fetch_add_explicit(&arena->reserved, chunk_size, memory_order_relaxed);
    if (arena->chunk_size < ST_ARENA_CHUNK_MAX) {
        arena->chunk_size *= 2;
    }
    return true;
}

void *st_arena_alloc(st_arena *arena, size_t size, size_t align) {
    ST_ASSERT(align != 0 && (align & (align - 1)) == 0 && align <= ALIGN_MAX);
    size_t padding = (size_t)(-(uintptr_t)arena->next) & (align - 1);
    if (ST_UNLIKELY((size_t)(arena->end - arena->next) < padding ||
                    (size_t)(arena->end - arena->next) - padding < size)) {
        if (!add_chunk(arena, size)) {
            return NULL;
        }
        padding = (size_t)(-(uintptr_t)arena->next) & (align - 1);
    }
    char *memory = arena->next + padding;
    arena->next = memory + size;
    return memory;
}

strata_slice st_arena_copy(st_arena *arena, strata_slice bytes) {
    if (bytes.len == 0) {
        return st_slice("", 0);
    }
    char *copy = st_arena_alloc(arena, bytes.len, 1);
    if (copy == NULL) {
        return st_slice(NULL, 0);
    }
    memcpy(copy, bytes.data, bytes.len);
    return st_slice(copy, bytes.len);
}

static const strata_allocator *buffer_allocator(strata_buffer *buffer) {
    if (buffer->host == NULL) {
        buffer->host = strata_host_default();
    }
    return &buffer->host->memory;
}

strata_status st_buffer_reserve(strata_buffer *buffer, size_t more) {
    if (ST_LIKELY(buffer->cap - buffer->len >= more)) {
        return STRATA_OK;
    }
    if (buffer->len > SIZE_MAX / 2 || more > SIZE_MAX / 2 - buffer->len) {
        return STRATA_NO_MEMORY;
    }
    const size_t cap = st_max(st_max(buffer->cap * 2, buffer->len + more), 256);
    uint8_t *data = st_resize(buffer_allocator(buffer), buffer->data, buffer->cap, cap);
    if (data == NULL) {
        return STRATA_NO_MEMORY;
    }
    buffer->data = data;
    buffer->cap = cap;
    return STRATA_OK;
}

strata_status st_buffer_append(strata_buffer *buffer, const void *data, size_t len) {
    if (len == 0) {
        return STRATA_OK;
    }
    ST_TRY(st_buffer_reserve(buffer, len));
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    return STRATA_OK;
}

void strata_buffer_free(strata_buffer *buffer) {
    if (buffer->data != NULL) {
        st_free(buffer_allocator(buffer), buffer->data, buffer->cap);
    }
    buffer->data = NULL;
    buffer->len = 0;
    buffer->cap = 0;
}
