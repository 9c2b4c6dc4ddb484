/* transaction.h - transactions over all primitives of a run. */
#ifndef ST_MODEL_TRANSACTION_H
#define ST_MODEL_TRANSACTION_H

#include "model/model.h"

/* Commits the transaction of the request. *version: of the commit, or the snapshot if it has written
 * nothing. The transaction is over in any case but its memory, which is the caller's to free.
 * Errors: conflict {key}, timeout, constraint {run_closed, commit_too_large}, overflow, wrong_type
 * (an increment), and those of a commit. */
strata_status st_transaction_commit(st_request *rq, st_run *run, uint64_t *version);

/* Whether the label and the trace of a transaction that is about to begin can be kept. Errors:
 * invalid_argument (label), invalid_key (trace). */
strata_status st_transaction_check_words(st_request *rq, const st_txn_spec *spec);

#endif
