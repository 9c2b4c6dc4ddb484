/* ops_entity.c - the operations of ops.def on entities; entity.find is in ops_find.c. */
#include "api/ops.h"

/* ---- Responses ------------------------------------------------------------------------------- */

static strata_status put_document(st_call *call, const st_entity *entity) {
    ST_TRY(st_put_name(call->out, "document"));
    const strata_status status = st_document_to_msgpack(entity->document, call->out);
    if (status != STRATA_CORRUPT) {
        return status == STRATA_OK ? status : st_fail_memory(call->rq->error);
    }
    st_fail(call->rq->error, STRATA_CORRUPT, "the entity \"%S\" of \"%S\" is malformed",
            &entity->ref.id, &entity->ref.schema);
    return st_fail_text(call->rq->error, "file", strata_text("entity"));
}

strata_status st_put_entity(st_call *call, const st_entity *entity) {
    ST_TRY(st_msgpack_put_object(call->out, entity->uri.len > 0 ? 7 : 6));
    ST_TRY(st_put_text(call->out, "schema", entity->ref.schema));
    ST_TRY(st_put_text(call->out, "id", entity->ref.id));
    if (entity->uri.len > 0) {
        ST_TRY(st_put_text(call->out, "uri", entity->uri));
    }
    ST_TRY(put_document(call, entity));
    ST_TRY(st_put_bool(call->out, "deleted", entity->deleted));
    return st_put_stamp(call->out, entity->stamp.version, entity->stamp.timestamp_us);
}

/* Schema and id follow each other in all operations on one entity. */
static st_entity_ref take_ref(const st_call *call, int schema_arg) {
    const st_entity_ref ref = {st_call_text(call, schema_arg), st_call_text(call, schema_arg + 1)};
    return ref;
}

/* ---- Writing --------------------------------------------------------------------------------- */

strata_status st_op_entity_upsert(st_call *call) {
    const st_entity_input input = {.ref = {st_call_text(call, ARG_entity_upsert_schema),
                                           st_call_text(call, ARG_entity_upsert_id)},
                                   .uri = st_call_text(call, ARG_entity_upsert_uri),
                                   .document = call->args[ARG_entity_upsert_document]};
    st_run *run;
    st_entity_made made;
    ST_TRY(st_call_run(call, ARG_entity_upsert_run, &run));
    if (call->given[ARG_entity_upsert_id]) { /* an empty one is none in the model, but here it was
                                                given */
        ST_TRY(st_key_check(input.ref.id, call->rq->error));
    }
    ST_TRY(st_entity_upsert(call->rq, run, &input, &made));
    ST_TRY(st_msgpack_put_object(call->out, 3));
    ST_TRY(st_put_text(call->out, "id", made.id));
    ST_TRY(st_put_bool(call->out, "created", made.created));
    return st_put_uint(call->out, "version", made.stamp.version);
}

strata_status st_op_entity_id(st_call *call) {
    const st_entity_input input = {.ref = {.schema = st_call_text(call, ARG_entity_id_schema)},
                                   .uri = st_call_text(call, ARG_entity_id_uri),
                                   .document = call->args[ARG_entity_id_document]};
    strata_slice id;
    st_run *run;
    ST_TRY(st_call_run(call, ARG_entity_id_run, &run));
    ST_TRY(st_entity_id(call->rq, run, &input, &id));
    ST_TRY(st_msgpack_put_object(call->out, id.len > 0 ? 1 : 0));
    return id.len > 0 ? st_put_text(call->out, "id", id) : STRATA_OK;
}

strata_status st_op_entity_merge(st_call *call) {
    const st_entity_ref ref = take_ref(call, ARG_entity_merge_schema);
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_entity_merge_run, &run));
    ST_TRY(st_entity_merge(call->rq, run, &ref, &call->args[ARG_entity_merge_patch], &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_entity_delete(st_call *call) {
    const st_entity_ref ref = take_ref(call, ARG_entity_delete_schema);
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_entity_delete_run, &run));
    ST_TRY(st_entity_delete(call->rq, run, &ref, &existed, &stamp));
    return st_put_existed(call, existed, &stamp);
}

strata_status st_op_entity_restore(st_call *call) {
    const st_entity_ref ref = take_ref(call, ARG_entity_restore_schema);
    st_run *run;
    st_stamp stamp;
    bool restored;
    ST_TRY(st_call_run(call, ARG_entity_restore_run, &run));
    ST_TRY(st_entity_restore(call->rq, run, &ref, &restored, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, restored ? 2 : 1));
    ST_TRY(st_put_bool(call->out, "restored", restored));
    return restored ? st_put_uint(call->out, "version", stamp.version) : STRATA_OK;
}

strata_status st_op_entity_purge(st_call *call) {
    const st_entity_ref ref = take_ref(call, ARG_entity_purge_schema);
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_entity_purge_run, &run));
    ST_TRY(st_entity_purge(call->rq, run, &ref, st_call_bool(call, ARG_entity_purge_force, false),
                           &existed, &stamp));
    return st_put_existed(call, existed, &stamp);
}

strata_status st_op_entity_vacuum(st_call *call) {
    const st_vacuum spec = {.schema = st_call_text(call, ARG_entity_vacuum_schema),
                            .older_than_ms = st_call_uint(call, ARG_entity_vacuum_older_than_ms, 0),
                            .dry = st_call_bool(call, ARG_entity_vacuum_dry_run, false)};
    uint64_t candidates = 0;
    uint64_t purged = 0;
    st_run *run;
    ST_TRY(st_call_run(call, ARG_entity_vacuum_run, &run));
    if (call->given[ARG_entity_vacuum_schema]) {
        ST_TRY(st_schema_name_check(spec.schema, call->rq->error));
    }
    ST_TRY(st_entity_vacuum(call->rq, run, &spec, &candidates, &purged));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_uint(call->out, "candidates", candidates));
    return st_put_uint(call->out, "purged", purged);
}

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_op_entity_get(st_call *call) {
    const st_when when = st_call_when(call, ARG_entity_get_as_of, ARG_entity_get_as_of_time);
    const st_entity_ref ref = take_ref(call, ARG_entity_get_schema);
    st_run *run;
    st_entity entity;
    ST_TRY(st_call_run(call, ARG_entity_get_run, &run));
    ST_TRY(st_entity_get(call->rq, run, &ref, &when,
                         st_call_bool(call, ARG_entity_get_deleted, false), &entity));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    ST_TRY(st_put_name(call->out, "entity"));
    return st_put_entity(call, &entity);
}

strata_status st_op_entity_exists(st_call *call) {
    const st_when when = st_call_when(call, ARG_entity_exists_as_of, ARG_entity_exists_as_of_time);
    const st_entity_ref ref = take_ref(call, ARG_entity_exists_schema);
    st_run *run;
    st_entity entity;
    ST_TRY(st_call_run(call, ARG_entity_exists_run, &run));
    const strata_status status = st_entity_get(call->rq, run, &ref, &when, false, &entity);
    if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
        return status;
    }
    st_error_clear(call->rq->error);
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_bool(call->out, "exists", status == STRATA_OK);
}

strata_status st_op_entity_list(st_call *call) {
    const st_entity_page page = {
        .schema = st_call_text(call, ARG_entity_list_schema),
        .prefix = st_call_text(call, ARG_entity_list_prefix),
        .after = st_call_text(call, ARG_entity_list_cursor),
        .reverse = st_call_bool(call, ARG_entity_list_reverse, false),
        .when = st_call_when(call, ARG_entity_list_as_of, ARG_entity_list_as_of_time)};
    const bool deleted = st_call_bool(call, ARG_entity_list_deleted, false);
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_call_run(call, ARG_entity_list_run, &run));
    ST_TRY(st_call_limit(call, ARG_entity_list_limit, &limit));
    ST_TRY(st_entity_scan(call->rq, run, &page, &scan));
    ST_TRY(st_list_open(call, "entities", &list));
    while (scan->here && count < limit) {
        st_entity entity;
        ST_TRY(st_entity_at(call->rq, scan, &entity));
        if (entity.deleted == deleted) {
            ST_TRY(st_put_entity(call, &entity));
            count++;
        }
        if (count == limit) {
            ST_TRY(st_call_keep(call, entity.ref.id, &last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

strata_status st_op_entity_count(st_call *call) {
    const st_entity_page page = {
        .schema = st_call_text(call, ARG_entity_count_schema),
        .prefix = st_call_text(call, ARG_entity_count_prefix),
        .when = st_call_when(call, ARG_entity_count_as_of, ARG_entity_count_as_of_time)};
    const bool deleted = st_call_bool(call, ARG_entity_count_deleted, false);
    uint64_t count = 0;
    st_run *run;
    st_scan *scan;
    ST_TRY(st_call_run(call, ARG_entity_count_run, &run));
    ST_TRY(st_entity_scan(call->rq, run, &page, &scan));
    while (scan->here) {
        st_entity entity;
        ST_TRY(st_entity_at(call->rq, scan, &entity));
        count += entity.deleted == deleted;
        ST_TRY(st_scan_next(scan));
    }
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "count", count);
}

static strata_status put_revision(st_call *call, st_scan *scan, bool whole) {
    const st_revision *revision = &scan->revision;
    const bool purged = revision->deleted;
    st_entity entity = {.deleted = true};
    if (!purged) {
        ST_TRY(st_entity_at(call->rq, scan, &entity));
    }
    ST_TRY(st_msgpack_put_object(call->out, whole && !purged ? 5 : 4));
    ST_TRY(st_put_stamp(call->out, revision->number, revision->timestamp_us));
    ST_TRY(st_put_bool(call->out, "deleted", entity.deleted));
    ST_TRY(st_put_bool(call->out, "purged", purged));
    return whole && !purged ? put_document(call, &entity) : STRATA_OK;
}

strata_status st_op_entity_history(st_call *call) {
    const bool whole = st_call_bool(call, ARG_entity_history_documents, false);
    const st_entity_ref ref = take_ref(call, ARG_entity_history_schema);
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    ST_TRY(st_call_run(call, ARG_entity_history_run, &run));
    ST_TRY(st_call_limit(call, ARG_entity_history_limit, &limit));
    ST_TRY(st_entity_history(call->rq, run, &ref,
                             st_call_uint(call, ARG_entity_history_before, UINT64_MAX), &scan));
    ST_TRY(st_list_open(call, "revisions", &list));
    while (scan->here && count < limit) {
        ST_TRY(put_revision(call, scan, whole));
        count++;
        ST_TRY(st_versions_next(scan));
    }
    return st_list_close(call, &list, count, st_slice(NULL, 0));
}
