/* manifest.h - the file that says what the database is made of.
 *
 * MANIFEST has two slots of 64 KiB, at 0 and 65536. A new manifest goes into the slot of the older
 * one, so that a good one exists at every moment. Slot, little-endian:
 *   0   8  magic "STRATAM1"
 *   8   4  crc32c of everything after it, up to the end of the slot's content
 *  12   4  bytes of content after this field
 *  16   8  generation: the newer slot has the higher one
 *  24   4  format needed to read    28   4  format needed to write
 *  32  16  uuid
 *  48   4  codec (strata_codec)     52   4  zero
 *  56   8  created, microseconds since the epoch
 *  64   8  watermark: versions up to it are in tables, not in the log
 *  72   8  first live segment of the log
 *  80   8  number of the next table or index segment; never reused
 *  88   8  log segment known to be whole up to   96   8  this offset, holding   104   8  this
 *          version
 * 112   8  floor: up to this version, and   120   8  up to this time, keys may have gone without a
 *          trace
 * 128   8  count of live files, then for each:
 *            4 kind (1 table, 2 snapshot, 3 index segment)   4 level   8 number   8 bytes
 * Format 1 had no floor and no files: its content ends with a count of 0 at 112.
 */
#ifndef ST_STORE_MANIFEST_H
#define ST_STORE_MANIFEST_H

#include "store/log/wal_frame.h"

enum {
    ST_FORMAT_VERSION = 4, /* what this library writes */
    ST_MANIFEST_SLOT_BYTES = 65536,
    ST_LIVE_FILES_MAX = 2700, /* of one slot */
};

enum { ST_FILE_TABLE = 1, ST_FILE_SNAPSHOT = 2, ST_FILE_SEGMENT = 3 };

typedef struct st_live_file {
    uint32_t kind;
    uint32_t level;
    uint64_t number;
    uint64_t bytes;
} st_live_file;

typedef struct st_manifest {
    uint64_t generation; /* 0: there is none */
    uint32_t read_format;
    uint32_t write_format;
    uint8_t uuid[ST_UUID_BYTES];
    strata_codec codec;
    int64_t created_us;
    uint64_t watermark;
    uint64_t wal_first;
    uint64_t next_file;
    uint64_t whole_segment; /* of the log, as of the last clean close or open */
    uint64_t whole_end;
    uint64_t whole_version;
    uint64_t floor_version; /* see store.h */
    int64_t floor_us;
    uint64_t file_count;
} st_manifest;

/* The newest valid manifest, and its st_live_files. Errors: not_found (no file, or an empty one), corrupt {file, offset}
 * (no slot is valid), invalid_argument (a newer format), io. */
strata_status st_manifest_read(const strata_host *host, const char *path, st_manifest *manifest,
                               strata_buffer *files, strata_error *error);

/* Makes durable what was just read: the process that wrote it may have died before its sync, and
 * whoever goes on writing relies on it. Errors: io, no_space, forbidden. */
strata_status st_manifest_settle(const strata_host *host, const char *path, strata_error *error);

/* Writes *manifest with its file_count files as the next generation, in today's format, and syncs
 * it. Errors: io, no_space, no_memory, forbidden, constraint {too_many_files}. */
strata_status st_manifest_write(const strata_host *host, const char *path, st_manifest *manifest,
                                const st_live_file *files, strata_error *error);

/* Appends the content of a slot to out, for files that hold a manifest of their own. Errors:
 * no_memory, constraint {too_many_files}. */
strata_status st_manifest_encode(const st_manifest *manifest, const st_live_file *files,
                                 strata_buffer *out);
/* Takes apart what that made, and nothing but that; files gets its st_live_files. Errors: corrupt,
 * no_memory. */
strata_status st_manifest_decode(strata_slice bytes, st_manifest *manifest, strata_buffer *files);

/* Whether a MANIFEST without a valid slot can be what a crash leaves of the very first write of
 * one, and not a file of somebody else's that has the same name. */
strata_status st_manifest_is_begun(const strata_host *host, const char *path, bool *begun);

/* How many of the two slots are valid, for verify; *empty: slots never written. */
strata_status st_manifest_slots(const strata_host *host, const char *path, unsigned *valid,
                                unsigned *empty);

#endif
