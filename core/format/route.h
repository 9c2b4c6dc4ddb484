/* route.h - paths resolved to what does not move, and the regions of a document they make.
 *
 * A route is a row of segments, each a member's name or an element's id:
 *   name   varint 2 * length, the bytes
 *   id     varint 2 * id + 1
 * Segments delimit themselves, so of two routes one is above the other, or equal to it, exactly when
 * its bytes are a beginning of the other's. The empty route is the root.
 */
#ifndef ST_FORMAT_ROUTE_H
#define ST_FORMAT_ROUTE_H

#include "format/path.h"

/* ---- Segments -------------------------------------------------------------------------------- */

typedef struct st_segment {
    bool named;
    strata_slice name; /* borrowed from the route */
    uint32_t id;
} st_segment;

/* False: malformed. */
bool st_segment_next(st_cursor *route, st_segment *segment);
strata_status st_route_put_name(strata_buffer *route, strata_slice name);
strata_status st_route_put_id(strata_buffer *route, uint32_t id);
/* Appends the segment by which `step` leads from `from` to the element of that id, or to a member. */
strata_status st_route_put_step(strata_buffer *route, const st_node *from, const st_step *step,
                                uint32_t id);

/* Whether `above` is the route of `below` or of something it is in. */
static inline bool st_route_covers(strata_slice above, strata_slice below) {
    return above.len <= below.len &&
           (above.len == 0 || memcmp(above.data, below.data, above.len) == 0);
}

/* ---- Regions --------------------------------------------------------------------------------- */

/* What of a document a change touches or a read depends on. TREE: the node at the route with all that
 * is in it, or that there is none. SHAPE: which elements the array at the route has, in which order. */
typedef enum st_region_kind { ST_REGION_TREE, ST_REGION_SHAPE } st_region_kind;

typedef struct st_region {
    st_region_kind kind;
    strata_slice route;
} st_region;

/* Whether one can matter to the other: two TREEs when one covers the other, a SHAPE and a TREE when the
 * TREE covers the array, two SHAPEs when they are of the same array. Symmetric. */
bool st_regions_meet(st_region a, st_region b);

/* ---- Resolving ------------------------------------------------------------------------------- */

typedef struct st_resolved {
    bool found;
    st_node node;        /* where found */
    st_node deepest;     /* the last node on the way: node, or where the way ends */
    size_t steps;        /* how many of the path's lead there */
    st_region_kind kind; /* of the region, see below */
} st_resolved;

/* Appends the route of a path to `route`, as far as it can be known, and tells what is there. With
 * `kind` that is the region a read of the path depends on: TREE at what was found; where a member is
 * missing, TREE at its name in the deepest object; where an element is, SHAPE of the array; where a step
 * does not fit, what it does not fit. An element that is reached by its index is meant itself, not its
 * place: who depends on the place as well, gives `shapes`, to which the routes of the arrays that were
 * passed by index are appended, each with a varint length before it. Errors: corrupt, no_memory. */
strata_status st_path_resolve(strata_slice document, const st_path *path, strata_buffer *route,
                              strata_buffer *shapes, st_resolved *resolved);

/* The node of a route. Errors: corrupt (document or route is malformed). */
strata_status st_route_find(strata_slice document, strata_slice route, st_node *node, bool *found);

/* Appends the JSON Pointer that a route is in this document, for people: of an element that is gone, "#"
 * and its id stand for the index. Errors: corrupt, no_memory. */
strata_status st_route_pointer(strata_slice document, strata_slice route, strata_buffer *pointer);

#endif
