/* ops_history_put.c - references, values and cursors of the history operations.
 *
 * A page ends at its limit, or when the response has ST_HISTORY_BYTES_MAX bytes. The cursor of things is
 * the last key of the store, as base64, since only it says where to go on whatever a thing is made of.
 */
#include "api/ops_history.h"

#include "format/base64.h"
#include "model/ref.h"
#include "model/show.h"

/* ---- References and values ------------------------------------------------------------------- */

strata_status st_put_ref(st_call *call, strata_slice key) {
    strata_buffer *text = &call->rq->value;
    text->len = 0;
    ST_TRY(st_ref_print(key, text));
    return st_msgpack_put_string(call->out, st_buffer_slice(text));
}

strata_status st_put_named_ref(st_call *call, const char *name, strata_slice key) {
    ST_TRY(st_put_name(call->out, name));
    return st_put_ref(call, key);
}

strata_status st_put_path_ref(st_call *call, strata_slice key, strata_slice pointer) {
    strata_buffer *text = &call->rq->value;
    text->len = 0;
    ST_TRY(st_put_name(call->out, "ref"));
    ST_TRY(st_ref_print(key, text));
    if (pointer.len > 0) {
        ST_TRY(st_buffer_append(text, "#", 1));
        ST_TRY(st_buffer_append(text, pointer.data, pointer.len));
    }
    return st_msgpack_put_string(call->out, st_buffer_slice(text));
}

strata_status st_put_shown(st_call *call, const char *name, strata_slice key,
                           const st_revision *revision) {
    ST_TRY(st_put_name(call->out, name));
    return st_show(call->rq, key, revision->value, call->out);
}

strata_status st_call_ref(st_call *call, int arg, st_run **run, st_key **key) {
    st_request *rq = call->rq;
    st_ref *ref = st_arena_alloc(rq->arena, sizeof *ref, 8);
    if (ref == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_ref_parse(st_call_text(call, arg), ref, rq->error));
    if (ref->path.len > 0) {
        st_fail(rq->error, STRATA_INVALID_KEY,
                "the reference has a path; history is that of the whole document");
        return st_fail_number(rq->error, "position", 0);
    }
    if (ref->key.len == 0) {
        strata_slice name;
        ST_TRY(st_run_name(rq, *run, &name));
        st_key_text(&ref->key, ST_TAG_RUN, name);
    }
    *run = ref->of_run ? st_run_system(rq) : *run;
    *key = &ref->key;
    return STRATA_OK;
}

strata_status st_call_primitives(st_call *call, int arg, st_primitives *primitives) {
    st_cursor cursor;
    st_token token;
    strata_slice names;
    *primitives = st_primitives_all();
    ST_TRY(st_call_strings(call, arg, &names));
    if (names.len == 0) {
        return STRATA_OK;
    }
    cursor = st_cursor_over(names);
    *primitives = 0;
    (void)st_msgpack_next(&cursor, &token);
    for (uint32_t left = token.as.count; left > 0; left--) {
        (void)st_msgpack_next(&cursor, &token);
        const st_primitive *found = st_primitive_named(token.as.bytes);
        if (found == NULL || (st_primitives_all() >> found->id & 1) == 0) {
            return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                           "there is no primitive \"%S\"; it is kv, event, state, trace, json, "
                           "memory, edge, schema or entity",
                           &token.as.bytes);
        }
        *primitives |= 1u << found->id;
    }
    return STRATA_OK;
}

/* ---- Cursors --------------------------------------------------------------------------------- */

strata_status st_fail_cursor(st_call *call) {
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "the cursor is none that a page gave");
    return st_fail_text(call->rq->error, "argument", strata_text("cursor"));
}

strata_status st_call_key_cursor(st_call *call, int arg, strata_slice *key) {
    strata_buffer *bytes = &call->rq->value;
    *key = st_slice("", 0);
    if (!call->given[arg]) {
        return STRATA_OK;
    }
    bytes->len = 0;
    const strata_status status = st_base64_decode(st_call_text(call, arg), bytes);
    if (status == STRATA_NO_MEMORY) {
        return status;
    }
    if (status != STRATA_OK || !st_key_well_formed(st_buffer_slice(bytes))) {
        return st_fail_cursor(call);
    }
    *key = st_arena_copy(call->rq->arena, st_buffer_slice(bytes));
    return key->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

bool st_thing_fits(st_thing_page *page, bool *more) {
    page->more = page->count == page->limit ||
                 (page->count > 0 && page->call->out->len - page->start > ST_HISTORY_BYTES_MAX);
    *more = !page->more;
    return *more;
}

void st_thing_put(st_thing_page *page, strata_slice key) {
    memcpy(page->last.bytes, key.data, key.len);
    page->last.len = key.len;
    page->count++;
}

strata_status st_put_key_cursor(st_thing_page *page) {
    strata_buffer *text = &page->call->rq->value;
    text->len = 0;
    ST_TRY(st_base64_encode(st_key_slice(&page->last), text));
    return st_put_text(page->call->out, "cursor", st_buffer_slice(text));
}
