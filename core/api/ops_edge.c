/* ops_edge.c - the edge operations of ops.def.
 *
 * The cursor of a list of edges is where it stopped: the length of the type in decimal, a colon, the
 * type, and the other end. So it is text without a NUL, whatever carries it.
 */
#include "api/ops.h"
#include "model/graph.h"

/* ---- One edge -------------------------------------------------------------------------------- */

/* Source, type and target follow each other in all of them. */
static st_edge take_edge(const st_call *call, int source_arg) {
    const st_edge edge = {.source = st_call_text(call, source_arg),
                          .type = st_call_text(call, source_arg + 1),
                          .target = st_call_text(call, source_arg + 2)};
    return edge;
}

strata_status st_op_edge_put(st_call *call) {
    st_edge edge = take_edge(call, ARG_edge_put_src);
    const strata_value *weight = &call->args[ARG_edge_put_weight];
    st_run *run;
    st_stamp stamp;
    edge.weighs = call->given[ARG_edge_put_weight];
    if (edge.weighs) {
        edge.weight = weight->type == STRATA_INT ? (double)weight->as.integer : weight->as.real;
    }
    ST_TRY(st_call_run(call, ARG_edge_put_run, &run));
    ST_TRY(st_call_object(call, ARG_edge_put_properties, &edge.properties));
    ST_TRY(st_edge_put(call->rq, run, &edge, &stamp));
    return st_put_version(call, &stamp);
}

static strata_status put_names(strata_buffer *out, const st_edge *edge) {
    ST_TRY(st_put_text(out, "src", edge->source));
    ST_TRY(st_put_text(out, "type", edge->type));
    return st_put_text(out, "dst", edge->target);
}

static strata_status put_edge(strata_buffer *out, const st_edge *edge, const st_stamp *stamp) {
    static const uint8_t none = 0x80;
    ST_TRY(st_msgpack_put_object(out, edge->weighs ? 7 : 6));
    ST_TRY(put_names(out, edge));
    if (edge->weighs) {
        ST_TRY(st_put_float(out, "weight", edge->weight));
    }
    ST_TRY(st_put_value(out, "properties",
                        edge->properties.len > 0 ? edge->properties : st_slice(&none, 1)));
    return st_put_stamp(out, stamp->version, stamp->timestamp_us);
}

strata_status st_op_edge_get(st_call *call) {
    const st_when when = st_call_when(call, ARG_edge_get_as_of, ARG_edge_get_as_of_time);
    st_edge edge = take_edge(call, ARG_edge_get_src);
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_edge_get_run, &run));
    ST_TRY(st_edge_get(call->rq, run, &edge, &when, &stamp));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    ST_TRY(st_put_name(call->out, "edge"));
    return put_edge(call->out, &edge, &stamp);
}

strata_status st_op_edge_delete(st_call *call) {
    const st_edge edge = take_edge(call, ARG_edge_delete_src);
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_edge_delete_run, &run));
    ST_TRY(st_edge_delete(call->rq, run, &edge, &existed, &stamp));
    return st_put_existed(call, existed, &stamp);
}

/* ---- The edges of a name --------------------------------------------------------------------- */

static strata_status keep_cursor(st_call *call, const st_edge *edge, bool in,
                                 strata_slice *cursor) {
    enum { DIGITS = 8 };
    char *text = st_arena_alloc(call->rq->arena, DIGITS + 2 * ST_KEY_BYTES_MAX, 1);
    const strata_slice other = in ? edge->source : edge->target;
    if (text == NULL) {
        return st_fail_memory(call->rq->error);
    }
    size_t len = st_format(text, DIGITS, "%u:", (uint64_t)edge->type.len);
    memcpy(text + len, edge->type.data, edge->type.len);
    len += edge->type.len;
    memcpy(text + len, other.data, other.len);
    *cursor = st_slice(text, len + other.len);
    return STRATA_OK;
}

static strata_status take_cursor(st_call *call, strata_slice cursor, st_edge_page *page) {
    const char *text = cursor.data;
    size_t len = 0;
    size_t at = 0;
    if (cursor.len == 0) {
        return STRATA_OK;
    }
    for (; at < cursor.len && text[at] >= '0' && text[at] <= '9' && len < ST_KEY_BYTES_MAX; at++) {
        len = len * 10 + (size_t)(text[at] - '0');
    }
    if (at == cursor.len || text[at] != ':' || len >= cursor.len - at - 1) {
        st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                "the cursor is none that a list of edges gave");
        return st_fail_text(call->rq->error, "argument", strata_text("cursor"));
    }
    page->after_type = st_slice(text + at + 1, len);
    page->after = st_slice(text + at + 1 + len, cursor.len - at - 1 - len);
    return STRATA_OK;
}

static strata_status put_edges(st_call *call, st_moment *moment, const st_edge_page *page,
                               uint64_t limit) {
    st_scan *scan;
    st_list list;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_edge_scan(moment, page, &scan));
    ST_TRY(st_list_open(call, "edges", &list));
    while (scan->here && count < limit) {
        st_edge edge;
        st_stamp stamp;
        ST_TRY(st_edge_at(moment, scan, page->in, &edge, &stamp));
        ST_TRY(put_edge(call->out, &edge, &stamp));
        count++;
        if (count == limit) {
            ST_TRY(keep_cursor(call, &edge, page->in, &last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

/* The arguments of out, or of in, which are the same: run, txn, name, type, limit, cursor, as_of,
 * as_of_time. */
static strata_status list_edges(st_call *call, bool in) {
    _Static_assert(ARG_edge_out_run == (int)ARG_edge_in_run &&
                       ARG_edge_out_src == (int)ARG_edge_in_dst &&
                       ARG_edge_out_type == (int)ARG_edge_in_type &&
                       ARG_edge_out_limit == (int)ARG_edge_in_limit &&
                       ARG_edge_out_cursor == (int)ARG_edge_in_cursor &&
                       ARG_edge_out_as_of == (int)ARG_edge_in_as_of &&
                       ARG_edge_out_as_of_time == (int)ARG_edge_in_as_of_time,
                   "the same arguments");
    const st_when when = st_call_when(call, ARG_edge_out_as_of, ARG_edge_out_as_of_time);
    st_edge_page page = {.of = st_call_text(call, ARG_edge_out_src),
                         .in = in,
                         .type = st_call_text(call, ARG_edge_out_type)};
    st_run *run;
    st_moment moment;
    uint64_t limit;
    ST_TRY(st_call_run(call, ARG_edge_out_run, &run));
    ST_TRY(st_call_limit(call, ARG_edge_out_limit, &limit));
    ST_TRY(take_cursor(call, st_call_text(call, ARG_edge_out_cursor), &page));
    if (call->given[ARG_edge_out_type]) {
        ST_TRY(st_key_check(page.type, call->rq->error));
    }
    ST_TRY(st_edge_page_check(&page, call->rq->error));
    ST_TRY(st_moment_begin(call->rq, run, &when, &moment));
    const strata_status status = put_edges(call, &moment, &page, limit);
    st_moment_end(call->rq, &moment);
    return status;
}

strata_status st_op_edge_out(st_call *call) {
    return list_edges(call, false);
}

strata_status st_op_edge_in(st_call *call) {
    return list_edges(call, true);
}

/* ---- Walks ----------------------------------------------------------------------------------- */

/* The place of a word in a list of `count`, 0 when it was left out. */
static strata_status take_word(st_call *call, int arg, const char *name, const char *const *words,
                               unsigned *word) {
    const strata_slice given = st_call_text(call, arg);
    *word = 0;
    if (!call->given[arg]) {
        return STRATA_OK;
    }
    for (; words[*word] != NULL; (*word)++) {
        if (st_slice_equal(given, strata_text(words[*word]))) {
            return STRATA_OK;
        }
    }
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "%s is \"%S\"; it must be %s or %s", name,
            &given, words[0], words[1]);
    return st_fail_text(call->rq->error, "argument", strata_text(name));
}

static strata_status take_types(st_call *call, int arg, st_graph *graph) {
    strata_slice encoded;
    st_token token;
    ST_TRY(st_call_strings(call, arg, &encoded));
    if (encoded.len == 0) {
        return STRATA_OK;
    }
    st_cursor cursor = st_cursor_over(encoded);
    (void)st_msgpack_next(&cursor, &token);
    graph->types = st_arena_alloc(call->rq->arena, (token.as.count + 1) * sizeof(strata_slice), 8);
    if (graph->types == NULL) {
        return st_fail_memory(call->rq->error);
    }
    graph->type_count = token.as.count;
    for (size_t i = 0; i < graph->type_count; i++) {
        (void)st_msgpack_next(&cursor, &token);
        graph->types[i] = token.as.bytes;
    }
    return STRATA_OK;
}

/* Direction and types follow each other, and so do edges_max, as_of and as_of_time. */
static strata_status take_graph(st_call *call, int direction_arg, int edges_arg,
                                uint64_t edges_otherwise, st_graph *graph) {
    static const char *const directions[] = {"out", "in", "both", NULL};
    unsigned direction;
    *graph = (st_graph){.when = st_call_when(call, edges_arg + 1, edges_arg + 2),
                        .edges_max = st_call_uint(call, edges_arg, edges_otherwise)};
    ST_TRY(take_word(call, direction_arg, "direction", directions, &direction));
    graph->direction = (st_direction)direction;
    return take_types(call, direction_arg + 1, graph);
}

enum {
    LOOK_FACTOR = 100,   /* edges that a traversal looks at for each name of its limit */
    LOOK_PATH = 100000,  /* and a path */
    DEPTH_OTHERWISE = 1, /* of a traversal */
};

typedef struct reached_out {
    strata_buffer *out;
    uint32_t count;
} reached_out;

static strata_status put_name_only(void *arg, const st_reached *reached) {
    reached_out *to = arg;
    to->count++;
    return st_msgpack_put_string(to->out, reached->name);
}

static strata_status put_reached(void *arg, const st_reached *reached) {
    reached_out *to = arg;
    to->count++;
    ST_TRY(st_msgpack_put_object(to->out, 5));
    ST_TRY(st_put_text(to->out, "name", reached->name));
    ST_TRY(st_put_uint(to->out, "depth", reached->depth));
    return put_names(to->out, &reached->edge);
}

static strata_status put_cost(st_call *call, const st_graph_cost *cost) {
    ST_TRY(st_put_uint(call->out, "edges_seen", cost->edges));
    return st_put_bool(call->out, "truncated", cost->truncated);
}

/* {NAME: [what visit puts], edges_seen, truncated}. */
static strata_status traverse(st_call *call, st_run *run, const char *name, const st_graph *graph,
                              const st_traversal *asked) {
    reached_out to = {call->out, 0};
    st_traversal traversal = *asked;
    st_graph_cost cost;
    st_list list;
    traversal.arg = &to;
    ST_TRY(st_list_open(call, name, &list));
    ST_TRY(st_graph_traverse(call->rq, run, graph, &traversal, &cost));
    ST_TRY(st_list_close(call, &list, to.count, st_slice(NULL, 0)));
    st_msgpack_patch(call->out, list.object, 3);
    return put_cost(call, &cost);
}

strata_status st_op_edge_neighbours(st_call *call) {
    st_traversal traversal = {
        .from = st_call_text(call, ARG_edge_neighbours_of), .depth = 1, .visit = put_name_only};
    st_run *run;
    st_graph graph;
    ST_TRY(st_call_run(call, ARG_edge_neighbours_run, &run));
    ST_TRY(st_call_limit(call, ARG_edge_neighbours_limit, &traversal.limit));
    ST_TRY(take_graph(call, ARG_edge_neighbours_direction, ARG_edge_neighbours_edges_max,
                      traversal.limit * LOOK_FACTOR, &graph));
    return traverse(call, run, "names", &graph, &traversal);
}

strata_status st_op_edge_traverse(st_call *call) {
    static const char *const orders[] = {"breadth", "depth", NULL};
    st_traversal traversal = {.from = st_call_text(call, ARG_edge_traverse_from),
                              .depth = st_call_uint(call, ARG_edge_traverse_depth, DEPTH_OTHERWISE),
                              .visit = put_reached};
    unsigned order;
    st_run *run;
    st_graph graph;
    ST_TRY(st_call_run(call, ARG_edge_traverse_run, &run));
    ST_TRY(st_call_limit(call, ARG_edge_traverse_limit, &traversal.limit));
    ST_TRY(take_word(call, ARG_edge_traverse_order, "order", orders, &order));
    traversal.depth_first = order == 1;
    ST_TRY(take_graph(call, ARG_edge_traverse_direction, ARG_edge_traverse_edges_max,
                      traversal.limit * LOOK_FACTOR, &graph));
    return traverse(call, run, "reached", &graph, &traversal);
}

typedef struct path_out {
    strata_buffer *out;
    uint32_t count;
} path_out;

static strata_status put_path_edge(void *arg, const st_edge *edge, const st_stamp *stamp) {
    path_out *to = arg;
    to->count++;
    return put_edge(to->out, edge, stamp);
}

strata_status st_op_edge_path(st_call *call) {
    path_out to = {call->out, 0};
    const st_graph_route path = {.from = st_call_text(call, ARG_edge_path_from),
                                 .to = st_call_text(call, ARG_edge_path_to),
                                 .depth = st_call_uint(call, ARG_edge_path_depth, UINT64_MAX),
                                 .weighted = st_call_bool(call, ARG_edge_path_weighted, false),
                                 .arg = &to,
                                 .visit = put_path_edge};
    st_graph_cost cost;
    st_graph graph;
    st_run *run;
    st_list list;
    double weight;
    bool found;
    ST_TRY(st_call_run(call, ARG_edge_path_run, &run));
    ST_TRY(take_graph(call, ARG_edge_path_direction, ARG_edge_path_edges_max, LOOK_PATH, &graph));
    ST_TRY(st_list_open(call, "edges", &list));
    ST_TRY(st_graph_path(call->rq, run, &graph, &path, &cost, &found, &weight));
    ST_TRY(st_list_close(call, &list, to.count, st_slice(NULL, 0)));
    const bool weighs = found && path.weighted;
    st_msgpack_patch(call->out, list.object, weighs ? 5 : 4);
    ST_TRY(st_put_bool(call->out, "found", found));
    if (weighs) {
        ST_TRY(st_put_float(call->out, "weight", weight));
    }
    return put_cost(call, &cost);
}
