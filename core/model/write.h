/* write.h - how a primitive writes: in a commit of its own, or inside a transaction. */
#ifndef ST_MODEL_WRITE_H
#define ST_MODEL_WRITE_H

#include "model/model.h"

/* Rules of writes that are decided at the commit of a transaction (txn.h, transaction.c). */
typedef enum st_write_rule {
    ST_WRITE_AS_IS,
    ST_WRITE_ADD,   /* an increment */
    ST_WRITE_EVENT, /* an event gets its number and hash */
    ST_WRITE_JSON,  /* documents and changes become what is stored (json/json_txn.c) */
    ST_WRITE_CELL   /* a state cell gets its counter */
} st_write_rule;

/* Begins a commit to a run that must be active, and locks it, transaction or not. Errors:
 * constraint {run_closed}. */
strata_status st_run_lock(st_request *rq, st_run *run, st_commit *commit);
/* The same, or inside a transaction the begin of one of its writes. */
strata_status st_run_begin(st_request *rq, st_run *run, st_commit *commit);
void st_run_abort(st_request *rq, st_commit *commit);
/* Inside a commit: the newest version of a key that has a value, those that wait for their sync
 * included. Errors: as st_read. */
strata_status st_run_newest(st_request *rq, const st_run *run, const st_key *key,
                            st_revision *revision, bool *found);
/* Commits one put of rq->value, or a delete. Errors: as st_commit_finish. */
strata_status st_run_put(st_request *rq, st_commit *commit, const st_key *key,
                         const st_commit_hook *hook, st_stamp *stamp);
/* The same of several writes, no key twice. Inside a transaction: all of them, or none. */
strata_status st_run_write(st_request *rq, st_commit *commit, const st_write *writes, size_t count,
                           const st_commit_hook *hook, st_stamp *stamp);
strata_status st_run_delete(st_request *rq, st_commit *commit, const st_key *key,
                            const st_commit_hook *hook, st_stamp *stamp);

#endif
