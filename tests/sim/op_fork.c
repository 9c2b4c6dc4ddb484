/* op_fork.c - forks and deleted runs. On the model a fork is a copy of what it sees, and a deleted run is
 * a run that nobody finds.
 *
 * Where other clients commit meanwhile a fork is made of a point that is named, as the answer of one of now
 * tells a version that the model cannot foresee.
 */
#include "op.h"

#include "history.h"

static void make_fork(maker *mk, op *o) {
    const model *m = mk->model;
    const bool full = run_next_place(m, UINT64_MAX) + 12 > MODEL_RUNS_MAX;
    o->run = pick_run(mk);
    o->key = full || one_in(mk, 20) ? strata_text("default")
                                    : pick_text(mk, "run%u", (unsigned)pick(mk, 7));
    o->tags = pick_tags(mk);
    if (!mk->alone || one_in(mk, 3)) {
        o->as_of = pick(mk, m->last + (one_in(mk, 20) ? 3 : 1));
    } else if (one_in(mk, 3) && m->log_count > 0) {
        o->as_of_us = m->log[pick(mk, m->log_count)].timestamp_us - (int64_t)pick(mk, 2);
    }
}

static const model_run *find_run(const moment *at, strata_slice name) {
    const model_version *version =
        model_live(at->model, MODEL_SYSTEM, MODEL_RUN, name, at->snapshot);
    return version == NULL ? NULL : version->value.data;
}

/* What it sees of the parent, and of which run. */
static model_origin find_origin(const op *o, const moment *at, unsigned parent, uint64_t snapshot) {
    const bool timed = o->as_of_us != 0;
    const bool now =
        timed ? o->as_of_us >= model_time(at->model, parent, INT64_MIN) : o->as_of == UINT64_MAX;
    model_origin origin = {.base = parent,
                           .at = now ? at->snapshot : snapshot,
                           .bound = now     ? at->snapshot
                                    : timed ? UINT64_MAX
                                            : o->as_of,
                           .bound_us = now || !timed ? INT64_MAX : o->as_of_us};
    model_find_base(at->model, &origin);
    origin.at = origin.at < origin.bound ? origin.at : origin.bound;
    return origin;
}

static void predict_fork(const op *o, const moment *at, expected *e) {
    static const uint8_t no_map = 0x80;
    const strata_slice name = o->run.len == 0 ? strata_text("default") : o->run;
    unsigned parent;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &parent) || !expect_as_of(o, at, e, parent, &snapshot)) {
        return;
    }
    if (find_run(at, o->key) != NULL) {
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return;
    }
    const int64_t own_us = model_time(at->model, MODEL_SYSTEM, at->wall_us);
    const int64_t parent_us = model_time(at->model, parent, INT64_MIN);
    const int64_t time_us = own_us > parent_us ? own_us : parent_us;
    model_run run = {.place = run_next_place(at->model, at->snapshot),
                     .tags = run_change_tags(e, st_slice("", 0), st_slice("", 0), o->tags),
                     .metadata = st_slice(&no_map, 1),
                     .parent = name,
                     .created_us = time_us,
                     .updated_us = time_us};
    assert_true(run.place < MODEL_RUNS_MAX);
    e->origin = find_origin(o, at, parent, snapshot);
    run.forked = true;
    run.forked_at = e->origin.bound;
    run.forked_us = e->origin.bound_us == INT64_MAX ? 0 : e->origin.bound_us;
    const model_write write = {MODEL_SYSTEM, MODEL_RUN,
                               o->key,       arena_bytes(&e->arena, st_slice(&run, sizeof run)),
                               false,        0};
    (void)expect_write(e, at, &write);
    e->timestamp_us = time_us;
    e->fork = run.place;
    strata_buffer *out = expect_ok(e, 4);
    put_text(out, "name", o->key);
    put_uint(out, "version", expect_version(at));
    put_text(out, "forked_from", name);
    if (run.forked_us != 0) {
        put_int(out, "at_time", run.forked_us);
    } else {
        put_uint(out, "at", run.forked_at);
    }
}

static void make_delete(maker *mk, op *o) {
    o->key = pick_run(mk);
    if (o->key.len == 0) {
        o->key = pick_text(mk, "run%u", (unsigned)pick(mk, 7));
    }
}

static void predict_delete(const op *o, const moment *at, expected *e) {
    const model_table *rules = model_table_of(at->model, MODEL_SYSTEM, MODEL_RULE);
    const model_run *run = find_run(at, o->key);
    if (run == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    if (run->place == MODEL_DEFAULT) {
        expect_error(e, STRATA_CONSTRAINT, "default_run");
        return;
    }
    const model_write write = {
        .run = MODEL_SYSTEM, .kind = MODEL_RUN, .key = o->key, .deletes = true};
    (void)expect_write(e, at, &write);
    for (size_t i = 0; i < rules->count; i++) {
        const model_version *version = model_seen(rules->cells[i], at->snapshot);
        if (version != NULL && !version->deleted &&
            ((const model_rule *)version->value.data)->run == run->place) {
            const model_write rule = {.run = MODEL_SYSTEM,
                                      .kind = MODEL_RULE,
                                      .key = rules->cells[i]->key,
                                      .deletes = true};
            (void)expect_write(e, at, &rule);
        }
    }
    e->buried = run->place;
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

const op_kind ops_fork[] = {
    {.name = "run.fork",
     .args = "run name tags as_of as_of_time",
     .weight = 6,
     .make = make_fork,
     .predict = predict_fork,
     .trims = history_trims_fork,
     .writes = true},
    {.name = "run.delete",
     .args = "key!",
     .weight = 3,
     .make = make_delete,
     .predict = predict_delete,
     .writes = true},
};
const size_t ops_fork_count = sizeof ops_fork / sizeof ops_fork[0];
