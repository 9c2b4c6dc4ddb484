/* state.h - state cells, named values that change one step at a time: a part of strata.h, which includes it.
 *
 * What strata.h says of threads, memory and errors holds here.
 */
#ifndef STRATA_STATE_H
#define STRATA_STATE_H

#include "strata/strata.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct strata_cell {
    strata_value value;
    uint64_t counter;     /* of writes since it was made, from 1; 0: there is no cell */
    uint64_t version;     /* commit number; 0: the transaction itself wrote it, or no cell */
    int64_t timestamp_us; /* of the commit */
} strata_cell;

/* Names are as keys are. counter, which may be NULL: that of the cell now; inside a transaction what
 * it would be now. Errors of all: invalid_key; of writes: constraint {reason}, no_space, io, no_memory.
 *
 * Makes a cell. Errors: already_exists. */
strata_status strata_state_init(strata_db *db, strata_run run, strata_slice name,
                                strata_value value, uint64_t *version) STRATA_MUST_USE;
/* Errors: not_found. Cost: O(name length); no lock is taken. */
strata_status strata_state_read(strata_db *db, strata_run run, strata_slice name,
                                strata_cell *cell) STRATA_MUST_USE;
/* The same in the past. Errors: history_trimmed, invalid_argument (it has not come yet) besides. */
strata_status strata_state_read_at(strata_db *db, strata_run run, strata_slice name,
                                   strata_when when, strata_cell *cell) STRATA_MUST_USE;
/* Writes a cell, whatever is there. */
strata_status strata_state_set(strata_db *db, strata_run run, strata_slice name, strata_value value,
                               uint64_t *counter) STRATA_MUST_USE;
/* The same, if it still has that counter; 0: if there is none. Errors: conflict {counter, version}.
 * Counters begin at 1 again when a cell is made again: who cares uses strata_state_transition. */
strata_status strata_state_cas(strata_db *db, strata_run run, strata_slice name, strata_value value,
                               uint64_t expected_counter, uint64_t *counter) STRATA_MUST_USE;
/* existed may be NULL. Deleting what is not there succeeds and writes nothing. */
strata_status strata_state_delete(strata_db *db, strata_run run, strata_slice name,
                                  bool *existed) STRATA_MUST_USE;

/* What a cell becomes: a function of what it is and of nothing that changes, as it is called again when
 * others have written meanwhile. now->counter 0: there is no cell. It must not call anything with this
 * handle; *next may borrow from `now` and from arg. Not OK: nothing is written, and that is returned. */
typedef strata_status (*strata_transition)(void *arg, const strata_cell *now, strata_value *next);
/* Reads, calls, and writes if nobody else has; after a conflict tries again as strata_transact does.
 * Inside a transaction a conflict shows at the commit. Errors: conflict. */
strata_status strata_state_transition(strata_db *db, strata_run run, strata_slice name,
                                      strata_transition next, void *arg,
                                      uint64_t *counter) STRATA_MUST_USE;

/* Is given each cell, borrowed until it returns; false ends the scan. It must not call anything with
 * this handle. */
typedef bool (*strata_visit_cell)(void *arg, strata_slice name, const strata_cell *cell);
/* Visits the cells in order of their names, on one snapshot. range NULL: all. Errors:
 * invalid_argument, invalid_key (a bound), history_trimmed. */
strata_status strata_state_scan(strata_db *db, strata_run run, const strata_range *range,
                                strata_visit_cell visit, void *arg) STRATA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
