/* route.c - paths resolved to what does not move, and the regions of a document they make.
 *
 * Invariants:
 * 1. A route's segments are in their one form (shortest varints), so that comparing bytes compares
 *    segments: a beginning of the bytes is a beginning of the segments.
 * 2. Whether two regions meet is told by their routes alone, without the document; so it can be asked of
 *    changes whose documents are long gone.
 */
#include "format/route.h"

#include "format/document_bytes.h"

/* ---- Segments -------------------------------------------------------------------------------- */

bool st_segment_next(st_cursor *route, st_segment *segment) {
    const uint8_t *start = route->at;
    uint64_t v;
    if (!st_cursor_varint(route, &v) || (route->at - start > 1 && route->at[-1] == 0) ||
        v >> 33 != 0) {
        return false;
    }
    segment->named = (v & 1) == 0;
    segment->id = (uint32_t)(v >> 1);
    return !segment->named || st_cursor_take(route, segment->id, &segment->name);
}

static strata_status put_number(strata_buffer *route, uint64_t number) {
    uint8_t bytes[ST_VARINT_BYTES_MAX];
    const uint8_t *end = st_varint_put(bytes, number);
    return st_buffer_append(route, bytes, (size_t)(end - bytes));
}

strata_status st_route_put_name(strata_buffer *route, strata_slice name) {
    ST_TRY(put_number(route, (uint64_t)name.len << 1));
    return st_buffer_append(route, name.data, name.len);
}

strata_status st_route_put_id(strata_buffer *route, uint32_t id) {
    return put_number(route, (uint64_t)id << 1 | 1);
}

strata_status st_route_put_step(strata_buffer *route, const st_node *from, const st_step *step,
                                uint32_t id) {
    return from->type == STRATA_ARRAY ? st_route_put_id(route, id)
                                      : st_route_put_name(route, step->name);
}

/* ---- Regions --------------------------------------------------------------------------------- */

bool st_regions_meet(st_region a, st_region b) {
    if (a.kind == ST_REGION_SHAPE && b.kind == ST_REGION_SHAPE) {
        return st_slice_equal(a.route, b.route);
    }
    if (a.kind == ST_REGION_SHAPE) {
        return st_route_covers(b.route, a.route);
    }
    if (b.kind == ST_REGION_SHAPE) {
        return st_route_covers(a.route, b.route);
    }
    return st_route_covers(a.route, b.route) || st_route_covers(b.route, a.route);
}

/* ---- Resolving ------------------------------------------------------------------------------- */

/* Where the way ends before the path does: what a reader of that nothing depends on. */
static strata_status end_early(const st_node *at, const st_step *step, strata_buffer *route,
                               st_region_kind *kind) {
    if (at->type == STRATA_ARRAY) {
        *kind = ST_REGION_SHAPE;
        return STRATA_OK;
    }
    return at->type == STRATA_OBJECT && step->named ? st_route_put_name(route, step->name)
                                                    : STRATA_OK;
}

strata_status st_path_resolve(strata_slice document, const st_path *path, strata_buffer *route,
                              strata_buffer *shapes, st_resolved *resolved) {
    const size_t start = route->len;
    st_resolved to = {.kind = ST_REGION_TREE};
    if (!st_node_read(document, &to.deepest)) {
        return STRATA_CORRUPT;
    }
    for (; to.steps < path->count; to.steps++) {
        const st_step *step = &path->steps[to.steps];
        st_node below;
        uint32_t id = 0;
        if (!st_path_step(&to.deepest, step, &below, &id)) {
            ST_TRY(end_early(&to.deepest, step, route, &to.kind));
            *resolved = to;
            return STRATA_OK;
        }
        if (shapes != NULL && to.deepest.type == STRATA_ARRAY) {
            ST_TRY(put_number(shapes, route->len - start));
            ST_TRY(st_buffer_append(shapes, route->data + start, route->len - start));
        }
        ST_TRY(st_route_put_step(route, &to.deepest, step, id));
        to.deepest = below;
    }
    to.found = true;
    to.node = to.deepest;
    *resolved = to;
    return STRATA_OK;
}

strata_status st_route_find(strata_slice document, strata_slice route, st_node *node, bool *found) {
    st_cursor cursor = st_cursor_over(route);
    st_node at;
    if (!st_node_read(document, &at)) {
        return STRATA_CORRUPT;
    }
    bool there = true;
    while (there && cursor.at < cursor.end) {
        st_segment segment;
        st_node below;
        if (!st_segment_next(&cursor, &segment)) {
            return STRATA_CORRUPT;
        }
        there = segment.named ? st_node_member(&at, segment.name, &below)
                              : st_node_element_of_id(&at, segment.id, &below, NULL);
        if (there) {
            at = below;
        }
    }
    *found = there;
    if (there) {
        *node = at;
    }
    return STRATA_OK;
}

strata_status st_route_pointer(strata_slice document, strata_slice route, strata_buffer *pointer) {
    st_cursor cursor = st_cursor_over(route);
    st_node at;
    if (!st_node_read(document, &at)) {
        return STRATA_CORRUPT;
    }
    bool there = true;
    while (cursor.at < cursor.end) {
        st_segment segment;
        st_node below;
        uint32_t index = 0;
        if (!st_segment_next(&cursor, &segment)) {
            return STRATA_CORRUPT;
        }
        if (segment.named) {
            ST_TRY(st_pointer_put_name(pointer, segment.name));
            there = there && st_node_member(&at, segment.name, &below);
        } else {
            there = there && st_node_element_of_id(&at, segment.id, &below, &index);
            if (there) {
                ST_TRY(st_pointer_put_index(pointer, index));
            } else {
                char text[16];
                ST_TRY(st_buffer_append(
                    pointer, text, st_format(text, sizeof text, "/#%u", (uint64_t)segment.id)));
            }
        }
        if (there) {
            at = below;
        }
    }
    return STRATA_OK;
}
