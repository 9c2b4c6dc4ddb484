/* graph_walk.c - from node to node, always nearer to the query.
 *
 * A walk keeps one pool: the nearest nodes that it has met, in order, each with a mark once the walk went on from
 * there. It goes on from the nearest without a mark, and is at its end when all have one.
 *
 * 1. The pool is in order of distance, then number; so what a walk finds depends on nothing but the graph.
 * 2. Every node is met once in a round; a round is a number that `visited` has for those met, so that nothing needs
 *    to be cleared between walks but once in 65 535.
 * 3. All links of a node are looked at before the first of the distances is computed: rows are on their way from
 *    memory by then. That, and one read of neighbouring lines for a row, is what makes a walk fast.
 * Rejected: two heaps, of candidates and of results, as in the paper. Both have the same nodes at the end, and the
 * walk pays for their order twice.
 */
#include "index/vector/graph_private.h"

enum {
    LINE = 64,
    AHEAD = 4,      /* rows that are on their way while a distance is computed */
    POOL_MIN = 256, /* candidates that a walk has room for at first */
    DETOURS_MAX =
        48, /* of the set, from one node: 128 find more for each, and fewer in the same time */
};

/* ---- Scratch --------------------------------------------------------------------------------- */

void st_walk_init(st_walk *walk, const strata_allocator *memory) {
    *walk = (st_walk){.memory = memory};
}

void st_walk_free(st_walk *walk) {
    st_free(walk->memory, walk->visited, walk->visited_len * sizeof *walk->visited);
    st_free(walk->memory, walk->pool, walk->pool_cap * sizeof *walk->pool);
    *walk = (st_walk){.memory = walk->memory};
}

static strata_status grow(st_walk *walk, uint32_t nodes, uint32_t effort) {
    if (walk->visited_len < nodes) {
        uint16_t *visited = st_alloc_zeroed(walk->memory, nodes * sizeof *visited);
        if (visited == NULL) {
            return STRATA_NO_MEMORY;
        }
        st_free(walk->memory, walk->visited, walk->visited_len * sizeof *walk->visited);
        walk->visited = visited;
        walk->visited_len = nodes;
        walk->round = 0;
    }
    if (walk->pool_cap < effort + 1) {
        const uint32_t cap = (uint32_t)st_max(effort + 1, POOL_MIN);
        st_candidate *pool = st_alloc(walk->memory, cap * sizeof *pool);
        if (pool == NULL) {
            return STRATA_NO_MEMORY;
        }
        st_free(walk->memory, walk->pool, walk->pool_cap * sizeof *walk->pool);
        walk->pool = pool;
        walk->pool_cap = cap;
    }
    return STRATA_OK;
}

strata_status st_walk_begin(st_walk *walk, uint32_t nodes, uint32_t effort) {
    ST_TRY(grow(walk, nodes, effort));
    walk->pool_len = 0;
    if (++walk->round == 0) {
        memset(walk->visited, 0, walk->visited_len * sizeof *walk->visited);
        walk->round = 1;
    }
    return STRATA_OK;
}

static bool is_before(const st_candidate *candidate, float distance, uint32_t node) {
    return candidate->distance < distance ||
           (candidate->distance == distance && st_candidate_node(candidate) < node);
}

uint32_t st_walk_offer(st_walk *walk, uint32_t node, float distance, uint32_t effort) {
    uint32_t low = 0;
    uint32_t high = walk->pool_len;
    if (high == effort && is_before(&walk->pool[high - 1], distance, node)) {
        return effort;
    }
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (is_before(&walk->pool[middle], distance, node)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const uint32_t kept = walk->pool_len < effort ? walk->pool_len++ : effort - 1;
    memmove(&walk->pool[low + 1], &walk->pool[low], (kept - low) * sizeof *walk->pool);
    walk->pool[low] = (st_candidate){distance, node};
    return low;
}

/* ---- Memory on its way ----------------------------------------------------------------------- */

static inline void prefetch_code(const st_graph *graph, uint32_t node) {
    const uint8_t *row = st_graph_code(graph, node);
    for (uint32_t at = 0; at < graph->codec->stride; at += LINE) {
        __builtin_prefetch(row + at);
    }
}

static inline void prefetch_links(const st_graph *graph, uint32_t node) {
    const uint8_t *row = (const uint8_t *)st_graph_links(graph, node);
    __builtin_prefetch(row);
    __builtin_prefetch(row + LINE);
}

/* ---- Walking --------------------------------------------------------------------------------- */

/* Computes the distances of the nodes and offers them; returns the first place that changed. */
static uint32_t offer_all(const st_graph *graph, const st_code_query *query, const uint32_t *nodes,
                          unsigned count, uint32_t effort, st_walk *walk) {
    uint32_t lowest = UINT32_MAX;
    for (unsigned i = 0; i < count && i < AHEAD; i++) {
        prefetch_code(graph, nodes[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            prefetch_code(graph, nodes[i + AHEAD]);
        }
        const float distance = st_code_distance(query, st_graph_code(graph, nodes[i]));
        if (walk->pool_len < effort || distance <= walk->pool[walk->pool_len - 1].distance) {
            lowest = (uint32_t)st_min(lowest, st_walk_offer(walk, nodes[i], distance, effort));
        }
    }
    walk->distances += count;
    return lowest;
}

/* The next place from `from` on without a mark. */
static uint32_t skip_seen(const st_walk *walk, uint32_t from) {
    while (from < walk->pool_len && walk->pool[from].mark >= ST_CANDIDATE_SEEN) {
        from++;
    }
    return from;
}

void st_graph_walk(const st_graph *graph, const st_code_query *query, unsigned level,
                   uint32_t effort, st_walk *walk) {
    const unsigned most = st_links_max(level);
    uint32_t fresh[ST_GRAPH_LINKS_0];
    uint32_t at = skip_seen(walk, 0);
    while (at < walk->pool_len) {
        const uint32_t node = walk->pool[at].mark;
        const st_link *links = st_graph_links_on(graph, node, level);
        unsigned count = 0;
        walk->pool[at].mark |= ST_CANDIDATE_SEEN;
        for (unsigned i = 0; i < most; i++) {
            const uint32_t link = st_link_get(&links[i]);
            if (link == ST_NO_NODE) {
                break;
            }
            fresh[count] = link;
            count += st_walk_meet(walk, link) ? 1 : 0;
        }
        const uint32_t next = skip_seen(walk, at + 1);
        if (level == 0 && next < walk->pool_len) {
            prefetch_links(graph, walk->pool[next].mark);
        }
        const uint32_t lowest = offer_all(graph, query, fresh, count, effort, walk);
        at = skip_seen(walk, (uint32_t)st_min(lowest, next));
    }
}

uint32_t st_graph_descend(const st_graph *graph, const st_code_query *query, uint32_t node,
                          unsigned from, unsigned to, st_walk *walk) {
    float nearest = st_code_distance(query, st_graph_code(graph, node));
    for (unsigned level = from; level > to; level--) {
        for (uint32_t left = ST_NO_NODE; left != node;) {
            const st_link *links = st_graph_upper(graph, node, level);
            left = node;
            for (unsigned i = 0; i < ST_GRAPH_LINKS; i++) {
                const uint32_t link = st_link_get(&links[i]);
                if (link == ST_NO_NODE) {
                    break;
                }
                const float distance = st_code_distance(query, st_graph_code(graph, link));
                walk->distances++;
                if (distance < nearest) {
                    nearest = distance;
                    node = link;
                }
            }
        }
    }
    return node;
}

/* Begins at the node that the levels above lead to. False: the graph is empty. */
static bool begin_below(const st_graph *graph, const st_code_query *query, uint32_t *node) {
    unsigned top;
    st_walk unused = {.memory = NULL};
    *node = st_graph_entry(graph, &top);
    if (*node == ST_NO_NODE) {
        return false;
    }
    *node = st_graph_descend(graph, query, *node, top, 0, &unused);
    return true;
}

static void offer_node(const st_graph *graph, const st_code_query *query, uint32_t node,
                       uint32_t effort, st_walk *walk) {
    if (st_walk_meet(walk, node)) {
        (void)st_walk_offer(walk, node, st_code_distance(query, st_graph_code(graph, node)),
                            effort);
        walk->distances++;
    }
}

strata_status st_graph_search(const st_graph *graph, const st_code_query *query, uint32_t effort,
                              st_walk *walk) {
    uint32_t node;
    ST_TRY(st_walk_begin(walk, graph->capacity, effort));
    if (begin_below(graph, query, &node)) {
        offer_node(graph, query, node, effort, walk);
        st_graph_walk(graph, query, 0, effort, walk);
    }
    return STRATA_OK;
}

/* ---- Among the nodes of a set ---------------------------------------------------------------- */

static inline bool is_in(const st_node_set *set, uint32_t node) {
    return (set->bits[node / 64] >> (node % 64) & 1) != 0;
}

/* The nodes of the set that the links of `node` lead to; where a link leads out of the set, those that its
 * links lead to (Patel and others, "ACORN: Performant and Predictable Search Over Vector Embeddings and
 * Structured Data", 2024). */
static unsigned gather_in(const st_graph *graph, const st_node_set *set, uint32_t node,
                          uint32_t *fresh, st_walk *walk) {
    const st_link *links = st_graph_links(graph, node);
    unsigned count = 0;
    for (unsigned i = 0; i < ST_GRAPH_LINKS_0; i++) {
        const uint32_t link = st_link_get(&links[i]);
        if (link == ST_NO_NODE) {
            break;
        }
        prefetch_links(graph, link);
    }
    for (unsigned i = 0; i < ST_GRAPH_LINKS_0 && count < DETOURS_MAX; i++) {
        const uint32_t link = st_link_get(&links[i]);
        if (link == ST_NO_NODE) {
            break;
        }
        if (is_in(set, link)) {
            fresh[count] = link;
            count += st_walk_meet(walk, link) ? 1 : 0;
        } else if (st_walk_meet(walk, link)) {
            const st_link *behind = st_graph_links(graph, link);
            for (unsigned j = 0; j < ST_GRAPH_LINKS_0 && count < DETOURS_MAX; j++) {
                const uint32_t further = st_link_get(&behind[j]);
                if (further == ST_NO_NODE) {
                    break;
                }
                if (is_in(set, further)) {
                    fresh[count] = further;
                    count += st_walk_meet(walk, further) ? 1 : 0;
                }
            }
        }
    }
    return count;
}

/* Nodes of the set from all over it, so that a walk also begins where links do not lead. */
static void offer_seeds(const st_graph *graph, const st_code_query *query, const st_node_set *set,
                        uint32_t effort, st_walk *walk) {
    enum { SEEDS = 16 };
    const uint32_t words = (graph->capacity + 63) / 64;
    const uint32_t stride = words / SEEDS + 1;
    for (uint32_t first = 0; first < words; first += stride) {
        uint32_t word = first;
        while (word < words && word < first + stride && set->bits[word] == 0) {
            word++;
        }
        if (word < words && word < first + stride) {
            const uint32_t node = word * 64 + (uint32_t)__builtin_ctzll(set->bits[word]);
            offer_node(graph, query, node, effort, walk);
        }
    }
}

strata_status st_graph_search_in(const st_graph *graph, const st_code_query *query, uint32_t effort,
                                 const st_node_set *set, st_walk *walk) {
    uint32_t fresh[DETOURS_MAX + ST_GRAPH_LINKS_0];
    uint32_t node;
    ST_TRY(st_walk_begin(walk, graph->capacity, effort));
    if (!begin_below(graph, query, &node)) {
        return STRATA_OK;
    }
    offer_seeds(graph, query, set, effort, walk);
    if (is_in(set, node)) {
        offer_node(graph, query, node, effort, walk);
    } else {
        const unsigned count = gather_in(graph, set, node, fresh, walk);
        (void)offer_all(graph, query, fresh, count, effort, walk);
    }
    for (uint32_t at = 0; at < walk->pool_len;) {
        const uint32_t from = walk->pool[at].mark;
        walk->pool[at].mark |= ST_CANDIDATE_SEEN;
        const unsigned count = gather_in(graph, set, from, fresh, walk);
        const uint32_t next = skip_seen(walk, at + 1);
        const uint32_t lowest = offer_all(graph, query, fresh, count, effort, walk);
        at = skip_seen(walk, (uint32_t)st_min(lowest, next));
    }
    return STRATA_OK;
}
