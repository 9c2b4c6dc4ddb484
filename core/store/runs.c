/* runs.c - the memtables of all runs, found by number without a lock.
 *
 * Runs are numbered from 0 without large gaps, so their memtables lie in chunks of doubling size: a
 * number leads to its chunk and place by its highest bit. A chunk is published once and freed only
 * at close, so a reader may keep what it found; adding takes runs_lock. Rejected: a hash table,
 * which must move its entries to grow while readers are in it.
 */
#include "store/store.h"

enum { FIRST_CHUNK = 64 };

/* Chunk 0 holds runs 0..63, chunk i > 0 holds 64 * 2^(i-1) runs from there on. */
static void locate(uint64_t run, unsigned *chunk, uint64_t *place, uint64_t *chunk_len) {
    if (run < FIRST_CHUNK) {
        *chunk = 0;
        *place = run;
        *chunk_len = FIRST_CHUNK;
        return;
    }
    const unsigned log2 = 63u - (unsigned)__builtin_clzll(run / FIRST_CHUNK);
    *chunk = log2 + 1;
    *chunk_len = (uint64_t)FIRST_CHUNK << log2;
    *place = run - *chunk_len;
}

st_memtable *st_store_run(const st_store *store, uint64_t run) {
    unsigned chunk;
    uint64_t place;
    uint64_t chunk_len;
    if (run >= ST_RUNS_MAX) {
        return NULL;
    }
    locate(run, &chunk, &place, &chunk_len);
    st_memtable *_Atomic *tables = atomic_load_explicit(
        (st_memtable * _Atomic * _Atomic *)&store->chunks[chunk], memory_order_acquire);
    return tables == NULL ? NULL : atomic_load_explicit(&tables[place], memory_order_acquire);
}

static strata_status add_run_locked(st_store *store, uint64_t run, st_memtable **table) {
    unsigned chunk;
    uint64_t place;
    uint64_t chunk_len;
    locate(run, &chunk, &place, &chunk_len);
    st_memtable *_Atomic *tables =
        atomic_load_explicit(&store->chunks[chunk], memory_order_acquire);
    if (tables == NULL) {
        /* A run's number comes from the log too: on 32 bits the product must not wrap. */
        if (chunk_len <= SIZE_MAX / sizeof *tables) {
            tables = st_alloc_zeroed(&store->host->memory, (size_t)chunk_len * sizeof *tables);
        }
        if (tables == NULL) {
            return STRATA_NO_MEMORY;
        }
        atomic_store_explicit(&store->chunks[chunk], tables, memory_order_release);
    }
    st_memtable *found = atomic_load_explicit(&tables[place], memory_order_acquire);
    if (found == NULL) {
        found = st_alloc(&store->host->memory, sizeof *found);
        if (found == NULL) {
            return STRATA_NO_MEMORY;
        }
        st_memtable_init(found, run, &store->host->memory);
        atomic_store_explicit(&tables[place], found, memory_order_release);
        if (run >= atomic_load_explicit(&store->runs_end, memory_order_relaxed)) {
            atomic_store_explicit(&store->runs_end, run + 1, memory_order_release);
        }
    }
    *table = found;
    return STRATA_OK;
}

strata_status st_store_add_run(st_store *store, uint64_t run, st_memtable **table,
                               strata_error *error) {
    *table = st_store_run(store, run);
    if (*table != NULL) {
        return STRATA_OK;
    }
    if (run >= ST_RUNS_MAX) {
        return st_fail_constraint(error, "too_many_runs", "a database holds at most %u runs",
                                  (uint64_t)ST_RUNS_MAX);
    }
    st_mutex_lock(&store->runs_lock, &store->host->executor);
    const strata_status status = add_run_locked(store, run, table);
    st_mutex_unlock(&store->runs_lock, &store->host->executor);
    return status == STRATA_OK ? STRATA_OK : st_fail_memory(error);
}

void st_store_free_runs(st_store *store) {
    const strata_allocator *memory = &store->host->memory;
    uint64_t chunk_len = FIRST_CHUNK;
    for (unsigned chunk = 0; chunk < ST_RUN_CHUNKS; chunk++) {
        st_memtable *_Atomic *tables =
            atomic_load_explicit(&store->chunks[chunk], memory_order_relaxed);
        for (uint64_t i = 0; tables != NULL && i < chunk_len; i++) {
            st_memtable *table = atomic_load_explicit(&tables[i], memory_order_relaxed);
            if (table != NULL) {
                st_memtable_free(table);
                st_free(memory, table, sizeof *table);
            }
        }
        st_free(memory, (void *)tables, (size_t)chunk_len * sizeof *tables);
        chunk_len = chunk == 0 ? FIRST_CHUNK : chunk_len * 2;
    }
}
