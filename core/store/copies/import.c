/* import.c - a new database of tables, made of an exported file.
 *
 * 1. The folder is locked. A MANIFEST of an empty database is written first, so that a crash leaves
 *    one of those, and files that the next opening removes.
 * 2. Entries come in the order of tables, so they are written as they are read, into tables of the
 *    deepest level. A table ends between two keys.
 * 3. When the end of the file has been read and holds, the second MANIFEST lists the tables: that is
 *    the moment of the import.
 * A folder in which there is a database is left as it is, whatever fails.
 * The file is read once, and never trusted: transfer.c checks the order that tables need.
 */
#include "store/copies/transfer.h"

#include "store/folder.h"
#include "store/table/table.h"
#include "store/view.h"

enum {
    TABLE_BYTES = 64 << 20,
    /* After so many, tables become twice as large, so that a manifest has room for all of them. */
    TABLES_OF_A_SIZE = 512,
};

typedef struct importing {
    const st_import_spec *spec;
    st_import_result *result;
    strata_error *error;
    st_transfer_reader reader;
    st_manifest manifest;
    strata_buffer files; /* st_live_file: the tables that are done */
    st_table_builder *builder;
    uint64_t floors_end; /* above every number that a floor has; they are those of files */
    bool is_ours;        /* the folder: what is in it is of this import */
    bool may_be_named;   /* a manifest that lists the tables may be on the disk */
} importing;

/* ---- The folder ------------------------------------------------------------------------------ */

static strata_status fail_exists(const importing *im) {
    return st_fail(im->error, STRATA_ALREADY_EXISTS,
                   "%s is not empty; name a new or empty folder for what is imported",
                   im->spec->path);
}

/* Whether the folder can be made a database: there is nothing, or what a failed import leaves. */
static strata_status check_folder(importing *im) {
    static const char *const ours[] = {"LOCK", "MANIFEST", NULL};
    static const char *const nothing[] = {NULL};
    const strata_host *host = im->spec->host;
    const char *path = im->spec->path;
    strata_error detail = {.code = STRATA_OK};
    bool others = false;
    bool begun = false;
    ST_TRY(st_folder_look(host, path, "", ours, &others, im->error));
    ST_TRY(st_folder_look(host, path, "/WAL", nothing, &others, im->error));
    ST_TRY(st_folder_look(host, path, "/SNAPSHOTS", nothing, &others, im->error));
    const strata_status status = st_manifest_read(host, path, &im->manifest, &im->files, &detail);
    if (status == STRATA_OK) {
        others = others || im->manifest.watermark > 0 || im->files.len > 0;
    } else if (status == STRATA_NOT_FOUND || status == STRATA_CORRUPT) {
        others = others || (status == STRATA_CORRUPT &&
                            (st_manifest_is_begun(host, path, &begun) != STRATA_OK || !begun));
        ST_TRY(st_folder_look(host, path, "/DATA", nothing, &others, im->error));
        im->manifest.generation = 0;
    } else if (status == STRATA_INVALID_ARGUMENT) {
        others = true;
    } else {
        if (im->error != NULL) {
            *im->error = detail;
        }
        return status;
    }
    return others ? fail_exists(im) : STRATA_OK;
}

static strata_status make_uuid(importing *im) {
    const strata_host *host = im->spec->host;
    uint8_t *uuid = im->manifest.uuid;
    if (im->spec->keeps_uuid) {
        memcpy(uuid, im->reader.header.uuid, ST_UUID_BYTES);
        return STRATA_OK;
    }
    if (host->entropy.fill(host->entropy.ctx, uuid, ST_UUID_BYTES) != STRATA_OK) {
        return st_fail(im->error, STRATA_IO, "the host has no entropy");
    }
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* RFC 9562 section 5.4 */
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    return STRATA_OK;
}

/* An empty database, in which what is left of a failed import has no place. */
static strata_status make_empty(importing *im) {
    const strata_host *host = im->spec->host;
    im->files.len = 0;
    im->manifest = (st_manifest){.generation = im->manifest.generation,
                                 .codec = im->spec->codec,
                                 .created_us = im->reader.header.created_us,
                                 .wal_first = 1,
                                 .next_file = 1,
                                 .floor_us = INT64_MIN};
    ST_TRY(make_uuid(im));
    im->is_ours = true;
    ST_TRY(st_manifest_write(host, im->spec->path, &im->manifest, NULL, im->error));
    return st_folder_clear(host, im->spec->path, NULL, 0, im->error);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static strata_status finish_table(importing *im) {
    st_table_info info;
    if (im->builder == NULL) {
        return STRATA_OK;
    }
    ST_TRY(st_table_builder_finish(im->builder, &info, im->error));
    const st_live_file file = {ST_FILE_TABLE, ST_LEVELS - 1, info.number, info.bytes};
    im->result->tables++;
    im->result->bytes += info.bytes;
    st_table_builder_destroy(im->builder);
    im->builder = NULL;
    return st_buffer_append(&im->files, &file, sizeof file) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(im->error);
}

static strata_status begin_table(importing *im) {
    st_table_spec spec = {.host = im->spec->host,
                          .path = im->spec->path,
                          .number = im->manifest.next_file++,
                          .codec = im->spec->codec};
    memcpy(spec.uuid, im->manifest.uuid, ST_UUID_BYTES);
    return st_table_builder_create(&spec, &im->builder, im->error);
}

static bool is_full(const importing *im) {
    const uint64_t limit = (uint64_t)TABLE_BYTES << im->result->tables / TABLES_OF_A_SIZE;
    return im->builder != NULL && st_table_builder_bytes(im->builder) >= limit;
}

/* The numbers of floors go on from those of files; none may come a second time. */
static strata_status pass_floor(importing *im, strata_slice key) {
    const uint64_t id = key.len < 8 ? 0 : load64_be((const uint8_t *)key.data + key.len - 8);
    if (id >= (uint64_t)INT64_MAX - 1) {
        return st_transfer_refuse(&im->reader, "a floor has a number that is too high");
    }
    im->floors_end = id >= im->floors_end ? id + 1 : im->floors_end;
    return STRATA_OK;
}

static strata_status add_entry(importing *im, const st_transfer_entry *entry) {
    uint8_t key[ST_TABLE_KEY_MAX];
    if (*(const uint8_t *)entry->key.data == ST_TAG_FLOOR) {
        ST_TRY(pass_floor(im, entry->key));
    }
    if (entry->new_key && is_full(im)) {
        ST_TRY(finish_table(im));
    }
    if (im->builder == NULL) {
        ST_TRY(begin_table(im));
    }
    store64_be(key, entry->run);
    memcpy(key + 8, entry->key.data, entry->key.len);
    return st_table_builder_add(im->builder, st_slice(key, 8 + entry->key.len), &entry->revision,
                                im->error);
}

static strata_status add_all(importing *im) {
    const strata_log *log = &im->spec->host->log;
    uint64_t told = 0;
    bool found = true;
    while (found) {
        st_transfer_entry entry;
        ST_TRY(st_transfer_next(&im->reader, &entry, &found));
        if (found) {
            ST_TRY(add_entry(im, &entry));
        }
        if (log->progress != NULL && im->reader.at - told >= 1 << 20) {
            told = im->reader.at;
            log->progress(log->ctx, "import", told, im->reader.size);
        }
    }
    return finish_table(im);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* With the file open and the folder locked. */
static strata_status carry_out(importing *im) {
    const st_transfer_header *header = &im->reader.header;
    ST_TRY(check_folder(im));
    ST_TRY(make_empty(im));
    ST_TRY(add_all(im));
    if (im->manifest.next_file < im->floors_end) {
        im->manifest.next_file = im->floors_end;
    }
    im->manifest.watermark = header->version;
    im->manifest.floor_version = header->floor_version;
    im->manifest.floor_us = header->floor_us;
    im->manifest.file_count = im->files.len / sizeof(st_live_file);
    im->may_be_named = true;
    return st_manifest_write(im->spec->host, im->spec->path, &im->manifest,
                             (const st_live_file *)(const void *)im->files.data, im->error);
}

static strata_status with_file(importing *im) {
    strata_file *lock = NULL;
    ST_TRY(st_folder_lock(im->spec->host, im->spec->path, &lock, im->error));
    const strata_status status = carry_out(im);
    st_table_builder_destroy(im->builder);
    if (status != STRATA_OK && im->is_ours && !im->may_be_named && im->files.len > 0) {
        (void)st_folder_clear(im->spec->host, im->spec->path, NULL, 0, NULL);
    }
    st_folder_unlock(im->spec->host, lock);
    return status;
}

strata_status st_import(const st_import_spec *spec, st_import_result *result, strata_error *error) {
    importing im = {
        .spec = spec, .result = result, .error = error, .files = {NULL, 0, 0, spec->host}};
    *result = (st_import_result){.version = 0};
    strata_status status = st_transfer_open(&im.reader, spec->host, spec->file, error);
    if (status == STRATA_OK) {
        status = with_file(&im);
    }
    result->version = im.reader.header.version;
    result->totals = im.reader.totals;
    st_transfer_close(&im.reader);
    strata_buffer_free(&im.files);
    return status;
}
