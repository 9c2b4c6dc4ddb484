/* graph.h - walking along edges: what can be reached from a name, and how one is reached from another. */
#ifndef ST_MODEL_GRAPH_H
#define ST_MODEL_GRAPH_H

#include "model/edge.h"

enum {
    ST_GRAPH_DEPTH_MAX = 10,      /* of a traversal */
    ST_GRAPH_TYPES_MAX = 16,      /* scans of each name and direction */
    ST_GRAPH_EDGES_MAX = 1000000, /* looked at */
};

/* What may be walked along, and how much is looked at. */
typedef struct st_graph {
    st_direction direction;
    strata_slice *types; /* checked by the walk, and brought into order */
    size_t type_count;   /* 0: any */
    uint64_t edges_max;
    st_when when;
} st_graph;

typedef struct st_graph_cost {
    uint64_t edges; /* looked at */
    bool truncated; /* there is, or may be, more than the limits let it see */
} st_graph_cost;

/* A name that was reached, and the edge that led to it. */
typedef struct st_reached {
    strata_slice name;
    uint64_t depth; /* edges on the way that it was reached by */
    st_edge edge;   /* names and type only */
} st_reached;

typedef struct st_traversal {
    strata_slice from;
    uint64_t depth; /* 1 to ST_GRAPH_DEPTH_MAX */
    uint64_t limit; /* of names */
    bool depth_first;
    void *arg;
    strata_status (*visit)(void *arg, const st_reached *reached);
} st_traversal;

/* Visits each name once that can be reached by so many edges, `from` excepted, at one moment; the edges
 * of a name in order: those that begin there, then those that end there, each by type and other end.
 * Errors: invalid_key, invalid_argument, history_trimmed, corrupt, and the visitor's. Cost: in proportion
 * to the edges looked at. */
strata_status st_graph_traverse(st_request *rq, const st_run *run, const st_graph *graph,
                                const st_traversal *traversal, st_graph_cost *cost);

typedef struct st_graph_route {
    strata_slice from;
    strata_slice to;
    uint64_t depth; /* of edges at most */
    bool
        weighted; /* the least sum of weights, an edge without one counting 1; else the fewest edges */
    void *arg;
    strata_status (*visit)(void *arg, const st_edge *edge, const st_stamp *stamp);
} st_graph_route;

/* Finds the shortest path and visits its edges from `from` on. Of several that are as short: of weighted
 * ones those with the fewest edges, and of these the one that is found first in the order of edges.
 * *weight: the sum. Errors: as above, and constraint {negative_weight}. */
strata_status st_graph_path(st_request *rq, const st_run *run, const st_graph *graph,
                            const st_graph_route *path, st_graph_cost *cost, bool *found,
                            double *weight);

#endif
