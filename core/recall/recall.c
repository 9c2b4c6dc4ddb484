/* recall.c - one recall: parse, snapshot, search, fetch, excerpt.
 *
 * The snapshot is taken after the index is there and before the search, and every hit is fetched
 * from the store at it, so a recall is a function of (snapshot, request): texts, scores and order
 * belong together, whatever is written meanwhile. The index knows keys and versions only; texts
 * come from the store, which has them anyway.
 */
#include "recall/recall.h"

#include "base/utf8.h"
#include "recall/snippet.h"

static strata_status check(st_request *rq, const st_recall_request *request) {
    if (request->k == 0 || request->k > ST_PAGE_MAX) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT, "k is %u; it must be 1 to %u",
                       request->k, (uint64_t)ST_PAGE_MAX);
    }
    if (!st_utf8_valid(request->query, NULL)) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the query is not UTF-8");
    }
    return STRATA_OK;
}

static strata_status cut_snippet(st_request *rq, st_analyzer *analyzer, const st_text_query *query,
                                 strata_slice text, strata_slice *snippet) {
    rq->value.len = 0;
    if (st_snippet_append(analyzer, query, text, &rq->value) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    *snippet = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    return snippet->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static strata_status fetch(st_request *rq, const st_run *run, const st_text_hit *found,
                           uint64_t snapshot, st_recall_hit *hit) {
    hit->score = found->score;
    hit->snippet = st_slice("", 0);
    const st_when when = {snapshot, INT64_MAX};
    const strata_status status =
        st_memory_get(rq, run, found->key, &when, &hit->memory, &hit->stamp);
    ST_ASSERT(status != STRATA_NOT_FOUND); /* the index holds what the store holds */
    return status;
}

static strata_status search(st_request *rq, st_analyzer *analyzer, st_run *run,
                            const st_recall_request *request, st_recall_result *result) {
    const st_text_head *head;
    st_text_query query;
    st_text_result found;
    ST_TRY(st_text_query_parse(analyzer, request->query, rq->arena, &query, rq->error));
    ST_TRY(st_memory_index(rq, run, &head));
    const uint64_t snapshot = st_shard_snapshot(run->shard);
    if (st_text_head_search(head, &query, snapshot, (size_t)request->k, rq->arena, &found) !=
        STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    st_recall_hit *hits = st_arena_alloc(rq->arena, st_max(found.count, 1) * sizeof *hits, 8);
    if (hits == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < found.count; i++) {
        ST_TRY(fetch(rq, run, &found.hits[i], snapshot, &hits[i]));
        if (request->snippets) {
            ST_TRY(cut_snippet(rq, analyzer, &query, hits[i].memory.text, &hits[i].snippet));
        }
    }
    result->hits = hits;
    result->count = found.count;
    result->candidates = found.candidates;
    result->memories = found.documents;
    result->terms = query.count;
    return STRATA_OK;
}

strata_status st_recall(st_request *rq, st_run *run, const st_recall_request *request,
                        st_recall_result *result) {
    const strata_clock *clock = &rq->model->host->clock;
    const uint64_t start_ns = clock->monotonic_ns(clock->ctx);
    st_analyzer analyzer;
    ST_TRY(check(rq, request));
    if (st_analyzer_init(&analyzer, ST_LANGUAGE_ENGLISH) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    const strata_status status = search(rq, &analyzer, run, request, result);
    st_analyzer_free(&analyzer);
    result->elapsed_ns = clock->monotonic_ns(clock->ctx) - start_ns;
    return status;
}
