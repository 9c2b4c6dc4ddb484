/* graph_merge.c - a graph grows out of another one, without some of its nodes.
 *
 * Building is most of what a graph costs; so the nodes that go on living keep their links. Only who had a link to a
 * node that does not chooses others for it, among the links of the nodes that go: where these led, a walk can still go
 * (Singh and others, "FreshDiskANN: A Fast and Accurate Graph-Based ANN Index for Streaming
 * Similarity Search", 2021, section 4.2).
 *
 * 1. Levels stay: they belong to the node, not to its number.
 * 2. Where nothing was deleted the links are the same, in the same order.
 * 3. What cannot be read of the other graph is a row of zeros (rows.h): links are then of no use, but they name nodes,
 *    and no node is taken to be on a level where it has no links. The caller throws all of it away.
 * Rejected: to choose anew among the links that are left, too, as in that paper, or among all that they lead to. What is
 * near then drives out the few links that lead far, and among clusters recall falls by 0.004 to 0.01, where now it
 * does not. And nodes that are dead and stay to be walked through. Memory would come back only when all is built anew.
 */
#include "index/vector/graph_private.h"

typedef struct taking {
    st_graph *graph;
    const st_graph *from;
    const uint32_t *kept;
    unsigned level;
} taking;

enum { CANDIDATES_MAX = 400 };

typedef struct candidates {
    st_candidate items[CANDIDATES_MAX + 1];
    unsigned count;
} candidates;

static void consider(const taking *of, const st_code_query *query, uint32_t node,
                     const st_chosen *kept, candidates *all) {
    bool known = all->count == CANDIDATES_MAX;
    for (unsigned i = 0; i < kept->count && !known; i++) {
        known = kept->nodes[i] == node;
    }
    for (unsigned i = 0; i < all->count && !known; i++) {
        known = st_candidate_node(all->items[i]) == node;
    }
    if (!known) {
        const float distance = st_code_distance(query, st_graph_code(of->graph, node));
        st_candidate_insert(all->items, all->count++, st_candidate_of(distance, node));
    }
}

/* Some of the links of `old` lead to nodes that go: kept are the others. */
static void link_anew(const taking *of, uint32_t old, st_chosen *kept) {
    const uint32_t self = of->kept[old];
    const st_code_query query = st_code_query_row(of->graph->codec, st_graph_code(of->graph, self));
    const st_link *before = st_graph_links_on(of->from, old, of->level);
    const unsigned most = st_links_max(of->level);
    candidates all = {.count = 0};
    for (unsigned i = 0; i < most && st_link_get(&before[i]) != ST_NO_NODE; i++) {
        const uint32_t link = st_link_get(&before[i]);
        if (of->kept[link] != ST_NO_NODE) {
            continue;
        }
        const st_link *behind = st_graph_links_on(of->from, link, of->level);
        for (unsigned j = 0; j < most && st_link_get(&behind[j]) != ST_NO_NODE; j++) {
            const uint32_t further = of->kept[st_link_get(&behind[j])];
            if (further != ST_NO_NODE && further != self) {
                consider(of, &query, further, kept, &all);
            }
        }
    }
    st_graph_choose_more(of->graph, all.items, all.count, most, kept);
}

static void take_links(const taking *of, uint32_t old) {
    const st_link *before = st_graph_links_on(of->from, old, of->level);
    st_link *links = st_graph_links_on(of->graph, of->kept[old], of->level);
    const unsigned most = st_links_max(of->level);
    st_chosen kept = {.count = 0};
    bool lost = false;
    for (unsigned i = 0; i < most && st_link_get(&before[i]) != ST_NO_NODE; i++) {
        const uint32_t link = of->kept[st_link_get(&before[i])];
        lost = lost || link == ST_NO_NODE;
        kept.nodes[kept.count] = link;
        kept.count += link != ST_NO_NODE;
    }
    if (lost) {
        link_anew(of, old, &kept);
    }
    st_links_write(links, most, &kept);
}

strata_status st_graph_take(st_graph *graph, const st_graph *from, uint32_t count,
                            const uint32_t *kept, st_row_reader *reader) {
    taking of = {graph, from, kept, 0};
    for (uint32_t old = 0; old < count; old++) {
        st_row_reader_rest(reader);
        if (kept[old] != ST_NO_NODE) {
            memcpy(st_graph_code(graph, kept[old]), st_graph_code(from, old), graph->codec->stride);
            ST_TRY(st_graph_place_on(graph, kept[old], st_graph_level(from, old)));
        }
    }
    for (uint32_t old = 0; old < count; old++) {
        st_row_reader_rest(reader);
        for (of.level = 0; kept[old] != ST_NO_NODE && of.level <= st_graph_level(graph, kept[old]);
             of.level++) {
            take_links(&of, old);
        }
        if (kept[old] != ST_NO_NODE) {
            st_graph_raise_top(graph, kept[old]);
        }
    }
    return STRATA_OK;
}

/* ---- Mending --------------------------------------------------------------------------------- */

/* The first of the nodes in the pool that can be reached and has room links to the node; if none has room, the
 * first gives up its last link for it. */
static void link_from_near(st_graph *graph, uint32_t node, const uint8_t *met,
                           const st_walk *walk) {
    st_link *first = NULL;
    for (uint32_t i = 0; i < walk->pool_len; i++) {
        const uint32_t near = st_candidate_node(walk->pool[i]);
        st_link *last = &st_graph_links(graph, near)[ST_GRAPH_LINKS_0 - 1];
        if (near == node || !met[near]) {
            continue;
        }
        first = first == NULL ? last : first;
        if (st_link_get(last) == ST_NO_NODE) {
            st_link *links = st_graph_links(graph, near);
            while (st_link_get(links) != ST_NO_NODE) {
                links++;
            }
            first = links;
            break;
        }
    }
    if (first != NULL) {
        atomic_store_explicit(first, node, memory_order_relaxed);
    }
}

static strata_status mend_once(st_graph *graph, uint32_t count, uint32_t effort, uint8_t *met,
                               st_walk *walk, bool *whole) {
    uint32_t reached;
    ST_TRY(st_graph_reachable(graph, count, NULL, met, &reached));
    *whole = reached == count;
    for (uint32_t node = 0; node < count && !*whole; node++) {
        if (!met[node]) {
            const st_code_query query = st_code_query_row(graph->codec, st_graph_code(graph, node));
            const st_reach reach = {.nearest = 1, .most = effort, .far = INFINITY};
            ST_TRY(st_graph_search(graph, &query, reach, walk));
            link_from_near(graph, node, met, walk);
        }
    }
    return STRATA_OK;
}

strata_status st_graph_mend(st_graph *graph, uint32_t count, uint32_t effort, st_walk *walk) {
    enum { ROUNDS_MAX = 8 }; /* a link that was given up may have been the only one to its node */
    uint8_t *met = count == 0 ? NULL : st_alloc(graph->memory, count);
    strata_status status = met == NULL && count > 0 ? STRATA_NO_MEMORY : STRATA_OK;
    bool whole = count == 0;
    for (unsigned round = 0; round < ROUNDS_MAX && status == STRATA_OK && !whole; round++) {
        status = mend_once(graph, count, effort, met, walk, &whole);
    }
    st_free(graph->memory, met, count);
    return status;
}
