/* field_index_build.h - making secondary indexes and dropping them. */
#ifndef ST_MODEL_FIELD_INDEX_BUILD_H
#define ST_MODEL_FIELD_INDEX_BUILD_H

#include "model/field_index.h"

/* Makes an index and fills it. def: name, primitive, schema, path_text. An index of that name that was not
 * finished is made again. Not inside a transaction. Errors: already_exists, invalid_key (the name),
 * invalid_path, invalid_argument (the primitive has none), constraint {run_closed, too_many_indexes}.
 * Cost: in proportion to what is indexed, in many commits; the run can be written to meanwhile. */
strata_status st_index_create(st_request *rq, st_run *run, const st_index_def *def,
                              uint64_t *entries, st_stamp *stamp);
/* *existed false: there was none. Its entries go in many commits. */
strata_status st_index_drop(st_request *rq, st_run *run, strata_slice name, bool *existed,
                            st_stamp *stamp);

#endif
