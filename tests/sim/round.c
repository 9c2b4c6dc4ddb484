/* round.c - what clients do at the same time, and whether their answers make sense.
 *
 * One client: each answer must be what the model says, to the byte.
 *
 * Several: the core says of every commit which version it has, and promises that versions are one
 * order. So commits are put on the model in that order, each answer being compared on the model as
 * it was just before. Then every answer that is not a commit must be explained by some version
 * between
 *   low: the newest commit to the same run that was acknowledged before the call, and
 *   high: the newest commit that had been called for when the answer came,
 * which is linearizability for one run. What reads the past (as_of) is exact, whenever it is.
 *
 * A transaction reads its snapshot, whatever happens meanwhile. Its commit is placed like any other and
 * must be right there: what it had read is what it would read at its version. One that was refused was
 * refused for a commit that had been called for by then (model_txn.c, follow.c).
 *
 * A call that failed by a fault may have happened or not; where a version is missing among those
 * acknowledged, one of these must have it, and each is tried.
 */
/* Before the model, whose name it has for parameters. */
#include "api/handle.h"

#include "life.h"

#include "history.h"
#include "snapshots.h"

#include "base/crc32c.h"

/* The clock of times to live does not go back while the database is open; which clock time somebody
 * saw last is up to the core. Within a round the simulated clock stands. */
static int64_t clock_now(const life *l) {
    const int64_t wall_us = l->machine->wall_us;
    const int64_t latest_us = l->handles[0]->engine->model.store.latest_us;
    return wall_us > latest_us ? wall_us : latest_us;
}

/* ---- Doing ----------------------------------------------------------------------------------- */

maker round_maker(life *l) {
    const bool quiet = l->excuses == 0 && !l->crash_armed;
    const maker mk = {.model = &l->model,
                      .chance = &l->chance,
                      .arena = &l->arena,
                      .keys = l->keys,
                      .bytes_max = l->value_bytes,
                      .now_us = clock_now(l),
                      .retains = l->retains,
                      .searches = l->searches,
                      .named = !quiet,
                      .alone = true};
    return mk;
}

typedef struct client {
    life *life;
    strata_db *db;
    size_t first; /* its records */
    size_t count;
} client;

static void perform(life *l, strata_db *db, record *r) {
    /* strata_exec writes its response into memory that may run out. */
    strata_buffer out = {NULL, 0, 0, r->op.by_function ? NULL : &l->machine->host};
    r->wall_us = l->machine->wall_us;
    r->now_us = clock_now(l);
    r->invoked = ++l->ticks;
    r->op.from_ns = l->machine->monotonic_ns;
    r->answer.status = op_run(&r->op, db, &out);
    r->op.to_ns = l->machine->monotonic_ns;
    r->responded = ++l->ticks;
    r->answer.response = arena_bytes(&l->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    /* A name that the core made up is an argument from here on. */
    if (r->answer.status == STRATA_OK && r->op.key.len == 0 && r->op.kind->writes) {
        const strata_slice object = object_of(r->answer.response);
        const strata_slice key = field_of(object, "key");
        r->op.key = text_of(key.data != NULL ? key : field_of(object, "name"));
    }
    r->version = op_version(&r->op, &r->answer);
    r->excused = is_excused(l, r->answer.status);
    life_counts->compared++;
}

static void run_client(void *arg) {
    const client *c = arg;
    for (size_t i = 0; i < c->count; i++) {
        record *r = &c->life->records[c->first + i];
        const size_t place = op_place(r->op.kind);
        c->life->operations++;
        perform(c->life, c->db, r);
        life_counts->asked[place]++;
        life_counts->done[place] += r->answer.status == STRATA_OK;
    }
}

/* ---- Explaining ------------------------------------------------------------------------------ */

static moment moment_at(const life *l, uint64_t snapshot, bool alone) {
    const moment at = {.model = &l->model,
                       .snapshot = snapshot,
                       .wall_us = l->machine->wall_us,
                       .now_us = clock_now(l),
                       .value_bytes_max = l->options.value_bytes_max,
                       .in_memory = l->in_memory,
                       .alone = alone,
                       .damaged = l->damaged,
                       .torn = l->slot_torn,
                       .broken = l->broken || l->unknown_count > 0};
    return at;
}

/* Where two answers part, as JSON. */
static void tell_difference(strata_slice got, strata_slice wanted) {
    enum { AROUND = 160 };
    strata_buffer a = {NULL, 0, 0, NULL};
    strata_buffer b = {NULL, 0, 0, NULL};
    if (strata_msgpack_to_json(got, false, &a, NULL) == STRATA_OK &&
        strata_msgpack_to_json(wanted, false, &b, NULL) == STRATA_OK) {
        size_t at = 0;
        while (at < a.len && at < b.len && a.data[at] == b.data[at]) {
            at++;
        }
        const size_t from = at > AROUND ? at - AROUND : 0;
        (void)fprintf(stderr, "they part at character %zu:\n  got      %.*s\n  expected %.*s\n", at,
                      (int)st_min(a.len - from, (size_t)2 * AROUND), (const char *)a.data + from,
                      (int)st_min(b.len - from, (size_t)2 * AROUND), (const char *)b.data + from);
    }
    strata_buffer_free(&a);
    strata_buffer_free(&b);
}

static void fail_answer(life *l, const record *r, const char *what) {
    const expected *e = &l->expected;
    (void)fprintf(stderr, "the answer\n");
    op_print(&r->op, &r->answer);
    (void)fprintf(stderr, "expected: %s%s%s\n", strata_status_name(e->status),
                  e->reason == NULL ? "" : " ", e->reason == NULL ? "" : e->reason);
    if (e->status == STRATA_OK) {
        tell_difference(r->answer.response, st_buffer_slice(&e->answer));
    }
    life_fail(l, "%s", what);
}

static void note_commit(life *l, const record *r) {
    if (l->options.durability == STRATA_STRICT && !l->lying) {
        l->durable = r->version > l->durable ? r->version : l->durable;
    }
    if (l->ack_count == l->ack_cap) {
        l->ack_cap = l->ack_cap * 2 + 64;
        l->acks = realloc(l->acks, l->ack_cap * sizeof *l->acks);
        assert_non_null(l->acks);
    }
    l->acks[l->ack_count++] = (ack){r->version, l->machine->monotonic_ns};
}

/* A buffered database without threads syncs when the interval has passed, at the next commit or
 * tick. */
static void note_interval(life *l, const record *r) {
    const uint64_t interval_ns = (uint64_t)l->options.sync_interval_ms * 1000000;
    const bool ticks = r->version > 0 || strcmp(r->op.kind->name, "db.tick") == 0;
    if (l->sc != NULL || l->lying || l->broken || life_is_dead(l) || l->excuses != 0 || !ticks ||
        l->options.durability != STRATA_BUFFERED) {
        return;
    }
    while (l->ack_count > 0 && l->acks[0].at_ns + interval_ns < l->machine->monotonic_ns) {
        l->durable = l->acks[0].version > l->durable ? l->acks[0].version : l->durable;
        memmove(l->acks, l->acks + 1, --l->ack_count * sizeof *l->acks);
    }
}

static void note_sync(life *l, const record *r) {
    const bool promised = r->op.kind->syncs && r->answer.status == STRATA_OK && !l->lying;
    if (promised && (l->clients == 1 || l->record_count == 1)) {
        l->durable = l->model.last;
    } else if (promised && r->answer.response.len > 0) {
        const uint64_t version =
            (uint64_t)int_of(field_of(object_of(r->answer.response), "version"));
        l->durable = version > l->durable ? version : l->durable;
    }
}

static void keep_unknown(life *l, const record *r) {
    const bool may_be = op_commits(&r->op) && r->answer.status != STRATA_NO_MEMORY;
    if (may_be && l->unknown_count < UNKNOWN_MAX) {
        l->unknown[l->unknown_count++] = *r;
    }
}

/* Nothing is compared yet. */
static void look_back(life *l) {
    l->model.now_us = clock_now(l);
    l->model.settled = l->model.last;
    history_mark(&l->model);
}

/* Of one client: what it says is what there is. */
static void explain_alone(life *l) {
    look_back(l);
    (void)txn_begin_round(l);
    for (size_t i = 0; i < l->record_count; i++) {
        record *r = &l->records[i];
        txn_follow(l, r);
        const moment at = moment_at(l, l->model.last, true);
        if (r->excused) {
            keep_unknown(l, r);
            continue;
        }
        if (!op_holds(&r->op, &at, &r->answer, &l->expected)) {
            fail_answer(l, r, "is not what it should be");
        }
        if (l->expected.write_count > 0) {
            if (l->broken) {
                fail_answer(l, r, "was accepted after the writer had failed");
            }
            op_commit(&l->model, &l->expected);
            r->version = l->model.last;
            note_commit(l, r);
        } else {
            r->version = 0; /* it told one that was there */
        }
        note_sync(l, r);
        note_interval(l, r);
    }
}

static record *record_of(life *l, uint64_t version) {
    for (size_t i = 0; i < l->record_count; i++) {
        if (l->records[i].version == version) {
            return &l->records[i];
        }
    }
    return NULL;
}

/* Puts the commits up to `top` on the model. Where none was acknowledged, tries those that failed
 * and were not used yet (taken: bits). *worst: the answer that did not fit. */
static bool order_commits(life *l, uint64_t top, uint32_t taken, const record **worst) {
    if (l->model.last == top) {
        return true;
    }
    const uint64_t version = l->model.last + 1;
    const moment at = moment_at(l, l->model.last, false);
    record *known = record_of(l, version);
    if (known != NULL) {
        txn_follow(l, known);
        if (!op_holds(&known->op, &at, &known->answer, &l->expected) ||
            l->expected.write_count == 0) {
            *worst = known;
            return false;
        }
        op_commit(&l->model, &l->expected);
        return order_commits(l, top, taken, worst);
    }
    for (size_t i = 0; i < l->record_count; i++) {
        record *r = &l->records[i];
        if (!r->excused || !op_commits(&r->op) || (taken >> i & 1) != 0 || !txn_may_follow(l, r)) {
            continue;
        }
        const txn_state before = l->txns;
        txn_follow(l, r);
        const answer any = {STRATA_OK, {NULL, 0}};
        (void)op_holds(&r->op, &at, &any, &l->expected);
        if (l->expected.status == STRATA_OK && l->expected.write_count > 0) {
            op_commit(&l->model, &l->expected);
            if (order_commits(l, top, taken | 1u << i, worst)) {
                r->version = version;
                return true;
            }
            model_cut(&l->model, version - 1);
        }
        l->txns = before;
    }
    return false;
}

/* Between which commits an answer may have been. */
static void bounds_of(const life *l, const record *r, uint64_t base, uint64_t *low,
                      uint64_t *high) {
    const bool past = r->op.kind->reads_past != NULL && r->op.kind->reads_past(&r->op);
    const moment now = moment_at(l, l->model.last, false);
    const unsigned run = op_run_of(&r->op, &now);
    *low = base;
    *high = base;
    for (size_t i = 0; i < l->record_count; i++) {
        const record *other = &l->records[i];
        if (other->version == 0) {
            continue;
        }
        if (other->invoked < r->responded) {
            *high = other->version > *high ? other->version : *high;
        }
        const bool same =
            past || strcmp(r->op.kind->args, "") == 0 || op_run_of(&other->op, &now) == run;
        if (same && other->responded < r->invoked) {
            *low = other->version > *low ? other->version : *low;
        }
    }
}

static bool explain_answer(life *l, const record *r, uint64_t base) {
    uint64_t low;
    uint64_t high;
    bounds_of(l, r, base, &low, &high);
    for (uint64_t snapshot = low; snapshot <= high; snapshot++) {
        const moment at = moment_at(l, snapshot, false);
        if (op_holds(&r->op, &at, &r->answer, &l->expected) && l->expected.write_count == 0) {
            return true;
        }
    }
    return false;
}

static void explain_together(life *l) {
    const uint64_t base = l->model.last;
    const record *worst = NULL;
    uint64_t top = txn_begin_round(l);
    bool excused = false;
    top = top < base ? base : top;
    look_back(l);
    for (size_t i = 0; i < l->record_count; i++) {
        const record *r = &l->records[i];
        top = r->version > top ? r->version : top;
        excused = excused || r->excused;
        if (r->version > 0 && r->version <= base) {
            fail_answer(l, r, "has a version that was given out before");
        }
        if (r->version > 0 && record_of(l, r->version) != r) {
            fail_answer(l, r, "shares its version with another commit");
        }
        if (r->version > 0 && l->broken) {
            fail_answer(l, r, "was accepted after the writer had failed");
        }
    }
    if (!order_commits(l, top, 0, &worst)) {
        if (worst != NULL) {
            fail_answer(l, worst, "does not fit the order of commits");
        }
        life_fail(l, "no call made one of the versions %u to %u", (unsigned)base + 1,
                  (unsigned)top);
    }
    history_mark(&l->model);
    for (size_t i = 0; i < l->record_count; i++) {
        const record *r = &l->records[i];
        txn_follow(l, r);
        if (r->version > 0) {
            note_commit(l, r);
        } else if (r->excused) {
            keep_unknown(l, r);
        } else if (!explain_answer(l, r, base) && !excused) {
            fail_answer(l, r, "was not true at any moment of the call");
        }
    }
    for (size_t i = 0; i < l->record_count; i++) {
        note_sync(l, &l->records[i]);
    }
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

void round_begin(life *l) {
    if (l->unknown_count == 0) {
        st_arena_reset(&l->arena);
    }
    l->record_count = 0;
    l->ticks = 0;
}

static void finish(life *l, bool alone) {
    for (size_t i = 0; i < l->record_count; i++) {
        const record *r = &l->records[i];
        l->digest = st_crc32c(l->digest, r->answer.response);
        if (life_traces) {
            (void)fprintf(stderr, "%c", r->excused ? '!' : ' ');
            op_print(&r->op, &r->answer);
        }
    }
    (alone ? explain_alone : explain_together)(l);
    for (size_t i = 0; i < l->record_count; i++) {
        snapshot_note(&l->model, &l->records[i].op, &l->records[i].answer, l->records[i].excused);
    }
}

void round_single(life *l, op *o) {
    l->records[0] = (record){.op = *o};
    l->record_count = 1;
    perform(l, l->handles[0], &l->records[0]);
    finish(l, true);
}

/* Of event.verify and db.verify. */
static bool says_invalid(const answer *got) {
    const strata_slice valid = field_of(object_of(got->response), "valid");
    return got->status == STRATA_OK && valid.len > 0 && !bool_of(valid);
}

bool round_holds(life *l, op *o, bool quiet) {
    maker mk = round_maker(l);
    op_encode(&mk, o);
    record r = {.op = *o};
    perform(l, l->handles[0], &r);
    const moment at = moment_at(l, l->present < l->model.last ? l->present : l->model.last, true);
    look_back(l);
    const bool told = l->damaged && says_invalid(&r.answer);
    const bool holds = r.excused || told || op_holds(&r.op, &at, &r.answer, &l->expected);
    if (!holds && !quiet) {
        fail_answer(l, &r, "is not what the model has");
    }
    return holds;
}

void round_run(life *l) {
    maker mk = round_maker(l);
    client clients[CLIENTS_MAX];
    round_begin(l);
    const bool alone = l->clients == 1 || chance_in(l, 3);
    const size_t crowd = alone ? 1 : l->clients;
    txn_settle(l);
    mk.alone = alone;
    for (size_t c = 0; c < crowd; c++) {
        clients[c] = (client){l, l->handles[c], l->record_count, 0};
        txn_plan plan;
        txn_plan_make(&plan, &l->txns.tables[c], l->txns_max);
        mk.txns = &plan;
        clients[c].count = alone ? 1 : 1 + (size_t)chance_below(l, RECORDS_MAX / CLIENTS_MAX);
        for (size_t i = 0; i < clients[c].count; i++) {
            record *r = &l->records[l->record_count++];
            *r = (record){.client = (unsigned)c};
            op_random(&mk, &r->op);
        }
    }
    if (alone) {
        run_client(&clients[0]);
    } else {
        for (size_t c = 0; c < crowd; c++) {
            sched_start(l->sc, run_client, &clients[c]);
        }
        sched_join(l->sc);
    }
    finish(l, alone);
}
