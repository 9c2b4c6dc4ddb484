/* graph_private.h - what the files of the graph share. */
#ifndef ST_INDEX_VECTOR_GRAPH_PRIVATE_H
#define ST_INDEX_VECTOR_GRAPH_PRIVATE_H

#include "index/vector/graph.h"

enum { ST_GRAPH_LOCKS = 1024 }; /* a node's is the one of its number modulo this */

typedef struct st_graph_locks {
    st_mutex of[ST_GRAPH_LOCKS];
} st_graph_locks;

static inline unsigned st_links_max(unsigned level) {
    return level == 0 ? ST_GRAPH_LINKS_0 : ST_GRAPH_LINKS;
}

static inline st_link *st_graph_links_on(const st_graph *graph, uint32_t node, unsigned level) {
    return level == 0 ? st_graph_links(graph, node) : st_graph_upper(graph, node, level);
}

/* Empties the pool and forgets whom the last round met. Errors: no_memory. */
strata_status st_walk_begin(st_walk *walk, uint32_t nodes, uint32_t effort);
/* Whether the node is met for the first time in this round. */
static inline bool st_walk_meet(st_walk *walk, uint32_t node) {
    const bool first = walk->visited[node] != walk->round;
    walk->visited[node] = walk->round;
    return first;
}
/* Into the pool, at its place; it holds the `effort` nearest. Returns the place, or the pool's length. */
uint32_t st_walk_offer(st_walk *walk, uint32_t node, float distance, uint32_t effort);

/* From the node on one level, always to the nearest link. */
uint32_t st_graph_descend(const st_graph *graph, const st_code_query *query, uint32_t node,
                          unsigned from, unsigned to, st_walk *walk);
/* The walk proper, on one level, from what is in the pool. */
void st_graph_walk(const st_graph *graph, const st_code_query *query, unsigned level,
                   uint32_t effort, st_walk *walk);

#endif
