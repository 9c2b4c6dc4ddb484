/* ops_diff.c - the operations of ops.def that compare and explain: diff, merge, explain. */
#include "api/ops_history.h"
#include "format/document_compare.h"
#include "history/explain.h"
#include "history/unite.h"
#include "model/primitive.h"

/* ---- Diff ------------------------------------------------------------------------------------ */

static const char *const kind_names[ST_DIFF_KINDS] = {"added", "removed", "changed"};

typedef struct difference_page {
    st_thing_page page;
    bool values;
    st_arena arena;
    st_request scratch; /* in that arena: for comparing documents */
    uint64_t counts[ST_PRIMITIVE_COUNT][ST_DIFF_KINDS];
} difference_page;

typedef struct path_list {
    st_call *call;
    uint32_t count;
} path_list;

static strata_status put_part(st_call *call, const char *name, strata_slice node) {
    ST_TRY(st_put_name(call->out, name));
    return st_document_to_msgpack(node, call->out);
}

static strata_status put_path(void *arg, const st_difference *path) {
    static const char *const kinds[] = {"added", "removed", "changed"};
    path_list *list = arg;
    st_call *call = list->call;
    if (list->count == ST_CHANGES_SHOWN) {
        return STRATA_OK;
    }
    list->count++;
    ST_TRY(st_msgpack_put_object(call->out, 2u + (path->before.len > 0) + (path->after.len > 0)));
    ST_TRY(st_put_text(call->out, "path", path->pointer));
    ST_TRY(st_put_text(call->out, "kind", strata_text(kinds[path->kind])));
    if (path->before.len > 0) {
        ST_TRY(put_part(call, "before", path->before));
    }
    return path->after.len > 0 ? put_part(call, "after", path->after) : STRATA_OK;
}

static strata_status put_paths(difference_page *self, strata_slice before, strata_slice after) {
    path_list list = {self->page.call, 0};
    size_t place;
    ST_TRY(st_put_name(list.call->out, "paths"));
    ST_TRY(st_msgpack_open_array(list.call->out, &place));
    st_scratch_forget(&self->scratch);
    ST_TRY(st_document_diff(before, after, self->scratch.arena, put_path, &list));
    st_msgpack_patch(list.call->out, place, list.count);
    return STRATA_OK;
}

static strata_status put_difference(void *ctx, const st_diff_change *difference, bool *more) {
    difference_page *self = ctx;
    st_call *call = self->page.call;
    const st_revision *before = difference->before;
    const st_revision *after = difference->after;
    if (!st_thing_fits(&self->page, more)) {
        return STRATA_OK;
    }
    const uint32_t sides = (before != NULL ? 1u : 0u) + (after != NULL ? 1u : 0u);
    const bool has_paths = self->values && sides == 2 && st_key_tag(difference->key) == ST_TAG_JSON;
    ST_TRY(st_msgpack_put_object(call->out, 2 + sides * (self->values ? 2 : 1) + has_paths));
    ST_TRY(st_put_named_ref(call, "ref", difference->key));
    ST_TRY(st_put_text(call->out, "kind", strata_text(kind_names[difference->kind])));
    if (before != NULL && self->values) {
        ST_TRY(st_put_shown(call, "before", difference->key, before));
    }
    if (after != NULL && self->values) {
        ST_TRY(st_put_shown(call, "after", difference->key, after));
    }
    if (has_paths) {
        ST_TRY(put_paths(self, before->value, after->value));
    }
    if (before != NULL) {
        ST_TRY(st_put_uint(call->out, "before_version", before->number));
    }
    if (after != NULL) {
        ST_TRY(st_put_uint(call->out, "after_version", after->number));
    }
    st_thing_put(&self->page, difference->key);
    return STRATA_OK;
}

static strata_status count_difference(void *ctx, const st_diff_change *difference, bool *more) {
    difference_page *self = ctx;
    const st_primitive *primitive = st_primitive_of_tag(st_key_tag(difference->key));
    self->counts[primitive->id][difference->kind]++;
    *more = true;
    return STRATA_OK;
}

static strata_status put_summary(st_call *call, const difference_page *self) {
    size_t place;
    uint32_t count = 0;
    ST_TRY(st_put_name(call->out, "summary"));
    ST_TRY(st_msgpack_open_object(call->out, &place));
    for (unsigned id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT; id++) {
        const uint64_t *counts = self->counts[id];
        if (counts[ST_DIFF_ADDED] + counts[ST_DIFF_REMOVED] + counts[ST_DIFF_CHANGED] == 0) {
            continue;
        }
        count++;
        ST_TRY(st_put_name(call->out, st_primitive_of((st_primitive_id)id)->name));
        ST_TRY(st_msgpack_put_object(call->out, ST_DIFF_KINDS));
        for (unsigned kind = 0; kind < ST_DIFF_KINDS; kind++) {
            ST_TRY(st_put_uint(call->out, kind_names[kind], counts[kind]));
        }
    }
    st_msgpack_patch(call->out, place, count);
    return STRATA_OK;
}

static strata_status put_diff(st_call *call, difference_page *self, st_diff_spec *spec) {
    const bool summary = st_call_bool(call, ARG_history_diff_summary, false);
    st_list list;
    spec->visit = summary ? count_difference : put_difference;
    spec->ctx = self;
    ST_TRY(st_list_open(call, "changes", &list));
    self->page.start = call->out->len;
    ST_TRY(st_diff(call->rq, spec));
    st_msgpack_patch(call->out, list.array, self->page.count);
    st_msgpack_patch(call->out, list.object, 1u + summary + self->page.more);
    if (summary) {
        ST_TRY(put_summary(call, self));
    }
    return self->page.more ? st_put_key_cursor(&self->page) : STRATA_OK;
}

static strata_status diff_points(st_call *call, difference_page *self, st_run *run, st_run *other,
                                 const st_diff_spec *spec) {
    const st_when first = st_call_when(call, ARG_history_diff_as_of, ARG_history_diff_as_of_time);
    const st_when second =
        st_call_when(call, ARG_history_diff_other_as_of, ARG_history_diff_other_as_of_time);
    st_point before;
    st_point after;
    ST_TRY(st_point_open(call->rq, run, &first, &before));
    strata_status status = st_point_open(call->rq, other, &second, &after);
    if (status == STRATA_OK) {
        st_diff_spec between = *spec;
        between.before = &before;
        between.after = &after;
        status = put_diff(call, self, &between);
        st_point_close(call->rq, &after);
    }
    st_point_close(call->rq, &before);
    return status;
}

strata_status st_op_history_diff(st_call *call) {
    st_diff_spec spec = {.before = NULL};
    st_run *run;
    st_run *other;
    difference_page *self = st_arena_alloc(call->rq->arena, sizeof *self, 8);
    if (self == NULL) {
        return STRATA_NO_MEMORY;
    }
    *self = (difference_page){.page = {.call = call},
                              .values = st_call_bool(call, ARG_history_diff_values, true)};
    ST_TRY(st_call_run(call, ARG_history_diff_run, &run));
    other = run;
    if (call->given[ARG_history_diff_other_run]) {
        ST_TRY(st_run_find(call->rq, st_call_text(call, ARG_history_diff_other_run), &other));
    }
    ST_TRY(st_call_limit(call, ARG_history_diff_limit, &self->page.limit));
    ST_TRY(st_call_primitives(call, ARG_history_diff_primitives, &spec.primitives));
    ST_TRY(st_call_key_cursor(call, ARG_history_diff_cursor, &spec.past));
    st_scratch_begin(&self->scratch, &self->arena, call->rq);
    const strata_status status = diff_points(call, self, run, other, &spec);
    st_scratch_end(&self->scratch);
    return status;
}

/* ---- Merge ----------------------------------------------------------------------------------- */

typedef struct conflict_page {
    st_call *call;
    uint32_t count;
} conflict_page;

static strata_status put_side(st_call *call, const char *name, strata_slice key,
                              const st_revision *revision) {
    return revision == NULL ? STRATA_OK : st_put_shown(call, name, key, revision);
}

static strata_status put_conflict(void *ctx, const st_merge_conflict *conflict) {
    conflict_page *page = ctx;
    st_call *call = page->call;
    if (page->count == ST_CHANGES_SHOWN) {
        return STRATA_OK;
    }
    page->count++;
    ST_TRY(st_msgpack_put_object(call->out, 1u + (conflict->base != NULL) +
                                                (conflict->source != NULL) +
                                                (conflict->target != NULL)));
    ST_TRY(st_put_path_ref(call, conflict->key, conflict->pointer));
    ST_TRY(put_side(call, "base", conflict->key, conflict->base));
    ST_TRY(put_side(call, "source", conflict->key, conflict->source));
    ST_TRY(put_side(call, "target", conflict->key, conflict->target));
    return st_call_reserve(call);
}

static strata_status take_strategy(st_call *call, st_strategy *strategy) {
    static const char *const names[] = {"strict", "theirs", "ours"};
    const strata_slice name = st_call_text(call, ARG_history_merge_strategy);
    *strategy = ST_MERGE_STRICT;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!call->given[ARG_history_merge_strategy] ||
            st_slice_equal(name, strata_text(names[i]))) {
            *strategy = (st_strategy)i;
            return STRATA_OK;
        }
    }
    return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                   "there is no strategy \"%S\"; it is strict, theirs or ours", &name);
}

strata_status st_op_history_merge(st_call *call) {
    st_unite_spec spec = {.source_name = st_call_text(call, ARG_history_merge_source),
                          .dry_run = st_call_bool(call, ARG_history_merge_dry_run, false),
                          .conflict = put_conflict};
    conflict_page page = {.call = call};
    st_united united;
    st_list list;
    ST_TRY(take_strategy(call, &spec.strategy));
    ST_TRY(st_run_find(call->rq, spec.source_name, &spec.source));
    ST_TRY(st_call_run(call, ARG_history_merge_target, &spec.target));
    spec.ctx = &page;
    ST_TRY(st_list_open(call, "conflicts", &list));
    ST_TRY(st_unite(call->rq, &spec, &united));
    st_msgpack_patch(call->out, list.array, page.count);
    st_msgpack_patch(call->out, list.object, united.version > 0 ? 5 : 4);
    ST_TRY(st_put_uint(call->out, "conflict_count", united.conflicts));
    ST_TRY(st_put_uint(call->out, "taken", united.taken));
    ST_TRY(st_put_uint(call->out, "events", united.events));
    return united.version > 0 ? st_put_uint(call->out, "version", united.version) : STRATA_OK;
}

/* ---- Explain --------------------------------------------------------------------------------- */

static strata_status put_wrote(st_call *call, const st_explained *node) {
    ST_TRY(st_put_name(call->out, "wrote"));
    ST_TRY(st_msgpack_put_array(call->out, (uint32_t)node->wrote_count));
    for (size_t i = 0; i < node->wrote_count; i++) {
        ST_TRY(st_put_ref(call, node->wrote[i].key));
    }
    return st_put_uint(call->out, "wrote_count", node->wrote_total);
}

static strata_status put_node(st_call *call, const st_explained *node, uint32_t place) {
    strata_buffer *out = call->out;
    const bool has_time = node->deleted || node->value.len > 0;
    const bool has_writes = node->wrote_total > 0;
    ST_TRY(st_msgpack_put_object(out, 3u + (node->parent != place) + has_time + node->deleted +
                                          node->again + (node->value.len > 0) +
                                          (node->label.len > 0) + (node->trace.len > 0) +
                                          node->recorded + (has_writes ? 2u : 0u)));
    if (node->parent != place) {
        ST_TRY(st_put_uint(out, "parent", node->parent));
    }
    ST_TRY(st_put_uint(out, "depth", node->depth));
    ST_TRY(st_put_named_ref(call, "ref", node->key));
    ST_TRY(st_put_uint(out, "version", node->version));
    if (has_time) {
        ST_TRY(st_put_int(out, "timestamp", node->timestamp_us));
    }
    if (node->deleted) {
        ST_TRY(st_put_bool(out, "deleted", true));
    }
    if (node->again) {
        ST_TRY(st_put_bool(out, "again", true));
    }
    if (node->value.len > 0) {
        ST_TRY(st_put_name(out, "value"));
        ST_TRY(st_buffer_append(out, node->value.data, node->value.len));
    }
    if (node->label.len > 0) {
        ST_TRY(st_put_text(out, "label", node->label));
    }
    if (node->trace.len > 0) {
        ST_TRY(st_put_text(out, "trace", node->trace));
    }
    if (node->recorded) {
        ST_TRY(st_put_bool(out, "recorded", true));
    }
    return has_writes ? put_wrote(call, node) : STRATA_OK;
}

static strata_status take_count(st_call *call, int arg, const char *name, uint64_t low,
                                uint64_t high, uint32_t *count) {
    const uint64_t given = st_call_uint(call, arg, *count);
    if (given < low || given > high) {
        st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "%s is %u; it must be %u to %u", name,
                given, low, high);
        return st_fail_text(call->rq->error, "argument", strata_text(name));
    }
    *count = (uint32_t)given;
    return STRATA_OK;
}

static strata_status put_explanation(st_call *call, const st_explanation *found) {
    ST_TRY(st_msgpack_put_object(call->out, 2));
    ST_TRY(st_put_name(call->out, "nodes"));
    ST_TRY(st_msgpack_put_array(call->out, (uint32_t)found->count));
    for (size_t i = 0; i < found->count; i++) {
        ST_TRY(put_node(call, &found->nodes[i], (uint32_t)i));
    }
    return st_put_bool(call->out, "truncated", found->truncated);
}

strata_status st_op_history_explain(st_call *call) {
    const st_when when =
        st_call_when(call, ARG_history_explain_as_of, ARG_history_explain_as_of_time);
    st_explain_spec spec = {.depth = 3, .versions = 10, .limit = ST_PAGE_DEFAULT};
    st_explanation found;
    st_point point;
    st_run *run;
    st_key *key;
    ST_TRY(
        take_count(call, ARG_history_explain_versions, "versions", 1, ST_PAGE_MAX, &spec.versions));
    ST_TRY(
        take_count(call, ARG_history_explain_depth, "depth", 0, ST_EXPLAIN_DEPTH_MAX, &spec.depth));
    ST_TRY(take_count(call, ARG_history_explain_limit, "limit", 1, ST_PAGE_MAX, &spec.limit));
    ST_TRY(st_call_run(call, ARG_history_explain_run, &run));
    ST_TRY(st_call_ref(call, ARG_history_explain_ref, &run, &key));
    ST_TRY(st_point_open(call->rq, run, &when, &point));
    spec.point = &point;
    spec.key = key;
    const strata_status status = st_explain(call->rq, &spec, &found);
    st_point_close(call->rq, &point);
    ST_TRY(status);
    if (found.count == 0) {
        const strata_slice text = st_call_text(call, ARG_history_explain_ref);
        return st_fail(call->rq->error, STRATA_NOT_FOUND, "there is no \"%S\", and was none then",
                       &text);
    }
    return put_explanation(call, &found);
}
