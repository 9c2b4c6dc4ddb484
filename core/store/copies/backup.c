/* backup.c - copying a captured state into another folder.
 *
 * 1. The state is a flush: its tables are a whole database without the log (flush.c). They are
 *    pinned while they are copied (pins.h).
 * 2. The folder is locked, and must be new, or hold what the last backup left. A copy that somebody
 *    has opened and written to is a database of its own, with files of the same names and numbers and
 *    other bytes; mixing the two would be silent. So BACKUP remembers the manifest.
 * 3. Tables never change and their numbers are never reused, so what the folder's manifest lists is
 *    not copied again. What it does not list is the rest of a try that failed, and is.
 * 4. Each copy is synced, then read again and verified.
 * 5. BACKUP is told of the manifest to come, in the slot that does not speak of the present one; then
 *    the manifest is written, into the slot of the older one, and synced. That is the moment of the
 *    new backup.
 * 6. What the new manifest does not list is removed.
 * Rejected: copying the log too. It would have to be cut where its records are whole, and a folder
 * with a segment that its manifest does not expect is damage.
 */
#include "store/copies/backup.h"

#include "base/crc32c.h"
#include "store/folder.h"
#include "store/maintain/maintain.h"
#include "store/tables.h"

enum {
    COPY_BYTES = 1 << 20,
    MARK_BYTES = 40,
    MARK_SLOT_BYTES = 512, /* a sector each: writing one does not touch the other */
};

static const char magic[8] = {'S', 'T', 'R', 'A', 'T', 'A', 'B', '1'};

typedef struct backup {
    st_store *store;
    const strata_host *host;
    const char *folder;
    st_backup_result *result;
    strata_error *error;
    st_capture capture;
    st_manifest old;     /* generation 0: there is none */
    strata_buffer files; /* its st_live_files */
    uint8_t *buffer;     /* COPY_BYTES */
    st_block_cache *cache;
} backup;

static strata_status fail_folder(const backup *b, const char *what) {
    st_fail(b->error, STRATA_INVALID_ARGUMENT,
            "%s cannot take the backup: %s. Name a new or empty folder", b->folder, what);
    return st_fail_text(b->error, "argument", strata_text("path"));
}

static strata_status fail_file(const backup *b, strata_status status, const char *name) {
    return st_fail(b->error, status, "%s could not be read or written (%s)", name,
                   strata_status_name(status));
}

/* ---- The mark -------------------------------------------------------------------------------- */

typedef struct backup_mark {
    uint32_t manifest_crc;
    uint64_t generation;
} backup_mark;

static void mark_name(const backup *b, char *name, size_t size) {
    st_format(name, size, "%s/BACKUP", b->folder);
}

/* *there: the file is. *fits: it knows the manifest. */
static strata_status read_mark(const backup *b, const backup_mark *wanted, bool *there,
                               bool *fits) {
    const strata_storage *storage = &b->host->storage;
    const uint8_t *uuid = b->capture.manifest.uuid;
    char name[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    uint8_t bytes[MARK_BYTES];
    strata_file *file = NULL;
    size_t got = 0;
    *there = false;
    *fits = false;
    mark_name(b, name, sizeof name);
    strata_status status = storage->open(storage->ctx, name, STRATA_FILE_READ, &file);
    if (status == STRATA_NOT_FOUND) {
        return STRATA_OK;
    }
    if (status == STRATA_OK) {
        status = storage->read_at(storage->ctx, file, wanted->generation % 2 * MARK_SLOT_BYTES,
                                  bytes, sizeof bytes, &got);
        (void)storage->close(storage->ctx, file);
    }
    if (status != STRATA_OK) {
        return fail_file(b, status, name);
    }
    *there = true;
    *fits = got == sizeof bytes && memcmp(bytes, magic, sizeof magic) == 0 &&
            load32_le(bytes + 8) == st_crc32c(0, st_slice(bytes + 12, MARK_BYTES - 12)) &&
            load32_le(bytes + 12) == wanted->manifest_crc &&
            memcmp(bytes + 16, uuid, ST_UUID_BYTES) == 0 &&
            load64_le(bytes + 32) == wanted->generation;
    return STRATA_OK;
}

static strata_status write_mark(const backup *b, const backup_mark *mark) {
    const strata_storage *storage = &b->host->storage;
    char name[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    uint8_t bytes[MARK_BYTES];
    strata_file *file = NULL;
    memcpy(bytes, magic, sizeof magic);
    store32_le(bytes + 12, mark->manifest_crc);
    memcpy(bytes + 16, b->capture.manifest.uuid, ST_UUID_BYTES);
    store64_le(bytes + 32, mark->generation);
    store32_le(bytes + 8, st_crc32c(0, st_slice(bytes + 12, MARK_BYTES - 12)));
    mark_name(b, name, sizeof name);
    strata_status status =
        storage->open(storage->ctx, name, STRATA_FILE_WRITE | STRATA_FILE_CREATE, &file);
    if (status == STRATA_OK) {
        status = storage->write_at(storage->ctx, file, mark->generation % 2 * MARK_SLOT_BYTES,
                                   bytes, sizeof bytes);
        status = status == STRATA_OK ? storage->sync(storage->ctx, file) : status;
        const strata_status closed = storage->close(storage->ctx, file);
        status = status == STRATA_OK ? closed : status;
    }
    return status == STRATA_OK ? STRATA_OK : fail_file(b, status, name);
}

static strata_status mark_of(const backup *b, const st_manifest *manifest,
                             const st_live_file *files, backup_mark *mark) {
    strata_buffer bytes = {NULL, 0, 0, b->host};
    const strata_status status = st_manifest_encode(manifest, files, &bytes);
    if (status == STRATA_OK) {
        mark->manifest_crc = load32_le(bytes.data + 8);
        mark->generation = manifest->generation;
    }
    strata_buffer_free(&bytes);
    return status == STRATA_OK ? STRATA_OK : st_fail_memory(b->error);
}

/* ---- The folder ------------------------------------------------------------------------------ */

static const char *const ours[] = {"LOCK", "BACKUP", "MANIFEST", NULL};
static const char *const nothing[] = {NULL};

static strata_status look_in(const backup *b, const char *inside, const char *const *but,
                             bool *any) {
    return st_folder_look(b->host, b->folder, inside, but, any, b->error);
}

/* A folder without a manifest, or with a half one: empty, or of a first backup that failed. */
static strata_status check_new(backup *b, bool begun) {
    const backup_mark none = {0, 0};
    bool there = false;
    bool fits = false;
    bool others = false;
    ST_TRY(read_mark(b, &none, &there, &fits));
    ST_TRY(look_in(b, "", ours, &others));
    ST_TRY(look_in(b, "/WAL", nothing, &others));
    if (!there) {
        ST_TRY(look_in(b, "/DATA", nothing, &others));
        others = others || begun;
    }
    if (others) {
        return fail_folder(b, "it holds other files");
    }
    b->old.generation = 0;
    b->files.len = 0;
    return there ? STRATA_OK : write_mark(b, &none); /* so that what is copied is known as ours */
}

static strata_status check_existing(backup *b) {
    backup_mark mark;
    bool there = false;
    bool fits = false;
    if (memcmp(b->old.uuid, b->capture.manifest.uuid, ST_UUID_BYTES) != 0) {
        return fail_folder(b, "it holds another database");
    }
    ST_TRY(mark_of(b, &b->old, (const st_live_file *)(const void *)b->files.data, &mark));
    ST_TRY(read_mark(b, &mark, &there, &fits));
    bool written = !fits;
    ST_TRY(look_in(b, "/WAL", nothing, &written));
    return written ? fail_folder(b, "what it holds was opened and written to, and is no backup "
                                    "any more")
                   : STRATA_OK;
}

static strata_status check_folder(backup *b) {
    strata_error detail = {.code = STRATA_OK};
    const strata_status status = st_manifest_read(b->host, b->folder, &b->old, &b->files, &detail);
    if (status == STRATA_OK) {
        return check_existing(b);
    }
    if (status == STRATA_NOT_FOUND) {
        return check_new(b, false);
    }
    bool begun = false;
    if (status == STRATA_CORRUPT && st_manifest_is_begun(b->host, b->folder, &begun) == STRATA_OK &&
        begun) {
        return check_new(b, true);
    }
    if (status == STRATA_CORRUPT || status == STRATA_INVALID_ARGUMENT) {
        return fail_folder(b, "its MANIFEST is damaged, or of a newer format");
    }
    if (b->error != NULL) {
        *b->error = detail;
    }
    return status;
}

/* ---- Copying --------------------------------------------------------------------------------- */

static strata_status copy_bytes(const backup *b, strata_file *from, strata_file *to,
                                uint64_t size) {
    const strata_storage *storage = &b->host->storage;
    const strata_log *log = &b->host->log;
    for (uint64_t offset = 0; offset < size;) {
        size_t got = 0;
        ST_TRY(storage->read_at(storage->ctx, from, offset, b->buffer, COPY_BYTES, &got));
        if (got == 0 || got > size - offset) {
            return STRATA_CORRUPT; /* verifying what was copied says more */
        }
        ST_TRY(storage->append(storage->ctx, to, b->buffer, got));
        offset += got;
        b->result->bytes_copied += got;
        if (log->progress != NULL) {
            log->progress(log->ctx, "backup", b->result->bytes_copied, b->capture.bytes);
        }
    }
    return storage->sync(storage->ctx, to);
}

static strata_status copy_file(const backup *b, const st_live_file *file) {
    const strata_storage *storage = &b->host->storage;
    char name[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    char copy[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    strata_file *from = NULL;
    strata_file *to = NULL;
    st_table_name(name, sizeof name, b->store->path, file->number);
    st_table_name(copy, sizeof copy, b->folder, file->number);
    strata_status status = storage->remove(storage->ctx, copy);
    if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
        return fail_file(b, status, copy);
    }
    status = storage->open(storage->ctx, name, STRATA_FILE_READ, &from);
    if (status != STRATA_OK) {
        return fail_file(b, status == STRATA_NOT_FOUND ? STRATA_CORRUPT : status, name);
    }
    status = storage->open(storage->ctx, copy,
                           STRATA_FILE_WRITE | STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE, &to);
    if (status == STRATA_OK) {
        status = copy_bytes(b, from, to, file->bytes);
        const strata_status closed = storage->close(storage->ctx, to);
        status = status == STRATA_OK ? closed : status;
    }
    (void)storage->close(storage->ctx, from);
    b->result->files_copied++;
    return status == STRATA_OK || status == STRATA_CORRUPT ? STRATA_OK : fail_file(b, status, copy);
}

/* That the copy is a whole table. */
static strata_status verify_copy(const backup *b, const st_live_file *file) {
    st_table_spec spec = {.host = b->host,
                          .path = b->folder,
                          .number = file->number,
                          .codec = b->capture.manifest.codec};
    st_table *table = NULL;
    memcpy(spec.uuid, b->capture.manifest.uuid, ST_UUID_BYTES);
    strata_status status = st_table_open(&spec, b->cache, &table, b->error);
    if (status == STRATA_OK) {
        status = st_table_verify(table, b->error);
    }
    st_table_close(table);
    return status;
}

/* Whether the folder has the file already: its manifest lists it, and it has its length. */
static strata_status has_file(const backup *b, const st_live_file *file, bool *has) {
    const strata_storage *storage = &b->host->storage;
    const st_live_file *old = (const st_live_file *)(const void *)b->files.data;
    char name[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    strata_file *opened = NULL;
    uint64_t size = 0;
    *has = false;
    for (size_t i = 0; i < b->files.len / sizeof *old && !*has; i++) {
        *has = old[i].number == file->number && old[i].bytes == file->bytes;
    }
    if (!*has) {
        return STRATA_OK;
    }
    st_table_name(name, sizeof name, b->folder, file->number);
    strata_status status = storage->open(storage->ctx, name, STRATA_FILE_READ, &opened);
    if (status == STRATA_OK) {
        status = storage->size(storage->ctx, opened, &size);
        (void)storage->close(storage->ctx, opened);
    }
    *has = status == STRATA_OK && size == file->bytes;
    return status == STRATA_OK || status == STRATA_NOT_FOUND ? STRATA_OK
                                                             : fail_file(b, status, name);
}

static strata_status copy_files(const backup *b) {
    for (size_t i = 0; i < b->capture.manifest.file_count; i++) {
        const st_live_file *file = &b->capture.files[i];
        bool has = false;
        ST_TRY(has_file(b, file, &has));
        if (!has) {
            ST_TRY(copy_file(b, file));
            ST_TRY(verify_copy(b, file));
        }
    }
    return STRATA_OK;
}

/* ---- The new state --------------------------------------------------------------------------- */

static strata_status write_manifest(const backup *b) {
    st_manifest next = b->capture.manifest;
    backup_mark mark;
    next.read_format = ST_FORMAT_VERSION;
    next.write_format = ST_FORMAT_VERSION;
    next.whole_segment = 0; /* there is no log */
    next.whole_end = 0;
    next.whole_version = 0;
    next.generation = b->old.generation + 1;
    ST_TRY(mark_of(b, &next, b->capture.files, &mark));
    ST_TRY(write_mark(b, &mark));
    next.generation = b->old.generation;
    return st_manifest_write(b->host, b->folder, &next, b->capture.files, b->error);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* With the folder locked and the state captured. */
static strata_status carry_out(backup *b) {
    ST_TRY(check_folder(b));
    ST_TRY(copy_files(b));
    ST_TRY(write_manifest(b));
    /* What cannot be removed now, can the next time. */
    (void)st_folder_clear(b->host, b->folder, b->capture.files,
                          (size_t)b->capture.manifest.file_count, NULL);
    return STRATA_OK;
}

static strata_status with_memory(backup *b) {
    const strata_allocator *memory = &b->host->memory;
    b->buffer = st_alloc(memory, COPY_BYTES);
    strata_status status = STRATA_NO_MEMORY;
    if (b->buffer != NULL && st_block_cache_create(b->host, 0, &b->cache) == STRATA_OK) {
        status = carry_out(b);
    } else {
        status = st_fail_memory(b->error);
    }
    st_block_cache_destroy(b->cache);
    st_free(memory, b->buffer, COPY_BYTES);
    strata_buffer_free(&b->files);
    return status;
}

static strata_status with_lock(backup *b) {
    strata_file *lock = NULL;
    ST_TRY(st_folder_lock(b->host, b->folder, &lock, b->error));
    const strata_status status = with_memory(b);
    st_folder_unlock(b->host, lock);
    return status;
}

/* Whether one path is the other, or leads into it. */
static bool is_inside(const char *path, const char *other) {
    const size_t len = strlen(other);
    return strncmp(path, other, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static strata_status check_request(const backup *b) {
    const st_store *store = b->store;
    const size_t len = strlen(b->folder);
    if (store->in_memory) {
        return st_fail(b->error, STRATA_INVALID_ARGUMENT,
                       "a database in memory has no files to copy; export it");
    }
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        return st_fail(b->error, STRATA_FORBIDDEN, "%s was opened read-only", store->path);
    }
    if (len == 0 || len >= ST_FOLDER_BYTES_MAX || strcmp(b->folder, ":memory:") == 0) {
        st_fail(b->error, STRATA_INVALID_ARGUMENT, "a folder for the backup has 1 to %u bytes",
                (uint64_t)(ST_FOLDER_BYTES_MAX - 1));
        return st_fail_text(b->error, "argument", strata_text("path"));
    }
    if (is_inside(b->folder, store->path) || is_inside(store->path, b->folder)) {
        return fail_folder(b, "it is the database itself, or the one lies in the other");
    }
    return STRATA_OK;
}

strata_status st_backup(st_store *store, const char *folder, st_backup_result *result,
                        strata_error *error) {
    backup b = {.store = store,
                .host = store->host,
                .folder = folder,
                .result = result,
                .error = error,
                .files = {NULL, 0, 0, store->host}};
    ST_TRY(check_request(&b));
    *result = (st_backup_result){.time_us = st_store_now(store)};
    ST_TRY(st_store_capture(store, &b.capture, error));
    result->version = b.capture.manifest.watermark;
    result->files = b.capture.manifest.file_count;
    result->bytes = b.capture.bytes;
    const strata_status status = with_lock(&b);
    st_tables_release(store, &b.capture);
    return status;
}
