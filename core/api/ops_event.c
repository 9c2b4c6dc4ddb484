/* ops_event.c - the event operations of ops.def. */
#include "api/ops.h"
#include "model/event.h"

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
    const uint64_t end = st_call_uint(call, ARG_event_range_end, UINT64_MAX);
    const bool by_type = call->given[ARG_event_range_type];
    const strata_slice type = st_call_text(call, ARG_event_range_type);
    const st_when when = st_call_when(call, ARG_event_range_as_of, ARG_event_range_as_of_time);
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint64_t next = 0;
    uint32_t count = 0;
    ST_TRY(st_call_run(call, ARG_event_range_run, &run));
    ST_TRY(st_call_limit(call, ARG_event_range_limit, &limit));
    ST_TRY(
        st_event_scan(call->rq, run, st_call_uint(call, ARG_event_range_start, 1), &when, &scan));
    ST_TRY(st_list_open(call, "events", &list));
    while (scan->here) {
        st_event event;
        ST_TRY(st_event_at(call->rq, scan, &event));
        if (event.sequence >= end) {
            break;
        }
        if (count == limit) {
            next = event.sequence;
            break;
        }
        if (!by_type || st_slice_equal(event.type, type)) {
            ST_TRY(put_event(call->out, &event));
            count++;
        }
        ST_TRY(st_scan_next(scan));
    }
    ST_TRY(st_list_close(call, &list, count, st_slice(NULL, 0)));
    if (next == 0) {
        return STRATA_OK;
    }
    st_msgpack_patch(call->out, list.object, 2);
    return st_put_uint(call->out, "next", next);
}

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
