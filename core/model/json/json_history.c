/* json_history.c - the versions of a document: those of its bases and of its parts, as one list.
 *
 * A base and a part 1 of the same version are one change (json_write.c). A transaction that created a
 * document and changed it has left a base only.
 *
 * Retention lets the keys of a document go one by one, and a version is of use only if its base and all
 * parts up to it are there. So what is listed begins with the oldest version below which something may be
 * missing: of a key that was trimmed, the oldest that is left; of bases whose parts may have gone
 * altogether, the base or delete that came after them. Of these more versions are newer than retention
 * promises to keep, as none of them is of the same commit.
 */
#include "base/sort.h"
#include "model/json/json_private.h"

typedef struct found_version {
    st_json_revision revision;
    bool base;
} found_version;

typedef struct history {
    st_request *rq;
    const st_run *run;
    strata_slice key;
    uint64_t newest;        /* to be listed */
    strata_buffer versions; /* found_version */
    st_json_floor floor;
    uint64_t oldest;     /* that is of use */
    uint64_t first_base; /* 0: there is none */
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

/* Of versions of the bases, newest first. */
static strata_status see_base(history *h, uint64_t number) {
    bool lacks = false;
    h->first_base = number;
    if (number > h->oldest) {
        ST_TRY(st_json_may_lack(&h->rq->reader, h->run, number, &h->floor, &lacks));
    }
    h->oldest = lacks ? number : h->oldest;
    return STRATA_OK;
}

static strata_status collect(history *h, strata_slice low, strata_slice high) {
    const st_scan_range range = {low, high, false};
    const bool base = st_key_tag(low) == ST_TAG_JSON;
    st_scan *scan = st_arena_alloc(h->rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(h->rq->error);
    }
    ST_TRY(st_versions_start(scan, &h->rq->reader, h->run->shard, &range, UINT64_MAX));
    while (scan->here) {
        const st_revision *at = &scan->revision;
        const found_version one = {{{at->number, at->timestamp_us}, at->deleted, base}, base};
        if (at->trimmed && at->number > h->oldest) {
            h->oldest = at->number;
        }
        if (base) {
            ST_TRY(see_base(h, at->number));
        }
        /* A part goes with its base. */
        if (at->number <= h->newest && (base || !at->deleted) &&
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

/* Of each version one, in order; those of a new base beside a part are left out. */
static strata_status take(history *h, uint64_t limit, st_json_revision **revisions, size_t *count) {
    found_version *all = (found_version *)(void *)h->versions.data;
    const size_t total = h->versions.len / sizeof *all;
    const size_t most = total < limit ? total : (size_t)limit;
    const uint64_t oldest = h->first_base > h->oldest ? h->first_base : h->oldest;
    st_sort(all, total, sizeof *all, compare);
    *count = 0;
    *revisions = st_arena_alloc(h->rq->arena, (most + 1) * sizeof **revisions, 8);
    if (*revisions == NULL) {
        return st_fail_memory(h->rq->error);
    }
    for (size_t i = 0; i < total && *count < most; i++) {
        const uint64_t version = all[i].revision.stamp.version;
        if (version < oldest || h->first_base == 0) {
            break;
        }
        if (i == 0 || version != all[i - 1].revision.stamp.version) {
            (*revisions)[(*count)++] = all[i].revision;
        }
    }
    return STRATA_OK;
}

strata_status st_json_history(st_request *rq, const st_run *run, strata_slice key, uint64_t before,
                              uint64_t limit, st_json_revision **revisions, size_t *count) {
    const uint64_t snapshot = st_shard_snapshot(run->shard);
    history h = {.rq = rq,
                 .run = run,
                 .key = key,
                 .newest = before == 0             ? 0
                           : before - 1 < snapshot ? before - 1
                                                   : snapshot,
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
