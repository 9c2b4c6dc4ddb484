/* state.h - state cells: named values of a run that change one step at a time. */
#ifndef ST_MODEL_STATE_H
#define ST_MODEL_STATE_H

#include "model/page.h"

/* Names are checked like keys by every function: invalid_key. Writes: constraint {value_too_large,
 * nesting_too_deep, run_closed}, and what st_commit_finish returns. */

typedef struct st_cell {
    uint64_t counter;   /* of writes, from 1; 0: there is no cell */
    strata_slice value; /* canonical MessagePack, borrowed until the request ends */
    uint64_t version;   /* 0: the transaction itself has written it */
    int64_t timestamp_us;
} st_cell;

/* What a cell must have for a write; all that is asked for must hold. */
typedef struct st_cell_expected {
    bool absent; /* no cell; the failure is already_exists then */
    bool by_counter;
    uint64_t counter; /* 0: no cell */
    bool by_version;
    uint64_t version;          /* 0: no cell */
    const strata_value *value; /* NULL: any */
} st_cell_expected;

/* Writes the value; expected NULL: whatever is there. *counter: that of the cell now. Errors:
 * already_exists, conflict {counter, version}, invalid_argument (nothing is expected). */
strata_status st_state_write(st_request *rq, st_run *run, strata_slice name,
                             const strata_value *value, const st_cell_expected *expected,
                             uint64_t *counter, st_stamp *stamp);
/* Deleting what is not there writes nothing: *existed false, the stamp untouched. */
strata_status st_state_delete(st_request *rq, st_run *run, strata_slice name, bool *existed,
                              st_stamp *stamp);

/* *found false: there is no cell, and *cell is all zeros. Errors: history_trimmed, corrupt. */
strata_status st_state_find(st_request *rq, const st_run *run, strata_slice name,
                            const st_when *when, st_cell *cell, bool *found);
/* The same; not_found besides. */
strata_status st_state_read(st_request *rq, const st_run *run, strata_slice name,
                            const st_when *when, st_cell *cell);
/* The cell where a scan over ST_TAG_STATE stands, which is no delete. Errors: corrupt. */
strata_status st_state_at(st_request *rq, st_scan *scan, st_cell *cell);

/* What is stored of the cell: its counter and value; borrowed. Errors: corrupt. */
strata_status st_state_of(st_request *rq, strata_slice name, strata_slice stored, st_cell *cell);

/* Under the run's lock: encodes into rq->value what a pending write becomes that counts `operand` sets
 * of the same cell (ST_WRITE_CELL). */
strata_status st_state_settle(st_request *rq, const st_run *run, const st_key *key,
                              strata_slice pending, strata_slice operand);

#endif
