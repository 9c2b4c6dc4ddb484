/* edge.c - the C functions for edges and walks along them. */
#include "api/handle.h"
#include "model/graph.h"

static strata_status fail_size(st_request *rq, const char *what) {
    return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                   "strata_%s.size is not its size: start from its INIT", what);
}

static st_edge take(const strata_edge *given) {
    const st_edge edge = {.source = given->src,
                          .type = given->type,
                          .target = given->dst,
                          .weighs = given->weighs,
                          .weight = given->weight};
    return edge;
}

static strata_edge show(const st_edge *edge, const st_stamp *stamp) {
    const strata_edge shown = {
        .size = sizeof shown,
        .src = edge->source,
        .type = edge->type,
        .dst = edge->target,
        .weighs = edge->weighs,
        .weight = edge->weight,
        .properties = edge->properties.len == 0 ? strata_null() : strata_object(edge->properties),
        .version = stamp->version,
        .timestamp_us = stamp->timestamp_us};
    return shown;
}

/* ---- One edge -------------------------------------------------------------------------------- */

static strata_status put(st_request *rq, strata_run id, const strata_edge *given,
                         uint64_t *version) {
    st_edge edge = take(given);
    st_stamp stamp;
    st_run *run;
    if (given->size != sizeof *given) {
        return fail_size(rq, "edge");
    }
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_handle_object(rq, &given->properties, &edge.properties));
    ST_TRY(st_edge_put(rq, run, &edge, &stamp));
    if (version != NULL) {
        *version = stamp.version;
    }
    return STRATA_OK;
}

strata_status strata_edge_put(strata_db *db, strata_run run, const strata_edge *edge,
                              uint64_t *version) {
    return st_handle_end(db, put(st_handle_begin(db), run, edge, version));
}

static strata_status get(st_request *rq, strata_run id, strata_when at, strata_edge *out) {
    const st_when when = st_handle_when(at);
    st_edge edge = take(out);
    st_stamp stamp;
    st_run *run;
    if (out->size != sizeof *out) {
        return fail_size(rq, "edge");
    }
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_edge_get(rq, run, &edge, &when, &stamp));
    ST_TRY(st_handle_keep(rq, &edge.properties));
    *out = show(&edge, &stamp);
    return STRATA_OK;
}

strata_status strata_edge_get(strata_db *db, strata_run run, strata_when when, strata_edge *edge) {
    return st_handle_end(db, get(st_handle_begin(db), run, when, edge));
}

static strata_status delete_edge(st_request *rq, strata_run id, const strata_edge *given,
                                 bool *existed) {
    const st_edge edge = take(given);
    st_stamp stamp;
    st_run *run;
    bool found = false;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_edge_delete(rq, run, &edge, &found, &stamp));
    if (existed != NULL) {
        *existed = found;
    }
    return STRATA_OK;
}

strata_status strata_edge_delete(strata_db *db, strata_run run, const strata_edge *edge,
                                 bool *existed) {
    return st_handle_end(db, delete_edge(st_handle_begin(db), run, edge, existed));
}

/* ---- Walks ----------------------------------------------------------------------------------- */

typedef struct visitor {
    strata_visit_edge visit;
    void *arg;
    uint64_t depth; /* of a path */
    strata_slice at;
    bool ended;
} visitor;

/* The end of a walk by its visitor is a status that is no failure. */
static strata_status pass_on(visitor *to, strata_slice name, uint64_t depth,
                             const strata_edge *edge) {
    to->ended = !to->visit(to->arg, name, depth, edge);
    return to->ended ? STRATA_INTERNAL : STRATA_OK;
}

static strata_status scan_all(st_moment *moment, const st_edge_page *page, visitor *to) {
    st_scan *scan;
    ST_TRY(st_edge_scan(moment, page, &scan));
    while (scan->here) {
        st_edge edge;
        st_stamp stamp;
        ST_TRY(st_edge_at(moment, scan, page->in, &edge, &stamp));
        const strata_edge shown = show(&edge, &stamp);
        ST_TRY(pass_on(to, page->in ? edge.source : edge.target, 1, &shown));
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

static strata_status scan_edges(st_request *rq, strata_run id, const strata_walk *walk,
                                visitor *to) {
    const st_when when = st_handle_when(walk->when);
    st_moment moment;
    st_run *run;
    if (walk->size != sizeof *walk) {
        return fail_size(rq, "walk");
    }
    if (walk->direction > STRATA_IN || walk->type_count > 1) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "a scan of edges has one direction, and one type or any");
    }
    const st_edge_page page = {.of = walk->from,
                               .in = walk->direction == STRATA_IN,
                               .type = walk->type_count == 1 ? walk->types[0] : st_slice("", 0)};
    ST_TRY(st_edge_page_check(&page, rq->error));
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_moment_begin(rq, run, &when, &moment));
    const strata_status status = scan_all(&moment, &page, to);
    st_moment_end(rq, &moment);
    return to->ended ? STRATA_OK : status;
}

strata_status strata_edge_scan(strata_db *db, strata_run run, const strata_walk *walk,
                               strata_visit_edge visit, void *arg) {
    visitor to = {.visit = visit, .arg = arg};
    return st_handle_end(db, scan_edges(st_handle_begin(db), run, walk, &to));
}

/* The types are copied, as a walk brings them into order. */
static strata_status take_walk(st_request *rq, const strata_walk *walk, st_graph *graph) {
    if (walk->size != sizeof *walk) {
        return fail_size(rq, "walk");
    }
    if (walk->direction > STRATA_BOTH || walk->limit == 0) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "the walk has no limit, or a direction that is none");
    }
    *graph = (st_graph){.direction = (st_direction)walk->direction,
                        .type_count = walk->type_count,
                        .edges_max = walk->edges_max,
                        .when = st_handle_when(walk->when)};
    /* So many that the walk refuses them are not looked at. */
    const size_t copied = walk->type_count > ST_GRAPH_TYPES_MAX ? 0 : walk->type_count;
    graph->types = st_arena_alloc(rq->arena, (copied + 1) * sizeof *graph->types, 8);
    if (graph->types == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < copied; i++) {
        graph->types[i] = walk->types[i];
    }
    return STRATA_OK;
}

static strata_status visit_reached(void *arg, const st_reached *reached) {
    const st_stamp none = {0, 0};
    const strata_edge edge = show(&reached->edge, &none);
    return pass_on(arg, reached->name, reached->depth, &edge);
}

static strata_status traverse(st_request *rq, strata_run id, const strata_walk *walk, visitor *to,
                              bool *truncated) {
    const st_traversal traversal = {.from = walk->from,
                                    .depth = walk->depth,
                                    .limit = walk->limit,
                                    .depth_first = walk->depth_first,
                                    .arg = to,
                                    .visit = visit_reached};
    st_graph graph;
    st_graph_cost cost;
    st_run *run;
    ST_TRY(take_walk(rq, walk, &graph));
    ST_TRY(st_handle_run(rq, id, &run));
    const strata_status status = st_graph_traverse(rq, run, &graph, &traversal, &cost);
    if (status != STRATA_OK && !to->ended) {
        return status;
    }
    if (truncated != NULL) {
        *truncated = cost.truncated;
    }
    return STRATA_OK;
}

strata_status strata_edge_traverse(strata_db *db, strata_run run, const strata_walk *walk,
                                   strata_visit_edge visit, void *arg, bool *truncated) {
    visitor to = {.visit = visit, .arg = arg};
    return st_handle_end(db, traverse(st_handle_begin(db), run, walk, &to, truncated));
}

static strata_status visit_step(void *arg, const st_edge *edge, const st_stamp *stamp) {
    visitor *to = arg;
    const strata_edge shown = show(edge, stamp);
    to->at = st_slice_equal(edge->source, to->at) ? edge->target : edge->source;
    return pass_on(to, to->at, ++to->depth, &shown);
}

static strata_status find_path(st_request *rq, strata_run id, const strata_walk *walk, visitor *to,
                               bool *found) {
    const st_graph_route path = {.from = walk->from,
                                 .to = walk->to,
                                 .depth = walk->depth,
                                 .weighted = walk->weighted,
                                 .arg = to,
                                 .visit = visit_step};
    st_graph graph;
    st_graph_cost cost;
    st_run *run;
    double weight;
    bool reached;
    ST_TRY(take_walk(rq, walk, &graph));
    ST_TRY(st_handle_run(rq, id, &run));
    const strata_status status = st_graph_path(rq, run, &graph, &path, &cost, &reached, &weight);
    if (status != STRATA_OK && !to->ended) {
        return status;
    }
    *found = reached;
    return STRATA_OK;
}

strata_status strata_edge_path(strata_db *db, strata_run run, const strata_walk *walk,
                               strata_visit_edge visit, void *arg, bool *found) {
    visitor to = {.visit = visit, .arg = arg, .at = walk->from};
    return st_handle_end(db, find_path(st_handle_begin(db), run, walk, &to, found));
}
