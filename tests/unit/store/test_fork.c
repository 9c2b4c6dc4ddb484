/* test_fork.c - forks where they are unusual: chains of hundreds, records that cannot be, crashes at every
 * call that changes the disk while runs are forked and deleted, the space that a deleted run gives back,
 * and the commits of a run apart from those that it inherited.
 */
#include "store_support.h"

#include "api/handle.h"
#include "format/key.h"
#include "model/run/run_private.h"

enum { DEEP = 300 };

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
    if (db != NULL) {
        db_close(db);
    }
    sim_free(machine);
    return 0;
}

static void reopen(void) {
    db_close(db);
    db = db_open(machine, STRATA_STRICT);
}

static int64_t value_of(const char *run, const char *key) {
    return json_int(ask(db, STRATA_OK, "kv.get", "{\"run\":\"%s\",\"key\":\"%s\"}", run, key),
                    "value");
}

/* ---- Chains ---------------------------------------------------------------------------------- */

static void check_chain(void) {
    char run[16];
    for (int i = 0; i < DEEP; i += 37) {
        (void)snprintf(run, sizeof run, "f%d", i);
        if (tell(db, "run.get", "{\"name\":\"%s\"}", run) == STRATA_NOT_FOUND) {
            continue;
        }
        assert_int_equal(value_of(run, "root"), -1);
        assert_int_equal(value_of(run, "mine"), i);
        assert_int_equal(value_of(run, "k0"), 0);
        const char *list = ask(db, STRATA_OK, "kv.count", "{\"run\":\"%s\",\"prefix\":\"k\"}", run);
        assert_int_equal(json_int(list, "count"), i + 1);
        list = ask(db, STRATA_OK, "kv.list",
                   "{\"run\":\"%s\",\"prefix\":\"k\",\"reverse\":true,\"limit\":1}", run);
        assert_true(json_has(list, "\"value\":"));
    }
}

/* Each writes a key of its own and one of all; then every parent goes. */
static void chain(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"root\",\"value\":-1}");
    for (int i = 0; i < DEEP; i++) {
        char parent[16] = "default";
        if (i > 0) {
            (void)snprintf(parent, sizeof parent, "f%d", i - 1);
        }
        (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"%s\",\"name\":\"f%d\"}", parent, i);
        (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"f%d\",\"key\":\"k%d\",\"value\":%d}", i, i,
                  i);
        (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"f%d\",\"key\":\"mine\",\"value\":%d}", i, i);
    }
    check_chain();
    reopen();
    check_chain();
    for (int i = 0; i + 1 < DEEP; i++) {
        (void)ask(db, STRATA_OK, "run.delete", "{\"name\":\"f%d\"}", i);
    }
    (void)ask(db, STRATA_OK, "db.compact", "{\"mode\":\"full\"}");
    reopen();
    (void)ask(db, STRATA_OK, "db.compact", "{\"mode\":\"full\"}");
    char last[16];
    (void)snprintf(last, sizeof last, "f%d", DEEP - 1);
    assert_int_equal(value_of(last, "root"), -1);
    assert_int_equal(value_of(last, "mine"), DEEP - 1);
    assert_int_equal(value_of(last, "k7"), 7);
    (void)ask(db, STRATA_OK, "run.delete", "{\"name\":\"%s\"}", last);
    (void)ask(db, STRATA_OK, "db.compact", "{\"mode\":\"full\"}");
    (void)ask(db, STRATA_OK, "db.compact", "{\"mode\":\"full\"}");
    const char *stats = ask(db, STRATA_OK, "db.stats", "{}");
    assert_int_equal(json_int(stats, "runs"), 1);
    assert_true(json_int(stats, "keys") < 2 * DEEP + 20); /* records and graves, and one key */
}

/* ---- Space ----------------------------------------------------------------------------------- */

static void fill(const char *run) {
    static char text[4096];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 200; i++) {
        for (size_t j = 0; j < 64; j++) {
            text[j * 60] = (char)('a' + (i * 7 + (int)j) % 26);
        }
        (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"%s\",\"key\":\"%d\",\"value\":\"%s%d\"}",
                  run, i, text, i * 7919);
    }
}

static int64_t compacted(void) {
    (void)ask(db, STRATA_OK, "db.compact", "{\"mode\":\"full\"}");
    return json_int(ask(db, STRATA_OK, "db.stats", "{}"), "table_bytes");
}

static void space(void **state) {
    (void)state;
    const int64_t empty = compacted();
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"big\"}");
    fill("big");
    const int64_t full = compacted();
    assert_true(full > empty + 10000);
    (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"big\",\"name\":\"f\"}");
    fill("big");
    (void)ask(db, STRATA_OK, "run.delete", "{\"name\":\"big\"}");
    const int64_t pinned = compacted();
    assert_true(pinned > full - 2000 && pinned < full + 2000); /* what the fork sees, and once */
    reopen();
    (void)ask(db, STRATA_OK, "run.delete", "{\"name\":\"f\"}");
    (void)compacted(); /* the grave of the fork comes into tables, */
    assert_true(compacted() < empty + 2000);
    assert_true(sim_used(machine) < (uint64_t)full);
}

/* ---- Records that cannot be ------------------------------------------------------------------ */

static void put_raw(const st_key *key, const st_run_record *record, bool gone) {
    st_store *store = &db->engine->model.store;
    st_commit commit;
    uint64_t version;
    strata_error error = {.code = STRATA_OK};
    strata_buffer value = {NULL, 0, 0, store->host};
    assert_int_equal(gone ? st_run_encode_gone(record, &value) : st_run_encode(record, &value),
                     STRATA_OK);
    assert_int_equal(
        st_commit_begin(&commit, store, st_shards_find(&store->shards, ST_RUN_SYSTEM), &error),
        STRATA_OK);
    const st_write write = {.key = st_key_slice(key), .value = st_buffer_slice(&value)};
    assert_int_equal(st_commit_finish(&commit, &write, 1, NULL, &version, &error), STRATA_OK);
    strata_buffer_free(&value);
}

static const struct {
    const char *what;
    uint64_t id;
    bool gone; /* as one that was deleted */
    st_run_origin fork;
    int64_t created_us;
} forged[] = {
    {"of itself", 3, false, {3, {1, INT64_MAX}, 1}, 0},
    {"of a younger run", 3, false, {4, {1, INT64_MAX}, 1}, 0},
    {"of one that is nowhere", 4, false, {3, {1, INT64_MAX}, 1}, 0},
    {"of a commit to come", 3, false, {2, {1, INT64_MAX}, 1000}, 0},
    {"of a commit after it began", 3, false, {2, {9, INT64_MAX}, 3}, 0},
    {"of no point", 3, false, {2, {UINT64_MAX, INT64_MAX}, 3}, 0},
    {"made in the future", 3, false, {2, {1, INT64_MAX}, 1}, INT64_MAX},
    {"there and gone", 2, true, {.run = 0}, 0},
    {"the default is gone", 1, true, {.run = 0}, 0},
};

static void forged_records(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        static const uint8_t empty_array = 0x90;
        static const uint8_t empty_map = 0x80;
        st_run_record record = {.name = strata_text("forged"),
                                .id = forged[i].id,
                                .tags = st_slice(&empty_array, 1),
                                .metadata = st_slice(&empty_map, 1),
                                .fork = forged[i].fork,
                                .created_us = forged[i].created_us};
        sim *other = sim_new(2);
        st_key key;
        replay_hint("forged record %zu: %s", i, forged[i].what);
        strata_options there = db_options(other, STRATA_STRICT);
        strata_db *const kept = db;
        assert_int_equal(strata_open("db", &there, &db), STRATA_OK);
        (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"parent\"}");
        if (forged[i].gone) {
            st_key_number(&key, ST_TAG_RUN_GONE, record.id);
        } else {
            st_key_text(&key, ST_TAG_RUN, record.name);
        }
        put_raw(&key, &record, forged[i].gone);
        db_close(db);
        assert_int_equal(strata_open("db", &there, &db), STRATA_CORRUPT);
        sim_free(other);
        db = kept;
        replay_hint(NULL);
    }
}

/* ---- Crashes --------------------------------------------------------------------------------- */

/* Tells how far the script came: the steps that were acknowledged. */
static unsigned script(strata_db *on) {
    static const char *const steps[][2] = {
        {"kv.put", "{\"run\":\"p\",\"key\":\"a\",\"value\":1}"},
        {"run.fork", "{\"run\":\"p\",\"name\":\"f\"}"},
        {"kv.put", "{\"run\":\"p\",\"key\":\"a\",\"value\":2}"},
        {"kv.put", "{\"run\":\"f\",\"key\":\"b\",\"value\":3}"},
        {"run.delete", "{\"name\":\"p\"}"},
        {"db.compact", "{\"mode\":\"full\"}"},
        {"run.fork", "{\"run\":\"f\",\"name\":\"g\"}"},
        {"run.delete", "{\"name\":\"f\"}"},
        {"db.compact", "{\"mode\":\"full\"}"},
        {"run.delete", "{\"name\":\"g\"}"},
        {"db.compact", "{\"mode\":\"full\"}"},
    };
    unsigned done = 0;
    while (done < sizeof steps / sizeof steps[0] &&
           tell(on, steps[done][0], "%s", steps[done][1]) == STRATA_OK) {
        done++;
    }
    return done;
}

static bool is_there(const char *run) {
    return tell(db, "run.get", "{\"name\":\"%s\"}", run) == STRATA_OK;
}

/* What was acknowledged is there, and each run shows all it has to. */
static void check_after(unsigned done) {
    assert_true(done < 2 || is_there("f") || done + 1 >= 8);
    assert_true(done < 5 || !is_there("p"));
    assert_true(done < 7 || is_there("g") || done + 1 >= 10);
    assert_true(done < 10 || !is_there("g"));
    if (is_there("p") && done > 1) {
        assert_int_equal(value_of("p", "a"), done > 2 || value_of("p", "a") == 2 ? 2 : 1);
    }
    if (is_there("f")) {
        assert_int_equal(value_of("f", "a"), 1);
        assert_true(done < 4 || value_of("f", "b") == 3);
    }
    if (is_there("g")) {
        assert_int_equal(value_of("g", "a"), 1);
        assert_int_equal(value_of("g", "b"), 3);
    }
    db_verify(db);
}

static void crashes(void **state) {
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        sim *s = sim_new(nth);
        strata_db *const kept = db;
        db = db_open(s, STRATA_STRICT);
        (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"p\"}");
        replay_hint("power cut at call %llu", (unsigned long long)nth);
        sim_cut_power(s, nth);
        const unsigned done = script(db);
        const bool cut = s->dead;
        sim_cut_power(s, 0);
        (void)strata_close(db);
        sim_restart(s, nth % 2 == 0 ? SIM_NONE : SIM_RANDOM, nth);
        db = db_open(s, STRATA_STRICT);
        check_after(done);
        (void)ask(db, STRATA_OK, "db.compact", "{\"mode\":\"full\"}");
        check_after(done);
        db_close(db);
        db = kept;
        sim_free(s);
        replay_hint(NULL);
        if (!cut) {
            assert_int_equal(done, 11);
            break;
        }
    }
}

/* ---- The commits of a run itself ------------------------------------------------------------- */

static size_t count_own(const char *run, uint64_t after, uint64_t until) {
    static const uint8_t low[] = {ST_TAG_KV};
    static const uint8_t high[] = {ST_TAG_KV + 1};
    st_request *rq = st_handle_begin(db);
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), false};
    const st_version_span span = {after, until};
    st_scan scan;
    st_run *found;
    size_t count = 0;
    assert_int_equal(st_run_find(rq, strata_text(run), &found), STRATA_OK);
    assert_int_equal(st_versions_own(&scan, &rq->reader, found->shard, &range, &span), STRATA_OK);
    while (scan.here) {
        assert_true(scan.revision.number > after && scan.revision.number <= until);
        count++;
        assert_int_equal(st_versions_next(&scan), STRATA_OK);
    }
    st_scan_end(&scan);
    (void)st_handle_end(db, STRATA_OK);
    return count;
}

static void own_commits(void **state) {
    (void)state;
    uint64_t after = 0;
    for (int i = 0; i < 400; i++) {
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k%03d\",\"value\":%d}", i % 200, i);
        after = i == 299 ? db_version(db) : after;
        if (i % 130 == 129) {
            (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
        }
    }
    const uint64_t forked = db_version(db);
    (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"f\"}");
    assert_int_equal(count_own("default", 0, UINT64_MAX), 400);
    assert_int_equal(count_own("default", after, UINT64_MAX), 100);
    assert_int_equal(count_own("default", after, after + 10), 10);
    assert_int_equal(count_own("f", 0, UINT64_MAX), 0);
    (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"f\",\"key\":\"k000\",\"value\":0}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k000\",\"value\":0}");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(count_own("f", 0, UINT64_MAX), 1);
        assert_int_equal(count_own("f", forked, UINT64_MAX), 1);
        assert_int_equal(count_own("default", forked, UINT64_MAX), 1);
        assert_int_equal(count_own("default", after, UINT64_MAX), 101);
        (void)ask(db, STRATA_OK, "db.compact", "{\"mode\":\"full\"}");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(space, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forged_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(crashes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(own_commits, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
