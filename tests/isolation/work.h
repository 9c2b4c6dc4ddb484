/* work.h - threads that make a history: random transactions on a few keys, through the C API. */
#ifndef STRATA_TEST_ISOLATION_WORK_H
#define STRATA_TEST_ISOLATION_WORK_H

#include "history.h"
#include "strata/host.h"
#include "strata/strata.h"

enum { WORK_RUNS = 2, WORK_RUN_KEYS = 12, WORK_KEYS = WORK_RUNS * WORK_RUN_KEYS };

typedef enum work_levels { WORK_SERIALIZABLE, WORK_SNAPSHOT, WORK_MIXED } work_levels;

typedef struct work_plan {
    uint64_t seed;
    const char *path; /* or ":memory:" */
    strata_durability durability;
    uint64_t memory_bytes;
    work_levels levels;
    uint32_t threads;
    uint64_t txns; /* of all threads together */
} work_plan;

typedef struct work_result {
    iso_history history;
    uint64_t committed;
    uint64_t conflicts;
    uint64_t flushes;
    uint64_t compactions;
} work_result;

/* Makes a database, works on it, closes it, and looks at what is left. Ends the program when a call
 * fails that must not. */
void work(const work_plan *plan, work_result *result);

#endif
