/* block_cache.c - sixteen hash tables of blocks, each with its own lock and its own clock.
 *
 * A block is a record of one cache line in a chained hash table of its shard. Records also stand in
 * a ring (an array), over which a hand goes round: it takes the first unpinned record that was not
 * found since the hand last passed (CLOCK, Corbato 1968). A new record takes the place that the
 * hand just left, so that it has a whole turn to be found again; blocks that a scan touches once
 * are the first to go.
 *
 * Invariants
 * 1. pins goes up under the lock of the shard only, and down anywhere. So whoever holds the lock
 *    and sees 0 may take the record away.
 * 2. used is the sum of what all records cost (bytes, record and places in the tables). It is one
 *    number for all shards, as a share for each would waste what an empty one does not use; only
 *    misses and evictions touch it. What hits count is in the shard.
 * 3. used > budget only while pinned blocks keep it there, or until whoever raised it is done.
 * Memory is freed outside of the locks.
 *
 * Rejected: a lock-free table; a find is two atomic operations here (lock, unlock) and a third for
 * the unpin, about 20 ns, and blocks that are freed under lock-free readers need epochs. LRU lists:
 * a hit would write to three records instead of one.
 */
#include "store/block_cache.h"

#include "base/hash.h"

enum { SHARDS = 16, LINE_BYTES = 64, BUCKETS_MIN = 16 };

typedef struct record {
    st_cached_block block; /* first: what readers have of it is this */
    uint64_t table;
    uint64_t offset;
    struct record *chain; /* the next one in the bucket */
    uint32_t cap;         /* of the bytes */
    uint32_t place;       /* in the ring */
    _Atomic uint32_t pins;
    bool found; /* since the hand last passed */
} record;

typedef struct shard {
    st_mutex lock;
    uint32_t hand;
    uint32_t count; /* of records, and of places in the ring */
    uint32_t ring_cap;
    uint32_t bucket_count; /* a power of two, or 0 */
    record **buckets;
    record **ring;
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
    uint8_t padding[LINE_BYTES];
    shard shards[SHARDS];
};

/* What a block costs besides its bytes: the record, its place in the ring, its bucket. */
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
    return &cache->shards[hash >> 60];
}

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
    for (size_t i = 0; i < SHARDS; i++) {
        st_mutex_init(&made->shards[i].lock);
    }
    *cache = made;
    return STRATA_OK;
}

st_decoder_pool *st_block_cache_decoders(st_block_cache *cache) {
    return &cache->decoders;
}

static void record_free(const strata_host *host, record *r) {
    st_free(&host->memory, (void *)(uintptr_t)r->block.bytes.data, r->cap);
    st_free(&host->memory, r, sizeof *r);
}

static void free_chain(const strata_host *host, record *chain) {
    while (chain != NULL) {
        record *next = chain->chain;
        record_free(host, chain);
        chain = next;
    }
}

void st_block_cache_destroy(st_block_cache *cache) {
    if (cache == NULL) {
        return;
    }
    const strata_host *host = cache->host;
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        for (uint32_t place = 0; place < s->count; place++) {
            ST_ASSERT(atomic_load_explicit(&s->ring[place]->pins, memory_order_relaxed) == 0);
            record_free(host, s->ring[place]);
        }
        st_free(&host->memory, s->ring, s->ring_cap * sizeof(record *));
        st_free(&host->memory, s->buckets, s->bucket_count * sizeof(record *));
    }
    st_decoder_pool_free(&cache->decoders);
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
    record **old = s->buckets;
    record **buckets = st_alloc_zeroed(memory, count * sizeof(record *));
    if (buckets == NULL) {
        return false;
    }
    st_free(memory, old, s->bucket_count * sizeof(record *));
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

static bool grow_ring(const strata_allocator *memory, shard *s) {
    const uint32_t cap = s->ring_cap == 0 ? BUCKETS_MIN : s->ring_cap * 2;
    record **ring =
        st_resize(memory, s->ring, s->ring_cap * sizeof(record *), cap * sizeof(record *));
    if (ring == NULL) {
        return false;
    }
    s->ring = ring;
    s->ring_cap = cap;
    return true;
}

static bool shard_insert(const strata_allocator *memory, shard *s, record *r, uint64_t hash) {
    if ((s->count == s->ring_cap && !grow_ring(memory, s)) ||
        (s->count == s->bucket_count && !grow_buckets(memory, s))) {
        return false;
    }
    record **bucket = bucket_of(s, hash);
    r->chain = *bucket;
    *bucket = r;
    r->place = s->count;
    s->ring[s->count++] = r;
    return true;
}

/* Out of the tables; the last record of the ring takes its place. */
static void shard_remove(shard *s, record *r) {
    record **link = bucket_of(s, hash_of(r->table, r->offset));
    while (*link != r) {
        link = &(*link)->chain;
    }
    *link = r->chain;
    record *last = s->ring[--s->count];
    s->ring[r->place] = last;
    last->place = r->place;
}

/* Turns the hand until it finds a record that may go; NULL when all are pinned. Two turns are
 * enough: the first takes all marks away. */
static record *shard_evict(shard *s) {
    for (uint64_t steps = 2 * (uint64_t)s->count; steps > 0; steps--) {
        if (s->hand >= s->count) {
            s->hand = 0;
        }
        record *r = s->ring[s->hand];
        if (!r->found && !is_pinned(r)) {
            shard_remove(s, r);
            s->evictions++;
            s->hand++;
            return r;
        }
        r->found = false;
        s->hand++;
    }
    return NULL;
}

/* ---- The cache ------------------------------------------------------------------------------- */

static bool is_over(st_block_cache *cache) {
    return atomic_load_explicit(&cache->used, memory_order_relaxed) >
           atomic_load_explicit(&cache->budget, memory_order_relaxed);
}

static void give_back(st_block_cache *cache, const record *r) {
    atomic_fetch_sub_explicit(&cache->used, cost_of(r), memory_order_relaxed);
}

/* Evicts until the budget is kept or everything is pinned, beginning with that shard. */
static void shrink(st_block_cache *cache, size_t first) {
    for (size_t i = 0; i < SHARDS && is_over(cache); i++) {
        shard *s = &cache->shards[(first + i) % SHARDS];
        record *gone = NULL;
        st_mutex_lock(&s->lock, &cache->host->executor);
        while (is_over(cache)) {
            record *r = shard_evict(s);
            if (r == NULL) {
                break;
            }
            give_back(cache, r);
            r->chain = gone;
            gone = r;
        }
        st_mutex_unlock(&s->lock, &cache->host->executor);
        free_chain(cache->host, gone);
    }
}

void st_block_cache_resize(st_block_cache *cache, uint64_t budget_bytes) {
    atomic_store_explicit(&cache->budget, budget_bytes, memory_order_relaxed);
    shrink(cache, 0);
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

strata_status st_block_cache_add(st_block_cache *cache, const st_block_to_cache *add,
                                 const st_cached_block **block) {
    const strata_host *host = cache->host;
    const uint64_t hash = hash_of(add->table, add->offset);
    shard *s = shard_of(cache, hash);
    ST_ASSERT(add->cap <= UINT32_MAX);
    record *made = st_alloc_zeroed(&host->memory, sizeof *made);
    if (made == NULL) {
        st_free(&host->memory, add->bytes, add->cap);
        return STRATA_NO_MEMORY;
    }
    made->block.bytes = st_slice(add->bytes, add->len);
    made->block.tag = add->tag;
    made->table = add->table;
    made->offset = add->offset;
    made->cap = (uint32_t)add->cap;
    atomic_init(&made->pins, 1);
    st_mutex_lock(&s->lock, &host->executor);
    record *there = shard_find(s, hash, add->table, add->offset);
    const bool inserted = there == NULL && shard_insert(&host->memory, s, made, hash);
    if (there != NULL) {
        pin(there);
        there->found = true;
    }
    st_mutex_unlock(&s->lock, &host->executor);
    if (!inserted) {
        record_free(host, made);
        if (there == NULL) {
            return STRATA_NO_MEMORY;
        }
        *block = &there->block;
        return STRATA_OK;
    }
    atomic_fetch_add_explicit(&cache->used, cost_of(made), memory_order_relaxed);
    shrink(cache, (size_t)(s - cache->shards));
    *block = &made->block;
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
        record *gone = NULL;
        st_mutex_lock(&s->lock, &cache->host->executor);
        for (uint32_t place = 0; place < s->count;) {
            record *r = s->ring[place];
            if (r->table == table && !is_pinned(r)) {
                shard_remove(s, r);
                give_back(cache, r);
                r->chain = gone;
                gone = r;
            } else {
                place++;
            }
        }
        st_mutex_unlock(&s->lock, &cache->host->executor);
        free_chain(cache->host, gone);
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
