/* compact_memory.h - retention for databases that have no tables. */
#ifndef ST_STORE_MAINTAIN_COMPACT_MEMORY_H
#define ST_STORE_MAINTAIN_COMPACT_MEMORY_H

#include "store/store.h"

/* Trims every run of a database in memory. Under the maintenance lock. *removed: versions. Errors:
 * no_memory; runs that were trimmed before it stay so, the others are as they were. Cost: of a run
 * that has a policy, in proportion to it, and its writers wait meanwhile. */
strata_status st_compact_memory(st_store *store, uint64_t *removed, strata_error *error);

#endif
