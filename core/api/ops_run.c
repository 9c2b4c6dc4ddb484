/* ops_run.c - the run operations of ops.def. */
#include "api/ops.h"
#include "model/page.h"
#include "model/run/run_delete.h"
#include "model/run/run_fork.h"

/* The point that a fork sees: a version, or else a time. Of both the time is the narrower one. */
static uint32_t origin_fields(const st_run_record *record) {
    return record->fork.run > 0 ? 1 : 0;
}

static strata_status put_origin(strata_buffer *out, const char *by_version, const char *by_time,
                                const st_run_record *record) {
    const st_fork_point *point = &record->fork.point;
    if (record->fork.run == 0) {
        return STRATA_OK;
    }
    return point->time_us == INT64_MAX ? st_put_uint(out, by_version, point->version)
                                       : st_put_int(out, by_time, point->time_us);
}

static strata_status put_run(strata_buffer *out, const st_run_record *record, uint64_t version) {
    const uint32_t count = 7u + (record->parent.len > 0) + (record->error.len > 0) +
                           record->provenance + origin_fields(record);
    ST_TRY(st_msgpack_put_object(out, count));
    ST_TRY(st_put_text(out, "name", record->name));
    ST_TRY(st_put_text(out, "status", strata_text(st_run_status_name(record->status))));
    ST_TRY(st_put_value(out, "tags", record->tags));
    ST_TRY(st_put_value(out, "metadata", record->metadata));
    if (record->parent.len > 0) {
        ST_TRY(st_put_text(out, "parent", record->parent));
    }
    if (record->error.len > 0) {
        ST_TRY(st_put_text(out, "error", record->error));
    }
    ST_TRY(put_origin(out, "forked_at", "forked_at_time", record));
    if (record->provenance) {
        ST_TRY(st_put_bool(out, "provenance", true));
    }
    ST_TRY(st_put_int(out, "created", record->created_us));
    ST_TRY(st_put_int(out, "updated", record->updated_us));
    return st_put_uint(out, "version", version);
}

static strata_status check_given(st_call *call, int arg) {
    if (call->given[arg] && st_call_text(call, arg).len == 0) {
        return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                       "the name of a run has 1 to %u bytes; leave it out to have one made",
                       (uint64_t)ST_NAME_BYTES_MAX);
    }
    return STRATA_OK;
}

strata_status st_op_run_create(st_call *call) {
    st_run_record spec = {.name = st_call_text(call, ARG_run_create_name),
                          .parent = st_call_text(call, ARG_run_create_parent),
                          .provenance = st_call_bool(call, ARG_run_create_provenance, false)};
    strata_slice name;
    st_stamp stamp;
    uint64_t id;
    ST_TRY(check_given(call, ARG_run_create_name));
    ST_TRY(st_call_strings(call, ARG_run_create_tags, &spec.tags));
    ST_TRY(st_call_object(call, ARG_run_create_metadata, &spec.metadata));
    ST_TRY(st_run_create(call->rq, &spec, &name, &id, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_text(call->out, "name", name));
    return st_put_uint(call->out, "version", stamp.version);
}

strata_status st_op_run_fork(st_call *call) {
    st_run_record spec = {.name = st_call_text(call, ARG_run_fork_name)};
    const st_when when = st_call_when(call, ARG_run_fork_as_of, ARG_run_fork_as_of_time);
    st_run_record made;
    st_stamp stamp;
    ST_TRY(check_given(call, ARG_run_fork_name));
    ST_TRY(st_call_strings(call, ARG_run_fork_tags, &spec.tags));
    ST_TRY(st_call_object(call, ARG_run_fork_metadata, &spec.metadata));
    ST_TRY(
        st_run_fork(call->rq, st_call_text(call, ARG_run_fork_run), &when, &spec, &made, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 4));
    ST_TRY(st_put_text(call->out, "name", made.name));
    ST_TRY(st_put_uint(call->out, "version", stamp.version));
    ST_TRY(st_put_text(call->out, "forked_from", made.parent));
    return put_origin(call->out, "at", "at_time", &made);
}

strata_status st_op_run_delete(st_call *call) {
    st_stamp stamp;
    ST_TRY(st_run_remove(call->rq, st_call_text(call, ARG_run_delete_name), &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_run_get(st_call *call) {
    st_run_record record;
    st_stamp stamp;
    const st_when when = st_call_when(call, ARG_run_get_as_of, ARG_run_get_as_of_time);
    ST_TRY(st_run_get(call->rq, st_call_text(call, ARG_run_get_name), &when, &record, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    ST_TRY(st_put_name(call->out, "run"));
    return put_run(call->out, &record, stamp.version);
}

strata_status st_op_run_list(st_call *call) {
    const bool by_status = call->given[ARG_run_list_status];
    const bool by_tag = call->given[ARG_run_list_tag];
    const strata_slice status_name = st_call_text(call, ARG_run_list_status);
    const strata_slice tag = st_call_text(call, ARG_run_list_tag);
    const st_page page = {.after = st_call_text(call, ARG_run_list_cursor),
                          .when = st_call_when(call, ARG_run_list_as_of, ARG_run_list_as_of_time)};
    st_run_status status = ST_RUN_ACTIVE;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    if (by_status && !st_run_status_parse(status_name, &status)) {
        return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                       "there is no status \"%S\"; it is active, paused, completed, failed, "
                       "cancelled or archived",
                       &status_name);
    }
    ST_TRY(st_call_limit(call, ARG_run_list_limit, &limit));
    ST_TRY(st_page_scan(call->rq, st_run_system(call->rq), ST_TAG_RUN, &page, &scan));
    ST_TRY(st_list_open(call, "runs", &list));
    while (scan->here && count < limit) {
        st_run_record record;
        strata_slice stored;
        ST_TRY(st_scan_value(scan, &stored));
        ST_TRY(st_run_read(call->rq, scan->key, stored, &record));
        if ((!by_status || record.status == status) &&
            (!by_tag || st_strings_hold(record.tags, tag))) {
            ST_TRY(put_run(call->out, &record, scan->revision.number));
            count++;
        }
        ST_TRY(st_call_keep(call, record.name, &last));
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

static strata_status move(st_call *call, strata_slice name, st_run_status to, strata_slice why) {
    st_stamp stamp;
    ST_TRY(st_run_move(call->rq, name, to, why, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_run_pause(st_call *call) {
    return move(call, st_call_text(call, ARG_run_pause_name), ST_RUN_PAUSED, st_slice("", 0));
}

strata_status st_op_run_resume(st_call *call) {
    return move(call, st_call_text(call, ARG_run_resume_name), ST_RUN_ACTIVE, st_slice("", 0));
}

strata_status st_op_run_complete(st_call *call) {
    return move(call, st_call_text(call, ARG_run_complete_name), ST_RUN_COMPLETED, st_slice("", 0));
}

strata_status st_op_run_fail(st_call *call) {
    return move(call, st_call_text(call, ARG_run_fail_name), ST_RUN_FAILED,
                st_call_text(call, ARG_run_fail_error));
}

strata_status st_op_run_cancel(st_call *call) {
    return move(call, st_call_text(call, ARG_run_cancel_name), ST_RUN_CANCELLED, st_slice("", 0));
}

strata_status st_op_run_archive(st_call *call) {
    return move(call, st_call_text(call, ARG_run_archive_name), ST_RUN_ARCHIVED, st_slice("", 0));
}
