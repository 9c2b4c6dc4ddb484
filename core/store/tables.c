/* tables.c - the set of live tables: what the manifest says, and what readers see.
 *
 * Order of a change: the new files are whole and synced -> the manifest that names them is written
 * and synced -> readers see the new view -> the old view is retired, and when its last reader has
 * left, what it alone had is closed and removed. A crash in between leaves files that no manifest
 * names; the next opening for writing removes them.
 */
#include "store/tables.h"

#include "store/file_name.h"

void st_tables_spec(const st_store *store, uint64_t number, st_table_spec *spec) {
    *spec = (st_table_spec){
        .host = store->host, .path = store->path, .number = number, .codec = store->manifest.codec};
    memcpy(spec->uuid, store->manifest.uuid, ST_UUID_BYTES);
}

uint64_t st_tables_next_number(st_store *store) {
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const uint64_t number = store->manifest.next_file++;
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return number;
}

strata_status st_tables_open(st_store *store, uint64_t number, st_table **table,
                             strata_error *error) {
    st_table_spec spec;
    st_tables_spec(store, number, &spec);
    ST_TRY(st_table_open(&spec, store->cache, table, error));
    atomic_fetch_add_explicit(&store->resident_bytes, st_table_resident_bytes(*table),
                              memory_order_relaxed);
    return STRATA_OK;
}

static void remove_file(const st_store *store, uint64_t number) {
    const strata_storage *storage = &store->host->storage;
    char name[ST_FILE_NAME_MAX + 1024];
    st_table_name(name, sizeof name, store->path, number);
    /* What cannot be removed now is an orphan at the next opening. */
    (void)storage->remove(storage->ctx, name);
}

void st_tables_close(st_store *store, st_table *table, bool removes) {
    const uint64_t number = st_table_about(table)->number;
    atomic_fetch_sub_explicit(&store->resident_bytes, st_table_resident_bytes(table),
                              memory_order_relaxed);
    st_table_close(table);
    if (removes) {
        remove_file(store, number);
    }
}

uint64_t st_tables_bytes(const st_view *view) {
    uint64_t sum = 0;
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            sum += st_table_about(view->levels[i].tables[j])->bytes;
        }
    }
    return sum;
}

/* ---- Loading --------------------------------------------------------------------------------- */

static strata_status fail_file(const st_store *store, const st_live_file *file, const char *what,
                               strata_error *error) {
    char name[ST_FILE_NAME_MAX];
    st_format(name, sizeof name, "DATA/tab-%u.tab", file->number);
    st_fail(error, STRATA_CORRUPT, "%s/MANIFEST names %s %s", store->path, name, what);
    st_fail_text(error, "file", strata_text("MANIFEST"));
    return st_fail_number(error, "offset", 0);
}

/* Adds one table of the manifest to the view that is being built. */
static strata_status load_one(st_store *store, const st_live_file *file, st_view **view,
                              strata_error *error) {
    st_table *table = NULL;
    if (file->kind != ST_FILE_TABLE || file->level >= ST_LEVELS || file->number == 0 ||
        file->number >= store->manifest.next_file) {
        return fail_file(store, file, "as something that it cannot be", error);
    }
    ST_TRY(st_tables_open(store, file->number, &table, error));
    if (st_table_about(table)->bytes != file->bytes) {
        st_tables_close(store, table, false);
        return fail_file(store, file, "with another length", error);
    }
    const st_view_change change = {NULL, 0, &table, 1, file->level};
    st_view *next = st_view_make(&store->host->memory, *view, &change);
    if (next == NULL) {
        st_tables_close(store, table, false);
        return st_fail_memory(error);
    }
    st_view_destroy(&store->host->memory, *view);
    *view = next;
    return STRATA_OK;
}

strata_status st_tables_load(st_store *store, const st_live_file *files, size_t count,
                             strata_error *error) {
    st_view *view = NULL;
    strata_status status = STRATA_OK;
    /* Those of level 0 are listed newest first, and each goes before what is there. */
    for (size_t i = count; i > 0 && status == STRATA_OK; i--) {
        status = load_one(store, &files[i - 1], &view, error);
    }
    if (view != NULL) {
        view->owner = store;
        atomic_store_explicit(&store->view, view, memory_order_release);
    }
    if (status == STRATA_OK && view != NULL && !st_view_check(view)) {
        return fail_file(store, &files[0], "and others whose keys overlap", error);
    }
    return status;
}

void st_tables_free(st_store *store) {
    st_view *view = st_tables_view(store);
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            st_tables_close(store, view->levels[i].tables[j], false);
        }
    }
    st_view_destroy(&store->host->memory, view);
    atomic_store_explicit(&store->view, NULL, memory_order_relaxed);
}

/* ---- Replacing ------------------------------------------------------------------------------- */

static void reclaim_view(st_retired *retired) {
    st_view *view = (st_view *)retired;
    st_store *store = view->owner;
    for (size_t i = 0; i < view->dropped_count; i++) {
        st_tables_close(store, view->dropped[i], true);
    }
    st_view_destroy(&store->host->memory, view);
}

static st_live_file *list_files(const st_store *store, const st_view *view) {
    st_live_file *files = st_alloc(&store->host->memory, view->count * sizeof *files);
    size_t count = 0;
    for (unsigned i = 0; files != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            const st_table_info *info = st_table_about(view->levels[i].tables[j]);
            files[count++] = (st_live_file){ST_FILE_TABLE, i, info->number, info->bytes};
        }
    }
    return files;
}

static size_t count_tables(const st_view *view) {
    size_t count = 0;
    for (unsigned i = 0; i < ST_LEVELS; i++) {
        count += view->levels[i].count;
    }
    return count;
}

/* Under manifest_lock: *next becomes the manifest, with the tables of the view. */
static strata_status write_manifest(st_store *store, const st_view *view, st_manifest *next,
                                    strata_error *error) {
    st_live_file *files = NULL;
    next->file_count = 0;
    if (view != NULL && view->count > 0) {
        files = list_files(store, view);
        if (files == NULL) {
            return st_fail_memory(error);
        }
        next->file_count = count_tables(view);
    }
    const strata_status status = st_manifest_write(store->host, store->path, next, files, error);
    st_free(&store->host->memory, files, view == NULL ? 0 : view->count * sizeof *files);
    if (status == STRATA_OK) {
        store->manifest = *next;
    }
    return status;
}

strata_status st_tables_record_log(st_store *store, const st_wal_position *at,
                                   strata_error *error) {
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    st_manifest next = store->manifest;
    next.whole_segment = at->segment;
    next.whole_end = at->end;
    next.whole_version = at->version;
    const strata_status status = write_manifest(store, st_tables_view(store), &next, error);
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return status;
}

/* Writes the manifest and shows the view. */
static strata_status switch_view(st_store *store, st_view *after, const st_install *install,
                                 strata_error *error) {
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    st_manifest next = store->manifest;
    if (install->wal_first > 0) {
        next.watermark = install->watermark;
        next.wal_first = install->wal_first;
        if (next.whole_segment < install->wal_first) {
            next.whole_segment = install->wal_first;
            next.whole_end = ST_WAL_HEADER_BYTES;
            next.whole_version = install->watermark;
        }
    }
    if (install->floor_version > next.floor_version) {
        next.floor_version = install->floor_version;
    }
    next.floor_us = install->floor_us > next.floor_us ? install->floor_us : next.floor_us;
    const strata_status status = write_manifest(store, after, &next, error);
    if (status == STRATA_OK) {
        atomic_store_explicit(&store->floor_version, next.floor_version, memory_order_relaxed);
        atomic_store_explicit(&store->floor_us, next.floor_us, memory_order_relaxed);
        atomic_store_explicit(&store->view, after, memory_order_seq_cst);
    }
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return status;
}

strata_status st_tables_install(st_store *store, const st_install *install, strata_error *error) {
    const strata_allocator *memory = &store->host->memory;
    st_view *before = st_tables_view(store);
    st_view *after = st_view_make(memory, before, &install->change);
    const size_t dropped_bytes =
        install->moves ? 0 : install->change.removed_count * sizeof(st_table *);
    st_table **dropped = dropped_bytes == 0 ? NULL : st_alloc(memory, dropped_bytes);
    if (after == NULL || (dropped_bytes > 0 && dropped == NULL)) {
        st_view_destroy(memory, after);
        st_free(memory, dropped, dropped_bytes);
        return st_fail_memory(error);
    }
    after->owner = store;
    const strata_status status = switch_view(store, after, install, error);
    if (status != STRATA_OK) {
        st_view_destroy(memory, after);
        st_free(memory, dropped, dropped_bytes);
        return status;
    }
    if (before != NULL) {
        if (dropped_bytes > 0) {
            memcpy(dropped, install->change.removed, dropped_bytes);
        }
        before->dropped = dropped;
        before->dropped_count = dropped_bytes / sizeof(st_table *);
        st_epoch_retire(&store->epoch, &before->retired, reclaim_view);
    }
    st_epoch_reclaim(&store->epoch);
    return STRATA_OK;
}

/* ---- Orphans --------------------------------------------------------------------------------- */

typedef struct orphan_list {
    const st_store *store;
    strata_buffer numbers; /* of uint64_t */
} orphan_list;

static bool is_live_number(const st_view *view, uint64_t number) {
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            if (st_table_about(view->levels[i].tables[j])->number == number) {
                return true;
            }
        }
    }
    return false;
}

static strata_status visit_data(void *arg, const char *name) {
    orphan_list *list = arg;
    uint64_t number;
    if (!st_file_number(name, "tab-", ".tab", &number) ||
        is_live_number(st_tables_view(list->store), number)) {
        return STRATA_OK;
    }
    return st_buffer_append(&list->numbers, &number, sizeof number);
}

strata_status st_tables_remove_orphans(st_store *store, strata_error *error) {
    const strata_storage *storage = &store->host->storage;
    char folder[ST_FILE_NAME_MAX + 1024];
    orphan_list list = {store, {NULL, 0, 0, store->host}};
    st_format(folder, sizeof folder, "%s/DATA", store->path);
    const strata_status status = storage->list(storage->ctx, folder, visit_data, &list);
    for (size_t i = 0; i < list.numbers.len / sizeof(uint64_t); i++) {
        uint64_t number;
        memcpy(&number, list.numbers.data + i * sizeof number, sizeof number);
        remove_file(store, number);
        if (number >= store->manifest.next_file) {
            store->manifest.next_file = number + 1; /* it could not be removed, or comes back */
        }
    }
    strata_buffer_free(&list.numbers);
    return status == STRATA_OK || status == STRATA_NOT_FOUND
               ? STRATA_OK
               : st_fail(error, status, "%s could not be listed (%s)", folder,
                         strata_status_name(status));
}
