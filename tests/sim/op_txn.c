/* op_txn.c - the operations on transactions, and which of the others become part of one.
 *
 * A client's operations of a round are made before any of them is run, so what it will have open is
 * guessed: that a begin succeeds and gets the next number. Where it does not, the operations that
 * follow meet no transaction, or another, and must say so.
 */
#include "model_txn.h"

enum { WRITES_WANTED = 40 };

/* ---- The plan -------------------------------------------------------------------------------- */

void txn_plan_make(txn_plan *plan, const txn_table *table, size_t most) {
    *plan = (txn_plan){.most = most, .last = table->last};
    for (size_t i = 0; i < ST_TXNS_MAX; i++) {
        plan->doubtful = plan->doubtful || table->doubtful[i];
        if (table->open[i] != NULL && !table->doubtful[i]) {
            plan->numbers[plan->count] = table->open[i]->number;
            plan->writes[plan->count++] = model_txn_writes(table->open[i]);
        }
    }
}

static bool has_open(const maker *mk) {
    return mk->txns != NULL && mk->txns->count > 0;
}

static bool may_begin(const maker *mk) {
    const txn_plan *plan = mk->txns;
    return plan != NULL && !plan->doubtful && plan->count < plan->most &&
           plan->count < sizeof plan->numbers / sizeof plan->numbers[0];
}

static void plan_begin(txn_plan *plan) {
    plan->numbers[plan->count] = ++plan->last;
    plan->writes[plan->count++] = 0;
}

static void plan_end(txn_plan *plan, uint64_t number) {
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->numbers[i] == number) {
            plan->count--;
            plan->numbers[i] = plan->numbers[plan->count];
            plan->writes[i] = plan->writes[plan->count];
            return;
        }
    }
}

/* One that is open; rarely one that was, or none that ever was. */
static uint64_t pick_txn(maker *mk) {
    const txn_plan *plan = mk->txns;
    return !has_open(mk) || one_in(mk, 30) ? 1 + pick(mk, plan == NULL ? 3 : plan->last + 3)
                                           : plan->numbers[pick(mk, plan->count)];
}

void txn_join(maker *mk, op *o) {
    if (!model_txn_knows(o) || !has_open(mk) || one_in(mk, 2)) {
        return;
    }
    o->txn = pick_txn(mk);
    for (size_t i = 0; i < mk->txns->count && o->kind->writes; i++) {
        if (mk->txns->numbers[i] != o->txn) {
            continue;
        }
        if (mk->txns->writes[i] >= WRITES_WANTED) {
            o->txn = 0;
            return;
        }
        mk->txns->writes[i] += OP_KEYS_MAX; /* at most */
    }
    if (!one_in(mk, 10)) {
        o->run = st_slice("", 0); /* that of the transaction */
    }
}

/* ---- Begin ----------------------------------------------------------------------------------- */

static void become(maker *mk, op *o, const char *name) {
    o->kind = op_find(name);
    o->kind->make(mk, o);
}

static void make_begin(maker *mk, op *o) {
    static const uint64_t timeouts_ms[] = {1, 5, 50, 1000};
    if (!may_begin(mk)) {
        become(mk, o, "txn.info");
        return;
    }
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->read_only = one_in(mk, 8);
    o->isolation = one_in(mk, 40)  ? strata_text("chaos")
                   : one_in(mk, 3) ? strata_text("snapshot")
                   : one_in(mk, 3) ? strata_text("serializable")
                                   : st_slice("", 0);
    o->timeout_ms = one_in(mk, 6) ? timeouts_ms[pick(mk, 4)] : 0;
    if (!st_slice_equal(o->isolation, strata_text("chaos"))) {
        plan_begin(mk->txns);
    }
}

static void predict_begin(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (st_slice_equal(o->isolation, strata_text("chaos"))) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    if (o->txns_open == ST_TXNS_MAX) {
        expect_error(e, STRATA_CONSTRAINT, "too_many_txns");
        return;
    }
    put_uint(expect_ok(e, 2), "txn", o->txns_last + 1);
}

/* Any version will do that shows the run as it was at that moment. */
static bool begin_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    const strata_slice object = object_of(response);
    const uint64_t version = (uint64_t)int_of(field_of(object, "version"));
    unsigned run;
    (void)e;
    return (uint64_t)int_of(field_of(object, "txn")) == o->txns_last + 1 &&
           op_has_run(o, at, &run) && version <= at->model->last &&
           model_last_of(at->model, run, version) == model_last_of(at->model, run, at->snapshot);
}

/* ---- The others ------------------------------------------------------------------------------ */

static void make_any(maker *mk, op *o) {
    o->txn = pick_txn(mk);
}

static void make_end(maker *mk, op *o) {
    const txn_plan *plan = mk->txns;
    const bool greedy = plan != NULL && plan->most > ST_TXNS_MAX && !one_in(mk, 4);
    if (may_begin(mk) && (greedy || !has_open(mk))) {
        become(mk, o, "txn.begin");
        return;
    }
    make_any(mk, o);
    if (mk->txns != NULL) {
        plan_end(mk->txns, o->txn);
    }
}

static void make_rollback_to(maker *mk, op *o) {
    make_any(mk, o);
    uint64_t writes = 2;
    for (size_t i = 0; mk->txns != NULL && i < mk->txns->count; i++) {
        writes = mk->txns->numbers[i] == o->txn ? mk->txns->writes[i] : writes;
    }
    o->savepoint = one_in(mk, 12) ? writes + pick(mk, 3) : pick(mk, writes + 1);
}

static void predict_commit(const op *o, const moment *at, expected *e) {
    model_txn_predict_commit(o, at, e);
}

static void predict_rollback(const op *o, const moment *at, expected *e) {
    (void)at;
    put_uint(expect_ok(e, 1), "writes", model_txn_writes(o->seen));
}

static void predict_savepoint(const op *o, const moment *at, expected *e) {
    (void)at;
    put_uint(expect_ok(e, 1), "savepoint", model_txn_writes(o->seen));
}

static void predict_rollback_to(const op *o, const moment *at, expected *e) {
    (void)at;
    if (!model_txn_has_savepoint(o->seen, o->savepoint)) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return;
    }
    put_uint(expect_ok(e, 1), "writes", o->savepoint);
}

static void predict_info(const op *o, const moment *at, expected *e) {
    const model_table *runs = model_table_of(at->model, MODEL_SYSTEM, MODEL_RUN);
    const model_txn *txn = o->seen;
    if (run_in(at->model, txn->run, at->snapshot) == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 9);
    for (size_t i = 0; i < runs->count; i++) {
        const model_version *version = model_seen(runs->cells[i], at->snapshot);
        if (version != NULL && !version->deleted &&
            ((const model_run *)version->value.data)->place == txn->run) {
            put_text(out, "run", runs->cells[i]->key);
        }
    }
    put_bool(out, "read_only", txn->read_only);
    put_text(out, "isolation", strata_text(txn->first_wins ? "snapshot" : "serializable"));
    put_uint(out, "version", txn->snapshot);
}

/* Distinct keys, or ranges, of which `certain` ones at least. */
static void count_reads(const model_txn *txn, bool ranges, bool certain, uint64_t *count) {
    *count = 0;
    for (const model_read *read = txn->reads; read != NULL; read = read->older) {
        if (read->part || read->range != ranges || (certain && !read->certain)) {
            continue;
        }
        bool again = false;
        for (const model_read *other = read->older; !ranges && other != NULL && !again;
             other = other->older) {
            again = !other->range && !other->part && (other->certain || !certain) &&
                    other->kind == read->kind && st_slice_equal(other->key, read->key);
        }
        *count += !again;
    }
}

static bool reads_match(const model_txn *txn, bool ranges, strata_slice number) {
    const uint64_t got = (uint64_t)int_of(number);
    uint64_t least;
    uint64_t most;
    count_reads(txn, ranges, true, &least);
    count_reads(txn, ranges, false, &most);
    return got >= least && got <= most;
}

static bool info_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    const strata_slice begin = st_buffer_slice(&e->answer);
    const strata_slice info = object_of(response);
    const model_txn *txn = o->seen;
    const uint64_t age_ms = (uint64_t)int_of(field_of(info, "age_ms"));
    const uint64_t least_ns = o->from_ns > txn->begun_to_ns ? o->from_ns - txn->begun_to_ns : 0;
    (void)at;
    return response.len > begin.len && memcmp(response.data, begin.data, begin.len) == 0 &&
           reads_match(txn, false, field_of(info, "keys_read")) &&
           reads_match(txn, true, field_of(info, "ranges_read")) &&
           (uint64_t)int_of(field_of(info, "writes")) == model_txn_writes(txn) &&
           age_ms >= least_ns / 1000000 && age_ms <= (o->to_ns - txn->begun_from_ns) / 1000000 &&
           (uint64_t)int_of(field_of(info, "timeout_ms")) == txn->timeout_ms;
}

const op_kind ops_txn[] = {
    {.name = "txn.begin",
     .args = "run read_only isolation timeout_ms",
     .weight = 26,
     .make = make_begin,
     .predict = predict_begin,
     .matches = begin_matches},
    {.name = "txn.commit",
     .args = "txn",
     .weight = 24,
     .make = make_end,
     .predict = predict_commit,
     .writes = true},
    {.name = "txn.rollback",
     .args = "txn",
     .weight = 4,
     .make = make_end,
     .predict = predict_rollback},
    {.name = "txn.savepoint",
     .args = "txn",
     .weight = 4,
     .make = make_any,
     .predict = predict_savepoint},
    {.name = "txn.rollback_to",
     .args = "txn savepoint",
     .weight = 6,
     .make = make_rollback_to,
     .predict = predict_rollback_to},
    {.name = "txn.info",
     .args = "txn",
     .weight = 6,
     .make = make_any,
     .predict = predict_info,
     .matches = info_matches},
};
const size_t ops_txn_count = sizeof ops_txn / sizeof ops_txn[0];
