/* ops_trace.c - the trace operations of ops.def. */
#include "api/ops.h"
#include "model/trace.h"

strata_status st_op_trace_record(st_call *call) {
    st_trace trace = {.id = st_call_text(call, ARG_trace_record_id),
                      .type = st_call_text(call, ARG_trace_record_type),
                      .parent = st_call_text(call, ARG_trace_record_parent)};
    st_run *run;
    st_stamp stamp;
    strata_slice id;
    ST_TRY(st_call_run(call, ARG_trace_record_run, &run));
    /* An empty id or parent is none in the model, but here it was given. */
    if (call->given[ARG_trace_record_id]) {
        ST_TRY(st_key_check(trace.id, call->rq->error));
    }
    if (call->given[ARG_trace_record_parent]) {
        ST_TRY(st_key_check(trace.parent, call->rq->error));
    }
    ST_TRY(st_call_object(call, ARG_trace_record_content, &trace.content));
    ST_TRY(st_call_strings(call, ARG_trace_record_tags, &trace.tags));
    ST_TRY(st_call_object(call, ARG_trace_record_metadata, &trace.metadata));
    ST_TRY(st_trace_record(call->rq, run, &trace, &id, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_text(call->out, "id", id));
    return st_put_uint(call->out, "version", stamp.version);
}

/* depth: in a tree, else below 0. */
static strata_status put_trace(strata_buffer *out, const st_trace *trace, const st_stamp *stamp,
                               int64_t depth) {
    static const uint8_t no_tags = 0x90;
    static const uint8_t no_metadata = 0x80;
    ST_TRY(st_msgpack_put_object(out,
                                 7u + (trace->parent.len > 0 ? 1u : 0u) + (depth >= 0 ? 1u : 0u)));
    ST_TRY(st_put_text(out, "id", trace->id));
    ST_TRY(st_put_text(out, "type", trace->type));
    ST_TRY(st_put_value(out, "content", trace->content));
    if (trace->parent.len > 0) {
        ST_TRY(st_put_text(out, "parent", trace->parent));
    }
    ST_TRY(st_put_value(out, "tags", trace->tags.len > 0 ? trace->tags : st_slice(&no_tags, 1)));
    ST_TRY(st_put_value(out, "metadata",
                        trace->metadata.len > 0 ? trace->metadata : st_slice(&no_metadata, 1)));
    if (depth >= 0) {
        ST_TRY(st_put_int(out, "depth", depth));
    }
    return st_put_stamp(out, stamp->version, stamp->timestamp_us);
}

strata_status st_op_trace_get(st_call *call) {
    const st_when when = st_call_when(call, ARG_trace_get_as_of, ARG_trace_get_as_of_time);
    st_run *run;
    st_trace trace;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_trace_get_run, &run));
    ST_TRY(
        st_trace_get(call->rq, run, st_call_text(call, ARG_trace_get_id), &when, &trace, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    ST_TRY(st_put_name(call->out, "trace"));
    return put_trace(call->out, &trace, &stamp, -1);
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Those that fit, a page of them. */
static strata_status put_traces(st_call *call, st_trace_walk *walk, const st_trace_filter *filter,
                                uint64_t limit) {
    st_list list;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_list_open(call, "traces", &list));
    while (walk->scan->here && count < limit) {
        st_trace trace;
        st_stamp stamp;
        ST_TRY(st_trace_at(call->rq, walk, &trace, &stamp));
        if (st_trace_fits(filter, &trace, &stamp)) {
            ST_TRY(put_trace(call->out, &trace, &stamp, -1));
            count++;
        }
        if (count == limit) {
            ST_TRY(st_call_keep(call, trace.id, &last));
        }
        ST_TRY(st_scan_next(walk->scan));
    }
    return st_list_close(call, &list, count, walk->scan->here ? last : st_slice(NULL, 0));
}

static strata_status list_traces(st_call *call, int run_arg, int limit_arg,
                                 const st_trace_page *page, const st_trace_filter *filter) {
    st_run *run;
    st_trace_walk walk;
    uint64_t limit;
    ST_TRY(st_call_run(call, run_arg, &run));
    ST_TRY(st_call_limit(call, limit_arg, &limit));
    ST_TRY(st_trace_begin(call->rq, run, page, &walk));
    const strata_status status = put_traces(call, &walk, filter, limit);
    st_trace_end(call->rq, &walk);
    return status;
}

static const st_trace_filter everything = {{NULL, 0}, {NULL, 0}, INT64_MIN, INT64_MAX};

strata_status st_op_trace_list(st_call *call) {
    const st_trace_page page = {
        .after = st_call_text(call, ARG_trace_list_cursor),
        .reverse = st_call_bool(call, ARG_trace_list_reverse, false),
        .when = st_call_when(call, ARG_trace_list_as_of, ARG_trace_list_as_of_time)};
    return list_traces(call, ARG_trace_list_run, ARG_trace_list_limit, &page, &everything);
}

strata_status st_op_trace_children(st_call *call) {
    const st_trace_page page = {
        .parent = st_call_text(call, ARG_trace_children_id),
        .after = st_call_text(call, ARG_trace_children_cursor),
        .reverse = st_call_bool(call, ARG_trace_children_reverse, false),
        .when = st_call_when(call, ARG_trace_children_as_of, ARG_trace_children_as_of_time)};
    ST_TRY(st_key_check(page.parent, call->rq->error));
    return list_traces(call, ARG_trace_children_run, ARG_trace_children_limit, &page, &everything);
}

strata_status st_op_trace_query(st_call *call) {
    const st_trace_page page = {
        .parent = st_call_text(call, ARG_trace_query_parent),
        .after = st_call_text(call, ARG_trace_query_cursor),
        .reverse = st_call_bool(call, ARG_trace_query_reverse, false),
        .when = st_call_when(call, ARG_trace_query_as_of, ARG_trace_query_as_of_time)};
    const st_trace_filter filter = {st_call_text(call, ARG_trace_query_type),
                                    st_call_text(call, ARG_trace_query_tag),
                                    st_call_int(call, ARG_trace_query_after, INT64_MIN),
                                    st_call_int(call, ARG_trace_query_before, INT64_MAX)};
    if (call->given[ARG_trace_query_parent]) {
        ST_TRY(st_key_check(page.parent, call->rq->error));
    }
    return list_traces(call, ARG_trace_query_run, ARG_trace_query_limit, &page, &filter);
}

static strata_status count_traces(st_call *call, st_trace_walk *walk, const st_trace_filter *filter,
                                  uint64_t *count) {
    *count = 0;
    while (walk->scan->here) {
        st_trace trace;
        st_stamp stamp;
        ST_TRY(st_trace_at(call->rq, walk, &trace, &stamp));
        *count += st_trace_fits(filter, &trace, &stamp);
        ST_TRY(st_scan_next(walk->scan));
    }
    return STRATA_OK;
}

strata_status st_op_trace_count(st_call *call) {
    const st_trace_page page = {
        .when = st_call_when(call, ARG_trace_count_as_of, ARG_trace_count_as_of_time)};
    st_trace_filter filter = everything;
    st_run *run;
    st_trace_walk walk;
    uint64_t count;
    filter.type = st_call_text(call, ARG_trace_count_type);
    filter.tag = st_call_text(call, ARG_trace_count_tag);
    ST_TRY(st_call_run(call, ARG_trace_count_run, &run));
    ST_TRY(st_trace_begin(call->rq, run, &page, &walk));
    const strata_status status = count_traces(call, &walk, &filter, &count);
    st_trace_end(call->rq, &walk);
    ST_TRY(status);
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "count", count);
}

/* ---- Trees ----------------------------------------------------------------------------------- */

typedef struct tree_out {
    strata_buffer *out;
    uint32_t count;
} tree_out;

static strata_status put_node(void *arg, const st_trace *trace, const st_stamp *stamp,
                              uint64_t depth) {
    tree_out *tree = arg;
    tree->count++;
    return put_trace(tree->out, trace, stamp, (int64_t)depth);
}

strata_status st_op_trace_tree(st_call *call) {
    tree_out out = {call->out, 0};
    st_trace_tree tree = {.root = st_call_text(call, ARG_trace_tree_id),
                          .depth = st_call_uint(call, ARG_trace_tree_depth, UINT64_MAX),
                          .when =
                              st_call_when(call, ARG_trace_tree_as_of, ARG_trace_tree_as_of_time),
                          .arg = &out,
                          .visit = put_node};
    st_run *run;
    st_list list;
    bool truncated;
    ST_TRY(st_call_run(call, ARG_trace_tree_run, &run));
    ST_TRY(st_call_limit(call, ARG_trace_tree_limit, &tree.limit));
    ST_TRY(st_list_open(call, "traces", &list));
    ST_TRY(st_trace_visit(call->rq, run, &tree, &truncated));
    ST_TRY(st_list_close(call, &list, out.count, st_slice(NULL, 0)));
    st_msgpack_patch(call->out, list.object, 2);
    return st_put_bool(call->out, "truncated", truncated);
}
