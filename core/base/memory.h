/* memory.h - the host's allocator, arenas and growable buffers. */
#ifndef ST_BASE_MEMORY_H
#define ST_BASE_MEMORY_H

#include "base/status.h"

/* Memory of `size` bytes, not cleared; NULL when there is none. */
static inline void *st_alloc(const strata_allocator *allocator, size_t size) {
    return allocator->resize(allocator->ctx, NULL, 0, size);
}

/* The same, cleared. */
static inline void *st_alloc_zeroed(const strata_allocator *allocator, size_t size) {
    void *memory = st_alloc(allocator, size);
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

static inline void *st_resize(const strata_allocator *allocator, void *old, size_t old_size,
                              size_t new_size) {
    return allocator->resize(allocator->ctx, old, old_size, new_size);
}

/* NULL is fine. size: what was asked for. */
static inline void st_free(const strata_allocator *allocator, void *memory, size_t size) {
    if (memory != NULL) {
        allocator->resize(allocator->ctx, memory, size, 0);
    }
}

/* ---- Arena ----------------------------------------------------------------------------------- */

enum { ST_ARENA_CHUNK_MAX = 4 << 20 };

/* Memory that is freed all at once. Chunks double from 4 KiB (or first_chunk) to 4 MiB. One thread
 * allocates at a time; what it returned may be read by any. */
typedef struct st_arena {
    const strata_allocator *allocator;
    struct st_arena_chunk *chunks; /* newest first */
    char *next;
    char *end;
    size_t chunk_size;       /* of the next chunk */
    _Atomic size_t reserved; /* bytes taken from the allocator */
} st_arena;

void st_arena_init(st_arena *arena, const strata_allocator *allocator, size_t first_chunk);
/* Frees everything; the arena may be used again. */
void st_arena_free(st_arena *arena);
/* Forgets everything but keeps the newest chunk for reuse. */
void st_arena_reset(st_arena *arena);
/* align: a power of two, at most 64. NULL when there is no memory. Cost: a few instructions. */
void *st_arena_alloc(st_arena *arena, size_t size, size_t align);
/* A copy of the bytes, not ended with NUL; data NULL when there is no memory (never for len 0). */
strata_slice st_arena_copy(st_arena *arena, strata_slice bytes);

/* ---- Buffer ---------------------------------------------------------------------------------- */

/* Makes room for `more` bytes after len. Errors: no_memory. Cost: amortised constant. */
strata_status st_buffer_reserve(strata_buffer *buffer, size_t more);
strata_status st_buffer_append(strata_buffer *buffer, const void *data, size_t len);

static inline strata_slice st_buffer_slice(const strata_buffer *buffer) {
    return st_slice(buffer->data, buffer->len);
}

#endif
