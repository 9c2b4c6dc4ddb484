/* graph_private.h - what traversals and paths share: the names that were met, and the edges of one. */
#ifndef ST_MODEL_GRAPH_PRIVATE_H
#define ST_MODEL_GRAPH_PRIVATE_H

#include "model/graph.h"

#define GRAPH_NONE UINT32_MAX

/* A name that was met. */
typedef struct graph_node {
    strata_slice name;
    strata_slice type; /* of the edge that led to it */
    uint32_t parent;   /* where that came from; GRAPH_NONE: it is where the walk began */
    uint32_t depth;
    bool in; /* that edge begins here and ends at the parent */
} graph_node;

typedef struct graph_walk {
    st_request *rq;
    const st_graph *graph;
    st_graph_cost *cost;
    st_moment moment;
    strata_buffer nodes; /* graph_node, in the order of meeting */
    strata_buffer slots; /* uint32_t: a place in nodes and one, or 0; a power of two of them */
    uint64_t seed;
} graph_walk;

/* The edges of a name, one after the other. */
typedef struct graph_edges {
    strata_slice of;
    unsigned phase; /* the direction and the type at hand */
    size_t type;
    strata_slice after_type; /* where to go on; after empty: at the beginning */
    strata_slice after;
    st_scan *scan; /* NULL: to be begun */
    bool in;
    st_edge edge; /* its names and type, until the next one */
    strata_slice other;
} graph_edges;

/* Checks the graph, and meets the name where the walk begins. To be ended in any case. */
strata_status st_graph_begin(graph_walk *walk, const st_run *run, strata_slice from);
void st_graph_end(graph_walk *walk);

static inline size_t graph_count(const graph_walk *walk) {
    return walk->nodes.len / sizeof(graph_node);
}
static inline graph_node *graph_at(const graph_walk *walk, size_t place) {
    return (graph_node *)(void *)walk->nodes.data + place;
}
/* Its place; GRAPH_NONE: it was not met. */
uint32_t st_graph_find(const graph_walk *walk, strata_slice name);
/* Meets the other end of the edge at hand, for the first time. Errors: no_memory. */
strata_status st_graph_meet(graph_walk *walk, uint32_t parent, uint32_t depth,
                            const graph_edges *edges);

/* *here false: there is no further edge, or the limit is reached and the cost says so. */
strata_status st_graph_next(graph_walk *walk, graph_edges *edges, bool *here);

#endif
