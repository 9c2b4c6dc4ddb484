/* ops_kv.c - the kv operations of ops.def. */
#include "api/ops.h"
#include "model/kv.h"
#include "model/page.h"

strata_status st_op_kv_put(st_call *call) {
    st_kv_item item = {st_call_text(call, ARG_kv_put_key), &call->args[ARG_kv_put_value], 0};
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_call_ttl(call, ARG_kv_put_ttl_ms, &item.ttl_ms));
    ST_TRY(st_call_run(call, ARG_kv_put_run, &run));
    ST_TRY(st_kv_put(call->rq, run, &item, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_kv_get(st_call *call) {
    const st_when when = st_call_when(call, ARG_kv_get_as_of, ARG_kv_get_as_of_time);
    st_run *run;
    st_revision revision;
    ST_TRY(st_call_run(call, ARG_kv_get_run, &run));
    ST_TRY(st_kv_find(call->rq, run, st_call_text(call, ARG_kv_get_key), &when, &revision));
    ST_TRY(st_msgpack_put_object(call->out, 1 + st_ending_fields(&revision)));
    ST_TRY(st_put_value(call->out, "value", revision.value));
    return st_put_ending(call->out, &revision);
}

strata_status st_op_kv_delete(st_call *call) {
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_kv_delete_run, &run));
    ST_TRY(st_kv_delete(call->rq, run, st_call_text(call, ARG_kv_delete_key), &existed, &stamp));
    return st_put_existed(call, existed, &stamp);
}

strata_status st_op_kv_exists(st_call *call) {
    const st_when when = st_call_when(call, ARG_kv_exists_as_of, ARG_kv_exists_as_of_time);
    st_run *run;
    bool exists;
    ST_TRY(st_call_run(call, ARG_kv_exists_run, &run));
    ST_TRY(st_kv_exists(call->rq, run, st_call_text(call, ARG_kv_exists_key), &when, &exists));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_bool(call->out, "exists", exists);
}

strata_status st_op_kv_list(st_call *call) {
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_call_run(call, ARG_kv_list_run, &run));
    ST_TRY(st_call_limit(call, ARG_kv_list_limit, &limit));
    const st_page page = {.prefix = st_call_text(call, ARG_kv_list_prefix),
                          .start = st_call_text(call, ARG_kv_list_start),
                          .end = st_call_text(call, ARG_kv_list_end),
                          .after = st_call_text(call, ARG_kv_list_cursor),
                          .reverse = st_call_bool(call, ARG_kv_list_reverse, false),
                          .when = st_call_when(call, ARG_kv_list_as_of, ARG_kv_list_as_of_time)};
    ST_TRY(st_page_scan(call->rq, run, ST_TAG_KV, &page, &scan));
    ST_TRY(st_list_open(call, "entries", &list));
    while (scan->here && count < limit) {
        strata_slice value;
        ST_TRY(st_scan_value(scan, &value));
        ST_TRY(st_put_entry(call->out, st_key_text_of(scan->key), &scan->revision, value));
        count++;
        if (count == limit) {
            ST_TRY(st_call_keep(call, st_key_text_of(scan->key), &last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

strata_status st_op_kv_count(st_call *call) {
    const st_page page = {.prefix = st_call_text(call, ARG_kv_count_prefix),
                          .when = st_call_when(call, ARG_kv_count_as_of, ARG_kv_count_as_of_time)};
    st_run *run;
    uint64_t count;
    ST_TRY(st_call_run(call, ARG_kv_count_run, &run));
    ST_TRY(st_kv_count(call->rq, run, &page, &count));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "count", count);
}

strata_status st_op_kv_history(st_call *call) {
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint64_t last = 0;
    uint32_t count = 0;
    ST_TRY(st_call_run(call, ARG_kv_history_run, &run));
    ST_TRY(st_call_limit(call, ARG_kv_history_limit, &limit));
    ST_TRY(st_kv_history(call->rq, run, st_call_text(call, ARG_kv_history_key),
                         st_call_uint(call, ARG_kv_history_before, UINT64_MAX), &scan));
    ST_TRY(st_list_open(call, "revisions", &list));
    while (scan->here && count < limit) {
        const st_revision *revision = &scan->revision;
        ST_TRY(st_msgpack_put_object(call->out,
                                     st_ending_fields(revision) + (revision->deleted ? 1u : 2u)));
        ST_TRY(st_put_ending(call->out, revision));
        ST_TRY(st_put_bool(call->out, "deleted", revision->deleted));
        if (!revision->deleted) {
            strata_slice value;
            ST_TRY(st_scan_value(scan, &value));
            ST_TRY(st_put_value(call->out, "value", value));
        }
        last = revision->number;
        count++;
        ST_TRY(st_versions_next(scan));
    }
    return st_list_close_at(call, &list, count, "next", scan->here ? last : 0);
}

strata_status st_op_kv_incr(st_call *call) {
    st_run *run;
    st_stamp stamp;
    int64_t sum;
    ST_TRY(st_call_run(call, ARG_kv_incr_run, &run));
    ST_TRY(st_kv_incr(call->rq, run, st_call_text(call, ARG_kv_incr_key),
                      st_call_int(call, ARG_kv_incr_by, 1), &sum, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_int(call->out, "value", sum));
    return st_put_uint(call->out, "version", stamp.version);
}

strata_status st_op_kv_cas(st_call *call) {
    st_run *run;
    st_stamp stamp;
    const st_kv_expected expected = {.by_version = call->given[ARG_kv_cas_expected_version],
                                     .version = st_call_uint(call, ARG_kv_cas_expected_version, 0),
                                     .value = call->given[ARG_kv_cas_expected_value]
                                                  ? &call->args[ARG_kv_cas_expected_value]
                                                  : NULL};
    st_kv_item item = {st_call_text(call, ARG_kv_cas_key), &call->args[ARG_kv_cas_value], 0};
    ST_TRY(st_call_ttl(call, ARG_kv_cas_ttl_ms, &item.ttl_ms));
    ST_TRY(st_call_run(call, ARG_kv_cas_run, &run));
    ST_TRY(st_kv_cas(call->rq, run, &item, &expected, &stamp));
    return st_put_version(call, &stamp);
}
