/* block_cache.h - decoded blocks of tables, kept while a budget of memory lasts.
 *
 * Threads: any, at any time; create and destroy belong to one.
 */
#ifndef ST_STORE_TABLE_BLOCK_CACHE_H
#define ST_STORE_TABLE_BLOCK_CACHE_H

#include "base/memory.h"
#include "base/sync.h"
#include "store/table/block_cells.h"
#include "store/table/block_decoder.h"

typedef struct st_block_cache st_block_cache;

/* A decoded block; immutable. Borrowed while pinned. */
typedef struct st_cached_block {
    strata_slice bytes;
    uint64_t tag; /* what whoever added it wants to know before it touches the bytes */
} st_cached_block;

/* Errors: no_memory. Cost: under 64 KiB until something is in it. */
strata_status st_block_cache_create(const strata_host *host, uint64_t budget_bytes,
                                    st_block_cache **cache) STRATA_MUST_USE;
/* Nothing is pinned. NULL is fine. */
void st_block_cache_destroy(st_block_cache *cache);
/* What is unpinned beyond the budget goes at once. */
void st_block_cache_resize(st_block_cache *cache, uint64_t budget_bytes);

/* The block at that offset of that table, pinned; NULL when it is not there. */
const st_cached_block *st_block_cache_find(st_block_cache *cache, uint64_t table, uint64_t offset);

/* For many finds: what each of them will wait for is on its way from memory, when all were told here first. */
void st_block_cache_prefetch(st_block_cache *cache, uint64_t table, uint64_t offset);

/* Memory for a block of so many bytes, not cleared; NULL when there is none. *cap: what it takes. */
uint8_t *st_block_cache_room(st_block_cache *cache, size_t bytes, size_t *cap);
/* Gives back room that nothing was added in. */
void st_block_cache_give_back(st_block_cache *cache, uint8_t *bytes, size_t cap);

typedef struct st_block_to_cache {
    uint64_t table;
    uint64_t offset;
    uint8_t *bytes; /* of st_block_cache_room */
    size_t len;
    size_t cap;
    uint64_t tag;
} st_block_to_cache;

/* Takes over the bytes (freed by the cache, also on an error) and pins the block; when another
 * thread was faster, its block is returned. Pinned blocks may exceed the budget. Errors: no_memory.
 */
strata_status st_block_cache_add(st_block_cache *cache, const st_block_to_cache *add,
                                 const st_cached_block **block) STRATA_MUST_USE;
void st_block_cache_unpin(st_block_cache *cache, const st_cached_block *block);

/* Forgets all blocks of a table that nobody reads any more. */
void st_block_cache_drop(st_block_cache *cache, uint64_t table);

/* The decoders that all tables of this cache share. */
st_decoder_pool *st_block_cache_decoders(st_block_cache *cache);

typedef struct st_block_cache_stats {
    uint64_t budget_bytes;
    uint64_t used_bytes;
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
} st_block_cache_stats;

void st_block_cache_read_stats(st_block_cache *cache, st_block_cache_stats *stats);

#endif
