/* trace.c - the C functions for traces. */
#include "model/trace.h"

#include "api/handle.h"

static strata_status record(st_request *rq, strata_run id, const strata_trace *given,
                            strata_slice *made, uint64_t *version) {
    st_trace trace = {.id = given->id, .type = given->type, .parent = given->parent};
    strata_slice name;
    st_stamp stamp;
    st_run *run;
    if (given->size != sizeof *given) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_trace.size is not its size: start from STRATA_TRACE_INIT");
    }
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_handle_object(rq, &given->content, &trace.content));
    ST_TRY(st_handle_object(rq, &given->metadata, &trace.metadata));
    ST_TRY(st_handle_tags(rq, given->tags, given->tag_count, &trace.tags));
    ST_TRY(st_trace_record(rq, run, &trace, &name, &stamp));
    if (made != NULL) {
        *made = name;
    }
    if (version != NULL) {
        *version = stamp.version;
    }
    return STRATA_OK;
}

strata_status strata_trace_record(strata_db *db, strata_run run, const strata_trace *trace,
                                  strata_slice *id, uint64_t *version) {
    return st_handle_end(db, record(st_handle_begin(db), run, trace, id, version));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static strata_value value_of(strata_type type, strata_slice msgpack) {
    const strata_value value = {type, {.bytes = msgpack}};
    return msgpack.len == 0 ? strata_null() : value;
}

static strata_trace_entry show(const st_trace *trace, const st_stamp *stamp) {
    const strata_trace_entry entry = {.id = trace->id,
                                      .type = trace->type,
                                      .content = strata_object(trace->content),
                                      .parent = trace->parent,
                                      .metadata = value_of(STRATA_OBJECT, trace->metadata),
                                      .tags = value_of(STRATA_ARRAY, trace->tags),
                                      .version = stamp->version,
                                      .timestamp_us = stamp->timestamp_us};
    return entry;
}

static strata_status get(st_request *rq, strata_run id, strata_slice name, strata_when at,
                         strata_trace_entry *entry) {
    const st_when when = st_handle_when(at);
    st_trace trace;
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_trace_get(rq, run, name, &when, &trace, &stamp));
    strata_slice *const kept[] = {&trace.id,     &trace.type, &trace.content,
                                  &trace.parent, &trace.tags, &trace.metadata};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        ST_TRY(st_handle_keep(rq, kept[i]));
    }
    *entry = show(&trace, &stamp);
    return STRATA_OK;
}

strata_status strata_trace_get(strata_db *db, strata_run run, strata_slice id, strata_when when,
                               strata_trace_entry *entry) {
    return st_handle_end(db, get(st_handle_begin(db), run, id, when, entry));
}

static strata_status visit_all(st_request *rq, st_trace_walk *walk, strata_visit_trace visit,
                               void *arg) {
    bool more = true;
    while (walk->scan->here && more) {
        st_trace trace;
        st_stamp stamp;
        ST_TRY(st_trace_at(rq, walk, &trace, &stamp));
        const strata_trace_entry entry = show(&trace, &stamp);
        more = visit(arg, &entry, 0);
        ST_TRY(st_scan_next(walk->scan));
    }
    return STRATA_OK;
}

static strata_status scan(st_request *rq, strata_run id, const st_trace_page *page,
                          strata_visit_trace visit, void *arg) {
    st_run *run;
    st_trace_walk walk;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_trace_begin(rq, run, page, &walk));
    const strata_status status = visit_all(rq, &walk, visit, arg);
    st_trace_end(rq, &walk);
    return status;
}

strata_status strata_trace_scan(strata_db *db, strata_run run, strata_slice parent,
                                strata_when when, strata_visit_trace visit, void *arg) {
    const st_trace_page page = {.parent = parent, .when = st_handle_when(when)};
    return st_handle_end(db, scan(st_handle_begin(db), run, &page, visit, arg));
}

typedef struct visitor {
    strata_visit_trace visit;
    void *arg;
    bool ended;
} visitor;

/* Ends the walk by a status that is no failure of it. */
static strata_status visit_node(void *arg, const st_trace *trace, const st_stamp *stamp,
                                uint64_t depth) {
    visitor *to = arg;
    const strata_trace_entry entry = show(trace, stamp);
    to->ended = !to->visit(to->arg, &entry, depth);
    return to->ended ? STRATA_INTERNAL : STRATA_OK;
}

static strata_status visit_tree(st_request *rq, strata_run id, const strata_tree *given,
                                visitor *to) {
    st_run *run;
    bool truncated;
    if (given->size != sizeof *given || given->limit == 0) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_tree has no limit, or not its size: start from STRATA_TREE_INIT");
    }
    const st_trace_tree tree = {.root = given->root,
                                .depth = given->depth,
                                .limit = given->limit,
                                .when = st_handle_when(given->when),
                                .arg = to,
                                .visit = visit_node};
    ST_TRY(st_handle_run(rq, id, &run));
    const strata_status status = st_trace_visit(rq, run, &tree, &truncated);
    return to->ended ? STRATA_OK : status;
}

strata_status strata_trace_tree(strata_db *db, strata_run run, const strata_tree *tree,
                                strata_visit_trace visit, void *arg) {
    visitor to = {visit, arg, false};
    return st_handle_end(db, visit_tree(st_handle_begin(db), run, tree, &to));
}
