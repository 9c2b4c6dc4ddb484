/* ops_vector.c - the operations of ops.def on collections of vectors, and search. */
#include "api/ops_vector.h"

#include "model/vector/vector_index.h"
#include "recall/nearest.h"

/* ---- Collections ----------------------------------------------------------------------------- */

static strata_status fail_word(st_call *call, const char *argument, strata_slice word,
                               const char *words) {
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "there is no %s \"%S\"; it is %s", argument,
            &word, words);
    return st_fail_text(call->rq->error, "argument", strata_text(argument));
}

static strata_status take_metric(st_call *call, int arg, st_vector_metric *metric) {
    const strata_slice word = st_call_text(call, arg);
    *metric = ST_METRIC_COSINE;
    for (int i = ST_METRIC_COSINE; call->given[arg] && i <= ST_METRIC_DOT; i++) {
        if (st_slice_equal(word, strata_text(st_metric_name((st_vector_metric)i)))) {
            *metric = (st_vector_metric)i;
            return STRATA_OK;
        }
    }
    return call->given[arg] ? fail_word(call, "metric", word, "cosine, euclidean or dot")
                            : STRATA_OK;
}

static strata_status take_codes(st_call *call, int arg, st_codes_asked *codes) {
    const strata_slice word = st_call_text(call, arg);
    *codes = ST_CODES_AUTO;
    for (int i = ST_CODES_AUTO; call->given[arg] && i < ST_CODES_COUNT; i++) {
        if (st_slice_equal(word, strata_text(st_codes_asked_name((st_codes_asked)i)))) {
            *codes = (st_codes_asked)i;
            return STRATA_OK;
        }
    }
    return call->given[arg] ? fail_word(call, "codes", word, "auto, f32, i8 or b1") : STRATA_OK;
}

strata_status st_op_vector_create(st_call *call) {
    const uint64_t dimension = st_call_uint(call, ARG_vector_create_dimension, 0);
    st_collection collection = {.name = st_call_text(call, ARG_vector_create_name),
                                .dimension = dimension > ST_DIMENSION_MAX ? ST_DIMENSION_MAX + 1
                                                                          : (uint32_t)dimension,
                                .seed = st_call_uint(call, ARG_vector_create_seed, 0)};
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_vector_create_run, &run));
    ST_TRY(take_metric(call, ARG_vector_create_metric, &collection.metric));
    ST_TRY(take_codes(call, ARG_vector_create_codes, &collection.codes));
    if (dimension > ST_DIMENSION_MAX) {
        st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "the dimension is %u; it must be 1 to %u",
                dimension, (uint64_t)ST_DIMENSION_MAX);
        return st_fail_text(call->rq->error, "argument", strata_text("dimension"));
    }
    ST_TRY(st_collection_create(call->rq, run, &collection, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_vector_drop(st_call *call) {
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_vector_drop_run, &run));
    ST_TRY(st_collection_drop(call->rq, run, st_call_text(call, ARG_vector_drop_name), &existed,
                              &stamp));
    return st_put_existed(call, existed, &stamp);
}

static strata_status put_collection(strata_buffer *out, const st_collection *collection) {
    ST_TRY(st_msgpack_put_object(out, 8));
    ST_TRY(st_put_text(out, "name", collection->name));
    ST_TRY(st_put_uint(out, "dimension", collection->dimension));
    ST_TRY(st_put_text(out, "metric", strata_text(st_metric_name(collection->metric))));
    ST_TRY(st_put_text(out, "codes", strata_text(st_codes_asked_name(collection->codes))));
    ST_TRY(st_put_text(out, "coded_as",
                       strata_text(st_code_kind_name(st_collection_codes(collection)))));
    ST_TRY(st_put_uint(out, "seed", collection->seed));
    return st_put_stamp(out, collection->stamp.version, collection->stamp.timestamp_us);
}

strata_status st_op_vector_collections(st_call *call) {
    const st_page page = {.prefix = st_call_text(call, ARG_vector_collections_prefix),
                          .after = st_call_text(call, ARG_vector_collections_cursor),
                          .reverse = st_call_bool(call, ARG_vector_collections_reverse, false),
                          .when = st_call_when(call, ARG_vector_collections_as_of,
                                               ARG_vector_collections_as_of_time)};
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_call_run(call, ARG_vector_collections_run, &run));
    ST_TRY(st_call_limit(call, ARG_vector_collections_limit, &limit));
    ST_TRY(st_page_scan(call->rq, run, ST_TAG_COLLECTION, &page, &scan));
    ST_TRY(st_list_open(call, "collections", &list));
    while (scan->here && count < limit) {
        st_collection collection;
        strata_slice stored;
        ST_TRY(st_scan_value(scan, &stored));
        ST_TRY(st_collection_read(call->rq, scan->key, stored, &collection));
        collection.stamp = (st_stamp){scan->revision.number, scan->revision.timestamp_us};
        if (!collection.dropping) {
            ST_TRY(put_collection(call->out, &collection));
            count++;
        }
        if (count == limit) {
            ST_TRY(st_call_keep(call, collection.name, &last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

strata_status st_vector_count(st_call *call, const st_run *run, const st_vector_page *page,
                              uint64_t *count) {
    st_scan *scan;
    *count = 0;
    ST_TRY(st_vector_scan(call->rq, run, page, &scan));
    while (scan->here) {
        ++*count;
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

static strata_status put_index(strata_buffer *out, const st_collection_index *index) {
    st_vector_stats stats;
    st_vector_index_stats(index->index, &stats);
    ST_TRY(st_put_name(out, "index"));
    ST_TRY(st_msgpack_put_object(out, 6));
    ST_TRY(st_put_uint(out, "entries", stats.entries));
    ST_TRY(st_put_uint(out, "live", stats.live));
    ST_TRY(st_put_uint(out, "linked", stats.linked));
    ST_TRY(st_put_uint(out, "lag", stats.entries - stats.linked));
    ST_TRY(st_put_uint(out, "parts", stats.parts));
    return st_put_uint(out, "bytes", stats.bytes);
}

strata_status st_op_vector_info(st_call *call) {
    const st_vector_page page = {
        .collection = st_call_text(call, ARG_vector_info_name),
        .when = st_call_when(call, ARG_vector_info_as_of, ARG_vector_info_as_of_time)};
    st_collection collection;
    uint64_t count;
    st_run *run;
    ST_TRY(st_call_run(call, ARG_vector_info_run, &run));
    ST_TRY(st_collection_get(call->rq, run, page.collection, &page.when, &collection));
    ST_TRY(st_vector_count(call, run, &page, &count));
    const st_collection_index *index = st_vector_index_there(run, page.collection);
    ST_TRY(st_msgpack_put_object(call->out, index == NULL ? 2 : 3));
    ST_TRY(st_put_name(call->out, "collection"));
    ST_TRY(put_collection(call->out, &collection));
    ST_TRY(st_put_uint(call->out, "count", count));
    return index == NULL ? STRATA_OK : put_index(call->out, index);
}

/* ---- Search ---------------------------------------------------------------------------------- */

typedef struct shown {
    st_vector_metric metric;
    bool metadata;
    bool embeddings;
    bool explain;
} shown;

static strata_status put_hit(strata_buffer *out, const st_nearest_hit *hit, const shown *show) {
    const bool has_metadata = show->metadata && hit->vector.metadata.len > 0;
    const bool has_text = show->metadata && hit->vector.text.len > 0;
    ST_TRY(st_msgpack_put_object(out,
                                 3u + has_metadata + has_text + show->embeddings + show->explain));
    ST_TRY(st_put_text(out, "key", hit->key));
    ST_TRY(st_put_float(out, "score", hit->score));
    ST_TRY(st_put_uint(out, "version", hit->version));
    if (has_metadata) {
        ST_TRY(st_put_value(out, "metadata", hit->vector.metadata));
    }
    if (has_text) {
        ST_TRY(st_put_text(out, "text", hit->vector.text));
    }
    if (show->embeddings) {
        ST_TRY(st_put_name(out, "embedding"));
        ST_TRY(st_embedding_put(&hit->vector, out));
    }
    if (!show->explain) {
        return STRATA_OK;
    }
    ST_TRY(st_put_name(out, "explain"));
    ST_TRY(st_msgpack_put_object(out, 2));
    ST_TRY(st_put_text(out, "metric", strata_text(st_metric_name(show->metric))));
    return st_put_float(out, "distance", (double)hit->distance);
}

static strata_status put_found(strata_buffer *out, const st_nearest_result *found,
                               const shown *show) {
    ST_TRY(st_msgpack_put_object(out, 2));
    ST_TRY(st_put_name(out, "hits"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)found->count));
    for (size_t i = 0; i < found->count; i++) {
        ST_TRY(put_hit(out, &found->hits[i], show));
    }
    ST_TRY(st_put_name(out, "stats"));
    ST_TRY(st_msgpack_put_object(out, 5));
    ST_TRY(st_put_uint(out, "compared", found->compared));
    ST_TRY(st_put_uint(out, "fetched", found->fetched));
    ST_TRY(st_put_uint(out, "walked", found->walked));
    ST_TRY(st_put_uint(out, "scanned", found->scanned));
    return st_put_bool(out, "indexed", found->indexed);
}

strata_status st_op_vector_search(st_call *call) {
    shown show = {.metadata = st_call_bool(call, ARG_vector_search_metadata, true),
                  .embeddings = st_call_bool(call, ARG_vector_search_embeddings, false),
                  .explain = st_call_bool(call, ARG_vector_search_explain, false)};
    st_nearest_request request = {
        .collection = st_call_text(call, ARG_vector_search_collection),
        .k = st_call_uint(call, ARG_vector_search_k, ST_NEAREST_DEFAULT),
        .effort = st_call_uint(call, ARG_vector_search_effort, ST_EFFORT_DEFAULT),
        .exact = st_call_bool(call, ARG_vector_search_exact, false),
        .values = show.metadata || show.embeddings,
        .when = st_call_when(call, ARG_vector_search_as_of, ARG_vector_search_as_of_time)};
    st_nearest_result found;
    st_run *run;
    ST_TRY(st_call_run(call, ARG_vector_search_run, &run));
    ST_TRY(st_collection_name_check(request.collection, call->rq->error));
    ST_TRY(st_call_embedding(call, &call->args[ARG_vector_search_embedding], &request.embedding,
                             &request.dimension));
    ST_TRY(st_call_where(call, ARG_vector_search_filter, &request.where));
    ST_TRY(st_nearest(call->rq, run, &request, &found));
    show.metric = found.metric;
    return put_found(call->out, &found, &show);
}
