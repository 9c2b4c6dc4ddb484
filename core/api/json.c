/* json.c - the C functions for JSON documents. */
#include "api/handle.h"

#include "model/json/json.h"

/* What a found document, or a part of one, is as a value. */
static strata_status value_of(st_request *rq, const st_json *json, strata_entry *entry) {
    strata_buffer *encoded = &rq->value;
    strata_entry found = {.version = json->stamp.version, .timestamp_us = json->stamp.timestamp_us};
    encoded->len = 0;
    strata_status status = st_document_to_msgpack(json->document, encoded);
    if (status == STRATA_OK && !st_value_decode(st_buffer_slice(encoded), &found.value)) {
        status = STRATA_CORRUPT;
    }
    if (status == STRATA_OK) {
        status = st_handle_keep_value(rq, &found.value);
    } else if (status == STRATA_CORRUPT) {
        st_fail(rq->error, STRATA_CORRUPT, "the document is malformed");
        status = st_fail_text(rq->error, "file", strata_text("json"));
    } else {
        status = st_fail_memory(rq->error);
    }
    if (status == STRATA_OK) {
        *entry = found;
    }
    return status;
}

static strata_status tell(strata_status status, const st_stamp *stamp, uint64_t *version) {
    if (status == STRATA_OK && version != NULL) {
        *version = stamp->version;
    }
    return status;
}

static strata_status get(st_request *rq, strata_run id, strata_slice key, strata_slice path,
                         const st_when *when, strata_entry *entry) {
    st_json json;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_json_get(rq, run, key, path, when, &json));
    return value_of(rq, &json, entry);
}

strata_status strata_json_get(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                              strata_entry *entry) {
    const st_when when = st_now();
    return st_handle_end(db, get(st_handle_begin(db), run, key, path, &when, entry));
}

strata_status strata_json_get_at(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                                 strata_when at, strata_entry *entry) {
    const st_when when = st_handle_when(at);
    return st_handle_end(db, get(st_handle_begin(db), run, key, path, &when, entry));
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status create(st_request *rq, strata_run id, strata_slice key,
                            const st_json_input *input, uint64_t *version) {
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    return tell(st_json_create(rq, run, key, input, &stamp), &stamp, version);
}

strata_status strata_json_create(strata_db *db, strata_run run, strata_slice key,
                                 strata_value document, uint64_t *version) {
    const st_json_input input = {&document, {NULL, 0}};
    return st_handle_end(db, create(st_handle_begin(db), run, key, &input, version));
}

strata_status strata_json_create_text(strata_db *db, strata_run run, strata_slice key,
                                      strata_slice json, uint64_t *version) {
    const st_json_input input = {NULL, json};
    return st_handle_end(db, create(st_handle_begin(db), run, key, &input, version));
}

static strata_status set(st_request *rq, strata_run id, strata_slice key, strata_slice path,
                         const st_json_input *input, uint64_t *version) {
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    return tell(st_json_set(rq, run, key, path, input, &stamp), &stamp, version);
}

strata_status strata_json_set(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                              strata_value value, uint64_t *version) {
    const st_json_input input = {&value, {NULL, 0}};
    return st_handle_end(db, set(st_handle_begin(db), run, key, path, &input, version));
}

strata_status strata_json_set_text(strata_db *db, strata_run run, strata_slice key,
                                   strata_slice path, strata_slice json, uint64_t *version) {
    const st_json_input input = {NULL, json};
    return st_handle_end(db, set(st_handle_begin(db), run, key, path, &input, version));
}

static strata_status cas(st_request *rq, strata_run id, strata_slice key, strata_slice path,
                         const st_json_input *input, uint64_t expected, uint64_t *version) {
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    return tell(st_json_cas(rq, run, key, path, input, expected, &stamp), &stamp, version);
}

strata_status strata_json_cas(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                              strata_value value, uint64_t expected, uint64_t *version) {
    const st_json_input input = {&value, {NULL, 0}};
    return st_handle_end(db, cas(st_handle_begin(db), run, key, path, &input, expected, version));
}

static strata_status take_away(st_request *rq, strata_run id, strata_slice key,
                               const strata_slice *path, bool *existed) {
    st_stamp stamp;
    st_run *run;
    bool found;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(path == NULL ? st_json_destroy(rq, run, key, &found, &stamp)
                        : st_json_delete(rq, run, key, *path, &found, &stamp));
    if (existed != NULL) {
        *existed = found;
    }
    return STRATA_OK;
}

strata_status strata_json_delete(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                                 bool *existed) {
    return st_handle_end(db, take_away(st_handle_begin(db), run, key, &path, existed));
}

strata_status strata_json_destroy(strata_db *db, strata_run run, strata_slice key, bool *existed) {
    return st_handle_end(db, take_away(st_handle_begin(db), run, key, NULL, existed));
}

static strata_status patch(st_request *rq, strata_run id, strata_slice key,
                           const st_json_input *input, uint64_t *version) {
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    return tell(st_json_patch(rq, run, key, input, &stamp), &stamp, version);
}

strata_status strata_json_patch(strata_db *db, strata_run run, strata_slice key,
                                strata_value operations, uint64_t *version) {
    const st_json_input input = {&operations, {NULL, 0}};
    return st_handle_end(db, patch(st_handle_begin(db), run, key, &input, version));
}

static strata_status merge(st_request *rq, strata_run id, strata_slice key,
                           const st_json_input *input, uint64_t *version) {
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    return tell(st_json_merge(rq, run, key, input, &stamp), &stamp, version);
}

strata_status strata_json_merge(strata_db *db, strata_run run, strata_slice key, strata_value given,
                                uint64_t *version) {
    const st_json_input input = {&given, {NULL, 0}};
    return st_handle_end(db, merge(st_handle_begin(db), run, key, &input, version));
}
