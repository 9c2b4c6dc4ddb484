/* compact_memory.c - a new memtable in the place of one whose history is trimmed.
 *
 * A memtable never frees a version by itself (memtable.c), so what is kept is copied into another
 * one, which takes the place of the first under the run's lock; the first is freed when its last
 * reader has left. The rules are those of tables (trim.h); there is nothing deeper.
 *
 * Invariants:
 * 1. A run none of whose primitives has a policy, and that was not deleted, is not copied, and one of
 *    which nothing goes keeps its memtable.
 * 2. Nothing is frozen: a database in memory does not flush, so a run has one memtable.
 */
#include "store/maintain/compact_memory.h"

#include "store/maintain/trim.h"

typedef struct st_rebuild {
    st_trim trim;
    st_memtable_iter iter;
    st_memtable *table; /* that is filled */
    st_staged last;
} st_rebuild;

static strata_status keep_entry(void *ctx, strata_slice key, const st_revision *revision,
                                strata_error *error) {
    st_rebuild *rebuild = ctx;
    const strata_slice own = st_slice((const uint8_t *)key.data + 8, key.len - 8);
    return st_memtable_add_older(rebuild->table, own, revision, &rebuild->last) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(error);
}

static bool has_nothing_deeper(void *ctx, strata_slice key) {
    (void)ctx;
    (void)key;
    return false;
}

/* Whether anything of the run may go: one look for each of its tags. */
static bool has_policy(st_rebuild *rebuild, const st_shard *shard) {
    const st_retention *retention = &rebuild->trim.retention;
    st_memtable_iter *iter = &rebuild->iter;
    uint8_t low = 0;
    if (st_fork_state_of(rebuild->trim.store, shard->run, UINT64_MAX) != ST_RUN_LIVES) {
        return true;
    }
    st_memtable_iter_init(iter, st_shard_newest(shard));
    for (;;) {
        st_memtable_iter_seek(iter, st_slice(&low, 1), UINT64_MAX);
        if (iter->version == NULL || retention->policy == NULL) {
            return false;
        }
        const uint8_t tag = *(const uint8_t *)st_leaf_key(iter->walk.leaf).data;
        if (tag < ST_TAG_FLOOR &&
            retention->policy(retention->ctx, shard->run, tag).keep != ST_KEEP_ALL) {
            return true;
        }
        if (tag >= ST_TAG_FLOOR) {
            return false;
        }
        low = (uint8_t)(tag + 1);
    }
}

static strata_status fill(st_rebuild *rebuild, const st_shard *shard, strata_error *error) {
    st_memtable_iter *iter = &rebuild->iter;
    st_trim *trim = &rebuild->trim;
    uint8_t key[ST_TABLE_KEY_MAX];
    store64_be(key, shard->run);
    st_memtable_iter_init(iter, st_shard_newest(shard));
    st_memtable_iter_seek(iter, st_slice("", 0), UINT64_MAX);
    for (; iter->version != NULL; st_memtable_iter_next(iter)) {
        const strata_slice own = st_leaf_key(iter->walk.leaf);
        st_revision revision;
        memcpy(key + 8, own.data, own.len);
        if (!st_slice_equal(st_slice(key, 8 + own.len), st_trim_key_now(trim))) {
            ST_TRY(st_trim_key(trim, st_slice(key, 8 + own.len), error));
        }
        st_version_read(iter->version, &revision);
        if (st_trim_wants(trim, &revision)) {
            ST_TRY(st_trim_take(trim, &revision, error));
        }
    }
    return st_trim_finish(trim, error);
}

/* What goes without a trace is known to readers before it goes. */
static void raise_floor(st_store *store, const st_floor *floor) {
    st_floor all = {st_store_floor(store), st_store_floor_us(store), INT64_MIN};
    st_floor_raise(&all, floor);
    atomic_store_explicit(&store->floor_version, all.version, memory_order_relaxed);
    atomic_store_explicit(&store->floor_us, all.time_us, memory_order_relaxed);
}

static void replace(st_store *store, st_shard *shard, st_rebuild *rebuild) {
    st_memtable *before = st_shard_newest(shard);
    rebuild->table->version_max = before->version_max;
    raise_floor(store, &rebuild->trim.floor);
    st_store_show_trims(store, rebuild->trim.captures);
    atomic_store_explicit(&shard->newest, rebuild->table, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&store->memtable_bytes, before->counted, memory_order_relaxed);
    st_store_count_memory(store, rebuild->table);
    st_epoch_retire(&store->epoch, &before->retired, st_memtable_reclaim);
    rebuild->table = NULL;
}

/* Under the run's lock. */
static strata_status trim_run(st_store *store, st_shard *shard, st_rebuild *rebuild,
                              uint64_t *removed, strata_error *error) {
    const uint64_t removed_before = rebuild->trim.versions_removed;
    if (!has_policy(rebuild, shard)) {
        return STRATA_OK;
    }
    rebuild->table = st_memtable_create(&store->host->memory);
    rebuild->last.leaf = NULL;
    if (rebuild->table == NULL) {
        return st_fail_memory(error);
    }
    const strata_status status = fill(rebuild, shard, error);
    if (status == STRATA_OK && rebuild->trim.versions_removed > removed_before) {
        *removed += rebuild->trim.versions_removed - removed_before;
        replace(store, shard, rebuild);
    }
    if (rebuild->table != NULL) {
        st_memtable_destroy(rebuild->table);
        rebuild->table = NULL;
    }
    return status;
}

strata_status st_compact_memory(st_store *store, uint64_t *removed, strata_error *error) {
    const strata_executor *executor = &store->host->executor;
    const uint64_t end = st_shards_end(&store->shards);
    st_rebuild *rebuild = st_alloc_zeroed(&store->host->memory, sizeof *rebuild);
    if (rebuild == NULL) {
        return st_fail_memory(error);
    }
    const st_trim_sink sink = {rebuild, keep_entry, has_nothing_deeper};
    st_trim_init(&rebuild->trim, store, &sink);
    strata_status status = STRATA_OK;
    *removed = 0;
    for (uint64_t run = 0; run < end && status == STRATA_OK; run++) {
        st_shard *shard = st_shards_find(&store->shards, run);
        if (shard != NULL) {
            st_mutex_lock(&shard->lock, executor);
            status = trim_run(store, shard, rebuild, removed, error);
            st_mutex_unlock(&shard->lock, executor);
        }
    }
    st_trim_free(&rebuild->trim);
    st_free(&store->host->memory, rebuild, sizeof *rebuild);
    st_epoch_reclaim(&store->epoch);
    return status;
}
