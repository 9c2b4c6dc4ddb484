/* ops_history.c - the history operations of ops.def: log, replay, state, diff, merge, explain.
 *
 * A page ends at its limit, or when the response has ST_HISTORY_BYTES_MAX bytes. The cursor of commits
 * is the number of the last one; that of things is the last key of the store, as base64, since only it
 * says where to go on whatever a thing is made of.
 */
#include "api/ops.h"
#include "format/base64.h"
#include "history/commits.h"
#include "history/diff.h"
#include "history/explain.h"
#include "history/unite.h"
#include "model/ref.h"
#include "model/show.h"

/* ---- References and values ------------------------------------------------------------------- */

static strata_status put_ref(st_call *call, strata_slice key) {
    strata_buffer *text = &call->rq->value;
    text->len = 0;
    ST_TRY(st_ref_print(key, text));
    return st_msgpack_put_string(call->out, st_buffer_slice(text));
}

static strata_status put_named_ref(st_call *call, const char *name, strata_slice key) {
    ST_TRY(st_put_name(call->out, name));
    return put_ref(call, key);
}

static strata_status put_shown(st_call *call, const char *name, strata_slice key,
                               const st_revision *revision) {
    ST_TRY(st_put_name(call->out, name));
    return st_show(call->rq, key, revision->value, call->out);
}

/* The thing that an argument names, and the run that has it: its own, or run 0. */
static strata_status take_ref(st_call *call, int arg, st_run **run, st_key **key) {
    st_request *rq = call->rq;
    st_ref *ref = st_arena_alloc(rq->arena, sizeof *ref, 8);
    if (ref == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_ref_parse(st_call_text(call, arg), ref, rq->error));
    if (ref->path.len > 0) {
        st_fail(rq->error, STRATA_INVALID_KEY,
                "the reference has a path; history is that of the whole document");
        return st_fail_number(rq->error, "position", 0);
    }
    if (ref->key.len == 0) {
        strata_slice name;
        ST_TRY(st_run_name(rq, *run, &name));
        st_key_text(&ref->key, ST_TAG_RUN, name);
    }
    *run = ref->of_run ? st_run_system(rq) : *run;
    *key = &ref->key;
    return STRATA_OK;
}

static strata_status take_primitives(st_call *call, int arg, st_primitives *primitives) {
    st_cursor cursor;
    st_token token;
    strata_slice names;
    *primitives = st_primitives_all();
    ST_TRY(st_call_strings(call, arg, &names));
    if (names.len == 0) {
        return STRATA_OK;
    }
    cursor = st_cursor_over(names);
    *primitives = 0;
    (void)st_msgpack_next(&cursor, &token);
    for (uint32_t left = token.as.count; left > 0; left--) {
        (void)st_msgpack_next(&cursor, &token);
        const st_primitive *found = st_primitive_named(token.as.bytes);
        if (found == NULL || (st_primitives_all() >> found->id & 1) == 0) {
            return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                           "there is no primitive \"%S\"; it is kv, event, state, trace, json, "
                           "memory, edge, schema or entity",
                           &token.as.bytes);
        }
        *primitives |= 1u << found->id;
    }
    return STRATA_OK;
}

/* ---- Cursors --------------------------------------------------------------------------------- */

static strata_status fail_cursor(st_call *call) {
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "the cursor is none that a page gave");
    return st_fail_text(call->rq->error, "argument", strata_text("cursor"));
}

/* 0: none was given. */
static strata_status take_version_cursor(st_call *call, int arg, uint64_t *version) {
    const strata_slice text = st_call_text(call, arg);
    const char *digits = text.data;
    *version = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (digits[i] < '0' || digits[i] > '9' || *version > INT64_MAX / 10 - 1) {
            return fail_cursor(call);
        }
        *version = *version * 10 + (uint64_t)(digits[i] - '0');
    }
    return call->given[arg] && *version == 0 ? fail_cursor(call) : STRATA_OK;
}

static strata_status take_key_cursor(st_call *call, int arg, strata_slice *key) {
    strata_buffer *bytes = &call->rq->value;
    *key = st_slice("", 0);
    if (!call->given[arg]) {
        return STRATA_OK;
    }
    bytes->len = 0;
    const strata_status status = st_base64_decode(st_call_text(call, arg), bytes);
    if (status == STRATA_NO_MEMORY) {
        return status;
    }
    if (status != STRATA_OK || !st_key_well_formed(st_buffer_slice(bytes))) {
        return fail_cursor(call);
    }
    *key = st_arena_copy(call->rq->arena, st_buffer_slice(bytes));
    return key->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

static strata_status put_key_cursor(st_call *call, const st_key *last) {
    strata_buffer *text = &call->rq->value;
    text->len = 0;
    ST_TRY(st_base64_encode(st_key_slice(last), text));
    return st_put_text(call->out, "cursor", st_buffer_slice(text));
}

/* A page of things that is being written. */
typedef struct thing_page {
    st_call *call;
    uint64_t limit;
    uint32_t count;
    size_t start; /* of the response */
    bool more;    /* there is a thing behind it */
    st_key last;
} thing_page;

/* Whether a thing more fits; else it is the next page's. */
static bool has_room(thing_page *page, bool *more) {
    page->more = page->count == page->limit ||
                 (page->count > 0 && page->call->out->len - page->start > ST_HISTORY_BYTES_MAX);
    *more = !page->more;
    return *more;
}

static void keep_last(thing_page *page, strata_slice key) {
    memcpy(page->last.bytes, key.data, key.len);
    page->last.len = key.len;
    page->count++;
}

/* ---- Log and replay -------------------------------------------------------------------------- */

static strata_status put_change(st_call *call, const st_commit_change *change) {
    const bool has_value = change->value.len > 0;
    ST_TRY(st_msgpack_put_object(call->out, has_value ? 3 : 2));
    ST_TRY(put_named_ref(call, "ref", change->key));
    ST_TRY(st_put_text(call->out, "kind", strata_text(change->deleted ? "delete" : "put")));
    if (!has_value) {
        return STRATA_OK;
    }
    ST_TRY(st_put_name(call->out, "value"));
    return st_buffer_append(call->out, change->value.data, change->value.len);
}

static strata_status put_commit(st_call *call, const st_commit_entry *commit) {
    strata_buffer *out = call->out;
    ST_TRY(st_msgpack_put_object(out, 4u + (commit->label.len > 0) + (commit->trace.len > 0)));
    ST_TRY(st_put_stamp(out, commit->version, commit->timestamp_us));
    if (commit->label.len > 0) {
        ST_TRY(st_put_text(out, "label", commit->label));
    }
    if (commit->trace.len > 0) {
        ST_TRY(st_put_text(out, "trace", commit->trace));
    }
    ST_TRY(st_put_name(out, "changes"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)commit->shown));
    for (size_t i = 0; i < commit->shown; i++) {
        ST_TRY(put_change(call, &commit->changes[i]));
    }
    return st_put_uint(out, "count", commit->total);
}

static strata_status put_commits(st_call *call, const st_commit_list *list) {
    strata_buffer *out = call->out;
    char cursor[24];
    ST_TRY(st_msgpack_put_object(out, 1u + (list->earliest > 0) + list->more));
    ST_TRY(st_put_name(out, "commits"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)list->count));
    for (size_t i = 0; i < list->count; i++) {
        ST_TRY(put_commit(call, &list->commits[i]));
    }
    if (list->earliest > 0) {
        ST_TRY(st_put_uint(out, "earliest", list->earliest));
    }
    if (!list->more) {
        return STRATA_OK;
    }
    const size_t len =
        st_format(cursor, sizeof cursor, "%u", list->commits[list->count - 1].version);
    return st_put_text(out, "cursor", st_slice(cursor, len));
}

/* The arguments that log and replay share, by their places. */
typedef struct range_args {
    int from;
    int until;
    int from_time;
    int until_time;
    int cursor;
} range_args;

static strata_status fail_both(st_call *call, const char *one, const char *other) {
    return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "%s and %s exclude each other", one,
                   other);
}

/* The newest commit of the run below a time. */
static strata_status version_before(st_call *call, st_run *run, int64_t time_us,
                                    uint64_t *version) {
    st_point point;
    const st_when when = {UINT64_MAX, time_us == INT64_MIN ? time_us : time_us - 1};
    ST_TRY(st_point_open(call->rq, run, &when, &point));
    *version = point.version;
    st_point_close(call->rq, &point);
    return STRATA_OK;
}

static strata_status take_range(st_call *call, st_run *run, const range_args *args,
                                st_commits_spec *spec) {
    uint64_t cursor;
    if (call->given[args->from] && call->given[args->from_time]) {
        return fail_both(call, "from", "from_time");
    }
    const uint64_t from = st_call_uint(call, args->from, 0);
    spec->after = from == 0 ? 0 : from - 1;
    spec->exact = from > 0 || call->given[args->from_time];
    if (call->given[args->from_time]) {
        ST_TRY(version_before(call, run, call->args[args->from_time].as.integer, &spec->after));
    }
    ST_TRY(take_version_cursor(call, args->cursor, &cursor));
    if (cursor > 0 && spec->oldest_first) {
        spec->after = cursor > spec->after ? cursor : spec->after;
    } else if (cursor > 0) {
        spec->until = cursor - 1 < spec->until ? cursor - 1 : spec->until;
    }
    return STRATA_OK;
}

static strata_status read_commits(st_call *call, st_run *run, const range_args *args,
                                  st_commits_spec *spec) {
    st_request *rq = call->rq;
    st_commit_list list;
    st_trail trail;
    st_point point;
    if (call->given[args->until] && call->given[args->until_time]) {
        return fail_both(call, "until", "until_time");
    }
    const st_when when = st_call_when(call, args->until, args->until_time);
    ST_TRY(st_point_open(rq, run, &when, &point));
    spec->until = point.version;
    strata_status status = take_range(call, run, args, spec);
    if (status == STRATA_OK) {
        status = st_trail_make(rq, run, point.version, &trail);
    }
    if (status == STRATA_OK) {
        status = st_commits_read(rq, &point, &trail, spec, &list);
    }
    st_point_close(rq, &point);
    ST_TRY(status);
    return put_commits(call, &list);
}

strata_status st_op_history_log(st_call *call) {
    static const range_args args = {ARG_history_log_from, ARG_history_log_until,
                                    ARG_history_log_from_time, ARG_history_log_until_time,
                                    ARG_history_log_cursor};
    st_commits_spec spec = {.oldest_first = st_call_bool(call, ARG_history_log_reverse, false)};
    st_run *run;
    uint64_t limit;
    ST_TRY(st_call_run(call, ARG_history_log_run, &run));
    ST_TRY(st_call_limit(call, ARG_history_log_limit, &limit));
    spec.limit = (size_t)limit;
    if (call->given[ARG_history_log_ref]) {
        st_key *key;
        ST_TRY(take_ref(call, ARG_history_log_ref, &run, &key));
        spec.thing = key;
    }
    return read_commits(call, run, &args, &spec);
}

strata_status st_op_history_replay(st_call *call) {
    static const range_args args = {ARG_history_replay_from, ARG_history_replay_until,
                                    ARG_history_replay_from_time, ARG_history_replay_until_time,
                                    ARG_history_replay_cursor};
    st_commits_spec spec = {.oldest_first = true, .with_values = true};
    st_run *run;
    uint64_t limit;
    ST_TRY(st_call_run(call, ARG_history_replay_run, &run));
    ST_TRY(st_call_limit(call, ARG_history_replay_limit, &limit));
    spec.limit = (size_t)limit;
    return read_commits(call, run, &args, &spec);
}

/* ---- State ----------------------------------------------------------------------------------- */

static strata_status put_item(void *ctx, const st_thing *thing, bool *more) {
    thing_page *page = ctx;
    st_call *call = page->call;
    if (!has_room(page, more)) {
        return STRATA_OK;
    }
    ST_TRY(st_msgpack_put_object(call->out, 2 + st_ending_fields(thing->revision)));
    ST_TRY(put_named_ref(call, "ref", thing->key));
    ST_TRY(put_shown(call, "value", thing->key, thing->revision));
    keep_last(page, thing->key);
    return st_put_ending(call->out, thing->revision);
}

static strata_status put_state(st_call *call, const st_point *point, thing_page *page,
                               st_things_spec *spec) {
    st_list list;
    spec->point = point;
    spec->visit = put_item;
    spec->ctx = page;
    ST_TRY(st_list_open(call, "items", &list));
    page->start = call->out->len;
    ST_TRY(st_things(call->rq, spec));
    st_msgpack_patch(call->out, list.array, page->count);
    st_msgpack_patch(call->out, list.object, page->more ? 3 : 2);
    ST_TRY(st_put_uint(call->out, "version", point->version));
    return page->more ? put_key_cursor(call, &page->last) : STRATA_OK;
}

strata_status st_op_history_state(st_call *call) {
    const st_when when = st_call_when(call, ARG_history_state_as_of, ARG_history_state_as_of_time);
    st_things_spec spec = {.point = NULL};
    st_run *run;
    st_point point;
    thing_page *page = st_arena_alloc(call->rq->arena, sizeof *page, 8);
    if (page == NULL) {
        return STRATA_NO_MEMORY;
    }
    *page = (thing_page){.call = call};
    ST_TRY(st_call_run(call, ARG_history_state_run, &run));
    ST_TRY(st_call_limit(call, ARG_history_state_limit, &page->limit));
    ST_TRY(take_primitives(call, ARG_history_state_primitives, &spec.primitives));
    ST_TRY(take_key_cursor(call, ARG_history_state_cursor, &spec.past));
    ST_TRY(st_point_open(call->rq, run, &when, &point));
    const strata_status status = put_state(call, &point, page, &spec);
    st_point_close(call->rq, &point);
    return status;
}

/* ---- Diff ------------------------------------------------------------------------------------ */

static const char *const kind_names[ST_DIFF_KINDS] = {"added", "removed", "changed"};

typedef struct difference_page {
    thing_page page;
    bool values;
    uint64_t counts[ST_PRIMITIVE_COUNT][ST_DIFF_KINDS];
} difference_page;

static strata_status put_difference(void *ctx, const st_diff_change *difference, bool *more) {
    difference_page *self = ctx;
    st_call *call = self->page.call;
    const st_revision *before = difference->before;
    const st_revision *after = difference->after;
    if (!has_room(&self->page, more)) {
        return STRATA_OK;
    }
    const uint32_t sides = (before != NULL ? 1u : 0u) + (after != NULL ? 1u : 0u);
    ST_TRY(st_msgpack_put_object(call->out, 2 + sides * (self->values ? 2 : 1)));
    ST_TRY(put_named_ref(call, "ref", difference->key));
    ST_TRY(st_put_text(call->out, "kind", strata_text(kind_names[difference->kind])));
    if (before != NULL && self->values) {
        ST_TRY(put_shown(call, "before", difference->key, before));
    }
    if (after != NULL && self->values) {
        ST_TRY(put_shown(call, "after", difference->key, after));
    }
    if (before != NULL) {
        ST_TRY(st_put_uint(call->out, "before_version", before->number));
    }
    if (after != NULL) {
        ST_TRY(st_put_uint(call->out, "after_version", after->number));
    }
    keep_last(&self->page, difference->key);
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
    return self->page.more ? put_key_cursor(call, &self->page.last) : STRATA_OK;
}

static strata_status diff_points(st_call *call, difference_page *self, st_run *run, st_run *other,
                                 st_diff_spec *spec) {
    const st_when first = st_call_when(call, ARG_history_diff_as_of, ARG_history_diff_as_of_time);
    const st_when second =
        st_call_when(call, ARG_history_diff_other_as_of, ARG_history_diff_other_as_of_time);
    st_point before;
    st_point after;
    ST_TRY(st_point_open(call->rq, run, &first, &before));
    strata_status status = st_point_open(call->rq, other, &second, &after);
    if (status == STRATA_OK) {
        spec->before = &before;
        spec->after = &after;
        status = put_diff(call, self, spec);
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
    ST_TRY(take_primitives(call, ARG_history_diff_primitives, &spec.primitives));
    ST_TRY(take_key_cursor(call, ARG_history_diff_cursor, &spec.past));
    return diff_points(call, self, run, other, &spec);
}

/* ---- Merge ----------------------------------------------------------------------------------- */

typedef struct conflict_page {
    st_call *call;
    uint32_t count;
} conflict_page;

static strata_status put_side(st_call *call, const char *name, strata_slice key,
                              const st_revision *revision) {
    return revision == NULL ? STRATA_OK : put_shown(call, name, key, revision);
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
    ST_TRY(put_named_ref(call, "ref", conflict->key));
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
        ST_TRY(put_ref(call, node->wrote[i].key));
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
    ST_TRY(put_named_ref(call, "ref", node->key));
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
    ST_TRY(take_ref(call, ARG_history_explain_ref, &run, &key));
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
