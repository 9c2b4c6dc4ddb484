/* row_pool.c - how much memory the vector indexes of a database take together, for what they also have in files.
 *
 * 1. Parts are granted three quarters of the budget, first come, first served. Chunks of paged rows have what was not
 *    granted, and a quarter at least.
 * 2. A chunk is hot (in the table of its rows, where readers find it without a lock), or cooling: gone from the
 *    table, but not from memory. Who asks for one that cools finds it, under the lock, and makes it hot again; what
 *    nobody asked for until the queue has gone by is retired, and freed when no reader can have it. So reading leaves
 *    no mark, and what is read often stays all the same (Leis and others, "LeanStore: In-Memory Data Management
 *    Beyond Main Memory", 2018, section III).
 * 3. Nothing cools until something has to go; then a quarter does.
 * 4. Which chunks there are, and their queues, change under `lock`; rows are read from the file without it.
 * 5. More than the budget is taken by what readers may look at: for each of them, the chunks that it touched since it
 *    rested. A walk rests at each step, a scan after some rows.
 * The epoch is the pool's own: those of the store last as long as a request, which may touch all there is.
 * Rejected: the cache of blocks. A lock, two counters and a look into a hash table for each of the two thousand rows
 * that a walk meets would make a search slower by half, also where all is in memory.
 */
#include "index/vector/row_pool.h"

#include "index/vector/rows.h"

enum {
    ALIGN = 64,
    COOLING_ONE_IN = 4,
    PAGED_ONE_IN = 4, /* of the budget, at least */
};

void st_row_pool_init(st_row_pool *pool, const strata_host *host, uint64_t budget) {
    *pool = (st_row_pool){.host = host, .budget = budget};
    st_epoch_init(&pool->epoch, &host->executor);
    st_mutex_init(&pool->lock);
}

void st_row_pool_free(st_row_pool *pool) {
    ST_ASSERT(pool->hot.oldest == NULL && pool->cooling.oldest == NULL);
    st_epoch_reclaim_all(&pool->epoch);
}

static void lock(st_row_pool *pool) {
    st_mutex_lock(&pool->lock, &pool->host->executor);
}
static void unlock(st_row_pool *pool) {
    st_mutex_unlock(&pool->lock, &pool->host->executor);
}

/* ---- Grants ---------------------------------------------------------------------------------- */

bool st_row_pool_grant(st_row_pool *pool, uint64_t bytes, uint64_t instead_of) {
    const uint64_t most = pool->budget - pool->budget / PAGED_ONE_IN;
    lock(pool);
    const uint64_t granted = atomic_load_explicit(&pool->granted, memory_order_relaxed);
    const uint64_t others = granted > instead_of ? granted - instead_of : 0;
    const bool fits = others <= most && bytes <= most - others;
    if (fits) {
        atomic_fetch_add_explicit(&pool->granted, bytes, memory_order_relaxed);
    }
    unlock(pool);
    return fits;
}

void st_row_pool_take(st_row_pool *pool, uint64_t bytes) {
    atomic_fetch_add_explicit(&pool->granted, bytes, memory_order_relaxed);
}

void st_row_pool_give_back(st_row_pool *pool, uint64_t bytes) {
    atomic_fetch_sub_explicit(&pool->granted, bytes, memory_order_relaxed);
}

void st_row_pool_refuse(st_row_pool *pool, uint64_t bytes) {
    atomic_fetch_add_explicit(&pool->refused, bytes, memory_order_relaxed);
}

void st_row_pool_forget(st_row_pool *pool, uint64_t bytes) {
    atomic_fetch_sub_explicit(&pool->refused, bytes, memory_order_relaxed);
}

/* For chunks of paged rows. */
static uint64_t paged_max(const st_row_pool *pool) {
    const uint64_t least = pool->budget / PAGED_ONE_IN;
    const uint64_t granted =
        atomic_load_explicit((_Atomic uint64_t *)&pool->granted, memory_order_relaxed);
    return granted < pool->budget - least ? pool->budget - granted : least;
}

uint64_t st_row_pool_claim(const st_row_pool *pool) {
    const uint64_t refused =
        atomic_load_explicit((_Atomic uint64_t *)&pool->refused, memory_order_relaxed);
    const uint64_t most = paged_max(pool);
    return atomic_load_explicit((_Atomic uint64_t *)&pool->granted, memory_order_relaxed) +
           (refused < most ? refused : most);
}

void st_row_pool_read_stats(st_row_pool *pool, st_row_pool_stats *stats) {
    st_epoch_reclaim(&pool->epoch); /* nobody may have read anything since readers left */
    lock(pool);
    stats->paged = pool->hot.bytes + pool->cooling.bytes;
    unlock(pool);
    stats->granted = atomic_load_explicit(&pool->granted, memory_order_relaxed);
    stats->waiting = atomic_load_explicit(&pool->waiting, memory_order_relaxed);
    stats->loads = atomic_load_explicit(&pool->loads, memory_order_relaxed);
}

/* ---- Readers --------------------------------------------------------------------------------- */

void st_row_reader_open(st_row_reader *reader, st_row_pool *pool) {
    reader->pool = pool;
    reader->inside = false;
    if (pool != NULL) {
        st_epoch_register(&pool->epoch, &reader->slot);
    }
}

void st_row_reader_close(st_row_reader *reader) {
    if (reader->pool != NULL) {
        st_epoch_unregister(&reader->pool->epoch, &reader->slot);
        reader->pool = NULL;
    }
}

/* ---- Queues, under the lock ------------------------------------------------------------------ */

static void push(st_chunk_queue *queue, st_paged_chunk *chunk) {
    chunk->older = queue->newest;
    chunk->newer = NULL;
    *(queue->newest == NULL ? &queue->oldest : &queue->newest->newer) = chunk;
    queue->newest = chunk;
    queue->bytes += chunk->size;
}

static void take_out(st_chunk_queue *queue, st_paged_chunk *chunk) {
    *(chunk->older == NULL ? &queue->oldest : &chunk->older->newer) = chunk->newer;
    *(chunk->newer == NULL ? &queue->newest : &chunk->newer->older) = chunk->older;
    queue->bytes -= chunk->size;
}

static void move_to(st_row_pool *pool, st_paged_chunk *chunk, bool cooling) {
    take_out(chunk->cooling ? &pool->cooling : &pool->hot, chunk);
    chunk->cooling = cooling;
    push(cooling ? &pool->cooling : &pool->hot, chunk);
    /* In one order with the entering of readers: see epoch.c. */
    atomic_store_explicit(&chunk->rows->chunks[chunk->chunk],
                          cooling ? NULL : st_paged_chunk_bytes(chunk), memory_order_seq_cst);
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

uint8_t *st_paged_chunk_bytes(st_paged_chunk *chunk) {
    uint8_t *behind = (uint8_t *)(chunk + 1);
    return behind + (-(uintptr_t)behind & (ALIGN - 1));
}

void st_paged_chunk_free(st_paged_chunk *chunk) {
    st_free(&chunk->pool->host->memory, chunk, chunk->size);
}

static void reclaim(st_retired *retired) {
    st_paged_chunk *chunk = (st_paged_chunk *)(void *)retired;
    atomic_fetch_sub_explicit(&chunk->pool->waiting, chunk->size, memory_order_relaxed);
    st_paged_chunk_free(chunk);
}

/* It is in no queue, nor in the table of its rows. */
static void retire(st_row_pool *pool, st_paged_chunk *chunk) {
    chunk->rows->blocks[chunk->chunk] = NULL;
    atomic_fetch_add_explicit(&pool->waiting, chunk->size, memory_order_relaxed);
    st_epoch_retire(&pool->epoch, &chunk->retired, reclaim);
}

/* What is too much goes, oldest first. Under the lock. */
static void shrink(st_row_pool *pool, uint64_t most) {
    while (pool->hot.bytes + pool->cooling.bytes > most) {
        while (pool->hot.oldest != NULL && pool->cooling.bytes <= most / COOLING_ONE_IN) {
            move_to(pool, pool->hot.oldest, true);
        }
        st_paged_chunk *chunk = pool->cooling.oldest;
        take_out(&pool->cooling, chunk);
        retire(pool, chunk);
    }
}

st_paged_chunk *st_paged_chunk_create(st_row_pool *pool, size_t bytes) {
    const size_t size = sizeof(st_paged_chunk) + bytes + ALIGN - 1;
    st_paged_chunk *made = st_alloc(&pool->host->memory, size);
    if (made == NULL) {
        lock(pool);
        shrink(pool, (pool->hot.bytes + pool->cooling.bytes) / 2);
        unlock(pool);
        st_epoch_reclaim(&pool->epoch);
        made = st_alloc(&pool->host->memory, size);
    }
    if (made != NULL) {
        *made = (st_paged_chunk){.pool = pool, .size = (uint32_t)size};
    }
    return made;
}

uint8_t *st_row_pool_find(st_row_pool *pool, const st_rows *rows, uint32_t chunk) {
    uint8_t *bytes = NULL;
    lock(pool);
    st_paged_chunk *there = rows->blocks[chunk];
    if (there != NULL) {
        bytes = st_paged_chunk_bytes(there);
        if (there->cooling) {
            move_to(pool, there, false);
        }
    }
    unlock(pool);
    return bytes;
}

/* Another thread may have been faster. */
static uint8_t *show_or_find(st_row_pool *pool, const st_rows *rows, uint32_t chunk,
                             st_paged_chunk *made) {
    st_paged_chunk *there = rows->blocks[chunk];
    if (there != NULL) {
        st_paged_chunk_free(made);
        return st_paged_chunk_bytes(there);
    }
    uint8_t *bytes = st_paged_chunk_bytes(made);
    rows->blocks[chunk] = made;
    push(&pool->hot, made);
    atomic_store_explicit(&rows->chunks[chunk], bytes, memory_order_seq_cst);
    shrink(pool, paged_max(pool));
    return bytes;
}

uint8_t *st_row_pool_show(const st_rows *rows, uint32_t chunk, st_paged_chunk *made) {
    st_row_pool *pool = made->pool;
    made->rows = rows;
    made->chunk = chunk;
    atomic_fetch_add_explicit(&pool->loads, 1, memory_order_relaxed);
    lock(pool);
    uint8_t *bytes = show_or_find(pool, rows, chunk, made);
    unlock(pool);
    if (atomic_load_explicit(&pool->waiting, memory_order_relaxed) > 0) {
        st_epoch_reclaim(&pool->epoch);
    }
    return bytes;
}

void st_row_pool_drop(st_row_pool *pool, const st_rows *rows) {
    lock(pool);
    for (uint32_t i = 0; rows->blocks != NULL && i < rows->chunks_len; i++) {
        st_paged_chunk *chunk = rows->blocks[i];
        if (chunk != NULL) {
            take_out(chunk->cooling ? &pool->cooling : &pool->hot, chunk);
            st_paged_chunk_free(chunk);
            rows->blocks[i] = NULL;
        }
    }
    unlock(pool);
}
