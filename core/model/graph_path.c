/* graph_path.c - shortest paths.
 *
 * By edges: breadth first from the one name until the other is met. By weight: Dijkstra's algorithm
 * (Numerische Mathematik 1, 1959). As a path may have at most so many edges, the lightest way to a name
 * may have too many of them to go on from there; so ways are taken from the heap in order of weight, and
 * of edges, and a name is left again for each way that has fewer edges than all before it. A way that is
 * neither lighter nor shorter is dropped.
 *
 * Invariants:
 * 1. Weights are not below zero where the walk looks, so a way from the heap is never lighter than those
 *    before it. An edge that is below is refused, as its sum might be less by going round for ever.
 * 2. Ways of the same weight and number of edges come in the order in which they were found; so which
 *    path is found depends on the edges alone.
 * Rejected: from both ends at once. It looks at far fewer edges of a dense graph, but which of several
 * shortest paths it finds is hard to say in words.
 */
#include "model/graph_private.h"

/* ---- By edges -------------------------------------------------------------------------------- */

static strata_status meet_all(graph_walk *walk, uint32_t from, strata_slice to, uint32_t *end) {
    const uint32_t depth = graph_at(walk, from)->depth + 1;
    graph_edges edges = {.of = graph_at(walk, from)->name};
    bool here;
    ST_TRY(st_graph_next(walk, &edges, &here));
    while (here) {
        if (st_graph_find(walk, edges.other) == GRAPH_NONE) {
            ST_TRY(st_graph_meet(walk, from, depth, &edges));
            if (st_slice_equal(edges.other, to)) {
                *end = (uint32_t)graph_count(walk) - 1;
                return STRATA_OK;
            }
        }
        ST_TRY(st_graph_next(walk, &edges, &here));
    }
    return STRATA_OK;
}

/* *end: the place of `to`; GRAPH_NONE: it is not reached. */
static strata_status find_by_edges(graph_walk *walk, const st_graph_route *path, uint32_t *end) {
    *end = st_graph_find(walk, path->to); /* where it begins, or nowhere yet */
    for (uint32_t i = 0; *end == GRAPH_NONE && i < graph_count(walk) && !walk->cost->truncated &&
                         graph_at(walk, i)->depth < path->depth;
         i++) {
        ST_TRY(meet_all(walk, i, path->to, end));
    }
    return STRATA_OK;
}

/* ---- By weight ------------------------------------------------------------------------------- */

/* A way to a name. */
typedef struct way {
    double weight;
    uint32_t edges;
    uint32_t place;    /* of the name */
    uint32_t before;   /* the way that it goes on from; GRAPH_NONE: it begins here */
    strata_slice type; /* of its last edge */
    bool in;
} way;

typedef struct heap {
    strata_buffer ways;  /* in the order of finding */
    strata_buffer order; /* uint32_t: a binary heap of places in it */
} heap;

static way *way_at(const heap *h, uint32_t i) {
    return (way *)(void *)h->ways.data + i;
}

static bool comes_before(const heap *h, uint32_t a, uint32_t b) {
    const way *left = way_at(h, a);
    const way *right = way_at(h, b);
    if (left->weight < right->weight || left->weight > right->weight) {
        return left->weight < right->weight;
    }
    return left->edges != right->edges ? left->edges < right->edges : a < b;
}

static strata_status push(graph_walk *walk, heap *h, const way *found) {
    const uint32_t made = (uint32_t)(h->ways.len / sizeof *found);
    if (st_buffer_append(&h->ways, found, sizeof *found) != STRATA_OK ||
        st_buffer_append(&h->order, &made, sizeof made) != STRATA_OK) {
        return st_fail_memory(walk->rq->error);
    }
    uint32_t *order = (uint32_t *)(void *)h->order.data;
    size_t at = h->order.len / sizeof *order - 1;
    while (at > 0 && comes_before(h, made, order[(at - 1) / 2])) {
        order[at] = order[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    order[at] = made;
    return STRATA_OK;
}

static uint32_t pop(heap *h) {
    uint32_t *order = (uint32_t *)(void *)h->order.data;
    const uint32_t first = order[0];
    h->order.len -= sizeof *order;
    const size_t count = h->order.len / sizeof *order;
    const uint32_t last = order[count];
    size_t at = 0;
    for (size_t child = 1; child < count; child = at * 2 + 1) {
        child += child + 1 < count && comes_before(h, order[child + 1], order[child]);
        if (!comes_before(h, order[child], last)) {
            break;
        }
        order[at] = order[child];
        at = child;
    }
    order[at] = last;
    return first;
}

/* The weight of the edge at hand. */
static strata_status weigh(graph_walk *walk, const graph_edges *edges, double *weight) {
    st_edge edge;
    st_stamp stamp;
    ST_TRY(st_edge_at(&walk->moment, edges->scan, edges->in, &edge, &stamp));
    *weight = edge.weighs ? edge.weight : 1;
    if (*weight >= 0) {
        return STRATA_OK;
    }
    return st_fail_constraint(walk->rq->error, "negative_weight",
                              "the edge \"%S\" from \"%S\" to \"%S\" has a negative weight",
                              &edge.type, &edge.source, &edge.target);
}

/* A name's depth is here the fewest edges of a way that was taken from the heap. */
static strata_status go_on(graph_walk *walk, heap *h, uint32_t from) {
    const way at = *way_at(h, from);
    graph_edges edges = {.of = graph_at(walk, at.place)->name};
    bool here;
    ST_TRY(st_graph_next(walk, &edges, &here));
    while (here) {
        double weight;
        way found = {.edges = at.edges + 1, .before = from, .in = edges.in};
        ST_TRY(weigh(walk, &edges, &weight));
        found.weight = at.weight + weight;
        found.place = st_graph_find(walk, edges.other);
        if (found.place == GRAPH_NONE) {
            found.place = (uint32_t)graph_count(walk);
            ST_TRY(st_graph_meet(walk, at.place, GRAPH_NONE, &edges));
        }
        if (found.edges < graph_at(walk, found.place)->depth) {
            found.type = st_arena_copy(walk->rq->arena, edges.edge.type);
            if (found.type.data == NULL) {
                return st_fail_memory(walk->rq->error);
            }
            ST_TRY(push(walk, h, &found));
        }
        ST_TRY(st_graph_next(walk, &edges, &here));
    }
    return STRATA_OK;
}

/* *end: the way to `to`; GRAPH_NONE: there is none. */
static strata_status find_by_weight(graph_walk *walk, const st_graph_route *path, heap *h,
                                    uint32_t *end) {
    const way first = {.weight = 0, .before = GRAPH_NONE, .type = {"", 0}};
    *end = GRAPH_NONE;
    graph_at(walk, 0)->depth = GRAPH_NONE;
    ST_TRY(push(walk, h, &first));
    while (h->order.len > 0 && !walk->cost->truncated) {
        const uint32_t taken = pop(h);
        const way at = *way_at(h, taken);
        graph_node *node = graph_at(walk, at.place);
        if (at.edges >= node->depth) {
            continue;
        }
        node->depth = at.edges;
        if (st_slice_equal(node->name, path->to)) {
            *end = taken;
            return STRATA_OK;
        }
        if (at.edges < path->depth) {
            ST_TRY(go_on(walk, h, taken));
        }
    }
    return STRATA_OK;
}

/* ---- The path -------------------------------------------------------------------------------- */

static st_edge edge_between(strata_slice from, strata_slice to, strata_slice type, bool in) {
    const st_edge edge = {.source = in ? to : from, .type = type, .target = in ? from : to};
    return edge;
}

/* The last edge of the way, or of the path to a name, and where it goes on from. */
static st_edge edge_to(const graph_walk *walk, const heap *h, bool weighted, uint32_t *at) {
    if (weighted) {
        const way *last = way_at(h, *at);
        *at = last->before;
        return edge_between(graph_at(walk, way_at(h, last->before)->place)->name,
                            graph_at(walk, last->place)->name, last->type, last->in);
    }
    const graph_node *node = graph_at(walk, *at);
    *at = node->parent;
    return edge_between(graph_at(walk, node->parent)->name, node->name, node->type, node->in);
}

static strata_status visit_edges(graph_walk *walk, const st_graph_route *path, const heap *h,
                                 uint32_t end) {
    size_t count = path->weighted ? way_at(h, end)->edges : graph_at(walk, end)->depth;
    st_edge *edges = st_arena_alloc(walk->rq->arena, (count + 1) * sizeof *edges, 8);
    if (edges == NULL) {
        return st_fail_memory(walk->rq->error);
    }
    for (size_t i = count; i > 0; i--) {
        edges[i - 1] = edge_to(walk, h, path->weighted, &end);
    }
    for (size_t i = 0; i < count; i++) {
        st_stamp stamp;
        ST_TRY(st_edge_read(&walk->moment, &edges[i], &stamp));
        ST_TRY(path->visit(path->arg, &edges[i], &stamp));
    }
    return STRATA_OK;
}

static strata_status find(graph_walk *walk, const st_graph_route *path, heap *h, bool *found,
                          double *weight) {
    uint32_t end;
    ST_TRY(path->weighted ? find_by_weight(walk, path, h, &end) : find_by_edges(walk, path, &end));
    *found = end != GRAPH_NONE;
    if (!*found) {
        return STRATA_OK;
    }
    walk->cost->truncated = false; /* whatever else there is, this is the shortest */
    *weight = path->weighted ? way_at(h, end)->weight : (double)graph_at(walk, end)->depth;
    return visit_edges(walk, path, h, end);
}

strata_status st_graph_path(st_request *rq, const st_run *run, const st_graph *graph,
                            const st_graph_route *path, st_graph_cost *cost, bool *found,
                            double *weight) {
    graph_walk walk = {.rq = rq, .graph = graph, .cost = cost};
    heap h = {{NULL, 0, 0, rq->model->host}, {NULL, 0, 0, rq->model->host}};
    *found = false;
    *weight = 0;
    strata_status status = st_graph_begin(&walk, run, path->from);
    if (status == STRATA_OK) {
        status = st_key_check(path->to, rq->error);
    }
    if (status == STRATA_OK) {
        status = find(&walk, path, &h, found, weight);
    }
    st_graph_end(&walk);
    strata_buffer_free(&h.ways);
    strata_buffer_free(&h.order);
    return status;
}
