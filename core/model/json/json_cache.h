/* json_cache.h - documents that were changed last, as they are now, for whoever changes them next.
 *
 * A document is stored as it was once and the changes since (json_load.c). Who changes it needs it whole;
 * this saves making it whole each time.
 * Threads: any; st_json_entry belongs to who took it.
 */
#ifndef ST_MODEL_JSON_JSON_CACHE_H
#define ST_MODEL_JSON_JSON_CACHE_H

#include "base/memory.h"
#include "base/sync.h"

/* A document of a run, whole. */
typedef struct st_json_entry {
    uint64_t hash;
    uint64_t run;
    strata_slice key;       /* in memory of its own */
    strata_buffer document; /* as it is after `version` */
    uint64_t version;       /* the newest commit that has touched it */
    int64_t timestamp_us;
    size_t base_bytes;  /* of what is stored whole */
    uint32_t parts;     /* changes stored since */
    size_t parts_bytes; /* of them */
    uint64_t used;
} st_json_entry;

enum { ST_JSON_CACHE_ENTRIES = 64 };

typedef struct st_json_cache {
    const strata_host *host;
    st_mutex lock;
    size_t bytes_max;
    size_t bytes;
    uint64_t clock;
    st_json_entry *entries[ST_JSON_CACHE_ENTRIES];
} st_json_cache;

void st_json_cache_init(st_json_cache *cache, const strata_host *host, size_t bytes_max);
void st_json_cache_free(st_json_cache *cache);

/* Takes the entry of a document out; NULL: there is none. Under the run's lock, so that nobody else
 * changes it before it is given back. */
st_json_entry *st_json_cache_take(st_json_cache *cache, uint64_t run, strata_slice key);
/* A new one that is not in the cache; NULL when there is no memory. */
st_json_entry *st_json_cache_make(st_json_cache *cache, uint64_t run, strata_slice key);
/* Gives it back, whole and up to date, under the same lock; or lets go of it. NULL is fine. */
void st_json_cache_put(st_json_cache *cache, st_json_entry *entry);
void st_json_cache_drop(st_json_cache *cache, st_json_entry *entry);

/* A copy of the document if the cache has it as it was after that version; in the arena. False: it does
 * not, or there is no memory. */
bool st_json_cache_copy(st_json_cache *cache, uint64_t run, strata_slice key, uint64_t version,
                        st_arena *arena, strata_slice *document);

#endif
