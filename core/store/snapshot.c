/* snapshot.c - making, listing and deleting snapshots; the bytes are in snapshot.h.
 *
 * 1. A snapshot is made of a flush: its tables hold every commit up to the watermark and none above
 *    it (flush.c). From the moment they are captured, under the lock that the flush still holds,
 *    they are pinned (pins.h).
 * 2. Its file is written under a number that is never reused, and synced. It is a snapshot when a
 *    MANIFEST that lists it has been synced, and none when one without it has: so a crash leaves it
 *    or does not, and a file that is not listed is removed at the next opening.
 * 3. A delete goes the other way: first the MANIFEST without it, then its file, then the tables that
 *    nothing else needs.
 * 4. When the file of a listed snapshot cannot be read, nobody knows which tables it needs. The
 *    database opens, and removes no table that it does not know, until that snapshot is deleted.
 * Rejected: finding snapshots by listing the folder. Whether half a file is a crash or damage could
 * then not be told.
 */
#include "store/snapshot.h"

#include "base/crc32c.h"
#include "base/utf8.h"
#include "store/maintain/maintain.h"
#include "store/tables.h"

enum {
    HEAD_BYTES = 32,
    FILE_BYTES_MAX = HEAD_BYTES + ST_NAME_BYTES_MAX + ST_MANIFEST_SLOT_BYTES,
};

static const char magic[8] = {'S', 'T', 'R', 'A', 'T', 'A', 'S', '1'};

void st_snapshot_file_name(char *name, size_t size, const char *path, uint64_t number) {
    st_format(name, size, "%s/SNAPSHOTS/snap-%u", path, number);
}

void st_snapshot_remove_file(const st_store *store, uint64_t number) {
    char name[ST_FILE_NAME_MAX + 1024];
    st_snapshot_file_name(name, sizeof name, store->path, number);
    /* What cannot be removed now is an orphan at the next opening. */
    (void)store->host->storage.remove(store->host->storage.ctx, name);
}

/* ---- Reading a file -------------------------------------------------------------------------- */

static strata_status corrupt(const char *path, uint64_t number, const char *what,
                             strata_error *error) {
    char file[ST_FILE_NAME_MAX];
    st_format(file, sizeof file, "SNAPSHOTS/snap-%u", number);
    st_fail(error, STRATA_CORRUPT, "%s/%s is damaged: %s", path, file, what);
    st_fail_text(error, "file", strata_text(file));
    return st_fail_number(error, "offset", 0);
}

static bool is_name(strata_slice name) {
    return name.len > 0 && name.len <= ST_NAME_BYTES_MAX && st_utf8_valid(name, NULL);
}

static void sum_up(st_snapshot_info *info, const st_manifest *manifest, const st_live_file *files) {
    info->version = manifest->watermark;
    info->files = manifest->file_count;
    info->bytes = 0;
    for (size_t i = 0; i < manifest->file_count; i++) {
        info->bytes += files[i].bytes;
    }
}

static const char *decode(strata_slice bytes, const uint8_t uuid[ST_UUID_BYTES], uint64_t number,
                          st_snapshot_content *content, strata_status *status) {
    const uint8_t *head = bytes.data;
    *status = STRATA_CORRUPT;
    if (bytes.len < HEAD_BYTES || memcmp(head, magic, sizeof magic) != 0 ||
        load32_le(head + 8) != st_crc32c(0, st_slice(head + 12, bytes.len - 12))) {
        return "its checksum does not fit";
    }
    const strata_slice name = st_slice(head + HEAD_BYTES, load32_le(head + 12));
    if (name.len > bytes.len - HEAD_BYTES || !is_name(name) || load64_le(head + 16) != number) {
        return "its name or number is wrong";
    }
    const strata_slice slot =
        st_slice(head + HEAD_BYTES + name.len, bytes.len - HEAD_BYTES - name.len);
    *status = st_manifest_decode(slot, &content->manifest, &content->files);
    if (*status == STRATA_OK && memcmp(content->manifest.uuid, uuid, ST_UUID_BYTES) != 0) {
        *status = STRATA_CORRUPT;
    }
    if (*status == STRATA_OK) {
        content->info.number = number;
        content->info.time_us = (int64_t)load64_le(head + 24);
        content->info.name_len = name.len;
        memcpy(content->info.name, name.data, name.len);
        sum_up(&content->info, &content->manifest,
               (const st_live_file *)(const void *)content->files.data);
    }
    return "its manifest does not hold";
}

static strata_status read_file(const strata_host *host, const char *name, uint8_t *bytes,
                               size_t *len) {
    const strata_storage *storage = &host->storage;
    strata_file *file = NULL;
    ST_TRY(storage->open(storage->ctx, name, STRATA_FILE_READ, &file));
    const strata_status status =
        storage->read_at(storage->ctx, file, 0, bytes, FILE_BYTES_MAX + 1, len);
    (void)storage->close(storage->ctx, file);
    return status;
}

strata_status st_snapshot_read(const strata_host *host, const char *path,
                               const uint8_t uuid[ST_UUID_BYTES], uint64_t number,
                               st_snapshot_content *content, strata_error *error) {
    char name[ST_FILE_NAME_MAX + 1024];
    size_t len = 0;
    const char *what = "the file is missing";
    uint8_t *bytes = st_alloc(&host->memory, FILE_BYTES_MAX + 1);
    if (bytes == NULL) {
        return st_fail_memory(error);
    }
    content->files = (strata_buffer){NULL, 0, 0, host};
    st_snapshot_file_name(name, sizeof name, path, number);
    strata_status status = read_file(host, name, bytes, &len);
    if (status == STRATA_OK) {
        content->file_bytes = len;
        what = decode(st_slice(bytes, len), uuid, number, content, &status);
    }
    st_free(&host->memory, bytes, FILE_BYTES_MAX + 1);
    if (status != STRATA_OK) {
        strata_buffer_free(&content->files);
    }
    if (status == STRATA_CORRUPT || status == STRATA_NOT_FOUND) {
        return corrupt(path, number, what, error);
    }
    return status == STRATA_OK ? STRATA_OK
                               : st_fail(error, status, "%s could not be read (%s)", name,
                                         strata_status_name(status));
}

strata_status st_snapshot_find(const strata_host *host, const char *path,
                               const st_manifest *manifest, const strata_buffer *files,
                               strata_slice name, st_snapshot_content *content,
                               strata_error *error) {
    const st_live_file *live = (const st_live_file *)(const void *)files->data;
    for (size_t i = 0; i < files->len / sizeof *live; i++) {
        if (live[i].kind != ST_FILE_SNAPSHOT) {
            continue;
        }
        const strata_status status =
            st_snapshot_read(host, path, manifest->uuid, live[i].number, content, error);
        if (status == STRATA_OK && st_slice_equal(st_snapshot_name(&content->info), name)) {
            return STRATA_OK;
        }
        if (status == STRATA_OK) {
            strata_buffer_free(&content->files);
        } else if (status != STRATA_CORRUPT) {
            return status;
        }
    }
    return st_fail(error, STRATA_NOT_FOUND, "there is no snapshot \"%S\" in %s", &name, path);
}

/* ---- The snapshots of an open store ---------------------------------------------------------- */

static void destroy(const st_store *store, st_snapshot *snapshot) {
    if (snapshot != NULL) {
        st_free(&store->host->memory, snapshot, sizeof *snapshot);
    }
}

/* Pins the tables of a snapshot that was read. Under manifest_lock, or at open. */
static strata_status pin(st_store *store, st_snapshot *snapshot, const strata_buffer *files) {
    const st_live_file *live = (const st_live_file *)(const void *)files->data;
    const size_t count = files->len / sizeof *live;
    snapshot->pins = st_pins_create(&store->host->memory, count);
    if (snapshot->pins == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        snapshot->pins->numbers[i] = live[i].number;
    }
    st_pins_hold(store, snapshot->pins);
    return STRATA_OK;
}

static void append(st_store *store, st_snapshot *snapshot) {
    st_snapshot **link = &store->snapshots;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    snapshot->next = NULL;
    *link = snapshot;
}

static strata_status load_one(st_store *store, const st_live_file *file, strata_error *error) {
    const strata_log *log = &store->host->log;
    strata_error detail = {.code = STRATA_OK};
    st_snapshot_content content;
    st_snapshot *snapshot = st_alloc_zeroed(&store->host->memory, sizeof *snapshot);
    if (snapshot == NULL) {
        return st_fail_memory(error);
    }
    snapshot->file_bytes = file->bytes;
    append(store, snapshot);
    strata_status status = st_snapshot_read(store->host, store->path, store->manifest.uuid,
                                            file->number, &content, &detail);
    if (status == STRATA_CORRUPT) {
        snapshot->damaged = true;
        snapshot->info.number = file->number;
        store->keeps_orphans = true;
        if (log->write != NULL) {
            log->write(log->ctx, STRATA_LOG_WARN, detail.message, "");
        }
        return STRATA_OK;
    }
    if (status == STRATA_OK) {
        snapshot->info = content.info;
        status = pin(store, snapshot, &content.files);
        strata_buffer_free(&content.files);
    }
    return status == STRATA_OK
               ? STRATA_OK
               : st_fail(error, status, "the snapshots of %s could not be read (%s)", store->path,
                         strata_status_name(status));
}

strata_status st_snapshots_load(st_store *store, const st_live_file *files, size_t count,
                                strata_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (files[i].kind == ST_FILE_SNAPSHOT) {
            ST_TRY(load_one(store, &files[i], error));
        }
    }
    return STRATA_OK;
}

void st_snapshots_free(st_store *store) {
    while (store->snapshots != NULL) {
        st_snapshot *next = store->snapshots->next;
        st_pins_destroy(&store->host->memory, store->snapshots->pins);
        destroy(store, store->snapshots);
        store->snapshots = next;
    }
    store->pins = NULL;
}

size_t st_snapshots_count(const st_store *store) {
    size_t count = 0;
    for (const st_snapshot *snapshot = store->snapshots; snapshot != NULL;
         snapshot = snapshot->next) {
        count++;
    }
    return count;
}

void st_snapshots_list_files(const st_store *store, st_live_file *files) {
    for (const st_snapshot *snapshot = store->snapshots; snapshot != NULL;
         snapshot = snapshot->next) {
        *files++ = (st_live_file){ST_FILE_SNAPSHOT, 0, snapshot->info.number, snapshot->file_bytes};
    }
}

bool st_snapshots_have(const st_store *store, uint64_t number) {
    const st_snapshot *snapshot = store->snapshots;
    while (snapshot != NULL && snapshot->info.number != number) {
        snapshot = snapshot->next;
    }
    return snapshot != NULL;
}

/* The link to the one of that name; a damaged one has lost its own, and goes by "snap-N". */
static st_snapshot **find(st_store *store, strata_slice name) {
    char by_number[ST_FILE_NAME_MAX];
    st_snapshot **link = &store->snapshots;
    for (; *link != NULL; link = &(*link)->next) {
        const st_snapshot *snapshot = *link;
        strata_slice known = st_snapshot_name(&snapshot->info);
        if (snapshot->damaged) {
            known = st_slice(by_number, st_format(by_number, sizeof by_number, "snap-%u",
                                                  snapshot->info.number));
        }
        if (st_slice_equal(known, name)) {
            break;
        }
    }
    return link;
}

strata_status st_snapshot_each(st_store *store, void *ctx,
                               strata_status (*visit)(void *ctx, const st_snapshot_info *info)) {
    strata_status status = STRATA_OK;
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    for (const st_snapshot *snapshot = store->snapshots; snapshot != NULL && status == STRATA_OK;
         snapshot = snapshot->next) {
        if (!snapshot->damaged) {
            status = visit(ctx, &snapshot->info);
        }
    }
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return status;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static strata_status encode(const st_snapshot_info *info, const st_manifest *manifest,
                            const st_live_file *files, strata_buffer *out) {
    const strata_slice name = st_snapshot_name(info);
    ST_TRY(st_buffer_reserve(out, HEAD_BYTES));
    memset(out->data, 0, HEAD_BYTES);
    memcpy(out->data, magic, sizeof magic);
    store32_le(out->data + 12, (uint32_t)name.len);
    store64_le(out->data + 16, info->number);
    store64_le(out->data + 24, (uint64_t)info->time_us);
    out->len = HEAD_BYTES;
    ST_TRY(st_buffer_append(out, name.data, name.len));
    ST_TRY(st_manifest_encode(manifest, files, out));
    store32_le(out->data + 8, st_crc32c(0, st_slice(out->data + 12, out->len - 12)));
    return STRATA_OK;
}

static strata_status write_bytes(const strata_host *host, const char *name, strata_slice bytes) {
    const strata_storage *storage = &host->storage;
    strata_file *file = NULL;
    ST_TRY(storage->open(storage->ctx, name,
                         STRATA_FILE_WRITE | STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE, &file));
    strata_status status = storage->append(storage->ctx, file, bytes.data, bytes.len);
    status = status == STRATA_OK ? storage->sync(storage->ctx, file) : status;
    const strata_status closed = storage->close(storage->ctx, file);
    status = status == STRATA_OK ? closed : status;
    if (status != STRATA_OK) {
        (void)storage->remove(storage->ctx, name);
    }
    return status;
}

strata_status st_snapshot_write(const strata_host *host, const char *path,
                                const st_snapshot_info *info, const st_manifest *manifest,
                                const st_live_file *files, uint64_t *file_bytes,
                                strata_error *error) {
    char name[ST_FILE_NAME_MAX + 1024];
    strata_buffer bytes = {NULL, 0, 0, host};
    st_snapshot_file_name(name, sizeof name, path, info->number);
    strata_status status = encode(info, manifest, files, &bytes);
    if (status == STRATA_OK) {
        status = write_bytes(host, name, st_buffer_slice(&bytes));
    }
    *file_bytes = bytes.len;
    strata_buffer_free(&bytes);
    return status == STRATA_OK ? STRATA_OK
                               : st_fail(error, status, "%s could not be written (%s)", name,
                                         strata_status_name(status));
}

static bool is_taken(st_store *store, strata_slice name) {
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const bool taken = *find(store, name) != NULL;
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return taken;
}

static strata_status fail_exists(strata_slice name, strata_error *error) {
    return st_fail(error, STRATA_ALREADY_EXISTS, "there is a snapshot \"%S\"", &name);
}

/* Behind those that are as old: whoever captured first need not come here first. */
static void insert(st_store *store, st_snapshot *snapshot) {
    st_snapshot **place = &store->snapshots;
    for (st_snapshot **link = place; *link != NULL; link = &(*link)->next) {
        if ((*link)->damaged || (*link)->info.version <= snapshot->info.version) {
            place = &(*link)->next;
        }
    }
    snapshot->next = *place;
    *place = snapshot;
}

/* The MANIFEST with it; from then on it is one, and owns the pins of the capture. */
static strata_status list_it(st_store *store, st_snapshot *snapshot, st_capture *capture,
                             strata_error *error) {
    strata_status status;
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    if (*find(store, st_snapshot_name(&snapshot->info)) != NULL) {
        status = fail_exists(st_snapshot_name(&snapshot->info), error);
    } else {
        insert(store, snapshot);
        status = st_tables_write_manifest(store, error);
        if (status != STRATA_OK) {
            *find(store, st_snapshot_name(&snapshot->info)) = snapshot->next;
        }
    }
    if (status == STRATA_OK) {
        snapshot->pins = capture->pins;
        capture->pins = NULL;
    }
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return status;
}

static strata_status make_of(st_store *store, st_snapshot *snapshot, st_capture *capture,
                             strata_error *error) {
    st_snapshot_info *info = &snapshot->info;
    info->time_us = st_store_now(store);
    const bool has_name = info->name_len > 0;
    do {
        info->number = st_tables_next_number(store);
        if (!has_name) {
            info->name_len = st_format(info->name, sizeof info->name, "snap-%u", info->number);
        }
    } while (!has_name && is_taken(store, st_snapshot_name(info)));
    sum_up(info, &capture->manifest, capture->files);
    ST_TRY(st_snapshot_write(store->host, store->path, info, &capture->manifest, capture->files,
                             &snapshot->file_bytes, error));
    /* When that fails the file stays: a MANIFEST that lists it may be on the disk. */
    return list_it(store, snapshot, capture, error);
}

static strata_status check_writable(const st_store *store, strata_error *error) {
    if (store->in_memory) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "a database in memory has no files, so there are no snapshots of it");
    }
    return (store->options.flags & STRATA_OPEN_READ_ONLY) == 0
               ? STRATA_OK
               : st_fail(error, STRATA_FORBIDDEN, "%s was opened read-only", store->path);
}

static strata_status check_name(st_store *store, strata_slice name, strata_error *error) {
    if (!is_name(name)) {
        st_fail(error, STRATA_INVALID_ARGUMENT, "the name of a snapshot has 1 to %u bytes of UTF-8",
                (uint64_t)ST_NAME_BYTES_MAX);
        return st_fail_text(error, "argument", strata_text("name"));
    }
    return is_taken(store, name) ? fail_exists(name, error) : STRATA_OK;
}

strata_status st_snapshot_create(st_store *store, strata_slice name, st_snapshot_info *info,
                                 strata_error *error) {
    st_capture capture;
    ST_TRY(check_writable(store, error));
    if (name.len > 0) {
        ST_TRY(check_name(store, name, error));
    }
    st_snapshot *snapshot = st_alloc_zeroed(&store->host->memory, sizeof *snapshot);
    if (snapshot == NULL) {
        return st_fail_memory(error);
    }
    snapshot->info.name_len = name.len;
    memcpy(snapshot->info.name, name.data, name.len);
    strata_status status = st_store_capture(store, &capture, error);
    if (status == STRATA_OK) {
        status = make_of(store, snapshot, &capture, error);
        st_tables_release(store, &capture);
    }
    if (status != STRATA_OK) {
        destroy(store, snapshot);
        return status;
    }
    *info = snapshot->info;
    return STRATA_OK;
}

/* ---- Deleting -------------------------------------------------------------------------------- */

static bool any_damaged(const st_store *store) {
    const st_snapshot *snapshot = store->snapshots;
    while (snapshot != NULL && !snapshot->damaged) {
        snapshot = snapshot->next;
    }
    return snapshot != NULL;
}

strata_status st_snapshot_delete(st_store *store, strata_slice name, strata_error *error) {
    ST_TRY(check_writable(store, error));
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    st_snapshot **link = find(store, name);
    st_snapshot *snapshot = *link;
    strata_status status = STRATA_OK;
    if (snapshot == NULL) {
        status = st_fail(error, STRATA_NOT_FOUND, "there is no snapshot \"%S\"", &name);
    } else {
        *link = snapshot->next;
        status = st_tables_write_manifest(store, error);
        if (status != STRATA_OK) {
            *link = snapshot;
        }
    }
    store->keeps_orphans = any_damaged(store);
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    ST_TRY(status);
    st_snapshot_remove_file(store, snapshot->info.number);
    st_pins_release(store, snapshot->pins);
    destroy(store, snapshot);
    return STRATA_OK;
}
