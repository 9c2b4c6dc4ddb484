/* block_cache.c - sixteen hash tables of blocks, each with its own lock and its own clock. A value that
 * a table keeps apart is a block here, too.
 *
 * A block is a record of one cache line in a chained hash table of its shard. Records also stand in
 * a ring, an array over which a hand goes round: it takes the first unpinned record that was not
 * found since the hand last passed (CLOCK, Corbato 1968). The newest record takes the place that the
 * hand has just left, so that it has a whole turn to be found again; blocks that a scan touches once
 * are the first to go.
 *
 * Invariants
 * 1. pins goes up under the lock of the shard only, and down anywhere. So whoever holds the lock
 *    and sees 0 may take the record away.
 * 2. used is the sum of what all blocks cost (bytes, record and place in the table). It is one
 *    number for all shards, as a share for each would waste what an empty one does not use; only
 *    misses and evictions touch it. What hits count is in the shard.
 * 3. used > budget only while pinned blocks keep it there, or until whoever raised it is done.
 * 4. A record is in one chain of its shard and in its ring, or in its list of free ones.
 * Records lie in chunks, which stay until the end: 64 bytes for each block of the fullest time.
 *
 * Rejected: a lock-free table; a find is two atomic operations here (lock, unlock) and a third for
 * the unpin, about 20 ns, and blocks that are freed under lock-free readers need epochs. LRU lists:
 * a hit would write to three records instead of one. Records from the allocator one by one: each
 * was on a page of its own, between two blocks, and cost a miss of the translation buffer.
 */
#include "store/table/block_cache.h"

#include "base/hash.h"

enum {
    SHARDS = 16,
    SHARD_BITS = 4,
    LINE_BYTES = 64,
    CHUNK_RECORDS = 32,
    CHUNKS_MIN = 8,
    BUCKETS_MIN = 32,
    /* Below this a block is too small to be worth a cell. */
    CELL_USED_MIN = ST_CELL_BYTES / 8 * 5,
    LARGE_EXTENTS_FROM = 16 << 20,
};

typedef struct record {
    st_cached_block block; /* first: what readers have of it is this */
    uint64_t table;
    uint64_t offset;
    struct record *chain; /* the next one in the bucket, or free */
    uint32_t cap;         /* of the bytes */
    uint32_t place;       /* in the ring */
    _Atomic uint32_t pins;
    bool found; /* since the hand last passed */
} record;

typedef struct shard {
    st_mutex lock;
    uint32_t hand;         /* a place in the ring */
    uint32_t count;        /* of blocks */
    uint32_t bucket_count; /* a power of two, or 0 */
    uint32_t chunk_count;
    uint32_t cap; /* of the chunks; of the ring, in chunks */
    record **buckets;
    record **ring;
    uint8_t **chunks;
    record *free; /* the last one that was left first */
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
    uint8_t padding[LINE_BYTES]; /* the next shard's lock is in another line */
} shard;

struct st_block_cache {
    const strata_host *host;
    _Atomic uint64_t budget;
    _Atomic uint64_t used;
    st_decoder_pool decoders;
    st_cells cells;
    uint8_t padding[LINE_BYTES];
    shard shards[SHARDS];
};

/* What a block costs besides its bytes: the record, its place in the ring, at most two buckets. */
enum { OVERHEAD_BYTES = sizeof(record) + 3 * sizeof(record *) };

static uint64_t cost_of(const record *r) {
    return (uint64_t)r->cap + OVERHEAD_BYTES;
}

/* Offsets and numbers are small and regular; this spreads them over the high bits, for the shard,
 * and the low ones, for the bucket. */
static uint64_t hash_of(uint64_t table, uint64_t offset) {
    return st_hash_mix(st_hash_u64(table) ^ offset, 0xe7037ed1a0b428dbu);
}

static shard *shard_of(st_block_cache *cache, uint64_t hash) {
    return &cache->shards[hash >> (64 - SHARD_BITS)];
}

/* Chunks are of any alignment; their records are not. */
enum { CHUNK_BYTES = CHUNK_RECORDS * sizeof(record) + LINE_BYTES - 1 };
/* Places in the ring for the records of a chunk. */
enum { RING_BYTES = CHUNK_RECORDS * sizeof(record *) };

static record *chunk_records(uint8_t *chunk) {
    return (record *)(void *)(chunk + (-(uintptr_t)chunk & (LINE_BYTES - 1)));
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

strata_status st_block_cache_create(const strata_host *host, uint64_t budget_bytes,
                                    st_block_cache **cache) {
    st_block_cache *made = st_alloc_zeroed(&host->memory, sizeof *made);
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    made->host = host;
    atomic_init(&made->budget, budget_bytes);
    atomic_init(&made->used, 0);
    st_decoder_pool_init(&made->decoders, host);
    st_cells_init(&made->cells, host);
    for (size_t i = 0; i < SHARDS; i++) {
        st_mutex_init(&made->shards[i].lock);
    }
    *cache = made;
    return STRATA_OK;
}

st_decoder_pool *st_block_cache_decoders(st_block_cache *cache) {
    return &cache->decoders;
}

/* Cells are told from other memory by their size, which that never has. */
uint8_t *st_block_cache_room(st_block_cache *cache, size_t bytes, size_t *cap) {
    if (bytes > ST_CELL_BYTES || bytes < CELL_USED_MIN) {
        *cap = bytes;
        return st_alloc(&cache->host->memory, bytes);
    }
    *cap = ST_CELL_BYTES;
    return st_cells_take(&cache->cells,
                         atomic_load_explicit(&cache->budget, memory_order_relaxed) >=
                             LARGE_EXTENTS_FROM);
}

void st_block_cache_give_back(st_block_cache *cache, uint8_t *bytes, size_t cap) {
    if (cap == ST_CELL_BYTES) {
        st_cells_give(&cache->cells, bytes);
    } else {
        st_free(&cache->host->memory, bytes, cap);
    }
}

static void free_bytes(st_block_cache *cache, const record *r) {
    st_block_cache_give_back(cache, (uint8_t *)(uintptr_t)r->block.bytes.data, r->cap);
}

static void free_shard(st_block_cache *cache, shard *s) {
    const strata_allocator *memory = &cache->host->memory;
    for (uint32_t place = 0; place < s->count; place++) {
        ST_ASSERT(atomic_load_explicit(&s->ring[place]->pins, memory_order_relaxed) == 0);
        free_bytes(cache, s->ring[place]);
    }
    for (uint32_t i = 0; i < s->chunk_count; i++) {
        st_free(memory, s->chunks[i], CHUNK_BYTES);
    }
    st_free(memory, s->chunks, s->cap * sizeof *s->chunks);
    st_free(memory, s->ring, (size_t)s->cap * RING_BYTES);
    st_free(memory, s->buckets, s->bucket_count * sizeof *s->buckets);
}

void st_block_cache_destroy(st_block_cache *cache) {
    if (cache == NULL) {
        return;
    }
    const strata_host *host = cache->host;
    for (size_t i = 0; i < SHARDS; i++) {
        free_shard(cache, &cache->shards[i]);
    }
    st_decoder_pool_free(&cache->decoders);
    st_cells_free(&cache->cells);
    st_free(&host->memory, cache, sizeof *cache);
}

/* ---- A shard, under its lock ----------------------------------------------------------------- */

static record **bucket_of(const shard *s, uint64_t hash) {
    return &s->buckets[hash & (s->bucket_count - 1)];
}

static record *shard_find(const shard *s, uint64_t hash, uint64_t table, uint64_t offset) {
    record *r = s->bucket_count == 0 ? NULL : *bucket_of(s, hash);
    while (r != NULL && (r->offset != offset || r->table != table)) {
        r = r->chain;
    }
    return r;
}

static void pin(record *r) {
    /* Relaxed: the lock orders this with an eviction, see invariant 1. */
    atomic_fetch_add_explicit(&r->pins, 1, memory_order_relaxed);
}

/* Acquire: what the last reader did with the bytes is done before they are freed. */
static bool is_pinned(record *r) {
    return atomic_load_explicit(&r->pins, memory_order_acquire) > 0;
}

static bool grow_buckets(const strata_allocator *memory, shard *s) {
    const uint32_t count = s->bucket_count == 0 ? BUCKETS_MIN : s->bucket_count * 2;
    record **buckets = st_alloc_zeroed(memory, count * sizeof *buckets);
    if (buckets == NULL) {
        return false;
    }
    st_free(memory, s->buckets, s->bucket_count * sizeof *buckets);
    s->buckets = buckets;
    s->bucket_count = count;
    for (uint32_t place = 0; place < s->count; place++) {
        record *r = s->ring[place];
        record **bucket = bucket_of(s, hash_of(r->table, r->offset));
        r->chain = *bucket;
        *bucket = r;
    }
    return true;
}

/* Makes room for twice as many chunks. */
static bool grow(const strata_allocator *memory, shard *s) {
    const uint32_t cap = s->cap == 0 ? CHUNKS_MIN : s->cap * 2;
    uint8_t **chunks = st_alloc(memory, cap * sizeof *chunks);
    record **ring = st_alloc(memory, (size_t)cap * RING_BYTES);
    if (chunks == NULL || ring == NULL) {
        st_free(memory, chunks, cap * sizeof *chunks);
        st_free(memory, ring, (size_t)cap * RING_BYTES);
        return false;
    }
    if (s->cap > 0) {
        memcpy(chunks, s->chunks, s->cap * sizeof *chunks);
        memcpy(ring, s->ring, (size_t)s->cap * RING_BYTES);
        st_free(memory, s->chunks, s->cap * sizeof *chunks);
        st_free(memory, s->ring, (size_t)s->cap * RING_BYTES);
    }
    s->chunks = chunks;
    s->ring = ring;
    s->cap = cap;
    return true;
}

static bool add_chunk(const strata_allocator *memory, shard *s) {
    if (s->chunk_count == s->cap && !grow(memory, s)) {
        return false;
    }
    uint8_t *chunk = st_alloc_zeroed(memory, CHUNK_BYTES);
    if (chunk == NULL) {
        return false;
    }
    s->chunks[s->chunk_count++] = chunk;
    record *records = chunk_records(chunk);
    for (size_t i = CHUNK_RECORDS; i > 0; i--) {
        records[i - 1].chain = s->free;
        s->free = &records[i - 1];
    }
    return true;
}

/* A record for the block, pinned once; NULL when there is no memory. */
static record *shard_insert(const strata_allocator *memory, shard *s, uint64_t hash,
                            const st_block_to_cache *add) {
    if ((s->free == NULL && !add_chunk(memory, s)) ||
        (s->count >= s->bucket_count && !grow_buckets(memory, s))) {
        return NULL;
    }
    record *r = s->free;
    record **bucket = bucket_of(s, hash);
    s->free = r->chain;
    r->block.bytes = st_slice(add->bytes, add->len);
    r->block.tag = add->tag;
    r->table = add->table;
    r->offset = add->offset;
    r->cap = (uint32_t)add->cap;
    r->found = false;
    r->chain = *bucket;
    *bucket = r;
    r->place = s->count;
    s->ring[s->count++] = r;
    pin(r);
    return r;
}

/* Frees an unpinned block; the last record of the ring takes its place. */
static void shard_remove(st_block_cache *cache, shard *s, record *r) {
    record **link = bucket_of(s, hash_of(r->table, r->offset));
    while (*link != r) {
        link = &(*link)->chain;
    }
    *link = r->chain;
    atomic_fetch_sub_explicit(&cache->used, cost_of(r), memory_order_relaxed);
    free_bytes(cache, r);
    r->chain = s->free;
    s->free = r;
    record *last = s->ring[--s->count];
    s->ring[r->place] = last;
    last->place = r->place;
}

/* Turns the hand until it finds a block that may go; false when all are pinned. Two turns are
 * enough: the first takes all marks away. */
static bool shard_evict(st_block_cache *cache, shard *s) {
    for (uint64_t steps = 2 * (uint64_t)s->count; steps > 0; steps--) {
        if (s->hand >= s->count) {
            s->hand = 0;
        }
        record *r = s->ring[s->hand++];
        if (!r->found && !is_pinned(r)) {
            shard_remove(cache, s, r);
            s->evictions++;
            return true;
        }
        r->found = false;
    }
    return false;
}

/* ---- The cache ------------------------------------------------------------------------------- */

static bool is_over(st_block_cache *cache) {
    return atomic_load_explicit(&cache->used, memory_order_relaxed) >
           atomic_load_explicit(&cache->budget, memory_order_relaxed);
}

/* Evicts until the budget is kept or everything is pinned, beginning with that shard. */
static void shrink(st_block_cache *cache, size_t first) {
    for (size_t i = 0; i < SHARDS && is_over(cache); i++) {
        shard *s = &cache->shards[(first + i) % SHARDS];
        st_mutex_lock(&s->lock, &cache->host->executor);
        while (is_over(cache) && shard_evict(cache, s)) {
        }
        st_mutex_unlock(&s->lock, &cache->host->executor);
    }
}

/* Drops the unpinned blocks whose bytes begin in that range. Returns how many. */
static size_t drop_between(st_block_cache *cache, const uint8_t *begin, const uint8_t *end) {
    size_t dropped = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        st_mutex_lock(&s->lock, &cache->host->executor);
        for (uint32_t place = 0; place < s->count;) {
            record *r = s->ring[place];
            const uintptr_t at = (uintptr_t)r->block.bytes.data;
            if (at >= (uintptr_t)begin && at < (uintptr_t)end && !is_pinned(r)) {
                shard_remove(cache, s, r);
                dropped++;
            } else {
                place++;
            }
        }
        st_mutex_unlock(&s->lock, &cache->host->executor);
    }
    return dropped;
}

void st_block_cache_resize(st_block_cache *cache, uint64_t budget_bytes) {
    const uint8_t *begin;
    const uint8_t *end;
    atomic_store_explicit(&cache->budget, budget_bytes, memory_order_relaxed);
    shrink(cache, 0);
    while (st_cells_sparse(&cache->cells, &begin, &end) && drop_between(cache, begin, end) > 0) {
    }
}

const st_cached_block *st_block_cache_find(st_block_cache *cache, uint64_t table, uint64_t offset) {
    const uint64_t hash = hash_of(table, offset);
    shard *s = shard_of(cache, hash);
    st_mutex_lock(&s->lock, &cache->host->executor);
    record *r = shard_find(s, hash, table, offset);
    if (ST_LIKELY(r != NULL)) {
        pin(r);
        r->found = true;
        s->hits++;
    } else {
        s->misses++;
    }
    st_mutex_unlock(&s->lock, &cache->host->executor);
    return r == NULL ? NULL : &r->block;
}

void st_block_cache_prefetch(st_block_cache *cache, uint64_t table, uint64_t offset) {
    const uint64_t hash = hash_of(table, offset);
    shard *s = shard_of(cache, hash);
    st_mutex_lock(&s->lock, &cache->host->executor);
    if (s->bucket_count > 0) {
        __builtin_prefetch(*bucket_of(s, hash));
    }
    st_mutex_unlock(&s->lock, &cache->host->executor);
}

strata_status st_block_cache_add(st_block_cache *cache, const st_block_to_cache *add,
                                 const st_cached_block **block) {
    const strata_allocator *memory = &cache->host->memory;
    const uint64_t hash = hash_of(add->table, add->offset);
    shard *s = shard_of(cache, hash);
    ST_ASSERT(add->bytes != NULL && add->cap <= UINT32_MAX);
    st_mutex_lock(&s->lock, &cache->host->executor);
    record *r = shard_find(s, hash, add->table, add->offset);
    const bool there = r != NULL;
    if (there) {
        pin(r);
        r->found = true;
    } else {
        r = shard_insert(memory, s, hash, add);
    }
    if (r != NULL && !there) {
        atomic_fetch_add_explicit(&cache->used, cost_of(r), memory_order_relaxed);
    }
    st_mutex_unlock(&s->lock, &cache->host->executor);
    if (r == NULL || there) {
        st_block_cache_give_back(cache, add->bytes, add->cap);
    } else {
        shrink(cache, (size_t)(s - cache->shards));
    }
    if (r == NULL) {
        return STRATA_NO_MEMORY;
    }
    *block = &r->block;
    return STRATA_OK;
}

void st_block_cache_unpin(st_block_cache *cache, const st_cached_block *block) {
    (void)cache;
    record *r = (record *)(uintptr_t)block;
    /* Release: see is_pinned. */
    const uint32_t before = atomic_fetch_sub_explicit(&r->pins, 1, memory_order_release);
    ST_ASSERT(before > 0);
}

void st_block_cache_drop(st_block_cache *cache, uint64_t table) {
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        st_mutex_lock(&s->lock, &cache->host->executor);
        for (uint32_t place = 0; place < s->count;) {
            record *r = s->ring[place];
            if (r->table == table && !is_pinned(r)) {
                shard_remove(cache, s, r);
            } else {
                place++;
            }
        }
        st_mutex_unlock(&s->lock, &cache->host->executor);
    }
}

void st_block_cache_read_stats(st_block_cache *cache, st_block_cache_stats *stats) {
    memset(stats, 0, sizeof *stats);
    stats->budget_bytes = atomic_load_explicit(&cache->budget, memory_order_relaxed);
    stats->used_bytes = atomic_load_explicit(&cache->used, memory_order_relaxed);
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        st_mutex_lock(&s->lock, &cache->host->executor);
        stats->hits += s->hits;
        stats->misses += s->misses;
        stats->evictions += s->evictions;
        st_mutex_unlock(&s->lock, &cache->host->executor);
    }
}
