/* ops_schema.c - the operations of ops.def on schemas. */
#include "api/ops.h"

static strata_status fail_malformed(st_call *call, strata_slice name) {
    st_fail(call->rq->error, STRATA_CORRUPT, "the schema \"%S\" is malformed", &name);
    return st_fail_text(call->rq->error, "file", strata_text("schema"));
}

/* The members of the record, after `name`. */
static strata_status put_record(st_call *call, const st_schema *schema) {
    st_node record;
    st_node_iter it;
    if (!st_node_read(schema->record, &record)) {
        return STRATA_CORRUPT;
    }
    ST_TRY(st_msgpack_put_object(call->out, record.as.count + 3));
    ST_TRY(st_put_text(call->out, "name", schema->name));
    st_node_iter_start(&it, &record);
    while (st_node_iter_next(&it)) {
        ST_TRY(st_msgpack_put_string(call->out, it.name));
        ST_TRY(st_document_to_msgpack(it.node.raw, call->out));
    }
    return it.malformed
               ? STRATA_CORRUPT
               : st_put_stamp(call->out, schema->stamp.version, schema->stamp.timestamp_us);
}

static strata_status put_schema(st_call *call, const st_schema *schema) {
    const strata_status status = put_record(call, schema);
    return status == STRATA_CORRUPT     ? fail_malformed(call, schema->name)
           : status == STRATA_NO_MEMORY ? st_fail_memory(call->rq->error)
                                        : status;
}

strata_status st_op_schema_put(st_call *call) {
    st_schema_spec spec = {.name = st_call_text(call, ARG_schema_put_name),
                           .schema = call->args[ARG_schema_put_schema],
                           .key_field = st_call_text(call, ARG_schema_put_key_field)};
    st_run *run;
    st_stamp stamp;
    bool created;
    ST_TRY(st_call_run(call, ARG_schema_put_run, &run));
    ST_TRY(st_call_object(call, ARG_schema_put_indexed, &spec.indexed));
    ST_TRY(st_call_object(call, ARG_schema_put_embedding, &spec.embedding));
    ST_TRY(st_call_object(call, ARG_schema_put_encrypted, &spec.encrypted));
    ST_TRY(st_schema_put(call->rq, run, &spec, &created, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_bool(call->out, "created", created));
    return st_put_uint(call->out, "version", stamp.version);
}

strata_status st_op_schema_get(st_call *call) {
    const st_when when = st_call_when(call, ARG_schema_get_as_of, ARG_schema_get_as_of_time);
    st_run *run;
    st_schema schema;
    ST_TRY(st_call_run(call, ARG_schema_get_run, &run));
    ST_TRY(st_schema_get(call->rq, run, st_call_text(call, ARG_schema_get_name), &when, &schema));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    ST_TRY(st_put_name(call->out, "schema"));
    return put_schema(call, &schema);
}

static strata_status schema_at(st_call *call, st_scan *scan, st_schema *schema) {
    strata_slice stored;
    ST_TRY(st_scan_value(scan, &stored));
    ST_TRY(st_schema_read(call->rq, scan->key, stored, schema));
    schema->stamp = (st_stamp){scan->revision.number, scan->revision.timestamp_us};
    return STRATA_OK;
}

strata_status st_op_schema_list(st_call *call) {
    const st_page page = {
        .prefix = st_call_text(call, ARG_schema_list_prefix),
        .after = st_call_text(call, ARG_schema_list_cursor),
        .when = st_call_when(call, ARG_schema_list_as_of, ARG_schema_list_as_of_time)};
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_call_run(call, ARG_schema_list_run, &run));
    ST_TRY(st_call_limit(call, ARG_schema_list_limit, &limit));
    ST_TRY(st_page_scan(call->rq, run, ST_TAG_SCHEMA, &page, &scan));
    ST_TRY(st_list_open(call, "schemas", &list));
    while (scan->here && count < limit) {
        st_schema schema;
        ST_TRY(schema_at(call, scan, &schema));
        ST_TRY(put_schema(call, &schema));
        count++;
        if (count == limit) {
            ST_TRY(st_call_keep(call, schema.name, &last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

strata_status st_op_schema_delete(st_call *call) {
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_schema_delete_run, &run));
    ST_TRY(st_schema_delete(call->rq, run, st_call_text(call, ARG_schema_delete_name), &existed,
                            &stamp));
    return st_put_existed(call, existed, &stamp);
}

static strata_status put_revision(st_call *call, st_scan *scan) {
    const st_revision *revision = &scan->revision;
    st_schema schema;
    ST_TRY(st_msgpack_put_object(call->out, revision->deleted ? 3 : 4));
    ST_TRY(st_put_stamp(call->out, revision->number, revision->timestamp_us));
    ST_TRY(st_put_bool(call->out, "deleted", revision->deleted));
    if (revision->deleted) {
        return STRATA_OK;
    }
    ST_TRY(schema_at(call, scan, &schema));
    ST_TRY(st_put_name(call->out, "schema"));
    return put_schema(call, &schema);
}

strata_status st_op_schema_history(st_call *call) {
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    ST_TRY(st_call_run(call, ARG_schema_history_run, &run));
    ST_TRY(st_call_limit(call, ARG_schema_history_limit, &limit));
    ST_TRY(st_schema_history(call->rq, run, st_call_text(call, ARG_schema_history_name),
                             st_call_uint(call, ARG_schema_history_before, UINT64_MAX), &scan));
    ST_TRY(st_list_open(call, "revisions", &list));
    while (scan->here && count < limit) {
        ST_TRY(put_revision(call, scan));
        count++;
        ST_TRY(st_versions_next(scan));
    }
    return st_list_close(call, &list, count, st_slice(NULL, 0));
}

/* ---- What does not fit ----------------------------------------------------------------------- */

typedef struct checking {
    st_call *call;
    const st_schema_rules *rules;
    st_arena scratch; /* of one entity at a time */
    uint64_t limit;
    uint64_t checked;
    uint32_t count;
    strata_slice last; /* that was looked at */
} checking;

static strata_status check_one(checking *c, const st_entity *entity) {
    const st_request *rq = c->call->rq;
    const st_schema_context context = {rq->model->host, &c->scratch, rq->error};
    strata_buffer *out = c->call->out;
    st_violation violation;
    st_arena_reset(&c->scratch);
    ST_TRY(st_schema_check(&context, c->rules, entity->document, &violation));
    c->checked++;
    if (violation.keyword == NULL) {
        return STRATA_OK;
    }
    c->count++;
    ST_TRY(st_msgpack_put_object(out, 3));
    ST_TRY(st_put_text(out, "id", entity->ref.id));
    ST_TRY(st_put_text(out, "path", violation.path));
    return st_put_text(out, "keyword", strata_text(violation.keyword));
}

static strata_status check_page(checking *c, st_scan *scan) {
    while (scan->here && c->count < c->limit) {
        st_entity entity;
        ST_TRY(st_entity_at(c->call->rq, scan, &entity));
        if (!entity.deleted) {
            ST_TRY(check_one(c, &entity));
        }
        if (c->count == c->limit) {
            ST_TRY(st_call_keep(c->call, entity.ref.id, &c->last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

strata_status st_op_schema_check(st_call *call) {
    const st_entity_page page = {.schema = st_call_text(call, ARG_schema_check_name),
                                 .after = st_call_text(call, ARG_schema_check_cursor),
                                 .when = st_now()};
    checking c = {.call = call};
    st_schema_rules rules;
    st_schema schema;
    st_list list;
    st_run *run;
    st_scan *scan;
    ST_TRY(st_call_run(call, ARG_schema_check_run, &run));
    ST_TRY(st_call_limit(call, ARG_schema_check_limit, &c.limit));
    ST_TRY(st_schema_get(call->rq, run, page.schema, &page.when, &schema));
    ST_TRY(st_schema_rules_of(call->rq, &schema, &rules));
    ST_TRY(st_entity_scan(call->rq, run, &page, &scan));
    ST_TRY(st_list_open(call, "mismatches", &list));
    c.rules = &rules;
    st_arena_init(&c.scratch, &call->rq->model->host->memory, 0);
    const strata_status status = check_page(&c, scan);
    st_arena_free(&c.scratch);
    ST_TRY(status);
    ST_TRY(st_list_close(call, &list, c.count, scan->here ? c.last : st_slice(NULL, 0)));
    st_msgpack_patch(call->out, list.object, scan->here ? 3 : 2);
    return st_put_uint(call->out, "checked", c.checked);
}
