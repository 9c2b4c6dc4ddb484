/* run_private.h - what the files of this room share. */
#ifndef ST_MODEL_RUN_RUN_PRIVATE_H
#define ST_MODEL_RUN_RUN_PRIVATE_H

#include "model/run/run.h"

/* Appends nothing, replaces: *out is the record. Errors: no_memory. */
strata_status st_run_encode(const st_run_record *record, strata_buffer *out);
/* The same of what is left of one that was deleted. */
strata_status st_run_encode_gone(const st_run_record *record, strata_buffer *out);
/* Reads that: id, name, fork, when it was created. Errors: corrupt. */
strata_status st_run_read_gone(st_request *rq, strata_slice key, strata_slice value,
                               st_run_record *record);
/* corrupt {file, offset}. */
strata_status st_run_fail_record(st_request *rq, strata_slice name);

/* The record inside the bound. Errors: not_found. */
strata_status st_run_find_record_at(st_request *rq, strata_slice name, const st_bound *bound,
                                    st_run_record *record, st_stamp *stamp);
/* snapshot: UINT64_MAX inside a commit to run 0. */
strata_status st_run_find_record(st_request *rq, strata_slice name, uint64_t snapshot,
                                 st_run_record *record, st_stamp *stamp);

/* Changes a record: apply is given what it is, and makes of it what it is to be; id and name stay. */
typedef struct st_run_edit {
    strata_status (*apply)(st_request *rq, void *arg, st_run_record *record);
    void *arg;
} st_run_edit;

/* Version 0: the record is as it was, and nothing was written. Errors: not_found, those of apply, those
 * of a commit. */
strata_status st_run_change(st_request *rq, strata_slice name, const st_run_edit *edit,
                            st_stamp *stamp);

/* Gives the record of a run that is to be made a name, and what else was left out. Errors:
 * invalid_argument (the name). */
strata_status st_run_complete(st_request *rq, st_run_record *record);
/* Under the lock of run 0: gives it an id and times, attaches the run, and encodes it into rq->value.
 * What it attaches stays when the commit fails: it is the next one's. Errors: already_exists. */
strata_status st_run_make(st_request *rq, st_run_record *record, const st_commit *commit,
                          st_key *key, st_run **run);

/* Makes the run of that id, or finds it. Errors: no_memory, constraint {too_many_runs}. */
strata_status st_run_attach(st_model *model, uint64_t id, st_run_status status, st_run **run,
                            strata_error *error);
/* Lets everybody see the runs up to `id`; they were attached before. Under the lock of run 0. */
void st_run_raise_end(st_model *model, uint64_t id);

/* The hook of a commit that makes a run: shows it. */
typedef struct st_run_create_hook {
    st_model *model;
    uint64_t id;
} st_run_create_hook;
void st_run_show(void *ctx, const st_commit *commit, uint64_t version);

/* ---- At open --------------------------------------------------------------------------------- */

/* For repair: gives a run that has lost its record another one. */
strata_status st_run_adopt(st_request *rq, uint64_t id);
/* The runs that were deleted. After the records are loaded. */
strata_status st_run_load_gone(st_request *rq);
/* What is left of a run that was deleted; *version: the commit that did it. */
strata_status st_run_find_gone(st_request *rq, uint64_t id, st_run_record *record,
                               uint64_t *version, bool *found);
/* Forks see their bases again. After the last of the runs is loaded. Errors: corrupt. */
strata_status st_run_load_forks(st_request *rq);

#endif
