/* json_txn.h - what documents need at the commit of a transaction (model/transaction.c). */
#ifndef ST_MODEL_JSON_JSON_TXN_H
#define ST_MODEL_JSON_JSON_TXN_H

#include "model/json/json.h"

/* The documents of one commit; everything lies in the request's arena. */
typedef struct st_json_commit {
    st_request *rq;
    st_run *run;
    struct st_json_pending *documents; /* that it writes */
    struct st_json_since *since;       /* that it has read, and what others have done to them */
} st_json_commit;

/* A write with the rule ST_WRITE_JSON. */
strata_status st_json_commit_add(st_json_commit *commit, const st_write *write);
/* All were added: appends what is stored (st_write). Errors: conflict, corrupt, no_memory, constraint
 * {value_too_large}. */
strata_status st_json_commit_finish(st_json_commit *commit, strata_buffer *writes);
/* The commit has happened, under the run's lock. */
void st_json_commit_done(st_json_commit *commit, uint64_t version, int64_t timestamp_us);
/* It came to nothing. */
void st_json_commit_abort(st_json_commit *commit);

/* The document that a note is of. */
strata_slice st_json_note_document(strata_slice note);
/* Whether the region of a note has not been touched since the transaction began. Errors: conflict
 * {key}. */
strata_status st_json_commit_check(st_json_commit *commit, strata_slice note);

#endif
