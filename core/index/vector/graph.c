/* graph.c - a navigable graph over codes: its memory and its invariants.
 *
 * Codes and the links of level 0 are rows of their own, both by node: a walk reads the links of the nodes it goes on
 * from, and the codes of all that these name. Levels above have one node in sixteen; `places` says where theirs are.
 *
 * 1. Links name nodes that were added, and not the node itself; none twice; behind the first unused one all are
 *    unused.
 * 2. A link on a level leads to a node of that level.
 * 3. The node where searches begin is of the highest level of all.
 * 4. Links are changed under the node's lock and read without: each is one word, so a reader finds a mixture of old
 *    and new links, all of which are good.
 * A link back is not promised: the other node may have nearer ones.
 * Rejected: links as long as they are needed, one after the other. They would save a third of their memory, and need
 * a load more for each node on the way.
 */
#include "index/vector/graph_private.h"

#include "base/hash.h"

/* ---- Memory ---------------------------------------------------------------------------------- */

static const uint64_t nowhere = ST_NO_NODE;

/* Rows of levels above 0: one for fifteen nodes as a rule; chunks come when they are needed. */
static uint32_t upper_capacity(uint32_t capacity) {
    return capacity < 1024 ? capacity * ST_GRAPH_LEVELS_MAX : capacity / 4 + 4096;
}

strata_status st_graph_init(st_graph *graph, const st_codec *codec, const strata_host *host,
                            uint32_t capacity, uint64_t seed, uint32_t chunk_bytes) {
    ST_ASSERT(capacity > 0 && capacity <= ST_GRAPH_NODES_MAX);
    const strata_allocator *memory = &host->memory;
    *graph = (st_graph){.codec = codec,
                        .memory = memory,
                        .executor = &host->executor,
                        .seed = seed,
                        .capacity = capacity};
    atomic_init(&graph->top, nowhere);
    st_mutex_init(&graph->top_lock);
    graph->locks = st_alloc_zeroed(memory, sizeof *graph->locks);
    strata_status status = graph->locks == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    if (status == STRATA_OK) {
        status = st_rows_init(&graph->codes, memory, codec->stride, capacity, chunk_bytes);
    }
    if (status == STRATA_OK) {
        status = st_rows_init(&graph->links, memory, ST_GRAPH_LINKS_0 * sizeof(st_link), capacity,
                              chunk_bytes);
    }
    if (status == STRATA_OK) {
        status = st_rows_init(&graph->places, memory, sizeof(uint32_t), capacity, chunk_bytes);
    }
    if (status == STRATA_OK) {
        status = st_rows_init(&graph->upper, memory, ST_GRAPH_LINKS * sizeof(st_link),
                              upper_capacity(capacity), chunk_bytes);
    }
    if (status != STRATA_OK) {
        st_graph_free(graph);
    }
    return status;
}

void st_graph_free(st_graph *graph) {
    st_rows_free(&graph->codes);
    st_rows_free(&graph->links);
    st_rows_free(&graph->places);
    st_rows_free(&graph->upper);
    st_free(graph->memory, graph->locks, sizeof *graph->locks); /* NULL where it was loaded */
    graph->locks = NULL;
}

strata_status st_graph_reach_codes(st_graph *graph, uint32_t count) {
    return st_rows_reach(&graph->codes, count);
}

size_t st_graph_bytes(const st_graph *graph) {
    return sizeof *graph->locks + st_rows_bytes(&graph->codes) + st_rows_bytes(&graph->links) +
           st_rows_bytes(&graph->places) + st_rows_bytes(&graph->upper);
}

strata_status st_graph_reach(st_graph *graph, uint32_t count) {
    ST_TRY(st_graph_reach_codes(graph, count));
    ST_TRY(st_rows_reach(&graph->links, count));
    return st_rows_reach(&graph->places, count);
}

/* ---- Levels ---------------------------------------------------------------------------------- */

static unsigned level_of(uint64_t seed, uint64_t chance) {
    uint64_t left = st_hash_mix(st_hash_u64(seed ^ st_hash_u64(chance)), 0xe7037ed1a0b428dbu);
    unsigned level = 0;
    while (left % ST_GRAPH_LINKS == 0 && level < ST_GRAPH_LEVELS_MAX - 1) {
        left /= ST_GRAPH_LINKS;
        level++;
    }
    return level;
}

strata_status st_graph_place_on(st_graph *graph, uint32_t node, unsigned level) {
    const uint32_t first = graph->upper_count;
    if (level > graph->upper.capacity - first) {
        return STRATA_NO_MEMORY;
    }
    if (level > 0) {
        ST_TRY(st_rows_reach(&graph->upper, first + level));
    }
    graph->upper_count += level;
    *st_graph_place_of(graph, node) = first * ST_GRAPH_LEVELS_MAX + level;
    for (unsigned on = 0; on <= level; on++) {
        st_link *links = st_graph_links_on(graph, node, on);
        for (unsigned i = 0; i < st_links_max(on); i++) {
            atomic_init(&links[i], ST_NO_NODE);
        }
    }
    return STRATA_OK;
}

strata_status st_graph_place(st_graph *graph, uint32_t node, uint64_t chance) {
    return st_graph_place_on(graph, node, level_of(graph->seed, chance));
}

uint32_t st_graph_entry(const st_graph *graph, unsigned *level) {
    const uint64_t top =
        atomic_load_explicit((_Atomic uint64_t *)&graph->top, memory_order_acquire);
    *level = (unsigned)(top >> 32);
    return (uint32_t)top;
}

/* ---- Checking -------------------------------------------------------------------------------- */

typedef struct checked {
    const st_graph *graph;
    uint32_t count;
    st_row_reader *reader;
    strata_error *error;
} checked;

static bool is_on(const st_graph *graph, uint32_t node, unsigned level) {
    return level == 0 || st_graph_level(graph, node) >= level;
}

static strata_status check_links(const checked *of, uint32_t node, unsigned level) {
    const st_link *links = st_graph_links_on(of->graph, node, level);
    const unsigned most = st_links_max(level);
    bool ended = false;
    for (unsigned i = 0; i < most; i++) {
        const uint32_t link = st_link_get(&links[i]);
        if (link == ST_NO_NODE) {
            ended = true;
            continue;
        }
        bool good = !ended && link < of->count && link != node && is_on(of->graph, link, level);
        for (unsigned j = 0; j < i && good; j++) {
            good = st_link_get(&links[j]) != link;
        }
        if (!good) {
            return st_fail(of->error, STRATA_INTERNAL, "link %u of node %u on level %u is bad", i,
                           node, level);
        }
    }
    return STRATA_OK;
}

strata_status st_graph_reachable(const st_graph *graph, uint32_t count, st_row_reader *reader,
                                 uint8_t *met, uint32_t *reached) {
    unsigned top;
    const uint32_t entry = st_graph_entry(graph, &top);
    const size_t queue_size = (size_t)count * sizeof(uint32_t);
    uint32_t *queue = st_alloc(graph->memory, queue_size);
    uint32_t first = 0;
    uint32_t end = 0;
    if (queue == NULL) {
        return STRATA_NO_MEMORY;
    }
    memset(met, 0, count);
    queue[end++] = entry;
    met[entry] = 1;
    while (first < end) {
        st_row_reader_rest(reader);
        const st_link *links = st_graph_links(graph, queue[first++]);
        for (unsigned i = 0; i < ST_GRAPH_LINKS_0; i++) {
            const uint32_t link = st_link_get(&links[i]);
            if (link == ST_NO_NODE) {
                break;
            }
            if (!met[link]) {
                met[link] = 1;
                queue[end++] = link;
            }
        }
    }
    *reached = end;
    st_free(graph->memory, queue, queue_size);
    return STRATA_OK;
}

static strata_status check_reached(const checked *of) {
    const strata_allocator *memory = of->graph->memory;
    uint8_t *met = st_alloc(memory, of->count);
    uint32_t reached = 0;
    if (met == NULL) {
        return st_fail_memory(of->error);
    }
    const strata_status status =
        st_graph_reachable(of->graph, of->count, of->reader, met, &reached);
    st_free(memory, met, of->count);
    if (status != STRATA_OK) {
        return st_fail_memory(of->error);
    }
    return reached == of->count
               ? STRATA_OK
               : st_fail(of->error, STRATA_INTERNAL, "%u of %u nodes cannot be reached",
                         of->count - reached, of->count);
}

strata_status st_graph_check(const st_graph *graph, uint32_t count, st_row_reader *reader,
                             strata_error *error) {
    const checked of = {graph, count, reader, error};
    unsigned top;
    const uint32_t entry = st_graph_entry(graph, &top);
    if (count == 0) {
        return entry == ST_NO_NODE ? STRATA_OK
                                   : st_fail(error, STRATA_INTERNAL, "an empty graph has an entry");
    }
    if (entry >= count || st_graph_level(graph, entry) != top) {
        return st_fail(error, STRATA_INTERNAL, "the entry, node %u, is not of level %u", entry,
                       top);
    }
    for (uint32_t node = 0; node < count; node++) {
        st_row_reader_rest(reader);
        const unsigned level = st_graph_level(graph, node);
        if (level > top) {
            return st_fail(error, STRATA_INTERNAL, "node %u is above level %u", node, top);
        }
        for (unsigned on = 0; on <= level; on++) {
            ST_TRY(check_links(&of, node, on));
        }
    }
    return check_reached(&of);
}
