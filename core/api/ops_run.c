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

static strata_status fail_no_name(st_call *call, const char *what) {
    return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                   "the name of a run has 1 to %u bytes%s", (uint64_t)ST_NAME_BYTES_MAX, what);
}

static strata_status check_given(st_call *call, int arg) {
    if (call->given[arg] && st_call_text(call, arg).len == 0) {
        return fail_no_name(call, "; leave it out to have one made");
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

/* stamp->version: 0 when nothing was written. */
static strata_status put_change(st_call *call, const char *what, bool it_is,
                                const st_stamp *stamp) {
    ST_TRY(st_msgpack_put_object(call->out, stamp->version == 0 ? 1 : 2));
    ST_TRY(st_put_bool(call->out, what, it_is));
    return stamp->version == 0 ? STRATA_OK : st_put_uint(call->out, "version", stamp->version);
}

strata_status st_op_run_begin(st_call *call) {
    st_run_record spec = {.name = st_call_text(call, ARG_run_begin_name),
                          .parent = st_call_text(call, ARG_run_begin_parent),
                          .provenance = st_call_bool(call, ARG_run_begin_provenance, false)};
    st_stamp stamp;
    bool created;
    if (spec.name.len == 0) {
        return fail_no_name(call, "");
    }
    ST_TRY(st_call_strings(call, ARG_run_begin_tags, &spec.tags));
    ST_TRY(st_call_object(call, ARG_run_begin_metadata, &spec.metadata));
    ST_TRY(st_run_start(call->rq, &spec, &created, &stamp));
    return put_change(call, "created", created, &stamp);
}

strata_status st_op_run_tag(st_call *call) {
    st_run_tags change;
    st_stamp stamp;
    ST_TRY(st_call_strings(call, ARG_run_tag_add, &change.add));
    ST_TRY(st_call_strings(call, ARG_run_tag_remove, &change.remove));
    ST_TRY(st_run_tag(call->rq, st_call_text(call, ARG_run_tag_name), &change, &stamp));
    return put_change(call, "changed", stamp.version != 0, &stamp);
}

strata_status st_op_run_update(st_call *call) {
    const bool provenance = st_call_bool(call, ARG_run_update_provenance, false);
    st_run_news news = {.provenance = call->given[ARG_run_update_provenance] ? &provenance : NULL};
    st_stamp stamp;
    ST_TRY(st_call_object(call, ARG_run_update_metadata, &news.metadata));
    ST_TRY(st_run_update(call->rq, st_call_text(call, ARG_run_update_name), &news, &stamp));
    return put_change(call, "changed", stamp.version != 0, &stamp);
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

/* ---- Listing --------------------------------------------------------------------------------- */

static st_run_filter any_run(void) {
    const st_run_filter filter = {.status = ST_RUN_STATUS_COUNT,
                                  .tags = {NULL, 0},
                                  .created_after_us = INT64_MIN,
                                  .created_before_us = INT64_MAX,
                                  .parent = {NULL, 0}};
    return filter;
}

static strata_status take_status(st_call *call, int arg, st_run_status *status) {
    const strata_slice name = st_call_text(call, arg);
    if (!call->given[arg] || st_run_status_parse(name, status)) {
        return STRATA_OK;
    }
    return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                   "there is no status \"%S\"; it is active, paused, completed, failed, "
                   "cancelled or archived",
                   &name);
}

/* tag: empty, or one that they must have. */
static strata_status put_runs(st_call *call, const st_page *page, uint64_t limit,
                              const st_run_filter *filter, strata_slice tag) {
    st_scan *scan;
    st_list list;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_page_scan(call->rq, st_run_system(call->rq), ST_TAG_RUN, page, &scan));
    ST_TRY(st_list_open(call, "runs", &list));
    while (scan->here && count < limit) {
        st_run_record record;
        strata_slice stored;
        ST_TRY(st_scan_value(scan, &stored));
        ST_TRY(st_run_read(call->rq, scan->key, stored, &record));
        if (st_run_fits(&record, filter) && (tag.data == NULL || st_run_has_tag(&record, tag))) {
            ST_TRY(put_run(call->out, &record, scan->revision.number));
            count++;
        }
        ST_TRY(st_call_keep(call, record.name, &last));
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

strata_status st_op_run_list(st_call *call) {
    const st_page page = {.after = st_call_text(call, ARG_run_list_cursor),
                          .when = st_call_when(call, ARG_run_list_as_of, ARG_run_list_as_of_time)};
    const strata_slice tag =
        call->given[ARG_run_list_tag] ? st_call_text(call, ARG_run_list_tag) : st_slice(NULL, 0);
    st_run_filter filter = any_run();
    uint64_t limit;
    ST_TRY(take_status(call, ARG_run_list_status, &filter.status));
    ST_TRY(st_call_limit(call, ARG_run_list_limit, &limit));
    return put_runs(call, &page, limit, &filter, tag);
}

strata_status st_op_run_query(st_call *call) {
    const st_page page = {.prefix = st_call_text(call, ARG_run_query_prefix),
                          .after = st_call_text(call, ARG_run_query_cursor),
                          .when =
                              st_call_when(call, ARG_run_query_as_of, ARG_run_query_as_of_time)};
    st_run_filter filter = any_run();
    uint64_t limit;
    ST_TRY(st_call_limit(call, ARG_run_query_limit, &limit));
    ST_TRY(take_status(call, ARG_run_query_status, &filter.status));
    ST_TRY(st_call_strings(call, ARG_run_query_tags, &filter.tags));
    filter.parent = st_call_text(call, ARG_run_query_parent);
    filter.created_after_us = st_call_int(call, ARG_run_query_created_after, INT64_MIN);
    filter.created_before_us = st_call_int(call, ARG_run_query_created_before, INT64_MAX);
    return put_runs(call, &page, limit, &filter, st_slice(NULL, 0));
}

strata_status st_op_run_children(st_call *call) {
    const st_page page = {
        .after = st_call_text(call, ARG_run_children_cursor),
        .when = st_call_when(call, ARG_run_children_as_of, ARG_run_children_as_of_time)};
    st_run_filter filter = any_run();
    st_run_record record;
    st_stamp stamp;
    uint64_t limit;
    ST_TRY(st_call_limit(call, ARG_run_children_limit, &limit));
    filter.parent = st_call_text(call, ARG_run_children_name);
    ST_TRY(st_run_get(call->rq, filter.parent, &page.when, &record, &stamp));
    return put_runs(call, &page, limit, &filter, st_slice(NULL, 0));
}

static strata_status put_revision(st_call *call, st_scan *scan) {
    const st_revision *revision = &scan->revision;
    ST_TRY(st_msgpack_put_object(call->out, revision->deleted ? 3 : 4));
    ST_TRY(st_put_stamp(call->out, revision->number, revision->timestamp_us));
    ST_TRY(st_put_bool(call->out, "deleted", revision->deleted));
    if (revision->deleted) {
        return STRATA_OK;
    }
    st_run_record record;
    strata_slice stored;
    ST_TRY(st_scan_value(scan, &stored));
    ST_TRY(st_run_read(call->rq, scan->key, stored, &record));
    ST_TRY(st_put_name(call->out, "run"));
    return put_run(call->out, &record, revision->number);
}

strata_status st_op_run_history(st_call *call) {
    const strata_slice name = st_call_text(call, ARG_run_history_name);
    const uint64_t before = st_call_uint(call, ARG_run_history_before, UINT64_MAX);
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint64_t last = 0;
    uint32_t count = 0;
    ST_TRY(st_call_limit(call, ARG_run_history_limit, &limit));
    ST_TRY(st_run_history(call->rq, name, before, &scan));
    if (!scan->here && before == UINT64_MAX) {
        return st_fail(call->rq->error, STRATA_NOT_FOUND, "there has been no run \"%S\"", &name);
    }
    ST_TRY(st_list_open(call, "revisions", &list));
    for (; scan->here && count < limit; count++) {
        ST_TRY(put_revision(call, scan));
        last = scan->revision.number;
        ST_TRY(st_versions_next(scan));
    }
    return st_list_close_at(call, &list, count, "next", scan->here ? last : 0);
}

strata_status st_op_run_stats(st_call *call) {
    st_run *run;
    st_run_stats stats;
    size_t array;
    uint32_t count = 0;
    ST_TRY(st_run_find(call->rq, st_call_text(call, ARG_run_stats_name), &run));
    ST_TRY(st_run_stats_of(call->rq, run, &stats));
    const bool written = stats.last.version != 0;
    ST_TRY(st_msgpack_put_object(call->out, written ? 7 : 3));
    ST_TRY(st_put_name(call->out, "primitives"));
    ST_TRY(st_msgpack_open_array(call->out, &array));
    for (size_t id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT; id++) {
        const st_primitive_stats *of = &stats.primitives[id];
        if (of->versions > 0) {
            const char *name = st_primitive_of((st_primitive_id)id)->name;
            ST_TRY(st_msgpack_put_object(call->out, 4));
            ST_TRY(st_put_text(call->out, "primitive", strata_text(name)));
            ST_TRY(st_put_uint(call->out, "keys", of->keys));
            ST_TRY(st_put_uint(call->out, "versions", of->versions));
            ST_TRY(st_put_uint(call->out, "bytes", of->bytes));
            count++;
        }
    }
    st_msgpack_patch(call->out, array, count);
    ST_TRY(st_put_uint(call->out, "events", stats.events));
    ST_TRY(st_put_uint(call->out, "bytes", stats.bytes));
    if (!written) {
        return STRATA_OK;
    }
    ST_TRY(st_put_uint(call->out, "first_version", stats.first.version));
    ST_TRY(st_put_int(call->out, "first_time", stats.first.timestamp_us));
    ST_TRY(st_put_uint(call->out, "last_version", stats.last.version));
    return st_put_int(call->out, "last_time", stats.last.timestamp_us);
}

/* ---- Moving ---------------------------------------------------------------------------------- */

static strata_status move(st_call *call, strata_slice name, st_run_status to, strata_slice why) {
    st_stamp stamp;
    ST_TRY(st_run_move(call->rq, name, to, why, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_run_end(st_call *call) {
    const strata_slice name = st_call_text(call, ARG_run_end_status);
    const strata_slice why = st_call_text(call, ARG_run_end_error);
    st_run_status status = ST_RUN_COMPLETED;
    const bool known = !call->given[ARG_run_end_status] || st_run_status_parse(name, &status);
    if (!known ||
        (status != ST_RUN_COMPLETED && status != ST_RUN_FAILED && status != ST_RUN_CANCELLED)) {
        return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                       "a run ends completed, failed or cancelled, not \"%S\"", &name);
    }
    if (status == ST_RUN_COMPLETED && call->given[ARG_run_end_error]) {
        return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                       "a completed run has no error; the status may be failed or cancelled");
    }
    return move(call, st_call_text(call, ARG_run_end_name), status, why);
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
