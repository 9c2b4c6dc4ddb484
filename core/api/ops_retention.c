/* ops_retention.c - the retention operations of ops.def. */
#include "api/ops.h"
#include "model/retention.h"

static const char *const keeps[] = {"all", "last", "for"};

static strata_status take_scope(st_call *call, int run_arg, int primitive_arg, st_scope *scope) {
    *scope = (st_scope){.run = 0};
    if (call->given[run_arg]) {
        const strata_slice name = st_call_text(call, run_arg);
        st_run *run;
        ST_TRY(st_run_find(call->rq, name, &run));
        scope->run = run->shard->run;
        scope->run_name = name.len == 0 ? strata_text("default") : name;
    }
    return call->given[primitive_arg]
               ? st_primitive_parse(call->rq, st_call_text(call, primitive_arg), &scope->primitive)
               : STRATA_OK;
}

static strata_status fail_policy(st_call *call, const char *what) {
    return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "retention.set: %s", what);
}

/* A number that belongs to one way of keeping: it is there, and at least 1, exactly then. */
static bool fits(const st_call *call, int arg, bool wanted) {
    return wanted ? call->args[arg].as.integer >= 1 && call->given[arg] : !call->given[arg];
}

static strata_status take_policy(st_call *call, st_policy *policy) {
    const strata_slice keep = st_call_text(call, ARG_retention_set_keep);
    const int64_t duration_ms = st_call_int(call, ARG_retention_set_duration_ms, 0);
    size_t kind = 0;
    while (kind <= ST_KEEP_FOR && !st_slice_equal(keep, strata_text(keeps[kind]))) {
        kind++;
    }
    if (kind > ST_KEEP_FOR) {
        return fail_policy(call, "keep is all, last or for");
    }
    if (!fits(call, ARG_retention_set_versions, kind == ST_KEEP_LAST)) {
        return fail_policy(call, "versions, from 1, is given with keep last and only then");
    }
    if (!fits(call, ARG_retention_set_duration_ms, kind == ST_KEEP_FOR) ||
        duration_ms > INT64_MAX / 1000) {
        return fail_policy(call, "duration_ms, from 1, is given with keep for and only then");
    }
    *policy = (st_policy){.keep = (st_keep)kind,
                          .versions = st_call_uint(call, ARG_retention_set_versions, 0),
                          .duration_us = duration_ms * 1000};
    return STRATA_OK;
}

strata_status st_op_retention_set(st_call *call) {
    st_rule rule;
    st_stamp stamp;
    ST_TRY(take_scope(call, ARG_retention_set_run, ARG_retention_set_primitive, &rule.scope));
    ST_TRY(take_policy(call, &rule.policy));
    ST_TRY(st_retention_set(call->rq, &rule, &stamp));
    return st_put_version(call, &stamp);
}

static uint32_t policy_fields(const st_policy *policy) {
    return policy->keep == ST_KEEP_ALL ? 1 : 2;
}

static strata_status put_policy(strata_buffer *out, const st_policy *policy) {
    ST_TRY(st_put_text(out, "keep", strata_text(keeps[policy->keep])));
    if (policy->keep == ST_KEEP_LAST) {
        return st_put_uint(out, "versions", policy->versions);
    }
    return policy->keep == ST_KEEP_FOR
               ? st_put_uint(out, "duration_ms", (uint64_t)policy->duration_us / 1000)
               : STRATA_OK;
}

strata_status st_op_retention_get(st_call *call) {
    st_scope scope;
    st_rule_source source;
    ST_TRY(take_scope(call, ARG_retention_get_run, ARG_retention_get_primitive, &scope));
    const st_policy policy =
        st_retention_find(call->rq->model, scope.run, scope.primitive, &source);
    ST_TRY(st_msgpack_put_object(call->out, 1 + policy_fields(&policy)));
    ST_TRY(put_policy(call->out, &policy));
    return st_put_text(call->out, "source", strata_text(st_rule_source_name(source)));
}

static strata_status put_rule(strata_buffer *out, const st_rule *rule, const st_revision *stamp) {
    const bool in_run = rule->scope.run != 0;
    const bool of_primitive = rule->scope.primitive != ST_PRIMITIVE_NONE;
    ST_TRY(st_msgpack_put_object(out, 2 + policy_fields(&rule->policy) + (in_run ? 1u : 0u) +
                                          (of_primitive ? 1u : 0u)));
    if (in_run) {
        ST_TRY(st_put_text(out, "run", rule->scope.run_name));
    }
    if (of_primitive) {
        ST_TRY(st_put_text(out, "primitive",
                           strata_text(st_primitive_of(rule->scope.primitive)->name)));
    }
    ST_TRY(put_policy(out, &rule->policy));
    return st_put_stamp(out, stamp->number, stamp->timestamp_us);
}

strata_status st_op_retention_list(st_call *call) {
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_call_limit(call, ARG_retention_list_limit, &limit));
    ST_TRY(st_retention_scan(call->rq, st_call_text(call, ARG_retention_list_cursor), &scan));
    ST_TRY(st_list_open(call, "rules", &list));
    while (scan->here && count < limit) {
        st_rule rule;
        strata_slice stored;
        ST_TRY(st_scan_value(scan, &stored));
        ST_TRY(st_retention_read(call->rq, scan->key, stored, &rule));
        ST_TRY(put_rule(call->out, &rule, &scan->revision));
        ST_TRY(st_call_keep(call, st_key_text_of(scan->key), &last));
        count++;
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

strata_status st_op_retention_remove(st_call *call) {
    st_scope scope;
    st_stamp stamp;
    bool existed;
    ST_TRY(take_scope(call, ARG_retention_remove_run, ARG_retention_remove_primitive, &scope));
    ST_TRY(st_retention_remove(call->rq, &scope, &existed, &stamp));
    return st_put_existed(call, existed, &stamp);
}
