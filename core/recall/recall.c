/* recall.c - one recall: parse, snapshot, search, fetch, excerpt.
 *
 * The snapshot is taken after the index is there and before the search, and every hit is fetched
 * from the store at it, so a recall is a function of (snapshot, request): texts, scores and order
 * belong together, whatever is written meanwhile; it is held until then, so that what the index finds
 * is not trimmed before it is fetched. The index knows keys and versions only; texts come from the
 * store, which has them anyway.
 * The index answers for the commits since it was built. What was there before that, or at a time, is
 * indexed for the one recall; scores are the same, as they depend on the memories alone.
 */
#include "recall/recall.h"

#include "base/utf8.h"
#include "model/memory_index.h"
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
                           const st_bound *bound, st_recall_hit *hit) {
    hit->score = found->score;
    hit->snippet = st_slice("", 0);
    bool there = false;
    ST_TRY(st_memory_find(rq, run, found->key, bound, &hit->memory, &hit->stamp, &there));
    ST_ASSERT(there); /* the index holds what the store holds */
    hit->memory.key = st_arena_copy(rq->arena, found->key);
    return hit->memory.key.data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

/* What a recall searches: an index, and the version at which to search it. */
typedef struct recall_view {
    st_bound bound;
    const st_text_head *head;
    uint64_t version;
    st_text_head *own; /* made for this recall; NULL: none */
    st_held_snapshot held;
    bool holds;
} recall_view;

static strata_status open_view(st_request *rq, st_run *run, const st_when *when,
                               recall_view *view) {
    uint64_t base;
    ST_TRY(st_memory_index(rq, run, &view->head, &base));
    ST_TRY(st_bound_at(rq, run, when, &view->bound));
    view->bound.own = false; /* what a transaction has written has no place in the index yet */
    if (!view->bound.past) {
        st_snapshot_hold(&rq->model->store, run->shard, &view->held);
        view->holds = true;
        if (rq->txn == NULL) {
            view->bound.version = view->held.version;
        }
    }
    view->version = view->bound.version;
    if (view->version >= base && view->bound.time_us == INT64_MAX) {
        return STRATA_OK;
    }
    ST_TRY(st_memory_index_at(rq, run, &view->bound, &view->own, &view->version));
    view->head = view->own;
    return STRATA_OK;
}

static void close_view(st_request *rq, recall_view *view) {
    if (view->holds) {
        st_snapshot_release(&rq->model->store, &view->held);
    }
    st_text_head_destroy(view->own);
}

static strata_status fetch_all(st_request *rq, st_analyzer *analyzer, const st_run *run,
                               const st_text_query *query, const st_recall_request *request,
                               const recall_view *view, st_recall_result *result) {
    st_text_result found;
    if (st_text_head_search(view->head, query, view->version, (size_t)request->k, rq->arena,
                            &found) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    st_recall_hit *hits = st_arena_alloc(rq->arena, st_max(found.count, 1) * sizeof *hits, 8);
    if (hits == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < found.count; i++) {
        ST_TRY(fetch(rq, run, &found.hits[i], &view->bound, &hits[i]));
        if (request->snippets) {
            ST_TRY(cut_snippet(rq, analyzer, query, hits[i].memory.text, &hits[i].snippet));
        }
    }
    result->hits = hits;
    result->count = found.count;
    result->candidates = found.candidates;
    result->memories = found.documents;
    result->terms = query->count;
    return STRATA_OK;
}

static strata_status search(st_request *rq, st_analyzer *analyzer, st_run *run,
                            const st_recall_request *request, st_recall_result *result) {
    st_text_query query;
    recall_view view = {.head = NULL, .own = NULL, .holds = false};
    ST_TRY(st_text_query_parse(analyzer, request->query, rq->arena, &query, rq->error));
    strata_status status = open_view(rq, run, &request->when, &view);
    if (status == STRATA_OK) {
        status = fetch_all(rq, analyzer, run, &query, request, &view, result);
    }
    close_view(rq, &view);
    return status;
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
