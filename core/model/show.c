/* show.c - one row for each tag whose keys users name: how its bytes become a Value.
 *
 * History shows things of all primitives side by side, so it asks here and knows none of them. What a
 * row gives is what the primitive's own `get` would call the value, without version and time, which
 * whoever asks has.
 * A new primitive adds a function and a row. What is read is as it is stored, but for documents, which are
 * a base and changes in keys of their own (model/json): they are read whole.
 */
#include "model/show.h"

#include "format/document_compare.h"
#include "model/edge.h"
#include "model/entity/entity.h"
#include "model/event.h"
#include "model/json/json_private.h"
#include "model/memory.h"
#include "model/run/run.h"
#include "model/state.h"
#include "model/trace.h"
#include "model/vector/vector.h"

static strata_status put_named(strata_buffer *out, const char *name, strata_slice value) {
    ST_TRY(st_msgpack_put_string(out, strata_text(name)));
    return st_buffer_append(out, value.data, value.len);
}

static strata_status put_named_text(strata_buffer *out, const char *name, strata_slice text) {
    ST_TRY(st_msgpack_put_string(out, strata_text(name)));
    return st_msgpack_put_string(out, text);
}

static strata_status show_kv(st_request *rq, strata_slice key, strata_slice stored,
                             strata_buffer *out) {
    (void)rq;
    (void)key;
    return st_buffer_append(out, stored.data, stored.len);
}

static strata_status show_event(st_request *rq, strata_slice key, strata_slice stored,
                                strata_buffer *out) {
    const st_revision revision = {.number = 0};
    st_event event;
    ST_TRY(st_event_of(rq, key, &revision, stored, &event));
    ST_TRY(st_msgpack_put_object(out, 2));
    ST_TRY(put_named_text(out, "type", event.type));
    return put_named(out, "payload", event.payload);
}

static strata_status show_memory(st_request *rq, strata_slice key, strata_slice stored,
                                 strata_buffer *out) {
    st_memory memory;
    ST_TRY(st_memory_read(rq, key, stored, &memory));
    ST_TRY(st_msgpack_put_object(out, 1u + (memory.tags.len > 0) + (memory.metadata.len > 0)));
    ST_TRY(put_named_text(out, "text", memory.text));
    if (memory.tags.len > 0) {
        ST_TRY(put_named(out, "tags", memory.tags));
    }
    return memory.metadata.len > 0 ? put_named(out, "metadata", memory.metadata) : STRATA_OK;
}

static strata_status show_run(st_request *rq, strata_slice key, strata_slice stored,
                              strata_buffer *out) {
    st_run_record record;
    ST_TRY(st_run_read(rq, key, stored, &record));
    ST_TRY(st_msgpack_put_object(out, 4u + (record.parent.len > 0) + (record.error.len > 0)));
    ST_TRY(put_named_text(out, "name", record.name));
    ST_TRY(put_named_text(out, "status", strata_text(st_run_status_name(record.status))));
    ST_TRY(put_named(out, "tags", record.tags));
    ST_TRY(put_named(out, "metadata", record.metadata));
    if (record.parent.len > 0) {
        ST_TRY(put_named_text(out, "parent", record.parent));
    }
    return record.error.len > 0 ? put_named_text(out, "error", record.error) : STRATA_OK;
}

static strata_status show_json(st_request *rq, strata_slice key, strata_slice stored,
                               strata_buffer *out) {
    (void)rq;
    (void)key;
    return st_document_to_msgpack(stored, out);
}

static strata_status show_state(st_request *rq, strata_slice key, strata_slice stored,
                                strata_buffer *out) {
    st_cell cell;
    ST_TRY(st_state_of(rq, st_key_text_of(key), stored, &cell));
    return st_buffer_append(out, cell.value.data, cell.value.len);
}

static strata_status show_trace(st_request *rq, strata_slice key, strata_slice stored,
                                strata_buffer *out) {
    st_trace trace;
    ST_TRY(st_trace_of(rq, st_key_text_of(key), stored, &trace));
    ST_TRY(st_msgpack_put_object(out, 2u + (trace.parent.len > 0) + (trace.tags.len > 0) +
                                          (trace.metadata.len > 0)));
    ST_TRY(put_named_text(out, "type", trace.type));
    ST_TRY(put_named(out, "content", trace.content));
    if (trace.parent.len > 0) {
        ST_TRY(put_named_text(out, "parent", trace.parent));
    }
    if (trace.tags.len > 0) {
        ST_TRY(put_named(out, "tags", trace.tags));
    }
    return trace.metadata.len > 0 ? put_named(out, "metadata", trace.metadata) : STRATA_OK;
}

static strata_status show_edge(st_request *rq, strata_slice key, strata_slice stored,
                               strata_buffer *out) {
    strata_slice names[3];
    st_key_texts_of(key, names);
    st_edge edge = {.source = names[0], .type = names[1], .target = names[2]};
    ST_TRY(st_edge_of(stored, &edge, rq->error));
    ST_TRY(st_msgpack_put_object(out, (edge.weighs ? 1u : 0u) + (edge.properties.len > 0)));
    if (edge.weighs) {
        ST_TRY(st_msgpack_put_string(out, strata_text("weight")));
        ST_TRY(st_msgpack_put_float(out, edge.weight));
    }
    return edge.properties.len > 0 ? put_named(out, "properties", edge.properties) : STRATA_OK;
}

static strata_status show_schema(st_request *rq, strata_slice key, strata_slice stored,
                                 strata_buffer *out) {
    st_schema schema;
    ST_TRY(st_schema_read(rq, key, stored, &schema));
    return st_document_to_msgpack(schema.record, out);
}

static strata_status show_entity(st_request *rq, strata_slice key, strata_slice stored,
                                 strata_buffer *out) {
    st_entity entity;
    ST_TRY(st_entity_read(rq, key, stored, &entity));
    ST_TRY(st_msgpack_put_object(out, 1u + (entity.uri.len > 0) + (entity.deleted ? 1u : 0u)));
    ST_TRY(st_msgpack_put_string(out, strata_text("document")));
    ST_TRY(st_document_to_msgpack(entity.document, out));
    if (entity.uri.len > 0) {
        ST_TRY(put_named_text(out, "uri", entity.uri));
    }
    if (!entity.deleted) {
        return STRATA_OK;
    }
    ST_TRY(st_msgpack_put_string(out, strata_text("deleted")));
    return st_msgpack_put_bool(out, true);
}

static strata_status show_collection(st_request *rq, strata_slice key, strata_slice stored,
                                     strata_buffer *out) {
    st_collection collection;
    ST_TRY(st_collection_read(rq, key, stored, &collection));
    ST_TRY(st_msgpack_put_object(out, collection.dropping ? 5 : 4));
    ST_TRY(st_msgpack_put_string(out, strata_text("dimension")));
    ST_TRY(st_msgpack_put_uint(out, collection.dimension));
    ST_TRY(put_named_text(out, "metric", strata_text(st_metric_name(collection.metric))));
    ST_TRY(put_named_text(out, "codes", strata_text(st_codes_asked_name(collection.codes))));
    ST_TRY(st_msgpack_put_string(out, strata_text("seed")));
    ST_TRY(st_msgpack_put_uint(out, collection.seed));
    if (!collection.dropping) {
        return STRATA_OK;
    }
    ST_TRY(st_msgpack_put_string(out, strata_text("dropping")));
    return st_msgpack_put_bool(out, true);
}

static strata_status show_vector(st_request *rq, strata_slice key, strata_slice stored,
                                 strata_buffer *out) {
    st_vector vector;
    ST_TRY(st_vector_read(rq, key, stored, &vector));
    ST_TRY(st_msgpack_put_object(out, 1u + (vector.metadata.len > 0) + (vector.text.len > 0)));
    ST_TRY(st_msgpack_put_string(out, strata_text("embedding")));
    ST_TRY(st_embedding_put(&vector, out));
    if (vector.metadata.len > 0) {
        ST_TRY(put_named(out, "metadata", vector.metadata));
    }
    return vector.text.len > 0 ? put_named_text(out, "text", vector.text) : STRATA_OK;
}

typedef struct show_row {
    uint8_t tag;
    strata_status (*show)(st_request *rq, strata_slice key, strata_slice stored,
                          strata_buffer *out);
} show_row;

static const show_row rows[] = {
    {ST_TAG_RUN, show_run},
    {ST_TAG_KV, show_kv},
    {ST_TAG_EVENT, show_event},
    {ST_TAG_STATE, show_state},
    {ST_TAG_TRACE, show_trace},
    {ST_TAG_JSON, show_json},
    {ST_TAG_MEMORY, show_memory},
    {ST_TAG_EDGE, show_edge},
    {ST_TAG_SCHEMA, show_schema},
    {ST_TAG_ENTITY, show_entity},
    {ST_TAG_COLLECTION, show_collection},
    {ST_TAG_VECTOR, show_vector},
};

strata_status st_show(st_request *rq, strata_slice key, strata_slice stored, strata_buffer *out) {
    const size_t start = out->len;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].tag != st_key_tag(key)) {
            continue;
        }
        const strata_status status = rows[i].show(rq, key, stored, out);
        if (status == STRATA_NO_MEMORY) {
            return st_fail_memory(rq->error);
        }
        ST_TRY(status);
        /* A forged value must not take with it what is written around it. */
        if (!st_msgpack_is_readable(st_slice(out->data + start, out->len - start))) {
            st_fail(rq->error, STRATA_CORRUPT, "a stored value is malformed");
            return st_fail_text(rq->error, "file", strata_text("value"));
        }
        return STRATA_OK;
    }
    return st_msgpack_put_null(out) == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
}

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_show_read(st_request *rq, const st_run *run, strata_slice key,
                           const st_bound *bound, st_revision *revision, bool *found) {
    st_json_found json;
    if (st_key_tag(key) != ST_TAG_JSON) {
        return st_read_live(&rq->reader, run->shard, key, bound, revision, found);
    }
    ST_TRY(st_json_load(rq, run, st_key_text_of(key), bound, &json));
    *found = json.exists;
    *revision = (st_revision){.number = json.stamp.version,
                              .timestamp_us = json.stamp.timestamp_us,
                              .expires_us = ST_NEVER,
                              .value = json.document};
    return STRATA_OK;
}

strata_status st_show_same(st_request *rq, strata_slice key, const st_revision *a,
                           const st_revision *b, bool *same) {
    *same = a->number == b->number ||
            (a->expires_us == b->expires_us && st_slice_equal(a->value, b->value));
    if (*same || st_key_tag(key) != ST_TAG_JSON) {
        return STRATA_OK;
    }
    const strata_status status = st_document_equal(a->value, b->value, rq->arena, same);
    return status == STRATA_NO_MEMORY ? st_fail_memory(rq->error)
           : status == STRATA_CORRUPT ? st_json_fail(rq, st_key_text_of(key))
                                      : status;
}
