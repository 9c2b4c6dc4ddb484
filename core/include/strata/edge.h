/* edge.h - edges, and walks along them: a part of strata.h, which includes it.
 *
 * What strata.h says of threads, memory and errors holds here.
 */
#ifndef STRATA_EDGE_H
#define STRATA_EDGE_H

#include "strata/strata.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct strata_edge {
    size_t size;      /* sizeof(strata_edge) */
    strata_slice src; /* any names, and a type; together at most 1024 bytes */
    strata_slice type;
    strata_slice dst;
    bool weighs;
    double weight;           /* finite */
    strata_value properties; /* an object, or null */
    uint64_t version;        /* of what was read */
    int64_t timestamp_us;
} strata_edge;

#define STRATA_EDGE_INIT                                                                           \
    {sizeof(strata_edge),           {NULL, 0}, {NULL, 0}, {NULL, 0}, false, 0,                     \
     {STRATA_NULL, {.integer = 0}}, 0,         0}

/* Links two names; an edge that is there is replaced. version may be NULL. Errors: invalid_key,
 * invalid_argument (weight), wrong_type (properties), constraint {reason}, no_space, io, no_memory. */
strata_status strata_edge_put(strata_db *db, strata_run run, const strata_edge *edge,
                              uint64_t *version) STRATA_MUST_USE;
/* Fills in the edge of that src, type and dst. Errors: not_found, invalid_key; history_trimmed,
 * invalid_argument in the past. */
strata_status strata_edge_get(strata_db *db, strata_run run, strata_when when,
                              strata_edge *edge) STRATA_MUST_USE;
/* existed may be NULL. Deleting what is not there succeeds and writes nothing. */
strata_status strata_edge_delete(strata_db *db, strata_run run, const strata_edge *edge,
                                 bool *existed) STRATA_MUST_USE;

typedef enum strata_direction { STRATA_OUT = 0, STRATA_IN, STRATA_BOTH } strata_direction;

/* How to walk along edges, and how far. */
typedef struct strata_walk {
    size_t size; /* sizeof(strata_walk) */
    strata_slice from;
    strata_slice to;            /* of a path */
    strata_direction direction; /* along the edges, against them, or both */
    const strata_slice *types;  /* only along edges of these, at most 16 */
    size_t type_count;          /* 0: any */
    uint64_t depth;             /* edges on the way: of a traversal 1-10 */
    uint64_t limit;             /* of names, from 1; of a traversal */
    uint64_t edges_max;         /* looked at, 1-1000000 */
    bool depth_first;           /* of a traversal */
    bool weighted;              /* of a path: the least sum of weights, without one 1 */
    strata_when when;
} strata_walk;

#define STRATA_WALK_INIT                                                                           \
    {                                                                                              \
        sizeof(strata_walk),                                                                       \
        {NULL, 0},                                                                                 \
        {NULL, 0},                                                                                 \
        STRATA_OUT,                                                                                \
        NULL,                                                                                      \
        0,                                                                                         \
        1,                                                                                         \
        1000,                                                                                      \
        100000,                                                                                    \
        false,                                                                                     \
        false,                                                                                     \
        STRATA_NOW_INIT}

/* Is given each edge, borrowed until it returns; false ends the walk. name: where the edge leads to;
 * depth: edges so far. It must not call anything with this handle. */
typedef bool (*strata_visit_edge)(void *arg, strata_slice name, uint64_t depth,
                                  const strata_edge *edge);

/* Visits all edges of a name in one direction, by type and other end, on one snapshot; `from`,
 * direction (not both), `when` and at most one type count, and depth is 1. */
strata_status strata_edge_scan(strata_db *db, strata_run run, const strata_walk *walk,
                               strata_visit_edge visit, void *arg) STRATA_MUST_USE;
/* Visits each name that can be reached once, with the edge that led to it, of which only names and type
 * are filled in. truncated, which may be NULL: a limit left something out. Errors: invalid_key,
 * invalid_argument, history_trimmed. Cost: in proportion to the edges looked at. */
strata_status strata_edge_traverse(strata_db *db, strata_run run, const strata_walk *walk,
                                   strata_visit_edge visit, void *arg,
                                   bool *truncated) STRATA_MUST_USE;
/* Visits the edges of the shortest path. *found: there is one, within the limits. Errors: as above, and
 * constraint {negative_weight}. */
strata_status strata_edge_path(strata_db *db, strata_run run, const strata_walk *walk,
                               strata_visit_edge visit, void *arg, bool *found) STRATA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
