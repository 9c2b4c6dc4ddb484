/* ops_state.c - the state operations of ops.def. */
#include "api/ops.h"
#include "model/state.h"

/* Writes, and answers {counter, version}. */
static strata_status write_cell(st_call *call, int run_arg, int name_arg,
                                const st_cell_expected *expected) {
    st_run *run;
    st_stamp stamp;
    uint64_t counter;
    ST_TRY(st_call_run(call, run_arg, &run));
    /* The value follows the name in each of them. */
    ST_TRY(st_state_write(call->rq, run, st_call_text(call, name_arg), &call->args[name_arg + 1],
                          expected, &counter, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_uint(call->out, "counter", counter));
    return st_put_uint(call->out, "version", stamp.version);
}

strata_status st_op_state_init(st_call *call) {
    const st_cell_expected expected = {.absent = true};
    return write_cell(call, ARG_state_init_run, ARG_state_init_name, &expected);
}

strata_status st_op_state_set(st_call *call) {
    return write_cell(call, ARG_state_set_run, ARG_state_set_name, NULL);
}

strata_status st_op_state_cas(st_call *call) {
    const st_cell_expected expected = {
        .by_counter = call->given[ARG_state_cas_expected_counter],
        .counter = st_call_uint(call, ARG_state_cas_expected_counter, 0),
        .by_version = call->given[ARG_state_cas_expected_version],
        .version = st_call_uint(call, ARG_state_cas_expected_version, 0),
        .value = call->given[ARG_state_cas_expected_value]
                     ? &call->args[ARG_state_cas_expected_value]
                     : NULL};
    return write_cell(call, ARG_state_cas_run, ARG_state_cas_name, &expected);
}

static strata_status put_cell(strata_buffer *out, const st_cell *cell) {
    ST_TRY(st_put_value(out, "value", cell->value));
    ST_TRY(st_put_uint(out, "counter", cell->counter));
    return st_put_stamp(out, cell->version, cell->timestamp_us);
}

strata_status st_op_state_read(st_call *call) {
    const st_when when = st_call_when(call, ARG_state_read_as_of, ARG_state_read_as_of_time);
    st_run *run;
    st_cell cell;
    ST_TRY(st_call_run(call, ARG_state_read_run, &run));
    ST_TRY(st_state_read(call->rq, run, st_call_text(call, ARG_state_read_name), &when, &cell));
    ST_TRY(st_msgpack_put_object(call->out, 4));
    return put_cell(call->out, &cell);
}

strata_status st_op_state_delete(st_call *call) {
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_state_delete_run, &run));
    ST_TRY(st_state_delete(call->rq, run, st_call_text(call, ARG_state_delete_name), &existed,
                           &stamp));
    return st_put_existed(call, existed, &stamp);
}

strata_status st_op_state_list(st_call *call) {
    const st_page page = {.prefix = st_call_text(call, ARG_state_list_prefix),
                          .after = st_call_text(call, ARG_state_list_cursor),
                          .reverse = st_call_bool(call, ARG_state_list_reverse, false),
                          .when =
                              st_call_when(call, ARG_state_list_as_of, ARG_state_list_as_of_time)};
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_call_run(call, ARG_state_list_run, &run));
    ST_TRY(st_call_limit(call, ARG_state_list_limit, &limit));
    ST_TRY(st_page_scan(call->rq, run, ST_TAG_STATE, &page, &scan));
    ST_TRY(st_list_open(call, "cells", &list));
    while (scan->here && count < limit) {
        st_cell cell;
        ST_TRY(st_state_at(call->rq, scan, &cell));
        ST_TRY(st_msgpack_put_object(call->out, 5));
        ST_TRY(st_put_text(call->out, "name", st_key_text_of(scan->key)));
        ST_TRY(put_cell(call->out, &cell));
        count++;
        if (count == limit) {
            ST_TRY(st_call_keep(call, st_key_text_of(scan->key), &last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

static strata_status put_revision(st_call *call, st_scan *scan) {
    const st_revision *revision = &scan->revision;
    st_cell cell;
    ST_TRY(st_msgpack_put_object(call->out, revision->deleted ? 3 : 5));
    ST_TRY(st_put_bool(call->out, "deleted", revision->deleted));
    if (revision->deleted) {
        return st_put_stamp(call->out, revision->number, revision->timestamp_us);
    }
    ST_TRY(st_state_at(call->rq, scan, &cell));
    return put_cell(call->out, &cell);
}

strata_status st_op_state_history(st_call *call) {
    const strata_slice name = st_call_text(call, ARG_state_history_name);
    st_run *run;
    st_scan *scan;
    st_list list;
    st_key key;
    uint64_t limit;
    uint32_t count = 0;
    uint64_t last = 0;
    ST_TRY(st_call_run(call, ARG_state_history_run, &run));
    ST_TRY(st_call_limit(call, ARG_state_history_limit, &limit));
    ST_TRY(st_key_check(name, call->rq->error));
    st_key_text(&key, ST_TAG_STATE, name);
    ST_TRY(st_history_scan(call->rq, run, &key,
                           st_call_uint(call, ARG_state_history_before, UINT64_MAX), &scan));
    ST_TRY(st_list_open(call, "revisions", &list));
    while (scan->here && count < limit) {
        ST_TRY(put_revision(call, scan));
        last = scan->revision.number;
        count++;
        ST_TRY(st_versions_next(scan));
    }
    return st_list_close_at(call, &list, count, "next", scan->here ? last : 0);
}
