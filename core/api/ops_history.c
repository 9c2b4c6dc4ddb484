/* ops_history.c - the operations of ops.def that go through a history: log, replay, state.
 *
 * The cursor of commits is the number of the last one.
 */
#include "api/ops_history.h"

/* ---- Log and replay -------------------------------------------------------------------------- */

static strata_status put_change(st_call *call, const st_commit_change *change) {
    const bool has_value = change->value.len > 0;
    ST_TRY(st_msgpack_put_object(call->out, has_value ? 3 : 2));
    ST_TRY(st_put_named_ref(call, "ref", change->key));
    ST_TRY(st_put_text(call->out, "kind", strata_text(change->deleted ? "delete" : "put")));
    if (!has_value) {
        return STRATA_OK;
    }
    ST_TRY(st_put_name(call->out, "value"));
    return st_buffer_append(call->out, change->value.data, change->value.len);
}

static strata_status put_commit(st_call *call, const st_commit_entry *commit) {
    strata_buffer *out = call->out;
    ST_TRY(st_msgpack_put_object(out, 4u + (commit->label.len > 0) + (commit->trace.len > 0)));
    ST_TRY(st_put_stamp(out, commit->version, commit->timestamp_us));
    if (commit->label.len > 0) {
        ST_TRY(st_put_text(out, "label", commit->label));
    }
    if (commit->trace.len > 0) {
        ST_TRY(st_put_text(out, "trace", commit->trace));
    }
    ST_TRY(st_put_name(out, "changes"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)commit->shown));
    for (size_t i = 0; i < commit->shown; i++) {
        ST_TRY(put_change(call, &commit->changes[i]));
    }
    return st_put_uint(out, "count", commit->total);
}

static strata_status put_commits(st_call *call, const st_commit_list *list) {
    strata_buffer *out = call->out;
    char cursor[24];
    ST_TRY(st_msgpack_put_object(out, 1u + (list->earliest > 0) + list->more));
    ST_TRY(st_put_name(out, "commits"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)list->count));
    for (size_t i = 0; i < list->count; i++) {
        ST_TRY(put_commit(call, &list->commits[i]));
    }
    if (list->earliest > 0) {
        ST_TRY(st_put_uint(out, "earliest", list->earliest));
    }
    if (!list->more) {
        return STRATA_OK;
    }
    const size_t len =
        st_format(cursor, sizeof cursor, "%u", list->commits[list->count - 1].version);
    return st_put_text(out, "cursor", st_slice(cursor, len));
}

/* 0: none was given. */
static strata_status take_version_cursor(st_call *call, int arg, uint64_t *version) {
    const strata_slice text = st_call_text(call, arg);
    const char *digits = text.data;
    *version = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (digits[i] < '0' || digits[i] > '9' || *version > INT64_MAX / 10 - 1) {
            return st_fail_cursor(call);
        }
        *version = *version * 10 + (uint64_t)(digits[i] - '0');
    }
    return call->given[arg] && *version == 0 ? st_fail_cursor(call) : STRATA_OK;
}

/* The arguments that log and replay share, by their places. */
typedef struct range_args {
    int from;
    int until;
    int from_time;
    int until_time;
    int cursor;
} range_args;

static strata_status fail_both(st_call *call, const char *one, const char *other) {
    return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "%s and %s exclude each other", one,
                   other);
}

/* The newest commit of the run below a time. */
static strata_status version_before(st_call *call, st_run *run, int64_t time_us,
                                    uint64_t *version) {
    st_point point;
    const st_when when = {UINT64_MAX, time_us == INT64_MIN ? time_us : time_us - 1};
    ST_TRY(st_point_open(call->rq, run, &when, &point));
    *version = point.version;
    st_point_close(call->rq, &point);
    return STRATA_OK;
}

static strata_status take_range(st_call *call, st_run *run, const range_args *args,
                                st_commits_spec *spec) {
    uint64_t cursor;
    if (call->given[args->from] && call->given[args->from_time]) {
        return fail_both(call, "from", "from_time");
    }
    const uint64_t from = st_call_uint(call, args->from, 0);
    spec->after = from == 0 ? 0 : from - 1;
    spec->exact = from > 0 || call->given[args->from_time];
    if (call->given[args->from_time]) {
        ST_TRY(version_before(call, run, call->args[args->from_time].as.integer, &spec->after));
    }
    ST_TRY(take_version_cursor(call, args->cursor, &cursor));
    if (cursor > 0 && spec->oldest_first) {
        spec->after = cursor > spec->after ? cursor : spec->after;
    } else if (cursor > 0) {
        spec->until = cursor - 1 < spec->until ? cursor - 1 : spec->until;
    }
    return STRATA_OK;
}

static strata_status read_commits(st_call *call, st_run *run, const range_args *args,
                                  st_commits_spec *spec) {
    st_request *rq = call->rq;
    st_commit_list list;
    st_trail trail;
    st_point point;
    if (call->given[args->until] && call->given[args->until_time]) {
        return fail_both(call, "until", "until_time");
    }
    const st_when when = st_call_when(call, args->until, args->until_time);
    ST_TRY(st_point_open(rq, run, &when, &point));
    spec->until = point.version;
    strata_status status = take_range(call, run, args, spec);
    if (status == STRATA_OK) {
        status = st_trail_make(rq, run, point.version, &trail);
    }
    if (status == STRATA_OK) {
        status = st_commits_read(rq, &point, &trail, spec, &list);
    }
    st_point_close(rq, &point);
    ST_TRY(status);
    return put_commits(call, &list);
}

strata_status st_op_history_log(st_call *call) {
    static const range_args args = {ARG_history_log_from, ARG_history_log_until,
                                    ARG_history_log_from_time, ARG_history_log_until_time,
                                    ARG_history_log_cursor};
    st_commits_spec spec = {.oldest_first = st_call_bool(call, ARG_history_log_reverse, false)};
    st_run *run;
    uint64_t limit;
    ST_TRY(st_call_run(call, ARG_history_log_run, &run));
    ST_TRY(st_call_limit(call, ARG_history_log_limit, &limit));
    spec.limit = (size_t)limit;
    if (call->given[ARG_history_log_ref]) {
        st_key *key;
        ST_TRY(st_call_ref(call, ARG_history_log_ref, &run, &key));
        spec.thing = key;
    }
    return read_commits(call, run, &args, &spec);
}

strata_status st_op_history_replay(st_call *call) {
    static const range_args args = {ARG_history_replay_from, ARG_history_replay_until,
                                    ARG_history_replay_from_time, ARG_history_replay_until_time,
                                    ARG_history_replay_cursor};
    st_commits_spec spec = {.oldest_first = true, .with_values = true};
    st_run *run;
    uint64_t limit;
    ST_TRY(st_call_run(call, ARG_history_replay_run, &run));
    ST_TRY(st_call_limit(call, ARG_history_replay_limit, &limit));
    spec.limit = (size_t)limit;
    return read_commits(call, run, &args, &spec);
}

/* ---- State ----------------------------------------------------------------------------------- */

static strata_status put_item(void *ctx, const st_thing *thing, bool *more) {
    st_thing_page *page = ctx;
    st_call *call = page->call;
    if (!st_thing_fits(page, more)) {
        return STRATA_OK;
    }
    ST_TRY(st_msgpack_put_object(call->out, 2 + st_ending_fields(thing->revision)));
    ST_TRY(st_put_named_ref(call, "ref", thing->key));
    ST_TRY(st_put_shown(call, "value", thing->key, thing->revision));
    st_thing_put(page, thing->key);
    return st_put_ending(call->out, thing->revision);
}

static strata_status put_state(st_call *call, const st_point *point, st_thing_page *page,
                               st_things_spec *spec) {
    st_list list;
    spec->point = point;
    spec->visit = put_item;
    spec->ctx = page;
    ST_TRY(st_list_open(call, "items", &list));
    page->start = call->out->len;
    ST_TRY(st_things(call->rq, spec));
    st_msgpack_patch(call->out, list.array, page->count);
    st_msgpack_patch(call->out, list.object, page->more ? 3 : 2);
    ST_TRY(st_put_uint(call->out, "version", point->version));
    return page->more ? st_put_key_cursor(page) : STRATA_OK;
}

strata_status st_op_history_state(st_call *call) {
    const st_when when = st_call_when(call, ARG_history_state_as_of, ARG_history_state_as_of_time);
    st_things_spec spec = {.point = NULL};
    st_run *run;
    st_point point;
    st_thing_page *page = st_arena_alloc(call->rq->arena, sizeof *page, 8);
    if (page == NULL) {
        return STRATA_NO_MEMORY;
    }
    *page = (st_thing_page){.call = call};
    ST_TRY(st_call_run(call, ARG_history_state_run, &run));
    ST_TRY(st_call_limit(call, ARG_history_state_limit, &page->limit));
    ST_TRY(st_call_primitives(call, ARG_history_state_primitives, &spec.primitives));
    ST_TRY(st_call_key_cursor(call, ARG_history_state_cursor, &spec.past));
    ST_TRY(st_point_open(call->rq, run, &when, &point));
    const strata_status status = put_state(call, &point, page, &spec);
    st_point_close(call->rq, &point);
    return status;
}
