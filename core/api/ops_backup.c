/* ops_backup.c - the operations that keep a state of the database: checkpoint, backup, export,
 * snapshots.
 */
#include "api/ops.h"
#include "store/copies/backup.h"
#include "store/copies/transfer.h"
#include "store/maintain/maintain.h"
#include "store/snapshot.h"

strata_status st_op_db_checkpoint(st_call *call) {
    st_checkpoint made;
    st_handle_let_go(call->db);
    ST_TRY(st_store_checkpoint(&call->rq->model->store, &made, call->rq->error));
    ST_TRY(st_msgpack_put_object(call->out, 3));
    ST_TRY(st_put_uint(call->out, "version", made.version));
    ST_TRY(st_put_int(call->out, "time", made.time_us));
    return st_put_uint(call->out, "bytes", made.bytes);
}

/* ---- Copies ---------------------------------------------------------------------------------- */

/* The argument as a C string, in the arena. */
static strata_status take_path(st_call *call, int arg, const char **path) {
    const strata_slice text = st_call_text(call, arg);
    if (memchr(text.data, 0, text.len) != NULL) {
        st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "a path holds no NUL");
        return st_fail_text(call->rq->error, "argument", strata_text("path"));
    }
    char *copy = st_arena_alloc(call->rq->arena, text.len + 1, 1);
    if (copy == NULL) {
        return st_fail_memory(call->rq->error);
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *path = copy;
    return STRATA_OK;
}

strata_status st_op_db_backup(st_call *call) {
    st_backup_result made;
    const char *path;
    ST_TRY(take_path(call, ARG_db_backup_path, &path));
    st_handle_let_go(call->db);
    ST_TRY(st_backup(&call->rq->model->store, path, &made, call->rq->error));
    ST_TRY(st_msgpack_put_object(call->out, 6));
    ST_TRY(st_put_uint(call->out, "version", made.version));
    ST_TRY(st_put_int(call->out, "time", made.time_us));
    ST_TRY(st_put_uint(call->out, "files", made.files));
    ST_TRY(st_put_uint(call->out, "bytes", made.bytes));
    ST_TRY(st_put_uint(call->out, "files_copied", made.files_copied));
    return st_put_uint(call->out, "bytes_copied", made.bytes_copied);
}

strata_status st_op_db_export(st_call *call) {
    st_export_result made;
    const char *path;
    ST_TRY(take_path(call, ARG_db_export_path, &path));
    if (!call->rq->model->store.in_memory) {
        st_handle_let_go(call->db); /* in memory it reads what others may trim meanwhile */
    }
    ST_TRY(st_export(&call->rq->model->store, path, &made, call->rq->error));
    ST_TRY(st_msgpack_put_object(call->out, 5));
    ST_TRY(st_put_uint(call->out, "version", made.version));
    ST_TRY(st_put_uint(call->out, "bytes", made.bytes));
    ST_TRY(st_put_uint(call->out, "entries", made.totals.entries));
    ST_TRY(st_put_uint(call->out, "keys", made.totals.keys));
    return st_put_uint(call->out, "runs", made.totals.runs);
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
    st_handle_let_go(call->db);
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
