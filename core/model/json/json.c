/* json.c - documents: what each operation reads, depends on and changes.
 *
 * An operation makes changes (format/change.h) to the document as it is, and leaves what becomes of them to
 * json_write.c. Inside a transaction everything it looks at is noted as a region of the document: a read
 * at its path, a change where it changes something.
 */
#include "model/json/json.h"

#include "format/document_bytes.h"
#include "model/json/json_private.h"

static const st_region whole_document = {ST_REGION_TREE, {"", 0}};
/* That there is one, or none: the shape of the root, which is no array, so that only who puts another
 * document in its place touches it. */
static const st_region existence = {ST_REGION_SHAPE, {"", 0}};

static st_document_limits limits_of(const st_request *rq) {
    st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    limits.bytes_max = rq->model->document_bytes_max;
    return limits;
}

static strata_status fail_missing(st_request *rq, strata_slice key) {
    return st_fail(rq->error, STRATA_NOT_FOUND, "there is no document \"%S\"; create it first",
                   &key);
}

/* A copy in the arena of what a buffer of the moment has. */
static strata_status keep(st_request *rq, strata_status status, strata_buffer *from,
                          strata_slice *out) {
    if (status == STRATA_OK) {
        *out = st_arena_copy(rq->arena, st_buffer_slice(from));
        status = out->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    }
    strata_buffer_free(from);
    return status == STRATA_NO_MEMORY ? st_fail_memory(rq->error) : status;
}

/* The document that the caller has given, in the arena. */
static strata_status read_input(st_request *rq, const st_json_input *input, strata_slice *out) {
    const st_document_limits limits = limits_of(rq);
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    if (input->value == NULL) {
        const strata_status parsed = st_document_parse(input->text, &limits, &made, rq->error);
        return keep(rq, parsed, &made, out);
    }
    rq->value.len = 0;
    ST_TRY(st_value_encode(input->value, SIZE_MAX, &rq->value, rq->error));
    const strata_status taken =
        st_document_from_msgpack(st_buffer_slice(&rq->value), &limits, &made, rq->error);
    return keep(rq, taken, &made, out);
}

static strata_status check(st_request *rq, strata_slice key, strata_slice path, st_path *steps) {
    ST_TRY(st_key_check(key, rq->error));
    return st_path_parse(path, rq->arena, steps, rq->error);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* What is at the path; and the transaction depends on it, there or not. */
static strata_status resolve(st_request *rq, strata_slice key, const st_json_found *found,
                             const st_path *path, bool own, st_node *node, bool *there) {
    strata_buffer route = {NULL, 0, 0, rq->model->host};
    st_resolved resolved = {.found = false};
    st_region region = whole_document;
    strata_status status = STRATA_OK;
    if (!own) { /* nobody asks for the region */
        status = found->exists ? st_path_find(found->document, path, node, there) : STRATA_OK;
        *there = *there && found->exists;
        return status == STRATA_CORRUPT ? st_json_fail(rq, key) : status;
    }
    if (found->exists) {
        status = st_path_resolve(found->document, path, &route, NULL, &resolved);
        region = (st_region){resolved.kind, st_buffer_slice(&route)};
    }
    if (status == STRATA_OK) {
        status = st_json_note(rq, key, region, false);
    } else {
        status = status == STRATA_NO_MEMORY ? st_fail_memory(rq->error) : st_json_fail(rq, key);
    }
    strata_buffer_free(&route);
    *node = resolved.node;
    *there = resolved.found;
    return status;
}

static strata_status look(st_request *rq, const st_run *run, strata_slice key, strata_slice path,
                          const st_when *when, st_json_found *found, st_node *node, bool *there) {
    st_path steps;
    bool own;
    *there = false;
    ST_TRY(check(rq, key, path, &steps));
    ST_TRY(st_json_load_at(rq, run, key, when, found, &own));
    return resolve(rq, key, found, &steps, own, node, there);
}

strata_status st_json_get(st_request *rq, const st_run *run, strata_slice key, strata_slice path,
                          const st_when *when, st_json *json) {
    st_json_found found;
    st_node node;
    bool there;
    ST_TRY(look(rq, run, key, path, when, &found, &node, &there));
    if (!found.exists) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no document \"%S\"", &key);
    }
    if (!there) {
        st_fail(rq->error, STRATA_NOT_FOUND, "the document \"%S\" has nothing at %S", &key, &path);
        return st_fail_text(rq->error, "path", path);
    }
    *json = (st_json){node.raw, found.stamp};
    return STRATA_OK;
}

strata_status st_json_exists(st_request *rq, const st_run *run, strata_slice key, strata_slice path,
                             const st_when *when, bool *exists) {
    st_json_found found;
    st_node node;
    return look(rq, run, key, path, when, &found, &node, exists);
}

/* ---- Changing -------------------------------------------------------------------------------- */

strata_status st_json_create(st_request *rq, st_run *run, strata_slice key,
                             const st_json_input *input, st_stamp *stamp) {
    strata_slice document;
    st_json_edit edit;
    ST_TRY(st_key_check(key, rq->error));
    ST_TRY(read_input(rq, input, &document));
    ST_TRY(st_json_begin(rq, run, key, &edit));
    if (edit.found.exists) {
        st_json_abort(rq, &edit);
        ST_TRY(st_json_read(rq, key, existence));
        return st_fail(rq->error, STRATA_ALREADY_EXISTS, "there is a document \"%S\" already",
                       &key);
    }
    return st_json_replace(rq, &edit, document, stamp);
}

/* Whether the root is an object after changes that may have put another one in its place. */
static bool keep_root(strata_slice changes) {
    st_cursor cursor = st_cursor_over(changes);
    st_change change;
    bool object = true;
    while (st_cursor_left(&cursor) > 0) {
        ST_ASSERT(st_change_next(&cursor, &change)); /* made a moment ago */
        if (change.route.len == 0 && change.kind == ST_CHANGE_PUT) {
            object = *(const uint8_t *)change.value.data == ST_TAG_OBJECT;
        }
    }
    return object;
}

/* Commits what was made of it, or gives up. */
static strata_status change(st_request *rq, st_json_edit *edit, strata_status status,
                            strata_buffer *made, st_stamp *stamp) {
    strata_slice changes;
    status = keep(rq, status, made, &changes);
    if (status == STRATA_OK && !keep_root(changes)) {
        status = st_json_fail_root(rq);
    }
    if (status != STRATA_OK) {
        st_json_abort(rq, edit);
        return status == STRATA_CORRUPT ? st_json_fail(rq, edit->key)
                                        : st_json_refused(rq, edit->key, status);
    }
    return st_json_change(rq, edit, changes, stamp);
}

static strata_status begin_existing(st_request *rq, st_run *run, strata_slice key,
                                    st_json_edit *edit) {
    ST_TRY(st_json_begin(rq, run, key, edit));
    if (edit->found.exists) {
        return STRATA_OK;
    }
    st_json_abort(rq, edit);
    ST_TRY(st_json_read(rq, key, existence));
    return fail_missing(rq, key);
}

static strata_status check_version(st_request *rq, const st_json_edit *edit, uint64_t expected) {
    const uint64_t version = edit->found.exists ? edit->found.stamp.version : 0;
    if (rq->txn != NULL) {
        ST_TRY(st_json_note(rq, edit->key, whole_document, true));
    }
    if (version == expected) {
        return STRATA_OK;
    }
    st_fail(rq->error, STRATA_CONFLICT,
            "the document \"%S\" has another version than expected; read it again and retry",
            &edit->key);
    return st_fail_number(rq->error, "version", (int64_t)version);
}

/* expected: UINT64_MAX for any. */
static strata_status set(st_request *rq, st_run *run, strata_slice key, strata_slice path,
                         const st_json_input *input, uint64_t expected, st_stamp *stamp) {
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    strata_slice value;
    st_path steps;
    st_json_edit edit;
    ST_TRY(check(rq, key, path, &steps));
    ST_TRY(read_input(rq, input, &value));
    ST_TRY(st_json_begin(rq, run, key, &edit));
    strata_status status = expected == UINT64_MAX ? STRATA_OK : check_version(rq, &edit, expected);
    if (status == STRATA_OK && steps.count == 0) {
        return st_json_replace(rq, &edit, value, stamp);
    }
    if (status == STRATA_OK && !edit.found.exists) {
        status = st_json_read(rq, key, existence);
        status = status == STRATA_OK ? fail_missing(rq, key) : status;
    }
    if (status != STRATA_OK) {
        st_json_abort(rq, &edit);
        return status;
    }
    status = st_change_set(edit.found.document, &steps, value, &made, rq->error);
    return change(rq, &edit, status, &made, stamp);
}

strata_status st_json_set(st_request *rq, st_run *run, strata_slice key, strata_slice path,
                          const st_json_input *input, st_stamp *stamp) {
    return set(rq, run, key, path, input, UINT64_MAX, stamp);
}

strata_status st_json_cas(st_request *rq, st_run *run, strata_slice key, strata_slice path,
                          const st_json_input *input, uint64_t expected, st_stamp *stamp) {
    return set(rq, run, key, path, input, expected, stamp);
}

strata_status st_json_delete(st_request *rq, st_run *run, strata_slice key, strata_slice path,
                             bool *existed, st_stamp *stamp) {
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    st_path steps;
    st_json_edit edit;
    st_node node;
    bool there = false;
    ST_TRY(check(rq, key, path, &steps));
    ST_TRY(begin_existing(rq, run, key, &edit));
    strata_status status = st_change_delete(edit.found.document, &steps, &made, &there, rq->error);
    if (status == STRATA_OK && !there && rq->txn != NULL) {
        status = resolve(rq, key, &edit.found, &steps, true, &node, &there);
    }
    if (status != STRATA_OK || !there) {
        strata_buffer_free(&made);
        st_json_abort(rq, &edit);
        *existed = false;
        return status == STRATA_CORRUPT ? st_json_fail(rq, key) : status;
    }
    ST_TRY(change(rq, &edit, status, &made, stamp));
    *existed = true;
    return STRATA_OK;
}

strata_status st_json_destroy(st_request *rq, st_run *run, strata_slice key, bool *existed,
                              st_stamp *stamp) {
    st_json_edit edit;
    ST_TRY(st_key_check(key, rq->error));
    ST_TRY(st_json_begin(rq, run, key, &edit));
    if (!edit.found.exists) {
        st_json_abort(rq, &edit);
        *existed = false;
        return st_json_read(rq, key, existence);
    }
    ST_TRY(st_json_remove(rq, &edit, stamp));
    *existed = true;
    return STRATA_OK;
}

/* What a patch has found with test, copy and move it does not tell by path: then the transaction depends on
 * the whole document. Otherwise it depends on what it changes. */
static strata_status note_patch(st_request *rq, strata_slice key, strata_slice operations) {
    st_node list;
    st_node_iter it;
    if (!st_node_read(operations, &list)) {
        return STRATA_OK; /* it was refused, or will be */
    }
    st_node_iter_start(&it, &list);
    while (st_node_iter_next(&it)) {
        st_node op;
        if (st_node_member(&it.node, strata_text("op"), &op) && op.type == STRATA_STRING &&
            !st_slice_equal(op.as.bytes, strata_text("add")) &&
            !st_slice_equal(op.as.bytes, strata_text("remove")) &&
            !st_slice_equal(op.as.bytes, strata_text("replace"))) {
            return st_json_note(rq, key, whole_document, false);
        }
    }
    return STRATA_OK;
}

/* A merge depends on what is at each of its leaves, whether or not that becomes another. */
static strata_status note_merge(st_request *rq, strata_slice key, strata_slice patch) {
    st_node_iter *path = st_arena_alloc(
        rq->arena, (ST_DOCUMENT_FRAMES_MAX + 1) * (sizeof *path + sizeof(size_t)), 16);
    strata_buffer route = {NULL, 0, 0, rq->model->host};
    st_node root;
    strata_status status = STRATA_OK;
    size_t depth = 1;
    if (path == NULL) {
        return st_fail_memory(rq->error);
    }
    size_t *ends = (size_t *)(void *)(path + ST_DOCUMENT_FRAMES_MAX + 1); /* of the routes */
    if (!st_node_read(patch, &root) || root.type != STRATA_OBJECT) {
        return st_json_note(rq, key, whole_document, false);
    }
    st_node_iter_start(&path[0], &root);
    ends[0] = 0;
    while (status == STRATA_OK && depth > 0) {
        st_node_iter *here = &path[depth - 1];
        route.len = ends[depth - 1];
        if (!st_node_iter_next(here)) {
            depth--;
            continue;
        }
        status = st_route_put_name(&route, here->name);
        if (status == STRATA_OK && here->node.type == STRATA_OBJECT && here->node.as.count > 0 &&
            depth <= ST_DOCUMENT_FRAMES_MAX) {
            st_node_iter_start(&path[depth], &here->node);
            ends[depth++] = route.len;
        } else if (status == STRATA_OK) {
            status =
                st_json_note(rq, key, (st_region){ST_REGION_TREE, st_buffer_slice(&route)}, false);
        }
    }
    strata_buffer_free(&route);
    return status == STRATA_NO_MEMORY ? st_fail_memory(rq->error) : status;
}

/* The two ways to make many changes at once. */
typedef struct json_maker {
    strata_status (*make)(strata_slice document, strata_slice input,
                          const st_document_limits *limits, st_arena *scratch,
                          strata_buffer *changes, strata_error *error);
    strata_status (*note)(st_request *rq, strata_slice key, strata_slice input);
} json_maker;

static strata_status change_by(st_request *rq, st_run *run, strata_slice key,
                               const st_json_input *input, const json_maker *maker,
                               st_stamp *stamp) {
    const st_document_limits limits = limits_of(rq);
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    strata_slice given;
    st_json_edit edit;
    ST_TRY(st_key_check(key, rq->error));
    ST_TRY(read_input(rq, input, &given));
    ST_TRY(begin_existing(rq, run, key, &edit));
    strata_status status = rq->txn == NULL ? STRATA_OK : maker->note(rq, key, given);
    if (status == STRATA_OK) {
        status = maker->make(edit.found.document, given, &limits, rq->arena, &made, rq->error);
    }
    return change(rq, &edit, status, &made, stamp);
}

strata_status st_json_patch(st_request *rq, st_run *run, strata_slice key,
                            const st_json_input *operations, st_stamp *stamp) {
    static const json_maker patch = {st_changes_patch, note_patch};
    return change_by(rq, run, key, operations, &patch, stamp);
}

strata_status st_json_merge(st_request *rq, st_run *run, strata_slice key,
                            const st_json_input *given, st_stamp *stamp) {
    static const json_maker merge = {st_changes_merge, note_merge};
    return change_by(rq, run, key, given, &merge, stamp);
}

/* ---- Listing --------------------------------------------------------------------------------- */

strata_status st_json_scan(st_request *rq, const st_run *run, const st_page *page, st_scan **scan) {
    return st_page_scan(rq, run, ST_TAG_JSON, page, scan);
}

strata_status st_json_find(st_request *rq, const st_run *run, strata_slice key,
                           const st_bound *bound, st_json *json, bool *there) {
    st_json_found found;
    ST_TRY(bound->own ? st_json_load_own(rq, run, key, &found)
                      : st_json_load(rq, run, key, bound, &found));
    ST_TRY(bound->own ? st_json_read(rq, key, whole_document) : STRATA_OK);
    *json = (st_json){found.document, found.stamp};
    *there = found.exists;
    return STRATA_OK;
}

strata_status st_json_at(st_request *rq, const st_run *run, const st_scan *scan, st_json *json) {
    const strata_slice key = st_key_text_of(scan->key);
    bool found;
    ST_TRY(st_json_find(rq, run, key, &scan->bound, json, &found));
    return found ? STRATA_OK : st_json_fail(rq, key);
}

strata_status st_json_count(st_request *rq, const st_run *run, const st_page *page,
                            uint64_t *count) {
    st_scan *scan;
    uint64_t counted = 0;
    ST_TRY(st_json_scan(rq, run, page, &scan));
    while (scan->here) {
        counted++;
        ST_TRY(st_scan_next(scan));
    }
    *count = counted;
    return STRATA_OK;
}
