/* json_history.c - the versions of a document: those of its bases and of its parts, as one list.
 *
 * A base and a part 1 of the same version are one change (json_write.c). A transaction that created a
 * document and changed it has left a base only.
 *
 * Retention lets the keys of a document go one by one, and a version is of use only if its base and all
 * parts up to it are there. So versions below what the run has ever let go (store/past.h) are read before
 * they are listed; above it all are whole. They are read at the last moment that shows them, as of a run
 * that was deleted a fork has only what it sees itself.
 */
#include "base/sort.h"
#include "model/json/json_private.h"
#include "store/past.h"

typedef struct found_version {
    st_json_revision revision;
    bool base;
} found_version;

typedef struct history {
    st_request *rq;
    const st_run *run;
    strata_slice key;
    uint64_t snapshot;
    uint64_t before;        /* what is listed is below it */
    strata_buffer versions; /* found_version */
} history;

static int compare(const void *a, const void *b) {
    const found_version *left = a;
    const found_version *right = b;
    const uint64_t l = left->revision.stamp.version;
    const uint64_t r = right->revision.stamp.version;
    if (l != r) {
        return l < r ? 1 : -1; /* newest first */
    }
    return left->base - right->base; /* a part before the base of the same commit */
}

static strata_status collect(history *h, strata_slice low, strata_slice high) {
    const st_scan_range range = {low, high, false};
    const bool base = st_key_tag(low) == ST_TAG_JSON;
    st_scan *scan = st_arena_alloc(h->rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(h->rq->error);
    }
    ST_TRY(st_versions_start(scan, &h->rq->reader, h->run->shard, &range, h->snapshot));
    while (scan->here) {
        const st_revision *at = &scan->revision;
        const found_version one = {{{at->number, at->timestamp_us}, at->deleted, base, at->number},
                                   base};
        /* A part goes with its base. */
        if ((base || !at->deleted) &&
            st_buffer_append(&h->versions, &one, sizeof one) != STRATA_OK) {
            return st_fail_memory(h->rq->error);
        }
        ST_TRY(st_versions_next(scan));
    }
    return STRATA_OK;
}

static strata_status collect_all(history *h) {
    st_request *rq = h->rq;
    strata_slice low;
    strata_slice high;
    ST_TRY(st_json_key(rq, ST_TAG_JSON_PATCH, h->key, 1, &low));
    ST_TRY(st_json_key(rq, ST_TAG_JSON_PATCH, h->key, UINT32_MAX, &high));
    ST_TRY(collect(h, low, high));
    ST_TRY(st_json_key(rq, ST_TAG_JSON, h->key, 0, &low));
    uint8_t *above = st_arena_alloc(rq->arena, low.len + 1, 1);
    if (above == NULL) {
        return st_fail_memory(rq->error);
    }
    memcpy(above, low.data, low.len);
    above[low.len] = 0;
    return collect(h, low, st_slice(above, low.len + 1));
}

/* ---- What is of use -------------------------------------------------------------------------- */

/* Below it something of the run, or of what it is a fork of, may have gone. */
static strata_status find_edge(history *h, uint64_t *edge) {
    static const uint8_t low[] = {ST_TAG_JSON};
    static const uint8_t high[] = {ST_TAG_JSON_PATCH + 1};
    _Static_assert(ST_TAG_JSON_PATCH == ST_TAG_JSON + 1, "one range");
    *edge = 0;
    for (const st_shard *shard = h->run->shard; shard != NULL; shard = shard->base) {
        st_floor gone;
        st_floor trimmed;
        ST_TRY(st_past_floor(&h->rq->reader, shard, st_slice(low, sizeof low),
                             st_slice(high, sizeof high), &gone));
        ST_TRY(st_past_trimmed(&h->rq->reader, shard, &trimmed));
        st_floor_raise(&gone, &trimmed);
        *edge = gone.version > *edge ? gone.version : *edge;
        *edge = st_shard_gone(shard) == 0 ? *edge : UINT64_MAX; /* the run was deleted */
    }
    return STRATA_OK;
}

/* Whether a reader at that commit finds the version. */
static strata_status is_seen(const history *h, uint64_t version, uint64_t at, bool *seen) {
    const st_bound then = {at, INT64_MAX, true, false};
    strata_error error = {.code = STRATA_OK};
    st_request scratch;
    st_arena arena;
    st_json_found found;
    st_arena_init(&arena, &h->rq->model->host->memory, 0);
    st_request_init(&scratch, h->rq->model, &arena, &error);
    const strata_status status = st_json_load(&scratch, h->run, h->key, &then, &found);
    *seen = status == STRATA_OK && found.exists && found.stamp.version == version;
    strata_buffer_free(&scratch.value);
    st_arena_free(&arena);
    if (status != STRATA_OK && status != STRATA_HISTORY_TRIMMED && h->rq->error != NULL) {
        *h->rq->error = error;
    }
    return status == STRATA_HISTORY_TRIMMED ? STRATA_OK : status;
}

/* until: the last commit before the next version. */
static strata_status find_seen(const history *h, uint64_t until, st_json_revision *one,
                               bool *seen) {
    const uint64_t version = one->stamp.version;
    ST_TRY(is_seen(h, version, until, seen));
    if (*seen) {
        one->seen_at = until;
        return STRATA_OK;
    }
    return is_seen(h, version, version, seen);
}

/* Of each version one, in order; those of a new base beside a part are left out. */
static strata_status take(history *h, uint64_t limit, st_json_revision **revisions, size_t *count) {
    found_version *all = (found_version *)(void *)h->versions.data;
    const size_t total = h->versions.len / sizeof *all;
    const size_t most = total < limit ? total : (size_t)limit;
    /* A fork that nobody has written to sees its base as of its beginning. */
    const uint64_t since = h->run->shard->base == NULL ? 0 : h->run->shard->since;
    uint64_t until = h->snapshot > since ? h->snapshot : since;
    uint64_t edge;
    ST_TRY(find_edge(h, &edge)); /* after the versions: what they lack, it has */
    st_sort(all, total, sizeof *all, compare);
    *count = 0;
    *revisions = st_arena_alloc(h->rq->arena, (most + 1) * sizeof **revisions, 8);
    if (*revisions == NULL) {
        return st_fail_memory(h->rq->error);
    }
    for (size_t i = 0; i < total && *count < most; i++) {
        st_json_revision *one = &all[i].revision;
        bool seen = true;
        if (i > 0 && one->stamp.version == all[i - 1].revision.stamp.version) {
            continue;
        }
        if (one->stamp.version >= h->before) {
            seen = false;
        } else if (one->stamp.version < edge && !one->deleted) {
            ST_TRY(find_seen(h, until, one, &seen));
        }
        until = one->stamp.version - 1;
        if (seen) {
            (*revisions)[(*count)++] = *one;
        }
    }
    return STRATA_OK;
}

strata_status st_json_history(st_request *rq, const st_run *run, strata_slice key, uint64_t before,
                              uint64_t limit, st_json_revision **revisions, size_t *count) {
    history h = {.rq = rq,
                 .run = run,
                 .key = key,
                 .snapshot = st_shard_snapshot(run->shard),
                 .before = before,
                 .versions = {NULL, 0, 0, rq->model->host}};
    ST_TRY(st_run_check_there(rq, run));
    ST_TRY(st_key_check(key, rq->error));
    strata_status status = collect_all(&h);
    if (status == STRATA_OK) {
        status = take(&h, limit, revisions, count);
    }
    strata_buffer_free(&h.versions);
    return status;
}
