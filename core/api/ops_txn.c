/* ops_txn.c - the transaction operations of ops.def. */
#include "api/handle.h"
#include "api/ops.h"
#include "model/run/run.h"
#include "model/transaction.h"

static const char *const isolations[] = {"serializable", "snapshot"};

static strata_status take_isolation(st_call *call, st_isolation *isolation) {
    const strata_slice name = st_call_text(call, ARG_txn_begin_isolation);
    *isolation = ST_SERIALIZABLE;
    if (!call->given[ARG_txn_begin_isolation] ||
        st_slice_equal(name, strata_text(isolations[ST_SERIALIZABLE]))) {
        return STRATA_OK;
    }
    if (st_slice_equal(name, strata_text(isolations[ST_SNAPSHOT]))) {
        *isolation = ST_SNAPSHOT;
        return STRATA_OK;
    }
    return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                   "there is no isolation \"%S\"; it is serializable or snapshot", &name);
}

strata_status st_op_txn_begin(st_call *call) {
    const uint64_t timeout_ms = st_call_uint(call, ARG_txn_begin_timeout_ms, 0);
    st_txn_spec spec = {.read_only = st_call_bool(call, ARG_txn_begin_read_only, false),
                        .label = st_call_text(call, ARG_txn_begin_label),
                        .trace = st_call_text(call, ARG_txn_begin_trace)};
    st_open_txn *open;
    st_run *run;
    ST_TRY(take_isolation(call, &spec.isolation));
    if (call->given[ARG_txn_begin_trace]) {
        ST_TRY(st_key_check(spec.trace, call->rq->error));
    }
    ST_TRY(st_transaction_check_words(call->rq, &spec));
    spec.timeout_ns = timeout_ms > UINT64_MAX / 1000000 ? UINT64_MAX : timeout_ms * 1000000;
    ST_TRY(st_call_run(call, ARG_txn_begin_run, &run));
    ST_TRY(st_handle_txn_begin(call->db, run, &spec, &open));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_uint(call->out, "txn", open->number));
    return st_put_uint(call->out, "version", st_txn_snapshot(open->txn));
}

static strata_status find(st_call *call, int arg, st_open_txn **open) {
    return st_handle_txn_find(call->db, st_call_uint(call, arg, 0), open);
}

strata_status st_op_txn_commit(st_call *call) {
    st_open_txn *open;
    uint64_t version = 0;
    ST_TRY(find(call, ARG_txn_commit_txn, &open));
    st_handle_txn_join(call->db, open);
    const strata_status status = st_transaction_commit(call->rq, open->run, &version);
    st_handle_txn_end(call->db, open);
    ST_TRY(status);
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "version", version);
}

strata_status st_op_txn_rollback(st_call *call) {
    st_open_txn *open;
    st_txn_info info;
    ST_TRY(find(call, ARG_txn_rollback_txn, &open));
    st_txn_read_info(open->txn, &info);
    st_handle_txn_end(call->db, open);
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "writes", info.writes);
}

strata_status st_op_txn_savepoint(st_call *call) {
    st_open_txn *open;
    ST_TRY(find(call, ARG_txn_savepoint_txn, &open));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "savepoint", st_txn_savepoint(open->txn));
}

strata_status st_op_txn_rollback_to(st_call *call) {
    st_open_txn *open;
    st_txn_info info;
    ST_TRY(find(call, ARG_txn_rollback_to_txn, &open));
    ST_TRY(st_txn_rollback_to(open->txn, st_call_uint(call, ARG_txn_rollback_to_savepoint, 0),
                              call->rq->error));
    st_txn_read_info(open->txn, &info);
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "writes", info.writes);
}

strata_status st_op_txn_info(st_call *call) {
    strata_buffer *out = call->out;
    st_open_txn *open;
    st_txn_info info;
    strata_slice name;
    ST_TRY(find(call, ARG_txn_info_txn, &open));
    ST_TRY(st_run_name(call->rq, open->run, &name));
    st_txn_read_info(open->txn, &info);
    ST_TRY(st_msgpack_put_object(out, 9));
    ST_TRY(st_put_text(out, "run", name));
    ST_TRY(st_put_bool(out, "read_only", info.read_only));
    ST_TRY(st_put_text(out, "isolation", strata_text(isolations[info.isolation])));
    ST_TRY(st_put_uint(out, "version", info.snapshot));
    ST_TRY(st_put_uint(out, "keys_read", info.keys_read));
    ST_TRY(st_put_uint(out, "ranges_read", info.ranges_read));
    ST_TRY(st_put_uint(out, "writes", info.writes));
    ST_TRY(st_put_uint(out, "age_ms", info.age_ns / 1000000));
    return st_put_uint(out, "timeout_ms", info.timeout_ns / 1000000);
}
