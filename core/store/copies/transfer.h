/* transfer.h - a whole database in one file, the same bytes on every platform: NAME.strata.zst.
 *
 * The file is a sequence of frames. Each is a skippable frame of zstd's (RFC 8878, section 3.1.2) and
 * one of its data frames, so that `zstd -d` gives what is inside; numbers are little-endian:
 *   0   4  0x184d2a5a
 *   4   4  24: bytes that follow before the data frame
 *   8   4  crc32c of everything after it in this frame, begun with that of the frame before (or 0)
 *  12   4  kind: 1 header, 2 entries, 3 end
 *  16   4  bytes of the data frame
 *  20   4  bytes it unpacks to
 *  24   8  number of the frame, from 0
 *  32      the data frame, which states its content size
 * One header, any number of entries, one end. Unpacked, a header is
 *   0   8  magic "STRATAX1"
 *   8   4  format (1)
 *  12   4  zero
 *  16  16  uuid of the database
 *  32   8  version: every commit up to it is here
 *  40   8  when the database was created, microseconds since the epoch
 *  48   8  floor: up to this version, and  56   8  up to this time, keys may have gone without a trace
 * and an end is
 *   0   8  entries   8   8  distinct keys   16   8  runs   24   8  bytes of keys and values
 * Entries stand in order of run, of key, and under one key from the newest version to the oldest:
 *   1 byte    flags: 1 the run of the entry before, 2 its key too, 4 a delete, 8 a time to live,
 *             16 older versions of the key were there and were not kept
 *   varint    run                                          not with 1
 *   varint    bytes shared with the key before             not with 2
 *   varint    bytes of key that follow, the bytes          not with 2
 *   varint    zigzag(version - that of the entry before)
 *   varint    zigzag(time - that of the entry before)
 *   varint    zigzag(end - time)                           with 8
 *   varint    bytes of value, the bytes                    not with 4
 * The first entry of a frame refers to none: no flags 1 and 2, nothing shared, version and time as
 * they are.
 */
#ifndef ST_STORE_COPIES_TRANSFER_H
#define ST_STORE_COPIES_TRANSFER_H

#include "store/store.h"

typedef struct st_transfer_header {
    uint8_t uuid[ST_UUID_BYTES];
    uint64_t version;
    int64_t created_us;
    uint64_t floor_version;
    int64_t floor_us;
} st_transfer_header;

typedef struct st_transfer_totals {
    uint64_t entries;
    uint64_t keys;
    uint64_t runs;
    uint64_t bytes; /* of keys and values, keys counted once */
} st_transfer_totals;

/* The entry before: entries are told as differences. */
typedef struct st_transfer_place {
    bool any;      /* there is one */
    bool in_frame; /* and it is in this frame */
    uint64_t run;
    uint64_t number;
    int64_t timestamp_us;
    size_t key_len;
    uint8_t key[ST_STORE_KEY_MAX];
} st_transfer_place;

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct st_transfer_writer {
    const strata_host *host;
    const char *name; /* of the file; borrowed */
    strata_error *error;
    strata_file *file;
    st_codec *codec;
    uint32_t crc;
    uint64_t frames;
    uint64_t written; /* bytes of the file */
    strata_buffer plain;
    strata_buffer out;
    st_transfer_place before;
    st_transfer_totals totals;
} st_transfer_writer;

/* Makes the file, which must not exist. name and error are borrowed until st_transfer_end. Errors:
 * already_exists, io, no_space, no_memory. */
strata_status st_transfer_begin(st_transfer_writer *writer, const strata_host *host,
                                const char *name, const st_transfer_header *header,
                                strata_error *error);
/* Entries in order. key: of the store. Errors: io, no_space, no_memory. */
strata_status st_transfer_add(st_transfer_writer *writer, uint64_t run, strata_slice key,
                              const st_revision *revision);
/* Ends the file and syncs it. */
strata_status st_transfer_finish(st_transfer_writer *writer);
/* Frees what the writer has; keeps: the file stays. After st_transfer_begin that succeeded. */
void st_transfer_end(st_transfer_writer *writer, bool keeps);

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct st_transfer_entry {
    uint64_t run;
    strata_slice key; /* of the store; borrowed until the next one, as the value */
    bool new_key;
    st_revision revision;
} st_transfer_entry;

typedef struct st_transfer_reader {
    const strata_host *host;
    const char *name;
    strata_error *error;
    strata_file *file;
    st_codec *codec;
    uint64_t size; /* of the file */
    uint64_t at;   /* of the next frame */
    uint64_t frame_at;
    uint32_t crc;
    uint64_t frames;
    bool ended;
    strata_buffer stored;
    strata_buffer plain;
    st_cursor cursor; /* in the entries of the frame */
    st_transfer_header header;
    st_transfer_place before;
    st_transfer_totals totals;
} st_transfer_reader;

/* Opens the file and reads its header. Free with st_transfer_close, whatever is returned. Errors:
 * not_found, corrupt {file, offset}, invalid_argument (no export, or of a newer format), io. */
strata_status st_transfer_open(st_transfer_reader *reader, const strata_host *host,
                               const char *name, strata_error *error);
/* The next entry, checked: its place in the order, its key, its version. *found false: the end,
 * which holds. Errors: corrupt {file, offset}, io, no_memory. */
strata_status st_transfer_next(st_transfer_reader *reader, st_transfer_entry *entry, bool *found);
/* corrupt {file, offset}: what the entry says cannot be. */
strata_status st_transfer_refuse(const st_transfer_reader *reader, const char *what);
void st_transfer_close(st_transfer_reader *reader);

/* ---- The whole ------------------------------------------------------------------------------- */

typedef struct st_export_result {
    uint64_t version;
    uint64_t bytes; /* of the file */
    st_transfer_totals totals;
} st_export_result;

/* Writes everything committed so far, of an open store of any kind, while others go on. file must
 * not exist; when it fails there is none. Errors: already_exists, invalid_argument (the name), and
 * those of reading, of st_store_flush, and of the storage. */
strata_status st_export(st_store *store, const char *file, st_export_result *result,
                        strata_error *error);

typedef struct st_import_spec {
    const strata_host *host;
    const char *file;
    const char *path; /* of the database to be made: a new or empty folder */
    strata_codec codec;
    bool keeps_uuid;
} st_import_spec;

typedef struct st_import_result {
    uint64_t version;
    uint64_t tables;
    uint64_t bytes; /* of them */
    st_transfer_totals totals;
} st_import_result;

/* Makes a database of an export; versions and times are those of the original. It is there when this
 * succeeds; else the folder is an empty database, or none, and may be imported into again (or, when
 * only the last sync failed, the whole database may be there). Errors:
 * not_found (the file), already_exists (there is something in the folder), busy, corrupt {file,
 * offset}, invalid_argument, io, no_space, no_memory. */
strata_status st_import(const st_import_spec *spec, st_import_result *result, strata_error *error);

#endif
