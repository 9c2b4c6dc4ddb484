/* history.c - the C functions of history: the rooms below, and a visitor of the caller's.
 *
 * A log goes page by page, so that it needs memory for one page only; each page is a call of its own to
 * the commits (history/commits.h), up to the same last commit.
 */
#include "api/handle.h"
#include "format/msgpack.h"
#include "history/commits.h"
#include "history/diff.h"
#include "history/explain.h"
#include "history/unite.h"
#include "model/ref.h"
#include "model/run/run.h"
#include "model/show.h"

/* Each page goes through what its commits share blocks with; one that is large ends by itself. */
enum { PAGE = 4096 };

static strata_status begin(st_request *rq, strata_run id, st_run **run) {
    ST_TRY(st_handle_run(rq, id, run));
    return rq->txn == NULL ? STRATA_OK
                           : st_fail(rq->error, STRATA_FORBIDDEN,
                                     "history is no part of a transaction; end it first");
}

/* The text of a key, in the arena. */
static strata_status name(st_request *rq, strata_slice key, strata_slice *ref) {
    rq->value.len = 0;
    if (st_ref_print(key, &rq->value) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    *ref = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    return ref->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static strata_status decode(st_request *rq, strata_slice msgpack, strata_value *value) {
    if (st_value_decode(msgpack, value)) {
        return STRATA_OK;
    }
    st_fail(rq->error, STRATA_CORRUPT, "a stored value is malformed");
    return st_fail_text(rq->error, "file", strata_text("value"));
}

static strata_status parse(st_request *rq, strata_slice text, st_run **run, st_key **key) {
    st_ref *ref = st_arena_alloc(rq->arena, sizeof *ref, 8);
    strata_slice own;
    if (ref == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_ref_parse(text, ref, rq->error));
    if (ref->path.len > 0) {
        return st_fail(rq->error, STRATA_INVALID_KEY,
                       "the reference has a path; history is that of the whole document");
    }
    if (ref->key.len == 0) {
        ST_TRY(st_run_name(rq, *run, &own));
        st_key_text(&ref->key, ST_TAG_RUN, own);
    }
    *run = ref->of_run ? st_run_system(rq) : *run;
    *key = &ref->key;
    return STRATA_OK;
}

/* ---- Log ------------------------------------------------------------------------------------- */

static strata_status show_commit(st_request *rq, const st_commit_entry *entry, bool *more,
                                 strata_commit_visit visit, void *arg) {
    strata_change *changes = st_arena_alloc(rq->arena, entry->shown * sizeof *changes + 1, 8);
    if (changes == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < entry->shown; i++) {
        const st_commit_change *change = &entry->changes[i];
        changes[i] = (strata_change){.deleted = change->deleted, .value = strata_null()};
        ST_TRY(name(rq, change->key, &changes[i].ref));
        if (change->value.len > 0) {
            ST_TRY(decode(rq, change->value, &changes[i].value));
        }
    }
    const strata_commit commit = {.version = entry->version,
                                  .timestamp_us = entry->timestamp_us,
                                  .label = entry->label,
                                  .trace = entry->trace,
                                  .changes = changes,
                                  .shown = entry->shown,
                                  .total = entry->total};
    *more = visit(arg, &commit);
    return STRATA_OK;
}

/* One page, in memory of its own. */
static strata_status show_page(const st_request *rq, const st_point *point, st_commits_spec *spec,
                               bool *more, strata_commit_visit visit, void *arg) {
    st_request scratch;
    st_arena arena;
    st_trail trail;
    st_commit_list list = {.count = 0};
    st_scratch_begin(&scratch, &arena, rq);
    strata_status status = st_trail_make(&scratch, point->run, point->version, &trail);
    if (status == STRATA_OK) {
        status = st_commits_read(&scratch, point, &trail, spec, &list);
    }
    *more = status == STRATA_OK && list.count > 0;
    for (size_t i = 0; status == STRATA_OK && *more && i < list.count; i++) {
        status = show_commit(&scratch, &list.commits[i], more, visit, arg);
        if (spec->oldest_first) {
            spec->after = list.commits[i].version;
        } else {
            spec->until = list.commits[i].version - 1;
        }
    }
    *more = *more && list.more;
    st_scratch_end(&scratch);
    return status;
}

static strata_status show_log(st_request *rq, strata_run id, const strata_history_range *log,
                              strata_commit_visit visit, void *arg) {
    const st_when when = st_handle_when(log->until);
    st_commits_spec spec = {.after = log->from == 0 ? 0 : log->from - 1,
                            .oldest_first = log->oldest_first,
                            .with_values = log->with_values,
                            .exact = log->from > 0,
                            .limit = PAGE};
    st_run *run;
    st_key *key;
    st_point point;
    bool more = true;
    ST_TRY(begin(rq, id, &run));
    if (log->ref.len > 0) {
        ST_TRY(parse(rq, log->ref, &run, &key));
        spec.thing = key;
    }
    ST_TRY(st_point_open(rq, run, &when, &point));
    spec.until = point.version;
    strata_status status = STRATA_OK;
    while (status == STRATA_OK && more) {
        status = show_page(rq, &point, &spec, &more, visit, arg);
    }
    st_point_close(rq, &point);
    return status;
}

strata_status strata_history_log(strata_db *db, strata_run run, const strata_history_range *log,
                                 strata_commit_visit visit, void *arg) {
    static const strata_history_range all = STRATA_HISTORY_RANGE_INIT;
    st_request *rq = st_handle_begin(db);
    if (log != NULL && log->size != sizeof *log) {
        return st_handle_end(
            db, st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                        "strata_history_range is not what this library knows: start from "
                        "STRATA_HISTORY_RANGE_INIT"));
    }
    return st_handle_end(db, show_log(rq, run, log == NULL ? &all : log, visit, arg));
}

/* ---- Diff ------------------------------------------------------------------------------------ */

typedef struct shown_diff {
    st_request *rq;
    strata_buffer values; /* before, after */
    strata_difference_visit visit;
    void *arg;
} shown_diff;

static strata_status show_side(shown_diff *self, strata_slice key, const st_revision *revision,
                               size_t *end) {
    if (revision != NULL) {
        ST_TRY(st_show(self->rq, key, revision->value, &self->values));
    }
    *end = self->values.len;
    return STRATA_OK;
}

static strata_status entry_of(shown_diff *self, const st_revision *revision, size_t from,
                              size_t end, strata_entry *entry) {
    if (revision == NULL) {
        return STRATA_OK;
    }
    entry->version = revision->number;
    entry->timestamp_us = revision->timestamp_us;
    return decode(self->rq, st_slice(self->values.data + from, end - from), &entry->value);
}

static strata_status show_difference(void *ctx, const st_diff_change *change, bool *more) {
    shown_diff *self = ctx;
    strata_entry before;
    strata_entry after;
    size_t middle;
    size_t end;
    self->values.len = 0;
    ST_TRY(show_side(self, change->key, change->before, &middle));
    ST_TRY(show_side(self, change->key, change->after, &end));
    ST_TRY(entry_of(self, change->before, 0, middle, &before));
    ST_TRY(entry_of(self, change->after, middle, end, &after));
    self->rq->value.len = 0;
    if (st_ref_print(change->key, &self->rq->value) != STRATA_OK) {
        return st_fail_memory(self->rq->error);
    }
    const strata_difference difference = {.ref = st_buffer_slice(&self->rq->value),
                                          .before = change->before == NULL ? NULL : &before,
                                          .after = change->after == NULL ? NULL : &after};
    *more = self->visit(self->arg, &difference);
    return STRATA_OK;
}

static strata_status diff(st_request *rq, const strata_run ids[2], const strata_when whens[2],
                          shown_diff *shown) {
    const st_when first = st_handle_when(whens[0]);
    const st_when second = st_handle_when(whens[1]);
    st_run *run;
    st_run *other;
    st_point before;
    st_point after;
    ST_TRY(begin(rq, ids[0], &run));
    ST_TRY(begin(rq, ids[1], &other));
    ST_TRY(st_point_open(rq, run, &first, &before));
    strata_status status = st_point_open(rq, other, &second, &after);
    if (status == STRATA_OK) {
        const st_diff_spec spec = {.before = &before,
                                   .after = &after,
                                   .primitives = st_primitives_all(),
                                   .past = st_slice("", 0),
                                   .visit = show_difference,
                                   .ctx = shown};
        status = st_diff(rq, &spec);
        st_point_close(rq, &after);
    }
    st_point_close(rq, &before);
    return status;
}

strata_status strata_history_diff(strata_db *db, strata_run run, strata_when when, strata_run other,
                                  strata_when other_when, strata_difference_visit visit,
                                  void *arg) {
    st_request *rq = st_handle_begin(db);
    const strata_run ids[] = {run, other};
    const strata_when whens[] = {when, other_when};
    shown_diff shown = {rq, {.host = rq->model->host}, visit, arg};
    const strata_status status = diff(rq, ids, whens, &shown);
    strata_buffer_free(&shown.values);
    return st_handle_end(db, status);
}

/* ---- Merge ----------------------------------------------------------------------------------- */

static strata_status ignore(void *ctx, const st_merge_conflict *conflict) {
    (void)ctx;
    (void)conflict;
    return STRATA_OK;
}

static strata_status merge(st_request *rq, strata_run source, strata_run target,
                           strata_merge_strategy strategy, st_united *united) {
    st_unite_spec spec = {.conflict = ignore};
    if (strategy > STRATA_MERGE_OURS) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT, "there is no such strategy");
    }
    spec.strategy = strategy == STRATA_MERGE_STRICT   ? ST_MERGE_STRICT
                    : strategy == STRATA_MERGE_THEIRS ? ST_MERGE_THEIRS
                                                      : ST_MERGE_OURS;
    ST_TRY(begin(rq, source, &spec.source));
    ST_TRY(begin(rq, target, &spec.target));
    ST_TRY(st_run_name(rq, spec.source, &spec.source_name));
    return st_unite(rq, &spec, united);
}

strata_status strata_history_merge(strata_db *db, strata_run source, strata_run target,
                                   strata_merge_strategy strategy, strata_merged *merged) {
    st_united united;
    const strata_status status = merge(st_handle_begin(db), source, target, strategy, &united);
    if (status == STRATA_OK && merged != NULL) {
        *merged = (strata_merged){united.taken, united.events, united.conflicts, united.version};
    }
    return st_handle_end(db, status);
}

/* ---- Explain --------------------------------------------------------------------------------- */

static strata_status show_node(st_request *rq, const st_explained *from, uint32_t number,
                               strata_explained *node) {
    *node = (strata_explained){.node = number,
                               .parent = from->parent,
                               .depth = from->depth,
                               .version = from->version,
                               .timestamp_us = from->timestamp_us,
                               .deleted = from->deleted,
                               .again = from->again,
                               .has_value = from->value.len > 0,
                               .value = strata_null(),
                               .label = from->label,
                               .trace = from->trace};
    ST_TRY(name(rq, from->key, &node->ref));
    return node->has_value ? decode(rq, from->value, &node->value) : STRATA_OK;
}

static strata_status explain(st_request *rq, strata_run id, strata_slice ref,
                             const strata_explain *options, st_explanation *found) {
    const st_when when = st_handle_when(options->when);
    st_explain_spec spec = {
        .depth = options->depth, .versions = options->versions, .limit = ST_PAGE_MAX};
    st_run *run;
    st_key *key;
    st_point point;
    if (options->size != sizeof *options || options->depth > ST_EXPLAIN_DEPTH_MAX ||
        options->versions == 0 || options->versions > ST_PAGE_MAX) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "size is sizeof(strata_explain), depth at most %u, versions 1 to %u",
                       (uint64_t)ST_EXPLAIN_DEPTH_MAX, (uint64_t)ST_PAGE_MAX);
    }
    ST_TRY(begin(rq, id, &run));
    ST_TRY(parse(rq, ref, &run, &key));
    ST_TRY(st_point_open(rq, run, &when, &point));
    spec.point = &point;
    spec.key = key;
    const strata_status status = st_explain(rq, &spec, found);
    st_point_close(rq, &point);
    ST_TRY(status);
    return found->count > 0
               ? STRATA_OK
               : st_fail(rq->error, STRATA_NOT_FOUND, "there never was a \"%S\"", &ref);
}

strata_status strata_history_explain(strata_db *db, strata_run run, strata_slice ref,
                                     const strata_explain *options, strata_explained_visit visit,
                                     void *arg) {
    const strata_explain usual = STRATA_EXPLAIN_INIT;
    st_request *rq = st_handle_begin(db);
    st_explanation found = {.count = 0};
    strata_status status = explain(rq, run, ref, options == NULL ? &usual : options, &found);
    bool more = true;
    for (size_t i = 0; status == STRATA_OK && more && i < found.count; i++) {
        strata_explained node;
        status = show_node(rq, &found.nodes[i], (uint32_t)i, &node);
        more = status == STRATA_OK && visit(arg, &node);
    }
    return st_handle_end(db, status);
}
