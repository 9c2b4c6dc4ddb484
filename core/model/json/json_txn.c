/* json_txn.c - conflicts of documents, by path; and what a transaction has done to documents, stored.
 *
 * A transaction notes the regions (format/route.h) that it has read and changed. If others have committed
 * to the document since its snapshot, the regions of their changes are compared with its own: they meet
 * where one path is above the other, or is the other. What others have done is told by the parts whose
 * versions are above the snapshot; a base without a part of its own version has replaced everything.
 * Changes are in routes, which stay right whatever others have done outside of these regions: places of
 * elements move, their ids do not. So they are applied to the document as it is now.
 *
 * Invariant: a held snapshot keeps all versions above it, so none of those parts is trimmed meanwhile.
 */
#include "model/json/json_txn.h"

#include "model/field_index.h"
#include "model/json/json_private.h"

/* What a transaction has done to one document, in order: a whole one (or none), then changes. */
typedef struct st_json_pending {
    struct st_json_pending *next;
    strata_slice key;
    bool replaced;
    bool removed;
    strata_slice whole;
    strata_slice *changes;
    size_t count;
    size_t cap;

    st_json_entry *entry; /* of the cache */
    st_json_found found;  /* as it will be */
} st_json_pending;

typedef struct region {
    struct region *next;
    st_region region;
} region;

/* What others have done to a document since the snapshot. */
typedef struct st_json_since {
    struct st_json_since *next;
    strata_slice key;
    bool replaced;
    region *first; /* of their changes */
} st_json_since;

static void *take(st_json_commit *commit, size_t size) {
    void *memory = st_arena_alloc(commit->rq->arena, size, 8);
    if (memory == NULL) {
        st_fail_memory(commit->rq->error);
        return NULL;
    }
    memset(memory, 0, size);
    return memory;
}

/* ---- Conflicts ------------------------------------------------------------------------------- */

static strata_status add_regions(st_json_commit *commit, st_json_since *since,
                                 strata_slice changes) {
    st_cursor cursor = st_cursor_over(changes);
    while (st_cursor_left(&cursor) > 0) {
        st_region regions[ST_CHANGE_REGIONS_MAX];
        st_change change;
        size_t count = 0;
        if (!st_change_next(&cursor, &change)) {
            return st_json_fail(commit->rq, since->key);
        }
        strata_buffer scratch = {NULL, 0, 0, commit->rq->model->host};
        strata_status status = st_change_regions(&change, &scratch, regions, &count);
        for (size_t i = 0; status == STRATA_OK && i < count; i++) {
            region *one = take(commit, sizeof *one);
            if (one == NULL) {
                status = STRATA_NO_MEMORY;
                break;
            }
            *one = (region){since->first,
                            {regions[i].kind, st_arena_copy(commit->rq->arena, regions[i].route)}};
            status = one->region.route.data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
            since->first = one;
        }
        strata_buffer_free(&scratch);
        if (status != STRATA_OK) {
            return status == STRATA_NO_MEMORY ? st_fail_memory(commit->rq->error)
                                              : st_json_fail(commit->rq, since->key);
        }
    }
    return STRATA_OK;
}

/* Versions of part 1 above the snapshot: a base of the same version has replaced nothing. */
typedef struct newer {
    uint64_t *numbers;
    size_t count;
    size_t cap;
} newer;

static strata_status note_first_part(st_json_commit *commit, newer *firsts, uint64_t number) {
    if (firsts->count == firsts->cap) {
        const size_t cap = firsts->cap == 0 ? 8 : firsts->cap * 2;
        uint64_t *more = take(commit, cap * sizeof *more);
        if (more == NULL) {
            return STRATA_NO_MEMORY;
        }
        if (firsts->count > 0) {
            memcpy(more, firsts->numbers, firsts->count * sizeof *more);
        }
        firsts->numbers = more;
        firsts->cap = cap;
    }
    firsts->numbers[firsts->count++] = number;
    return STRATA_OK;
}

static strata_status see_part(st_json_commit *commit, st_json_since *since, st_scan *scan,
                              newer *firsts) {
    uint32_t part;
    strata_slice stored;
    (void)st_key_part_of(scan->key, &part);
    if (part == 1) {
        ST_TRY(note_first_part(commit, firsts, scan->revision.number));
    }
    if (scan->revision.deleted) {
        return STRATA_OK; /* with its base */
    }
    ST_TRY(st_scan_value(scan, &stored));
    if (stored.len < 2) {
        return st_json_fail(commit->rq, since->key);
    }
    return add_regions(commit, since, st_slice((const uint8_t *)stored.data + 1, stored.len - 1));
}

static bool has(const newer *firsts, uint64_t number) {
    for (size_t i = 0; i < firsts->count; i++) {
        if (firsts->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

/* Walks the versions above the snapshot in a range; of the base (firsts are known), or of its parts. */
static strata_status walk(st_json_commit *commit, st_json_since *since, strata_slice low,
                          strata_slice high, newer *firsts, bool parts) {
    st_request *rq = commit->rq;
    const uint64_t snapshot = st_txn_snapshot(rq->txn);
    const st_scan_range range = {low, high, false};
    st_reader untracked = rq->reader;
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    untracked.overlay = NULL;
    untracked.scans = NULL;
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    strata_status status =
        st_versions_since(scan, &untracked, commit->run->shard, &range, snapshot);
    while (status == STRATA_OK && scan->here) {
        if (scan->revision.number <= snapshot) {
            status = st_versions_next_key(scan);
            continue;
        }
        if (parts) {
            status = see_part(commit, since, scan, firsts);
        } else if (scan->revision.deleted || !has(firsts, scan->revision.number)) {
            since->replaced = true;
        }
        if (status == STRATA_OK) {
            status = st_versions_next(scan);
        }
    }
    st_reader_finish(&untracked);
    return status;
}

static strata_status find_since(st_json_commit *commit, strata_slice key, st_json_since **out) {
    newer firsts = {NULL, 0, 0};
    strata_slice low;
    strata_slice high;
    for (st_json_since *since = commit->since; since != NULL; since = since->next) {
        if (st_slice_equal(since->key, key)) {
            *out = since;
            return STRATA_OK;
        }
    }
    st_json_since *since = take(commit, sizeof *since);
    if (since == NULL) {
        return STRATA_NO_MEMORY;
    }
    since->key = key;
    ST_TRY(st_json_key(commit->rq, ST_TAG_JSON_PATCH, key, 1, &low));
    ST_TRY(st_json_key(commit->rq, ST_TAG_JSON_PATCH, key, UINT32_MAX, &high));
    ST_TRY(walk(commit, since, low, high, &firsts, true));
    ST_TRY(st_json_key(commit->rq, ST_TAG_JSON, key, 0, &low));
    uint8_t *above = take(commit, low.len + 1);
    if (above == NULL) {
        return STRATA_NO_MEMORY;
    }
    memcpy(above, low.data, low.len);
    ST_TRY(walk(commit, since, low, st_slice(above, low.len + 1), &firsts, false));
    since->next = commit->since;
    commit->since = since;
    *out = since;
    return STRATA_OK;
}

static strata_status fail_conflict(st_request *rq, strata_slice key) {
    st_fail(rq->error, STRATA_CONFLICT,
            "what the transaction has read or changed in \"%S\" was changed since; nothing was "
            "committed. Run the transaction again",
            &key);
    return st_fail_text(rq->error, "key", key);
}

strata_status st_json_commit_check(st_json_commit *commit, strata_slice note) {
    st_cursor cursor = st_cursor_over(note);
    strata_slice key;
    uint8_t kind = 0;
    st_json_since *since;
    const bool good = st_cursor_sized(&cursor, &key) && st_cursor_u8(&cursor, &kind);
    ST_ASSERT(good);
    const st_region mine = {(st_region_kind)kind, st_slice(cursor.at, st_cursor_left(&cursor))};
    ST_TRY(find_since(commit, key, &since));
    if (since->replaced) {
        return fail_conflict(commit->rq, key);
    }
    for (const region *theirs = since->first; theirs != NULL; theirs = theirs->next) {
        if (st_regions_meet(mine, theirs->region)) {
            return fail_conflict(commit->rq, key);
        }
    }
    return STRATA_OK;
}

/* ---- Writes ---------------------------------------------------------------------------------- */

static st_json_pending *find_pending(st_json_commit *commit, strata_slice key) {
    st_json_pending *one = commit->documents;
    while (one != NULL && !st_slice_equal(one->key, key)) {
        one = one->next;
    }
    if (one == NULL) {
        one = take(commit, sizeof *one);
        if (one != NULL) {
            one->key = key;
            one->next = commit->documents;
            commit->documents = one;
        }
    }
    return one;
}

static strata_slice unwrapped(strata_slice stored) {
    return stored.len == 0 ? stored : st_slice((const uint8_t *)stored.data + 1, stored.len - 1);
}

strata_status st_json_commit_add(st_json_commit *commit, const st_write *write) {
    uint32_t part;
    const bool whole = st_key_tag(write->key) == ST_TAG_JSON;
    st_json_pending *one = find_pending(commit, whole ? st_key_text_of(write->key)
                                                      : st_key_part_of(write->key, &part));
    if (one == NULL) {
        return STRATA_NO_MEMORY;
    }
    if (whole) {
        one->replaced = !write->deletes;
        one->removed = write->deletes;
        one->whole = unwrapped(write->value);
        one->count = 0;
        return STRATA_OK;
    }
    if (one->count == one->cap) {
        const size_t cap = one->cap == 0 ? 4 : one->cap * 2;
        strata_slice *more = take(commit, cap * sizeof *more);
        if (more == NULL) {
            return STRATA_NO_MEMORY;
        }
        if (one->count > 0) {
            memcpy(more, one->changes, one->count * sizeof *more);
        }
        one->changes = more;
        one->cap = cap;
    }
    one->changes[one->count++] = unwrapped(write->value);
    return STRATA_OK;
}

static strata_status put(st_json_commit *commit, strata_buffer *writes, uint8_t tag,
                         strata_slice key, uint32_t part, strata_slice value) {
    st_write write = {.deletes = false};
    ST_TRY(st_json_key(commit->rq, tag, key, part, &write.key));
    ST_TRY(st_json_stored(commit->rq, value, &write.value));
    return st_buffer_append(writes, &write, sizeof write) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(commit->rq->error);
}

static strata_status join(st_json_commit *commit, const st_json_pending *one, strata_slice *all) {
    size_t len = 0;
    for (size_t i = 0; i < one->count; i++) {
        len += one->changes[i].len;
    }
    uint8_t *bytes = take(commit, len + 1);
    if (bytes == NULL) {
        return STRATA_NO_MEMORY;
    }
    *all = st_slice(bytes, len);
    for (size_t i = 0; i < one->count; i++) {
        memcpy(bytes, one->changes[i].data, one->changes[i].len);
        bytes += one->changes[i].len;
    }
    return STRATA_OK;
}

/* What the run's indexes need for it. before: as it is stored; none of them is looked at otherwise. */
static strata_status add_index_writes(st_json_commit *commit, const st_json_pending *one,
                                      const strata_slice *before, strata_slice after,
                                      strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_json_found found = {.exists = false};
    strata_slice owner;
    bool any = false;
    ST_TRY(st_indexes_any(commit->rq, commit->run, ST_PRIMITIVE_JSON, &any));
    if (!any) {
        return STRATA_OK;
    }
    if (before == NULL) {
        ST_TRY(st_json_load(commit->rq, commit->run, one->key, &newest, &found));
    }
    ST_TRY(st_json_key(commit->rq, ST_TAG_JSON, one->key, 0, &owner));
    return st_indexes_change(commit->rq, commit->run, owner,
                             before != NULL ? *before
                             : found.exists ? found.document
                                            : st_slice("", 0),
                             after, writes);
}

/* Changes of the document as it is now. */
static strata_status finish_changes(st_json_commit *commit, st_json_pending *one,
                                    strata_buffer *writes) {
    st_request *rq = commit->rq;
    const st_bound newest = st_bound_version(UINT64_MAX);
    strata_slice changes;
    strata_slice after;
    st_json_found *found = &one->found;
    ST_TRY(st_json_load(rq, commit->run, one->key, &newest, found));
    if (!found->exists) {
        return fail_conflict(rq, one->key);
    }
    ST_TRY(join(commit, one, &changes));
    const strata_status status = st_json_apply(rq, found->document, &changes, 1, &after);
    if (status != STRATA_OK) {
        return status == STRATA_CORRUPT ? fail_conflict(rq, one->key) : status;
    }
    if (after.len > rq->model->document_bytes_max) {
        return st_document_fail_size(rq->error, rq->model->document_bytes_max);
    }
    ST_TRY(add_index_writes(commit, one, &found->document, after, writes));
    if (st_json_base_due(found, changes)) {
        ST_TRY(put(commit, writes, ST_TAG_JSON, one->key, 0, found->document));
        *found = (st_json_found){true, after, {0, 0}, found->document.len, 0, 0};
    }
    found->document = after;
    found->parts++;
    found->parts_bytes += changes.len;
    return put(commit, writes, ST_TAG_JSON_PATCH, one->key, found->parts, changes);
}

static strata_status finish_whole(st_json_commit *commit, st_json_pending *one,
                                  strata_buffer *writes) {
    strata_slice after = one->whole;
    if (one->count > 0) {
        const strata_status status =
            st_json_apply(commit->rq, one->whole, one->changes, one->count, &after);
        if (status != STRATA_OK) {
            return status == STRATA_CORRUPT ? st_json_fail(commit->rq, one->key) : status;
        }
    }
    one->found = (st_json_found){true, after, {0, 0}, after.len, 0, 0};
    ST_TRY(add_index_writes(commit, one, NULL, after, writes));
    return after.len > commit->rq->model->document_bytes_max
               ? st_document_fail_size(commit->rq->error, commit->rq->model->document_bytes_max)
               : put(commit, writes, ST_TAG_JSON, one->key, 0, after);
}

static strata_status finish_removal(st_json_commit *commit, const st_json_pending *one,
                                    strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_json_found found;
    ST_TRY(st_json_load(commit->rq, commit->run, one->key, &newest, &found));
    if (!found.exists) {
        return STRATA_OK;
    }
    ST_TRY(add_index_writes(commit, one, &found.document, st_slice("", 0), writes));
    return st_json_removal(commit->rq, commit->run, one->key, writes);
}

strata_status st_json_commit_finish(st_json_commit *commit, strata_buffer *writes) {
    st_json_cache *cache = &commit->rq->model->documents;
    for (st_json_pending *one = commit->documents; one != NULL; one = one->next) {
        if (one->removed) {
            ST_TRY(finish_removal(commit, one, writes));
        } else if (one->replaced) {
            ST_TRY(finish_whole(commit, one, writes));
        } else if (one->count > 0) {
            ST_TRY(finish_changes(commit, one, writes));
        }
        one->entry = st_json_cache_take(cache, commit->run->shard->run, one->key);
    }
    return STRATA_OK;
}

void st_json_commit_done(st_json_commit *commit, uint64_t version, int64_t timestamp_us) {
    st_json_cache *cache = &commit->rq->model->documents;
    for (st_json_pending *one = commit->documents; one != NULL; one = one->next) {
        st_json_entry *entry = one->entry;
        one->entry = NULL;
        if (entry == NULL) {
            continue;
        }
        entry->document.len = 0;
        if (one->removed || st_buffer_append(&entry->document, one->found.document.data,
                                             one->found.document.len) != STRATA_OK) {
            st_json_cache_drop(cache, entry);
            continue;
        }
        entry->version = version;
        entry->timestamp_us = timestamp_us;
        entry->base_bytes = one->found.base_bytes;
        entry->parts = one->found.parts;
        entry->parts_bytes = one->found.parts_bytes;
        st_json_cache_put(cache, entry);
    }
}

void st_json_commit_abort(st_json_commit *commit) {
    for (st_json_pending *one = commit->documents; one != NULL; one = one->next) {
        st_json_cache_drop(&commit->rq->model->documents, one->entry);
        one->entry = NULL;
    }
}
