/* op_db.c - the operations on the database as a whole. Of their answers only what the model can know
 * is compared. */
#include "op.h"

static void make_nothing(maker *mk, op *o) {
    (void)mk;
    (void)o;
}

static void predict_ok(const op *o, const moment *at, expected *e) {
    (void)o;
    (void)at;
    (void)expect_ok(e, 0);
}

/* The last commit, or one that was on its way. */
static bool tells_version(const moment *at, strata_slice response) {
    const uint64_t version = (uint64_t)int_of(field_of(object_of(response), "version"));
    return at->broken ? version >= at->snapshot : version == at->snapshot;
}

static bool sync_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    (void)e;
    return o->by_function || tells_version(at, response);
}

static strata_status call_sync(const op *o, strata_db *db, strata_buffer *out) {
    (void)o;
    (void)out;
    return strata_sync(db);
}

static strata_status call_tick(const op *o, strata_db *db, strata_buffer *out) {
    (void)o;
    (void)out;
    return strata_tick(db, 1000);
}

static void make_compact(maker *mk, op *o) {
    static const char *const modes[] = {"wal", "wal", "full", ""};
    o->type = strata_text(one_in(mk, 60) ? "some" : modes[pick(mk, 4)]);
}

static void predict_compact(const op *o, const moment *at, expected *e) {
    (void)at;
    if (st_slice_equal(o->type, strata_text("some"))) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    (void)expect_ok(e, 0);
}

static bool compact_matches(const op *o, const moment *at, const expected *e,
                            strata_slice response) {
    const strata_slice result = object_of(response);
    (void)o;
    (void)at;
    (void)e;
    return field_of(result, "reclaimed_bytes").len > 0 &&
           field_of(result, "wal_segments_removed").len > 0 &&
           field_of(result, "versions_removed").len > 0;
}

static bool checkpoint_matches(const op *o, const moment *at, const expected *e,
                               strata_slice response) {
    (void)o;
    (void)e;
    return tells_version(at, response) &&
           int_of(field_of(object_of(response), "time")) == at->now_us;
}

static uint64_t count_live(const moment *at, unsigned run, model_kind kind) {
    const model_table *table = model_table_of(at->model, run, kind);
    uint64_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], at->snapshot);
        count += version != NULL && !version->deleted;
    }
    return count;
}

static bool stats_match(const op *o, const moment *at, const expected *e, strata_slice response) {
    const strata_slice stats = object_of(response);
    (void)o;
    (void)e;
    if (!tells_version(at, response)) {
        return false;
    }
    return !at->alone || at->broken ||
           int_of(field_of(stats, "runs")) == (int64_t)count_live(at, MODEL_SYSTEM, MODEL_RUN);
}

static bool verify_matches(const op *o, const moment *at, const expected *e,
                           strata_slice response) {
    const strata_slice report = object_of(response);
    const strata_slice problems = field_of(report, "problems");
    (void)o;
    (void)e;
    if (bool_of(field_of(report, "valid"))) {
        return true;
    }
    st_cursor cursor = st_cursor_over(problems);
    st_token token;
    strata_slice first;
    return at->torn && st_msgpack_next(&cursor, &token) && token.as.count == 1 &&
           st_msgpack_skip(&cursor, &first) &&
           st_slice_equal(text_of(field_of(first, "file")), strata_text("MANIFEST"));
}

const op_kind ops_db[] = {
    {.name = "db.sync",
     .args = "",
     .weight = 6,
     .make = make_nothing,
     .predict = predict_ok,
     .call = call_sync,
     .matches = sync_matches,
     .syncs = true},
    {.name = "db.tick", /* strata_tick; no operation of the table does it */
     .args = "",
     .weight = 6,
     .make = make_nothing,
     .predict = predict_ok,
     .call = call_tick,
     .matches = sync_matches,
     .function_only = true},
    {.name = "db.compact",
     .args = "mode",
     .weight = 8,
     .make = make_compact,
     .predict = predict_compact,
     .matches = compact_matches,
     .syncs = true},
    {.name = "db.checkpoint",
     .args = "",
     .weight = 3,
     .make = make_nothing,
     .predict = predict_ok,
     .matches = checkpoint_matches,
     .syncs = true},
    {.name = "db.stats",
     .args = "",
     .weight = 3,
     .make = make_nothing,
     .predict = predict_ok,
     .matches = stats_match},
    {.name = "db.verify",
     .args = "",
     .weight = 1,
     .make = make_nothing,
     .predict = predict_ok,
     .matches = verify_matches},
};
const size_t ops_db_count = sizeof ops_db / sizeof ops_db[0];
