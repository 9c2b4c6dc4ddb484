/* flush.h - memtables become a table. */
#ifndef ST_STORE_MAINTAIN_FLUSH_H
#define ST_STORE_MAINTAIN_FLUSH_H

#include "store/maintain/maintain.h"

typedef struct st_flushing st_flushing;

/* Freezes everything that is in memory now; steps then make one table of level 0 of it. All under the
 * maintenance lock, one at a time. Errors: as st_store_flush. */
strata_status st_flush_begin(st_store *store, st_flushing **flush, strata_error *error);
/* Writes about so many bytes; at the end shows the table, lets the log go up to there and says how
 * many of its segments went (*done). Errors: the same; it can only be destroyed then, and what it
 * froze is in the next one. */
strata_status st_flush_step(st_flushing *flush, uint64_t bytes_max, bool *done, uint64_t *segments,
                            strata_error *error);
/* What it has written without showing it is removed. NULL is fine. */
void st_flush_destroy(st_flushing *flush);

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
