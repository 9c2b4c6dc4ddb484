/* graph.c - traversals.
 *
 * Names that were met are in an array, in the order of meeting, and in a hash table of places in it; so
 * for breadth first the array is the queue. Depth first keeps a stack of at most ST_GRAPH_DEPTH_MAX
 * names, each with where in its edges it is: coming back, the scan begins anew behind that, so that one
 * scan is open at a time.
 *
 * Invariants:
 * 1. A name is visited once, when it is met; so circles end. Depth first goes on from it again when it
 *    is reached by fewer edges than before: else what lies beyond would depend on the order of edges,
 *    and depth first would visit fewer names than breadth first.
 * 2. The order depends on the edges alone. The table is only asked whether a name was met, so its seed,
 *    which keeps those who choose names from making it slow, decides nothing.
 * 3. Everything is bounded by the edges looked at and the names visited, not by what is stored: a scan
 *    begins at the name's own edges and ends when nobody asks for the next one.
 * Rejected: recursion, and a scan kept open for each name of the stack: memory of a merge for each.
 */
#include "model/graph_private.h"

#include "base/hash.h"
#include "base/sort.h"

/* ---- Names that were met --------------------------------------------------------------------- */

static uint32_t *slot_of(const graph_walk *walk, strata_slice name) {
    uint32_t *slots = (uint32_t *)(void *)walk->slots.data;
    const size_t mask = walk->slots.len / sizeof *slots - 1;
    size_t at = (size_t)st_hash_bytes(name, walk->seed) & mask;
    while (slots[at] != 0 && !st_slice_equal(graph_at(walk, slots[at] - 1)->name, name)) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

uint32_t st_graph_find(const graph_walk *walk, strata_slice name) {
    return *slot_of(walk, name) - 1; /* of none: GRAPH_NONE */
}

/* Half of the slots stay free. */
static strata_status make_room(graph_walk *walk) {
    const size_t count = graph_count(walk);
    const size_t room = walk->slots.len / sizeof(uint32_t);
    if (count * 2 < room) {
        return STRATA_OK;
    }
    const size_t size = (room == 0 ? 64 : room * 2) * sizeof(uint32_t);
    ST_TRY(st_buffer_reserve(&walk->slots, size - walk->slots.len));
    walk->slots.len = size;
    memset(walk->slots.data, 0, size);
    for (size_t i = 0; i < count; i++) {
        *slot_of(walk, graph_at(walk, i)->name) = (uint32_t)i + 1;
    }
    return STRATA_OK;
}

static strata_status add(graph_walk *walk, graph_node node) {
    strata_buffer *nodes = &walk->nodes;
    node.name = st_arena_copy(walk->rq->arena, node.name);
    node.type = st_arena_copy(walk->rq->arena, node.type);
    if (node.name.data == NULL || node.type.data == NULL || make_room(walk) != STRATA_OK ||
        st_buffer_append(nodes, &node, sizeof node) != STRATA_OK) {
        return st_fail_memory(walk->rq->error);
    }
    *slot_of(walk, node.name) = (uint32_t)graph_count(walk);
    return STRATA_OK;
}

strata_status st_graph_meet(graph_walk *walk, uint32_t parent, uint32_t depth,
                            const graph_edges *edges) {
    const graph_node node = {edges->other, edges->edge.type, parent, depth, edges->in};
    return add(walk, node);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int compare_types(const void *a, const void *b) {
    return st_slice_compare(*(const strata_slice *)a, *(const strata_slice *)b);
}

static strata_status check(const st_graph *graph, strata_error *error) {
    if (graph->type_count > ST_GRAPH_TYPES_MAX) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "there are %u types; the limit is %u",
                       (uint64_t)graph->type_count, (uint64_t)ST_GRAPH_TYPES_MAX);
    }
    if (graph->edges_max == 0 || graph->edges_max > ST_GRAPH_EDGES_MAX) {
        st_fail(error, STRATA_INVALID_ARGUMENT, "edges_max is %u; it must be 1 to %u",
                graph->edges_max, (uint64_t)ST_GRAPH_EDGES_MAX);
        return st_fail_text(error, "argument", strata_text("edges_max"));
    }
    for (size_t i = 0; i < graph->type_count; i++) {
        ST_TRY(st_key_check(graph->types[i], error));
    }
    st_sort(graph->types, graph->type_count, sizeof *graph->types, compare_types);
    return STRATA_OK;
}

strata_status st_graph_begin(graph_walk *walk, const st_run *run, strata_slice from) {
    st_request *rq = walk->rq;
    const strata_host *host = rq->model->host;
    const graph_node first = {from, {"", 0}, GRAPH_NONE, 0, false};
    *walk->cost = (st_graph_cost){0, false};
    walk->nodes = (strata_buffer){NULL, 0, 0, host};
    walk->slots = walk->nodes;
    walk->moment.run = NULL;
    ST_TRY(st_key_check(from, rq->error));
    ST_TRY(check(walk->graph, rq->error));
    if (host->entropy.fill(host->entropy.ctx, &walk->seed, sizeof walk->seed) != STRATA_OK) {
        return st_fail(rq->error, STRATA_IO, "the host has no entropy");
    }
    const strata_status status = st_moment_begin(rq, run, &walk->graph->when, &walk->moment);
    if (status != STRATA_OK) {
        walk->moment.run = NULL; /* it has not begun */
        return status;
    }
    return add(walk, first);
}

void st_graph_end(graph_walk *walk) {
    if (walk->moment.run != NULL) {
        st_moment_end(walk->rq, &walk->moment);
    }
    strata_buffer_free(&walk->nodes);
    strata_buffer_free(&walk->slots);
}

/* ---- Edges of a name ------------------------------------------------------------------------- */

/* Begins the scan at hand. *there false: there are no more. A type given twice is walked once, and one
 * too long for this name has no edges here. */
static strata_status begin_scan(graph_walk *walk, graph_edges *edges, bool *there) {
    static const strata_slice any = {"", 0};
    const st_graph *graph = walk->graph;
    const unsigned phases = graph->direction == ST_BOTH ? 2 : 1;
    const size_t types = graph->type_count == 0 ? 1 : graph->type_count;
    for (; edges->phase < phases; edges->phase++, edges->type = 0) {
        for (; edges->type < types; edges->type++) {
            const strata_slice type = graph->type_count == 0 ? any : graph->types[edges->type];
            const bool again =
                edges->type > 0 && st_slice_equal(type, graph->types[edges->type - 1]);
            if (again || edges->of.len + type.len > ST_KEY_BYTES_MAX) {
                continue;
            }
            edges->in = graph->direction == ST_IN || edges->phase == 1;
            const st_edge_page page = {edges->of, edges->in, type, edges->after_type, edges->after};
            edges->after = any;
            *there = true;
            return st_edge_scan(&walk->moment, &page, &edges->scan);
        }
    }
    *there = false;
    return STRATA_OK;
}

strata_status st_graph_next(graph_walk *walk, graph_edges *edges, bool *here) {
    *here = false;
    for (bool moves = edges->scan != NULL;; moves = false) {
        if (moves) {
            ST_TRY(st_scan_next(edges->scan));
        } else {
            bool there;
            ST_TRY(begin_scan(walk, edges, &there));
            if (!there) {
                return STRATA_OK;
            }
        }
        if (edges->scan->here) {
            break;
        }
        edges->scan = NULL;
        edges->type++;
    }
    if (walk->cost->edges == walk->graph->edges_max) {
        walk->cost->truncated = true;
        return STRATA_OK;
    }
    walk->cost->edges++;
    st_edge_names(edges->scan, edges->in, &edges->edge);
    edges->other = edges->in ? edges->edge.source : edges->edge.target;
    *here = true;
    return STRATA_OK;
}

/* ---- Traversals ------------------------------------------------------------------------------ */

/* Meets and visits it, unless there were enough. */
static strata_status reach(graph_walk *walk, const st_traversal *t, uint32_t parent, uint32_t depth,
                           const graph_edges *edges) {
    if (graph_count(walk) - 1 == t->limit) {
        walk->cost->truncated = true;
        return STRATA_OK;
    }
    const st_reached reached = {edges->other, depth, edges->edge};
    ST_TRY(st_graph_meet(walk, parent, depth, edges));
    return t->visit(t->arg, &reached);
}

static strata_status breadth_first(graph_walk *walk, const st_traversal *t) {
    for (uint32_t i = 0; i < graph_count(walk) && graph_at(walk, i)->depth < t->depth; i++) {
        const uint32_t depth = graph_at(walk, i)->depth + 1;
        graph_edges edges = {.of = graph_at(walk, i)->name};
        bool here;
        ST_TRY(st_graph_next(walk, &edges, &here));
        while (here) {
            if (st_graph_find(walk, edges.other) == GRAPH_NONE) {
                ST_TRY(reach(walk, t, i, depth, &edges));
            }
            if (walk->cost->truncated) {
                return STRATA_OK;
            }
            ST_TRY(st_graph_next(walk, &edges, &here));
        }
        if (walk->cost->truncated) {
            return STRATA_OK;
        }
    }
    return STRATA_OK;
}

/* The edge leads somewhere new, or nearer than before. *place: GRAPH_NONE if it does not. */
static strata_status look(graph_walk *walk, const st_traversal *t, uint32_t parent,
                          const graph_edges *edges, uint32_t *place) {
    const uint32_t depth = graph_at(walk, parent)->depth + 1;
    *place = st_graph_find(walk, edges->other);
    if (*place == GRAPH_NONE) {
        ST_TRY(reach(walk, t, parent, depth, edges));
        *place = walk->cost->truncated ? GRAPH_NONE : (uint32_t)graph_count(walk) - 1;
    } else if (graph_at(walk, *place)->depth > depth) {
        graph_at(walk, *place)->depth = depth;
    } else {
        *place = GRAPH_NONE;
    }
    return STRATA_OK;
}

static strata_status depth_first(graph_walk *walk, const st_traversal *t) {
    struct {
        uint32_t place;
        graph_edges edges;
    } stack[ST_GRAPH_DEPTH_MAX];
    size_t count = 1;
    stack[0].place = 0;
    stack[0].edges = (graph_edges){.of = graph_at(walk, 0)->name};
    while (count > 0 && !walk->cost->truncated) {
        graph_edges *edges = &stack[count - 1].edges;
        uint32_t place;
        bool here;
        ST_TRY(st_graph_next(walk, edges, &here));
        if (!here) {
            count--;
            continue;
        }
        ST_TRY(look(walk, t, stack[count - 1].place, edges, &place));
        if (place == GRAPH_NONE || count == t->depth) {
            continue;
        }
        /* Down; the edges go on behind this one. */
        edges->after = graph_at(walk, place)->name;
        edges->after_type = st_arena_copy(walk->rq->arena, edges->edge.type);
        if (edges->after_type.data == NULL) {
            return st_fail_memory(walk->rq->error);
        }
        edges->scan = NULL;
        stack[count].place = place;
        stack[count].edges = (graph_edges){.of = edges->after};
        count++;
    }
    return STRATA_OK;
}

strata_status st_graph_traverse(st_request *rq, const st_run *run, const st_graph *graph,
                                const st_traversal *t, st_graph_cost *cost) {
    graph_walk walk = {.rq = rq, .graph = graph, .cost = cost};
    if (t->depth == 0 || t->depth > ST_GRAPH_DEPTH_MAX) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "depth is %u; it must be 1 to %u", t->depth,
                (uint64_t)ST_GRAPH_DEPTH_MAX);
        return st_fail_text(rq->error, "argument", strata_text("depth"));
    }
    strata_status status = st_graph_begin(&walk, run, t->from);
    if (status == STRATA_OK) {
        status = t->depth_first ? depth_first(&walk, t) : breadth_first(&walk, t);
    }
    st_graph_end(&walk);
    return status;
}
