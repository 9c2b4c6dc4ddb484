/* run_private.h - what the files of this room share. */
#ifndef ST_MODEL_RUN_RUN_PRIVATE_H
#define ST_MODEL_RUN_RUN_PRIVATE_H

#include "model/run/run.h"

/* Appends nothing, replaces: *out is the record. Errors: no_memory. */
strata_status st_run_encode(const st_run_record *record, strata_buffer *out);
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

#endif
