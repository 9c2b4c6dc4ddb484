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
 *    and up to W. That goes in steps, between which commits go on: a memtable that has none up to W
 *    after 3 never will, and is left out. The table is synced.
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
#include "store/maintain/flush.h"

#include "store/forks.h"
#include "store/merge.h"
#include "store/tables.h"

/* ---- Freezing -------------------------------------------------------------------------------- */

static strata_status freeze_shard(st_store *store, st_shard *shard) {
    strata_status status = STRATA_OK;
    st_mutex_lock(&shard->lock, &store->host->executor);
    st_memtable *table = st_shard_newest(shard);
    if (table->version_max > 0) {
        st_memtable *next = st_memtable_create(&store->chunks.allocator);
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
struct st_flushing {
    st_store *store;
    uint64_t from;
    uint64_t to;
    st_wal_position at; /* where the log goes on */
    uint64_t number;    /* of the table; 0: there is no entry yet */
    st_table_builder *builder;
    uint64_t run; /* that is being written, or comes next */
    bool in_run;
    st_merge merge; /* of the run */
    st_arena arena; /* of the merge */
    uint8_t key[ST_TABLE_KEY_MAX];
};

static bool has_any(const st_memtable *table, uint64_t to) {
    const uint64_t first =
        atomic_load_explicit((_Atomic uint64_t *)&table->version_first, memory_order_relaxed);
    return first > 0 && first <= to;
}

/* A merge of the memtables of one run. They are few: two, and one more for each flush that
 * failed. */
static strata_status begin_run(st_flushing *f, const st_shard *shard) {
    const st_memtable *newest = st_shard_newest(shard);
    size_t count = 0;
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        count++;
    }
    st_arena_reset(&f->arena);
    st_source **sources = st_arena_alloc(&f->arena, count * sizeof *sources, 8);
    st_source *first = st_arena_alloc(&f->arena, count * sizeof *first, 16);
    if (sources == NULL || first == NULL) {
        return STRATA_NO_MEMORY;
    }
    count = 0;
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        if (has_any(table, f->to)) {
            sources[count] = &first[count];
            st_source_memtable(sources[count], table);
            count++;
        }
    }
    st_merge_init(&f->merge, sources, count);
    store64_be(f->key, shard->run);
    f->in_run = true;
    return st_merge_seek(&f->merge, st_slice("", 0), UINT64_MAX);
}

static strata_status write_entry(st_flushing *f, strata_slice key, const st_revision *revision,
                                 strata_error *error) {
    if (f->builder == NULL) {
        st_table_spec spec;
        const uint64_t number = st_tables_next_number(f->store);
        st_tables_spec(f->store, number, &spec);
        ST_TRY(st_table_builder_create(&spec, &f->builder, error));
        f->number = number;
    }
    return st_table_builder_add(f->builder, key, revision, error);
}

/* Goes on with the run; f->in_run false: it is written. */
static strata_status write_run(st_flushing *f, uint64_t bytes_max, uint64_t *bytes,
                               strata_error *error) {
    while (st_merge_here(&f->merge) && *bytes < bytes_max) {
        const st_source *top = f->merge.top;
        if (top->revision.number > f->from && top->revision.number <= f->to) {
            memcpy(f->key + 8, top->key.data, top->key.len);
            ST_TRY(write_entry(f, st_slice(f->key, 8 + top->key.len), &top->revision, error));
            *bytes += top->key.len + top->revision.value.len;
        }
        *bytes += sizeof(st_revision);
        ST_TRY(st_merge_next(&f->merge));
    }
    f->in_run = st_merge_here(&f->merge);
    return STRATA_OK;
}

/* Nothing of a run that was deleted need be in a table, if its end is. */
static bool is_dead(const st_flushing *f, const st_shard *shard) {
    return st_shard_gone(shard) > 0 && st_fork_state_of(f->store, shard->run, f->to) == ST_RUN_DEAD;
}

/* *done: every run is written, and the table, if there is one, is whole. */
static strata_status write_some(st_flushing *f, uint64_t bytes_max, bool *done,
                                strata_error *error) {
    const uint64_t end = st_shards_end(&f->store->shards);
    uint64_t bytes = 0;
    st_table_info info;
    *done = false;
    while (f->in_run || f->run < end) {
        if (!f->in_run) {
            const st_shard *shard = st_shards_find(&f->store->shards, f->run++);
            bytes += sizeof(st_shard);
            if (shard != NULL && !is_dead(f, shard) && begin_run(f, shard) != STRATA_OK) {
                return st_fail_memory(error);
            }
        }
        if (f->in_run) {
            ST_TRY(write_run(f, bytes_max, &bytes, error));
        }
        if (bytes >= bytes_max) {
            return STRATA_OK;
        }
    }
    *done = true;
    return f->builder == NULL ? STRATA_OK : st_table_builder_finish(f->builder, &info, error);
}

static st_flushing *make(st_store *store, uint64_t from, uint64_t to) {
    st_flushing *f = st_alloc_zeroed(&store->host->memory, sizeof *f);
    if (f != NULL) {
        f->store = store;
        f->from = from;
        f->to = to;
        st_arena_init(&f->arena, &store->host->memory, 0);
    }
    return f;
}

void st_flush_destroy(st_flushing *f) {
    if (f != NULL) {
        st_arena_free(&f->arena);
        st_table_builder_destroy(f->builder);
        st_free(&f->store->host->memory, f, sizeof *f);
    }
}

strata_status st_flush_write(st_store *store, uint64_t from, uint64_t to, uint64_t *number,
                             strata_error *error) {
    bool done = false;
    st_flushing *f = make(store, from, to);
    if (f == NULL) {
        return st_fail_memory(error);
    }
    const strata_status status = write_some(f, UINT64_MAX, &done, error);
    *number = f->number;
    st_flush_destroy(f);
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

uint64_t st_flush_trim_log(st_store *store) {
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const uint64_t first = store->manifest.wal_first;
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return st_wal_remove_below(&store->wal, first);
}

strata_status st_flush_begin(st_store *store, st_flushing **flush, strata_error *error) {
    const strata_executor *executor = &store->host->executor;
    uint64_t version;
    st_flushing *f = make(store, 0, 0);
    if (f == NULL) {
        return st_fail_memory(error);
    }
    strata_status status = freeze(store, error);
    if (status == STRATA_OK) {
        status = st_store_sync(store, &version, error);
    }
    if (status == STRATA_OK) {
        status = st_wal_roll(&store->wal, &f->at, error);
    }
    if (status != STRATA_OK) {
        st_flush_destroy(f);
        return status;
    }
    st_flush_settle(store);
    st_mutex_lock(&store->manifest_lock, executor);
    f->from = store->manifest.watermark;
    st_mutex_unlock(&store->manifest_lock, executor);
    f->to = f->at.version;
    *flush = f;
    return STRATA_OK;
}

strata_status st_flush_step(st_flushing *f, uint64_t bytes_max, bool *done, uint64_t *segments,
                            strata_error *error) {
    st_store *store = f->store;
    *done = true;
    *segments = 0;
    if (f->to > f->from) {
        ST_TRY(write_some(f, bytes_max, done, error));
        if (!*done) {
            return STRATA_OK;
        }
        ST_TRY(show_table(store, f->number, &f->at, error));
        atomic_fetch_add_explicit(&store->maintenance->flushes, 1, memory_order_relaxed);
    }
    unlink_frozen(store);
    *segments = st_flush_trim_log(store);
    return STRATA_OK;
}
