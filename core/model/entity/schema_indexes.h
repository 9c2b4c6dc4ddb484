/* schema_indexes.h - the secondary indexes that a schema asks for. */
#ifndef ST_MODEL_ENTITY_SCHEMA_INDEXES_H
#define ST_MODEL_ENTITY_SCHEMA_INDEXES_H

#include "model/field_index_build.h"

/* What is wanted, and what becomes of them, in the arena. */
typedef struct st_schema_indexes {
    strata_slice schema;
    const st_path *paths; /* that are to have indexes */
    size_t count;
    st_index_def *fill; /* new ones, and those that were not finished */
    size_t fill_count;
    st_index_def *drop;
    size_t drop_count;
} st_schema_indexes;

/* A path is part of the name of its index: with that of the schema it may be so long. */
enum { ST_SCHEMA_INDEX_BYTES_MAX = ST_KEY_BYTES_MAX - 32 };

/* Plans that the schema has indexes on its paths, and on no others; appends (st_write) the records that
 * change, for the commit of the schema. Under the run's lock. Errors: constraint {too_many_indexes},
 * overflow. */
strata_status st_schema_indexes_plan(st_request *rq, st_run *run, st_schema_indexes *plan,
                                     strata_buffer *writes);
/* After that commit: fills what is new, empties what is gone, in commits of their own. */
strata_status st_schema_indexes_settle(st_request *rq, st_run *run, const st_schema_indexes *plan);

#endif
