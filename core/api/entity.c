/* entity.c - the C functions for schemas and entities. */
#include "model/entity/entity.h"

#include "api/handle.h"

static void tell(bool *out, bool flag) {
    if (out != NULL) {
        *out = flag;
    }
}

static strata_status fail_size(st_request *rq, const char *what) {
    return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                   "%s.size is not its size: start from its _INIT", what);
}

/* A document as a value, in a buffer that lasts as long as it is used. */
static strata_status value_of(st_request *rq, strata_slice document, const char *file,
                              strata_buffer *encoded, strata_value *value) {
    encoded->len = 0;
    strata_status status = st_document_to_msgpack(document, encoded);
    if (status == STRATA_OK && st_value_decode(st_buffer_slice(encoded), value)) {
        return STRATA_OK;
    }
    if (status == STRATA_NO_MEMORY) {
        return st_fail_memory(rq->error);
    }
    st_fail(rq->error, STRATA_CORRUPT, "a document is malformed");
    return st_fail_text(rq->error, "file", strata_text(file));
}

/* ---- Schemas --------------------------------------------------------------------------------- */

static strata_status put_schema(st_request *rq, strata_run id, const strata_schema *given,
                                uint64_t *version) {
    st_schema_spec spec = {
        .name = given->name, .schema = given->schema, .key_field = given->key_field};
    st_stamp stamp;
    st_run *run;
    bool created;
    if (given->size != sizeof *given) {
        return fail_size(rq, "strata_schema");
    }
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_handle_tags(rq, given->indexed, given->indexed_count, &spec.indexed));
    ST_TRY(st_handle_tags(rq, given->embedding, given->embedding_count, &spec.embedding));
    ST_TRY(st_handle_tags(rq, given->encrypted, given->encrypted_count, &spec.encrypted));
    ST_TRY(st_schema_put(rq, run, &spec, &created, &stamp));
    if (version != NULL) {
        *version = stamp.version;
    }
    return STRATA_OK;
}

strata_status strata_schema_put(strata_db *db, strata_run run, const strata_schema *schema,
                                uint64_t *version) {
    return st_handle_end(db, put_schema(st_handle_begin(db), run, schema, version));
}

static strata_status get_schema(st_request *rq, strata_run id, strata_slice name, strata_when at,
                                strata_entry *entry) {
    const st_when when = st_handle_when(at);
    strata_buffer encoded = {NULL, 0, 0, rq->model->host};
    strata_entry found = {.version = 0};
    st_schema schema;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_schema_get(rq, run, name, &when, &schema));
    strata_status status = value_of(rq, schema.record, "schema", &encoded, &found.value);
    if (status == STRATA_OK) {
        status = st_handle_keep_value(rq, &found.value);
    }
    strata_buffer_free(&encoded);
    if (status == STRATA_OK) {
        found.version = schema.stamp.version;
        found.timestamp_us = schema.stamp.timestamp_us;
        *entry = found;
    }
    return status;
}

strata_status strata_schema_get(strata_db *db, strata_run run, strata_slice name, strata_when when,
                                strata_entry *entry) {
    return st_handle_end(db, get_schema(st_handle_begin(db), run, name, when, entry));
}

static strata_status delete_schema(st_request *rq, strata_run id, strata_slice name,
                                   bool *existed) {
    st_stamp stamp;
    st_run *run;
    bool found = false;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_schema_delete(rq, run, name, &found, &stamp));
    tell(existed, found);
    return STRATA_OK;
}

strata_status strata_schema_delete(strata_db *db, strata_run run, strata_slice name,
                                   bool *existed) {
    return st_handle_end(db, delete_schema(st_handle_begin(db), run, name, existed));
}

/* ---- Writing entities ------------------------------------------------------------------------ */

static strata_status upsert(st_request *rq, strata_run id, const strata_entity *given,
                            st_entity_made *made) {
    const st_entity_input input = {
        .ref = {given->schema, given->id}, .uri = given->uri, .document = given->document};
    st_run *run;
    if (given->size != sizeof *given) {
        return fail_size(rq, "strata_entity");
    }
    ST_TRY(st_handle_run(rq, id, &run));
    return st_entity_upsert(rq, run, &input, made);
}

strata_status strata_entity_upsert(strata_db *db, strata_run run, const strata_entity *entity,
                                   strata_slice *id, bool *created, uint64_t *version) {
    st_entity_made made;
    ST_TRY(st_handle_end(db, upsert(st_handle_begin(db), run, entity, &made)));
    if (id != NULL) {
        *id = made.id;
    }
    tell(created, made.created);
    if (version != NULL) {
        *version = made.stamp.version;
    }
    return STRATA_OK;
}

static strata_status merge(st_request *rq, strata_run id, const st_entity_ref *ref,
                           const strata_value *patch, uint64_t *version) {
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_entity_merge(rq, run, ref, patch, &stamp));
    if (version != NULL) {
        *version = stamp.version;
    }
    return STRATA_OK;
}

strata_status strata_entity_merge(strata_db *db, strata_run run, strata_slice schema,
                                  strata_slice id, strata_value patch, uint64_t *version) {
    const st_entity_ref ref = {schema, id};
    return st_handle_end(db, merge(st_handle_begin(db), run, &ref, &patch, version));
}

typedef enum step { STEP_DELETE, STEP_RESTORE, STEP_PURGE, STEP_FORCE } step;

static strata_status take_step(st_request *rq, strata_run id, const st_entity_ref *ref, step what,
                               bool *did) {
    st_stamp stamp;
    st_run *run;
    bool done = false;
    ST_TRY(st_handle_run(rq, id, &run));
    switch (what) {
    case STEP_DELETE:
        ST_TRY(st_entity_delete(rq, run, ref, &done, &stamp));
        break;
    case STEP_RESTORE:
        ST_TRY(st_entity_restore(rq, run, ref, &done, &stamp));
        break;
    case STEP_PURGE:
    case STEP_FORCE:
        ST_TRY(st_entity_purge(rq, run, ref, what == STEP_FORCE, &done, &stamp));
        break;
    }
    tell(did, done);
    return STRATA_OK;
}

strata_status strata_entity_delete(strata_db *db, strata_run run, strata_slice schema,
                                   strata_slice id, bool *existed) {
    const st_entity_ref ref = {schema, id};
    return st_handle_end(db, take_step(st_handle_begin(db), run, &ref, STEP_DELETE, existed));
}

strata_status strata_entity_restore(strata_db *db, strata_run run, strata_slice schema,
                                    strata_slice id, bool *restored) {
    const st_entity_ref ref = {schema, id};
    return st_handle_end(db, take_step(st_handle_begin(db), run, &ref, STEP_RESTORE, restored));
}

strata_status strata_entity_purge(strata_db *db, strata_run run, strata_slice schema,
                                  strata_slice id, bool force, bool *existed) {
    const st_entity_ref ref = {schema, id};
    return st_handle_end(
        db, take_step(st_handle_begin(db), run, &ref, force ? STEP_FORCE : STEP_PURGE, existed));
}

static strata_status vacuum(st_request *rq, strata_run id, const st_vacuum *spec,
                            uint64_t *purged) {
    uint64_t candidates;
    uint64_t gone = 0;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_entity_vacuum(rq, run, spec, &candidates, &gone));
    if (purged != NULL) {
        *purged = gone;
    }
    return STRATA_OK;
}

strata_status strata_entity_vacuum(strata_db *db, strata_run run, strata_slice schema,
                                   uint64_t older_than_ms, uint64_t *purged) {
    const st_vacuum spec = {.schema = schema, .older_than_ms = older_than_ms};
    return st_handle_end(db, vacuum(st_handle_begin(db), run, &spec, purged));
}

/* ---- Reading entities ------------------------------------------------------------------------ */

static strata_entity_entry show(const st_entity *entity) {
    const strata_entity_entry entry = {.schema = entity->ref.schema,
                                       .id = entity->ref.id,
                                       .uri = entity->uri,
                                       .document = strata_null(),
                                       .deleted = entity->deleted,
                                       .version = entity->stamp.version,
                                       .timestamp_us = entity->stamp.timestamp_us};
    return entry;
}

static strata_status get(st_request *rq, strata_run id, const st_entity_ref *ref, strata_when at,
                         strata_entity_entry *entry) {
    const st_when when = st_handle_when(at);
    strata_buffer encoded = {NULL, 0, 0, rq->model->host};
    st_entity entity;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_entity_get(rq, run, ref, &when, false, &entity));
    strata_entity_entry found = show(&entity);
    strata_status status = value_of(rq, entity.document, "entity", &encoded, &found.document);
    if (status == STRATA_OK) {
        status = st_handle_keep_value(rq, &found.document);
    }
    strata_buffer_free(&encoded);
    strata_slice *const kept[] = {&found.schema, &found.id, &found.uri};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0] && status == STRATA_OK; i++) {
        status = st_handle_keep(rq, kept[i]);
    }
    if (status == STRATA_OK) {
        *entry = found;
    }
    return status;
}

strata_status strata_entity_get(strata_db *db, strata_run run, strata_slice schema, strata_slice id,
                                strata_when when, strata_entity_entry *entry) {
    const st_entity_ref ref = {schema, id};
    return st_handle_end(db, get(st_handle_begin(db), run, &ref, when, entry));
}

typedef struct visitor {
    strata_visit_entity visit;
    void *arg;
    strata_buffer encoded; /* of one entity at a time */
} visitor;

static strata_status visit_all(st_request *rq, st_scan *scan, bool deleted, visitor *to) {
    for (bool more = true; scan->here && more;) {
        st_entity entity;
        ST_TRY(st_entity_at(rq, scan, &entity));
        if (entity.deleted == deleted) {
            strata_entity_entry entry = show(&entity);
            ST_TRY(value_of(rq, entity.document, "entity", &to->encoded, &entry.document));
            more = to->visit(to->arg, &entry);
        }
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

static strata_status scan_entities(st_request *rq, strata_run id, const strata_entity_range *range,
                                   visitor *to) {
    st_run *run;
    st_scan *scan;
    if (range->size != sizeof *range) {
        return fail_size(rq, "strata_entity_range");
    }
    const st_entity_page page = {.schema = range->schema,
                                 .prefix = range->prefix,
                                 .after = range->after,
                                 .reverse = range->reverse,
                                 .when = st_handle_when(range->when)};
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_entity_scan(rq, run, &page, &scan));
    const strata_status status = visit_all(rq, scan, range->deleted, to);
    strata_buffer_free(&to->encoded);
    return status;
}

strata_status strata_entity_scan(strata_db *db, strata_run run, const strata_entity_range *range,
                                 strata_visit_entity visit, void *arg) {
    st_request *rq = st_handle_begin(db);
    visitor to = {visit, arg, {NULL, 0, 0, rq->model->host}};
    return st_handle_end(db, scan_entities(rq, run, range, &to));
}
