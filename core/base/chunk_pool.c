/* chunk_pool.c - a list of free chunks, all of the size that arenas end up with.
 *
 * Invariants
 * 1. Every chunk in the list has ST_ARENA_CHUNK_MAX bytes; other sizes pass through to the host.
 * 2. bytes <= bytes_max.
 * Rejected: keeping all sizes. Arenas double their chunks, so nearly all bytes are in the largest.
 */
#include "base/chunk_pool.h"

typedef struct st_pooled_chunk {
    struct st_pooled_chunk *next;
} st_pooled_chunk;

static void *take(st_chunk_pool *pool) {
    st_mutex_lock(&pool->lock, &pool->host->executor);
    st_pooled_chunk *chunk = pool->free;
    if (chunk != NULL) {
        pool->free = chunk->next;
        pool->bytes -= ST_ARENA_CHUNK_MAX;
    }
    st_mutex_unlock(&pool->lock, &pool->host->executor);
    return chunk;
}

static bool keep(st_chunk_pool *pool, st_pooled_chunk *chunk) {
    st_mutex_lock(&pool->lock, &pool->host->executor);
    const bool room = pool->bytes + ST_ARENA_CHUNK_MAX <= pool->bytes_max;
    if (room) {
        chunk->next = pool->free;
        pool->free = chunk;
        pool->bytes += ST_ARENA_CHUNK_MAX;
    }
    st_mutex_unlock(&pool->lock, &pool->host->executor);
    return room;
}

static void *resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    st_chunk_pool *pool = ctx;
    if (old == NULL && new_size == ST_ARENA_CHUNK_MAX) {
        void *chunk = take(pool);
        if (chunk != NULL) {
            return chunk;
        }
    }
    if (new_size == 0 && old != NULL && old_size == ST_ARENA_CHUNK_MAX && keep(pool, old)) {
        return NULL;
    }
    const strata_allocator *memory = &pool->host->memory;
    return memory->resize(memory->ctx, old, old_size, new_size);
}

void st_chunk_pool_init(st_chunk_pool *pool, const strata_host *host, uint64_t bytes_max) {
    memset(pool, 0, sizeof *pool);
    pool->allocator = (strata_allocator){pool, resize};
    pool->host = host;
    pool->bytes_max = bytes_max;
    st_mutex_init(&pool->lock);
}

void st_chunk_pool_empty(st_chunk_pool *pool) {
    for (void *chunk = take(pool); chunk != NULL; chunk = take(pool)) {
        st_free(&pool->host->memory, chunk, ST_ARENA_CHUNK_MAX);
    }
}

void st_chunk_pool_free(st_chunk_pool *pool) {
    st_chunk_pool_empty(pool);
    pool->bytes_max = 0;
}
