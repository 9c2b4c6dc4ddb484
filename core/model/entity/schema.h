/* schema.h - schemas of a run: what entities of a name look like. */
#ifndef ST_MODEL_ENTITY_SCHEMA_H
#define ST_MODEL_ENTITY_SCHEMA_H

#include "format/path.h"
#include "model/entity/schema_rules.h"
#include "model/page.h"

typedef struct st_schema {
    strata_slice name;
    strata_slice record; /* a document {schema, key_field?, indexed?, embedding?, encrypted?} */
    st_node schema;
    strata_slice key_field; /* a path; empty: none */
    st_stamp stamp;
} st_schema;

/* What is put: each list is an array of paths, in MessagePack; empty: none. */
typedef struct st_schema_spec {
    strata_slice name;
    strata_value schema; /* a JSON Schema (schema_rules.h) */
    strata_slice key_field;
    strata_slice indexed;
    strata_slice embedding; /* this and the next: kept, and told back */
    strata_slice encrypted;
} st_schema_spec;

/* Names are keys of at most ST_NAME_BYTES_MAX bytes: invalid_key. */

/* Stores a schema, or a new version of it; entities that are there are not looked at. Then makes the indexes
 * that it lists, and drops those that it lists no more, in commits of their own. The same again: only indexes
 * that were not finished; the stamp is that of the commit that put it. Not inside a transaction. Errors:
 * invalid_argument (the schema {keyword, path}, the lists), invalid_path, constraint {schema_too_large,
 * nesting_too_deep, value_too_large, too_many_indexes, run_closed}. */
strata_status st_schema_put(st_request *rq, st_run *run, const st_schema_spec *spec, bool *created,
                            st_stamp *stamp);
/* Borrowed until the request ends. Errors: not_found, history_trimmed. */
strata_status st_schema_get(st_request *rq, const st_run *run, strata_slice name,
                            const st_when *when, st_schema *schema);
/* The same inside a bound. Errors: not_found. */
strata_status st_schema_find(st_request *rq, const st_run *run, strata_slice name,
                             const st_bound *bound, st_schema *schema);
/* Inside a commit, or a transaction: the one that writes have to fit. Errors: not_found. */
strata_status st_schema_newest(st_request *rq, const st_run *run, strata_slice name,
                               st_schema *schema);
/* What is stored under a key of ST_TAG_SCHEMA; borrowed from both. Errors: corrupt. */
strata_status st_schema_read(st_request *rq, strata_slice store_key, strata_slice stored,
                             st_schema *schema);
/* Deletes a schema that has no entities, soft-deleted ones included, and its indexes. Not inside a
 * transaction. Errors: constraint {schema_in_use, run_closed}. */
strata_status st_schema_delete(st_request *rq, st_run *run, strata_slice name, bool *existed,
                               st_stamp *stamp);
/* The versions, to be read with st_versions_next. */
strata_status st_schema_history(st_request *rq, const st_run *run, strata_slice name,
                                uint64_t before, st_scan **scan);

/* Its rules, in the arena. Errors: corrupt. */
strata_status st_schema_rules_of(st_request *rq, const st_schema *schema, st_schema_rules *rules);

strata_status st_schema_name_check(strata_slice name, strata_error *error);

#endif
