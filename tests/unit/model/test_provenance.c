/* test_provenance.c - records of what commits were made of: every item comes back, however keys share
 * their beginnings; a record is bounded; and one that was forged is corrupt, whatever was changed in it.
 */
#include "store_support.h"

#include "api/handle.h"
#include "model/provenance.h"
#include "model/run/run.h"

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_open(machine, STRATA_BUFFERED);
    (void)ask(db, STRATA_OK, "run.update", "{\"name\":\"default\",\"provenance\":true}");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

static unsigned begin(const char *args) {
    return (unsigned)json_int(ask(db, STRATA_OK, "txn.begin", "{%s}", args), "txn");
}

static uint64_t commit(unsigned txn) {
    return (uint64_t)json_int(ask(db, STRATA_OK, "txn.commit", "{\"txn\":%u}", txn), "version");
}

static const st_run *default_run(st_request *rq) {
    st_run *run;
    assert_int_equal(st_run_of(rq, ST_RUN_DEFAULT, &run), STRATA_OK);
    return run;
}

/* "r KEY@VERSION", "s LOW HIGH", "w KEY", in order. Caller ends the handle's call. */
static const char *items_of(st_request *rq, uint64_t version, st_provenance *provenance) {
    static char text[1 << 20];
    static st_provenance_walk walk;
    st_provenance_item item;
    bool found;
    size_t len = 0;
    assert_int_equal(st_provenance_find(rq, default_run(rq), version, provenance, &found),
                     STRATA_OK);
    assert_true(found);
    text[0] = 0;
    st_provenance_start(&walk, provenance);
    while (st_provenance_next(&walk, &item)) {
        const strata_slice key = item.key;
        const int shown = (int)(key.len > 2 ? key.len - 2 : 0);
        const char *bytes = (const char *)key.data + 1;
        if (item.kind == ST_PROVENANCE_READ) {
            len += (size_t)sprintf(text + len, "r %.*s@%llu ", shown, bytes,
                                   (unsigned long long)item.version);
        } else if (item.kind == ST_PROVENANCE_WROTE) {
            len += (size_t)sprintf(text + len, "w %.*s ", shown, bytes);
        } else {
            len += (size_t)sprintf(text + len, "s %.*s..%.*s ", (int)key.len - 1, bytes,
                                   (int)item.high.len - 1, (const char *)item.high.data + 1);
        }
    }
    return text;
}

static void items_come_back(void **state) {
    (void)state;
    st_provenance provenance;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"user/anna\",\"value\":1}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"user/ann\",\"value\":1}");
    const unsigned txn = begin("\"label\":\"l\",\"trace\":\"t\"");
    const char *const keys[] = {"user/anna", "user/ann", "user/b", "a"};
    for (size_t i = 0; i < 4; i++) {
        (void)ask(db, STRATA_OK, "kv.exists", "{\"txn\":%u,\"key\":\"%s\"}", txn, keys[i]);
    }
    (void)ask(db, STRATA_OK, "kv.list", "{\"txn\":%u,\"prefix\":\"user/\"}", txn);
    (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%u,\"key\":\"user/c\",\"value\":1}", txn);
    (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%u,\"key\":\"user/d\",\"value\":1}", txn);
    const uint64_t version = commit(txn);
    st_request *rq = st_handle_begin(db);
    const char *items = items_of(rq, version, &provenance);
    assert_true(json_has(items, "r user/anna@3 "));
    assert_true(json_has(items, "r user/ann@4 "));
    assert_true(json_has(items, "r user/b@0 "));
    assert_true(json_has(items, "r a@0 "));
    assert_true(json_has(items, "s user/..user0 "));
    assert_true(json_has(items, "w user/c w user/d "));
    assert_int_equal(strlen(items), strlen("r user/anna@3 r user/ann@4 r user/b@0 r a@0 s "
                                           "user/..user0 w user/c w user/d "));
    test_bytes_equal(provenance.label, strata_text("l"), "label");
    test_bytes_equal(provenance.trace, strata_text("t"), "trace");
    assert_int_equal(provenance.snapshot, 4);
    assert_false(provenance.truncated);
    (void)st_handle_end(db, STRATA_OK);
}

/* Records of many commits, in tables and not, each found by its version and by no other. */
static void each_commit_has_its_own(void **state) {
    (void)state;
    enum { COMMITS = 700 };
    uint64_t recorded[COMMITS];
    for (unsigned i = 0; i < COMMITS; i++) {
        const unsigned txn = begin("");
        char expected[32];
        (void)snprintf(expected, sizeof expected, "k%u", i);
        (void)ask(db, STRATA_OK, "kv.exists", "{\"txn\":%u,\"key\":\"%s\"}", txn, expected);
        (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%u,\"key\":\"%s\",\"value\":1}", txn,
                  expected);
        recorded[i] = commit(txn);
        if (i % 3 == 0) {
            (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"other\",\"value\":%u}", i);
        }
        if (i == 400) {
            (void)ask(db, STRATA_OK, "db.compact", "{}");
        }
    }
    unsigned next = 0;
    for (uint64_t version = recorded[0]; version <= recorded[COMMITS - 1]; version++) {
        st_request *rq = st_handle_begin(db);
        st_provenance provenance;
        bool found;
        assert_int_equal(st_provenance_find(rq, default_run(rq), version, &provenance, &found),
                         STRATA_OK);
        assert_int_equal(found, version == recorded[next]);
        if (found) {
            char expected[32];
            (void)snprintf(expected, sizeof expected, "r k%u@0 ", next);
            assert_string_equal(items_of(rq, version, &provenance), expected);
            next++;
        }
        (void)st_handle_end(db, STRATA_OK);
    }
    assert_int_equal(next, COMMITS);
}

static void a_record_is_bounded(void **state) {
    (void)state;
    st_provenance provenance;
    const unsigned txn = begin("\"label\":\"much\"");
    for (unsigned i = 0; i < 3000; i++) {
        (void)ask(db, STRATA_OK, "kv.exists", "{\"txn\":%u,\"key\":\"%u-%u\"}", txn, i * 7919, i);
    }
    (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%u,\"key\":\"k\",\"value\":1}", txn);
    const uint64_t version = commit(txn);
    st_request *rq = st_handle_begin(db);
    assert_true(strlen(items_of(rq, version, &provenance)) > 10000);
    assert_true(provenance.truncated);
    assert_true(provenance.items.len < 17 << 10);
    test_bytes_equal(provenance.label, strata_text("much"), "label");
    (void)st_handle_end(db, STRATA_OK);
}

/* Only the commits that should have one have a record. */
static void who_gets_a_record(void **state) {
    (void)state;
    static const struct {
        const char *begin;
        bool reads;
        bool keeps; /* the run */
        bool recorded;
    } cases[] = {{"", false, true, false},
                 {"", true, true, true},
                 {"", true, false, false},
                 {"\"label\":\"l\"", false, false, true},
                 {"\"trace\":\"t\"", false, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)ask(db, STRATA_OK, "run.update", "{\"name\":\"default\",\"provenance\":%s}",
                  cases[i].keeps ? "true" : "false");
        const unsigned txn = begin(cases[i].begin);
        if (cases[i].reads) {
            (void)ask(db, STRATA_OK, "kv.exists", "{\"txn\":%u,\"key\":\"x\"}", txn);
        }
        (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%u,\"key\":\"k\",\"value\":1}", txn);
        const uint64_t version = commit(txn);
        st_request *rq = st_handle_begin(db);
        st_provenance provenance;
        bool found;
        assert_int_equal(st_provenance_find(rq, default_run(rq), version, &provenance, &found),
                         STRATA_OK);
        assert_int_equal(found, cases[i].recorded);
        if (found && !cases[i].keeps) {
            assert_string_equal(items_of(rq, version, &provenance), "");
        }
        (void)st_handle_end(db, STRATA_OK);
    }
}

/* ---- Forged bytes ---------------------------------------------------------------------------- */

static void try_bytes(const uint8_t *bytes, size_t len) {
    static st_provenance_walk walk;
    st_request *rq = st_handle_begin(db);
    st_provenance provenance;
    st_provenance_item item;
    st_key key;
    uint8_t *exact = malloc(len + 1); /* so that the sanitizer sees a step too far */
    memcpy(exact, bytes, len);
    st_key_number(&key, ST_TAG_PROVENANCE, 1);
    uint8_t *trimmed = realloc(exact, len == 0 ? 1 : len);
    const strata_status status =
        st_provenance_read(rq, st_key_slice(&key), st_slice(trimmed, len), &provenance);
    assert_true(status == STRATA_OK || status == STRATA_CORRUPT);
    if (status == STRATA_OK) {
        st_provenance_start(&walk, &provenance);
        while (st_provenance_next(&walk, &item)) {
            assert_true(item.kind == ST_PROVENANCE_RANGE || st_key_well_formed(item.key));
        }
    }
    free(trimmed);
    (void)st_handle_end(db, STRATA_OK);
}

static void forged_records(void **state) {
    (void)state;
    /* form 1, no bits, snapshot 9; a@8; a..b; w a, w ab; label x */
    static const char hex[] = "01 00 09 01 03 10 61 00 01 00 01 02 10 61 02 01 62 00 "
                              "01 03 10 61 00 03 02 62 00 00 01 01 78";
    const strata_slice sound = test_hex(hex);
    uint8_t bytes[64];
    uint64_t chance = 5;
    memcpy(bytes, sound.data, sound.len);
    st_request *rq = st_handle_begin(db);
    st_provenance provenance;
    st_key key;
    st_key_number(&key, ST_TAG_PROVENANCE, 1);
    assert_int_equal(
        st_provenance_read(rq, st_key_slice(&key), st_slice(bytes, sound.len), &provenance),
        STRATA_OK);
    test_bytes_equal(provenance.label, strata_text("x"), "label");
    (void)st_handle_end(db, STRATA_OK);
    for (size_t len = 0; len < sound.len; len++) {
        try_bytes(bytes, len);
    }
    for (size_t at = 0; at < sound.len; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t forged[64];
            memcpy(forged, bytes, sound.len);
            forged[at] = (uint8_t)value;
            try_bytes(forged, sound.len);
        }
    }
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t forged[64];
        const size_t len = test_random_below(&chance, sizeof forged);
        for (size_t at = 0; at < len; at++) {
            forged[at] = test_random_below(&chance, 3) == 0
                             ? (uint8_t)test_random(&chance)
                             : (uint8_t)test_random_below(&chance, 5);
        }
        try_bytes(forged, len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(items_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_commit_has_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_gets_a_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forged_records, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
