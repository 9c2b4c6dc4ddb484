/* shard.c - the shards of all runs, found by number without a lock.
 *
 * Runs are numbered from 0 without large gaps, so their shards lie in chunks of doubling size, up to a
 * limit: a number leads to its chunk and place by its highest bit, or by division. The limit is for
 * files that name a run with a high number and no others: the chunk is all that it costs. A chunk is
 * published once and freed only at close, so a reader may keep what it found; adding takes the lock.
 * Rejected: a hash table, which must move its entries to grow while readers are in it.
 */
#include "store/memtable/shard.h"

enum { FIRST_CHUNK = 64, DOUBLING_CHUNKS = 7 };
_Static_assert(FIRST_CHUNK << (DOUBLING_CHUNKS - 1) == ST_SHARD_CHUNK_MAX, "they end with it");

void st_shard_publish(st_shard *shard, uint64_t number) {
    uint64_t seen = atomic_load_explicit(&shard->published, memory_order_relaxed);
    while (seen < number &&
           !atomic_compare_exchange_weak_explicit(&shard->published, &seen, number,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

static uint64_t chunk_length(unsigned chunk) {
    return chunk == 0                ? FIRST_CHUNK
           : chunk < DOUBLING_CHUNKS ? (uint64_t)FIRST_CHUNK << (chunk - 1)
                                     : ST_SHARD_CHUNK_MAX;
}

/* Chunk 0 holds runs 0..63, chunk i > 0 holds 64 * 2^(i-1) runs from there on, up to run 4095; then
 * each holds 4096. */
static void locate(uint64_t run, unsigned *chunk, uint64_t *place) {
    if (run >= ST_SHARD_CHUNK_MAX) {
        *chunk = DOUBLING_CHUNKS - 1 + (unsigned)(run / ST_SHARD_CHUNK_MAX);
        *place = run % ST_SHARD_CHUNK_MAX;
    } else if (run < FIRST_CHUNK) {
        *chunk = 0;
        *place = run;
    } else {
        *chunk = 64u - (unsigned)__builtin_clzll(run / FIRST_CHUNK);
        *place = run - chunk_length(*chunk);
    }
}

void st_shards_init(st_shards *shards, const strata_host *host) {
    memset(shards, 0, sizeof *shards);
    shards->host = host;
    st_mutex_init(&shards->lock);
}

/* In the place of a run that was deleted: a word for each, as they only ever become more. */
static st_shard *grave(const st_shards *shards) {
    return (st_shard *)(uintptr_t)&shards->lock;
}

static st_shard *look(const st_shards *shards, uint64_t run) {
    unsigned chunk;
    uint64_t place;
    if (run >= ST_RUNS_MAX) {
        return NULL;
    }
    locate(run, &chunk, &place);
    st_shard *_Atomic *places = atomic_load_explicit(
        (st_shard * _Atomic * _Atomic *)&shards->chunks[chunk], memory_order_acquire);
    return places == NULL ? NULL : atomic_load_explicit(&places[place], memory_order_acquire);
}

st_shard *st_shards_find(const st_shards *shards, uint64_t run) {
    st_shard *found = look(shards, run);
    return ST_UNLIKELY(found == grave(shards)) ? NULL : found;
}

bool st_shards_buried(const st_shards *shards, uint64_t run) {
    const st_shard *found = look(shards, run);
    return found == grave(shards) || (found != NULL && st_shard_gone(found) > 0);
}

static st_shard *make_shard(const st_shards *shards, uint64_t run) {
    const strata_allocator *memory = &shards->host->memory;
    st_shard *shard = st_alloc_zeroed(memory, sizeof *shard);
    st_memtable *table = shard == NULL ? NULL : st_memtable_create(memory);
    if (table == NULL) {
        st_free(memory, shard, sizeof *shard);
        return NULL;
    }
    shard->run = run;
    st_mutex_init(&shard->lock);
    atomic_init(&shard->newest, table);
    atomic_init(&shard->published, shards->begin_version);
    shard->newest_us = shards->begin_us;
    shard->last = shards->begin_version;
    shard->base_version = UINT64_MAX;
    shard->base_us = INT64_MAX;
    shard->trimmed_us = INT64_MIN;
    return shard;
}

/* The place of a run, made if missing; NULL when there is no memory. Under the lock. */
static st_shard *_Atomic *make_place(st_shards *shards, uint64_t run) {
    unsigned chunk;
    uint64_t place;
    locate(run, &chunk, &place);
    st_shard *_Atomic *places = atomic_load_explicit(&shards->chunks[chunk], memory_order_acquire);
    if (places == NULL) {
        places =
            st_alloc_zeroed(&shards->host->memory, (size_t)chunk_length(chunk) * sizeof *places);
        if (places == NULL) {
            return NULL;
        }
        atomic_store_explicit(&shards->chunks[chunk], places, memory_order_release);
    }
    return &places[place];
}

static void raise_end(st_shards *shards, uint64_t run) {
    if (run >= atomic_load_explicit(&shards->end, memory_order_relaxed)) {
        atomic_store_explicit(&shards->end, run + 1, memory_order_release);
    }
}

static strata_status add_locked(st_shards *shards, uint64_t run, st_shard **out) {
    st_shard *_Atomic *place = make_place(shards, run);
    st_shard *shard = place == NULL ? NULL : atomic_load_explicit(place, memory_order_acquire);
    if (place != NULL && (shard == NULL || shard == grave(shards))) {
        shard = make_shard(shards, run);
        if (shard != NULL) {
            atomic_store_explicit(place, shard, memory_order_release);
            raise_end(shards, run);
        }
    }
    *out = shard;
    return shard == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

strata_status st_shards_bury(st_shards *shards, uint64_t run, uint64_t version) {
    st_mutex_lock(&shards->lock, &shards->host->executor);
    st_shard *_Atomic *place = make_place(shards, run);
    st_shard *shard = place == NULL ? NULL : atomic_load_explicit(place, memory_order_acquire);
    if (place != NULL && shard == NULL) {
        atomic_store_explicit(place, grave(shards), memory_order_release);
    } else if (place != NULL && shard != grave(shards)) {
        atomic_store_explicit(&shard->gone, version, memory_order_release);
    }
    st_mutex_unlock(&shards->lock, &shards->host->executor);
    return place == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

strata_status st_shards_add(st_shards *shards, uint64_t run, st_shard **shard,
                            strata_error *error) {
    *shard = st_shards_find(shards, run);
    if (*shard != NULL) {
        return STRATA_OK;
    }
    if (run >= ST_RUNS_MAX) {
        return st_fail_constraint(error, "too_many_runs", "a database holds at most %u runs",
                                  (uint64_t)ST_RUNS_MAX);
    }
    st_mutex_lock(&shards->lock, &shards->host->executor);
    const strata_status status = add_locked(shards, run, shard);
    st_mutex_unlock(&shards->lock, &shards->host->executor);
    return status == STRATA_OK ? STRATA_OK : st_fail_memory(error);
}

void st_shards_begin_at(st_shards *shards, uint64_t version, int64_t time_us) {
    shards->begin_version = version;
    shards->begin_us = time_us;
    for (uint64_t run = 0; run < st_shards_end(shards); run++) {
        st_shard *shard = st_shards_find(shards, run);
        if (shard != NULL) {
            st_shard_publish(shard, version);
            shard->newest_us = shard->newest_us > time_us ? shard->newest_us : time_us;
            shard->last = st_shard_snapshot(shard);
        }
    }
}

static void free_shard(const strata_allocator *memory, st_shard *shard) {
    st_memtable *table = st_shard_newest(shard);
    while (table != NULL) {
        st_memtable *older = st_memtable_older(table);
        st_memtable_destroy(table);
        table = older;
    }
    if (shard->pins != NULL) {
        st_fork_pins_destroy(memory, shard->pins);
    }
    st_free(memory, shard, sizeof *shard);
}

void st_shards_free(st_shards *shards) {
    const strata_allocator *memory = &shards->host->memory;
    for (unsigned chunk = 0; chunk < ST_SHARD_CHUNKS; chunk++) {
        st_shard *_Atomic *places =
            atomic_load_explicit(&shards->chunks[chunk], memory_order_relaxed);
        const uint64_t chunk_len = chunk_length(chunk);
        for (uint64_t i = 0; places != NULL && i < chunk_len; i++) {
            st_shard *shard = atomic_load_explicit(&places[i], memory_order_relaxed);
            if (shard != NULL && shard != grave(shards)) {
                free_shard(memory, shard);
            }
        }
        st_free(memory, (void *)places, (size_t)chunk_len * sizeof *places);
    }
}
