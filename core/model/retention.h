/* retention.h - the rules that say how much history is kept.
 *
 * A rule is of the database, a run, a primitive, or a primitive in a run. Of those that fit, the
 * narrowest counts: primitive in a run, run, primitive, database; without any, everything is kept.
 * The records of runs and rules are always kept whole, and so are the primitives that say so
 * (primitive.h), such as events: a log without its beginning could not be verified.
 */
#ifndef ST_MODEL_RETENTION_H
#define ST_MODEL_RETENTION_H

#include "model/page.h"
#include "model/primitive.h"

/* What a rule is of. */
typedef struct st_scope {
    uint64_t run; /* 0: every run */
    strata_slice run_name;
    st_primitive_id primitive; /* NONE: every one */
} st_scope;

typedef struct st_rule {
    st_scope scope;
    st_policy policy;
} st_rule;

/* At open: reads the rules, and has compaction follow them. Errors: corrupt, no_memory. */
strata_status st_retention_load(st_model *model, strata_error *error);
void st_retention_free(st_model *model);

/* The primitive of that name. Errors: invalid_argument. */
strata_status st_primitive_parse(st_request *rq, strata_slice name, st_primitive_id *primitive);

/* Errors: constraint {never_trimmed}, invalid_argument, and those of a commit. */
strata_status st_retention_set(st_request *rq, const st_rule *rule, st_stamp *stamp);
/* *existed false: there was no such rule, and nothing is written. */
strata_status st_retention_remove(st_request *rq, const st_scope *scope, bool *existed,
                                  st_stamp *stamp);

/* ---- Of a run that is deleted (run/run_delete.h) ------------------------------------------------ */

enum { ST_RUN_RULES_MAX = ST_PRIMITIVE_COUNT };

/* Inside the commit: fills in the deletes of the run's rules, at most ST_RUN_RULES_MAX; their keys lie in
 * the arena. Errors: no_memory. */
strata_status st_retention_forget(st_request *rq, const st_scope *run, st_write *writes,
                                  size_t *count);
/* In its hook: they count no more. */
void st_retention_forgotten(st_model *model, uint64_t run);

/* ---- What counts ----------------------------------------------------------------------------- */

/* What counts for a scope, and what it is from. */
typedef enum st_rule_source {
    ST_RULE_NONE, /* there is no rule: all */
    ST_RULE_DATABASE,
    ST_RULE_PRIMITIVE,
    ST_RULE_RUN,
    ST_RULE_RUN_PRIMITIVE,
    ST_RULE_NEVER, /* never trimmed, whatever the rules */
} st_rule_source;

const char *st_rule_source_name(st_rule_source source);
/* run 0: of a run without rules; primitive NONE: of one without rules. */
st_policy st_retention_find(st_model *model, uint64_t run, st_primitive_id primitive,
                            st_rule_source *source);

/* Scans the rules; st_retention_read reads where it stands, borrowed until it moves. */
strata_status st_retention_scan(st_request *rq, strata_slice after, st_scan **scan);
strata_status st_retention_read(st_request *rq, strata_slice key, strata_slice value,
                                st_rule *rule);

#endif
