/* export.c - every version of every key of every run, in order, into one file.
 *
 * A database that is written to meanwhile is flushed first: its tables are then exactly the commits
 * up to one version (flush.c), and they are pinned and opened once more for this, so that an export
 * of hours keeps no reader's epoch open. A database in memory has no tables, and one that is open
 * read-only does not change: their memtables are merged with what tables there are, run after run, up
 * to the version of the beginning. In memory the caller stays in the epoch meanwhile.
 */
#include "store/copies/transfer.h"

#include "store/maintain/flush.h"
#include "store/merge.h"
#include "store/tables.h"

enum { FILE_NAME_BYTES_MAX = 1024 };

typedef struct exporting {
    st_store *store;
    strata_error *error;
    st_transfer_writer writer;
    uint64_t version;
    uint64_t bytes; /* of all tables, for progress */
    uint64_t told;
} exporting;

static void tell_progress(exporting *e) {
    const strata_log *log = &e->store->host->log;
    const uint64_t done = e->writer.totals.bytes;
    if (log->progress != NULL && done - e->told >= 1 << 20) {
        e->told = done;
        log->progress(log->ctx, "export", done, 0);
    }
}

/* Writes what the merge stands at. run: of the merge; UINT64_MAX: its keys begin with it. */
static strata_status write_entry(exporting *e, st_merge *merge, uint64_t run) {
    strata_slice key = merge->top->key;
    st_revision revision = merge->top->revision;
    if (revision.number > e->version) {
        return STRATA_OK;
    }
    if (run == UINT64_MAX) {
        run = load64_be(key.data);
        key = st_slice((const uint8_t *)key.data + 8, key.len - 8);
    }
    const strata_status status = st_merge_value(merge, &revision.value);
    if (status != STRATA_OK) {
        return status == STRATA_NO_MEMORY ? st_fail_memory(e->error) : status;
    }
    tell_progress(e);
    return st_transfer_add(&e->writer, run, key, &revision);
}

static strata_status write_merge(exporting *e, st_merge *merge, uint64_t run) {
    strata_status status = st_merge_seek(merge, st_slice("", 0), UINT64_MAX);
    while (status == STRATA_OK && st_merge_here(merge)) {
        status = write_entry(e, merge, run);
        if (status == STRATA_OK) {
            status = st_merge_next(merge);
        }
    }
    return status;
}

/* ---- Of captured tables ---------------------------------------------------------------------- */

typedef struct table_list {
    st_table **tables;
    st_source *sources;
    st_source **list;
    size_t opened;
} table_list;

static strata_status open_tables(const exporting *e, const st_capture *capture,
                                 st_block_cache *cache, table_list *list) {
    for (size_t i = 0; i < capture->manifest.file_count; i++) {
        st_table_spec spec;
        st_tables_spec(e->store, capture->files[i].number, &spec);
        ST_TRY(st_table_open(&spec, cache, &list->tables[i], e->error));
        list->opened++;
    }
    return STRATA_OK;
}

/* Those of level 0 one by one, each other level as a list. */
static size_t make_sources(const exporting *e, const st_capture *capture, table_list *list) {
    const size_t count = (size_t)capture->manifest.file_count;
    size_t sources = 0;
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (capture->files[i].level > 0 && end < count &&
               capture->files[end].level == capture->files[i].level) {
            end++;
        }
        st_source_tables(&list->sources[sources], list->tables + i, end - i, UINT64_MAX, e->error);
        list->list[sources] = &list->sources[sources];
        sources++;
        i = end;
    }
    return sources;
}

static strata_status write_captured(exporting *e, const st_capture *capture) {
    const strata_allocator *memory = &e->store->host->memory;
    const size_t count = (size_t)capture->manifest.file_count + 1;
    st_block_cache *cache = NULL;
    table_list list = {.tables = st_alloc(memory, count * sizeof *list.tables),
                       .sources = st_alloc(memory, count * sizeof *list.sources),
                       .list = st_alloc(memory, count * sizeof *list.list)};
    strata_status status = STRATA_NO_MEMORY;
    if (list.tables == NULL || list.sources == NULL || list.list == NULL ||
        st_block_cache_create(e->store->host, 0, &cache) != STRATA_OK) {
        status = st_fail_memory(e->error);
    } else {
        status = open_tables(e, capture, cache, &list);
    }
    if (status == STRATA_OK) {
        st_merge merge;
        st_merge_init(&merge, list.list, make_sources(e, capture, &list));
        status = write_merge(e, &merge, UINT64_MAX);
        st_merge_release(&merge);
    }
    for (size_t i = 0; i < list.opened; i++) {
        st_table_close(list.tables[i]);
    }
    st_block_cache_destroy(cache);
    st_free(memory, list.tables, count * sizeof *list.tables);
    st_free(memory, list.sources, count * sizeof *list.sources);
    st_free(memory, list.list, count * sizeof *list.list);
    return status;
}

/* ---- Of a store that does not change, or only grows ------------------------------------------ */

/* The sources of one run, in the arena. */
static strata_status merge_run(const exporting *e, uint64_t run, st_arena *arena, st_merge *merge) {
    const st_shard *shard = st_shards_find(&e->store->shards, run);
    const st_view *view = st_tables_view(e->store);
    size_t count = view == NULL ? 0 : view->count;
    const st_memtable *newest = shard == NULL ? NULL : st_shard_newest(shard);
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        count++;
    }
    st_source *sources = st_arena_alloc(arena, (count + 1) * sizeof *sources, 16);
    st_source **list = st_arena_alloc(arena, (count + 1) * sizeof *list, 8);
    if (sources == NULL || list == NULL) {
        return st_fail_memory(e->error);
    }
    count = 0;
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        st_source_memtable(&sources[count++], table);
    }
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        const st_level *level = &view->levels[i];
        const size_t step = i == 0 ? 1 : level->count;
        for (size_t j = 0; j < level->count; j += step) {
            st_source_tables(&sources[count++], level->tables + j, step, run, e->error);
        }
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = &sources[i];
    }
    st_merge_init(merge, list, count);
    return STRATA_OK;
}

/* Above the highest run that there is anything of. */
static uint64_t end_of_runs(const st_store *store) {
    const st_view *view = st_tables_view(store);
    uint64_t end = st_shards_end(&store->shards);
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            const uint64_t last =
                load64_be(st_table_about(view->levels[i].tables[j])->last_key.data);
            end = last >= end && last < ST_RUNS_MAX ? last + 1 : end;
        }
    }
    return end;
}

static strata_status write_runs(exporting *e) {
    const uint64_t end = end_of_runs(e->store);
    strata_status status = STRATA_OK;
    st_arena arena;
    st_arena_init(&arena, &e->store->host->memory, 0);
    for (uint64_t run = 0; run < end && status == STRATA_OK; run++) {
        st_merge merge;
        st_arena_reset(&arena);
        status = merge_run(e, run, &arena, &merge);
        if (status == STRATA_OK) {
            status = write_merge(e, &merge, run);
            st_merge_release(&merge);
        }
    }
    st_arena_free(&arena);
    return status;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static strata_status write_file(exporting *e, const char *file, const st_manifest *manifest,
                                const st_capture *capture, st_export_result *result) {
    st_transfer_header header = {.version = e->version,
                                 .created_us = manifest->created_us,
                                 .floor_version = manifest->floor_version,
                                 .floor_us = manifest->floor_us};
    memcpy(header.uuid, manifest->uuid, ST_UUID_BYTES);
    ST_TRY(st_transfer_begin(&e->writer, e->store->host, file, &header, e->error));
    strata_status status = capture != NULL ? write_captured(e, capture) : write_runs(e);
    if (status == STRATA_OK) {
        status = st_transfer_finish(&e->writer);
    }
    *result = (st_export_result){e->version, e->writer.written, e->writer.totals};
    st_transfer_end(&e->writer, status == STRATA_OK);
    return status;
}

static uint64_t current_version(st_store *store) {
    st_mutex_lock(&store->wal.lock, &store->host->executor);
    const uint64_t version = store->wal.version;
    st_mutex_unlock(&store->wal.lock, &store->host->executor);
    st_flush_settle(store);
    return version;
}

strata_status st_export(st_store *store, const char *file, st_export_result *result,
                        strata_error *error) {
    exporting e = {.store = store, .error = error};
    st_capture capture;
    const size_t len = strlen(file);
    if (len == 0 || len >= FILE_NAME_BYTES_MAX || store->host->storage.open == NULL) {
        st_fail(error, STRATA_INVALID_ARGUMENT,
                "an export goes into a file of the host, whose name has 1 to %u bytes",
                (uint64_t)(FILE_NAME_BYTES_MAX - 1));
        return st_fail_text(error, "argument", strata_text("path"));
    }
    if (store->in_memory || (store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        e.version = current_version(store);
        return write_file(&e, file, &store->manifest, NULL, result);
    }
    ST_TRY(st_store_capture(store, &capture, error));
    e.version = capture.manifest.watermark;
    const strata_status status = write_file(&e, file, &capture.manifest, &capture, result);
    st_tables_release(store, &capture);
    return status;
}
