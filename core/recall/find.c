/* find.c - asking a filter of the things of a run.
 *
 * A plan (index/field/plan.h) says which index finds all that can match; what it finds is loaded at the one
 * bound of the request, and the filter is asked of it. The page is the first `limit` of all matches in the order
 * asked for, kept in a sorted array of limit + 1 places: if things come in that order anyway it stops there.
 *
 * Invariants:
 * 1. What is answered does not depend on the plan, only how much is looked at does.
 * 2. Indexes are asked where they know everything: when they were ready at the bound, and not inside a
 *    transaction that has written, whose writes are not in them yet.
 * 3. Inside a transaction the entries that were gone through are a range that was read, and so are the things
 *    that were loaded.
 * Where the past of an index is trimmed, although that of the things may not be, everything is looked at.
 */
#include "recall/find.h"

#include "format/base64.h"
#include "index/field/value.h"
#include "model/as_document.h"
#include "model/field_index.h"

/* What a match is sorted by. */
typedef struct rank {
    bool missing;       /* nothing to order by: last */
    strata_slice value; /* encoded; empty when nothing is ordered by */
    strata_slice owner; /* key of the store */
} rank;

typedef struct finder {
    st_request *rq;
    const st_run *run;
    const st_find_request *request;
    st_filter filter;
    st_path order;
    bool ordered;
    bool resumes; /* after `after` */
    rank after;
    st_bound bound;
    st_plan plan;
    uint64_t examined;

    st_arena scratch; /* of one thing at a time */
    rank *best;       /* in order; limit + 1 places */
    size_t count;
    uint8_t tag;
} finder;

/* ---- Order ----------------------------------------------------------------------------------- */

static int compare(const finder *f, const rank *a, const rank *b) {
    if (a->missing != b->missing) {
        return a->missing ? 1 : -1;
    }
    int order = a->missing ? 0 : st_slice_compare(a->value, b->value);
    order = order != 0 ? order : st_slice_compare(a->owner, b->owner);
    return f->request->reverse && !a->missing ? -order : order;
}

static bool is_full(const finder *f) {
    return f->count == f->request->limit + 1;
}

/* Puts a match in its place; what comes twice (an array has several entries) once. */
static strata_status insert(finder *f, const rank *match) {
    size_t low = 0;
    size_t high = f->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare(f, &f->best[middle], match);
        if (order == 0) {
            return STRATA_OK;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    if (low == f->request->limit + 1) {
        return STRATA_OK;
    }
    const rank kept = {match->missing, st_arena_copy(f->rq->arena, match->value),
                       st_arena_copy(f->rq->arena, match->owner)};
    if (kept.value.data == NULL || kept.owner.data == NULL) {
        return st_fail_memory(f->rq->error);
    }
    f->count -= is_full(f) ? 1 : 0;
    memmove(f->best + low + 1, f->best + low, (f->count - low) * sizeof *f->best);
    f->best[low] = kept;
    f->count++;
    return STRATA_OK;
}

/* ---- Cursors --------------------------------------------------------------------------------- */

static strata_status fail_cursor(st_request *rq) {
    st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the cursor is not one of this question");
    return st_fail_text(rq->error, "argument", strata_text("cursor"));
}

/* Of keys that begin with a schema, its bytes and the mark after it. */
static size_t schema_bytes(const finder *f) {
    return st_key_form_of(f->tag) == ST_KEY_PAIR ? f->request->schema.len + 1 : 0;
}

/* The key itself, or base64 of: missing, two bytes of length, the value, the key. */
static strata_status write_cursor(finder *f, const rank *last, strata_slice *cursor) {
    strata_buffer text = {NULL, 0, 0, f->rq->model->host};
    const strata_slice key = st_slice((const uint8_t *)last->owner.data + 1, last->owner.len - 1);
    strata_status status;
    if (!f->ordered) {
        const size_t schema = schema_bytes(f);
        *cursor = st_slice((const uint8_t *)key.data + schema, key.len - 1 - schema);
        return STRATA_OK;
    }
    const uint8_t head[] = {last->missing, (uint8_t)(last->value.len >> 8),
                            (uint8_t)last->value.len};
    uint8_t *bytes = st_arena_alloc(f->rq->arena, sizeof head + last->value.len + key.len, 1);
    if (bytes == NULL) {
        return st_fail_memory(f->rq->error);
    }
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + sizeof head, last->value.data, last->value.len);
    memcpy(bytes + sizeof head + last->value.len, key.data, key.len);
    status = st_base64_encode(st_slice(bytes, sizeof head + last->value.len + key.len), &text);
    if (status == STRATA_OK) {
        *cursor = st_arena_copy(f->rq->arena, st_buffer_slice(&text));
        status = cursor->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    }
    strata_buffer_free(&text);
    return status == STRATA_OK ? STRATA_OK : st_fail_memory(f->rq->error);
}

/* The owner whose key, without tag, is this; false: it is none. */
static bool owner_of(finder *f, strata_slice key, strata_slice *owner) {
    uint8_t *bytes = st_arena_alloc(f->rq->arena, key.len + 1, 1);
    if (bytes == NULL || key.len == 0) {
        return false;
    }
    bytes[0] = f->tag;
    memcpy(bytes + 1, key.data, key.len);
    *owner = st_slice(bytes, key.len + 1);
    return st_key_well_formed(*owner);
}

static strata_status read_cursor(finder *f) {
    const strata_slice cursor = f->request->cursor;
    strata_buffer decoded = {NULL, 0, 0, f->rq->model->host};
    strata_slice bytes;
    f->resumes = cursor.len > 0;
    if (!f->resumes) {
        return STRATA_OK;
    }
    if (!f->ordered) {
        const size_t schema = schema_bytes(f);
        const size_t len = schema + cursor.len + 1;
        uint8_t *key = st_arena_alloc(f->rq->arena, len, 1);
        if (key == NULL) {
            return st_fail_memory(f->rq->error);
        }
        if (schema > 0) {
            memcpy(key, f->request->schema.data, schema - 1);
            key[schema - 1] = 0;
        }
        memcpy(key + schema, cursor.data, cursor.len);
        key[len - 1] = 0;
        return owner_of(f, st_slice(key, len), &f->after.owner) ? STRATA_OK : fail_cursor(f->rq);
    }
    strata_status status = st_base64_decode(cursor, &decoded);
    bytes = st_arena_copy(f->rq->arena, st_buffer_slice(&decoded));
    strata_buffer_free(&decoded);
    if (status != STRATA_OK || bytes.data == NULL) {
        return status == STRATA_OK || status == STRATA_NO_MEMORY ? st_fail_memory(f->rq->error)
                                                                 : fail_cursor(f->rq);
    }
    const uint8_t *at = bytes.data;
    const size_t len = bytes.len < 3 ? bytes.len : (size_t)at[1] << 8 | at[2];
    if (bytes.len < 3 || len > bytes.len - 3 || at[0] > 1 ||
        !owner_of(f, st_slice(at + 3 + len, bytes.len - 3 - len), &f->after.owner)) {
        return fail_cursor(f->rq);
    }
    f->after.missing = at[0] == 1;
    f->after.value = st_slice(at + 3, len);
    return STRATA_OK;
}

/* ---- One thing ------------------------------------------------------------------------------- */

static strata_status rank_of(const finder *f, strata_slice document, uint8_t *bytes, rank *out) {
    st_node node;
    bool found = false;
    out->value = st_slice("", 0);
    out->missing = false;
    if (!f->ordered) {
        return STRATA_OK;
    }
    ST_TRY(st_path_find(document, &f->order, &node, &found));
    const size_t len = found ? st_field_encode(&node, bytes, NULL) : 0;
    out->missing = len == 0;
    out->value = st_slice(bytes, len);
    return STRATA_OK;
}

static strata_status fail_document(const finder *f, strata_slice owner) {
    char text[ST_KEY_BYTES_MAX];
    const strata_slice shown = st_slice(text, st_key_show(owner, text));
    st_fail(f->rq->error, STRATA_CORRUPT, "\"%S\" is malformed", &shown);
    return st_fail_text(f->rq->error, "file",
                        strata_text(st_primitive_of(f->request->primitive)->name));
}

/* Looks at it, and keeps it if it is among the best so far. only_missing: nothing to order by is in it. */
static strata_status look_at(finder *f, strata_slice owner, bool with_missing, bool with_ranked) {
    uint8_t bytes[ST_INDEX_VALUE_BYTES_MAX];
    st_request inner = *f->rq;
    strata_slice document;
    rank match = {.owner = owner};
    st_stamp stamp;
    bool holds = false;
    st_arena_reset(&f->scratch);
    inner.arena = &f->scratch;
    inner.reader.arena = &f->scratch;
    inner.reader.scans = NULL;
    strata_status status =
        st_as_document(&inner, f->run, owner, &f->bound, &document, &stamp, &holds);
    if (status == STRATA_OK && holds) {
        f->examined++;
        status = st_filter_holds(&f->filter, document, &f->scratch, &holds);
        if (status == STRATA_OK && holds) {
            status = rank_of(f, document, bytes, &match);
        }
        status = status == STRATA_CORRUPT     ? fail_document(f, owner)
                 : status == STRATA_NO_MEMORY ? st_fail_memory(f->rq->error)
                                              : status;
    }
    st_reader_finish(&inner.reader);
    f->rq->value = inner.value;
    if (status != STRATA_OK || !holds || (f->resumes && compare(f, &f->after, &match) >= 0) ||
        !(match.missing ? with_missing : with_ranked)) {
        return status;
    }
    return insert(f, &match);
}

/* Nothing that comes later can be better. */
static bool is_done(const finder *f, bool in_order) {
    return in_order && is_full(f) && !f->best[f->count - 1].missing;
}

/* ---- Going through --------------------------------------------------------------------------- */

/* Where keys with the schema and prefix begin, without the tag. */
static size_t write_prefix(const finder *f, uint8_t *out) {
    const strata_slice prefix = f->request->prefix;
    const strata_slice schema = f->request->schema;
    const size_t len = schema_bytes(f);
    if (len > 0) {
        memcpy(out, schema.data, schema.len);
        out[schema.len] = 0;
    }
    if (prefix.len > 0) {
        memcpy(out + len, prefix.data, prefix.len);
    }
    return len + prefix.len;
}

static bool has_prefix(const finder *f, strata_slice owner) {
    uint8_t wanted[ST_STORE_KEY_MAX];
    const size_t len = write_prefix(f, wanted);
    return owner.len > len && memcmp((const uint8_t *)owner.data + 1, wanted, len) == 0;
}

/* The smallest bytes above everything that begins with these. */
static size_t above(uint8_t *bytes, size_t len) {
    while (bytes[len - 1] == 0xff) {
        len--;
    }
    bytes[len - 1]++;
    return len;
}

static strata_status scan_all(finder *f, bool with_missing, bool with_ranked) {
    uint8_t *low = st_arena_alloc(f->rq->arena, (size_t)2 * ST_STORE_KEY_MAX, 1);
    st_scan *scan = st_arena_alloc(f->rq->arena, sizeof *scan, 16);
    if (low == NULL || scan == NULL) {
        return st_fail_memory(f->rq->error);
    }
    uint8_t *high = low + ST_STORE_KEY_MAX;
    low[0] = f->tag;
    const size_t len = 1 + write_prefix(f, low + 1);
    memcpy(high, low, len);
    st_scan_range range = {st_slice(low, len), st_slice(high, above(high, len)),
                           f->request->reverse && !f->ordered};
    if (f->resumes && !f->ordered) {
        *(range.reverse ? &range.high : &range.low) = f->after.owner; /* itself is passed over */
        if (st_slice_compare(range.low, range.high) >= 0) {
            return STRATA_OK;
        }
    }
    ST_TRY(st_scan_start(scan, &f->rq->reader, f->run->shard, &range, &f->bound));
    while (scan->here && !is_done(f, !f->ordered)) {
        ST_TRY(look_at(f, scan->key, with_missing, with_ranked));
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

static strata_status fail_entry(const finder *f) {
    st_fail(f->rq->error, STRATA_CORRUPT, "an entry of the index \"%S\" is malformed",
            &f->plan.index->name);
    return st_fail_text(f->rq->error, "file", strata_text("index"));
}

/* The entries of one range of the plan. */
static strata_status scan_entries(finder *f, const st_plan_range *range, bool in_order) {
    const bool single = f->plan.kind == ST_PLAN_EQUAL;
    st_key *low = st_arena_alloc(f->rq->arena, 2 * sizeof *low, 8);
    st_scan *scan = st_arena_alloc(f->rq->arena, sizeof *scan, 16);
    uint8_t owner[ST_STORE_KEY_MAX];
    if (low == NULL || scan == NULL) {
        return st_fail_memory(f->rq->error);
    }
    st_key *high = low + 1;
    st_index_key(low, f->plan.index->id, range->low);
    st_index_key(high, f->plan.index->id, range->high);
    if (single) { /* the owners follow the value, in order */
        const bool resumes = f->resumes && !f->ordered;
        st_key *from = f->request->reverse && resumes ? high : low;
        if (resumes) {
            st_index_key(from, f->plan.index->id, range->low);
            memcpy(from->bytes + from->len, (const uint8_t *)f->after.owner.data + 1,
                   f->after.owner.len - 1);
            from->len += f->after.owner.len - 1;
        } else {
            low->len += write_prefix(f, low->bytes + low->len);
        }
    }
    const st_scan_range keys = {st_key_slice(low), st_key_slice(high), f->request->reverse};
    ST_TRY(st_scan_start(scan, &f->rq->reader, f->run->shard, &keys, &f->bound));
    while (scan->here && !is_done(f, in_order)) {
        strata_slice value;
        strata_slice rest;
        if (!st_index_key_parts(scan->key, &value, &rest)) {
            return fail_entry(f);
        }
        owner[0] = f->tag;
        memcpy(owner + 1, rest.data, rest.len);
        const strata_slice key = st_slice(owner, rest.len + 1);
        if (!st_key_well_formed(key)) {
            return fail_entry(f);
        }
        if (has_prefix(f, key)) {
            ST_TRY(look_at(f, key, f->plan.kind != ST_PLAN_ORDER, true));
        }
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

/* From where the page begins, if entries come in the order asked for. */
static void resume_in(const finder *f, st_plan_range *range) {
    uint8_t *bytes;
    if (!f->resumes || !f->ordered || f->after.missing || f->after.value.len == 0) {
        return;
    }
    if (!f->request->reverse) {
        range->low = st_slice_compare(f->after.value, range->low) > 0 ? f->after.value : range->low;
        return;
    }
    bytes = st_arena_alloc(f->rq->arena, f->after.value.len, 1);
    if (bytes != NULL) { /* else it is only slower */
        memcpy(bytes, f->after.value.data, f->after.value.len);
        const strata_slice end = st_slice(bytes, above(bytes, f->after.value.len));
        range->high = st_slice_compare(end, range->high) < 0 ? end : range->high;
    }
}

static strata_status go_through(finder *f) {
    const bool by_index = f->ordered && f->plan.index != NULL && f->plan.kind != ST_PLAN_IN &&
                          st_path_same(&f->order, &f->plan.index->path);
    const bool in_order = by_index || (!f->ordered && f->plan.kind == ST_PLAN_EQUAL);
    if (f->plan.index == NULL) {
        return scan_all(f, true, true);
    }
    for (size_t i = 0; i < f->plan.count; i++) {
        st_plan_range range = f->plan.ranges[i];
        if (by_index) {
            resume_in(f, &range);
        }
        if (f->plan.kind != ST_PLAN_ORDER || !(f->resumes && f->after.missing)) {
            ST_TRY(scan_entries(f, &range, in_order));
        }
    }
    /* What has no value there has no entry, either. */
    return f->plan.kind == ST_PLAN_ORDER && !is_full(f) ? scan_all(f, true, false) : STRATA_OK;
}

/* ---- The request ----------------------------------------------------------------------------- */

static strata_status choose(finder *f) {
    st_index_def *defs;
    st_plan_index *indexes;
    size_t count = 0;
    size_t usable = 0;
    f->plan = (st_plan){ST_PLAN_SCAN, NULL, NULL, 0};
    if (f->bound.own && st_txn_writes(f->rq->txn)) {
        return STRATA_OK;
    }
    ST_TRY(st_indexes_read(f->rq, f->run, &f->bound, &defs, &count));
    indexes = st_arena_alloc(f->rq->arena, (count + 1) * sizeof *indexes, 8);
    if (indexes == NULL) {
        return st_fail_memory(f->rq->error);
    }
    for (size_t i = 0; i < count; i++) {
        const st_index_def *def = &defs[i];
        if (def->ready && def->primitive->id == f->request->primitive &&
            st_slice_equal(def->schema, f->request->schema)) {
            indexes[usable++] = (st_plan_index){def->name, def->id, def->path};
        }
    }
    return st_plan_choose(&f->filter, f->ordered ? &f->order : NULL, indexes, usable, f->rq->arena,
                          &f->plan, f->rq->error);
}

static strata_status find_once(finder *f) {
    f->count = 0;
    f->examined = 0;
    ST_TRY(choose(f));
    const strata_status status = go_through(f);
    if (status != STRATA_HISTORY_TRIMMED || f->plan.index == NULL) {
        return status;
    }
    f->rq->error->code = STRATA_OK;
    f->rq->error->field_count = 0;
    f->plan = (st_plan){ST_PLAN_SCAN, NULL, NULL, 0};
    f->count = 0;
    return go_through(f);
}

static strata_status find_at(finder *f) {
    for (;;) {
        const uint64_t clock = st_store_trim_clock(&f->rq->model->store);
        ST_TRY(st_bound_at(f->rq, f->run, &f->request->when, &f->bound));
        const strata_status status = find_once(f);
        if (!st_is_too_late(f->rq, &f->bound, clock, status)) {
            return status;
        }
    }
}

static strata_status begin(finder *f) {
    const st_find_request *request = f->request;
    if (request->prefix.len + request->schema.len + 1 > ST_KEY_BYTES_MAX) {
        return st_fail(f->rq->error, STRATA_INVALID_KEY, "the prefix is longer than any key");
    }
    f->tag = st_primitive_of(request->primitive)->tags[0];
    f->ordered = request->order_by.len > 0;
    ST_TRY(st_filter_compile(request->where, f->rq->arena, &f->filter, f->rq->error));
    if (f->ordered) {
        ST_TRY(st_path_parse(request->order_by, f->rq->arena, &f->order, f->rq->error));
    }
    f->best = st_arena_alloc(f->rq->arena, (size_t)(request->limit + 1) * sizeof *f->best, 8);
    return f->best == NULL ? st_fail_memory(f->rq->error) : read_cursor(f);
}

static strata_status tell(finder *f, st_find_result *result) {
    const bool more = is_full(f);
    result->count = f->count - (more ? 1 : 0);
    result->owners = st_arena_alloc(f->rq->arena, (result->count + 1) * sizeof *result->owners, 8);
    if (result->owners == NULL) {
        return st_fail_memory(f->rq->error);
    }
    for (size_t i = 0; i < result->count; i++) {
        result->owners[i] = f->best[i].owner;
    }
    result->bound = f->bound;
    result->plan = f->plan.kind;
    result->index = f->plan.index == NULL ? st_slice("", 0) : f->plan.index->name;
    result->examined = f->examined;
    result->cursor = st_slice("", 0);
    return more ? write_cursor(f, &f->best[result->count - 1], &result->cursor) : STRATA_OK;
}

strata_status st_find(st_request *rq, const st_run *run, const st_find_request *request,
                      st_find_result *result) {
    finder f = {.rq = rq, .run = run, .request = request};
    ST_TRY(begin(&f));
    st_arena_init(&f.scratch, &rq->model->host->memory, 0);
    strata_status status = find_at(&f);
    if (status == STRATA_OK) {
        status = tell(&f, result);
    }
    st_arena_free(&f.scratch);
    return status;
}
