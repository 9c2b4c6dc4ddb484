/* recover.h - from what is on the disk to a store that can go on. */
#ifndef ST_STORE_RECOVER_H
#define ST_STORE_RECOVER_H

#include "store/store.h"

/* Makes a new database or recovers the one that is there; store->path, host and options are set.
 * On error the caller frees what was taken (lock, memtables). Errors: as strata_open. */
strata_status st_store_recover(st_store *store, strata_error *error);

/* One commit of the log, into the memtables of the store (ctx); for st_wal_replay. Of the store it needs
 * the host and the shards. Errors: corrupt, no_memory. */
strata_status st_recover_commit(void *ctx, uint64_t version, int64_t timestamp_us,
                                st_wal_record *record);

#endif
