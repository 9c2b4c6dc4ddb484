/* trace.c - traces: each record is one key of the store under ST_TAG_TRACE and its id, and, when it has
 * a parent, a key without a value under ST_TAG_TRACE_CHILD, parent and id, in the same commit.
 *
 * Stored value: form 1 and a map {type, content, parent?, tags?, metadata?} (fields.h).
 *
 * Invariants:
 * 1. A record is never changed or deleted, so its key has one version.
 * 2. A parent is there before its child: it is looked up inside the commit, or inside the transaction
 *    as that sees it, and what a transaction has looked up is unchanged at its commit. So a chain of
 *    parents goes back in time and cannot be a circle. Nothing relies on it: a forged file may hold one,
 *    and walking a tree ends at its limit.
 * 3. Ids that are made sort by time (id.c), so lists are in the order of records unless the caller
 *    names them otherwise.
 * Rejected: the children as a list in the parent's record. That would change what is immutable, and
 * two that add a child at the same time would conflict.
 */
#include "model/trace.h"

#include "model/fields.h"
#include "model/trace_type.h"
#include "model/write.h"

enum { FORM = 1, TYPE = 0, CONTENT, PARENT, TAGS, METADATA, FIELDS };

static const st_field fields[FIELDS] = {{"type", true, true},
                                        {"content", false, true},
                                        {"parent", true, false},
                                        {"tags", false, false},
                                        {"metadata", false, false}};

/* ---- The stored form ------------------------------------------------------------------------- */

static strata_status encode(st_request *rq, const st_trace *trace) {
    const strata_slice values[FIELDS] = {trace->type, trace->content, trace->parent, trace->tags,
                                         trace->metadata};
    rq->value.len = 0;
    if (st_fields_put(&rq->value, FORM, fields, FIELDS, values) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    if (rq->value.len > rq->model->value_bytes_max) {
        st_fail_constraint(rq->error, "value_too_large", "the record has %u bytes; the limit is %u",
                           (uint64_t)rq->value.len, (uint64_t)rq->model->value_bytes_max);
        return st_fail_number(rq->error, "limit", rq->model->value_bytes_max);
    }
    return STRATA_OK;
}

static strata_status fail_corrupt(st_request *rq, strata_slice id) {
    st_fail(rq->error, STRATA_CORRUPT, "the trace record \"%S\" is malformed or missing", &id);
    return st_fail_text(rq->error, "file", strata_text("trace"));
}

strata_status st_trace_of(st_request *rq, strata_slice id, strata_slice stored, st_trace *trace) {
    strata_slice values[FIELDS];
    if (!st_fields_read(stored, FORM, fields, FIELDS, values)) {
        return fail_corrupt(rq, id);
    }
    *trace = (st_trace){id,           values[TYPE],    values[CONTENT], values[PARENT],
                        values[TAGS], values[METADATA]};
    return STRATA_OK;
}

static void key_of(strata_slice id, st_key *key) {
    st_key_text(key, ST_TAG_TRACE, id);
}

/* ---- Recording ------------------------------------------------------------------------------- */

static strata_status check_length(st_request *rq, size_t parent_len, size_t id_len) {
    if (parent_len + id_len <= ST_KEY_BYTES_MAX) {
        return STRATA_OK;
    }
    st_fail(rq->error, STRATA_INVALID_KEY, "the parent and the id have %u bytes; the limit is %u",
            (uint64_t)(parent_len + id_len), (uint64_t)ST_KEY_BYTES_MAX);
    st_fail_text(rq->error, "reason", strata_text("key_too_long"));
    return st_fail_number(rq->error, "limit", ST_KEY_BYTES_MAX);
}

static strata_status check(st_request *rq, const st_trace *trace) {
    ST_TRY(st_trace_check(trace->type, trace->content, rq->error));
    if (trace->id.len > 0) {
        ST_TRY(st_key_check(trace->id, rq->error));
    }
    if (trace->parent.len == 0) {
        return STRATA_OK;
    }
    ST_TRY(st_key_check(trace->parent, rq->error));
    return check_length(rq, trace->parent.len, trace->id.len > 0 ? trace->id.len : ST_ID_CHARS);
}

static strata_status is_there(st_request *rq, const st_run *run, strata_slice id, bool *found) {
    st_revision revision;
    st_key key;
    key_of(id, &key);
    return st_run_newest(rq, run, &key, &revision, found);
}

/* An id that no record has: somebody may have given one that looks like ours. */
static strata_status make_id(st_request *rq, const st_run *run, strata_slice *id) {
    char *chars = st_arena_alloc(rq->arena, ST_ID_CHARS, 1);
    bool found = true;
    if (chars == NULL) {
        return st_fail_memory(rq->error);
    }
    *id = st_slice(chars, ST_ID_CHARS);
    while (found) {
        ST_TRY(st_id_make(rq, chars));
        ST_TRY(is_there(rq, run, *id, &found));
    }
    return STRATA_OK;
}

/* Inside a commit: whether the record may be there, and under which id. */
static strata_status place(st_request *rq, const st_run *run, const st_trace *trace,
                           strata_slice *id) {
    bool found = false;
    *id = trace->id;
    if (id->len == 0) {
        ST_TRY(make_id(rq, run, id));
    } else {
        ST_TRY(is_there(rq, run, *id, &found));
    }
    if (found) {
        return st_fail(rq->error, STRATA_ALREADY_EXISTS,
                       "there is a trace record \"%S\" already; records are never changed", id);
    }
    if (trace->parent.len == 0) {
        return STRATA_OK;
    }
    ST_TRY(is_there(rq, run, trace->parent, &found));
    return found ? STRATA_OK
                 : st_fail(rq->error, STRATA_NOT_FOUND,
                           "there is no trace record \"%S\" to be the parent", &trace->parent);
}

strata_status st_trace_record(st_request *rq, st_run *run, const st_trace *trace,
                              strata_slice *id_out, st_stamp *stamp) {
    st_commit commit;
    st_key keys[2];
    strata_slice id = {NULL, 0};
    ST_TRY(check(rq, trace));
    ST_TRY(encode(rq, trace));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = place(rq, run, trace, &id);
    if (status != STRATA_OK) {
        st_run_abort(rq, &commit);
        return status;
    }
    const strata_slice pair[] = {trace->parent, id};
    key_of(id, &keys[0]);
    const st_write record = {.key = st_key_slice(&keys[0]), .value = st_buffer_slice(&rq->value)};
    st_write writes[2] = {record, {.value = st_slice("", 0)}};
    if (trace->parent.len > 0) {
        st_key_texts(&keys[1], ST_TAG_TRACE_CHILD, pair, 2);
        writes[1].key = st_key_slice(&keys[1]);
    }
    ST_TRY(st_run_write(rq, &commit, writes, trace->parent.len > 0 ? 2 : 1, NULL, stamp));
    *id_out = id;
    return STRATA_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_trace_get(st_request *rq, const st_run *run, strata_slice id, const st_when *when,
                           st_trace *trace, st_stamp *stamp) {
    st_key key;
    st_revision revision;
    bool found;
    ST_TRY(st_key_check(id, rq->error));
    key_of(id, &key);
    ST_TRY(st_read_at(rq, run, st_key_slice(&key), when, &revision, &found));
    if (!found) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no trace record \"%S\"", &id);
    }
    *stamp = (st_stamp){revision.number, revision.timestamp_us};
    return st_trace_of(rq, id, revision.value, trace);
}

static strata_status start(st_trace_walk *walk, const st_trace_page *page) {
    st_texts_page texts = {.tag = ST_TAG_TRACE, .reverse = page->reverse};
    if (walk->by_parent) {
        texts.tag = ST_TAG_TRACE_CHILD;
        texts.texts[texts.count++] = page->parent;
    }
    texts.continues = page->after.len > 0;
    texts.texts[texts.count] = page->after;
    return st_moment_scan(&walk->moment, &texts, &walk->scan);
}

strata_status st_trace_begin(st_request *rq, const st_run *run, const st_trace_page *page,
                             st_trace_walk *walk) {
    walk->by_parent = page->parent.len > 0;
    if (walk->by_parent) {
        ST_TRY(st_key_check(page->parent, rq->error));
    }
    if (page->after.len > 0) {
        ST_TRY(st_key_check(page->after, rq->error));
        ST_TRY(check_length(rq, page->parent.len, page->after.len));
    }
    ST_TRY(st_moment_begin(rq, run, &page->when, &walk->moment));
    const strata_status status = start(walk, page);
    if (status != STRATA_OK) {
        st_moment_end(rq, &walk->moment);
    }
    return status;
}

static strata_status read_in(st_request *rq, st_moment *moment, strata_slice id, st_trace *trace,
                             st_stamp *stamp, bool *found) {
    st_revision revision;
    st_key key;
    key_of(id, &key);
    ST_TRY(st_moment_read(moment, &key, &revision, found));
    if (!*found) {
        return STRATA_OK;
    }
    *stamp = (st_stamp){revision.number, revision.timestamp_us};
    return st_trace_of(rq, id, revision.value, trace);
}

strata_status st_trace_at(st_request *rq, st_trace_walk *walk, st_trace *trace, st_stamp *stamp) {
    const st_scan *scan = walk->scan;
    strata_slice texts[2];
    strata_slice stored;
    bool found;
    if (walk->by_parent) {
        st_key_texts_of(scan->key, texts);
        ST_TRY(read_in(rq, &walk->moment, texts[1], trace, stamp, &found));
        return found ? STRATA_OK : fail_corrupt(rq, texts[1]);
    }
    ST_TRY(st_scan_value(walk->scan, &stored));
    *stamp = (st_stamp){scan->revision.number, scan->revision.timestamp_us};
    return st_trace_of(rq, st_key_text_of(scan->key), stored, trace);
}

void st_trace_end(st_request *rq, st_trace_walk *walk) {
    st_moment_end(rq, &walk->moment);
}

static bool holds_tag(strata_slice tags, strata_slice tag) {
    st_cursor cursor = st_cursor_over(tags);
    st_token token;
    bool good = st_msgpack_next(&cursor, &token) && token.type == STRATA_ARRAY;
    for (uint32_t left = good ? token.as.count : 0; good && left > 0; left--) {
        good = st_msgpack_next(&cursor, &token) && token.type == STRATA_STRING;
        if (good && st_slice_equal(token.as.bytes, tag)) {
            return true;
        }
    }
    return false;
}

bool st_trace_fits(const st_trace_filter *filter, const st_trace *trace, const st_stamp *stamp) {
    return stamp->timestamp_us >= filter->after_us && stamp->timestamp_us < filter->before_us &&
           (filter->type.len == 0 || st_slice_equal(filter->type, trace->type)) &&
           (filter->tag.len == 0 || holds_tag(trace->tags, filter->tag));
}

/* ---- Trees ----------------------------------------------------------------------------------- */

/* A record on the way from the root to where the walk is. */
typedef struct frame {
    strata_slice id;
    strata_slice last; /* the child that was visited last; empty: none yet */
} frame;

/* In the memory of the request. The visited record comes after its frame's `last`. */
static strata_status visit(st_request *rq, st_moment *moment, const st_trace_tree *tree,
                           strata_slice id, uint64_t depth) {
    st_trace trace;
    st_stamp stamp;
    bool found;
    ST_TRY(read_in(rq, moment, id, &trace, &stamp, &found));
    if (found) {
        return tree->visit(tree->arg, &trace, &stamp, depth);
    }
    return depth == 0 ? st_fail(rq->error, STRATA_NOT_FOUND, "there is no trace record \"%S\"", &id)
                      : fail_corrupt(rq, id);
}

/* The next child of a record; *child empty: there is none. It seeks anew each time: one scan is open
 * at most, however deep it is. */
static strata_status next_child(st_request *rq, st_moment *moment, const frame *at,
                                strata_slice *child) {
    const st_texts_page page = {.tag = ST_TAG_TRACE_CHILD,
                                .texts = {at->id, at->last},
                                .count = 1,
                                .continues = at->last.len > 0};
    strata_slice texts[2];
    st_scan *scan;
    ST_TRY(st_moment_scan(moment, &page, &scan));
    *child = st_slice(NULL, 0);
    if (!scan->here) {
        return STRATA_OK;
    }
    st_key_texts_of(scan->key, texts);
    *child = st_arena_copy(rq->arena, texts[1]);
    return child->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static strata_status push(st_request *rq, strata_buffer *frames, strata_slice id) {
    const frame made = {id, {NULL, 0}};
    return st_buffer_append(frames, &made, sizeof made) == STRATA_OK ? STRATA_OK
                                                                     : st_fail_memory(rq->error);
}

static strata_status visit_tree(st_request *rq, st_moment *moment, const st_trace_tree *tree,
                                strata_buffer *frames, bool *truncated) {
    uint64_t visited = 1;
    ST_TRY(visit(rq, moment, tree, tree->root, 0));
    ST_TRY(push(rq, frames, tree->root));
    while (frames->len > 0) {
        const uint64_t depth = frames->len / sizeof(frame);
        frame *at = (frame *)(void *)frames->data + (depth - 1);
        strata_slice child = {NULL, 0};
        if (depth <= tree->depth) {
            ST_TRY(next_child(rq, moment, at, &child));
        }
        if (child.len == 0) {
            frames->len -= sizeof(frame);
            continue;
        }
        if (visited == tree->limit) {
            *truncated = true;
            return STRATA_OK;
        }
        at->last = child;
        ST_TRY(visit(rq, moment, tree, child, depth));
        visited++;
        ST_TRY(push(rq, frames, child));
    }
    return STRATA_OK;
}

strata_status st_trace_visit(st_request *rq, const st_run *run, const st_trace_tree *tree,
                             bool *truncated) {
    strata_buffer frames = {NULL, 0, 0, rq->model->host};
    st_moment moment;
    *truncated = false;
    ST_TRY(st_key_check(tree->root, rq->error));
    ST_TRY(st_moment_begin(rq, run, &tree->when, &moment));
    const strata_status status = visit_tree(rq, &moment, tree, &frames, truncated);
    st_moment_end(rq, &moment);
    strata_buffer_free(&frames);
    return status;
}
