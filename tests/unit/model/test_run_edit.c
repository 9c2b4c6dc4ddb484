/* test_run_edit.c - beginning and ending runs from every state; that what changes nothing writes nothing;
 * edits and counts when memory fails at any call; strict and after opening again. And counting events
 * by type: more types than are kept, and counting on, against counts of this file.
 */
#include "store_support.h"

#include "api/handle.h"
#include "model/run/run.h"

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

static void reopen(void) {
    db_close(db);
    db = db_open(machine, STRATA_STRICT);
}

/* ---- Begin and end --------------------------------------------------------------------------- */

typedef struct state_row {
    const char *name;
    const char *path; /* operations that lead there from active */
    bool begins;
    const char *ends; /* the ends it may have */
} state_row;

static const state_row rows[] = {
    {"active", "", true, "completed failed cancelled"},
    {"paused", "run.pause", true, "failed cancelled"},
    {"completed", "run.complete", false, ""},
    {"cancelled", "run.cancel", false, ""},
    {"archived", "run.archive", false, ""},
};

static const char *const ends[] = {"completed", "failed", "cancelled"};

static void make_in(const state_row *row, const char *name) {
    (void)ask(db, STRATA_OK, "run.begin", "{\"name\":\"%s\"}", name);
    if (row->path[0] != '\0') {
        (void)ask(db, STRATA_OK, row->path, "{\"name\":\"%s\"}", name);
    }
}

static void begin_and_end(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "b-%s", rows[i].name);
        make_in(&rows[i], name);
        const bool begins = rows[i].begins;
        const char *answer =
            ask(db, begins ? STRATA_OK : STRATA_CONSTRAINT, "run.begin", "{\"name\":\"%s\"}", name);
        assert_true(json_has(answer, begins ? "\"created\":false" : "\"reason\":\"transition\""));
        if (begins) {
            (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"%s\",\"key\":\"a\",\"value\":1}", name);
        }
        for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++) {
            (void)snprintf(name, sizeof name, "e-%s-%s", rows[i].name, ends[j]);
            make_in(&rows[i], name);
            const bool may = strstr(rows[i].ends, ends[j]) != NULL;
            (void)ask(db, may ? STRATA_OK : STRATA_CONSTRAINT, "run.end",
                      "{\"name\":\"%s\",\"status\":\"%s\"}", name, ends[j]);
            char status[40];
            (void)snprintf(status, sizeof status, "\"status\":\"%s\"",
                           may ? ends[j] : rows[i].name);
            assert_true(json_has(ask(db, STRATA_OK, "run.get", "{\"name\":\"%s\"}", name), status));
            if (i == 1 && j == 1) {
                reopen();
            }
        }
    }
    db_verify(db);
}

/* ---- Nothing changes ------------------------------------------------------------------------- */

static void no_change_no_commit(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "run.create",
              "{\"name\":\"r\",\"tags\":[\"a\"],\"metadata\":{\"x\":{\"y\":1}}}");
    const uint64_t version = db_version(db);
    static const char *const calls[][2] = {
        {"run.begin", "{\"name\":\"r\"}"},
        {"run.begin", "{\"name\":\"default\"}"},
        {"run.tag", "{\"name\":\"r\"}"},
        {"run.tag", "{\"name\":\"r\",\"add\":[\"a\"],\"remove\":[\"b\"]}"},
        {"run.tag", "{\"name\":\"r\",\"add\":[\"a\"],\"remove\":[\"a\"]}"},
        {"run.update", "{\"name\":\"r\",\"metadata\":{\"x\":{\"z\":null}}}"},
        {"run.update", "{\"name\":\"r\",\"metadata\":{\"x\":{\"y\":1}}}"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const char *answer = ask(db, STRATA_OK, calls[i][0], "%s", calls[i][1]);
        assert_false(json_has(answer, "true"));
        assert_int_equal(db_version(db), version);
    }
    /* An int is not a float, and the order of names is part of a value. */
    assert_true(json_has(
        ask(db, STRATA_OK, "run.update", "{\"name\":\"r\",\"metadata\":{\"x\":{\"y\":1.0}}}"),
        "\"changed\":true"));
}

/* ---- No memory ------------------------------------------------------------------------------- */

static void no_memory(void **state) {
    (void)state;
    static const char *const calls[][2] = {
        {"run.begin", "{\"name\":\"new\",\"tags\":[\"a\",\"b\"],\"metadata\":{\"k\":1}}"},
        {"run.tag", "{\"name\":\"r\",\"add\":[\"x\",\"y\"],\"remove\":[\"a\"]}"},
        {"run.update", "{\"name\":\"r\",\"metadata\":{\"a\":{\"b\":{\"c\":1}}}}"},
        {"run.end", "{\"name\":\"r\",\"status\":\"failed\",\"error\":\"why\"}"},
        {"run.history", "{\"name\":\"r\"}"},
        {"run.stats", "{\"name\":\"default\"}"},
        {"event.types", "{}"},
        {"event.range", "{\"reverse\":true,\"start_time\":0}"},
        {"event.tail", "{\"after\":0}"},
    };
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"r\",\"tags\":[\"a\"]}");
    for (unsigned i = 0; i < 5; i++) {
        (void)ask(db, STRATA_OK, "event.append", "{\"type\":\"t%u\",\"payload\":{}}", i % 3);
    }
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        for (uint64_t nth = 1;; nth++) {
            const uint64_t version = db_version(db);
            machine->memory_failed = false;
            sim_fail_memory(machine, nth);
            const strata_status status = tell(db, calls[i][0], "%s", calls[i][1]);
            const bool failed = machine->memory_failed;
            sim_fail_memory(machine, 0);
            if (!failed) {
                assert_int_equal(status, STRATA_OK);
                break;
            }
            if (status == STRATA_OK) {
                break; /* it could do without */
            }
            assert_int_equal(status, STRATA_NO_MEMORY);
            assert_int_equal(db_version(db), version);
        }
    }
    assert_true(json_has(ask(db, STRATA_OK, "run.get", "{\"name\":\"r\"}"),
                         "\"tags\":[\"x\",\"y\"],\"metadata\":{\"a\":{\"b\":{\"c\":1}}}"));
    reopen();
    db_verify(db);
}

/* ---- Types ----------------------------------------------------------------------------------- */

enum { TYPES = 5000, TYPES_KEPT = 4096 };

static st_run *default_run(void) {
    return st_shards_find(&db->engine->model.store.shards, ST_RUN_DEFAULT)->owner;
}

/* Type i has had i % 3 + 1 events, the last of them in the last round that it took part in. */
static void expect_types(unsigned types) {
    char cursor[32] = "";
    unsigned met = 0;
    for (bool more = true; more;) {
        const char *page =
            ask(db, STRATA_OK, "event.types", "{\"limit\":1000,\"cursor\":\"%s\"}", cursor);
        for (const char *at = page; (at = strstr(at, "\"type\":\"t")) != NULL; at++) {
            const unsigned i = (unsigned)strtoul(at + 9, NULL, 10);
            assert_int_equal(i, met);
            assert_int_equal(json_int(at, "count"), i % 3 + 1);
            assert_int_equal(json_int(at, "first"), i + 1);
            met++;
        }
        const char *found = strstr(page, "\"cursor\":\"");
        more = found != NULL;
        if (more) {
            (void)snprintf(cursor, sizeof cursor, "%.6s", found + 10);
        }
    }
    assert_int_equal(met, types);
}

static void append_types(unsigned types) {
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < types; i++) {
            if (i % 3 >= round) {
                (void)ask(db, STRATA_OK, "event.append", "{\"type\":\"t%05u\",\"payload\":{}}", i);
            }
        }
        if (round == 1) { /* counts on from here */
            (void)ask(db, STRATA_OK, "event.types", "{}");
        }
    }
}

static void some_types(void **state) {
    (void)state;
    append_types(200);
    assert_non_null(default_run()->event_counts);
    expect_types(200);
    assert_non_null(default_run()->event_counts);
    reopen();
    assert_null(default_run()->event_counts);
    expect_types(200);
}

static void more_types_than_are_kept(void **state) {
    (void)state;
    db_close(db);
    db = db_open(machine, STRATA_BUFFERED); /* ten thousand appends */
    append_types(TYPES);
    assert_true(TYPES > TYPES_KEPT);
    assert_null(default_run()->event_counts);
    expect_types(TYPES);
    assert_null(default_run()->event_counts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(begin_and_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_change_no_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(some_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_types_than_are_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
