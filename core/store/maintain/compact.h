/* compact.h - merging tables into the next level, a piece at a time. */
#ifndef ST_STORE_MAINTAIN_COMPACT_H
#define ST_STORE_MAINTAIN_COMPACT_H

#include "store/maintain/maintain.h"

/* Begins the compaction that is due, if any: *compaction NULL when none is. Under the maintenance
 * lock, as all of these. Errors: no_memory. */
strata_status st_compaction_pick(st_store *store, st_compaction **compaction, strata_error *error);
/* One of all tables; NULL when there are none. */
strata_status st_compaction_full(st_store *store, st_compaction **compaction, strata_error *error);
/* Merges about so many bytes, *merged of them; at the end installs the result (*done). Errors: as st_store_flush; the
 * compaction can only be destroyed then, and the tables are as before. */
strata_status st_compaction_step(st_compaction *compaction, uint64_t bytes_max, uint64_t *merged,
                                 bool *done, strata_error *error);
/* Frees it; what it has written without installing it is removed. NULL is fine. */
void st_compaction_destroy(st_compaction *compaction);

uint64_t st_compaction_versions_removed(const st_compaction *compaction);

#endif
