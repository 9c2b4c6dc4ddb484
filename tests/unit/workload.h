/* workload.h - a scripted life of a database, with what it shows after every commit.
 *
 * The script puts, counts, deletes, appends events, remembers, replaces and forgets, makes a run
 * and moves it through its states, fills several segments of the log, and lets the clock stand
 * still, jump and go back. A step depends on its number alone, so that the same step on another
 * machine, or after a crash, is the same commit to the byte; what a database shows after commit v
 * is then known beforehand for every v.
 */
#ifndef STRATA_TEST_WORKLOAD_H
#define STRATA_TEST_WORKLOAD_H

#include "store_support.h"

enum { WORK_STEPS = 72, WORK_VERSIONS_MAX = WORK_STEPS + 2 };

typedef struct work_reference {
    strata_durability durability;
    strata_codec codec;
    strata_status statuses[WORK_STEPS];
    uint64_t version_after[WORK_STEPS];
    strata_buffer dumps[WORK_VERSIONS_MAX]; /* by version; of 0 there is none */
    uint64_t last;                          /* version */
    uint64_t changing_calls;                /* of the storage, from opening to closing */
    uint64_t all_calls;
    uint64_t allocations;
} work_reference;

/* Runs the script on a machine without faults. Free with work_reference_free. */
void work_reference_make(work_reference *reference, strata_durability durability,
                         strata_codec codec);
void work_reference_free(work_reference *reference);

/* Opens "db" with the clock and the chance of the script's beginning. */
strata_status work_open(sim *s, const work_reference *reference, strata_db **db);
strata_status work_step(sim *s, strata_db *db, size_t step);
/* The step that makes the commit after `version`; WORK_STEPS when there is none. */
size_t work_next(const work_reference *reference, uint64_t version);
/* Whether the success of that step promises that all before it is durable. */
bool work_is_durable(const work_reference *reference, size_t step);
/* Fails the test unless the database shows exactly the state after commit `version`. */
void work_check(strata_db *db, const work_reference *reference, uint64_t version);

#endif
