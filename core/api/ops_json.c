/* ops_json.c - the operations of ops.def on JSON documents. */
#include "api/ops.h"
#include "model/json/json.h"

/* ---- Arguments ------------------------------------------------------------------------------- */

/* A value or the text of one, whichever is given. */
static strata_status take_input(st_call *call, int value, int text, const char *name,
                                st_json_input *input) {
    if (call->given[value] == call->given[text]) {
        st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "give either \"%s\" or \"text\"", name);
        return st_fail_text(call->rq->error, "argument", strata_text(name));
    }
    *input =
        (st_json_input){call->given[value] ? &call->args[value] : NULL, st_call_text(call, text)};
    return STRATA_OK;
}

/* ---- Responses ------------------------------------------------------------------------------- */

static strata_status put_document(st_call *call, const char *name, strata_slice document,
                                  strata_slice key) {
    ST_TRY(st_put_name(call->out, name));
    const strata_status status = st_document_to_msgpack(document, call->out);
    if (status != STRATA_CORRUPT) {
        return status == STRATA_OK ? status : st_fail_memory(call->rq->error);
    }
    st_fail(call->rq->error, STRATA_CORRUPT, "the document \"%S\" is malformed", &key);
    return st_fail_text(call->rq->error, "file", strata_text("json"));
}

strata_status st_put_document(st_call *call, strata_slice key, const st_json *json, bool whole) {
    ST_TRY(st_msgpack_put_object(call->out, whole ? 4 : 3));
    ST_TRY(st_put_text(call->out, "key", key));
    ST_TRY(st_put_stamp(call->out, json->stamp.version, json->stamp.timestamp_us));
    return whole ? put_document(call, "document", json->document, key) : STRATA_OK;
}

/* {existed, version?}. */
static strata_status put_existed(st_call *call, bool existed, const st_stamp *stamp) {
    ST_TRY(st_msgpack_put_object(call->out, existed ? 2 : 1));
    ST_TRY(st_put_bool(call->out, "existed", existed));
    return existed ? st_put_uint(call->out, "version", stamp->version) : STRATA_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_op_json_get(st_call *call) {
    const st_when when = st_call_when(call, ARG_json_get_as_of, ARG_json_get_as_of_time);
    const strata_slice key = st_call_text(call, ARG_json_get_key);
    st_run *run;
    st_json json;
    ST_TRY(st_call_run(call, ARG_json_get_run, &run));
    ST_TRY(st_json_get(call->rq, run, key, st_call_text(call, ARG_json_get_path), &when, &json));
    ST_TRY(st_msgpack_put_object(call->out, 3));
    ST_TRY(put_document(call, "value", json.document, key));
    return st_put_stamp(call->out, json.stamp.version, json.stamp.timestamp_us);
}

strata_status st_op_json_exists(st_call *call) {
    const st_when when = st_call_when(call, ARG_json_exists_as_of, ARG_json_exists_as_of_time);
    st_run *run;
    bool exists;
    ST_TRY(st_call_run(call, ARG_json_exists_run, &run));
    ST_TRY(st_json_exists(call->rq, run, st_call_text(call, ARG_json_exists_key),
                          st_call_text(call, ARG_json_exists_path), &when, &exists));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_bool(call->out, "exists", exists);
}

static strata_status put_page(st_call *call, const st_run *run, uint64_t limit) {
    const bool whole = st_call_bool(call, ARG_json_list_documents, false);
    st_scan *scan;
    st_list list;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    const st_page page = {.prefix = st_call_text(call, ARG_json_list_prefix),
                          .start = st_call_text(call, ARG_json_list_start),
                          .end = st_call_text(call, ARG_json_list_end),
                          .after = st_call_text(call, ARG_json_list_cursor),
                          .reverse = st_call_bool(call, ARG_json_list_reverse, false),
                          .when =
                              st_call_when(call, ARG_json_list_as_of, ARG_json_list_as_of_time)};
    ST_TRY(st_json_scan(call->rq, run, &page, &scan));
    ST_TRY(st_list_open(call, "documents", &list));
    while (scan->here && count < limit) {
        const strata_slice key = st_key_text_of(scan->key);
        st_json json;
        ST_TRY(st_json_at(call->rq, run, scan, &json));
        ST_TRY(st_put_document(call, key, &json, whole));
        count++;
        if (count == limit) {
            ST_TRY(st_call_keep(call, key, &last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

/* Its documents are read one by one: what its snapshot sees must be there until the last one was. */
strata_status st_op_json_list(st_call *call) {
    st_store *store = &call->rq->model->store;
    st_held_snapshot held;
    st_run *run;
    uint64_t limit;
    ST_TRY(st_call_run(call, ARG_json_list_run, &run));
    ST_TRY(st_call_limit(call, ARG_json_list_limit, &limit));
    st_snapshot_hold(store, run->shard, &held);
    const strata_status status = put_page(call, run, limit);
    st_snapshot_release(store, &held);
    return status;
}

strata_status st_op_json_count(st_call *call) {
    const st_page page = {.prefix = st_call_text(call, ARG_json_count_prefix),
                          .when =
                              st_call_when(call, ARG_json_count_as_of, ARG_json_count_as_of_time)};
    st_run *run;
    uint64_t count;
    ST_TRY(st_call_run(call, ARG_json_count_run, &run));
    ST_TRY(st_json_count(call->rq, run, &page, &count));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "count", count);
}

/* The document as it was after that commit. What a fork sees of a run that was deleted is only what it saw
 * then: that is still there now, although not as of the commit that wrote it. */
static strata_status get_revision(st_call *call, st_run *run, strata_slice key, uint64_t version,
                                  st_json *json) {
    const st_when then = {version, INT64_MAX};
    const st_when now = st_now();
    strata_status status = st_json_get(call->rq, run, key, st_slice("", 0), &then, json);
    if (status == STRATA_HISTORY_TRIMMED &&
        st_json_get(call->rq, run, key, st_slice("", 0), &now, json) == STRATA_OK &&
        json->stamp.version == version) {
        st_error_clear(call->rq->error);
        status = STRATA_OK;
    }
    return status;
}

static strata_status put_revision(st_call *call, st_run *run, strata_slice key,
                                  const st_json_revision *revision, bool whole) {
    const bool shown = whole && !revision->deleted;
    st_json json = {.document = {NULL, 0}};
    if (shown) {
        ST_TRY(get_revision(call, run, key, revision->stamp.version, &json));
    }
    ST_TRY(st_msgpack_put_object(call->out, shown ? 5 : 4));
    ST_TRY(st_put_stamp(call->out, revision->stamp.version, revision->stamp.timestamp_us));
    ST_TRY(st_put_bool(call->out, "deleted", revision->deleted));
    ST_TRY(st_put_bool(call->out, "whole", revision->whole));
    return shown ? put_document(call, "document", json.document, key) : STRATA_OK;
}

strata_status st_op_json_history(st_call *call) {
    const bool whole = st_call_bool(call, ARG_json_history_documents, false);
    const strata_slice key = st_call_text(call, ARG_json_history_key);
    st_json_revision *revisions;
    size_t count = 0;
    uint32_t shown = 0;
    uint64_t limit;
    st_run *run;
    st_list list;
    ST_TRY(st_call_run(call, ARG_json_history_run, &run));
    ST_TRY(st_call_limit(call, ARG_json_history_limit, &limit));
    ST_TRY(st_json_history(call->rq, run, key,
                           st_call_uint(call, ARG_json_history_before, UINT64_MAX), limit + 1,
                           &revisions, &count));
    const bool more = count > limit;
    count -= more ? 1 : 0;
    ST_TRY(st_list_open(call, "revisions", &list));
    for (; shown < count; shown++) {
        const strata_status status = put_revision(call, run, key, &revisions[shown], whole);
        if (status == STRATA_HISTORY_TRIMMED) {
            break; /* meanwhile; so were all older ones */
        }
        ST_TRY(status);
    }
    return st_list_close_at(call, &list, shown, "next",
                            more && shown == count ? revisions[count - 1].stamp.version : 0);
}

/* ---- Changing -------------------------------------------------------------------------------- */

strata_status st_op_json_create(st_call *call) {
    st_run *run;
    st_stamp stamp;
    st_json_input input;
    ST_TRY(st_call_run(call, ARG_json_create_run, &run));
    ST_TRY(take_input(call, ARG_json_create_document, ARG_json_create_text, "document", &input));
    ST_TRY(st_json_create(call->rq, run, st_call_text(call, ARG_json_create_key), &input, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_json_set(st_call *call) {
    st_run *run;
    st_stamp stamp;
    st_json_input input;
    ST_TRY(st_call_run(call, ARG_json_set_run, &run));
    ST_TRY(take_input(call, ARG_json_set_value, ARG_json_set_text, "value", &input));
    ST_TRY(st_json_set(call->rq, run, st_call_text(call, ARG_json_set_key),
                       st_call_text(call, ARG_json_set_path), &input, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_json_cas(st_call *call) {
    st_run *run;
    st_stamp stamp;
    st_json_input input;
    ST_TRY(st_call_run(call, ARG_json_cas_run, &run));
    ST_TRY(take_input(call, ARG_json_cas_value, ARG_json_cas_text, "value", &input));
    ST_TRY(st_json_cas(call->rq, run, st_call_text(call, ARG_json_cas_key),
                       st_call_text(call, ARG_json_cas_path), &input,
                       st_call_uint(call, ARG_json_cas_expected_version, 0), &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_json_delete(st_call *call) {
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_json_delete_run, &run));
    ST_TRY(st_json_delete(call->rq, run, st_call_text(call, ARG_json_delete_key),
                          st_call_text(call, ARG_json_delete_path), &existed, &stamp));
    return put_existed(call, existed, &stamp);
}

strata_status st_op_json_destroy(st_call *call) {
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_json_destroy_run, &run));
    ST_TRY(
        st_json_destroy(call->rq, run, st_call_text(call, ARG_json_destroy_key), &existed, &stamp));
    return put_existed(call, existed, &stamp);
}

strata_status st_op_json_patch(st_call *call) {
    const st_json_input input = {&call->args[ARG_json_patch_operations], {NULL, 0}};
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_json_patch_run, &run));
    ST_TRY(st_json_patch(call->rq, run, st_call_text(call, ARG_json_patch_key), &input, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_json_merge(st_call *call) {
    const st_json_input input = {&call->args[ARG_json_merge_patch], {NULL, 0}};
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_json_merge_run, &run));
    ST_TRY(st_json_merge(call->rq, run, st_call_text(call, ARG_json_merge_key), &input, &stamp));
    return st_put_version(call, &stamp);
}
