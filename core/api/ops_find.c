/* ops_find.c - the operations of ops.def that ask filters, and those on secondary indexes. */
#include "api/ops.h"
#include "model/as_document.h"
#include "model/field_index_build.h"
#include "recall/find.h"

/* ---- Finding --------------------------------------------------------------------------------- */

/* Where the arguments of a question are. */
typedef struct find_args {
    int run, where, order_by, reverse, prefix, explain, limit, cursor, as_of, as_of_time;
} find_args;

#define FIND_ARGS(id)                                                                              \
    {ARG_##id##_run,    ARG_##id##_where,     ARG_##id##_order_by, ARG_##id##_reverse,             \
     ARG_##id##_prefix, ARG_##id##_explain,   ARG_##id##_limit,    ARG_##id##_cursor,              \
     ARG_##id##_as_of,  ARG_##id##_as_of_time}

strata_status st_call_where(st_call *call, int arg, strata_slice *where) {
    const st_document_limits limits = {ST_DOCUMENT_BYTES_MAX, ST_DOCUMENT_FRAMES_MAX,
                                       ST_ENTRIES_MAX};
    strata_buffer made = {NULL, 0, 0, call->rq->model->host};
    strata_slice encoded;
    *where = st_slice("", 0);
    if (!call->given[arg]) {
        return STRATA_OK;
    }
    ST_TRY(st_call_object(call, arg, &encoded));
    strata_status status = st_document_from_msgpack(encoded, &limits, &made, call->rq->error);
    if (status == STRATA_OK) {
        *where = st_arena_copy(call->rq->arena, st_buffer_slice(&made));
        status = where->data == NULL ? st_fail_memory(call->rq->error) : STRATA_OK;
    }
    strata_buffer_free(&made);
    return status;
}

static strata_status ask(st_call *call, const find_args *args, st_find_request *request,
                         st_run **run, st_find_result *result) {
    ST_TRY(st_call_run(call, args->run, run));
    ST_TRY(st_call_limit(call, args->limit, &request->limit));
    ST_TRY(st_call_where(call, args->where, &request->where));
    request->order_by = st_call_text(call, args->order_by);
    request->reverse = st_call_bool(call, args->reverse, false);
    request->prefix = st_call_text(call, args->prefix);
    request->cursor = st_call_text(call, args->cursor);
    request->when = st_call_when(call, args->as_of, args->as_of_time);
    return st_find(call->rq, *run, request, result);
}

static strata_status put_plan(strata_buffer *out, const st_find_result *result) {
    const bool indexed = result->index.len > 0;
    ST_TRY(st_put_name(out, "plan"));
    ST_TRY(st_msgpack_put_object(out, indexed ? 3 : 2));
    ST_TRY(st_put_text(out, "kind", strata_text(st_plan_kind_name(result->plan))));
    if (indexed) {
        ST_TRY(st_put_text(out, "index", result->index));
    }
    return st_put_uint(out, "examined", result->examined);
}

static strata_status close_list(st_call *call, const find_args *args, const st_list *list,
                                const st_find_result *result) {
    ST_TRY(st_list_close(call, list, (uint32_t)result->count, result->cursor));
    if (!st_call_bool(call, args->explain, false)) {
        return STRATA_OK;
    }
    st_msgpack_patch(call->out, list->object, result->cursor.len > 0 ? 3 : 2);
    return put_plan(call->out, result);
}

strata_status st_op_json_find(st_call *call) {
    static const find_args args = FIND_ARGS(json_find);
    st_find_request request = {.primitive = ST_PRIMITIVE_JSON};
    const bool whole = st_call_bool(call, ARG_json_find_documents, false);
    st_find_result found;
    st_list list;
    st_run *run;
    ST_TRY(ask(call, &args, &request, &run, &found));
    ST_TRY(st_list_open(call, "documents", &list));
    for (size_t i = 0; i < found.count; i++) {
        const strata_slice key = st_key_text_of(found.owners[i]);
        st_json json;
        bool there;
        ST_TRY(st_json_find(call->rq, run, key, &found.bound, &json, &there));
        ST_TRY(st_put_document(call, key, &json, whole));
    }
    return close_list(call, &args, &list, &found);
}

strata_status st_op_memory_find(st_call *call) {
    static const find_args args = FIND_ARGS(memory_find);
    st_find_request request = {.primitive = ST_PRIMITIVE_MEMORY};
    st_find_result found;
    st_list list;
    st_run *run;
    ST_TRY(ask(call, &args, &request, &run, &found));
    ST_TRY(st_list_open(call, "memories", &list));
    for (size_t i = 0; i < found.count; i++) {
        st_memory memory;
        st_stamp stamp;
        bool there;
        ST_TRY(st_memory_find(call->rq, run, st_key_text_of(found.owners[i]), &found.bound, &memory,
                              &stamp, &there));
        ST_TRY(st_put_memory(call->out, &memory, &stamp));
    }
    return close_list(call, &args, &list, &found);
}

strata_status st_op_entity_find(st_call *call) {
    static const find_args args = FIND_ARGS(entity_find);
    const strata_slice schema = st_call_text(call, ARG_entity_find_schema);
    const st_when when = st_call_when(call, args.as_of, args.as_of_time);
    st_find_request request = {.primitive = ST_PRIMITIVE_ENTITY, .schema = schema};
    st_find_result found;
    st_schema known;
    st_list list;
    st_run *run;
    ST_TRY(st_call_run(call, args.run, &run));
    ST_TRY(st_call_limit(call, args.limit, &request.limit));
    ST_TRY(st_schema_get(call->rq, run, schema, &when, &known));
    ST_TRY(ask(call, &args, &request, &run, &found));
    ST_TRY(st_list_open(call, "entities", &list));
    for (size_t i = 0; i < found.count; i++) {
        st_entity entity;
        bool there;
        ST_TRY(st_entity_find(call->rq, run, found.owners[i], &found.bound, &entity, &there));
        ST_TRY(st_put_entity(call, &entity));
    }
    return close_list(call, &args, &list, &found);
}

/* ---- Indexes --------------------------------------------------------------------------------- */

strata_status st_op_index_create(st_call *call) {
    const strata_slice primitive = call->given[ARG_index_create_primitive]
                                       ? st_call_text(call, ARG_index_create_primitive)
                                       : strata_text("json");
    const st_index_def def = {.name = st_call_text(call, ARG_index_create_name),
                              .primitive = st_primitive_named(primitive),
                              .schema = st_call_text(call, ARG_index_create_schema),
                              .path_text = st_call_text(call, ARG_index_create_path)};
    uint64_t entries = 0;
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_call_run(call, ARG_index_create_run, &run));
    ST_TRY(st_index_create(call->rq, run, &def, &entries, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_uint(call->out, "version", stamp.version));
    return st_put_uint(call->out, "entries", entries);
}

strata_status st_op_index_drop(st_call *call) {
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_index_drop_run, &run));
    ST_TRY(st_index_drop(call->rq, run, st_call_text(call, ARG_index_drop_name), &existed, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, existed ? 2 : 1));
    ST_TRY(st_put_bool(call->out, "existed", existed));
    return existed ? st_put_uint(call->out, "version", stamp.version) : STRATA_OK;
}

static strata_status put_index(strata_buffer *out, const st_index_def *def) {
    const bool of_schema = def->schema.len > 0;
    ST_TRY(st_msgpack_put_object(out, of_schema ? 7 : 6));
    ST_TRY(st_put_text(out, "name", def->name));
    ST_TRY(st_put_text(out, "primitive", strata_text(def->primitive->name)));
    if (of_schema) {
        ST_TRY(st_put_text(out, "schema", def->schema));
    }
    ST_TRY(st_put_text(out, "path", def->path_text));
    ST_TRY(st_put_bool(out, "ready", def->ready));
    return st_put_stamp(out, def->stamp.version, def->stamp.timestamp_us);
}

strata_status st_op_index_list(st_call *call) {
    const st_when when = st_call_when(call, ARG_index_list_as_of, ARG_index_list_as_of_time);
    st_index_def *defs;
    size_t count = 0;
    st_bound bound;
    st_list list;
    st_run *run;
    ST_TRY(st_call_run(call, ARG_index_list_run, &run));
    ST_TRY(st_bound_at(call->rq, run, &when, &bound));
    ST_TRY(st_indexes_read(call->rq, run, &bound, &defs, &count));
    ST_TRY(st_list_open(call, "indexes", &list));
    for (size_t i = 0; i < count; i++) {
        ST_TRY(put_index(call->out, &defs[i]));
    }
    return st_list_close(call, &list, (uint32_t)count, st_slice(NULL, 0));
}
