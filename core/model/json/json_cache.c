/* json_cache.c - a few documents in memory; who was used longest ago goes first.
 *
 * Invariants:
 * 1. An entry is the document as the newest commit to it has left it: whoever commits to a document
 *    takes its entry before, under the run's lock, and puts it back changed, in the hook of the commit,
 *    or not at all.
 * 2. An entry is in the cache or somebody's, never both.
 * So few entries that looking through their hashes is as fast as any table would be.
 * Rejected: letting readers without the lock use it instead of the store. They read at a snapshot, which
 * may be older; they ask for a version, and mostly get it.
 */
#include "model/json/json_cache.h"

#include "base/hash.h"

void st_json_cache_init(st_json_cache *cache, const strata_host *host, size_t bytes_max) {
    memset(cache, 0, sizeof *cache);
    cache->host = host;
    cache->bytes_max = bytes_max;
    st_mutex_init(&cache->lock);
}

static void destroy(const strata_host *host, st_json_entry *entry) {
    strata_buffer_free(&entry->document);
    st_free(&host->memory, (void *)entry->key.data, entry->key.len);
    st_free(&host->memory, entry, sizeof *entry);
}

void st_json_cache_free(st_json_cache *cache) {
    for (size_t i = 0; i < ST_JSON_CACHE_ENTRIES && cache->host != NULL; i++) {
        if (cache->entries[i] != NULL) {
            destroy(cache->host, cache->entries[i]);
            cache->entries[i] = NULL;
        }
    }
}

static uint64_t hash_of(uint64_t run, strata_slice key) {
    return st_hash_bytes(key, run);
}

static size_t cost_of(const st_json_entry *entry) {
    return sizeof *entry + entry->key.len + entry->document.cap;
}

/* Where it is; ST_JSON_CACHE_ENTRIES: nowhere. Under the lock. */
static size_t find(const st_json_cache *cache, uint64_t run, strata_slice key) {
    const uint64_t hash = hash_of(run, key);
    size_t i = 0;
    while (i < ST_JSON_CACHE_ENTRIES) {
        const st_json_entry *entry = cache->entries[i];
        if (entry != NULL && entry->hash == hash && entry->run == run &&
            st_slice_equal(entry->key, key)) {
            break;
        }
        i++;
    }
    return i;
}

static st_json_entry *take_at(st_json_cache *cache, size_t at) {
    st_json_entry *entry = cache->entries[at];
    cache->entries[at] = NULL;
    cache->bytes -= cost_of(entry);
    return entry;
}

st_json_entry *st_json_cache_take(st_json_cache *cache, uint64_t run, strata_slice key) {
    st_mutex_lock(&cache->lock, &cache->host->executor);
    const size_t at = find(cache, run, key);
    st_json_entry *entry = at == ST_JSON_CACHE_ENTRIES ? NULL : take_at(cache, at);
    st_mutex_unlock(&cache->lock, &cache->host->executor);
    return entry;
}

st_json_entry *st_json_cache_make(st_json_cache *cache, uint64_t run, strata_slice key) {
    const strata_allocator *memory = &cache->host->memory;
    st_json_entry *entry = st_alloc_zeroed(memory, sizeof *entry);
    uint8_t *bytes = st_alloc(memory, key.len);
    if (entry == NULL || bytes == NULL) {
        st_free(memory, entry, sizeof *entry);
        st_free(memory, bytes, key.len);
        return NULL;
    }
    memcpy(bytes, key.data, key.len);
    entry->hash = hash_of(run, key);
    entry->run = run;
    entry->key = st_slice(bytes, key.len);
    entry->document.host = cache->host;
    return entry;
}

/* The place of the entry that was used longest ago, or a free one if there is. Under the lock. */
static size_t oldest(const st_json_cache *cache, bool or_free) {
    size_t found = ST_JSON_CACHE_ENTRIES;
    for (size_t i = 0; i < ST_JSON_CACHE_ENTRIES; i++) {
        const st_json_entry *entry = cache->entries[i];
        if (entry == NULL && or_free) {
            return i;
        }
        if (entry != NULL &&
            (found == ST_JSON_CACHE_ENTRIES || entry->used < cache->entries[found]->used)) {
            found = i;
        }
    }
    return found;
}

void st_json_cache_put(st_json_cache *cache, st_json_entry *entry) {
    st_json_entry *evicted[ST_JSON_CACHE_ENTRIES + 1];
    size_t count = 0;
    if (entry == NULL) {
        return;
    }
    st_mutex_lock(&cache->lock, &cache->host->executor);
    if (cost_of(entry) > cache->bytes_max / 4) {
        evicted[count++] = entry;
    } else {
        const size_t at = oldest(cache, true);
        if (cache->entries[at] != NULL) {
            evicted[count++] = take_at(cache, at);
        }
        while (cache->bytes + cost_of(entry) > cache->bytes_max) {
            evicted[count++] = take_at(cache, oldest(cache, false));
        }
        entry->used = ++cache->clock;
        cache->entries[at] = entry;
        cache->bytes += cost_of(entry);
    }
    st_mutex_unlock(&cache->lock, &cache->host->executor);
    for (size_t i = 0; i < count; i++) {
        destroy(cache->host, evicted[i]);
    }
}

void st_json_cache_drop(st_json_cache *cache, st_json_entry *entry) {
    if (entry != NULL) {
        destroy(cache->host, entry);
    }
}

bool st_json_cache_copy(st_json_cache *cache, uint64_t run, strata_slice key, uint64_t version,
                        st_arena *arena, strata_slice *document) {
    st_mutex_lock(&cache->lock, &cache->host->executor);
    const size_t at = find(cache, run, key);
    bool copied = at < ST_JSON_CACHE_ENTRIES && cache->entries[at]->version == version;
    if (copied) {
        *document = st_arena_copy(arena, st_buffer_slice(&cache->entries[at]->document));
        cache->entries[at]->used = ++cache->clock;
        copied = document->data != NULL;
    }
    st_mutex_unlock(&cache->lock, &cache->host->executor);
    return copied;
}
