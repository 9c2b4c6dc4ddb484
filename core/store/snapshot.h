/* snapshot.h - named states of the database that stay although it goes on.
 *
 * SNAPSHOTS/snap-N, little-endian:
 *   0   8  magic "STRATAS1"
 *   8   4  crc32c of everything after it
 *  12   4  bytes of name
 *  16   8  N
 *  24   8  when it was made, microseconds since the epoch
 *  32      the name, UTF-8; then, to the end of the file, a manifest as in a slot of MANIFEST
 * The manifest names the tables that hold every commit up to its watermark and none above it; the
 * log has no part in a snapshot. MANIFEST lists the snapshots that there are.
 */
#ifndef ST_STORE_SNAPSHOT_H
#define ST_STORE_SNAPSHOT_H

#include "store/pins.h"
#include "store/store.h"

typedef struct st_snapshot_info {
    uint64_t number;
    uint64_t version; /* the last commit in it */
    int64_t time_us;  /* when it was made */
    uint64_t files;   /* tables */
    uint64_t bytes;   /* of them */
    size_t name_len;
    char name[ST_NAME_BYTES_MAX];
} st_snapshot_info;

/* A snapshot of an open store. */
typedef struct st_snapshot {
    struct st_snapshot *next;
    st_snapshot_info info; /* but for the number without meaning when it is damaged */
    bool damaged;          /* its file cannot be read */
    uint64_t file_bytes;
    st_pin_set *pins;
} st_snapshot;

static inline strata_slice st_snapshot_name(const st_snapshot_info *info) {
    return st_slice(info->name, info->name_len);
}

/* Makes one of everything committed so far. name: 1-255 bytes of UTF-8 that no other snapshot has;
 * empty: "snap-N". Errors: already_exists, invalid_argument (the name; a database in memory),
 * forbidden (read-only), constraint {too_many_files}, and those of st_store_flush. */
strata_status st_snapshot_create(st_store *store, strata_slice name, st_snapshot_info *info,
                                 strata_error *error);
/* Calls visit for each, oldest first; those that are damaged are left out. A visit that does not
 * return OK ends the walk with its status. */
strata_status st_snapshot_each(st_store *store, void *ctx,
                               strata_status (*visit)(void *ctx, const st_snapshot_info *info));
/* Removes it, and the files that nothing else needs. Errors: not_found, forbidden, io, no_space. */
strata_status st_snapshot_delete(st_store *store, strata_slice name, strata_error *error);

/* ---- For the other parts of the store -------------------------------------------------------- */

/* What the file of a snapshot says. */
typedef struct st_snapshot_content {
    st_snapshot_info info;
    st_manifest manifest;
    uint64_t file_bytes;
    strata_buffer files; /* its st_live_files; the caller frees it */
} st_snapshot_content;

/* Reads SNAPSHOTS/snap-N of the database in `path`, which has that uuid. Errors: corrupt {file,
 * offset} (or missing), io, no_memory; there is nothing to free then. */
strata_status st_snapshot_read(const strata_host *host, const char *path,
                               const uint8_t uuid[ST_UUID_BYTES], uint64_t number,
                               st_snapshot_content *content, strata_error *error);
/* The one of that name among those that a manifest lists. Errors: not_found, io, no_memory. */
strata_status st_snapshot_find(const strata_host *host, const char *path,
                               const st_manifest *manifest, const strata_buffer *files,
                               strata_slice name, st_snapshot_content *content,
                               strata_error *error);

/* Writes and syncs the file of a snapshot, which must not exist. Errors: io, no_space, no_memory,
 * already_exists. */
strata_status st_snapshot_write(const strata_host *host, const char *path,
                                const st_snapshot_info *info, const st_manifest *manifest,
                                const st_live_file *files, uint64_t *file_bytes,
                                strata_error *error);

/* At open: reads the snapshots that the manifest lists. One that is damaged is kept as such, and
 * nothing is removed then: what it needs is not known. Errors: io, no_memory. */
strata_status st_snapshots_load(st_store *store, const st_live_file *files, size_t count,
                                strata_error *error);
void st_snapshots_free(st_store *store);

/* Under manifest_lock. */
size_t st_snapshots_count(const st_store *store);
void st_snapshots_list_files(const st_store *store, st_live_file *files);
bool st_snapshots_have(const st_store *store, uint64_t number);

/* "SNAPSHOTS/snap-N" inside the database in `path`. */
void st_snapshot_file_name(char *name, size_t size, const char *path, uint64_t number);
void st_snapshot_remove_file(const st_store *store, uint64_t number);

#endif
