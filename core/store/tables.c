/* tables.c - the set of live tables: what the manifest says, and what readers see.
 *
 * Order of a change: the new files are whole and synced -> the manifest that names them is written
 * and synced -> readers see the new view -> the old view is retired, and when its last reader has
 * left, what it alone had is closed and, unless a snapshot or a backup needs it (pins.h), removed. A
 * crash in between leaves files that no manifest names; the next opening for writing removes them.
 */
#include "store/tables.h"

#include "store/file_name.h"
#include "store/segments.h"
#include "store/snapshot.h"

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

void st_tables_remove_file(const st_store *store, uint64_t number) {
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
        st_tables_remove_file(store, number);
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

static void count_level_0(st_store *store, const st_view *view) {
    atomic_store_explicit(&store->level_0, view->levels[0].count, memory_order_relaxed);
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
    const st_view_change change = {NULL, 0, &table, 1, file->level, NULL};
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
        if (files[i - 1].kind != ST_FILE_SNAPSHOT && files[i - 1].kind != ST_FILE_SEGMENT) {
            status = load_one(store, &files[i - 1], &view, error);
        }
    }
    if (view != NULL) {
        view->owner = store;
        atomic_store_explicit(&store->view, view, memory_order_release);
        count_level_0(store, view);
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
        st_tables_close(store, view->dropped[i], false);
    }
    st_pins_release(store, view->pins);
    st_view_destroy(&store->host->memory, view);
}

static size_t count_tables(const st_view *view) {
    size_t count = 0;
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        count += view->levels[i].count;
    }
    return count;
}

static size_t list_tables(const st_view *view, st_live_file *files) {
    size_t count = 0;
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            const st_table_info *info = st_table_about(view->levels[i].tables[j]);
            files[count++] = (st_live_file){ST_FILE_TABLE, i, info->number, info->bytes};
        }
    }
    return count;
}

/* Under manifest_lock: *next becomes the manifest, with the tables of the view. */
static strata_status write_manifest(st_store *store, const st_view *view, st_manifest *next,
                                    strata_error *error) {
    const strata_allocator *memory = &store->host->memory;
    const size_t tables = count_tables(view);
    const size_t snapshots = st_snapshots_count(store);
    const size_t count = tables + snapshots + st_segments_count(store);
    st_live_file *files = count == 0 ? NULL : st_alloc(memory, count * sizeof *files);
    if (count > 0 && files == NULL) {
        return st_fail_memory(error);
    }
    next->file_count = count;
    if (count > 0) {
        (void)list_tables(view, files);
        st_snapshots_list_files(store, files + tables);
        st_segments_list_files(store, files + tables + snapshots);
    }
    const strata_status status = st_manifest_write(store->host, store->path, next, files, error);
    st_free(memory, files, count * sizeof *files);
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

strata_status st_tables_write_manifest(st_store *store, strata_error *error) {
    st_manifest next = store->manifest;
    return write_manifest(store, st_tables_view(store), &next, error);
}

/* Writes the manifest and shows the view. pins: what it no longer has; may be NULL. */
static strata_status switch_view(st_store *store, st_view *after, const st_install *install,
                                 st_pin_set *pins, strata_error *error) {
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
        if (pins != NULL) {
            st_pins_hold(store, pins);
        }
        atomic_store_explicit(&store->floor_version, next.floor_version, memory_order_relaxed);
        atomic_store_explicit(&store->floor_us, next.floor_us, memory_order_relaxed);
        st_store_show_trims(store, install->trims);
        atomic_store_explicit(&store->view, after, memory_order_seq_cst);
        count_level_0(store, after);
    }
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return status;
}

/* What a view needs to let go of the tables that the change removes. */
static strata_status prepare_drop(const st_store *store, const st_install *install,
                                  st_table ***dropped, st_pin_set **pins) {
    const strata_allocator *memory = &store->host->memory;
    const size_t count = install->moves ? 0 : install->change.removed_count;
    *dropped = NULL;
    *pins = NULL;
    if (count == 0) {
        return STRATA_OK;
    }
    *dropped = st_alloc(memory, count * sizeof(st_table *));
    *pins = st_pins_create(memory, count);
    if (*dropped == NULL || *pins == NULL) {
        st_free(memory, *dropped, count * sizeof(st_table *));
        st_pins_destroy(memory, *pins);
        return STRATA_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        (*dropped)[i] = install->change.removed[i];
        (*pins)->numbers[i] = st_table_about((*dropped)[i])->number;
    }
    return STRATA_OK;
}

strata_status st_tables_install(st_store *store, const st_install *install, strata_error *error) {
    const strata_allocator *memory = &store->host->memory;
    const size_t dropped_count = install->moves ? 0 : install->change.removed_count;
    st_view *before = st_tables_view(store);
    st_table **dropped;
    st_pin_set *pins;
    st_view *after = st_view_make(memory, before, &install->change);
    strata_status status = after == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    if (status != STRATA_OK || prepare_drop(store, install, &dropped, &pins) != STRATA_OK) {
        st_view_destroy(memory, after);
        return st_fail_memory(error);
    }
    after->owner = store;
    status = switch_view(store, after, install, pins, error);
    if (status != STRATA_OK) {
        st_view_destroy(memory, after);
        st_free(memory, dropped, dropped_count * sizeof(st_table *));
        st_pins_destroy(memory, pins);
        return status;
    }
    if (before != NULL) {
        before->dropped = dropped;
        before->dropped_count = dropped_count;
        before->pins = pins;
        st_epoch_retire(&store->epoch, &before->retired, reclaim_view);
    }
    st_epoch_reclaim(&store->epoch);
    return STRATA_OK;
}

/* ---- One moment ------------------------------------------------------------------------------ */

strata_status st_tables_capture(st_store *store, st_capture *capture, strata_error *error) {
    const strata_allocator *memory = &store->host->memory;
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const st_view *view = st_tables_view(store);
    const size_t count = count_tables(view);
    capture->manifest = store->manifest;
    capture->manifest.file_count = count;
    capture->bytes = st_tables_bytes(view);
    capture->files = st_alloc(memory, (count + 1) * sizeof *capture->files);
    capture->pins = st_pins_create(memory, count);
    const bool good = capture->files != NULL && capture->pins != NULL;
    if (good) {
        (void)list_tables(view, capture->files);
        for (size_t i = 0; i < count; i++) {
            capture->pins->numbers[i] = capture->files[i].number;
        }
        st_pins_hold(store, capture->pins);
    }
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    if (!good) {
        st_free(memory, capture->files, (count + 1) * sizeof *capture->files);
        st_pins_destroy(memory, capture->pins);
        return st_fail_memory(error);
    }
    return STRATA_OK;
}

void st_tables_release(st_store *store, st_capture *capture) {
    st_pins_release(store, capture->pins);
    st_free(&store->host->memory, capture->files,
            ((size_t)capture->manifest.file_count + 1) * sizeof *capture->files);
}

bool st_tables_has(const st_store *store, uint64_t number) {
    const st_view *view = st_tables_view(store);
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            if (st_table_about(view->levels[i].tables[j])->number == number) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static strata_status first_run_in(const st_table *table, uint64_t run, uint64_t *next,
                                  strata_error *error) {
    uint8_t key[8];
    st_table_iter iter;
    store64_be(key, run);
    st_table_iter_init(&iter, table, error);
    const strata_status status = st_table_iter_seek(&iter, st_slice(key, sizeof key), UINT64_MAX);
    if (status == STRATA_OK && iter.here) {
        const uint64_t here = load64_be(iter.key.data);
        *next = here < *next ? here : *next;
    }
    st_table_iter_release(&iter);
    return status;
}

strata_status st_tables_next_run(const st_store *store, uint64_t run, uint64_t *next, bool *found,
                                 strata_error *error) {
    const st_view *view = st_tables_view(store);
    uint64_t lowest = UINT64_MAX;
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            ST_TRY(first_run_in(view->levels[i].tables[j], run, &lowest, error));
        }
    }
    *found = lowest != UINT64_MAX;
    *next = lowest;
    return STRATA_OK;
}

/* ---- Orphans --------------------------------------------------------------------------------- */

typedef struct orphan_list {
    const st_store *store;
    strata_buffer numbers; /* of uint64_t */
} orphan_list;

static strata_status visit_data(void *arg, const char *name) {
    orphan_list *list = arg;
    uint64_t number;
    if (!st_file_number(name, "tab-", ".tab", &number) || st_tables_has(list->store, number) ||
        st_pins_have(list->store, number)) {
        return STRATA_OK;
    }
    return st_buffer_append(&list->numbers, &number, sizeof number);
}

static strata_status visit_segment(void *arg, const char *name) {
    orphan_list *list = arg;
    uint64_t number;
    if (!st_file_number(name, "seg-", ".seg", &number) || st_segments_have(list->store, number)) {
        return STRATA_OK;
    }
    return st_buffer_append(&list->numbers, &number, sizeof number);
}

static strata_status visit_snapshot(void *arg, const char *name) {
    orphan_list *list = arg;
    uint64_t number;
    if (!st_file_number(name, "snap-", "", &number) || st_snapshots_have(list->store, number)) {
        return STRATA_OK;
    }
    return st_buffer_append(&list->numbers, &number, sizeof number);
}

/* Removes what the visitor finds in the folder. */
static strata_status remove_orphans_in(st_store *store, const char *folder,
                                       strata_status (*visit)(void *arg, const char *name),
                                       void (*remove)(const st_store *store, uint64_t number),
                                       strata_error *error) {
    const strata_storage *storage = &store->host->storage;
    char path[ST_FILE_NAME_MAX + 1024];
    orphan_list list = {store, {NULL, 0, 0, store->host}};
    st_format(path, sizeof path, "%s/%s", store->path, folder);
    const strata_status status = storage->list(storage->ctx, path, visit, &list);
    for (size_t i = 0; i < list.numbers.len / sizeof(uint64_t); i++) {
        uint64_t number;
        memcpy(&number, list.numbers.data + i * sizeof number, sizeof number);
        if (!store->keeps_orphans) {
            remove(store, number);
        }
        if (number >= store->manifest.next_file) {
            store->manifest.next_file = number + 1; /* it could not be removed, or comes back */
        }
    }
    strata_buffer_free(&list.numbers);
    return status == STRATA_OK || status == STRATA_NOT_FOUND
               ? STRATA_OK
               : st_fail(error, status, "%s could not be listed (%s)", path,
                         strata_status_name(status));
}

strata_status st_tables_remove_orphans(st_store *store, strata_error *error) {
    ST_TRY(remove_orphans_in(store, "DATA", visit_data, st_tables_remove_file, error));
    ST_TRY(remove_orphans_in(store, "DATA", visit_segment, st_segments_remove_file, error));
    return remove_orphans_in(store, "SNAPSHOTS", visit_snapshot, st_snapshot_remove_file, error);
}
