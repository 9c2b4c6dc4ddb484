/* json_load.c - making a document whole: its base, and the changes since.
 *
 * At every bound the parts of the base that is seen there are 1, 2, 3 ... without a gap, and nothing of
 * an older base is taken for one of them: a part is written after its base, or with it, and parts are
 * written in their order.
 * Retention lets base and parts go key by key. A part goes only for another version of its key, which is
 * of a later base, or a delete with that of its base. So a reader of the past finds the parts of his base
 * whole, or a mark on one, or, if all of one went, a floor that is not below the version that came after
 * his base. A base that nothing came after needs no such witness (check_floor).
 * The transaction of the request is not told that the keys were read: it depends on regions of documents
 * (st_json_note).
 * Rejected: one key for each node of a document. A path would cost no change log, but a document of
 * 10 KB would be three hundred keys, each with its path, and a read of it a scan.
 */
#include "model/json/json_private.h"

#include "store/past.h"

strata_status st_json_fail(st_request *rq, strata_slice key) {
    st_fail(rq->error, STRATA_CORRUPT, "the document \"%S\" is malformed", &key);
    return st_fail_text(rq->error, "file", strata_text("json"));
}

strata_status st_json_key(st_request *rq, uint8_t tag, strata_slice key, uint32_t part,
                          strata_slice *out) {
    st_key made;
    if (tag == ST_TAG_JSON) {
        st_key_text(&made, tag, key);
    } else {
        st_key_part(&made, tag, key, part);
    }
    *out = st_arena_copy(rq->arena, st_key_slice(&made));
    return out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

strata_status st_json_stored(st_request *rq, strata_slice bytes, strata_slice *stored) {
    uint8_t *copy = st_arena_alloc(rq->arena, bytes.len + 1, 1);
    if (copy == NULL) {
        return st_fail_memory(rq->error);
    }
    copy[0] = ST_JSON_FORM;
    if (bytes.len > 0) {
        memcpy(copy + 1, bytes.data, bytes.len);
    }
    *stored = st_slice(copy, bytes.len + 1);
    return STRATA_OK;
}

static bool unwrap(strata_slice stored, strata_slice *bytes) {
    const uint8_t *form = stored.data;
    *bytes = stored.len == 0 ? stored : st_slice(form + 1, stored.len - 1);
    return stored.len > 1 && form[0] == ST_JSON_FORM;
}

/* ---- Applying changes ------------------------------------------------------------------------ */

static bool room_of(strata_slice changes, size_t *room) {
    st_cursor cursor = st_cursor_over(changes);
    while (st_cursor_left(&cursor) > 0) {
        st_change change;
        if (!st_change_next(&cursor, &change)) {
            return false;
        }
        *room += change.raw.len + ST_CHANGE_ROOM;
    }
    return true;
}

strata_status st_json_apply(st_request *rq, strata_slice document, const strata_slice *changes,
                            size_t count, strata_slice *out) {
    size_t room = document.len;
    for (size_t i = 0; i < count; i++) {
        if (!room_of(changes[i], &room)) {
            return STRATA_CORRUPT;
        }
    }
    strata_buffer whole = {st_arena_alloc(rq->arena, room, 1), document.len, room, rq->model->host};
    if (whole.data == NULL) {
        return st_fail_memory(rq->error);
    }
    memcpy(whole.data, document.data, document.len);
    for (size_t i = 0; i < count; i++) {
        ST_TRY(st_changes_apply(&whole, changes[i]));
    }
    *out = st_buffer_slice(&whole);
    return STRATA_OK;
}

/* ---- What is stored -------------------------------------------------------------------------- */

typedef struct parts {
    strata_slice *changes; /* in the arena */
    size_t count;
    size_t cap;
    size_t bytes;
} parts;

static strata_status add_part(st_request *rq, parts *all, strata_slice changes) {
    if (all->count == all->cap) {
        const size_t cap = all->cap == 0 ? 16 : all->cap * 2;
        strata_slice *more = st_arena_alloc(rq->arena, cap * sizeof *more, 8);
        if (more == NULL) {
            return st_fail_memory(rq->error);
        }
        if (all->count > 0) {
            memcpy(more, all->changes, all->count * sizeof *more);
        }
        all->changes = more;
        all->cap = cap;
    }
    strata_slice copy = st_arena_copy(rq->arena, changes);
    if (copy.data == NULL) {
        return st_fail_memory(rq->error);
    }
    all->changes[all->count++] = copy;
    all->bytes += copy.len;
    return STRATA_OK;
}

/* Reading one document. */
typedef struct loading {
    st_request *rq;
    st_reader *reader;
    const st_run *run;
    strata_slice key;
    const st_bound *bound;
    st_json_found *found;
    strata_slice base; /* the keys in the store */
    strata_slice low;
    strata_slice high;
    parts parts;
} loading;

/* The version of the base's key that came after the one that was found; 0: none has. */
static strata_status find_next_base(const loading *l, uint64_t *next) {
    uint8_t above[ST_STORE_KEY_MAX + 1];
    memcpy(above, l->base.data, l->base.len);
    above[l->base.len] = 0;
    const st_scan_range range = {l->base, st_slice(above, l->base.len + 1), false};
    st_scan *scan = st_arena_alloc(l->rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(l->rq->error);
    }
    *next = 0;
    strata_status status = st_versions_start(scan, l->reader, l->run->shard, &range, UINT64_MAX);
    while (status == STRATA_OK && scan->here && scan->revision.number > l->found->stamp.version) {
        *next = scan->revision.number;
        status = st_versions_next(scan);
    }
    st_scan_end(scan);
    return status;
}

strata_status st_json_may_lack(st_reader *reader, const st_run *run, uint64_t version,
                               st_json_floor *known, bool *lacks) {
    static const uint8_t low[] = {ST_TAG_JSON_PATCH};
    static const uint8_t high[] = {ST_TAG_JSON_PATCH + 1};
    const st_shard *shard = run->shard;
    *lacks = false;
    if (st_store_floor(reader->store) == 0) {
        return STRATA_OK;
    }
    while (shard->base != NULL && version <= shard->base_version) {
        shard = shard->base; /* where a fork has that version from */
    }
    if (known->shard != shard) {
        st_floor floor;
        ST_TRY(st_past_floor(reader, shard, st_slice(low, sizeof low), st_slice(high, sizeof high),
                             &floor));
        *known = (st_json_floor){shard, floor.version};
    }
    *lacks = version <= known->version;
    return STRATA_OK;
}

/* Whether parts of the base that a reader of the past has found may have gone without a trace. */
static strata_status check_floor(const loading *l) {
    st_json_floor floor = {NULL, 0};
    uint64_t next = 0;
    bool lacks = false;
    if (!l->bound->past || st_store_floor(l->reader->store) == 0) {
        return STRATA_OK;
    }
    ST_TRY(find_next_base(l, &next));
    if (next > 0) {
        ST_TRY(st_json_may_lack(l->reader, l->run, next, &floor, &lacks));
    }
    return lacks ? st_past_fail(l->reader, floor.shard->run, l->base, l->bound, floor.version)
                 : STRATA_OK;
}

/* Most documents have no parts, and to see that is less than a scan; but it sees no marks of the past. */
static strata_status has_parts(const loading *l, bool *any) {
    st_revision first;
    *any = true;
    if (l->bound->past) {
        return STRATA_OK;
    }
    ST_TRY(st_read_live(l->reader, l->run->shard, l->low, l->bound, &first, any));
    *any = *any && first.number >= l->found->stamp.version;
    return STRATA_OK;
}

/* The parts of the base that found->stamp is of. */
static strata_status load_parts(loading *l) {
    const st_scan_range range = {l->low, l->high, false};
    const uint64_t base = l->found->stamp.version;
    st_bound bound = *l->bound;
    st_scan *scan = st_arena_alloc(l->rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(l->rq->error);
    }
    bound.past = false; /* floors are looked at here */
    ST_TRY(st_scan_start(scan, l->reader, l->run->shard, &range, &bound));
    ST_TRY(check_floor(l)); /* after the sources: what they lack, it has */
    while (scan->here) {
        uint32_t part;
        strata_slice stored;
        strata_slice changes;
        (void)st_key_part_of(scan->key, &part);
        if (part != l->parts.count + 1 || scan->revision.number < base) {
            break;
        }
        ST_TRY(st_scan_value(scan, &stored));
        if (!unwrap(stored, &changes)) {
            return st_json_fail(l->rq, l->key);
        }
        ST_TRY(add_part(l->rq, &l->parts, changes));
        l->found->stamp = (st_stamp){scan->revision.number, scan->revision.timestamp_us};
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

/* The newest version is what the cache most likely has. Whether the base is sound is for who looks into it
 * to see: changes are applied to any bytes without harm. */
static strata_status make_whole(const loading *l) {
    st_json_found *found = l->found;
    if (l->parts.count == 0 ||
        st_json_cache_copy(&l->rq->model->documents, l->run->shard->run, l->key,
                           found->stamp.version, l->rq->arena, &found->document)) {
        return STRATA_OK;
    }
    const strata_status status =
        st_json_apply(l->rq, found->document, l->parts.changes, l->parts.count, &found->document);
    return status == STRATA_CORRUPT ? st_json_fail(l->rq, l->key) : status;
}

static strata_status load(loading *l) {
    st_json_found *found = l->found;
    st_revision revision;
    bool any;
    ST_TRY(st_json_key(l->rq, ST_TAG_JSON, l->key, 0, &l->base));
    ST_TRY(st_read_live(l->reader, l->run->shard, l->base, l->bound, &revision, &found->exists));
    if (!found->exists) {
        return STRATA_OK;
    }
    if (!unwrap(revision.value, &found->document)) {
        return st_json_fail(l->rq, l->key);
    }
    found->stamp = (st_stamp){revision.number, revision.timestamp_us};
    found->base_bytes = found->document.len;
    ST_TRY(st_json_key(l->rq, ST_TAG_JSON_PATCH, l->key, 1, &l->low));
    ST_TRY(st_json_key(l->rq, ST_TAG_JSON_PATCH, l->key, UINT32_MAX, &l->high));
    ST_TRY(has_parts(l, &any));
    if (any) {
        ST_TRY(load_parts(l));
    }
    found->parts = (uint32_t)l->parts.count;
    found->parts_bytes = l->parts.bytes;
    return make_whole(l);
}

strata_status st_json_load(st_request *rq, const st_run *run, strata_slice key,
                           const st_bound *bound, st_json_found *found) {
    st_reader untracked = rq->reader;
    st_bound stored = *bound;
    untracked.overlay = NULL;
    untracked.scans = NULL;
    stored.own = false;
    memset(found, 0, sizeof *found);
    loading l = {
        .rq = rq, .reader = &untracked, .run = run, .key = key, .bound = &stored, .found = found};
    const strata_status status = load(&l);
    st_reader_finish(&untracked);
    return status;
}

/* ---- With a transaction ---------------------------------------------------------------------- */

strata_status st_json_load_own(st_request *rq, const st_run *run, strata_slice key,
                               st_json_found *found) {
    const st_bound snapshot = st_bound_version(st_txn_snapshot(rq->txn));
    strata_slice store_key;
    st_txn_write own;
    parts all = {NULL, 0, 0, 0};
    uint64_t after = 0; /* changes before it were made to another document */
    ST_TRY(st_json_key(rq, ST_TAG_JSON, key, 0, &store_key));
    if (st_txn_find(rq->txn, store_key, &own)) {
        memset(found, 0, sizeof *found);
        found->exists = !own.write.deletes;
        if (found->exists && !unwrap(own.write.value, &found->document)) {
            return st_json_fail(rq, key);
        }
        after = own.place + 1;
    } else {
        ST_TRY(st_json_load(rq, run, key, &snapshot, found));
    }
    for (uint32_t part = ST_JSON_PENDING;; part++) {
        strata_slice changes;
        ST_TRY(st_json_key(rq, ST_TAG_JSON_PATCH, key, part, &store_key));
        if (!st_txn_find(rq->txn, store_key, &own)) {
            break;
        }
        if (own.place >= after && unwrap(own.write.value, &changes)) {
            ST_TRY(add_part(rq, &all, changes));
        }
    }
    if (all.count > 0) {
        found->stamp = (st_stamp){0, 0};
        const strata_status status =
            st_json_apply(rq, found->document, all.changes, all.count, &found->document);
        return status == STRATA_CORRUPT ? st_json_fail(rq, key) : status;
    }
    return STRATA_OK;
}

strata_status st_json_load_at(st_request *rq, const st_run *run, strata_slice key,
                              const st_when *when, st_json_found *found, bool *own) {
    for (;;) {
        const uint64_t clock = st_store_trim_clock(&rq->model->store);
        st_bound at;
        ST_TRY(st_bound_at(rq, run, when, &at));
        *own = at.own;
        const strata_status status =
            at.own ? st_json_load_own(rq, run, key, found) : st_json_load(rq, run, key, &at, found);
        if (!st_is_too_late(rq, &at, clock, status)) {
            return status;
        }
    }
}
