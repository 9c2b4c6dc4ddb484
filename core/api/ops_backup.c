/* ops_backup.c - the operations that keep a state of the database: checkpoint, snapshots. */
#include "api/ops.h"
#include "store/maintain.h"
#include "store/snapshot.h"

strata_status st_op_db_checkpoint(st_call *call) {
    st_checkpoint made;
    ST_TRY(st_store_checkpoint(&call->rq->model->store, &made, call->rq->error));
    ST_TRY(st_msgpack_put_object(call->out, 3));
    ST_TRY(st_put_uint(call->out, "version", made.version));
    ST_TRY(st_put_int(call->out, "time", made.time_us));
    return st_put_uint(call->out, "bytes", made.bytes);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static strata_status put_snapshot(strata_buffer *out, const st_snapshot_info *info) {
    ST_TRY(st_msgpack_put_object(out, 6));
    ST_TRY(st_put_uint(out, "number", info->number));
    ST_TRY(st_put_text(out, "name", st_snapshot_name(info)));
    ST_TRY(st_put_uint(out, "version", info->version));
    ST_TRY(st_put_int(out, "time", info->time_us));
    ST_TRY(st_put_uint(out, "files", info->files));
    return st_put_uint(out, "bytes", info->bytes);
}

strata_status st_op_snapshot_create(st_call *call) {
    st_snapshot_info info;
    st_request *rq = call->rq;
    if (call->given[ARG_snapshot_create_name] &&
        st_call_text(call, ARG_snapshot_create_name).len == 0) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the name of a snapshot is empty");
        return st_fail_text(rq->error, "argument", strata_text("name"));
    }
    ST_TRY(st_snapshot_create(&rq->model->store, st_call_text(call, ARG_snapshot_create_name),
                              &info, rq->error));
    return put_snapshot(call->out, &info);
}

typedef struct listing {
    st_call *call;
    uint32_t count;
} listing;

static strata_status list_one(void *ctx, const st_snapshot_info *info) {
    listing *list = ctx;
    list->count++;
    return put_snapshot(list->call->out, info);
}

strata_status st_op_snapshot_list(st_call *call) {
    listing found = {call, 0};
    st_list list;
    ST_TRY(st_list_open(call, "snapshots", &list));
    ST_TRY(st_snapshot_each(&call->rq->model->store, &found, list_one));
    return st_list_close(call, &list, found.count, st_slice("", 0));
}

strata_status st_op_snapshot_delete(st_call *call) {
    ST_TRY(st_snapshot_delete(&call->rq->model->store, st_call_text(call, ARG_snapshot_delete_name),
                              call->rq->error));
    return st_msgpack_put_object(call->out, 0);
}
