/* repair.c - saving what can be saved, and saying plainly what could not.
 *
 * 1. The folder is locked. Every table is verified; of a damaged one what can be read is written into
 *    a new one (salvage.c), which takes its place, in snapshots too.
 * 2. A log that cannot be read to its end is cut at the damage: the commits before it become a table,
 *    those behind it are lost, and counted. They could be read in part, but not be had without those
 *    before them: the state would be one that never was.
 * 3. When there is no manifest, all tables there are and the log are merged into new ones
 *    (rebuild.c).
 * 4. Files that were damaged are copied into LOST and synced. Then the MANIFEST that does without them
 *    is written, and only then are the originals removed. So nothing that was not whole in another
 *    file is ever deleted, and a crash at any moment leaves a database that can be repaired.
 * 5. In the end everything is verified once more.
 * After a log was cut the state is a prefix of the commits. After a table has lost entries it is not:
 * an older version of a key, or none, shows where a newer one is gone. The report says which.
 */
#include "store/copies/repair_private.h"

#include "store/copies/verify.h"
#include "store/folder.h"
#include "store/log/wal_replay.h"
#include "store/recover.h"
#include "store/segment/segment_file.h"

/* ---- Tables --------------------------------------------------------------------------------- */

const st_replaced *st_repair_replaced(const st_repair_state *r, uint64_t number) {
    const st_replaced *all = (const st_replaced *)(const void *)r->replaced.data;
    for (size_t i = 0; i < r->replaced.len / sizeof *all; i++) {
        if (all[i].number == number) {
            return &all[i];
        }
    }
    return NULL;
}

/* What is to stand in a manifest for that table; number 0: nothing. */
static strata_status settle_table(st_repair_state *r, const st_live_file *file,
                                  st_live_file *settled) {
    strata_error detail = {.code = STRATA_OK};
    const st_replaced *known = st_repair_replaced(r, file->number);
    const bool was_prefix = r->report->is_prefix;
    st_replaced replaced = {.number = file->number};
    st_table *table;
    if (known != NULL) {
        *settled = known->by;
        settled->level = file->level;
        return STRATA_OK;
    }
    ST_TRY(st_repair_check(r, file->number, &table, &detail));
    if (table != NULL) {
        replaced.by = *file;
        replaced.by.bytes = st_table_about(table)->bytes;
        st_table_close(table);
    } else {
        ST_TRY(st_repair_salvage(r, file->number, file->level, &detail, &replaced.by));
        r->report->is_prefix = r->report->is_prefix && was_prefix;
    }
    *settled = replaced.by;
    return st_buffer_append(&r->replaced, &replaced, sizeof replaced) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(r->error);
}

/* A segment is derived: it goes with the manifest that is written anew, whatever the reason, and is made again when it
 * is needed. One that is damaged is a reason. */
static strata_status settle_segment(st_repair_state *r, const st_live_file *file, bool *changed) {
    const st_segment_spec spec = {.host = r->store.host,
                                  .path = r->store.path,
                                  .uuid = r->store.manifest.uuid,
                                  .number = file->number,
                                  .kind = ST_SEGMENT_VECTORS};
    char name[ST_FILE_NAME_MAX];
    strata_error detail = {.code = STRATA_OK};
    uint64_t bytes;
    const strata_status status = st_segment_check(&spec, &bytes, &detail);
    if (status == STRATA_CORRUPT) {
        st_format(name, sizeof name, "DATA/seg-%u.seg", file->number);
        (void)st_repair_tell(r, name, "it was damaged, and is made again when it is needed");
        *changed = true;
        return STRATA_OK;
    }
    return status;
}

/* The tables among `from`, as they are to be from now on, are appended to `to`. *changed: one is
 * another. */
static strata_status settle_tables(st_repair_state *r, const strata_buffer *from, strata_buffer *to,
                                   bool *changed) {
    const st_live_file *files = (const st_live_file *)(const void *)from->data;
    *changed = false;
    for (size_t i = 0; i < from->len / sizeof *files; i++) {
        st_live_file settled = {.number = 0};
        if (files[i].kind == ST_FILE_SNAPSHOT) {
            continue;
        }
        if (files[i].kind == ST_FILE_SEGMENT) {
            ST_TRY(settle_segment(r, &files[i], changed));
            continue;
        }
        if (files[i].kind != ST_FILE_TABLE || files[i].level >= ST_LEVELS) {
            (void)st_repair_tell(r, "MANIFEST", "it named a file of an unknown kind");
            r->report->is_prefix = false;
        } else {
            ST_TRY(settle_table(r, &files[i], &settled));
        }
        const bool other = settled.number != files[i].number || settled.bytes != files[i].bytes;
        if (other && settled.number == files[i].number) {
            (void)st_repair_tell(r, "MANIFEST", "it named a table with another length");
        }
        *changed = *changed || other;
        if (settled.number > 0 && st_buffer_append(to, &settled, sizeof settled) != STRATA_OK) {
            return st_fail_memory(r->error);
        }
    }
    return STRATA_OK;
}

/* ---- The log --------------------------------------------------------------------------------- */

static strata_status settle_log(st_repair_state *r) {
    strata_error detail = {.code = STRATA_OK};
    /* As recovery does it, so that what it would refuse is found. */
    const st_replay_sink sink = {.ctx = &r->store, .commit = st_recover_commit};
    st_replay replay;
    const strata_status status =
        st_wal_replay(r->store.host, r->store.path, &r->store.manifest, &sink, &replay, &detail);
    if (status == STRATA_OK) {
        r->report->version = replay.at.version;
        return STRATA_OK;
    }
    if (status != STRATA_CORRUPT) {
        if (r->error != NULL) {
            *r->error = detail;
        }
        return status;
    }
    st_live_file made;
    st_shards_free(&r->store.shards);
    st_shards_init(&r->store.shards, r->store.host);
    ST_TRY(st_repair_log(r, &detail, &made));
    r->report->version = r->store.manifest.watermark;
    if (made.number == 0) {
        return STRATA_OK;
    }
    /* It is newer than all others, so it goes before them. */
    if (st_buffer_reserve(&r->files, sizeof made) != STRATA_OK) {
        return st_fail_memory(r->error);
    }
    memmove(r->files.data + sizeof made, r->files.data, r->files.len);
    memcpy(r->files.data, &made, sizeof made);
    r->files.len += sizeof made;
    return STRATA_OK;
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static strata_status list_snapshot(st_repair_state *r, uint64_t number, uint64_t bytes) {
    const st_live_file file = {ST_FILE_SNAPSHOT, 0, number, bytes};
    return st_buffer_append(&r->files, &file, sizeof file) == STRATA_OK ? STRATA_OK
                                                                        : st_fail_memory(r->error);
}

/* The snapshot with other tables, in a new file. */
static strata_status rewrite_snapshot(st_repair_state *r, const char *name,
                                      st_snapshot_content *content, const strata_buffer *files) {
    char what[ST_REPAIR_TEXT_MAX];
    uint64_t bytes;
    content->info.number = st_tables_next_number(&r->store);
    content->manifest.file_count = files->len / sizeof(st_live_file);
    ST_TRY(st_snapshot_write(r->store.host, r->store.path, &content->info, &content->manifest,
                             (const st_live_file *)(const void *)files->data, &bytes, r->error));
    st_format(what, sizeof what, "the snapshot is now number %u, of what was left of its tables",
              content->info.number);
    st_repair_item *item = st_repair_tell(r, name, what);
    ST_TRY(st_repair_set_aside(r, name, item == NULL ? NULL : item->moved));
    return list_snapshot(r, content->info.number, bytes);
}

strata_status st_repair_snapshot(st_repair_state *r, const st_live_file *file, bool *lost) {
    char name[ST_FILE_NAME_MAX];
    strata_error detail = {.code = STRATA_OK};
    st_snapshot_content content;
    strata_buffer settled = {NULL, 0, 0, r->store.host};
    bool changed = false;
    st_format(name, sizeof name, "SNAPSHOTS/snap-%u", file->number);
    strata_status status = st_snapshot_read(r->store.host, r->store.path, r->store.manifest.uuid,
                                            file->number, &content, &detail);
    if (status == STRATA_CORRUPT) {
        *lost = true;
        st_repair_item *item = st_repair_tell(r, name, detail.message);
        return st_repair_set_aside(r, name, item == NULL ? NULL : item->moved);
    }
    if (status != STRATA_OK) {
        if (r->error != NULL) {
            *r->error = detail;
        }
        return status;
    }
    const bool was_prefix = r->report->is_prefix;
    status = settle_tables(r, &content.files, &settled, &changed);
    r->report->is_prefix = was_prefix; /* the state of now does not hang on it */
    if (status == STRATA_OK) {
        status = changed ? rewrite_snapshot(r, name, &content, &settled)
                         : list_snapshot(r, file->number, content.file_bytes);
    }
    strata_buffer_free(&settled);
    strata_buffer_free(&content.files);
    return status;
}

/* Tables that nothing names any more may be those of a snapshot that is lost. */
static strata_status set_unnamed_aside(st_repair_state *r) {
    const uint64_t *numbers = (const uint64_t *)(const void *)r->data.data;
    for (size_t i = 0; i < r->data.len / sizeof *numbers; i++) {
        char name[ST_FILE_NAME_MAX];
        st_format(name, sizeof name, "DATA/tab-%u.tab", numbers[i]);
        if (st_repair_replaced(r, numbers[i]) == NULL) {
            st_repair_item *item =
                st_repair_tell(r, name, "perhaps a table of a snapshot that could not be read");
            ST_TRY(st_repair_set_aside(r, name, item == NULL ? NULL : item->moved));
        }
    }
    return STRATA_OK;
}

static strata_status settle_snapshots(st_repair_state *r, const strata_buffer *files) {
    const st_live_file *live = (const st_live_file *)(const void *)files->data;
    bool lost = false;
    for (size_t i = 0; i < files->len / sizeof *live; i++) {
        if (live[i].kind == ST_FILE_SNAPSHOT) {
            ST_TRY(st_repair_snapshot(r, &live[i], &lost));
        }
    }
    return lost ? set_unnamed_aside(r) : STRATA_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static strata_status write_manifest(st_repair_state *r) {
    st_manifest *m = &r->store.manifest;
    const st_live_file *files = (const st_live_file *)(const void *)r->files.data;
    m->file_count = r->files.len / sizeof *files;
    /* Twice, so that neither slot speaks of what is gone. */
    ST_TRY(st_manifest_write(r->store.host, r->store.path, m, files, r->error));
    return st_manifest_write(r->store.host, r->store.path, m, files, r->error);
}

static strata_status check_slots(st_repair_state *r) {
    unsigned valid = 0;
    unsigned empty = 0;
    const strata_status status = st_manifest_slots(r->store.host, r->store.path, &valid, &empty);
    if (status == STRATA_OK && valid + empty < 2) {
        st_repair_item *item =
            st_repair_tell(r, "MANIFEST", "one of its two slots was damaged; the other held");
        if (item != NULL) {
            item->kept = 1;
        }
    }
    return status == STRATA_OK ? STRATA_OK
                               : st_fail(r->error, status, "%s/MANIFEST could not be read (%s)",
                                         r->store.path, strata_status_name(status));
}

static strata_status repair_known(st_repair_state *r, const strata_buffer *files) {
    bool changed;
    st_repair_pass_numbers(r);
    ST_TRY(check_slots(r));
    ST_TRY(settle_tables(r, files, &r->files, &changed));
    ST_TRY(settle_log(r));
    return settle_snapshots(r, files);
}

/* Whether it is all right now. */
static strata_status check_result(st_repair_state *r) {
    const strata_allocator *memory = &r->store.host->memory;
    st_report *report = st_alloc_zeroed(memory, sizeof *report);
    if (report == NULL) {
        return st_fail_memory(r->error);
    }
    strata_status status = st_verify_files(r->store.host, r->store.path, report, r->error);
    if (status == STRATA_OK && report->problem_count > 0) {
        status = st_fail(r->error, STRATA_CORRUPT, "it is damaged still, or again: %s",
                         report->problems[0].what);
    }
    st_free(memory, report, sizeof *report);
    return status;
}

static bool lists(const strata_buffer *files, uint64_t number) {
    const st_live_file *all = (const st_live_file *)(const void *)files->data;
    for (size_t i = 0; i < files->len / sizeof *all; i++) {
        if (all[i].kind == ST_FILE_TABLE && all[i].number == number) {
            return true;
        }
    }
    return false;
}

/* Adds the tables of the snapshots to the list; those that cannot be read add nothing. */
static strata_status add_pinned(const st_repair_state *r, strata_buffer *files) {
    const size_t count = files->len / sizeof(st_live_file);
    for (size_t i = 0; i < count; i++) {
        const st_live_file file = ((const st_live_file *)(const void *)files->data)[i];
        st_snapshot_content content;
        if (file.kind != ST_FILE_SNAPSHOT ||
            st_snapshot_read(r->store.host, r->store.path, r->store.manifest.uuid, file.number,
                             &content, NULL) != STRATA_OK) {
            continue;
        }
        const strata_status status = st_buffer_append(files, content.files.data, content.files.len);
        strata_buffer_free(&content.files);
        if (status != STRATA_OK) {
            return st_fail_memory(r->error);
        }
    }
    return STRATA_OK;
}

/* The manifest that was read may be the one before the newest, whose slot is damaged: then there are
 * tables that it does not know, or its log is gone. *doubtful: it is not to be gone by. */
static strata_status doubt(const st_repair_state *r, const strata_buffer *files, bool *doubtful) {
    const uint64_t *tables = (const uint64_t *)(const void *)r->data.data;
    const uint64_t *segments = (const uint64_t *)(const void *)r->log.data;
    const st_manifest *m = &r->store.manifest;
    strata_buffer named = {NULL, 0, 0, r->store.host};
    unsigned valid = 0;
    unsigned empty = 0;
    *doubtful = false;
    if (st_manifest_slots(r->store.host, r->store.path, &valid, &empty) != STRATA_OK ||
        valid + empty == 2) {
        return STRATA_OK;
    }
    *doubtful = r->log.len > 0 && m->whole_segment > 0 && segments[0] > m->wal_first;
    strata_status status = st_buffer_append(&named, files->data, files->len);
    status = status == STRATA_OK ? add_pinned(r, &named) : st_fail_memory(r->error);
    for (size_t i = 0; i < r->data.len / sizeof *tables && !*doubtful; i++) {
        *doubtful = !lists(&named, tables[i]);
    }
    strata_buffer_free(&named);
    return status;
}

/* What the manifest is to be, and all files that it names. */
static strata_status settle_all(st_repair_state *r) {
    strata_buffer files = {NULL, 0, 0, r->store.host};
    strata_error detail = {.code = STRATA_OK};
    st_manifest *m = &r->store.manifest;
    strata_status status = st_manifest_read(r->store.host, r->store.path, m, &files, &detail);
    bool rebuilds = status == STRATA_NOT_FOUND || status == STRATA_CORRUPT;
    if (status != STRATA_OK && !rebuilds) {
        if (r->error != NULL) {
            *r->error = detail;
        }
        strata_buffer_free(&files);
        return status;
    }
    status = rebuilds ? STRATA_OK : doubt(r, &files, &rebuilds);
    if (status == STRATA_OK && rebuilds) {
        *m = (st_manifest){.generation = m->generation, .next_file = 1};
        st_repair_pass_numbers(r);
        status = st_repair_rebuild(r);
    } else if (status == STRATA_OK) {
        status = repair_known(r, &files);
    }
    strata_buffer_free(&files);
    return status;
}

static strata_status repair_locked(st_repair_state *r) {
    ST_TRY(st_repair_list(r));
    ST_TRY(settle_all(r));
    if (!r->report->changed) {
        return STRATA_OK;
    }
    ST_TRY(write_manifest(r));
    st_repair_remove_now(r);
    return check_result(r);
}

static strata_status visit_file(void *arg, const char *name) {
    if (strncmp(name, "LOCK", 4) != 0) {
        *(bool *)arg = true;
    }
    return STRATA_OK;
}

/* Locking would make the folder. */
static strata_status check_there(const st_repair_state *r) {
    static const char *const folders[] = {"", "/DATA", "/WAL"};
    const strata_storage *storage = &r->store.host->storage;
    char name[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    bool any = false;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && !any; i++) {
        st_format(name, sizeof name, "%s%s", r->store.path, folders[i]);
        const strata_status status = storage->list(storage->ctx, name, visit_file, &any);
        if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
            return st_fail(r->error, status, "%s could not be listed (%s)", name,
                           strata_status_name(status));
        }
    }
    return any ? STRATA_OK
               : st_fail(r->error, STRATA_NOT_FOUND, "there is no database in %s", r->store.path);
}

static strata_status with_cache(st_repair_state *r) {
    strata_file *lock = NULL;
    ST_TRY(check_there(r));
    ST_TRY(st_folder_lock(r->store.host, r->store.path, &lock, r->error));
    const strata_status status = repair_locked(r);
    st_folder_unlock(r->store.host, lock);
    return status;
}

static void begin(st_repair_state *r, const strata_host *host, const char *path) {
    strata_buffer *const buffers[] = {&r->files, &r->replaced, &r->removals,
                                      &r->data,  &r->log,      &r->snapshots};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        buffers[i]->host = host;
    }
    r->store.host = host;
    r->store.path = (char *)(uintptr_t)path; /* which nobody changes */
    r->store.manifest.next_file = 1;
    st_mutex_init(&r->store.manifest_lock);
    st_shards_init(&r->store.shards, host);
}

static void end(st_repair_state *r) {
    strata_buffer *const buffers[] = {&r->files, &r->replaced, &r->removals,
                                      &r->data,  &r->log,      &r->snapshots};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        strata_buffer_free(buffers[i]);
    }
    st_shards_free(&r->store.shards);
    st_block_cache_destroy(r->cache);
}

strata_status st_repair(const strata_host *host, const char *path, st_repair_report *report,
                        strata_error *error) {
    memset(report, 0, sizeof *report);
    report->is_prefix = true;
    st_repair_state *r = st_alloc_zeroed(&host->memory, sizeof *r);
    if (r == NULL) {
        return st_fail_memory(error);
    }
    r->report = report;
    r->error = error;
    begin(r, host, path);
    const strata_status status = st_block_cache_create(host, 0, &r->cache) == STRATA_OK
                                     ? with_cache(r)
                                     : st_fail_memory(error);
    end(r);
    st_free(&host->memory, r, sizeof *r);
    return status;
}
