/* backup.h - a second folder that is kept up with the database.
 *
 * It is a database like any other, of tables alone. BACKUP in it says which manifest the last backup
 * has written there: two slots, at 0 and 512, that of generation g at 512 * (g mod 2), little-endian:
 *   0   8  magic "STRATAB1"
 *   8   4  crc32c of everything after it
 *  12   4  crc32c of the manifest: the field at its offset 8
 *  16  16  uuid of the database
 *  32   8  generation of the manifest
 */
#ifndef ST_STORE_COPIES_BACKUP_H
#define ST_STORE_COPIES_BACKUP_H

#include "store/store.h"

typedef struct st_backup_result {
    uint64_t version; /* the last commit in it */
    int64_t time_us;
    uint64_t files; /* tables */
    uint64_t bytes;
    uint64_t files_copied; /* this time; the others were there */
    uint64_t bytes_copied;
} st_backup_result;

/* Brings the folder up to now: a new or empty one, or one that only backups of this database have
 * written to. Writers go on meanwhile. At every moment, and whatever happens, the folder holds a
 * whole backup: this one, or the one before (none, before the first). What was copied is read again
 * and verified. Errors: invalid_argument (the folder; a database in memory), forbidden, busy, corrupt
 * {file, offset} (a table of the database is damaged), io, no_space, no_memory. */
strata_status st_backup(st_store *store, const char *folder, st_backup_result *result,
                        strata_error *error);

#endif
