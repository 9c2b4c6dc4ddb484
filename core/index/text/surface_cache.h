/* surface_cache.h - from surface words straight to their entries in the dictionary, so that folding
 * and stemming are done once for a word that comes often. The writer's alone. */
#ifndef ST_INDEX_TEXT_SURFACE_CACHE_H
#define ST_INDEX_TEXT_SURFACE_CACHE_H

#include "base/hash.h"
#include "index/text/dictionary.h"

enum { ST_SURFACE_BYTES_MAX = 24 }; /* longer ones are seldom and not cached */

/* The lower-cased bytes of a surface, padded with zeros. */
typedef struct st_surface_key {
    uint64_t words[ST_SURFACE_BYTES_MAX / 8];
} st_surface_key;

typedef struct st_surface_entry {
    st_surface_key key;
    st_lexeme *lexeme; /* NULL: an empty entry */
} st_surface_entry;

typedef struct st_surface_cache {
    const strata_allocator *allocator;
    st_surface_entry *entries; /* direct mapped */
    uint32_t count;            /* a power of two, or 0 */
} st_surface_cache;

void st_surface_cache_init(st_surface_cache *cache, const strata_allocator *allocator);
void st_surface_cache_free(st_surface_cache *cache);
/* Adapts its size to that of the dictionary; without memory it stays as it is. */
void st_surface_cache_fit(st_surface_cache *cache, uint32_t terms);

/* Lower-cases the ASCII letters of eight bytes. */
static inline uint64_t st_surface_lower(uint64_t word) {
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t low = word & 0x7f * ones;
    const uint64_t from_a = low + (0x80 - 'A') * ones;
    const uint64_t past_z = low + (0x80 - 'Z' - 1) * ones;
    const uint64_t upper = (from_a ^ past_z) & ~word & 0x80 * ones;
    return word | upper >> 2;
}

/* The key of a surface; false when it is too long for the cache. text_end: up to where bytes may be
 * read. */
static inline bool st_surface_key_of(const st_surface *surface, const uint8_t *text_end,
                                     st_surface_key *key) {
    const size_t len = (size_t)(surface->end - surface->start);
    if (len > ST_SURFACE_BYTES_MAX) {
        return false;
    }
    memset(key, 0, sizeof *key);
    if (ST_LIKELY((size_t)(text_end - surface->start) >= ST_SURFACE_BYTES_MAX)) {
        for (size_t i = 0; i * 8 < len; i++) {
            const size_t left = len - i * 8;
            const uint64_t word = load64_le(surface->start + i * 8);
            key->words[i] = left >= 8 ? word : word & (UINT64_MAX >> (64 - 8 * left));
        }
    } else {
        uint8_t bytes[ST_SURFACE_BYTES_MAX] = {0};
        memcpy(bytes, surface->start, len);
        for (size_t i = 0; i * 8 < len; i++) {
            key->words[i] = load64_le(bytes + i * 8);
        }
    }
    for (size_t i = 0; i * 8 < len; i++) {
        key->words[i] = st_surface_lower(key->words[i]);
    }
    return true;
}

/* The entry where the key is or belongs. The cache must not be empty. */
static inline st_surface_entry *st_surface_cache_entry(const st_surface_cache *cache,
                                                       const st_surface_key *key) {
    uint64_t h = st_hash_mix(key->words[0] ^ 0x9e3779b97f4a7c15u, 0xa0761d6478bd642fu);
    h = st_hash_mix(h ^ key->words[1], 0xe7037ed1a0b428dbu);
    h = st_hash_mix(h ^ key->words[2], 0x8ebc6af09c88c6e3u);
    return &cache->entries[(uint32_t)h & (cache->count - 1)];
}

static inline bool st_surface_key_equal(const st_surface_key *a, const st_surface_key *b) {
    return a->words[0] == b->words[0] && a->words[1] == b->words[1] && a->words[2] == b->words[2];
}

#endif
