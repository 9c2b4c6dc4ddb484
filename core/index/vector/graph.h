/* graph.h - a navigable graph over codes, for the nearest neighbours of a query.
 *
 * Hierarchical navigable small worlds (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor
 * search using Hierarchical Navigable Small World graphs", 2018): every node is on level 0 with up to 32 links, one
 * in sixteen also on level 1 with up to 16, one in sixteen of those on level 2, and so on. Nodes are numbered; what
 * they mean is the caller's.
 *
 * Threads: codes of nodes are written by anybody, a node by one; then st_graph_add by any number of threads, a node
 * by one, each with a walk of its own; then searching by any number, each with a walk of its own. Adding and
 * searching at once is allowed too: a search then sees some of what is being added.
 * One thread that adds nodes in one order makes the same graph every time and everywhere.
 */
#ifndef ST_INDEX_VECTOR_GRAPH_H
#define ST_INDEX_VECTOR_GRAPH_H

#include "base/sync.h"
#include "index/vector/code.h"
#include "index/vector/rows.h"

#define ST_NO_NODE UINT32_MAX

enum {
    ST_GRAPH_LINKS_0 = 32, /* of a node on level 0: two lines of the cache */
    ST_GRAPH_LINKS = 16,   /* on a level above, and of a node that comes */
    ST_GRAPH_LEVELS_MAX = 8,
    ST_GRAPH_NODES_MAX = 1 << 28,
};

typedef _Atomic uint32_t st_link; /* a node; ST_NO_NODE from the first unused one on */

typedef struct st_graph {
    const st_codec *codec;
    const strata_allocator *memory;
    const strata_executor *executor;
    uint64_t seed;
    uint32_t capacity; /* nodes */
    st_rows codes;
    st_rows links;  /* level 0 */
    st_rows places; /* of each node its highest level, and its first row in `upper` */
    st_rows upper;  /* rows of ST_GRAPH_LINKS, level 1 first */
    uint32_t upper_count;
    _Atomic uint64_t top; /* the level from which searches begin << 32 | the node; see graph.c */
    st_mutex top_lock;
    struct st_graph_locks *locks;
} st_graph;

/* For `capacity` nodes, with chunks of rows of that size. Everything is borrowed until free. Errors: no_memory. */
strata_status st_graph_init(st_graph *graph, const st_codec *codec, const strata_host *host,
                            uint32_t capacity, uint64_t seed, uint32_t chunk_bytes);
void st_graph_free(st_graph *graph);

/* Memory for the codes of the nodes below `count`, by one thread. Errors: no_memory. */
strata_status st_graph_reach_codes(st_graph *graph, uint32_t count);
/* And for their links and levels. */
strata_status st_graph_reach(st_graph *graph, uint32_t count);
/* Memory taken from the allocator. */
size_t st_graph_bytes(const st_graph *graph);
/* Memory for the links of a node that was reached, by one thread, before it is added. chance: any number that the
 * node will always have; its level follows from that and the seed. Errors: no_memory. */
strata_status st_graph_place(st_graph *graph, uint32_t node, uint64_t chance);

static inline uint8_t *st_graph_code(const st_graph *graph, uint32_t node) {
    return st_rows_at(&graph->codes, node);
}
static inline st_link *st_graph_links(const st_graph *graph, uint32_t node) {
    return (st_link *)(void *)st_rows_at(&graph->links, node);
}
/* A node's place: its first row above level 0, times 8, plus its highest level. */
static inline uint32_t *st_graph_place_of(const st_graph *graph, uint32_t node) {
    return (uint32_t *)(void *)st_rows_at(&graph->places, node);
}
/* The highest level that a node is on. */
static inline unsigned st_graph_level(const st_graph *graph, uint32_t node) {
    return *st_graph_place_of(graph, node) % ST_GRAPH_LEVELS_MAX;
}
/* Of a node that is on that level (from 1). */
static inline st_link *st_graph_upper(const st_graph *graph, uint32_t node, unsigned level) {
    const uint32_t first = *st_graph_place_of(graph, node) / ST_GRAPH_LEVELS_MAX;
    return (st_link *)(void *)st_rows_at(&graph->upper, first + (level - 1));
}
static inline uint32_t st_link_get(const st_link *link) {
    return atomic_load_explicit((st_link *)link, memory_order_relaxed);
}

/* Where searches begin; ST_NO_NODE: the graph is empty. */
uint32_t st_graph_entry(const st_graph *graph, unsigned *level);

/* ---- Walking --------------------------------------------------------------------------------- */

/* What a walk keeps of a node it has met, as a number that is the lower the nearer the node is, and of equally near
 * ones the lower the node's: 32 bits of the distance, 31 of the node, and whether the walk went on from there. */
typedef uint64_t st_candidate;

#define ST_CANDIDATE_SEEN UINT64_C(1)

static inline st_candidate st_candidate_of(float distance, uint32_t node) {
    uint32_t bits;
    memcpy(&bits, &distance, sizeof bits);
    bits ^= (0 - (bits >> 31)) | UINT32_C(0x80000000); /* in the order of the numbers */
    return (uint64_t)bits << 32 | (uint64_t)node << 1;
}
static inline uint32_t st_candidate_node(st_candidate candidate) {
    return (uint32_t)candidate >> 1;
}
static inline float st_candidate_distance(st_candidate candidate) {
    uint32_t bits = (uint32_t)(candidate >> 32);
    float distance;
    bits ^= (0 - (~bits >> 31)) | UINT32_C(0x80000000);
    memcpy(&distance, &bits, sizeof distance);
    return distance;
}

/* The scratch of one thread that searches or adds. */
typedef struct st_walk {
    const strata_allocator *memory;
    uint64_t *
        visited; /* bit node % 64 of word node / 64: it was met; all 0 between rounds but for `met` */
    uint32_t visited_len;
    uint32_t *met; /* the nodes that were met, as long as there is room */
    uint32_t met_len;
    st_candidate *pool; /* nearest first, equally near ones by number */
    uint32_t pool_cap;  /* one more than a pool may have */
    uint32_t pool_len;
    st_candidate *hits; /* of a set, as in the pool */
    uint32_t hits_cap;
    uint32_t hits_len;
    uint64_t distances;    /* computed, since the walk was made */
    st_row_reader *reader; /* NULL: nothing that it walks through is paged */
} st_walk;

void st_walk_init(st_walk *walk, const strata_allocator *memory);
void st_walk_free(st_walk *walk);

/* How far a walk goes: until the nearest node that it has not gone on from is further away than `far` times the
 * `nearest`-th nearest is (Al-Jazzazi and others, "Distance Adaptive Beam Search for Provably Accurate Graph-Based
 * Nearest Neighbor Search", 2025), or all of the `most` nearest have been gone on from. */
typedef struct st_reach {
    uint32_t nearest; /* 1 to most */
    uint32_t most;
    uint32_t hits_most; /* of st_graph_search_for, from nearest on */
    float
        far; /* of distances as in code.h: squared ones, under cosine and euclidean; INFINITY: only `most` counts */
} st_reach;

/* Leaves in the pool, of the nodes that a walk finds, those within reach. Errors: no_memory. */
strata_status st_graph_search(const st_graph *graph, const st_code_query *query, st_reach reach,
                              st_walk *walk);

/* Of which nodes answers may consist. */
typedef struct st_node_set {
    const uint64_t *bits; /* bit node % 64 of word node / 64 */
    uint32_t count;       /* of nodes in it */
} st_node_set;

/* The same among the nodes of the set: others are only passed through. */
strata_status st_graph_search_in(const st_graph *graph, const st_code_query *query, st_reach reach,
                                 const st_node_set *set, st_walk *walk);

/* Among all nodes, where many are in the set: leaves in walk->hits the set's nearest of all that the walk has met.
 * reach.nearest counts these. */
strata_status st_graph_search_for(const st_graph *graph, const st_code_query *query, st_reach reach,
                                  const st_node_set *set, st_walk *walk);

/* ---- Building -------------------------------------------------------------------------------- */

/* Links the node, whose code is written, with its neighbours among those that were added. effort: how many
 * candidates are looked at. Errors: no_memory; the node is not there then, and may be added again. */
strata_status st_graph_add(st_graph *graph, uint32_t node, uint32_t effort, st_walk *walk);

/* Takes over nodes of another graph of the same codec and seed, with their codes, levels and links: node i becomes
 * kept[i], or nobody where that is ST_NO_NODE; those who had links to such a node get new ones from among its
 * links. To an empty graph in which the new nodes are reached; one thread. reader: of `from`, rests; NULL: that is not
 * paged. Errors: no_memory. Cost: linear. */
strata_status st_graph_take(st_graph *graph, const st_graph *from, uint32_t count,
                            const uint32_t *kept, st_row_reader *reader);

/* After the last of the nodes below `count` was added, by one thread: nodes that no link leads to are linked from
 * their neighbours. Errors: no_memory. Cost: linear. */
strata_status st_graph_mend(st_graph *graph, uint32_t count, uint32_t effort, st_walk *walk);

/* ---- Checking -------------------------------------------------------------------------------- */

/* Walks every invariant of nodes 0 to count - 1, all of which were added. reader: rests; NULL: nothing is paged.
 * Errors: internal with what does not hold, no_memory. Cost: linear. */
strata_status st_graph_check(const st_graph *graph, uint32_t count, st_row_reader *reader,
                             strata_error *error);

#endif
