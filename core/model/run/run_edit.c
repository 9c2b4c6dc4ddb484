/* run_edit.c - the tags and the metadata of a run, which may change whatever its status: they are how
 * it is found, and a run that is over is looked for more often than one that works.
 *
 * Invariants:
 * 1. Tags are a set in the order of their first adding; st_run_create makes them one, too.
 * 2. Metadata is canonical MessagePack, and within the limits of a value after a change as before.
 */
#include "format/merge_patch.h"
#include "model/run/run_private.h"

/* ---- Tags ------------------------------------------------------------------------------------ */

typedef struct tag_list {
    strata_slice *tags;
    size_t count;
    size_t cap;
} tag_list;

static bool has(const tag_list *list, strata_slice tag) {
    for (size_t i = 0; i < list->count; i++) {
        if (st_slice_equal(list->tags[i], tag)) {
            return true;
        }
    }
    return false;
}

/* How many tags an array has; empty: none. */
static bool begin_tags(strata_slice tags, st_cursor *cursor, uint32_t *count) {
    st_token token;
    *cursor = st_cursor_over(tags);
    *count = 0;
    if (tags.len == 0) {
        return true;
    }
    if (!st_msgpack_next(cursor, &token) || token.type != STRATA_ARRAY) {
        return false;
    }
    *count = token.as.count;
    return true;
}

static strata_status make_list(st_request *rq, uint32_t cap, tag_list *list) {
    list->count = 0;
    list->cap = cap;
    list->tags = st_arena_alloc(rq->arena, cap * sizeof *list->tags + 1, 8);
    return list->tags == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

/* Adds those that the list does not have, nor `without` (NULL: nothing). False: no tags. */
static bool add_tags(tag_list *list, strata_slice tags, const tag_list *without) {
    st_cursor cursor;
    uint32_t left;
    if (!begin_tags(tags, &cursor, &left)) {
        return false;
    }
    for (; left > 0; left--) {
        st_token tag;
        if (!st_msgpack_next(&cursor, &tag) || tag.type != STRATA_STRING) {
            return false;
        }
        if (!has(list, tag.as.bytes) && (without == NULL || !has(without, tag.as.bytes))) {
            ST_ASSERT(list->count < list->cap);
            list->tags[list->count++] = tag.as.bytes;
        }
    }
    return true;
}

static strata_status encode_tags(st_request *rq, const tag_list *list, strata_slice *out) {
    rq->value.len = 0;
    strata_status status = st_msgpack_put_array(&rq->value, (uint32_t)list->count);
    for (size_t i = 0; i < list->count && status == STRATA_OK; i++) {
        status = st_msgpack_put_string(&rq->value, list->tags[i]);
    }
    *out = status == STRATA_OK ? st_arena_copy(rq->arena, st_buffer_slice(&rq->value))
                               : st_slice(NULL, 0);
    return out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static strata_status merge_tags(st_request *rq, const st_run_tags *change, st_run_record *record) {
    tag_list removed;
    tag_list tags;
    st_cursor cursor;
    uint32_t held;
    uint32_t added;
    uint32_t dropped;
    if (!begin_tags(record->tags, &cursor, &held) || held > ST_TAGS_MAX) {
        return st_run_fail_record(rq, record->name);
    }
    (void)begin_tags(change->add, &cursor, &added);
    (void)begin_tags(change->remove, &cursor, &dropped);
    ST_TRY(make_list(rq, dropped, &removed));
    ST_TRY(make_list(rq, held + added, &tags));
    (void)add_tags(&removed, change->remove, NULL);
    if (!add_tags(&tags, record->tags, &removed)) {
        return st_run_fail_record(rq, record->name);
    }
    (void)add_tags(&tags, change->add, NULL);
    if (tags.count > ST_TAGS_MAX) {
        st_fail_constraint(rq->error, "too_many_tags",
                           "the run would have %u tags; the limit is %u", (uint64_t)tags.count,
                           (uint64_t)ST_TAGS_MAX);
        return st_fail_number(rq->error, "limit", ST_TAGS_MAX);
    }
    return encode_tags(rq, &tags, &record->tags);
}

strata_status st_run_unique_tags(st_request *rq, strata_slice *tags) {
    static const uint8_t none = 0x90;
    st_run_record record = {.tags = st_slice(&none, 1)};
    const st_run_tags change = {.add = *tags};
    ST_TRY(merge_tags(rq, &change, &record));
    *tags = record.tags;
    return STRATA_OK;
}

static strata_status apply_tags(st_request *rq, void *arg, st_run_record *record) {
    return merge_tags(rq, arg, record);
}

strata_status st_run_tag(st_request *rq, strata_slice name, const st_run_tags *change,
                         st_stamp *stamp) {
    st_run_tags tags = *change;
    const st_run_edit edit = {apply_tags, &tags};
    return st_run_change(rq, name, &edit, stamp);
}

/* ---- Metadata -------------------------------------------------------------------------------- */

static strata_status merge_metadata(st_request *rq, strata_slice patch, st_run_record *record) {
    strata_buffer merged = {NULL, 0, 0, rq->model->host};
    strata_status status = st_merge_patch(record->metadata, patch, rq->arena, &merged);
    if (status == STRATA_OK) {
        rq->value.len = 0;
        status = st_value_canonical(st_buffer_slice(&merged), rq->model->value_bytes_max,
                                    &rq->value, rq->error);
    } else {
        status = status == STRATA_CORRUPT ? st_run_fail_record(rq, record->name)
                                          : st_fail_memory(rq->error);
    }
    strata_buffer_free(&merged);
    ST_TRY(status);
    record->metadata = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    return record->metadata.data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static strata_status apply_news(st_request *rq, void *arg, st_run_record *record) {
    const st_run_news *news = arg;
    record->provenance = news->provenance == NULL ? record->provenance : *news->provenance;
    return news->metadata.len == 0 ? STRATA_OK : merge_metadata(rq, news->metadata, record);
}

strata_status st_run_update(st_request *rq, strata_slice name, const st_run_news *news,
                            st_stamp *stamp) {
    st_run_news given = *news;
    const st_run_edit edit = {apply_news, &given};
    return st_run_change(rq, name, &edit, stamp);
}
