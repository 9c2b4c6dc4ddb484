/* run.h - runs: lines of an agent's work, each with its own keys and its own life. */
#ifndef ST_MODEL_RUN_RUN_H
#define ST_MODEL_RUN_RUN_H

#include "model/page.h"
#include "model/primitive.h"
#include "model/write.h"
#include "store/forks.h"

/* Where a fork began. */
typedef struct st_run_origin {
    uint64_t run;        /* whose commits it sees; 0: it is not a fork */
    st_fork_point point; /* up to which */
    uint64_t since;      /* its own commits are above it */
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

/* ---- Begin, tags, metadata (run_life.c, run_edit.c) -------------------------------------------- */

/* The run of that name, active: made as `spec` says if there is none, resumed if it is paused. Version 0:
 * it was active, and nothing was written. Errors: constraint {transition} (it is closed), and those of st_run_create. */
strata_status st_run_start(st_request *rq, const st_run_record *spec, bool *created,
                           st_stamp *stamp);

/* Arrays of strings, in MessagePack; empty: none. */
typedef struct st_run_tags {
    strata_slice add;
    strata_slice remove; /* before the others are added */
} st_run_tags;

/* Version 0: it has them already, and nothing was written. Errors: not_found, constraint
 * {too_many_tags}. */
strata_status st_run_tag(st_request *rq, strata_slice name, const st_run_tags *change,
                         st_stamp *stamp);
/* Leaves out tags that come again. */
strata_status st_run_unique_tags(st_request *rq, strata_slice *tags);
typedef struct st_run_news {
    strata_slice metadata;  /* a canonical map, merged as RFC 7396 has it; empty: nothing */
    const bool *provenance; /* NULL: as it is */
} st_run_news;

/* Version 0: nothing was written. Errors: not_found, constraint {value_too_large, nesting_too_deep}. */
strata_status st_run_update(st_request *rq, strata_slice name, const st_run_news *news,
                            st_stamp *stamp);

/* ---- Queries (run_query.c) ------------------------------------------------------------------- */

typedef struct st_run_filter {
    st_run_status status;      /* ST_RUN_STATUS_COUNT: any */
    strata_slice tags;         /* an array of which it has one; empty: any */
    int64_t created_after_us;  /* inclusive; INT64_MIN: any */
    int64_t created_before_us; /* exclusive; INT64_MAX: any */
    strata_slice parent;       /* empty: any */
} st_run_filter;

bool st_run_has_tag(const st_run_record *record, strata_slice tag);
bool st_run_fits(const st_run_record *record, const st_run_filter *filter);

/* The versions of the record below `before`, newest first: to be read with st_versions_next. Errors:
 * not_found (a name that no run can have). */
strata_status st_run_history(st_request *rq, strata_slice name, uint64_t before, st_scan **scan);

typedef struct st_primitive_stats {
    uint64_t keys;     /* that have a value */
    uint64_t versions; /* that are kept, deletes included */
    uint64_t bytes;    /* of keys and values of all of them, before compression */
} st_primitive_stats;

typedef struct st_run_stats {
    st_primitive_stats primitives[ST_PRIMITIVE_COUNT];
    uint64_t events; /* the last sequence */
    uint64_t bytes;  /* of everything, indexes included */
    st_stamp first;  /* commit that is kept; version 0: there is none */
    st_stamp last;
} st_run_stats;

/* Cost: reads all of the run. */
strata_status st_run_stats_of(st_request *rq, const st_run *run, st_run_stats *stats);

/* The run that holds the records, to scan. */
st_run *st_run_system(st_request *rq);

#endif
