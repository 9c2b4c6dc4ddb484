/* handle.c - what every C function of strata.h does besides its own work: finds the run and joins the
 * transaction that is bound to the handle, and puts what it returns where it stays.
 */
#include "api/handle.h"

#include "model/run/run.h"

strata_status st_handle_run(st_request *rq, strata_run id, st_run **run) {
    strata_db *db = st_handle_of(rq);
    st_open_txn *open;
    ST_TRY(st_run_of(rq, id, run));
    if (ST_LIKELY(db->bound_txn == 0)) {
        return STRATA_OK;
    }
    ST_TRY(st_handle_txn_find(db, db->bound_txn, &open));
    if (open->run == *run) {
        st_handle_txn_join(db, open);
        return STRATA_OK;
    }
    return st_fail(
        rq->error, STRATA_INVALID_ARGUMENT,
        "the handle is in a transaction on another run; use another handle for this one");
}

strata_status st_handle_keep(st_request *rq, strata_slice *bytes) {
    if (bytes->len > 0) {
        *bytes = st_arena_copy(rq->arena, *bytes);
    }
    return bytes->len > 0 && bytes->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

strata_status st_handle_keep_value(st_request *rq, strata_value *value) {
    return value->type >= STRATA_STRING ? st_handle_keep(rq, &value->as.bytes) : STRATA_OK;
}
