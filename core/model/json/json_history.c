/* json_history.c - the versions of a document: those of its bases and of its parts, as one list.
 *
 * A base and a part 1 of the same version are one change (json_write.c). A transaction that created a
 * document and changed it has left a base only.
 */
#include "base/sort.h"
#include "model/json/json_private.h"

typedef struct found_version {
    st_json_revision revision;
    bool base;
} found_version;

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

static strata_status collect(st_request *rq, const st_run *run, strata_slice low, strata_slice high,
                             uint64_t newest, strata_buffer *versions) {
    const st_scan_range range = {low, high, false};
    const bool base = st_key_tag(low) == ST_TAG_JSON;
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_versions_start(scan, &rq->reader, run->shard, &range, newest));
    while (scan->here) {
        const st_revision *at = &scan->revision;
        const found_version one = {{{at->number, at->timestamp_us}, at->deleted, base}, base};
        /* A part goes with its base. */
        if ((base || !at->deleted) && st_buffer_append(versions, &one, sizeof one) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        ST_TRY(st_versions_next(scan));
    }
    return STRATA_OK;
}

static strata_status collect_all(st_request *rq, const st_run *run, strata_slice key,
                                 uint64_t newest, strata_buffer *versions) {
    strata_slice low;
    strata_slice high;
    ST_TRY(st_json_key(rq, ST_TAG_JSON, key, 0, &low));
    uint8_t *above = st_arena_alloc(rq->arena, low.len + 1, 1);
    if (above == NULL) {
        return st_fail_memory(rq->error);
    }
    memcpy(above, low.data, low.len);
    above[low.len] = 0;
    ST_TRY(collect(rq, run, low, st_slice(above, low.len + 1), newest, versions));
    ST_TRY(st_json_key(rq, ST_TAG_JSON_PATCH, key, 1, &low));
    ST_TRY(st_json_key(rq, ST_TAG_JSON_PATCH, key, UINT32_MAX, &high));
    return collect(rq, run, low, high, newest, versions);
}

/* Of each version one, in order; those of a new base beside a part are left out. */
static strata_status take(st_request *rq, strata_buffer *versions, uint64_t limit,
                          st_json_revision **revisions, size_t *count) {
    found_version *all = (found_version *)(void *)versions->data;
    const size_t total = versions->len / sizeof *all;
    const size_t most = total < limit ? total : (size_t)limit;
    st_sort(all, total, sizeof *all, compare);
    *count = 0;
    *revisions = st_arena_alloc(rq->arena, (most + 1) * sizeof **revisions, 8);
    if (*revisions == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < total && *count < most; i++) {
        if (i == 0 || all[i].revision.stamp.version != all[i - 1].revision.stamp.version) {
            (*revisions)[(*count)++] = all[i].revision;
        }
    }
    return STRATA_OK;
}

strata_status st_json_history(st_request *rq, const st_run *run, strata_slice key, uint64_t before,
                              uint64_t limit, st_json_revision **revisions, size_t *count) {
    strata_buffer versions = {NULL, 0, 0, rq->model->host};
    const uint64_t snapshot = st_shard_snapshot(run->shard);
    const uint64_t newest = before == 0 ? 0 : before - 1 < snapshot ? before - 1 : snapshot;
    ST_TRY(st_run_check_there(rq, run));
    ST_TRY(st_key_check(key, rq->error));
    strata_status status = collect_all(rq, run, key, newest, &versions);
    if (status == STRATA_OK) {
        status = take(rq, &versions, limit, revisions, count);
    }
    strata_buffer_free(&versions);
    return status;
}
