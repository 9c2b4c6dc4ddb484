/* chunk_pool.h - large chunks that one arena freed, kept for the next.
 *
 * The first touch of fresh memory costs more than all that is then done in it: the system clears
 * every page, and on a virtual machine may have to find it first. Where arenas come and go, as
 * memtables do, the next one takes the chunks of the last.
 */
#ifndef ST_BASE_CHUNK_POOL_H
#define ST_BASE_CHUNK_POOL_H

#include "base/memory.h"
#include "base/sync.h"

typedef struct st_chunk_pool {
    strata_allocator allocator; /* what arenas take: allocates from the pool, then from the host */
    const strata_host *host;
    st_mutex lock;
    struct st_pooled_chunk *free;
    uint64_t bytes; /* of the free ones */
    uint64_t bytes_max;
} st_chunk_pool;

/* Keeps at most bytes_max. Any thread may use the allocator; the pool stays where it is. */
void st_chunk_pool_init(st_chunk_pool *pool, const strata_host *host, uint64_t bytes_max);
/* Gives what is free back to the host, and goes on. Any thread. */
void st_chunk_pool_empty(st_chunk_pool *pool);
/* Gives everything back to the host; the allocator takes no more. */
void st_chunk_pool_free(st_chunk_pool *pool);

#endif
