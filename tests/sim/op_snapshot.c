/* op_snapshot.c - snapshots: the model keeps their names and versions, as they are no commits.
 *
 * A snapshot that was made is there, and one that was deleted is not, from the answer on, whatever
 * happens. Of a call that failed, or came to its end while syncs lied, it is not known: until the
 * database is opened again both are right, and then a listing settles it. Where several clients are at
 * work, names to be made are new, so that it does not matter who comes first.
 */
#include "snapshots.h"

#include "base/limits.h"

/* ---- What the model knows -------------------------------------------------------------------- */

model_snapshot *snapshot_find(const model *m, strata_slice name) {
    for (size_t i = 0; i < m->snapshot_count; i++) {
        if (st_slice_equal(m->snapshots[i].name, name)) {
            return (model_snapshot *)&m->snapshots[i];
        }
    }
    return NULL;
}

static snapshot_state state_of(const model *m, strata_slice name) {
    const model_snapshot *snapshot = snapshot_find(m, name);
    return snapshot == NULL ? SNAPSHOT_GONE : snapshot->state;
}

static model_snapshot *add(model *m, strata_slice name) {
    model_snapshot *found = snapshot_find(m, name);
    for (size_t i = 0; found == NULL && i < m->snapshot_count; i++) {
        found = m->snapshots[i].state == SNAPSHOT_GONE ? &m->snapshots[i] : NULL;
    }
    if (found == NULL) {
        assert_true(m->snapshot_count < MODEL_SNAPSHOTS_MAX);
        found = &m->snapshots[m->snapshot_count++];
    }
    *found = (model_snapshot){.name = model_copy(m, name)};
    return found;
}

static void learn(model *m, strata_slice told, snapshot_state state) {
    model_snapshot *snapshot = add(m, text_of(field_of(told, "name")));
    snapshot->state = state;
    snapshot->version = (uint64_t)int_of(field_of(told, "version"));
    snapshot->told = model_copy(m, told);
}

void snapshot_note(model *m, const op *o, const answer *got, bool excused) {
    const bool creates = strcmp(o->kind->name, "snapshot.create") == 0;
    if (!creates && strcmp(o->kind->name, "snapshot.delete") != 0) {
        return;
    }
    if (got->status == STRATA_OK && creates) {
        learn(m, object_of(got->response), SNAPSHOT_THERE);
    } else if (got->status == STRATA_OK) {
        add(m, o->key)->state = SNAPSHOT_GONE;
    } else if (excused && creates && state_of(m, o->key) == SNAPSHOT_GONE) {
        add(m, o->key)->state = SNAPSHOT_UNKNOWN;
    } else if (excused && state_of(m, o->key) == SNAPSHOT_THERE) {
        snapshot_find(m, o->key)->state = SNAPSHOT_UNKNOWN;
    }
}

void snapshot_doubt(model *m) {
    m->doubts = true;
}

/* ---- Operations ------------------------------------------------------------------------------ */

static strata_slice pick_name(maker *mk) {
    return pick_text(mk, "s%u", (unsigned)pick(mk, 5));
}

static void make_create(maker *mk, op *o) {
    if (!mk->alone || !one_in(mk, 2)) {
        o->key = mk->alone ? pick_name(mk)
                           : pick_text(mk, "t%llu", (unsigned long long)pick(mk, UINT64_MAX));
    } else if (one_in(mk, 20)) {
        o->key = pick_text(mk, "%0*d", 250 + (int)pick(mk, 3) * 4, 7);
    } else if (mk->named) {
        o->key = pick_name(mk);
    }
}

static void predict_create(const op *o, const moment *at, expected *e) {
    const snapshot_state state = state_of(at->model, o->key);
    if (at->in_memory || o->key.len > 255) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    if (at->alone && o->key.len > 0 && state == SNAPSHOT_THERE) {
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return;
    }
    (void)expect_ok(e, 0);
}

static bool create_matches(const op *o, const moment *at, const expected *e,
                           strata_slice response) {
    const strata_slice snapshot = object_of(response);
    const strata_slice name = text_of(field_of(snapshot, "name"));
    const uint64_t version = (uint64_t)int_of(field_of(snapshot, "version"));
    (void)e;
    return (o->key.len == 0 ? name.len > 0 : st_slice_equal(name, o->key)) &&
           (at->broken ? version >= at->snapshot : version == at->snapshot) &&
           int_of(field_of(snapshot, "number")) > 0 &&
           int_of(field_of(snapshot, "time")) == at->now_us;
}

static void make_delete(maker *mk, op *o) {
    const model *m = mk->model;
    o->key = m->snapshot_count == 0 || one_in(mk, 3)
                 ? pick_name(mk)
                 : arena_bytes(mk->arena, m->snapshots[pick(mk, m->snapshot_count)].name);
}

static void predict_delete(const op *o, const moment *at, expected *e) {
    if (at->in_memory) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
    } else if (state_of(at->model, o->key) == SNAPSHOT_GONE) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
    } else {
        (void)expect_ok(e, 0);
    }
}

/* Whether the other answer is right, too. */
static bool may_differ(const op *o, const moment *at, const answer *got) {
    const snapshot_state state = state_of(at->model, o->key);
    const bool known = at->alone && state != SNAPSHOT_UNKNOWN;
    return !at->in_memory && !known &&
           (got->status == STRATA_OK || got->status == STRATA_NOT_FOUND ||
            got->status == STRATA_ALREADY_EXISTS);
}

static void make_nothing(maker *mk, op *o) {
    (void)mk;
    (void)o;
}

static void predict_list(const op *o, const moment *at, expected *e) {
    (void)o;
    (void)at;
    (void)expect_ok(e, 0);
}

/* Each that is told is known, and all that are known to be there are told. */
static bool list_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    const model *m = at->model;
    st_cursor cursor = st_cursor_over(field_of(object_of(response), "snapshots"));
    st_token token;
    size_t there = 0;
    int64_t version = 0;
    (void)o;
    (void)e;
    assert_true(st_msgpack_next(&cursor, &token));
    for (uint32_t left = token.as.count; left > 0; left--) {
        strata_slice told;
        assert_true(st_msgpack_skip(&cursor, &told));
        const model_snapshot *known = snapshot_find(m, text_of(field_of(told, "name")));
        const bool in_order = int_of(field_of(told, "version")) >= version;
        version = int_of(field_of(told, "version"));
        const bool fits = known != NULL && known->state != SNAPSHOT_GONE &&
                          (known->state == SNAPSHOT_UNKNOWN || st_slice_equal(known->told, told));
        if (!in_order || (at->alone && !fits && !m->doubts)) {
            return false;
        }
        there += known != NULL && known->state == SNAPSHOT_THERE;
    }
    for (size_t i = 0; at->alone && !m->doubts && i < m->snapshot_count; i++) {
        there -= m->snapshots[i].state == SNAPSHOT_THERE;
    }
    return !at->alone || m->doubts || there == 0;
}

void snapshot_settle(model *m, const answer *list) {
    st_cursor cursor = st_cursor_over(field_of(object_of(list->response), "snapshots"));
    st_token token;
    for (size_t i = 0; i < m->snapshot_count; i++) {
        m->snapshots[i].state = SNAPSHOT_GONE;
    }
    assert_true(st_msgpack_next(&cursor, &token));
    for (uint32_t left = token.as.count; left > 0; left--) {
        strata_slice told;
        assert_true(st_msgpack_skip(&cursor, &told));
        learn(m, told, SNAPSHOT_THERE);
    }
    m->doubts = false;
}

const op_kind ops_snapshot[] = {
    {.name = "snapshot.create",
     .args = "name",
     .weight = 4,
     .make = make_create,
     .predict = predict_create,
     .matches = create_matches,
     .may_differ = may_differ,
     .syncs = true},
    {.name = "snapshot.delete",
     .args = "key!",
     .weight = 3,
     .make = make_delete,
     .predict = predict_delete,
     .may_differ = may_differ},
    {.name = "snapshot.list",
     .args = "",
     .weight = 3,
     .make = make_nothing,
     .predict = predict_list,
     .matches = list_matches},
};
const size_t ops_snapshot_count = sizeof ops_snapshot / sizeof ops_snapshot[0];
