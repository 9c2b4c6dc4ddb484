/* find.c - the C functions for filters and secondary indexes. */
#include "api/handle.h"

#include "model/field_index_build.h"
#include "model/json/json.h"
#include "recall/find.h"

/* A filter as a document in the arena; of null none. */
static strata_status take_filter(st_request *rq, const strata_value *where, strata_slice *out) {
    const st_document_limits limits = {ST_DOCUMENT_BYTES_MAX, ST_DOCUMENT_FRAMES_MAX,
                                       ST_ENTRIES_MAX};
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    *out = st_slice("", 0);
    if (where->type == STRATA_NULL) {
        return STRATA_OK;
    }
    rq->value.len = 0;
    ST_TRY(st_value_encode(where, SIZE_MAX, &rq->value, rq->error));
    strata_status status =
        st_document_from_msgpack(st_buffer_slice(&rq->value), &limits, &made, rq->error);
    if (status == STRATA_OK) {
        *out = st_arena_copy(rq->arena, st_buffer_slice(&made));
        status = out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
    }
    strata_buffer_free(&made);
    return status;
}

static strata_status show(st_request *rq, const st_run *run, const st_find_result *found,
                          size_t place, const strata_find *options, bool *more) {
    const strata_slice key = st_key_text_of(found->owners[place]);
    strata_buffer encoded = {NULL, 0, 0, rq->model->host};
    strata_entry entry;
    st_json json;
    bool there = false;
    ST_TRY(st_json_find(rq, run, key, &found->bound, &json, &there));
    entry.version = json.stamp.version;
    entry.timestamp_us = json.stamp.timestamp_us;
    strata_status status = st_document_to_msgpack(json.document, &encoded);
    if (status == STRATA_OK && !st_value_decode(st_buffer_slice(&encoded), &entry.value)) {
        status = STRATA_CORRUPT;
    }
    if (status == STRATA_OK) {
        *more = options->visit(options->arg, key, &entry);
    }
    strata_buffer_free(&encoded);
    if (status == STRATA_CORRUPT) {
        st_fail(rq->error, STRATA_CORRUPT, "the document \"%S\" is malformed", &key);
        return st_fail_text(rq->error, "file", strata_text("json"));
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(rq->error) : status;
}

static strata_status find(st_request *rq, strata_run id, const strata_find *options) {
    st_find_request request = {.primitive = ST_PRIMITIVE_JSON};
    uint64_t left = options->limit == 0 ? UINT64_MAX : options->limit;
    bool more = true;
    st_run *run;
    if (options->size != sizeof *options || options->visit == NULL) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_find is not what this library knows: start from STRATA_FIND_INIT, "
                       "and give visit");
    }
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(take_filter(rq, &options->where, &request.where));
    request.order_by = options->order_by;
    request.reverse = options->reverse;
    request.prefix = options->prefix;
    request.when = st_handle_when(options->when);
    do {
        st_find_result found;
        request.limit = left < ST_PAGE_MAX ? left : ST_PAGE_MAX;
        ST_TRY(st_find(rq, run, &request, &found));
        for (size_t i = 0; i < found.count && more; i++) {
            ST_TRY(show(rq, run, &found, i, options, &more));
        }
        left -= found.count;
        more = more && found.cursor.len > 0 && left > 0;
        request.cursor = found.cursor;
    } while (more);
    return STRATA_OK;
}

strata_status strata_json_find(strata_db *db, strata_run run, const strata_find *options) {
    return st_handle_end(db, find(st_handle_begin(db), run, options));
}

/* ---- Indexes --------------------------------------------------------------------------------- */

static strata_status create(st_request *rq, strata_run id, const st_index_def *def) {
    uint64_t entries = 0;
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    return st_index_create(rq, run, def, &entries, &stamp);
}

strata_status strata_index_create(strata_db *db, strata_run run, strata_slice name,
                                  strata_slice primitive, strata_slice path) {
    const st_index_def def = {
        .name = name, .primitive = st_primitive_named(primitive), .path_text = path};
    return st_handle_end(db, create(st_handle_begin(db), run, &def));
}

static strata_status drop(st_request *rq, strata_run id, strata_slice name, bool *existed) {
    st_stamp stamp;
    st_run *run;
    bool found;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_index_drop(rq, run, name, &found, &stamp));
    if (existed != NULL) {
        *existed = found;
    }
    return STRATA_OK;
}

strata_status strata_index_drop(strata_db *db, strata_run run, strata_slice name, bool *existed) {
    return st_handle_end(db, drop(st_handle_begin(db), run, name, existed));
}
