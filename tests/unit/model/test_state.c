/* test_state.c - state cells: every step of random lives against an oracle, also through
 * transactions and at every version; what a set inside a transaction may not conflict with and what it
 * must; transitions that meet others; a forged counter.
 */
#include "store_support.h"

#include "api/handle.h"
#include "model/run/run.h"
#include "model/state.h"

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_in_memory(machine);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

/* ---- Lives ----------------------------------------------------------------------------------- */

enum { CELLS = 4, STEPS = 400 };

typedef struct known {
    uint64_t counter; /* 0: there is no cell */
    int64_t value;
    uint64_t version;
} known;

/* What every cell was after each commit. */
static known past[STEPS * 2 + 8][CELLS];

static void check_cell(unsigned c, const known *wanted, uint64_t version) {
    const char *answer = ask(db, wanted->counter == 0 ? STRATA_NOT_FOUND : STRATA_OK, "state.read",
                             "{\"name\":\"c%u\",\"as_of\":%llu}", c, (unsigned long long)version);
    if (wanted->counter > 0) {
        assert_int_equal(json_int(answer, "counter"), wanted->counter);
        assert_int_equal(json_int(answer, "value"), wanted->value);
        assert_int_equal(json_int(answer, "version"), wanted->version);
    }
}

/* One operation on the cell; returns whether it is to be counted as a commit. */
static bool step(uint64_t *chance, unsigned c, int64_t value, known *now) {
    const uint64_t die = test_random_below(chance, 8);
    const uint64_t guess = now->counter + (test_random_below(chance, 3) == 0);
    const char *name = "state.set";
    strata_status status = STRATA_OK;
    char extra[64] = "";
    if (die == 0) {
        const char *answer = ask(db, STRATA_OK, "state.delete", "{\"name\":\"c%u\"}", c);
        const bool existed = now->counter > 0;
        assert_true(json_has(answer, existed ? "\"existed\":true" : "\"existed\":false"));
        *now = (known){0, 0, 0};
        return existed;
    }
    if (die < 3) {
        name = "state.init";
        status = now->counter > 0 ? STRATA_ALREADY_EXISTS : STRATA_OK;
    } else if (die < 5) {
        name = "state.cas";
        (void)snprintf(extra, sizeof extra, ",\"expected_counter\":%llu",
                       (unsigned long long)guess);
        status = guess == now->counter ? STRATA_OK : STRATA_CONFLICT;
    } else if (die == 5) {
        name = "state.cas";
        (void)snprintf(extra, sizeof extra, ",\"expected_value\":%lld,\"expected_version\":%llu",
                       (long long)now->value, (unsigned long long)now->version);
        status = now->counter > 0 ? STRATA_OK : STRATA_CONFLICT; /* a value is never that of none */
    }
    const char *answer =
        ask(db, status, name, "{\"name\":\"c%u\",\"value\":%lld%s}", c, (long long)value, extra);
    if (status == STRATA_CONFLICT) {
        assert_int_equal(json_int(answer, "counter"), now->counter);
    }
    if (status != STRATA_OK) {
        return false;
    }
    *now = (known){now->counter + 1, value, (uint64_t)json_int(answer, "version")};
    assert_int_equal(json_int(answer, "counter"), now->counter);
    return true;
}

static void lives(void **state) {
    (void)state;
    uint64_t chance = 11;
    uint64_t last = db_version(db);
    memset(past, 0, sizeof past);
    for (unsigned i = 0; i < STEPS; i++) {
        const unsigned c = (unsigned)test_random_below(&chance, CELLS);
        known now = past[last][c];
        machine->wall_us += 1000;
        if (step(&chance, c, (int64_t)i, &now)) {
            memcpy(past[last + 1], past[last], sizeof past[0]);
            past[++last][c] = now;
        }
        assert_int_equal(db_version(db), last);
        check_cell(c, &now, last);
    }
    for (uint64_t version = 1; version <= last; version += 3) {
        for (unsigned c = 0; c < CELLS; c++) {
            check_cell(c, &past[version][c], version);
        }
    }
    for (unsigned c = 0; c < CELLS; c++) {
        uint64_t before = last + 1;
        for (uint64_t v = last; v > 0; v--) {
            if (past[v][c].version == past[v - 1][c].version) {
                continue;
            }
            const char *answer = ask(db, STRATA_OK, "state.history",
                                     "{\"name\":\"c%u\",\"limit\":1,\"before\":%llu}", c,
                                     (unsigned long long)before);
            assert_int_equal(json_int(answer, "version"), v);
            assert_true(json_has(answer, past[v][c].counter == 0 ? "\"deleted\":true"
                                                                 : "\"deleted\":false"));
            if (past[v][c].counter > 0) {
                assert_int_equal(json_int(answer, "counter"), past[v][c].counter);
            }
            before = v;
        }
    }
}

/* ---- Transactions ---------------------------------------------------------------------------- */

static const strata_run run = STRATA_RUN_DEFAULT;

static strata_slice cell_name(void) {
    return strata_text("c");
}

static uint64_t counter_now(strata_db *who) {
    strata_cell cell;
    assert_int_equal(strata_state_read(who, run, cell_name(), &cell), STRATA_OK);
    return cell.counter;
}

static void set_value(strata_db *who, int64_t value, uint64_t expected) {
    uint64_t counter = 0;
    assert_int_equal(strata_state_set(who, run, cell_name(), strata_int(value), &counter),
                     STRATA_OK);
    assert_int_equal(counter, expected);
}

/* Two sets in a transaction, three of somebody else's meanwhile: no conflict, and every write counts. */
static void blind_sets_never_conflict(void **state) {
    (void)state;
    strata_db *other;
    strata_cell cell;
    assert_int_equal(strata_attach(db, &other), STRATA_OK);
    set_value(db, 1, 1);
    assert_int_equal(strata_txn_begin(db, run, NULL), STRATA_OK);
    set_value(db, 10, 2);
    set_value(db, 11, 3);
    for (int64_t i = 0; i < 3; i++) {
        set_value(other, 20 + i, (uint64_t)i + 2);
    }
    assert_int_equal(strata_txn_commit(db, NULL), STRATA_OK);
    assert_int_equal(strata_state_read(other, run, cell_name(), &cell), STRATA_OK);
    assert_int_equal(cell.value.as.integer, 11);
    assert_int_equal(cell.counter, 4 + 2);
    /* Deleted meanwhile: it begins anew. */
    assert_int_equal(strata_txn_begin(db, run, NULL), STRATA_OK);
    set_value(db, 12, 7);
    assert_int_equal(strata_state_delete(other, run, cell_name(), NULL), STRATA_OK);
    assert_int_equal(strata_txn_commit(db, NULL), STRATA_OK);
    assert_int_equal(counter_now(other), 1);
    (void)strata_close(other);
}

typedef enum look { READS, CASES, INITS, DELETES, LOOKS } look;

static void look_at(look how) {
    strata_cell cell;
    uint64_t counter;
    switch (how) {
    case READS:
        assert_int_equal(strata_state_read(db, run, cell_name(), &cell), STRATA_OK);
        assert_int_equal(cell.counter, 2);
        assert_int_equal(cell.version, 0);
        break;
    case CASES:
        assert_int_equal(strata_state_cas(db, run, cell_name(), strata_int(5), 2, &counter),
                         STRATA_OK);
        assert_int_equal(counter, 3);
        break;
    case INITS:
        assert_int_equal(strata_state_init(db, run, cell_name(), strata_int(5), NULL),
                         STRATA_ALREADY_EXISTS);
        break;
    case DELETES:
        assert_int_equal(strata_state_delete(db, run, cell_name(), NULL), STRATA_OK);
        break;
    case LOOKS:
        break;
    }
}

/* A set whose result was looked at is no longer blind. */
static void what_was_looked_at_conflicts(void **state) {
    (void)state;
    for (look how = READS; how < LOOKS; how++) {
        strata_db *other;
        assert_int_equal(strata_attach(db, &other), STRATA_OK);
        assert_int_equal(strata_state_delete(db, run, cell_name(), NULL), STRATA_OK);
        set_value(db, 1, 1);
        assert_int_equal(strata_txn_begin(db, run, NULL), STRATA_OK);
        set_value(db, 2, 2);
        look_at(how);
        set_value(other, 3, 2);
        assert_int_equal(strata_txn_commit(db, NULL), STRATA_CONFLICT);
        assert_int_equal(counter_now(db), 2);
        (void)strata_close(other);
    }
    const int txn = (int)json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
    (void)ask(db, STRATA_OK, "state.set", "{\"txn\":%d,\"name\":\"c\",\"value\":9}", txn);
    const char *list = ask(db, STRATA_OK, "state.list", "{\"txn\":%d}", txn);
    assert_int_equal(json_int(list, "counter"), 3);
    (void)ask(db, STRATA_OK, "state.set", "{\"name\":\"c\",\"value\":7}");
    (void)ask(db, STRATA_CONFLICT, "txn.commit", "{\"txn\":%d}", txn);
}

/* What a transaction made of a cell, savepoints included, is there after it. */
static void own_writes(void **state) {
    (void)state;
    uint64_t savepoint;
    uint64_t counter;
    strata_cell cell;
    assert_int_equal(strata_txn_begin(db, run, NULL), STRATA_OK);
    assert_int_equal(strata_state_init(db, run, cell_name(), strata_int(1), NULL), STRATA_OK);
    set_value(db, 2, 2);
    assert_int_equal(strata_txn_savepoint(db, &savepoint), STRATA_OK);
    set_value(db, 3, 3);
    assert_int_equal(strata_state_delete(db, run, cell_name(), NULL), STRATA_OK);
    set_value(db, 4, 1);
    assert_int_equal(strata_txn_rollback_to(db, savepoint), STRATA_OK);
    assert_int_equal(counter_now(db), 2);
    assert_int_equal(strata_state_cas(db, run, cell_name(), strata_int(5), 2, &counter), STRATA_OK);
    assert_int_equal(strata_txn_commit(db, NULL), STRATA_OK);
    assert_int_equal(strata_state_read(db, run, cell_name(), &cell), STRATA_OK);
    assert_int_equal(cell.counter, 3);
    assert_int_equal(cell.value.as.integer, 5);
    assert_int_equal(cell.version, db_version(db));
}

/* ---- Transitions ----------------------------------------------------------------------------- */

typedef struct meeting {
    strata_db *other; /* who writes between the reading and the writing */
    unsigned times;   /* that it does so */
    unsigned calls;
    bool makes_anew; /* it deletes the cell and makes it again, with the same counter */
} meeting;

static strata_status add_ten(void *arg, const strata_cell *now, strata_value *next) {
    meeting *met = arg;
    met->calls++;
    if (now->counter > 5) {
        return STRATA_FORBIDDEN;
    }
    *next = strata_int(now->counter == 0 ? 10 : now->value.as.integer + 10);
    if (met->times > 0) {
        met->times--;
        if (met->makes_anew) {
            assert_int_equal(strata_state_delete(met->other, run, cell_name(), NULL), STRATA_OK);
        }
        assert_int_equal(strata_state_set(met->other, run, cell_name(), strata_int(100), NULL),
                         STRATA_OK);
    }
    return STRATA_OK;
}

static void transitions(void **state) {
    (void)state;
    meeting met = {.times = 0};
    uint64_t counter = 0;
    strata_cell cell;
    assert_int_equal(strata_attach(db, &met.other), STRATA_OK);
    assert_int_equal(strata_state_transition(db, run, cell_name(), add_ten, &met, &counter),
                     STRATA_OK);
    assert_int_equal(counter, 1);
    met.times = 1;
    assert_int_equal(strata_state_transition(db, run, cell_name(), add_ten, &met, &counter),
                     STRATA_OK);
    assert_int_equal(met.calls, 3);
    assert_int_equal(counter, 3);
    assert_int_equal(strata_state_read(db, run, cell_name(), &cell), STRATA_OK);
    assert_int_equal(cell.value.as.integer, 110);
    met = (meeting){.other = met.other, .times = 9};
    assert_int_equal(strata_state_transition(db, run, cell_name(), add_ten, &met, &counter),
                     STRATA_CONFLICT);
    assert_int_equal(met.calls, 3);
    assert_int_equal(counter, 3);
    assert_int_equal(strata_state_transition(db, run, cell_name(), add_ten, &met, &counter),
                     STRATA_FORBIDDEN);
    /* A new life of the cell with the counter of the old one is no reason to take it for the same. */
    assert_int_equal(strata_state_delete(db, run, cell_name(), NULL), STRATA_OK);
    set_value(db, 1, 1);
    met = (meeting){.other = met.other, .times = 1, .makes_anew = true};
    assert_int_equal(strata_state_transition(db, run, cell_name(), add_ten, &met, &counter),
                     STRATA_OK);
    assert_int_equal(met.calls, 2);
    assert_int_equal(strata_state_read(db, run, cell_name(), &cell), STRATA_OK);
    assert_int_equal(cell.value.as.integer, 110);
    (void)strata_close(met.other);
}

/* Inside a transaction it is a read and a write like any other. */
static void transitions_inside(void **state) {
    (void)state;
    meeting met = {.times = 0};
    uint64_t counter = 0;
    strata_db *other;
    assert_int_equal(strata_attach(db, &other), STRATA_OK);
    for (unsigned meets = 0; meets < 2; meets++) {
        assert_int_equal(strata_txn_begin(db, run, NULL), STRATA_OK);
        for (uint64_t i = 1; i <= 3; i++) {
            assert_int_equal(strata_state_transition(db, run, cell_name(), add_ten, &met, &counter),
                             STRATA_OK);
            assert_int_equal(counter, i);
        }
        if (meets == 1) {
            set_value(other, 0, 1);
        }
        assert_int_equal(strata_txn_commit(db, NULL), meets == 1 ? STRATA_CONFLICT : STRATA_OK);
        assert_int_equal(counter_now(db), meets == 1 ? 1 : 3);
        assert_int_equal(strata_state_delete(db, run, cell_name(), NULL), STRATA_OK);
    }
    (void)strata_close(other);
}

/* ---- Scans ----------------------------------------------------------------------------------- */

typedef struct sums {
    unsigned cells;
    unsigned most;
    uint64_t counters;
} sums;

static bool add_cell(void *arg, strata_slice name, const strata_cell *cell) {
    sums *sum = arg;
    assert_int_equal(*(const char *)name.data, 'c');
    sum->cells++;
    sum->counters += cell->counter;
    return sum->cells < sum->most;
}

static void scans(void **state) {
    (void)state;
    strata_range range = STRATA_RANGE_INIT;
    for (unsigned i = 0; i < 30; i++) {
        (void)ask(db, STRATA_OK, "state.set", "{\"name\":\"c%u\",\"value\":%u}", i % 10, i);
    }
    sums sum = {.most = 100};
    assert_int_equal(strata_state_scan(db, run, NULL, add_cell, &sum), STRATA_OK);
    assert_int_equal(sum.cells, 10);
    assert_int_equal(sum.counters, 30);
    sum = (sums){.most = 4};
    range.start = strata_text("c3");
    range.when = strata_as_of(db_version(db) - 20);
    assert_int_equal(strata_state_scan(db, run, &range, add_cell, &sum), STRATA_OK);
    assert_int_equal(sum.cells, 4);
    assert_int_equal(sum.counters, 4);
    range.size = 1;
    assert_int_equal(strata_state_scan(db, run, &range, add_cell, &sum), STRATA_INVALID_ARGUMENT);
}

/* ---- Forged bytes ---------------------------------------------------------------------------- */

static void forged(void **state) {
    (void)state;
    static const char *const values[] = {
        "00 01",                         /* counter 0 */
        "01",                            /* no value */
        "",                              /* nothing */
        "81",                            /* a varint that ends early */
        "ff ff ff ff ff ff ff ff 7f 01", /* a counter that no cell has */
        "ff ff ff ff ff ff ff ff ff 01 01",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        st_commit commit;
        st_stamp stamp;
        st_run *of;
        st_key key;
        st_request *rq = &db->request;
        (void)st_handle_begin(db);
        assert_int_equal(st_run_of(rq, run, &of), STRATA_OK);
        st_key_text(&key, ST_TAG_STATE, cell_name());
        assert_int_equal(st_run_begin(rq, of, &commit), STRATA_OK);
        const strata_slice bytes = test_hex(values[i]);
        rq->value.len = 0;
        assert_int_equal(st_buffer_append(&rq->value, bytes.data, bytes.len), STRATA_OK);
        assert_int_equal(st_run_put(rq, &commit, &key, NULL, &stamp), STRATA_OK);
        (void)st_handle_end(db, STRATA_OK);
        (void)ask(db, STRATA_CORRUPT, "state.read", "{\"name\":\"c\"}");
        (void)ask(db, STRATA_CORRUPT, "state.set", "{\"name\":\"c\",\"value\":1}");
        (void)ask(db, STRATA_CORRUPT, "state.list", "{}");
        (void)ask(db, STRATA_CORRUPT, "state.history", "{\"name\":\"c\"}");
        (void)ask(db, STRATA_OK, "state.delete", "{\"name\":\"c\"}");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blind_sets_never_conflict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_looked_at_conflicts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(own_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transitions_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
