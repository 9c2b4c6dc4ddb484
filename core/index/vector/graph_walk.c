/* graph_walk.c - from node to node, always nearer to the query.
 *
 * A walk keeps one pool: the nearest nodes that it has met, in order, each with a mark once the walk went on from
 * there. It goes on from the nearest without a mark, and is at its end when that is out of reach.
 *
 * 1. The pool is in order of distance, then number; so what a walk finds depends on nothing but the graph.
 * 2. How far a walk goes is told by distances: where many nodes are about as near as the answer it looks at more of
 *    them than where few are. Measured, against as many candidates for every query: half of the distances for 0.99 of
 *    recall on embeddings of words, two thirds among clusters.
 * 3. Every node is met once in a round. Those met have a bit, which fits the first-level cache for a part of 300 000;
 *    a list of them says which bits to clear for the next round.
 * 4. All links of a node are looked at before the first of the distances is computed, and all of these before the
 *    first is compared: rows are on their way from memory by then, and no branch that cannot be foreseen stands
 *    between two of them.
 * Rejected: two heaps, of candidates and of results, as in the paper. Both have the same nodes at the end, and the
 * walk pays for their order twice.
 */
#include "index/vector/graph_private.h"

enum {
    LINE = 64,
    POOL_MIN = 256,    /* candidates that a walk has room for at first */
    MET_MAX = 1 << 13, /* nodes that are cleared one by one */
    DETOURS_MAX =
        48, /* of the set, from one node: 128 find more for each, and fewer in the same time */
    FRESH_MAX = DETOURS_MAX + ST_GRAPH_LINKS_0,
};

/* ---- Scratch --------------------------------------------------------------------------------- */

void st_walk_init(st_walk *walk, const strata_allocator *memory) {
    *walk = (st_walk){.memory = memory};
}

void st_walk_free(st_walk *walk) {
    st_free(walk->memory, walk->visited, walk->visited_len * sizeof *walk->visited);
    st_free(walk->memory, walk->met, walk->met == NULL ? 0 : MET_MAX * sizeof *walk->met);
    st_free(walk->memory, walk->pool, walk->pool_cap * sizeof *walk->pool);
    st_free(walk->memory, walk->hits, walk->hits_cap * sizeof *walk->hits);
    *walk = (st_walk){.memory = walk->memory, .reader = walk->reader};
}

static strata_status grow_visited(st_walk *walk, uint32_t words) {
    uint64_t *visited = st_alloc_zeroed(walk->memory, (size_t)words * sizeof *visited);
    if (visited == NULL) {
        return STRATA_NO_MEMORY;
    }
    st_free(walk->memory, walk->visited, walk->visited_len * sizeof *walk->visited);
    walk->visited = visited;
    walk->visited_len = words;
    walk->met_len = 0;
    return STRATA_OK;
}

/* Room for `most`; what was there is lost. */
static strata_status make_room(const st_walk *walk, uint32_t most, st_candidate **pool,
                               uint32_t *cap) {
    const uint32_t needed = (uint32_t)st_max((size_t)most + 1, POOL_MIN);
    if (*cap > most) {
        return STRATA_OK;
    }
    st_candidate *made = st_alloc(walk->memory, needed * sizeof *made);
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    st_free(walk->memory, *pool, *cap * sizeof *made);
    *pool = made;
    *cap = needed;
    return STRATA_OK;
}

static void forget_met(st_walk *walk) {
    if (walk->met_len > MET_MAX) {
        memset(walk->visited, 0, walk->visited_len * sizeof *walk->visited);
    } else {
        for (uint32_t i = 0; i < walk->met_len; i++) {
            walk->visited[walk->met[i] / 64] = 0;
        }
    }
    walk->met_len = 0;
}

strata_status st_walk_begin(st_walk *walk, uint32_t nodes, uint32_t most) {
    const uint32_t words = (nodes + 63) / 64;
    if (walk->met == NULL) {
        walk->met = st_alloc(walk->memory, MET_MAX * sizeof *walk->met);
        if (walk->met == NULL) {
            return STRATA_NO_MEMORY;
        }
    }
    forget_met(walk);
    if (walk->visited_len < words) {
        ST_TRY(grow_visited(walk, words));
    }
    ST_TRY(make_room(walk, most, &walk->pool, &walk->pool_cap));
    walk->pool_len = 0;
    return STRATA_OK;
}

static inline bool meet(st_walk *walk, uint32_t node) {
    uint64_t *word = &walk->visited[node / 64];
    const uint64_t bit = UINT64_C(1) << (node % 64);
    const bool first = (*word & bit) == 0;
    *word |= bit;
    return first;
}

/* For forget_met. */
static inline void remember(st_walk *walk, const uint32_t *nodes, unsigned count) {
    if (walk->met_len + count <= MET_MAX) {
        memcpy(walk->met + walk->met_len, nodes, count * sizeof *nodes);
        walk->met_len += count;
    } else {
        walk->met_len = MET_MAX + 1;
    }
}

bool st_walk_meet(st_walk *walk, uint32_t node) {
    const bool first = meet(walk, node);
    if (first) {
        remember(walk, &node, 1);
    }
    return first;
}

/* ---- The pool -------------------------------------------------------------------------------- */

/* At its place among the `most` nearest. */
static inline uint32_t offer(st_candidate *pool, uint32_t *len, st_candidate candidate,
                             uint32_t most) {
    const st_candidate *first = pool;
    if (*len == most && pool[most - 1] < candidate) {
        return most;
    }
    for (uint32_t left = *len; left > 0;) { /* without a branch but for the loop's */
        const uint32_t half = (left + 1) / 2;
        const bool before = first[half - 1] < candidate;
        first += before ? half : 0;
        left = before ? left - half : half - 1;
    }
    const uint32_t at = (uint32_t)(first - pool);
    const uint32_t kept = *len < most ? (*len)++ : most - 1;
    memmove(&pool[at + 1], &pool[at], (kept - at) * sizeof *pool);
    pool[at] = candidate;
    return at;
}

uint32_t st_walk_offer(st_walk *walk, st_candidate candidate, uint32_t most) {
    return offer(walk->pool, &walk->pool_len, candidate, most);
}

/* The next place from `from` on without a mark. */
static inline uint32_t skip_seen(const st_walk *walk, uint32_t from) {
    while (from < walk->pool_len && (walk->pool[from] & ST_CANDIDATE_SEEN) != 0) {
        from++;
    }
    return from;
}

/* ---- Memory on its way ----------------------------------------------------------------------- */

static inline void prefetch_code(const st_graph *graph, const uint8_t *row) {
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

/* Where a walk is. */
typedef struct walker {
    const st_graph *graph;
    const st_code_query *query;
    st_reach reach;
    st_walk *walk;
    const st_node_set *set; /* of which hits are; NULL: all that is met belongs to the answer */
    float limit;            /* beyond this distance nobody is within reach */
    uint32_t fresh[FRESH_MAX];
    unsigned count; /* of fresh ones */
} walker;

static inline bool is_in(const st_node_set *set, uint32_t node) {
    return (set->bits[node / 64] >> (node % 64) & 1) != 0;
}

static inline float limit_of(const walker *s) {
    const st_candidate *answer = s->set == NULL ? s->walk->pool : s->walk->hits;
    const uint32_t count = s->set == NULL ? s->walk->pool_len : s->walk->hits_len;
    if (s->reach.far == INFINITY || count < s->reach.nearest) {
        return INFINITY;
    }
    const st_candidate nearest = answer[s->reach.nearest - 1];
    const float distance = st_candidate_distance(nearest);
    const uint8_t *row = st_graph_code(s->graph, st_candidate_node(nearest));
    return distance + (s->reach.far - 1) * st_code_size(s->query, row, distance);
}

/* Those that are in the set, however far away; returns the first place that changed. */
static uint32_t offer_hits(walker *s, const float *distances) {
    st_walk *walk = s->walk;
    uint32_t lowest = UINT32_MAX;
    for (unsigned i = 0; i < s->count; i++) {
        if (is_in(s->set, s->fresh[i])) {
            const st_candidate candidate = st_candidate_of(distances[i], s->fresh[i]);
            const uint32_t at = offer(walk->hits, &walk->hits_len, candidate, s->reach.hits_most);
            lowest = (uint32_t)st_min(lowest, at);
        }
    }
    return lowest;
}

/* Computes the distances of the fresh nodes and offers those within reach; returns the first place that changed. */
static uint32_t offer_fresh(walker *s) {
    const uint8_t *rows[FRESH_MAX];
    float distances[FRESH_MAX];
    st_walk *walk = s->walk;
    uint32_t lowest = UINT32_MAX;
    for (unsigned i = 0; i < s->count; i++) {
        rows[i] = st_graph_code(s->graph, s->fresh[i]);
        prefetch_code(s->graph, rows[i]);
    }
    st_code_distances(s->query, rows, s->count, distances);
    for (unsigned i = 0; i < s->count; i++) {
        if (distances[i] <= s->limit) {
            const uint32_t at =
                st_walk_offer(walk, st_candidate_of(distances[i], s->fresh[i]), s->reach.most);
            lowest = (uint32_t)st_min(lowest, at);
        }
    }
    walk->distances += s->count;
    const uint32_t changed = s->set == NULL ? lowest : offer_hits(s, distances);
    if (changed < s->reach.nearest) {
        s->limit = limit_of(s);
        while (st_candidate_distance(walk->pool[walk->pool_len - 1]) > s->limit) {
            walk->pool_len--;
        }
    } else if (walk->pool_len == s->reach.most) {
        s->limit = st_candidate_distance(walk->pool[s->reach.most - 1]);
    }
    return lowest;
}

static void gather(walker *s, const st_link *links, unsigned most) {
    s->count = 0;
    for (unsigned i = 0; i < most; i++) {
        const uint32_t link = st_link_get(&links[i]);
        if (link == ST_NO_NODE) {
            break;
        }
        s->fresh[s->count] = link;
        s->count += meet(s->walk, link) ? 1 : 0;
    }
    remember(s->walk, s->fresh, s->count);
}

static void walk_on(walker *s, unsigned level) {
    st_walk *walk = s->walk;
    s->limit = limit_of(s);
    for (uint32_t at = skip_seen(walk, 0); at < walk->pool_len;) {
        const uint32_t node = st_candidate_node(walk->pool[at]);
        st_row_reader_rest(walk->reader);
        walk->pool[at] |= ST_CANDIDATE_SEEN;
        gather(s, st_graph_links_on(s->graph, node, level), st_links_max(level));
        const uint32_t next = skip_seen(walk, at + 1);
        if (level == 0 && next < walk->pool_len) {
            prefetch_links(s->graph, st_candidate_node(walk->pool[next]));
        }
        const uint32_t lowest = offer_fresh(s);
        at = skip_seen(walk, (uint32_t)st_min(lowest, next));
    }
}

void st_graph_walk(const st_graph *graph, const st_code_query *query, unsigned level,
                   st_reach reach, st_walk *walk) {
    walker s = {.graph = graph, .query = query, .reach = reach, .walk = walk};
    walk_on(&s, level);
}

/* The rows of the nodes that links lead to, on their way. */
static unsigned rows_behind(const st_graph *graph, const st_link *links, uint32_t *nodes,
                            const uint8_t **rows) {
    unsigned count = 0;
    for (; count < ST_GRAPH_LINKS; count++) {
        nodes[count] = st_link_get(&links[count]);
        if (nodes[count] == ST_NO_NODE) {
            break;
        }
        rows[count] = st_graph_code(graph, nodes[count]);
        prefetch_code(graph, rows[count]);
    }
    return count;
}

uint32_t st_graph_descend(const st_graph *graph, const st_code_query *query, uint32_t node,
                          unsigned from, unsigned to, st_walk *walk) {
    float nearest = st_code_distance(query, st_graph_code(graph, node));
    for (unsigned level = from; level > to; level--) {
        for (uint32_t left = ST_NO_NODE; left != node;) {
            uint32_t nodes[ST_GRAPH_LINKS];
            const uint8_t *rows[ST_GRAPH_LINKS];
            float distances[ST_GRAPH_LINKS];
            const unsigned count =
                rows_behind(graph, st_graph_upper(graph, node, level), nodes, rows);
            st_code_distances(query, rows, count, distances);
            walk->distances += count;
            left = node;
            for (unsigned i = 0; i < count; i++) {
                if (distances[i] < nearest) {
                    nearest = distances[i];
                    node = nodes[i];
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
                       uint32_t most, st_walk *walk) {
    if (st_walk_meet(walk, node)) {
        const float distance = st_code_distance(query, st_graph_code(graph, node));
        (void)st_walk_offer(walk, st_candidate_of(distance, node), most);
        walk->distances++;
    }
}

strata_status st_graph_search(const st_graph *graph, const st_code_query *query, st_reach reach,
                              st_walk *walk) {
    uint32_t node;
    ST_TRY(st_walk_begin(walk, graph->capacity, reach.most));
    if (begin_below(graph, query, &node)) {
        offer_node(graph, query, node, reach.most, walk);
        st_graph_walk(graph, query, 0, reach, walk);
    }
    return STRATA_OK;
}

/* ---- Among the nodes of a set ---------------------------------------------------------------- */

strata_status st_graph_search_for(const st_graph *graph, const st_code_query *query, st_reach reach,
                                  const st_node_set *set, st_walk *walk) {
    walker s = {.graph = graph, .query = query, .reach = reach, .walk = walk, .set = set};
    ST_TRY(st_walk_begin(walk, graph->capacity, reach.most));
    ST_TRY(make_room(walk, reach.hits_most, &walk->hits, &walk->hits_cap));
    walk->hits_len = 0;
    if (begin_below(graph, query, &s.fresh[0])) {
        s.count = st_walk_meet(walk, s.fresh[0]) ? 1 : 0;
        s.limit = INFINITY;
        (void)offer_fresh(&s);
        walk_on(&s, 0);
    }
    return STRATA_OK;
}

/* The nodes of the set that the links of `node` lead to; where a link leads out of the set, those that its
 * links lead to (Patel and others, "ACORN: Performant and Predictable Search Over Vector Embeddings and
 * Structured Data", 2024). */
static void gather_in(walker *s, const st_node_set *set, uint32_t node) {
    const st_link *links = st_graph_links(s->graph, node);
    s->count = 0;
    for (unsigned i = 0; i < ST_GRAPH_LINKS_0; i++) {
        const uint32_t link = st_link_get(&links[i]);
        if (link == ST_NO_NODE) {
            break;
        }
        prefetch_links(s->graph, link);
    }
    for (unsigned i = 0; i < ST_GRAPH_LINKS_0 && s->count < DETOURS_MAX; i++) {
        const uint32_t link = st_link_get(&links[i]);
        if (link == ST_NO_NODE) {
            break;
        }
        if (is_in(set, link)) {
            s->fresh[s->count] = link;
            s->count += meet(s->walk, link) ? 1 : 0;
        } else if (st_walk_meet(s->walk, link)) {
            const st_link *behind = st_graph_links(s->graph, link);
            for (unsigned j = 0; j < ST_GRAPH_LINKS_0 && s->count < DETOURS_MAX; j++) {
                const uint32_t further = st_link_get(&behind[j]);
                if (further == ST_NO_NODE) {
                    break;
                }
                if (is_in(set, further)) {
                    s->fresh[s->count] = further;
                    s->count += meet(s->walk, further) ? 1 : 0;
                }
            }
        }
    }
    remember(s->walk, s->fresh, s->count);
}

/* Nodes of the set from all over it, so that a walk also begins where links do not lead. */
static void offer_seeds(const st_graph *graph, const st_code_query *query, const st_node_set *set,
                        uint32_t most, st_walk *walk) {
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
            offer_node(graph, query, node, most, walk);
        }
    }
}

strata_status st_graph_search_in(const st_graph *graph, const st_code_query *query, st_reach reach,
                                 const st_node_set *set, st_walk *walk) {
    uint32_t node;
    ST_TRY(st_walk_begin(walk, graph->capacity, reach.most));
    if (!begin_below(graph, query, &node)) {
        return STRATA_OK;
    }
    offer_seeds(graph, query, set, reach.most, walk);
    if (is_in(set, node)) {
        offer_node(graph, query, node, reach.most, walk);
    }
    walker s = {.graph = graph, .query = query, .reach = reach, .walk = walk};
    s.limit = limit_of(&s);
    if (!is_in(set, node)) {
        gather_in(&s, set, node);
        (void)offer_fresh(&s);
    }
    for (uint32_t at = 0; at < walk->pool_len;) {
        const uint32_t from = st_candidate_node(walk->pool[at]);
        st_row_reader_rest(walk->reader);
        walk->pool[at] |= ST_CANDIDATE_SEEN;
        gather_in(&s, set, from);
        const uint32_t next = skip_seen(walk, at + 1);
        const uint32_t lowest = offer_fresh(&s);
        at = skip_seen(walk, (uint32_t)st_min(lowest, next));
    }
    return STRATA_OK;
}
