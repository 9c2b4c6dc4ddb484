/* ops_event.c - the event operations of ops.def. */
#include "api/ops.h"
#include "api/tail.h"
#include "model/event.h"
#include "model/event_types.h"

strata_status st_op_event_append(st_call *call) {
    st_run *run;
    st_stamp stamp;
    uint64_t sequence;
    ST_TRY(st_call_run(call, ARG_event_append_run, &run));
    ST_TRY(st_event_append(call->rq, run, st_call_text(call, ARG_event_append_type),
                           &call->args[ARG_event_append_payload], &sequence, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_uint(call->out, "sequence", sequence));
    return st_put_uint(call->out, "version", stamp.version);
}

static strata_status put_event(strata_buffer *out, const st_event *event) {
    ST_TRY(st_msgpack_put_object(out, 6));
    ST_TRY(st_put_uint(out, "sequence", event->sequence));
    ST_TRY(st_put_text(out, "type", event->type));
    ST_TRY(st_put_value(out, "payload", event->payload));
    ST_TRY(st_put_stamp(out, event->version, event->timestamp_us));
    return st_put_bytes(out, "hash", st_slice(event->hash, ST_SHA256_BYTES));
}

strata_status st_op_event_read(st_call *call) {
    const st_when when = st_call_when(call, ARG_event_read_as_of, ARG_event_read_as_of_time);
    st_run *run;
    st_event event;
    ST_TRY(st_call_run(call, ARG_event_read_run, &run));
    ST_TRY(st_event_read(call->rq, run, st_call_uint(call, ARG_event_read_sequence, 0), &when,
                         &event));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    ST_TRY(st_put_name(call->out, "event"));
    return put_event(call->out, &event);
}

strata_status st_op_event_range(st_call *call) {
    const bool by_type = call->given[ARG_event_range_type];
    const strata_slice type = st_call_text(call, ARG_event_range_type);
    const st_event_range range = {
        .start = st_call_uint(call, ARG_event_range_start, 1),
        .end = st_call_uint(call, ARG_event_range_end, UINT64_MAX),
        .from_us = st_call_int(call, ARG_event_range_start_time, INT64_MIN),
        .until_us = st_call_int(call, ARG_event_range_end_time, INT64_MAX),
        .reverse = st_call_bool(call, ARG_event_range_reverse, false),
        .when = st_call_when(call, ARG_event_range_as_of, ARG_event_range_as_of_time)};
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint64_t next = 0;
    uint32_t count = 0;
    ST_TRY(st_call_run(call, ARG_event_range_run, &run));
    ST_TRY(st_call_limit(call, ARG_event_range_limit, &limit));
    ST_TRY(st_event_range_scan(call->rq, run, &range, &scan));
    ST_TRY(st_list_open(call, "events", &list));
    while (scan->here) {
        st_event event;
        ST_TRY(st_event_at(call->rq, scan, &event));
        if (count == limit) {
            next = event.sequence + (range.reverse ? 1 : 0);
            break;
        }
        if (!by_type || st_slice_equal(event.type, type)) {
            ST_TRY(put_event(call->out, &event));
            count++;
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close_at(call, &list, count, "next", next);
}

/* ---- Counting -------------------------------------------------------------------------------- */

strata_status st_op_event_count(st_call *call) {
    const st_when when = st_call_when(call, ARG_event_count_as_of, ARG_event_count_as_of_time);
    const strata_slice wanted = st_call_text(call, ARG_event_count_type);
    st_run *run;
    uint8_t hash[ST_SHA256_BYTES];
    uint64_t count = 0;
    ST_TRY(st_call_run(call, ARG_event_count_run, &run));
    if (call->given[ARG_event_count_type]) {
        st_event_type *types;
        size_t type_count;
        ST_TRY(st_event_types(call->rq, run, &when, &types, &type_count));
        for (size_t i = 0; i < type_count; i++) {
            count = st_slice_equal(types[i].type, wanted) ? types[i].count : count;
        }
    } else { /* sequences have no gaps */
        ST_TRY(st_event_head(call->rq, run, &when, &count, hash));
    }
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "count", count);
}

static strata_status put_type(strata_buffer *out, const st_event_type *type) {
    ST_TRY(st_msgpack_put_object(out, 6));
    ST_TRY(st_put_text(out, "type", type->type));
    ST_TRY(st_put_uint(out, "count", type->count));
    ST_TRY(st_put_uint(out, "first", type->first));
    ST_TRY(st_put_uint(out, "last", type->last));
    ST_TRY(st_put_int(out, "first_time", type->first_us));
    return st_put_int(out, "last_time", type->last_us);
}

strata_status st_op_event_types(st_call *call) {
    const st_when when = st_call_when(call, ARG_event_types_as_of, ARG_event_types_as_of_time);
    const strata_slice after = st_call_text(call, ARG_event_types_cursor);
    st_run *run;
    st_list list;
    st_event_type *types;
    size_t type_count;
    uint64_t limit;
    uint32_t count = 0;
    size_t i = 0;
    ST_TRY(st_call_run(call, ARG_event_types_run, &run));
    ST_TRY(st_call_limit(call, ARG_event_types_limit, &limit));
    ST_TRY(st_event_types(call->rq, run, &when, &types, &type_count));
    ST_TRY(st_list_open(call, "types", &list));
    while (i < type_count && st_slice_compare(types[i].type, after) <= 0) {
        i++;
    }
    for (; i < type_count && count < limit; i++, count++) {
        ST_TRY(put_type(call->out, &types[i]));
    }
    return st_list_close(call, &list, count, i < type_count ? types[i - 1].type : st_slice("", 0));
}

/* ---- Following ------------------------------------------------------------------------------- */

static strata_status put_tailed(void *ctx, const st_event *event, bool *more) {
    *more = true; /* up to the limit */
    return put_event(ctx, event);
}

strata_status st_op_event_tail(st_call *call) {
    st_tail tail = {.from_now = !call->given[ARG_event_tail_after],
                    .after = st_call_uint(call, ARG_event_tail_after, 0),
                    .by_type = call->given[ARG_event_tail_type],
                    .type = st_call_text(call, ARG_event_tail_type),
                    .wait_ms = st_call_uint(call, ARG_event_tail_wait_ms, 0),
                    .visit = put_tailed,
                    .ctx = call->out};
    st_run *run;
    st_list list;
    ST_TRY(st_call_run(call, ARG_event_tail_run, &run));
    ST_TRY(st_call_limit(call, ARG_event_tail_limit, &tail.limit));
    ST_TRY(st_list_open(call, "events", &list));
    ST_TRY(st_tail_events(call->db, run, &tail));
    st_msgpack_patch(call->out, list.array, (uint32_t)tail.count);
    st_msgpack_patch(call->out, list.object, 3);
    ST_TRY(st_put_uint(call->out, "after", tail.after));
    return st_put_bool(call->out, "ended", tail.ended);
}

/* ---- The chain ------------------------------------------------------------------------------- */

strata_status st_op_event_head(st_call *call) {
    const st_when when = st_call_when(call, ARG_event_head_as_of, ARG_event_head_as_of_time);
    st_run *run;
    uint64_t sequence;
    uint8_t hash[ST_SHA256_BYTES];
    ST_TRY(st_call_run(call, ARG_event_head_run, &run));
    ST_TRY(st_event_head(call->rq, run, &when, &sequence, hash));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_uint(call->out, "sequence", sequence));
    return st_put_bytes(call->out, "hash", st_slice(hash, sizeof hash));
}

strata_status st_op_event_verify(st_call *call) {
    st_run *run;
    uint64_t length;
    uint64_t first_invalid;
    ST_TRY(st_call_run(call, ARG_event_verify_run, &run));
    ST_TRY(st_event_verify(call->rq, run, &length, &first_invalid));
    ST_TRY(st_msgpack_put_object(call->out, first_invalid == 0 ? 2 : 3));
    ST_TRY(st_put_bool(call->out, "valid", first_invalid == 0));
    ST_TRY(st_put_uint(call->out, "length", length));
    return first_invalid == 0 ? STRATA_OK : st_put_uint(call->out, "first_invalid", first_invalid);
}
