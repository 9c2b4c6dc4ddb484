/* recover.c - opening a database: find it, lock it, replay its log, cut what a crash left.
 *
 * Recovery is a function of the files alone, and running it again gives the same: newest valid
 * manifest, the tables it names, then every record of the log above its watermark in order (a table
 * may have some of those too; see flush.c). It writes only after the
 * whole log was read without finding damage: the torn tail is cut, a segment that was never begun
 * is removed. A database that is corrupt is left exactly as it was found.
 *
 * A folder is taken for a new database only if there is nothing in it (the lock aside), or what a
 * crash in the middle of making one leaves: a MANIFEST that was begun, and no log.
 */
#include "store/recover.h"

#include "store/file_name.h"
#include "store/folder.h"
#include "store/log/wal_replay.h"
#include "store/segments.h"
#include "store/snapshot.h"
#include "store/tables.h"

/* ---- What is there? -------------------------------------------------------------------------- */

typedef struct survey {
    bool manifest;
    uint64_t others; /* files that are neither MANIFEST nor the lock */
} survey;

static strata_status visit_file(void *arg, const char *name) {
    survey *seen = arg;
    if (strcmp(name, "MANIFEST") == 0) {
        seen->manifest = true;
    } else if (strncmp(name, "LOCK", 4) != 0) {
        seen->others++;
    }
    return STRATA_OK;
}

/* What the folder holds. Errors: invalid_argument for files of somebody else's. */
static strata_status look(st_store *store, survey *seen, strata_error *error) {
    const strata_storage *storage = &store->host->storage;
    *seen = (survey){false, 0};
    strata_status status = storage->list(storage->ctx, store->path, visit_file, seen);
    if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
        return st_fail(error, status, "%s is not a folder that can be read (%s)", store->path,
                       strata_status_name(status));
    }
    if (!seen->manifest && seen->others > 0) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "%s is not a Strata database: it holds %u other files and no MANIFEST. Name "
                       "a new or empty folder",
                       store->path, seen->others);
    }
    return STRATA_OK;
}

/* Whether a database that is not there may be made. */
static bool may_make(const st_store *store) {
    return (store->options.flags & (STRATA_OPEN_MUST_EXIST | STRATA_OPEN_READ_ONLY)) == 0;
}

static strata_status fail_missing(const st_store *store, strata_error *error) {
    return st_fail(error, STRATA_NOT_FOUND, "there is no database in %s", store->path);
}

static strata_status take_lock(st_store *store, strata_error *error) {
    const strata_storage *storage = &store->host->storage;
    char holder[STRATA_ERROR_TEXT_MAX] = "another process";
    const strata_status status =
        storage->lock(storage->ctx, store->path, holder, sizeof holder, &store->lock);
    if (status == STRATA_OK) {
        return STRATA_OK;
    }
    store->lock = NULL;
    if (status == STRATA_BUSY) {
        st_fail(error, status, "%s is open for writing in %s; close it there or open it read-only",
                store->path, holder);
        return st_fail_text(error, "holder", strata_text(holder));
    }
    if (status == STRATA_FORBIDDEN) {
        return st_fail(error, status,
                       "%s may not be written (permissions, or a read-only medium); open it "
                       "read-only",
                       store->path);
    }
    return st_fail(error, status, "%s could not be locked (%s)", store->path,
                   strata_status_name(status));
}

/* ---- A new database -------------------------------------------------------------------------- */

static strata_status new_manifest(st_store *store, strata_error *error) {
    const strata_host *host = store->host;
    st_manifest *m = &store->manifest;
    memset(m, 0, sizeof *m);
    m->read_format = ST_FORMAT_VERSION;
    m->write_format = ST_FORMAT_VERSION;
    m->codec = store->options.codec;
    m->created_us = host->clock.wall_us(host->clock.ctx);
    m->wal_first = 1;
    m->next_file = 1;
    m->floor_us = INT64_MIN;
    if (host->entropy.fill(host->entropy.ctx, m->uuid, sizeof m->uuid) != STRATA_OK) {
        return st_fail(error, STRATA_IO, "the host has no entropy");
    }
    m->uuid[6] = (uint8_t)((m->uuid[6] & 0x0f) | 0x40); /* RFC 9562 section 5.4 */
    m->uuid[8] = (uint8_t)((m->uuid[8] & 0x3f) | 0x80);
    return STRATA_OK;
}

static strata_status make_database(st_store *store, strata_error *error) {
    const st_wal_position start = {.first = 1};
    ST_TRY(new_manifest(store, error));
    if (!store->in_memory) {
        ST_TRY(st_manifest_write(store->host, store->path, &store->manifest, NULL, error));
    }
    return st_wal_open(&store->wal, store->host, store->path, store->manifest.uuid, &store->options,
                       store->manifest.codec, &start, error);
}

/* ---- An existing one ------------------------------------------------------------------------- */

static strata_status apply_writes(st_memtable *table, uint64_t version, int64_t timestamp_us,
                                  st_wal_record *record) {
    while (record->writes_left > 0) {
        st_write write;
        st_staged staged;
        if (!st_wal_record_next(record, &write)) {
            return STRATA_CORRUPT;
        }
        ST_TRY(st_memtable_stage(table, &write, &staged));
        const st_version *newest = atomic_load_explicit(&staged.leaf->newest, memory_order_relaxed);
        if (newest != NULL && newest->number >= version) {
            return STRATA_CORRUPT; /* a commit writes no key twice */
        }
        st_memtable_link(table, &staged, version, timestamp_us);
    }
    return STRATA_OK;
}

strata_status st_recover_commit(void *ctx, uint64_t version, int64_t timestamp_us,
                                st_wal_record *record) {
    st_store *store = ctx;
    st_shard *shard;
    if (record->run >= ST_RUNS_MAX) {
        return STRATA_CORRUPT;
    }
    ST_TRY(st_shards_add(&store->shards, record->run, &shard, NULL));
    st_memtable *table = st_shard_newest(shard);
    ST_TRY(apply_writes(table, version, timestamp_us, record));
    if (!st_wal_record_close(record) || timestamp_us < shard->newest_us) {
        return STRATA_CORRUPT;
    }
    st_store_count_memory(store, table);
    shard->newest_us = timestamp_us;
    st_shard_publish(shard, version);
    return STRATA_OK;
}

/* What is in tables has come before all that the log still holds, or is in both. Runs that the log
 * did not mention, and those that are found later, begin with it. */
static void count_tables_in(st_store *store, uint64_t watermark) {
    const st_view *view = st_tables_view(store);
    int64_t newest_us = 0;
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            const int64_t time_us = st_table_about(view->levels[i].tables[j])->time_max_us;
            newest_us = time_us > newest_us ? time_us : newest_us;
        }
    }
    st_shards_begin_at(&store->shards, watermark, newest_us);
    for (uint64_t run = 0; run < st_shards_end(&store->shards); run++) {
        const st_shard *shard = st_shards_find(&store->shards, run);
        newest_us = shard != NULL && shard->newest_us > newest_us ? shard->newest_us : newest_us;
    }
    /* Keys have gone that had ended by then: for those that are left, too, it is no earlier. */
    const int64_t floor_us = store->manifest.floor_us;
    newest_us = floor_us > newest_us ? floor_us : newest_us;
    atomic_store_explicit(&store->latest_us, newest_us, memory_order_relaxed);
    atomic_store_explicit(&store->floor_version, store->manifest.floor_version,
                          memory_order_relaxed);
    atomic_store_explicit(&store->floor_us, floor_us, memory_order_relaxed);
}

static void tell_cut(const st_store *store, const st_replay *replay) {
    const strata_log *log = &store->host->log;
    if (log->write != NULL) {
        char fields[128];
        st_format(fields, sizeof fields, "segment=%u offset=%u bytes=%u", replay->at.segment,
                  replay->at.end, replay->torn_bytes);
        log->write(log->ctx, STRATA_LOG_WARN, "cut the torn end of the log", fields);
    }
}

/* Whether the log ends where the last clean close left it. */
static bool is_whole(const st_store *store, const st_replay *replay) {
    return replay->at.segment == store->manifest.whole_segment &&
           replay->at.end == store->manifest.whole_end && replay->size_of_last == replay->at.end;
}

/* Removes what a crash left behind the last good record, and makes the rest durable: the process
 * that wrote it may have died before its sync, and what is written next relies on it.
 * A segment that was never begun stays: a removal need not survive the next crash, and then the one
 * before it, in which writing had gone on, would not be the last one. So writing goes on in it. */
static strata_status cut_tail(st_store *store, const st_replay *replay, strata_error *error) {
    const strata_storage *storage = &store->host->storage;
    char name[ST_FILE_NAME_MAX + 1024];
    strata_status status = STRATA_OK;
    if (replay->header_torn && replay->at.segment == 0) {
        st_wal_name(name, sizeof name, store->path, replay->torn_segment);
        status = storage->remove(storage->ctx, name);
    } else if (replay->at.segment > 0 && !is_whole(store, replay)) {
        strata_file *file;
        st_wal_name(name, sizeof name, store->path, replay->at.segment);
        status = storage->open(storage->ctx, name, STRATA_FILE_WRITE, &file);
        if (status == STRATA_OK) {
            if (replay->size_of_last != replay->at.end) {
                status = storage->truncate(storage->ctx, file, replay->at.end);
            }
            status = status == STRATA_OK ? storage->sync(storage->ctx, file) : status;
            (void)storage->close(storage->ctx, file);
        }
    }
    if (status != STRATA_OK) {
        return st_fail(error, status, "the end of the log, %s, could not be cut (%s)", name,
                       strata_status_name(status));
    }
    return STRATA_OK;
}

/* A crash in the middle of writing a manifest leaves half a slot. It is written again, so that both
 * hold; if that fails, the one that holds still does, and closing tries again. */
static strata_status heal_manifest(st_store *store, const st_replay *replay, strata_error *error) {
    const strata_log *log = &store->host->log;
    unsigned valid = 0;
    unsigned empty = 0;
    const strata_status status = st_manifest_slots(store->host, store->path, &valid, &empty);
    if (status != STRATA_OK) {
        return st_fail(error, status, "%s/MANIFEST could not be read (%s)", store->path,
                       strata_status_name(status));
    }
    if (valid + empty == 2) {
        return STRATA_OK;
    }
    if (log->write != NULL) {
        log->write(log->ctx, STRATA_LOG_WARN, "wrote a damaged slot of the MANIFEST again", "");
    }
    (void)st_tables_record_log(store, &replay->at, NULL);
    return STRATA_OK;
}

/* What is added to a database of an older format is of today's, so the manifest says so first. */
static strata_status raise_format(st_store *store, const st_replay *replay, strata_error *error) {
    return store->manifest.write_format == ST_FORMAT_VERSION
               ? STRATA_OK
               : st_tables_record_log(store, &replay->at, error);
}

typedef struct old_segments {
    st_store *store;
    uint64_t lowest;
} old_segments;

static strata_status visit_old_segment(void *arg, const char *name) {
    old_segments *old = arg;
    uint64_t number;
    if (st_file_number(name, "wal-", ".seg", &number) && number > 0 && number < old->lowest) {
        old->lowest = number;
    }
    return STRATA_OK;
}

/* Segments that a flush did not come to remove. */
static void remove_old_segments(st_store *store) {
    const strata_storage *storage = &store->host->storage;
    old_segments old = {store, store->manifest.wal_first};
    char name[ST_FILE_NAME_MAX + 1024];
    st_format(name, sizeof name, "%s/WAL", store->path);
    if (storage->list(storage->ctx, name, visit_old_segment, &old) != STRATA_OK) {
        return;
    }
    for (uint64_t number = old.lowest; number < store->manifest.wal_first; number++) {
        st_wal_name(name, sizeof name, store->path, number);
        (void)storage->remove(storage->ctx, name);
    }
}

static void show_recovered(st_store *store, const st_replay *replay) {
    store->wal.durability = store->options.durability;
    store->wal.version = replay->at.version;
    atomic_init(&store->wal.durable_version, replay->at.version);
    atomic_init(&store->wal.total_bytes, replay->at.total_bytes);
    atomic_init(&store->wal.segments, replay->at.segments);
}

static strata_status recover_log(st_store *store, strata_error *error) {
    const st_replay_sink sink = {.ctx = store, .commit = st_recover_commit};
    st_replay replay;
    ST_TRY(st_wal_replay(store->host, store->path, &store->manifest, &sink, &replay, error));
    count_tables_in(store, store->manifest.watermark);
    store->torn_bytes = replay.torn_bytes;
    if (replay.torn_bytes > 0) {
        tell_cut(store, &replay);
    }
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        show_recovered(store, &replay);
        return STRATA_OK;
    }
    ST_TRY(st_manifest_settle(store->host, store->path, error));
    ST_TRY(cut_tail(store, &replay, error));
    ST_TRY(heal_manifest(store, &replay, error));
    ST_TRY(raise_format(store, &replay, error));
    ST_TRY(st_tables_remove_orphans(store, error));
    replay.at.next_begun = replay.header_torn && replay.at.segment > 0;
    remove_old_segments(store);
    return st_wal_open(&store->wal, store->host, store->path, store->manifest.uuid, &store->options,
                       store->manifest.codec, &replay.at, error);
}

/* Whether there are a log or tables. If there are none, there has never been a commit. */
static strata_status find_remains(const st_store *store, bool *found, strata_error *error) {
    static const char *const nothing[] = {NULL};
    *found = false;
    ST_TRY(st_folder_look(store->host, store->path, "/WAL", nothing, found, error));
    return st_folder_look(store->host, store->path, "/DATA", nothing, found, error);
}

/* There are files, and nothing that says what they belong to. what: of the MANIFEST. */
static strata_status fail_manifest(const st_store *store, const char *what, strata_error *error) {
    st_fail(
        error, STRATA_CORRUPT,
        "%s has a log or tables but %s MANIFEST; put the MANIFEST back from a backup, or repair "
        "the database",
        store->path, what);
    st_fail_text(error, "file", strata_text("MANIFEST"));
    return st_fail_number(error, "offset", 0);
}

/* There is a MANIFEST without a manifest, no log and no table: a crash while making the database, or
 * something else altogether. */
static strata_status make_again(st_store *store, const survey *seen, strata_error *error) {
    bool begun = false;
    if (seen->others == 0) {
        const strata_status read = st_manifest_is_begun(store->host, store->path, &begun);
        if (read != STRATA_OK) {
            return st_fail(error, read, "%s/MANIFEST could not be read (%s)", store->path,
                           strata_status_name(read));
        }
    }
    if (!begun) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "%s is not a Strata database: its MANIFEST is something else, and there is "
                       "no log. Name a new or empty folder",
                       store->path);
    }
    return may_make(store) ? make_database(store, error) : fail_missing(store, error);
}

/* No slot of the MANIFEST holds a manifest. status: what reading it said. */
static strata_status recover_without(st_store *store, const survey *seen, strata_status status,
                                     strata_error *error) {
    bool remains;
    ST_TRY(find_remains(store, &remains, error));
    if (!remains) {
        return make_again(store, seen, error);
    }
    return status == STRATA_NOT_FOUND ? fail_manifest(store, "an empty", error) : status;
}

/* The database as the snapshot has it: its tables, and no log. */
static strata_status recover_snapshot(st_store *store, const strata_buffer *files,
                                      strata_error *error) {
    const st_replay replay = {.at = {.version = 0}};
    st_snapshot_content content;
    ST_TRY(st_snapshot_find(store->host, store->path, &store->manifest, files,
                            strata_text(store->options.snapshot), &content, error));
    store->manifest = content.manifest;
    const strata_status status =
        st_tables_load(store, (const st_live_file *)(const void *)content.files.data,
                       content.files.len / sizeof(st_live_file), error);
    strata_buffer_free(&content.files);
    ST_TRY(status);
    count_tables_in(store, store->manifest.watermark);
    show_recovered(store, &replay);
    store->wal.version = store->manifest.watermark;
    atomic_init(&store->wal.durable_version, store->manifest.watermark);
    return STRATA_OK;
}

static strata_status recover_existing(st_store *store, const strata_buffer *files, bool writes,
                                      strata_error *error) {
    if (writes && store->manifest.write_format > ST_FORMAT_VERSION) {
        st_fail(error, STRATA_INVALID_ARGUMENT,
                "%s is written in format %u; this library writes %u. Open it read-only, or with a "
                "newer Strata",
                store->path, (uint64_t)store->manifest.write_format, (uint64_t)ST_FORMAT_VERSION);
        return st_fail_number(error, "format", store->manifest.write_format);
    }
    const st_live_file *live = (const st_live_file *)(const void *)files->data;
    const size_t count = files->len / sizeof *live;
    ST_TRY(st_snapshots_load(store, live, count, error));
    if (store->options.snapshot != NULL) {
        /* Without segments: those of now know later commits, and not all that has been trimmed since. */
        return recover_snapshot(store, files, error);
    }
    ST_TRY(st_segments_load(store, live, count, error));
    ST_TRY(st_tables_load(store, live, count, error));
    return recover_log(store, error);
}

strata_status st_store_recover(st_store *store, strata_error *error) {
    if (store->in_memory) {
        return make_database(store, error);
    }
    survey seen;
    ST_TRY(look(store, &seen, error));
    if (!seen.manifest && !may_make(store)) {
        bool remains;
        ST_TRY(find_remains(store, &remains, error));
        return remains ? fail_manifest(store, "no", error) : fail_missing(store, error);
    }
    const bool writes = (store->options.flags & STRATA_OPEN_READ_ONLY) == 0;
    if (writes) {
        ST_TRY(take_lock(store, error));
        /* Its last owner may have made it, or written to it, since. */
        ST_TRY(look(store, &seen, error));
    }
    if (!seen.manifest) {
        bool remains;
        ST_TRY(find_remains(store, &remains, error));
        return remains ? fail_manifest(store, "no", error) : make_database(store, error);
    }
    strata_buffer files = {NULL, 0, 0, store->host};
    strata_status status =
        st_manifest_read(store->host, store->path, &store->manifest, &files, error);
    if (status == STRATA_OK) {
        status = recover_existing(store, &files, writes, error);
    } else if (status == STRATA_NOT_FOUND || status == STRATA_CORRUPT) {
        status = recover_without(store, &seen, status, error);
    }
    strata_buffer_free(&files);
    return status;
}
