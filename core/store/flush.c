/* flush.c - from memtables to a table of level 0.
 *
 * 1. The log goes on in a new segment; W is the version before it.
 * 2. Run by run, under its lock, a new memtable takes the place of the one that takes writes. After
 *    that every commit up to W is in a frozen memtable: it was linked under the lock of its run
 *    before the lock was given to us. Some above W are too.
 * 3. The log is synced beyond all that is frozen. A table with a commit that the log has lost would
 *    be something else than a prefix of the commits after a crash.
 * 4. The frozen memtables are merged, run after run, into one table, which is synced.
 * 5. The manifest says: the table is live, W is the watermark, the log begins at the new segment.
 *    Readers see the table; then the frozen memtables are unlinked and retired, and the old segments
 *    removed.
 * When something fails, what is frozen stays readable where it is, and the next flush takes it too.
 * After a crash the commits above W are replayed from the log although the table has them; equal
 * entries count once (merge.c).
 * Rejected: stopping all writers for a moment, so that the table ends at exactly W. With many runs
 * that moment is long.
 */
#include "store/flush.h"

#include "store/merge.h"
#include "store/tables.h"

/* ---- Freezing -------------------------------------------------------------------------------- */

static strata_status freeze_shard(st_store *store, st_shard *shard, uint64_t *version_max) {
    strata_status status = STRATA_OK;
    st_mutex_lock(&shard->lock, &store->host->executor);
    st_memtable *table = st_shard_newest(shard);
    if (table->version_max > 0) {
        st_memtable *next = st_memtable_create(&store->host->memory);
        if (next == NULL) {
            status = STRATA_NO_MEMORY;
        } else {
            atomic_store_explicit(&next->older, table, memory_order_relaxed);
            atomic_store_explicit(&shard->newest, next, memory_order_seq_cst);
            atomic_fetch_sub_explicit(&store->memtable_bytes, table->counted, memory_order_relaxed);
            atomic_fetch_add_explicit(&store->frozen_bytes, table->counted, memory_order_relaxed);
            *version_max = table->version_max > *version_max ? table->version_max : *version_max;
        }
    }
    st_mutex_unlock(&shard->lock, &store->host->executor);
    return status;
}

static strata_status freeze(st_store *store, uint64_t *version_max, strata_error *error) {
    const uint64_t end = st_shards_end(&store->shards);
    for (uint64_t run = 0; run < end; run++) {
        st_shard *shard = st_shards_find(&store->shards, run);
        if (shard != NULL && freeze_shard(store, shard, version_max) != STRATA_OK) {
            return st_fail_memory(error);
        }
    }
    return STRATA_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* A merge of the frozen memtables of one run. They are few: one, and one more for each flush that
 * failed. */
static strata_status merge_frozen(const st_memtable *newest, st_arena *arena, st_merge *merge) {
    size_t count = 0;
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        count++;
    }
    st_source **sources = st_arena_alloc(arena, count * sizeof *sources, 8);
    st_source *first = st_arena_alloc(arena, count * sizeof *first, 16);
    if (sources == NULL || first == NULL) {
        return STRATA_NO_MEMORY;
    }
    count = 0;
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        sources[count] = &first[count];
        st_source_memtable(sources[count], table);
        count++;
    }
    st_merge_init(merge, sources, count);
    return STRATA_OK;
}

static strata_status write_run(const st_shard *shard, st_arena *arena, st_table_builder *builder,
                               strata_error *error) {
    const st_memtable *frozen = st_memtable_older(st_shard_newest(shard));
    uint8_t key[ST_TABLE_KEY_MAX];
    st_merge merge;
    if (frozen == NULL) {
        return STRATA_OK;
    }
    st_arena_reset(arena);
    if (merge_frozen(frozen, arena, &merge) != STRATA_OK) {
        return st_fail_memory(error);
    }
    store64_be(key, shard->run);
    ST_TRY(st_merge_seek(&merge, st_slice("", 0), UINT64_MAX));
    while (st_merge_here(&merge)) {
        const st_source *top = merge.top;
        memcpy(key + 8, top->key.data, top->key.len);
        ST_TRY(
            st_table_builder_add(builder, st_slice(key, 8 + top->key.len), &top->revision, error));
        ST_TRY(st_merge_next(&merge));
    }
    return STRATA_OK;
}

static strata_status write_table(st_store *store, uint64_t number, strata_error *error) {
    const uint64_t end = st_shards_end(&store->shards);
    st_table_spec spec;
    st_table_builder *builder = NULL;
    st_table_info info;
    st_arena arena;
    st_tables_spec(store, number, &spec);
    ST_TRY(st_table_builder_create(&spec, &builder, error));
    st_arena_init(&arena, &store->host->memory, 0);
    strata_status status = STRATA_OK;
    for (uint64_t run = 0; run < end && status == STRATA_OK; run++) {
        const st_shard *shard = st_shards_find(&store->shards, run);
        if (shard != NULL) {
            status = write_run(shard, &arena, builder, error);
        }
    }
    st_arena_free(&arena);
    if (status == STRATA_OK) {
        status = st_table_builder_finish(builder, &info, error);
    }
    st_table_builder_destroy(builder);
    return status;
}

/* ---- Letting go ------------------------------------------------------------------------------ */

static void reclaim_memtable(st_retired *retired) {
    st_memtable_destroy((st_memtable *)retired);
}

/* The frozen memtables are in a table that readers see. */
static void unlink_frozen(st_store *store) {
    const uint64_t end = st_shards_end(&store->shards);
    for (uint64_t run = 0; run < end; run++) {
        st_shard *shard = st_shards_find(&store->shards, run);
        st_memtable *newest = shard == NULL ? NULL : st_shard_newest(shard);
        st_memtable *frozen = newest == NULL ? NULL : st_memtable_older(newest);
        if (frozen == NULL) {
            continue;
        }
        atomic_store_explicit(&newest->older, NULL, memory_order_seq_cst);
        while (frozen != NULL) {
            st_memtable *older = st_memtable_older(frozen);
            atomic_fetch_sub_explicit(&store->frozen_bytes, frozen->counted, memory_order_relaxed);
            st_epoch_retire(&store->epoch, &frozen->retired, reclaim_memtable);
            frozen = older;
        }
    }
    st_epoch_reclaim(&store->epoch);
}

static bool anything_frozen(const st_store *store) {
    const uint64_t end = st_shards_end(&store->shards);
    for (uint64_t run = 0; run < end; run++) {
        const st_shard *shard = st_shards_find(&store->shards, run);
        if (shard != NULL && st_memtable_older(st_shard_newest(shard)) != NULL) {
            return true;
        }
    }
    return false;
}

/* When it fails the file stays: a manifest that names it may be on the disk. If none does, the next
 * opening removes it. */
static strata_status show_table(st_store *store, uint64_t number, uint64_t watermark,
                                uint64_t segment, strata_error *error) {
    st_table *table = NULL;
    ST_TRY(st_tables_open(store, number, &table, error));
    const st_install install = {.change = {NULL, 0, &table, 1, 0},
                                .watermark = watermark,
                                .wal_first = segment,
                                .floor_us = INT64_MIN};
    const strata_status status = st_tables_install(store, &install, error);
    if (status != STRATA_OK) {
        st_tables_close(store, table, false);
    }
    return status;
}

strata_status st_flush(st_store *store, uint64_t *segments_removed, strata_error *error) {
    st_wal_position at = {0};
    uint64_t version_max = 0;
    *segments_removed = 0;
    ST_TRY(st_wal_roll(&store->wal, &at, error));
    ST_TRY(freeze(store, &version_max, error));
    ST_TRY(st_wal_sync(&store->wal, version_max, error));
    if (anything_frozen(store)) {
        const uint64_t number = st_tables_next_number(store);
        ST_TRY(write_table(store, number, error));
        ST_TRY(show_table(store, number, at.version, at.segment, error));
        unlink_frozen(store);
        atomic_fetch_add_explicit(&store->maintenance->flushes, 1, memory_order_relaxed);
    }
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const uint64_t first = store->manifest.wal_first;
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    *segments_removed = st_wal_remove_below(&store->wal, first);
    return STRATA_OK;
}
