/* flush.c - from memtables to a table of level 0.
 *
 * 1. Run by run, under its lock, a new memtable takes the place of the one that takes writes.
 * 2. The log is synced, and goes on in a new segment, for which commits wait while the little that came
 *    since is synced; W is the version before it, and everything up to W is synced:
 *    a table with a commit that the log has lost would be something else than a prefix of the
 *    commits after a crash.
 * 3. The lock of each run is taken once more: who held it has linked what he had put into the log.
 *    So every commit up to W is in a memtable, most of them in frozen ones, a few that came between 1
 *    and 2 in those that take writes now.
 * 4. All of them are merged, run after run, into one table: exactly the commits above the watermark
 *    and up to W. It is synced.
 * 5. The manifest says: the table is live, W is the watermark, the log begins at the new segment.
 *    Readers see the table; then the frozen memtables are unlinked and retired, and the old segments
 *    removed.
 * So the tables hold every commit up to the watermark and none above it: they are a whole database
 * without the log, which is what a snapshot and a backup are. The few of step 3 are in a memtable
 * and in the table for a while; equal entries count once (merge.c), and the next flush leaves them
 * out.
 * When something fails, what is frozen stays readable where it is, and the next flush takes it too.
 * Rejected: rolling the log first. The table then ends at another version in each run, and what it
 * has above the watermark makes sense with the log only. Rejected: stopping all writers for a moment
 * to have the same. With many runs that moment is long.
 */
#include "store/flush.h"

#include "store/merge.h"
#include "store/tables.h"

/* ---- Freezing -------------------------------------------------------------------------------- */

static strata_status freeze_shard(st_store *store, st_shard *shard) {
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
        }
    }
    st_mutex_unlock(&shard->lock, &store->host->executor);
    return status;
}

static strata_status freeze(st_store *store, strata_error *error) {
    const uint64_t end = st_shards_end(&store->shards);
    for (uint64_t run = 0; run < end; run++) {
        st_shard *shard = st_shards_find(&store->shards, run);
        if (shard != NULL && freeze_shard(store, shard) != STRATA_OK) {
            return st_fail_memory(error);
        }
    }
    return STRATA_OK;
}

void st_flush_settle(st_store *store) {
    const uint64_t end = st_shards_end(&store->shards);
    for (uint64_t run = 0; run < end; run++) {
        st_shard *shard = st_shards_find(&store->shards, run);
        if (shard != NULL) {
            st_mutex_lock(&shard->lock, &store->host->executor);
            st_mutex_unlock(&shard->lock, &store->host->executor);
        }
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The table of the commits after `from`, up to `to`. */
typedef struct flushing {
    st_store *store;
    uint64_t from;
    uint64_t to;
    uint64_t number;
    st_table_builder *builder; /* NULL: there is no entry yet */
    st_arena arena;
} flushing;

/* A merge of the memtables of one run. They are few: two, and one more for each flush that
 * failed. */
static strata_status merge_run(const st_memtable *newest, st_arena *arena, st_merge *merge) {
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

static strata_status write_entry(flushing *f, strata_slice key, const st_revision *revision,
                                 strata_error *error) {
    if (f->builder == NULL) {
        st_table_spec spec;
        f->number = st_tables_next_number(f->store);
        st_tables_spec(f->store, f->number, &spec);
        ST_TRY(st_table_builder_create(&spec, &f->builder, error));
    }
    return st_table_builder_add(f->builder, key, revision, error);
}

static strata_status write_run(flushing *f, const st_shard *shard, strata_error *error) {
    const st_memtable *newest = st_shard_newest(shard);
    uint8_t key[ST_TABLE_KEY_MAX];
    st_merge merge;
    st_arena_reset(&f->arena);
    if (merge_run(newest, &f->arena, &merge) != STRATA_OK) {
        return st_fail_memory(error);
    }
    store64_be(key, shard->run);
    ST_TRY(st_merge_seek(&merge, st_slice("", 0), UINT64_MAX));
    while (st_merge_here(&merge)) {
        const st_source *top = merge.top;
        if (top->revision.number > f->from && top->revision.number <= f->to) {
            memcpy(key + 8, top->key.data, top->key.len);
            ST_TRY(write_entry(f, st_slice(key, 8 + top->key.len), &top->revision, error));
        }
        ST_TRY(st_merge_next(&merge));
    }
    return STRATA_OK;
}

strata_status st_flush_write(st_store *store, uint64_t from, uint64_t to, uint64_t *number,
                             strata_error *error) {
    const uint64_t end = st_shards_end(&store->shards);
    flushing f = {.store = store, .from = from, .to = to};
    st_table_info info;
    st_arena_init(&f.arena, &store->host->memory, 0);
    strata_status status = STRATA_OK;
    for (uint64_t run = 0; run < end && status == STRATA_OK; run++) {
        const st_shard *shard = st_shards_find(&store->shards, run);
        if (shard != NULL) {
            status = write_run(&f, shard, error);
        }
    }
    st_arena_free(&f.arena);
    if (status == STRATA_OK && f.builder != NULL) {
        status = st_table_builder_finish(f.builder, &info, error);
    }
    st_table_builder_destroy(f.builder);
    *number = f.number;
    return status;
}

/* ---- Letting go ------------------------------------------------------------------------------ */

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
            st_epoch_retire(&store->epoch, &frozen->retired, st_memtable_reclaim);
            frozen = older;
        }
    }
    st_epoch_reclaim(&store->epoch);
}

/* When it fails the file stays: a manifest that names it may be on the disk. If none does, the next
 * opening removes it. number: 0: there is no table. */
static strata_status show_table(st_store *store, uint64_t number, const st_wal_position *at,
                                strata_error *error) {
    st_table *table = NULL;
    if (number > 0) {
        ST_TRY(st_tables_open(store, number, &table, error));
    }
    const st_install install = {.change = {NULL, 0, &table, number > 0 ? 1 : 0, 0, NULL},
                                .watermark = at->version,
                                .wal_first = at->segment,
                                .floor_us = INT64_MIN};
    const strata_status status = st_tables_install(store, &install, error);
    if (status != STRATA_OK && table != NULL) {
        st_tables_close(store, table, false);
    }
    return status;
}

strata_status st_flush(st_store *store, uint64_t *segments_removed, strata_error *error) {
    const strata_executor *executor = &store->host->executor;
    st_wal_position at = {0};
    *segments_removed = 0;
    uint64_t version;
    ST_TRY(freeze(store, error));
    ST_TRY(st_store_sync(store, &version, error));
    ST_TRY(st_wal_roll(&store->wal, &at, error));
    st_flush_settle(store);
    st_mutex_lock(&store->manifest_lock, executor);
    const uint64_t watermark = store->manifest.watermark;
    st_mutex_unlock(&store->manifest_lock, executor);
    if (at.version > watermark) {
        uint64_t number;
        ST_TRY(st_flush_write(store, watermark, at.version, &number, error));
        ST_TRY(show_table(store, number, &at, error));
        atomic_fetch_add_explicit(&store->maintenance->flushes, 1, memory_order_relaxed);
    }
    unlink_frozen(store);
    st_mutex_lock(&store->manifest_lock, executor);
    const uint64_t first = store->manifest.wal_first;
    st_mutex_unlock(&store->manifest_lock, executor);
    *segments_removed = st_wal_remove_below(&store->wal, first);
    return STRATA_OK;
}
