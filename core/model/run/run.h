/* run.h - runs: lines of an agent's work, each with its own keys and its own life. */
#ifndef ST_MODEL_RUN_RUN_H
#define ST_MODEL_RUN_RUN_H

#include "model/page.h"
#include "model/write.h"
#include "store/forks.h"

/* Where a fork began. */
typedef struct st_run_origin {
    uint64_t run;          /* whose commits it sees; 0: it is not a fork */
    st_fork_point point;   /* up to which */
    uint64_t since;        /* its own commits are above it */
} st_run_origin;

typedef struct st_run_record {
    strata_slice name;
    uint64_t id;
    st_run_status status;
    strata_slice tags;     /* MessagePack array of strings */
    strata_slice metadata; /* MessagePack map */
    strata_slice parent;   /* empty: none */
    strata_slice error;    /* empty: none */
    st_run_origin fork;
    int64_t created_us;
    int64_t updated_us;
    bool provenance; /* it keeps that of its commits (model/provenance.h) */
} st_run_record;

/* A flag of the options of open, for repair: runs without a record get one. */
enum { ST_OPEN_ADOPT = 1 << 30 };

/* At open: makes a st_run for every record, and the run `default` in a new database. */
strata_status st_runs_load(st_model *model, strata_error *error);
void st_runs_free(st_model *model);

/* The run of that name, empty for default, or of that id. Errors: not_found. */
strata_status st_run_find(st_request *rq, strata_slice name, st_run **run);
strata_status st_run_of(st_request *rq, uint64_t id, st_run **run);

/* The name of a run; borrowed until the request ends. Errors: not_found. */
strata_status st_run_name(st_request *rq, const st_run *run, strata_slice *name);

/* A new active run. spec: name (empty: one is made), parent, tags, metadata; their encodings are
 * canonical. *name: borrowed from the arena. Errors: already_exists, not_found (parent),
 * invalid_argument (name). */
strata_status st_run_create(st_request *rq, const st_run_record *spec, strata_slice *name,
                            uint64_t *id, st_stamp *stamp);

/* Errors: not_found. Slices are borrowed from the store. */
strata_status st_run_get(st_request *rq, strata_slice name, const st_when *when,
                         st_run_record *record, st_stamp *stamp);

/* Reads the record where a scan over ST_TAG_RUN stands. Errors: corrupt. */
strata_status st_run_read(st_request *rq, strata_slice key, strata_slice value,
                          st_run_record *record);

/* The life cycle of SEMANTICS.md section 3. why: of a failure, else empty. Errors: not_found,
 * constraint {transition | default_run | value_too_large}. */
strata_status st_run_move(st_request *rq, strata_slice name, st_run_status to, strata_slice why,
                          st_stamp *stamp);

/* The run that holds the records, to scan. */
st_run *st_run_system(st_request *rq);

#endif
