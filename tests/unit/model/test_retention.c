/* test_retention.c - which rule counts, in every combination, also after opening again; what the
 * rules do to reads through the operations; values that end by themselves while the clock jumps, also
 * inside transactions; recall as of any commit and time against the recall that was made then.
 */
#include "store_support.h"

#include "api/handle.h"
#include "model/retention.h"

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_open(machine, STRATA_BUFFERED);
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
    db = db_open(machine, STRATA_BUFFERED);
}

/* ---- Rules ----------------------------------------------------------------------------------- */

static const char *const scopes[] = {"", "\"primitive\":\"kv\",", "\"run\":\"r\",",
                                     "\"run\":\"r\",\"primitive\":\"kv\","};
static const char *const sources[] = {"database", "primitive", "run", "run_primitive"};

/* What counts for a primitive in a run when the scopes of `mask` have rules "last i + 1". */
static void expect_rule(unsigned mask, const char *run, const char *primitive, unsigned fits) {
    char expected[96] = "{\"keep\":\"all\",\"source\":\"none\"}";
    for (unsigned i = 0; i < 4; i++) { /* from the widest to the narrowest */
        if ((mask & fits & (1u << i)) != 0) {
            (void)snprintf(expected, sizeof expected,
                           "{\"keep\":\"last\",\"versions\":%u,\"source\":\"%s\"}", i + 1,
                           sources[i]);
        }
    }
    assert_json(ask(db, STRATA_OK, "retention.get", "{\"run\":\"%s\",\"primitive\":\"%s\"}", run,
                    primitive),
                expected);
}

static void expect_rules(unsigned mask) {
    expect_rule(mask, "r", "kv", 15);
    expect_rule(mask, "r", "memory", 5);
    expect_rule(mask, "default", "kv", 3);
    expect_rule(mask, "default", "memory", 1);
    assert_json(ask(db, STRATA_OK, "retention.get", "{\"primitive\":\"event\"}"),
                "{\"keep\":\"all\",\"source\":\"never_trimmed\"}");
    const st_retention retention = st_store_retention(&db->engine->model.store);
    assert_int_equal(retention.policy(retention.ctx, ST_RUN_SYSTEM, ST_TAG_RUN).keep, ST_KEEP_ALL);
    assert_int_equal(retention.policy(retention.ctx, ST_RUN_DEFAULT, ST_TAG_EVENT).keep,
                     ST_KEEP_ALL);
    assert_int_equal(retention.policy(retention.ctx, ST_RUN_DEFAULT, ST_TAG_KV).keep,
                     (mask & 3) != 0 ? ST_KEEP_LAST : ST_KEEP_ALL);
}

static void narrowest_rule(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"r\"}");
    unsigned mask = 0;
    for (unsigned step = 1; step < 16; step++) { /* a Gray code: every combination once */
        const unsigned next = step ^ (step >> 1);
        const unsigned changed = mask ^ next;
        const unsigned i = (unsigned)__builtin_ctz(changed);
        if ((next & changed) != 0) {
            (void)ask(db, STRATA_OK, "retention.set", "{%s\"keep\":\"last\",\"versions\":%u}",
                      scopes[i], i + 1);
        } else {
            char scope[64];
            (void)snprintf(scope, sizeof scope, "%s", scopes[i]);
            scope[strlen(scope) == 0 ? 0 : strlen(scope) - 1] = '\0';
            assert_true(json_has(ask(db, STRATA_OK, "retention.remove", "{%s}", scope),
                                 "\"existed\":true"));
        }
        mask = next;
        expect_rules(mask);
        if (step % 5 == 0) {
            reopen();
            expect_rules(mask);
        }
    }
}

/* The table changes with the record or not at all. */
static void no_memory_for_a_rule(void **state) {
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        const uint64_t version = db_version(db);
        machine->memory_failed = false;
        sim_fail_memory(machine, nth);
        const strata_status status =
            tell(db, "retention.set", "{\"keep\":\"last\",\"versions\":3}");
        const bool failed = machine->memory_failed;
        sim_fail_memory(machine, 0);
        const char *rule = ask(db, STRATA_OK, "retention.get", "{}");
        if (!failed) {
            assert_int_equal(status, STRATA_OK);
            assert_int_equal(json_int(rule, "versions"), 3);
            break;
        }
        assert_int_equal(status, STRATA_NO_MEMORY);
        assert_int_equal(db_version(db), version);
        assert_json(rule, "{\"keep\":\"all\",\"source\":\"none\"}");
    }
}

/* ---- Times to live --------------------------------------------------------------------------- */

static bool exists(const char *key) {
    return json_has(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"%s\"}", key), "true");
}

static void jumping_clock(void **state) {
    (void)state;
    const int64_t begin_us = machine->wall_us;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"t\",\"value\":1,\"ttl_ms\":1000}");
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.get", "{\"key\":\"t\"}"), "expires"),
                     begin_us + 1000000);
    machine->wall_us = begin_us + 999999;
    assert_true(exists("t"));
    machine->wall_us = begin_us - 50000000;
    assert_true(exists("t"));
    machine->wall_us = begin_us + 1000000;
    assert_false(exists("t"));
    machine->wall_us = begin_us; /* what has ended does not come back */
    assert_false(exists("t"));
    (void)ask(db, STRATA_NOT_FOUND, "kv.get", "{\"key\":\"t\"}");
    assert_json(ask(db, STRATA_OK, "kv.list", "{}"), "{\"entries\":[]}");
    assert_json(ask(db, STRATA_OK, "kv.count", "{}"), "{\"count\":0}");
    assert_json(ask(db, STRATA_OK, "kv.delete", "{\"key\":\"t\"}"), "{\"existed\":false}");
    assert_json(ask(db, STRATA_OK, "kv.delete_many", "{\"keys\":[\"t\"]}"),
                "{\"existed\":[false]}");
    (void)ask(db, STRATA_CONFLICT, "kv.cas", "{\"key\":\"t\",\"value\":1,\"expected_value\":1}");
    /* It lives as long as it was promised, by the clock that has been seen. */
    (void)ask(db, STRATA_OK, "kv.cas",
              "{\"key\":\"t\",\"value\":5,\"expected_version\":0,\"ttl_ms\":500}");
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.get", "{\"key\":\"t\"}"), "expires"),
                     begin_us + 1500000);
    (void)ask(db, STRATA_OK, "kv.incr", "{\"key\":\"t\"}");
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.get", "{\"key\":\"t\"}"), "expires"),
                     begin_us + 1500000);
    reopen();
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.get", "{\"key\":\"t\"}"), "value"), 6);
    machine->wall_us = begin_us + 1500000;
    assert_false(exists("t"));
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.incr", "{\"key\":\"t\"}"), "value"), 1);
    assert_false(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"t\"}"), "expires"));
}

/* Fails the test unless key "c" was there at that time, and is not in the future. */
static void expect_then(int64_t time_us) {
    assert_json(
        ask(db, STRATA_OK, "kv.exists", "{\"key\":\"c\",\"as_of_time\":%lld}", (long long)time_us),
        "{\"exists\":true}");
}

/* A commit is never in the future, and times of commits never go back, whatever the clock does. */
static void clock_behind_commits(void **state) {
    (void)state;
    const int64_t begin_us = machine->wall_us;
    int64_t last_us = begin_us;
    for (int64_t step = 0; step < 6; step++) {
        machine->wall_us = begin_us - step * 3600000000;
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"c\",\"value\":%lld}", (long long)step);
        const int64_t time_us =
            json_int(ask(db, STRATA_OK, "kv.get", "{\"key\":\"c\"}"), "timestamp");
        assert_true(time_us >= last_us);
        last_us = time_us;
        machine->wall_us -= 60000000;
        expect_then(time_us);
        if (step % 2 == 1) {
            reopen(); /* first from the log, then from a table */
            expect_then(time_us);
            (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
        }
        (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"default\",\"key\":\"d\",\"value\":1}");
        assert_true(json_int(ask(db, STRATA_OK, "kv.get", "{\"key\":\"d\"}"), "timestamp") >=
                    last_us);
    }
}

/* What has gone because it had ended does not make the time of its end the future. */
static void clock_behind_trimming(void **state) {
    (void)state;
    const int64_t begin_us = machine->wall_us;
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":1}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"t\",\"value\":1,\"ttl_ms\":1000}");
    machine->wall_us = begin_us + 5000000;
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.compact", "{}"), "versions_removed"), 1);
    machine->wall_us = begin_us;
    reopen();
    assert_json(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"t\",\"as_of_time\":%lld}",
                    (long long)begin_us + 1000000),
                "{\"exists\":false}");
}

/* By time it is there until its end, by version it is as it was written. */
static void ended_in_the_past(void **state) {
    (void)state;
    const int64_t begin_us = machine->wall_us;
    const int64_t version = json_int(
        ask(db, STRATA_OK, "kv.put", "{\"key\":\"t\",\"value\":1,\"ttl_ms\":1000}"), "version");
    machine->wall_us = begin_us + 5000000;
    assert_false(exists("t"));
    for (int64_t after_us = 0; after_us <= 2000000; after_us += 250000) {
        assert_json(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"t\",\"as_of_time\":%lld}",
                        (long long)(begin_us + after_us)),
                    after_us < 1000000 ? "{\"exists\":true}" : "{\"exists\":false}");
    }
    assert_json(
        ask(db, STRATA_OK, "kv.exists", "{\"key\":\"t\",\"as_of\":%lld}", (long long)version),
        "{\"exists\":true}");
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":1}");
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.compact", "{}"), "versions_removed"), 1);
    assert_json(ask(db, STRATA_OK, "kv.history", "{\"key\":\"t\"}"), "{\"revisions\":[]}");
    const char *error = ask(db, STRATA_HISTORY_TRIMMED, "kv.exists",
                            "{\"key\":\"t\",\"as_of\":%lld}", (long long)version);
    assert_true(json_has(error, "\"policy\":\"last 1\""));
    (void)ask(db, STRATA_HISTORY_TRIMMED, "kv.exists", "{\"key\":\"t\",\"as_of_time\":%lld}",
              (long long)begin_us);
    assert_json(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"t\",\"as_of_time\":%lld}",
                    (long long)(begin_us + 1000000)),
                "{\"exists\":false}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"u\",\"value\":1}");
    assert_json(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"t\",\"as_of\":%llu}",
                    (unsigned long long)db_version(db)),
                "{\"exists\":false}");
}

/* What a transaction commits may have ended before; until then the value before it was there. */
static void ended_before_it_was_committed(void **state) {
    (void)state;
    const int64_t begin_us = machine->wall_us;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"t\",\"value\":1}");
    const int64_t txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
    (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%lld,\"key\":\"t\",\"value\":2,\"ttl_ms\":100}",
              (long long)txn);
    machine->wall_us = begin_us + 300000;
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", (long long)txn);
    assert_false(exists("t"));
    const long long between_us = begin_us + 200000;
    assert_json(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"t\",\"as_of_time\":%lld}", between_us),
                "{\"exists\":true}");
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":1}");
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.compact", "{}"), "versions_removed"), 2);
    (void)ask(db, STRATA_HISTORY_TRIMMED, "kv.exists", "{\"key\":\"t\",\"as_of_time\":%lld}",
              between_us);
    assert_json(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"t\",\"as_of_time\":%lld}",
                    (long long)(begin_us + 300000)),
                "{\"exists\":false}");
}

/* One went and one is kept; when the database is opened again by a clock that has gone back, both
 * have ended. */
static void ended_before_it_was_opened(void **state) {
    (void)state;
    const int64_t begin_us = machine->wall_us;
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"r\"}");
    (void)ask(db, STRATA_OK, "retention.set", "{\"run\":\"r\",\"keep\":\"last\",\"versions\":1}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"r\",\"key\":\"t\",\"value\":1,\"ttl_ms\":1000}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"t\",\"value\":1,\"ttl_ms\":1000}");
    machine->wall_us = begin_us + 2000000;
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.compact", "{}"), "versions_removed"), 1);
    machine->wall_us = begin_us;
    reopen();
    assert_json(ask(db, STRATA_OK, "kv.count", "{\"run\":\"r\"}"), "{\"count\":0}");
    assert_json(ask(db, STRATA_OK, "kv.count", "{}"), "{\"count\":0}");
    assert_false(exists("t"));
}

/* Several versions are a history, of which the last may be a delete or have ended: both stay. */
static void ended_among_the_last(void **state) {
    (void)state;
    char ended[256];
    char deleted[256];
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":3}");
    const int64_t put = json_int(
        ask(db, STRATA_OK, "kv.put", "{\"key\":\"t\",\"value\":1,\"ttl_ms\":1000}"), "version");
    for (unsigned i = 0; i < 5; i++) {
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"d\",\"value\":%u}", i);
    }
    (void)ask(db, STRATA_OK, "kv.delete", "{\"key\":\"d\"}");
    machine->wall_us += 5000000;
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.compact", "{}"), "versions_removed"), 3);
    (void)snprintf(ended, sizeof ended, "%s", ask(db, STRATA_OK, "kv.history", "{\"key\":\"t\"}"));
    (void)snprintf(deleted, sizeof deleted, "%s",
                   ask(db, STRATA_OK, "kv.history", "{\"key\":\"d\"}"));
    assert_int_equal(json_int(ended, "value"), 1);
    assert_true(json_has(deleted, "\"deleted\":true"));
    assert_int_equal(json_int(deleted, "value"), 4);
    for (unsigned i = 0; i < 2; i++) {
        assert_false(exists("t"));
        assert_json(
            ask(db, STRATA_OK, "kv.exists", "{\"key\":\"t\",\"as_of\":%lld}", (long long)put),
            "{\"exists\":true}");
        assert_json(
            ask(db, STRATA_OK, "kv.exists", "{\"key\":\"never\",\"as_of\":%lld}", (long long)put),
            "{\"exists\":false}"); /* nothing has gone without a trace */
        assert_json(ask(db, STRATA_OK, "kv.history", "{\"key\":\"t\"}"), ended);
        assert_json(ask(db, STRATA_OK, "kv.history", "{\"key\":\"d\"}"), deleted);
        reopen();
        assert_int_equal(json_int(ask(db, STRATA_OK, "db.compact", "{}"), "versions_removed"), 0);
    }
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":1}");
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.compact", "{}"), "versions_removed"), 4);
    assert_json(ask(db, STRATA_OK, "kv.history", "{\"key\":\"t\"}"), "{\"revisions\":[]}");
}

static void inside_a_transaction(void **state) {
    (void)state;
    const int64_t begin_us = machine->wall_us;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"n\",\"value\":7,\"ttl_ms\":1000}");
    const int64_t txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
    (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%lld,\"key\":\"own\",\"value\":1,\"ttl_ms\":100}",
              (long long)txn);
    (void)ask(db, STRATA_OK, "kv.incr", "{\"txn\":%lld,\"key\":\"n\"}", (long long)txn);
    (void)ask(db, STRATA_OK, "kv.incr", "{\"txn\":%lld,\"key\":\"own\"}", (long long)txn);
    assert_int_equal(
        json_int(ask(db, STRATA_OK, "kv.get", "{\"txn\":%lld,\"key\":\"own\"}", (long long)txn),
                 "expires"),
        begin_us + 100000);
    machine->wall_us = begin_us + 100000;
    (void)ask(db, STRATA_NOT_FOUND, "kv.get", "{\"txn\":%lld,\"key\":\"own\"}", (long long)txn);
    assert_int_equal(
        json_int(ask(db, STRATA_OK, "kv.incr", "{\"txn\":%lld,\"key\":\"own\"}", (long long)txn),
                 "value"),
        1);
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", (long long)txn);
    const char *n = ask(db, STRATA_OK, "kv.get", "{\"key\":\"n\"}");
    assert_int_equal(json_int(n, "value"), 8);
    assert_int_equal(json_int(n, "expires"), begin_us + 1000000);
    const char *own = ask(db, STRATA_OK, "kv.get", "{\"key\":\"own\"}");
    assert_int_equal(json_int(own, "value"), 1);
    assert_false(json_has(own, "expires"));
}

/* ---- Recall as of ---------------------------------------------------------------------------- */

enum { STEPS = 40 };

/* The hits of an answer, without what it cost. */
static void keep_hits(const char *answer, char *out, size_t size) {
    const char *end = strstr(answer, ",\"truncated\"");
    assert_non_null(end);
    assert_true((size_t)(end - answer) < size);
    (void)snprintf(out, size, "%.*s", (int)(end - answer), answer);
}

static void recall_as_it_was(void **state) {
    (void)state;
    static char then[STEPS][8192];
    static const char *const words[] = {"tea", "coffee", "milk", "sugar", "lemon"};
    uint64_t versions[STEPS];
    int64_t times_us[STEPS];
    uint64_t chance = 9;
    for (size_t i = 0; i < STEPS; i++) {
        const unsigned key = (unsigned)test_random_below(&chance, 8);
        machine->wall_us += 1000;
        if (test_random_below(&chance, 4) == 0) {
            (void)tell(db, "memory.forget", "{\"key\":\"m%u\"}", key);
        } else {
            (void)ask(db, STRATA_OK, "memory.remember",
                      "{\"key\":\"m%u\",\"text\":\"%s and %s with %s\"}", key,
                      words[test_random_below(&chance, 5)], words[test_random_below(&chance, 5)],
                      words[test_random_below(&chance, 5)]);
        }
        versions[i] = db_version(db);
        times_us[i] = machine->wall_us;
        keep_hits(ask(db, STRATA_OK, "memory.recall", "{\"query\":\"tea lemon\",\"k\":20}"),
                  then[i], sizeof then[i]);
        if (i % 13 == 0) {
            reopen(); /* the index begins anew */
        }
    }
    for (size_t i = 0; i < STEPS; i++) {
        static char now[8192];
        keep_hits(ask(db, STRATA_OK, "memory.recall",
                      "{\"query\":\"tea lemon\",\"k\":20,\"as_of\":%llu}",
                      (unsigned long long)versions[i]),
                  now, sizeof now);
        assert_string_equal(now, then[i]);
        keep_hits(ask(db, STRATA_OK, "memory.recall",
                      "{\"query\":\"tea lemon\",\"k\":20,\"as_of_time\":%lld}",
                      (long long)times_us[i]),
                  now, sizeof now);
        assert_string_equal(now, then[i]);
    }
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":1}");
    (void)ask(db, STRATA_OK, "db.compact", "{}");
    static char last[8192];
    keep_hits(ask(db, STRATA_OK, "memory.recall", "{\"query\":\"tea lemon\",\"k\":20}"), last,
              sizeof last);
    assert_string_equal(last, then[STEPS - 1]);
    (void)ask(db, STRATA_HISTORY_TRIMMED, "memory.recall",
              "{\"query\":\"tea lemon\",\"as_of\":%llu}", (unsigned long long)versions[4]);
}

/* ---- Reading now, while others trim ---------------------------------------------------------- */

enum { WRITES = 400 };

static struct {
    strata_db *handles[3];
    _Atomic bool done;
    _Atomic unsigned wrong;
} crowd;

static void *trim_always(void *arg) {
    st_compact_result result;
    strata_error error;
    (void)arg;
    while (!atomic_load(&crowd.done)) {
        st_store *store = &crowd.handles[1]->engine->model.store;
        if (st_store_compact(store, true, &result, &error) != STRATA_OK) {
            atomic_fetch_add(&crowd.wrong, 1);
        }
    }
    return NULL;
}

/* What is there now is always there, in one piece: all keys are written in one commit. */
static void *read_always(void *arg) {
    static const char request[] = "\x92\xa7kv.list\x80";
    strata_db *own = crowd.handles[2];
    strata_buffer response = {NULL, 0, 0, NULL};
    (void)arg;
    for (unsigned round = 0; !atomic_load(&crowd.done); round++) {
        strata_entry entry = {.version = 0};
        const strata_status status =
            round % 2 == 0 ? strata_kv_get(own, STRATA_RUN_DEFAULT, strata_text("k1"), &entry)
                           : strata_exec(own, st_slice(request, sizeof request - 1), &response);
        if (status != STRATA_OK) {
            print_error("%s\n", strata_errmsg(own));
            atomic_fetch_add(&crowd.wrong, 1);
        }
    }
    strata_buffer_free(&response);
    return NULL;
}

static void nobody_who_reads_now_is_told(const char *path) {
    pthread_t threads[2];
    sim *s = sim_new(3);
    strata_options options = db_options(s, STRATA_BUFFERED);
    memset(&crowd, 0, sizeof crowd);
    sim_use_threads(s);
    options.durability = strcmp(path, ":memory:") == 0 ? STRATA_MEMORY : STRATA_BUFFERED;
    assert_int_equal(strata_open(path, &options, &crowd.handles[0]), STRATA_OK);
    assert_int_equal(strata_attach(crowd.handles[0], &crowd.handles[1]), STRATA_OK);
    assert_int_equal(strata_attach(crowd.handles[0], &crowd.handles[2]), STRATA_OK);
    (void)ask(crowd.handles[0], STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":1}");
    for (unsigned i = 0; i < WRITES; i++) {
        (void)ask(crowd.handles[0], STRATA_OK, "kv.put_many",
                  "{\"entries\":[{\"key\":\"k0\",\"value\":%u},{\"key\":\"k1\",\"value\":%u},"
                  "{\"key\":\"k2\",\"value\":%u}]}",
                  i, i, i);
        if (i == 0) {
            assert_int_equal(pthread_create(&threads[0], NULL, trim_always, NULL), 0);
            assert_int_equal(pthread_create(&threads[1], NULL, read_always, NULL), 0);
        }
    }
    atomic_store(&crowd.done, true);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    (void)ask(crowd.handles[0], STRATA_OK, "db.compact", "{}");
    assert_int_equal(
        json_int(ask(crowd.handles[0], STRATA_OK, "db.stats", "{}"), "versions_removed"),
        3 * (WRITES - 1));
    for (size_t i = 3; i > 0; i--) {
        db_close(crowd.handles[i - 1]);
    }
    sim_free(s);
}

static void readers_beside_trimming(void **state) {
    (void)state;
    nobody_who_reads_now_is_told("db");
    nobody_who_reads_now_is_told(":memory:");
}

/* ---- Several keys ---------------------------------------------------------------------------- */

static void all_or_nothing(void **state) {
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        machine->memory_failed = false;
        sim_fail_memory(machine, nth);
        const strata_status status = tell(
            db, "kv.put_many",
            "{\"entries\":[{\"key\":\"a\",\"value\":1},{\"key\":\"b\",\"value\":\"%01000d\"}]}", 0);
        const bool failed = machine->memory_failed;
        sim_fail_memory(machine, 0);
        if (!failed) {
            assert_int_equal(status, STRATA_OK);
            break;
        }
        assert_int_equal(status, STRATA_NO_MEMORY);
        assert_json(ask(db, STRATA_OK, "kv.count", "{}"), "{\"count\":0}");
    }
    const char *both = ask(db, STRATA_OK, "kv.get_many", "{\"keys\":[\"a\",\"b\"]}");
    assert_true(json_has(both, "\"missing\":[]"));
    char entries[1 << 15] = "{\"entries\":[";
    for (unsigned i = 0; i <= 1000; i++) {
        (void)snprintf(entries + strlen(entries), sizeof entries - strlen(entries),
                       "%s{\"key\":\"%u\",\"value\":1}", i == 0 ? "" : ",", i);
        if (i == 999 || i == 1000) {
            const strata_status expected = i == 999 ? STRATA_OK : STRATA_INVALID_ARGUMENT;
            (void)ask(db, expected, "kv.put_many", "%s]}", entries);
        }
    }
    assert_json(ask(db, STRATA_OK, "kv.count", "{}"), "{\"count\":1002}");
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(narrowest_rule),
        case_of(no_memory_for_a_rule),
        case_of(jumping_clock),
        case_of(ended_in_the_past),
        case_of(ended_before_it_was_opened),
        case_of(ended_before_it_was_committed),
        case_of(ended_among_the_last),
        case_of(inside_a_transaction),
        case_of(clock_behind_commits),
        case_of(clock_behind_trimming),
        case_of(recall_as_it_was),
        case_of(all_or_nothing),
        case_of(readers_beside_trimming),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
