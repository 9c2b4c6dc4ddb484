/* flush.h - memtables become a table. */
#ifndef ST_STORE_FLUSH_H
#define ST_STORE_FLUSH_H

#include "store/maintain.h"

/* Makes one table of level 0 of everything that is in memory now, and lets the log go up to there.
 * Under the maintenance lock. Errors: as st_store_flush. */
strata_status st_flush(st_store *store, uint64_t *segments_removed, strata_error *error);

/* Removes the segments that the manifest no longer needs; how many those were. Under the maintenance
 * lock. */
uint64_t st_flush_trim_log(st_store *store);

/* Writes a table of the commits after `from`, up to `to`, that are in memtables; number: of the table,
 * 0 when there is none of them. Of the store it needs path, host, manifest and shards. Errors: io,
 * no_space, no_memory. */
strata_status st_flush_write(st_store *store, uint64_t from, uint64_t to, uint64_t *number,
                             strata_error *error);

/* Returns when every commit that has its version by now is in a memtable. */
void st_flush_settle(st_store *store);

#endif
