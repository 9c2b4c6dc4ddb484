/* ops_memory.c - the memory operations of ops.def, recall among them. */
#include "api/ops.h"
#include "model/memory.h"
#include "model/page.h"
#include "recall/recall.h"

strata_status st_op_memory_remember(st_call *call) {
    st_memory memory = {.key = st_call_text(call, ARG_memory_remember_key),
                        .text = st_call_text(call, ARG_memory_remember_text)};
    st_run *run;
    st_stamp stamp;
    strata_slice key;
    ST_TRY(st_call_run(call, ARG_memory_remember_run, &run));
    if (call->given[ARG_memory_remember_key]) {
        ST_TRY(st_key_check(memory.key, call->rq->error));
    }
    ST_TRY(st_call_object(call, ARG_memory_remember_metadata, &memory.metadata));
    ST_TRY(st_call_strings(call, ARG_memory_remember_tags, &memory.tags));
    ST_TRY(st_memory_remember(call->rq, run, &memory, &key, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_text(call->out, "key", key));
    return st_put_uint(call->out, "version", stamp.version);
}

static strata_status put_metadata(strata_buffer *out, const st_memory *memory) {
    static const uint8_t none = 0x80;
    return st_put_value(out, "metadata",
                        memory->metadata.len > 0 ? memory->metadata : st_slice(&none, 1));
}

strata_status st_put_memory(strata_buffer *out, const st_memory *memory, const st_stamp *stamp) {
    static const uint8_t none = 0x90;
    ST_TRY(st_msgpack_put_object(out, 6));
    ST_TRY(st_put_text(out, "key", memory->key));
    ST_TRY(st_put_text(out, "text", memory->text));
    ST_TRY(put_metadata(out, memory));
    ST_TRY(st_put_value(out, "tags", memory->tags.len > 0 ? memory->tags : st_slice(&none, 1)));
    return st_put_stamp(out, stamp->version, stamp->timestamp_us);
}

strata_status st_op_memory_get(st_call *call) {
    const st_when when = st_call_when(call, ARG_memory_get_as_of, ARG_memory_get_as_of_time);
    st_run *run;
    st_memory memory;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_memory_get_run, &run));
    ST_TRY(st_memory_get(call->rq, run, st_call_text(call, ARG_memory_get_key), &when, &memory,
                         &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    ST_TRY(st_put_name(call->out, "memory"));
    return st_put_memory(call->out, &memory, &stamp);
}

strata_status st_op_memory_forget(st_call *call) {
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_memory_forget_run, &run));
    ST_TRY(st_memory_forget(call->rq, run, st_call_text(call, ARG_memory_forget_key), &existed,
                            &stamp));
    return st_put_existed(call, existed, &stamp);
}

static bool wanted(const st_call *call, const st_memory *memory, const st_revision *version) {
    if (version->timestamp_us < st_call_int(call, ARG_memory_list_after, INT64_MIN) ||
        (call->given[ARG_memory_list_before] &&
         version->timestamp_us >= st_call_int(call, ARG_memory_list_before, 0))) {
        return false;
    }
    return !call->given[ARG_memory_list_tag] ||
           st_strings_hold(memory->tags, st_call_text(call, ARG_memory_list_tag));
}

strata_status st_op_memory_list(st_call *call) {
    const st_page page = {
        .prefix = st_call_text(call, ARG_memory_list_prefix),
        .after = st_call_text(call, ARG_memory_list_cursor),
        .reverse = st_call_bool(call, ARG_memory_list_reverse, false),
        .when = st_call_when(call, ARG_memory_list_as_of, ARG_memory_list_as_of_time)};
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_call_run(call, ARG_memory_list_run, &run));
    ST_TRY(st_call_limit(call, ARG_memory_list_limit, &limit));
    ST_TRY(st_page_scan(call->rq, run, ST_TAG_MEMORY, &page, &scan));
    ST_TRY(st_list_open(call, "memories", &list));
    while (scan->here && count < limit) {
        st_memory memory;
        strata_slice stored;
        ST_TRY(st_scan_value(scan, &stored));
        ST_TRY(st_memory_read(call->rq, scan->key, stored, &memory));
        if (wanted(call, &memory, &scan->revision)) {
            const st_stamp stamp = {scan->revision.number, scan->revision.timestamp_us};
            ST_TRY(st_put_memory(call->out, &memory, &stamp));
            count++;
        }
        ST_TRY(st_call_keep(call, memory.key, &last));
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

static strata_status put_ref(strata_buffer *out, strata_slice key) {
    char ref[7 + ST_KEY_BYTES_MAX];
    memcpy(ref, "memory:", 7);
    memcpy(ref + 7, key.data, key.len);
    return st_put_text(out, "ref", st_slice(ref, 7 + key.len));
}

static strata_status put_hit(st_call *call, const st_recall_hit *hit, uint64_t rank, bool snippets,
                             bool with_text) {
    strata_buffer *out = call->out;
    ST_TRY(st_msgpack_put_object(out, 6u + (snippets ? 1u : 0u) + (with_text ? 2u : 0u)));
    ST_TRY(put_ref(out, hit->memory.key));
    ST_TRY(st_put_text(out, "key", hit->memory.key));
    ST_TRY(st_put_float(out, "score", hit->score));
    ST_TRY(st_put_uint(out, "rank", rank));
    if (snippets) {
        ST_TRY(st_put_text(out, "snippet", hit->snippet));
    }
    if (with_text) {
        ST_TRY(st_put_text(out, "text", hit->memory.text));
        ST_TRY(put_metadata(out, &hit->memory));
    }
    return st_put_stamp(out, hit->stamp.version, hit->stamp.timestamp_us);
}

static strata_status put_stats(strata_buffer *out, const st_recall_result *found) {
    ST_TRY(st_put_name(out, "stats"));
    ST_TRY(st_msgpack_put_object(out, 4));
    ST_TRY(st_put_uint(out, "elapsed_us", found->elapsed_ns / 1000));
    ST_TRY(st_put_uint(out, "candidates", found->candidates));
    ST_TRY(st_put_uint(out, "memories", found->memories));
    return st_put_uint(out, "terms", found->terms);
}

strata_status st_op_memory_recall(st_call *call) {
    const bool snippets = st_call_bool(call, ARG_memory_recall_snippets, true);
    const bool with_text = st_call_bool(call, ARG_memory_recall_with_text, false);
    const st_recall_request request = {
        st_call_text(call, ARG_memory_recall_query), st_call_uint(call, ARG_memory_recall_k, 10),
        snippets, st_call_when(call, ARG_memory_recall_as_of, ARG_memory_recall_as_of_time)};
    st_recall_result found;
    st_run *run;
    ST_TRY(st_call_run(call, ARG_memory_recall_run, &run));
    ST_TRY(st_recall(call->rq, run, &request, &found));
    ST_TRY(st_msgpack_put_object(call->out, 3));
    ST_TRY(st_put_name(call->out, "hits"));
    ST_TRY(st_msgpack_put_array(call->out, (uint32_t)found.count));
    for (size_t i = 0; i < found.count; i++) {
        ST_TRY(put_hit(call, &found.hits[i], i + 1, snippets, with_text));
    }
    ST_TRY(st_put_bool(call->out, "truncated", false)); /* no budget yet, so nothing is cut */
    return put_stats(call->out, &found);
}
