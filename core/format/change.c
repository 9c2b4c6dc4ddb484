/* change.c - changes of JSON documents: their bytes, the regions they touch, setting and deleting.
 *
 *   1 byte   kind: 1 PUT, 2 DELETE, 3 INSERT
 *   varint   length of the route, the route
 *   PUT      a node
 *   INSERT   varint 0: at the end, or 1 + the id of the element it comes before; varint the new id; a node
 *
 * Invariants:
 * 1. A change says where by a route, which stays right whatever happens elsewhere in the document: two
 *    changes whose regions do not meet give equal documents in either order.
 * 2. An INSERT and the DELETE of an element change the shape of the array; a PUT never does.
 * 3. What is made here fits the document it was made for: applying it cannot fail.
 * Rejected: RFC 6902 as what is logged. Its indices mean something else after an insertion.
 */
#include "format/change.h"

#include "base/utf8.h"
#include "format/change_make.h"
#include "format/document_bytes.h"

/* ---- Reading --------------------------------------------------------------------------------- */

static bool take_value(st_cursor *changes, strata_slice *value) {
    const size_t size = st_document_skip(changes->at, changes->end);
    return size != 0 && st_cursor_take(changes, size, value);
}

static bool take_insert(st_cursor *changes, st_change *change) {
    uint64_t before;
    uint64_t id;
    if (!st_cursor_varint(changes, &before) || !st_cursor_varint(changes, &id) ||
        before > UINT32_MAX || id >= UINT32_MAX) {
        return false;
    }
    change->at_end = before == 0;
    change->before = (uint32_t)before - 1;
    change->id = (uint32_t)id;
    return take_value(changes, &change->value);
}

bool st_change_next(st_cursor *changes, st_change *change) {
    const uint8_t *start = changes->at;
    uint8_t kind;
    bool whole = false;
    memset(change, 0, sizeof *change);
    if (!st_cursor_u8(changes, &kind) || !st_cursor_sized(changes, &change->route)) {
        return false;
    }
    change->kind = (st_change_kind)kind;
    switch (kind) {
    case ST_CHANGE_PUT:
        whole = take_value(changes, &change->value);
        break;
    case ST_CHANGE_DELETE:
        whole = change->route.len > 0;
        break;
    case ST_CHANGE_INSERT:
        whole = take_insert(changes, change);
        break;
    default:
        break;
    }
    change->raw = st_slice(start, (size_t)(changes->at - start));
    return whole;
}

static bool route_is_sound(strata_slice route) {
    st_cursor cursor = st_cursor_over(route);
    st_segment segment;
    size_t count = 0;
    while (cursor.at < cursor.end) {
        if (!st_segment_next(&cursor, &segment) || ++count > ST_DOCUMENT_DEPTH_MAX ||
            (segment.named && !st_utf8_valid(segment.name, NULL))) {
            return false;
        }
    }
    return true;
}

strata_status st_changes_check(strata_slice changes, const st_document_limits *limits,
                               st_arena *scratch) {
    st_cursor cursor = st_cursor_over(changes);
    st_change change;
    while (cursor.at < cursor.end) {
        if (!st_change_next(&cursor, &change) || !route_is_sound(change.route)) {
            return STRATA_CORRUPT;
        }
        if (change.kind != ST_CHANGE_DELETE) {
            ST_TRY(st_document_check(change.value, limits, scratch));
        }
    }
    return STRATA_OK;
}

strata_status st_change_regions(const st_change *change, strata_buffer *scratch,
                                st_region regions[ST_CHANGE_REGIONS_MAX], size_t *count) {
    st_cursor cursor = st_cursor_over(change->route);
    st_segment last = {.named = true};
    const uint8_t *last_at = cursor.at;
    while (cursor.at < cursor.end) {
        last_at = cursor.at;
        if (!st_segment_next(&cursor, &last)) {
            return STRATA_CORRUPT;
        }
    }
    *count = 0;
    if (change->kind == ST_CHANGE_INSERT) {
        scratch->len = 0;
        ST_TRY(st_buffer_append(scratch, change->route.data, change->route.len));
        ST_TRY(st_route_put_id(scratch, change->id));
        regions[(*count)++] = (st_region){ST_REGION_SHAPE, change->route};
        regions[(*count)++] = (st_region){ST_REGION_TREE, st_buffer_slice(scratch)};
        return STRATA_OK;
    }
    if (change->kind == ST_CHANGE_DELETE && !last.named) {
        const uint8_t *route = change->route.data;
        regions[(*count)++] =
            (st_region){ST_REGION_SHAPE, st_slice(route, (size_t)(last_at - route))};
    }
    regions[(*count)++] = (st_region){ST_REGION_TREE, change->route};
    return STRATA_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status put_varint(strata_buffer *out, uint64_t number) {
    uint8_t bytes[ST_VARINT_BYTES_MAX];
    const uint8_t *end = st_varint_put(bytes, number);
    return st_buffer_append(out, bytes, (size_t)(end - bytes));
}

strata_status st_change_put(const st_change *change, strata_buffer *changes) {
    const uint8_t kind = (uint8_t)change->kind;
    const size_t start = changes->len;
    strata_status status = st_buffer_append(changes, &kind, 1);
    if (status == STRATA_OK) {
        status = put_varint(changes, change->route.len);
    }
    if (status == STRATA_OK) {
        status = st_buffer_append(changes, change->route.data, change->route.len);
    }
    if (status == STRATA_OK && change->kind == ST_CHANGE_INSERT) {
        status = put_varint(changes, change->at_end ? 0 : (uint64_t)change->before + 1);
        if (status == STRATA_OK) {
            status = put_varint(changes, change->id);
        }
    }
    if (status == STRATA_OK && change->kind != ST_CHANGE_DELETE) {
        status = st_buffer_append(changes, change->value.data, change->value.len);
    }
    if (status != STRATA_OK) {
        changes->len = start;
    }
    return status;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static const st_document_limits limits = {UINT32_MAX / 2, ST_DOCUMENT_DEPTH_MAX, ST_ENTRIES_MAX};

/* What is in the way, at the path up to its first `steps` steps. */
static strata_status fail_way(const st_path *path, size_t steps, strata_error *error,
                              const char *what) {
    const strata_slice at = steps == 0 ? st_slice("", 0) : st_path_until(path, steps - 1);
    st_fail(error, STRATA_INVALID_PATH, "the path cannot be taken at \"%S\": %s", &at, what);
    return st_change_fail_at(error, STRATA_INVALID_PATH, at);
}

/* Where a value goes that is not there yet. */
typedef struct target {
    const st_path *path;
    const st_node *deepest;
    size_t step; /* that leads to nothing */
    st_change change;
} target;

/* The place of a new element, behind the last one or before the one at the index. */
static strata_status find_place(target *to, bool before, strata_error *error) {
    const st_step *step = &to->path->steps[to->step];
    const st_node *array = to->deepest;
    to->change.kind = ST_CHANGE_INSERT;
    to->change.at_end = true;
    to->change.id = array->next_id;
    if (step->kind == ST_STEP_NAME) {
        return fail_way(to->path, to->step + 1, error, "an array has no names");
    }
    if (array->as.count >= limits.entries_max || array->next_id >= UINT32_MAX - 1) {
        return st_document_fail_entries(error, limits.entries_max);
    }
    if (step->kind == ST_STEP_END || step->index == array->as.count) {
        return STRATA_OK;
    }
    st_node next;
    if (!before || !st_node_element(array, step->index, &next, &to->change.before)) {
        return fail_way(to->path, to->step + 1, error,
                        "there is no such element, and it is not the place after the last");
    }
    to->change.at_end = false;
    return STRATA_OK;
}

static strata_status find_target(target *to, bool before, strata_error *error) {
    const st_step *step = &to->path->steps[to->step];
    to->change.kind = ST_CHANGE_PUT;
    if (to->deepest->type == STRATA_ARRAY) {
        return find_place(to, before, error);
    }
    if (to->deepest->type != STRATA_OBJECT) {
        return fail_way(to->path, to->step, error,
                        "what is there is neither an object nor an array");
    }
    if (!step->named) {
        return fail_way(to->path, to->step + 1, error, "an object has names, not indices");
    }
    return to->deepest->as.count >= limits.entries_max
               ? st_document_fail_entries(error, limits.entries_max)
               : STRATA_OK;
}

/* Appends a node: `value` inside the objects that the steps from `first` on make. */
static strata_status put_inside(const st_path *path, size_t first, strata_slice value,
                                strata_buffer *out) {
    size_t places[ST_DOCUMENT_DEPTH_MAX];
    size_t depth = 0;
    for (size_t i = first; i < path->count; i++) {
        ST_TRY(st_document_open(out, STRATA_OBJECT, &places[depth++]));
        ST_TRY(st_document_put_name(out, path->steps[i].name));
    }
    ST_TRY(st_buffer_append(out, value.data, value.len));
    while (depth > 0) {
        st_document_close(out, places[--depth], 1);
    }
    return STRATA_OK;
}

strata_status st_change_check_depth(size_t above, strata_slice value, strata_error *error) {
    size_t depth;
    if (above + 1 > limits.depth_max) {
        /* So deep there are scalars only. */
        st_node node;
        const bool scalar =
            st_node_read(value, &node) && node.type != STRATA_ARRAY && node.type != STRATA_OBJECT;
        return scalar && above <= limits.depth_max
                   ? STRATA_OK
                   : st_document_fail_depth(error, limits.depth_max);
    }
    if (!st_document_check_shape(value, &limits, &depth)) {
        return STRATA_CORRUPT;
    }
    return above + depth > limits.depth_max ? st_document_fail_depth(error, limits.depth_max)
                                            : STRATA_OK;
}

/* The change for a path that leads to nothing. route: of the deepest node. */
static strata_status make_new(target *to, const st_make *make, strata_buffer *route,
                              strata_buffer *changes) {
    const st_path *path = make->path;
    strata_buffer inside = {.host = changes->host};
    for (size_t i = to->step + 1; i < path->count; i++) {
        if (!path->steps[i].named) {
            return fail_way(path, i, make->error, "there is no array, and none is made on the way");
        }
    }
    ST_TRY(st_change_check_depth(path->count, make->value, make->error));
    if (to->change.kind == ST_CHANGE_PUT) {
        ST_TRY(st_route_put_name(route, path->steps[to->step].name));
    }
    strata_status status = put_inside(path, to->step + 1, make->value, &inside);
    if (status == STRATA_OK) {
        to->change.route = st_buffer_slice(route);
        to->change.value = st_buffer_slice(&inside);
        status = st_change_put(&to->change, changes);
    }
    strata_buffer_free(&inside);
    return status;
}

/* Appends the route of the path as far as there are nodes; *deepest: the last of them. */
static strata_status follow(const st_make *make, strata_buffer *route, st_node *deepest,
                            size_t *steps) {
    if (!st_node_read(make->document, deepest)) {
        return STRATA_CORRUPT;
    }
    for (*steps = 0; *steps < make->path->count; ++*steps) {
        const st_step *step = &make->path->steps[*steps];
        st_node below;
        uint32_t id = 0;
        const bool places =
            make->insert && *steps + 1 == make->path->count && deepest->type == STRATA_ARRAY;
        if (places || !st_path_step(deepest, step, &below, &id)) {
            return STRATA_OK;
        }
        ST_TRY(st_route_put_step(route, deepest, step, id));
        *deepest = below;
    }
    return STRATA_OK;
}

static strata_status make_set(const st_make *make, strata_buffer *route, strata_buffer *changes) {
    st_node deepest;
    size_t steps;
    ST_TRY(follow(make, route, &deepest, &steps));
    if (steps == make->path->count) {
        ST_TRY(st_change_check_depth(steps, make->value, make->error));
        const st_change change = {
            .kind = ST_CHANGE_PUT, .route = st_buffer_slice(route), .value = make->value};
        return st_change_put(&change, changes);
    }
    if (!make->parents && steps + 1 < make->path->count) {
        const strata_slice at = st_path_until(make->path, steps);
        st_fail(make->error, STRATA_NOT_FOUND, "nothing at \"%S\"", &at);
        return st_change_fail_at(make->error, STRATA_NOT_FOUND, at);
    }
    target to = {.path = make->path, .deepest = &deepest, .step = steps};
    ST_TRY(find_target(&to, make->insert, make->error));
    return make_new(&to, make, route, changes);
}

strata_status st_change_make(const st_make *make, strata_buffer *changes) {
    strata_buffer route = {.host = changes->host};
    const strata_status status = make_set(make, &route, changes);
    strata_buffer_free(&route);
    return status == STRATA_NO_MEMORY ? st_fail_memory(make->error) : status;
}

strata_status st_change_set(strata_slice document, const st_path *path, strata_slice value,
                            strata_buffer *changes, strata_error *error) {
    const st_make make = {
        .document = document, .path = path, .value = value, .parents = true, .error = error};
    return st_change_make(&make, changes);
}

strata_status st_change_delete(strata_slice document, const st_path *path, strata_buffer *changes,
                               bool *existed, strata_error *error) {
    if (path->count == 0) {
        return fail_way(path, 0, error, "the root cannot be deleted");
    }
    strata_buffer route = {.host = changes->host};
    st_resolved resolved;
    strata_status status = st_path_resolve(document, path, &route, NULL, &resolved);
    if (status == STRATA_OK && resolved.found) {
        const st_change change = {.kind = ST_CHANGE_DELETE, .route = st_buffer_slice(&route)};
        status = st_change_put(&change, changes);
    }
    strata_buffer_free(&route);
    if (status == STRATA_OK) {
        *existed = resolved.found;
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
}
