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

/* As st_graph_place, on a level that is known; the node has no links then. */
strata_status st_graph_place_on(st_graph *graph, uint32_t node, unsigned level);
/* The node becomes where searches begin, if it is on a higher level than that. */
void st_graph_raise_top(st_graph *graph, uint32_t node);
/* met[node] is 1 for those of the `count` nodes that links of level 0 lead to from the entry, else 0. reader: rests, or
 * NULL. Errors: no_memory. */
strata_status st_graph_reachable(const st_graph *graph, uint32_t count, st_row_reader *reader,
                                 uint8_t *met, uint32_t *reached);

typedef struct st_chosen {
    uint32_t nodes[ST_GRAPH_LINKS_0];
    unsigned count;
} st_chosen;

/* Which of the candidates, nearest first, a node gets links to. */
void st_graph_choose(const st_graph *graph, const st_candidate *candidates, uint32_t count,
                     unsigned most, st_chosen *kept);
/* Those beside the ones that are kept already. */
void st_graph_choose_more(const st_graph *graph, const st_candidate *candidates, uint32_t count,
                          unsigned most, st_chosen *kept);
void st_links_write(st_link *links, unsigned most, const st_chosen *kept);
/* Puts one more in its place among candidates that are in order. */
void st_candidate_insert(st_candidate *candidates, unsigned count, st_candidate one);

/* Empties the pool and forgets whom the last round met. most: candidates of the pool. Errors: no_memory. */
strata_status st_walk_begin(st_walk *walk, uint32_t nodes, uint32_t most);
/* Whether the node is met for the first time in this round. */
bool st_walk_meet(st_walk *walk, uint32_t node);
/* Into the pool, at its place; it holds the `most` nearest. Returns the place, or `most`. */
uint32_t st_walk_offer(st_walk *walk, st_candidate candidate, uint32_t most);

/* From the node on one level, always to the nearest link. */
uint32_t st_graph_descend(const st_graph *graph, const st_code_query *query, uint32_t node,
                          unsigned from, unsigned to, st_walk *walk);
/* The walk proper, on one level, from what is in the pool. */
void st_graph_walk(const st_graph *graph, const st_code_query *query, unsigned level,
                   st_reach reach, st_walk *walk);

#endif
