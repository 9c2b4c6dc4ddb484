/* test_run.c - runs: the whole table of transitions, what a closed run refuses, names, listings,
 * and that a run that could not be created leaves nothing behind.
 */
#include "store_support.h"

#include "format/msgpack.h"

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_open(machine, STRATA_STRICT);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

/* ---- The life cycle -------------------------------------------------------------------------- */

enum { STATES = 6, MOVES = 6 };

static const char *const states[STATES] = {"active", "paused",    "completed",
                                           "failed", "cancelled", "archived"};

static const struct {
    const char *op;
    const char *to;
    const char *from; /* SEMANTICS.md, section 3 */
} moves[MOVES] = {
    {"run.pause", "paused", "active"},
    {"run.resume", "active", "paused"},
    {"run.complete", "completed", "active"},
    {"run.fail", "failed", "active paused"},
    {"run.cancel", "cancelled", "active paused"},
    {"run.archive", "archived", "active paused completed failed cancelled"},
};

static void move(strata_status expected, size_t which, const char *name) {
    const char *error = strcmp(moves[which].op, "run.fail") == 0 ? ",\"error\":\"why\"" : "";
    const char *answer = ask(db, expected, moves[which].op, "{\"name\":\"%s\"%s}", name, error);
    if (expected == STRATA_CONSTRAINT) {
        assert_true(json_has(answer, "\"reason\":\"transition\""));
    }
}

/* A new run in that state. */
static void make_in(const char *name, const char *state) {
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"%s\"}", name);
    for (size_t i = 0; i < MOVES; i++) {
        if (strcmp(state, "active") != 0 && strcmp(moves[i].to, state) == 0) {
            move(STRATA_OK, i, name);
        }
    }
}

static void expect_state(const char *name, const char *state) {
    const char *answer = ask(db, STRATA_OK, "run.get", "{\"name\":\"%s\"}", name);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "\"status\":\"%s\"", state);
    if (!json_has(answer, expected)) {
        fail_msg("%s, not %s", answer, state);
    }
}

static void all_transitions(void **state) {
    (void)state;
    for (size_t from = 0; from < STATES; from++) {
        for (size_t i = 0; i < MOVES; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "r%zu-%zu", from, i);
            make_in(name, states[from]);
            const uint64_t version = db_version(db);
            const bool may = strstr(moves[i].from, states[from]) != NULL;
            move(may ? STRATA_OK : STRATA_CONSTRAINT, i, name);
            expect_state(name, may ? moves[i].to : states[from]);
            assert_int_equal(db_version(db), version + (may ? 1 : 0));
        }
    }
    for (size_t i = 0; i < MOVES; i++) {
        const char *error = strcmp(moves[i].op, "run.fail") == 0 ? ",\"error\":\"why\"" : "";
        assert_true(
            json_has(ask(db, STRATA_CONSTRAINT, moves[i].op, "{\"name\":\"default\"%s}", error),
                     "\"reason\":\"default_run\""));
        (void)ask(db, STRATA_NOT_FOUND, moves[i].op, "{\"name\":\"nobody\"%s}", error);
    }
    strata_buffer before = db_dump(db);
    db_close(db);
    db = db_open(machine, STRATA_STRICT);
    strata_buffer after = db_dump(db);
    test_bytes_equal(st_buffer_slice(&after), st_buffer_slice(&before), "after reopening");
    strata_buffer_free(&before);
    strata_buffer_free(&after);
}

static void closed_runs_take_no_writes(void **state) {
    (void)state;
    static const char *const writes[][2] = {
        {"kv.put", "\"key\":\"k\",\"value\":2"},
        {"kv.delete", "\"key\":\"k\""},
        {"kv.incr", "\"key\":\"k\""},
        {"kv.cas", "\"key\":\"k\",\"value\":1,\"expected_value\":1"},
        {"event.append", "\"type\":\"t\",\"payload\":{}"},
        {"memory.remember", "\"text\":\"t\""},
        {"memory.forget", "\"key\":\"m\""},
    };
    for (size_t from = 0; from < STATES; from++) {
        const char *name = states[from];
        (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"%s\"}", name);
        (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"%s\",\"key\":\"k\",\"value\":1}", name);
        (void)ask(db, STRATA_OK, "memory.remember",
                  "{\"run\":\"%s\",\"key\":\"m\",\"text\":\"common\"}", name);
        for (size_t i = 0; i < MOVES && from > 0; i++) {
            if (strcmp(moves[i].to, name) == 0) {
                move(STRATA_OK, i, name);
            }
        }
        const bool open = from == 0;
        for (int again = 0; again < 2; again++) {
            const uint64_t version = db_version(db);
            for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
                const char *answer = ask(db, open ? STRATA_OK : STRATA_CONSTRAINT, writes[i][0],
                                         "{\"run\":\"%s\",%s}", name, writes[i][1]);
                assert_true(open || json_has(answer, "\"reason\":\"run_closed\""));
                if (open && i == 1) { /* what the next ones expect */
                    (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"%s\",\"key\":\"k\",\"value\":0}",
                              name);
                }
            }
            if (open) {
                break;
            }
            assert_int_equal(db_version(db), version);
            (void)ask(db, STRATA_OK, "kv.get", "{\"run\":\"%s\",\"key\":\"k\"}", name);
            assert_true(json_has(
                ask(db, STRATA_OK, "memory.recall", "{\"run\":\"%s\",\"query\":\"common\"}", name),
                "\"key\":\"m\""));
            db_close(db); /* and it is as closed when it is loaded again */
            db = db_open(machine, STRATA_STRICT);
        }
    }
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void names(void **state) {
    (void)state;
    strata_run run;
    char name[300];
    memset(name, 'n', sizeof name);
    assert_int_equal(strata_run_create(db, st_slice(name, 255), &run), STRATA_OK);
    assert_int_equal(strata_run_create(db, st_slice(name, 256), &run), STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_run_find(db, st_slice(name, 255), &run), STRATA_OK);
    assert_int_equal(strata_run_find(db, st_slice(name, 256), &run), STRATA_NOT_FOUND);
    assert_int_equal(strata_run_create(db, st_slice("a\0b", 3), &run), STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_run_create(db, st_slice("\xff", 1), &run), STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_run_create(db, strata_text("default"), &run), STRATA_ALREADY_EXISTS);
    (void)ask(db, STRATA_ALREADY_EXISTS, "run.create", "{\"name\":\"default\"}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "run.create", "{\"name\":\"\"}");
    (void)ask(db, STRATA_NOT_FOUND, "run.create", "{\"name\":\"child\",\"parent\":\"nobody\"}");
    (void)ask(db, STRATA_OK, "run.create",
              "{\"name\":\"child\",\"parent\":\"default\",\"tags\":[\"a\",\"b\"],"
              "\"metadata\":{\"x\":[1,2.0]}}");
    const char *child = ask(db, STRATA_OK, "run.get", "{\"name\":\"child\"}");
    assert_true(json_has(child, "\"parent\":\"default\""));
    assert_true(json_has(child, "\"tags\":[\"a\",\"b\"],\"metadata\":{\"x\":[1,2.0]}"));
    const char *made = ask(db, STRATA_OK, "run.create", "{}");
    const char *other = ask(db, STRATA_OK, "run.create", "{}");
    assert_true(strstr(made, "\"name\":\"0") != NULL && strcmp(made, other) < 0);
    assert_int_equal(strata_run_find(db, strata_text(""), &run), STRATA_OK);
    assert_int_equal(run, STRATA_RUN_DEFAULT);
}

/* Tags, statuses and pages of every length give the same list. */
static void listings(void **state) {
    (void)state;
    enum { RUNS = 13 };
    for (int i = 0; i < RUNS; i++) {
        (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"r%02d\",\"tags\":[\"t%d\"]}", i, i % 3);
        if (i % 2 == 0) {
            (void)ask(db, STRATA_OK, "run.pause", "{\"name\":\"r%02d\"}", i);
        }
    }
    for (int limit = 1; limit <= RUNS + 2; limit++) {
        char cursor[64] = "";
        int seen = 0;
        for (;;) {
            const char *page =
                ask(db, STRATA_OK, "run.list", "{\"limit\":%d,\"tag\":\"t1\"%s}", limit, cursor);
            for (const char *at = page; (at = strstr(at, "{\"name\":\"r")) != NULL; at++) {
                assert_int_equal(atoi(at + 10), 1 + 3 * seen);
                seen++;
            }
            const char *next = strstr(page, "\"cursor\":\"");
            if (next == NULL) {
                break;
            }
            (void)snprintf(cursor, sizeof cursor, ",\"cursor\":\"%.3s\"", next + 10);
        }
        assert_int_equal(seen, 4);
    }
    const char *paused = ask(db, STRATA_OK, "run.list", "{\"status\":\"paused\",\"tag\":\"t2\"}");
    assert_true(json_has(paused, "r02") && json_has(paused, "r08") && !json_has(paused, "r05"));
    (void)ask(db, STRATA_INVALID_ARGUMENT, "run.list", "{\"status\":\"sleeping\"}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "run.list", "{\"limit\":0}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "run.list", "{\"limit\":1001}");
}

/* ---- Runs that were not created -------------------------------------------------------------- */

static void failed_creation_leaves_nothing(void **state) {
    (void)state;
    strata_run first;
    strata_run run = 0;
    assert_int_equal(strata_run_create(db, strata_text("first"), &first), STRATA_OK);
    const int64_t runs = json_int(ask(db, STRATA_OK, "db.stats", "{}"), "runs");
    assert_int_equal(runs, 2);
    /* Fill what the log has reserved, so that it must grow, on a disk that is full. */
    static char value[1 << 15];
    memset(value, 'v', sizeof value);
    sim_set_capacity(machine, sim_used(machine));
    while (strata_kv_put(db, first, strata_text("k"), strata_bytes(st_slice(value, sizeof value)),
                         NULL) == STRATA_OK) {
    }
    while (strata_kv_put(db, first, strata_text("k"), strata_int(1), NULL) == STRATA_OK) {
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(strata_run_create(db, strata_text("second"), &run), STRATA_NO_SPACE);
        assert_int_equal(strata_run_find(db, strata_text("second"), &run), STRATA_NOT_FOUND);
    }
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.stats", "{}"), "runs"), runs);
    assert_int_equal(strata_kv_get(db, first + 1, strata_text("k"), &(strata_entry){.version = 0}),
                     STRATA_NOT_FOUND);
    sim_set_capacity(machine, UINT64_MAX);
    assert_int_equal(strata_kv_put(db, first + 1, strata_text("k"), strata_int(1), NULL),
                     STRATA_NOT_FOUND);
    assert_string_equal(strata_errmsg(db), "there is no run with the id 3");
    assert_int_equal(strata_run_create(db, strata_text("second"), &run), STRATA_OK);
    assert_int_equal(run, first + 1);
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.stats", "{}"), "runs"), runs + 1);
    db_close(db);
    db = db_open(machine, STRATA_STRICT);
    assert_int_equal(strata_run_find(db, strata_text("second"), &run), STRATA_OK);
    assert_int_equal(run, first + 1);
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.stats", "{}"), "runs"), runs + 1);
}

/* A reason is a string like any other: 16 MiB at most. */
static void reason_of_a_failure(void **state) {
    (void)state;
    enum { LIMIT = 16 << 20 };
    static const char head[] = "\x92\xa8"
                               "run.fail"
                               "\x82\xa4"
                               "name"
                               "\xa1r"
                               "\xa5"
                               "error";
    static char reason[LIMIT + 1];
    memset(reason, 'r', sizeof reason);
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"r\"}");
    for (size_t len = LIMIT + 1; len >= LIMIT; len--) {
        strata_buffer request = test_buffer();
        strata_buffer response = test_buffer();
        assert_int_equal(st_buffer_append(&request, head, sizeof head - 1), STRATA_OK);
        assert_int_equal(st_msgpack_put_string(&request, st_slice(reason, len)), STRATA_OK);
        assert_int_equal(strata_exec(db, st_buffer_slice(&request), &response),
                         len > LIMIT ? STRATA_CONSTRAINT : STRATA_OK);
        strata_buffer_free(&request);
        strata_buffer_free(&response);
        expect_state("r", len > LIMIT ? "active" : "failed");
    }
}

/* More runs than one chunk of the store's table holds. */
static void many_runs(void **state) {
    (void)state;
    enum { RUNS = 300 };
    strata_run run;
    for (int i = 0; i < RUNS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "run %d", i);
        assert_int_equal(strata_run_create(db, strata_text(name), &run), STRATA_OK);
        assert_int_equal(run, STRATA_RUN_DEFAULT + 1 + (strata_run)i);
        assert_int_equal(strata_kv_put(db, run, strata_text("k"), strata_int(i), NULL), STRATA_OK);
    }
    db_close(db);
    db = db_open(machine, STRATA_STRICT);
    for (int i = 0; i < RUNS; i++) {
        strata_entry entry;
        char name[32];
        (void)snprintf(name, sizeof name, "run %d", i);
        assert_int_equal(strata_run_find(db, strata_text(name), &run), STRATA_OK);
        assert_int_equal(strata_kv_get(db, run, strata_text("k"), &entry), STRATA_OK);
        assert_int_equal(entry.value.as.integer, i);
    }
    db_verify(db);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(all_transitions),
        case_of(closed_runs_take_no_writes),
        case_of(names),
        case_of(listings),
        case_of(failed_creation_leaves_nothing),
        case_of(reason_of_a_failure),
        case_of(many_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
