/* test_json_past.c - documents under retention, and what transactions have looked at.
 *
 * Of a document's past either all is there or history_trimmed says that it is not; what retention
 * promises is exact, whatever became of other documents of the run. Each case was found by the simulator.
 */
#include "store_support.h"

#include "api/handle.h"

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

static void set(const char *key, unsigned value) {
    (void)ask(db, STRATA_OK, "json.set", "{\"key\":\"%s\",\"path\":\"/n\",\"value\":%u}", key,
              value);
}

static void compact(void) {
    (void)ask(db, STRATA_OK, "db.compact", "{}");
}

/* ---- Retention ------------------------------------------------------------------------------- */

enum { CHANGES = 60 }; /* more than one base */

/* Whatever is listed can be read, newest first and without a gap. */
static void check_history(const char *key, uint64_t last, uint64_t least) {
    uint64_t before = last + 1;
    uint64_t count = 0;
    const char *all =
        ask(db, STRATA_OK, "json.history", "{\"key\":\"%s\",\"documents\":true}", key);
    for (const char *at = strstr(all, "\"document\":"); at != NULL;
         at = strstr(at + 1, "\"document\":")) {
        count++;
    }
    assert_true(count >= least);
    for (uint64_t i = 0; i < count; i++) {
        const char *page =
            ask(db, STRATA_OK, "json.history", "{\"key\":\"%s\",\"limit\":1,\"before\":%llu}", key,
                (unsigned long long)before);
        assert_int_equal(json_int(page, "version"), before - 1);
        before--;
        (void)ask(db, STRATA_OK, "json.get", "{\"key\":\"%s\",\"as_of\":%llu}", key,
                  (unsigned long long)before);
    }
}

static void history_is_readable(void **state) {
    (void)state;
    for (unsigned keep = 1; keep <= 20; keep += 19) {
        char key[8];
        (void)snprintf(key, sizeof key, "h%u", keep);
        (void)ask(db, STRATA_OK, "retention.set",
                  "{\"primitive\":\"json\",\"keep\":\"last\",\"versions\":%u}", keep);
        (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"%s\",\"document\":{}}", key);
        for (unsigned i = 0; i < CHANGES; i++) {
            set(key, i);
            if (i % 7 == 3) {
                compact();
            }
        }
        compact();
        check_history(key, db_version(db), keep);
    }
}

/* A document goes without a trace but for the floor of its run; of one that nobody touched since, all is
 * promised, although it has parts and its past lies below that floor. */
static void floor_of_another(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "retention.set",
              "{\"primitive\":\"json\",\"keep\":\"last\",\"versions\":1}");
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"other\",\"document\":{}}");
    set("other", 1);
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"kept\",\"document\":{}}");
    set("kept", 7);
    const unsigned long long then = db_version(db);
    (void)ask(db, STRATA_OK, "json.destroy", "{\"key\":\"other\"}");
    compact();
    assert_true(json_has(ask(db, STRATA_OK, "json.get", "{\"key\":\"kept\",\"as_of\":%llu}", then),
                         "{\"n\":7}"));
    (void)ask(db, STRATA_HISTORY_TRIMMED, "json.get", "{\"key\":\"other\",\"as_of\":%llu}", then);
}

/* ---- Transactions ---------------------------------------------------------------------------- */

static long long begin(void) {
    return json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
}

/* A transaction did that, somebody else then made /n another, and it must not be committed. */
static const struct {
    const char *op;
    const char *args;
    strata_status status;
    const char *other_op;
    const char *other_args;
} seen[] = {
    {"json.list", "", STRATA_OK, "json.set", "\"path\":\"/n\",\"value\":2"},
    {"json.list", ",\"documents\":true", STRATA_OK, "json.set", "\"path\":\"/n\",\"value\":2"},
    {"json.set", ",\"key\":\"d\",\"path\":\"/n/a/b\",\"value\":1", STRATA_INVALID_PATH, "json.set",
     "\"path\":\"/n\",\"value\":{}"},
    {"json.patch", ",\"key\":\"d\",\"operations\":[{\"op\":\"remove\",\"path\":\"/m\"}]",
     STRATA_NOT_FOUND, "json.set", "\"path\":\"/m\",\"value\":2"},
    {"json.create", ",\"key\":\"d\",\"document\":{}", STRATA_ALREADY_EXISTS, "json.destroy", NULL},
};

static void what_was_seen_counts(void **state) {
    (void)state;
    strata_db *other = NULL;
    assert_int_equal(strata_attach(db, &other), STRATA_OK);
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        (void)ask(other, STRATA_OK, "json.set",
                  "{\"key\":\"d\",\"path\":\"\",\"value\":{\"n\":1}}");
        const long long txn = begin();
        (void)ask(db, seen[i].status, seen[i].op, "{\"txn\":%lld%s}", txn, seen[i].args);
        (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%lld,\"key\":\"k\",\"value\":1}", txn);
        (void)ask(other, STRATA_OK, seen[i].other_op, "{\"key\":\"d\"%s%s}",
                  seen[i].other_args == NULL ? "" : ",",
                  seen[i].other_args == NULL ? "" : seen[i].other_args);
        (void)ask(db, STRATA_CONFLICT, "txn.commit", "{\"txn\":%lld}", txn);
    }
    /* That there is one is all that a refused json.create has seen. */
    (void)ask(other, STRATA_OK, "json.set", "{\"key\":\"d\",\"path\":\"\",\"value\":{\"n\":1}}");
    const long long txn = begin();
    (void)ask(db, STRATA_ALREADY_EXISTS, "json.create",
              "{\"txn\":%lld,\"key\":\"d\",\"document\":{}}", txn);
    (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%lld,\"key\":\"k\",\"value\":1}", txn);
    (void)ask(other, STRATA_OK, "json.set", "{\"key\":\"d\",\"path\":\"/n\",\"value\":3}");
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
    assert_int_equal(strata_close(other), STRATA_OK);
}

/* What is not committed yet has no version and no time, whole or changed. */
static void own_writes_have_no_time(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"d\",\"document\":{}}");
    const long long txn = begin();
    (void)ask(db, STRATA_OK, "json.create", "{\"txn\":%lld,\"key\":\"new\",\"document\":{}}", txn);
    (void)ask(db, STRATA_OK, "json.set", "{\"txn\":%lld,\"key\":\"d\",\"path\":\"/a\",\"value\":1}",
              txn);
    for (unsigned i = 0; i < 2; i++) {
        const char *got = ask(db, STRATA_OK, "json.get", "{\"txn\":%lld,\"key\":\"%s\"}", txn,
                              i == 0 ? "d" : "new");
        assert_int_equal(json_int(got, "version"), 0);
        assert_int_equal(json_int(got, "timestamp"), 0);
    }
}

/* ---- Changes --------------------------------------------------------------------------------- */

static void root_stays_an_object(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"d\",\"document\":{\"a\":[1]}}");
    for (unsigned i = 0; i < 2; i++) {
        const char *refused = ask(
            db, STRATA_CONSTRAINT, "json.patch",
            i == 0
                ? "{\"key\":\"d\",\"operations\":[{\"op\":\"replace\",\"path\":\"\","
                  "\"value\":1}]}"
                : "{\"key\":\"d\",\"operations\":[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"\"}]"
                  "}");
        assert_true(json_has(refused, "root_not_object"));
    }
    (void)ask(db, STRATA_OK, "json.patch",
              "{\"key\":\"d\",\"operations\":[{\"op\":\"replace\",\"path\":\"\",\"value\":1},"
              "{\"op\":\"replace\",\"path\":\"$\",\"value\":{\"b\":2}}]}");
    assert_true(json_has(ask(db, STRATA_OK, "json.get", "{\"key\":\"d\"}"), "{\"b\":2}"));
}

/* As text, bytes are a third longer than they are; only what is stored counts. */
static void bytes_in_text(void **state) {
    (void)state;
    enum { BYTES = 3000, MAX = 3100 };
    char text[BYTES / 3 * 4 + 1];
    sim *s = sim_new(1);
    strata_options options = STRATA_OPTIONS_INIT;
    strata_db *small = NULL;
    memset(text, 'A', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    options.value_bytes_max = MAX;
    options.host = &s->host;
    assert_int_equal(strata_open("db", &options, &small), STRATA_OK);
    (void)ask(small, STRATA_OK, "json.create",
              "{\"key\":\"d\",\"text\":\"{\\\"b\\\":{\\\"$bytes\\\":\\\"%s\\\"}}\"}", text);
    (void)ask(small, STRATA_CONSTRAINT, "json.create",
              "{\"key\":\"e\",\"text\":\"{\\\"b\\\":\\\"%s\\\"}\"}", text);
    assert_int_equal(strata_close(small), STRATA_OK);
    sim_free(s);
}

#define case_of(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(history_is_readable),  case_of(floor_of_another),
        case_of(what_was_seen_counts), case_of(own_writes_have_no_time),
        case_of(root_stays_an_object), case_of(bytes_in_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
