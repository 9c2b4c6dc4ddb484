/* test_json.c - documents in the store: every version of them afterwards, whatever was merged, flushed or
 * reopened meanwhile; what a transaction depends on, path by path; what a change costs in the log.
 *
 * What an edit does to a document is tested in format/test_document*.c. Here a document that was read when
 * it was committed must read the same as of that commit for ever: the first comes from the cache of
 * documents or from a few parts, the others from bases and parts wherever they are by then.
 */
#include "store_support.h"

#include "api/handle.h"
#include "model/json/json_private.h"
#include "model/run/run.h"

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

/* ---- Every version --------------------------------------------------------------------------- */

enum { DOCS = 3, COMMITS = 400, TEXT_MAX = 8192 };

/* what[v][d]: what json.get said of document d after commit v; "" when there was none. */
static char *what[COMMITS + 64][DOCS];

static const char *value_part(const char *answer) {
    static char text[TEXT_MAX];
    const char *from = strstr(answer, "\"value\":");
    assert_non_null(from);
    const char *end = strstr(from, ",\"version\":");
    assert_non_null(end);
    assert_true((size_t)(end - from) < sizeof text);
    (void)snprintf(text, sizeof text, "%.*s", (int)(end - from - 8), from + 8);
    return text;
}

static const char *read_at(unsigned doc, const char *when) {
    if (strstr(ask(db, STRATA_OK, "json.exists", "{\"key\":\"d%u\"%s}", doc, when), "true") ==
        NULL) {
        return "";
    }
    return value_part(ask(db, STRATA_OK, "json.get", "{\"key\":\"d%u\"%s}", doc, when));
}

static void remember(uint64_t version) {
    for (unsigned d = 0; d < DOCS; d++) {
        what[version][d] = strdup(read_at(d, ""));
        assert_non_null(what[version][d]);
    }
}

static void check_all(uint64_t first, uint64_t last) {
    for (uint64_t v = first; v <= last; v++) {
        for (unsigned d = 0; d < DOCS; d++) {
            char when[64];
            (void)snprintf(when, sizeof when, ",\"as_of\":%llu", (unsigned long long)v);
            const char *got = read_at(d, when);
            if (strcmp(got, what[v][d]) != 0) {
                fail_msg("d%u at %llu is %s, not %s", d, (unsigned long long)v, got, what[v][d]);
            }
        }
    }
}

/* Some change of some document; whether it was one. */
static bool change(uint64_t *chance) {
    const unsigned d = (unsigned)test_random_below(chance, DOCS);
    const unsigned n = (unsigned)test_random_below(chance, 6);
    const unsigned v = (unsigned)test_random_below(chance, 1000);
    const uint64_t before = db_version(db);
    switch (test_random_below(chance, 20)) {
    case 0:
        (void)tell(db, "json.destroy", "{\"key\":\"d%u\"}", d);
        break;
    case 1:
        (void)tell(db, "json.set", "{\"key\":\"d%u\",\"path\":\"\",\"value\":{\"list\":[1,2]}}", d);
        break;
    case 2:
        (void)tell(
            db, "json.patch",
            "{\"key\":\"d%u\",\"operations\":[{\"op\":\"add\",\"path\":\"/list/0\",\"value\":%u},"
            "{\"op\":\"move\",\"from\":\"/list/0\",\"path\":\"/list/-\"},"
            "{\"op\":\"add\",\"path\":\"/list/1\",\"value\":{\"v\":%u}}]}",
            d, v, v);
        break;
    case 3:
        (void)tell(db, "json.merge", "{\"key\":\"d%u\",\"patch\":{\"n%u\":null,\"m\":{\"a\":%u}}}",
                   d, n, v);
        break;
    case 4:
        (void)tell(db, "json.delete", "{\"key\":\"d%u\",\"path\":\"/list/%u\"}", d, n);
        break;
    case 5:
        (void)tell(db, "json.set", "{\"key\":\"d%u\",\"path\":\"/list/-\",\"value\":%u}", d, v);
        break;
    case 6:
        (void)tell(db, "json.create",
                   "{\"key\":\"d%u\",\"document\":{\"list\":[{\"v\":1}],\"text\":\"%0*u\"}}", d,
                   300, v);
        break;
    default:
        (void)tell(db, "json.set", "{\"key\":\"d%u\",\"path\":\"/n%u/x\",\"value\":\"%u\"}", d, n,
                   v);
        break;
    }
    return db_version(db) != before;
}

/* Several changes of several documents in one commit, some of them taken back. */
static bool change_in_txn(uint64_t *chance) {
    const uint64_t before = db_version(db);
    const unsigned d = (unsigned)test_random_below(chance, DOCS);
    const long long txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
    for (unsigned i = 0; i < 4; i++) {
        const unsigned n = (unsigned)test_random_below(chance, 6);
        (void)tell(db, "json.set", "{\"txn\":%lld,\"key\":\"d%u\",\"path\":\"/n%u\",\"value\":%u}",
                   txn, (d + i % 2) % DOCS, n, i);
        if (i == 1) {
            const long long mark =
                json_int(ask(db, STRATA_OK, "txn.savepoint", "{\"txn\":%lld}", txn), "savepoint");
            (void)tell(db, "json.destroy", "{\"txn\":%lld,\"key\":\"d%u\"}", txn, d);
            if (n % 2 == 0) {
                (void)ask(db, STRATA_OK, "txn.rollback_to", "{\"txn\":%lld,\"savepoint\":%lld}",
                          txn, mark);
            } else {
                (void)tell(db, "json.create",
                           "{\"txn\":%lld,\"key\":\"d%u\",\"document\":{\"list\":[]}}", txn, d);
            }
        }
    }
    char inside[TEXT_MAX];
    char with[64];
    (void)snprintf(with, sizeof with, ",\"txn\":%lld", txn);
    (void)snprintf(inside, sizeof inside, "%s", read_at(d, with));
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
    assert_string_equal(read_at(d, ""), inside);
    return db_version(db) != before;
}

static void every_version(void **state) {
    (void)state;
    uint64_t chance = env_number("SEED", 7);
    uint64_t last = db_version(db);
    const uint64_t first = last + 1;
    replay_hint("SEED=%llu", (unsigned long long)chance);
    for (unsigned i = 0; last < COMMITS; i++) {
        if (!(i % 9 == 0 ? change_in_txn(&chance) : change(&chance))) {
            continue;
        }
        assert_int_equal(db_version(db), last + 1);
        last++;
        remember(last);
        if (i % 150 == 149) {
            (void)ask(db, STRATA_OK, i % 300 == 149 ? "db.checkpoint" : "db.compact", "{}");
        }
        if (i % 190 == 189) {
            db_close(db);
            db = db_open(machine, STRATA_BUFFERED);
        }
    }
    check_all(first, last);
    (void)ask(db, STRATA_OK, "db.compact", "{}");
    check_all(first, last);
    db_verify(db);
    for (uint64_t v = first; v <= last; v++) {
        for (unsigned d = 0; d < DOCS; d++) {
            free(what[v][d]);
        }
    }
    replay_hint(NULL);
}

/* The versions of a document are those commits that have touched it, and no others. */
static void history(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"h\",\"document\":{\"n\":0}}");
    const uint64_t first = db_version(db);
    for (unsigned i = 0; i < 600; i++) { /* beyond several new bases */
        (void)ask(db, STRATA_OK, "json.set", "{\"key\":\"h\",\"path\":\"/n\",\"value\":%u}", i);
    }
    const uint64_t last = db_version(db);
    uint64_t before = last + 1;
    while (before > first) {
        const char *page =
            ask(db, STRATA_OK, "json.history", "{\"key\":\"h\",\"limit\":1,\"before\":%llu}",
                (unsigned long long)before);
        assert_int_equal(json_int(page, "version"), before - 1);
        assert_true(json_has(page, before - 1 == first ? "\"whole\":true" : "\"whole\":false"));
        before--;
    }
    assert_json(ask(db, STRATA_OK, "json.history", "{\"key\":\"h\",\"before\":%llu}",
                    (unsigned long long)first),
                "{\"revisions\":[]}");
}

/* ---- Conflicts ------------------------------------------------------------------------------- */

#define DOCUMENT                                                                                   \
    "{\"a\":{\"b\":1,\"c\":2},\"list\":[{\"n\":0},{\"n\":1},{\"n\":2}],\"x\":1,\"t\":\"s\"}"

static const struct {
    const char *op; /* of the transaction, and what it has besides key and txn */
    const char *args;
    const char *other_op; /* of somebody else meanwhile */
    const char *other_args;
    bool serializable; /* whether it conflicts */
    bool snapshot;
} conflicts[] = {
    /* A read against a change at the path, above it, below it, beside it. */
    {"json.get", "\"path\":\"/a/b\"", "json.set", "\"path\":\"/a/b\",\"value\":9", true, false},
    {"json.get", "\"path\":\"/a/b\"", "json.set", "\"path\":\"/a\",\"value\":9", true, false},
    {"json.get", "\"path\":\"/a\"", "json.set", "\"path\":\"/a/b\",\"value\":9", true, false},
    {"json.get", "\"path\":\"\"", "json.set", "\"path\":\"/a/b\",\"value\":9", true, false},
    {"json.get", "\"path\":\"/a/b\"", "json.set", "\"path\":\"/a/c\",\"value\":9", false, false},
    {"json.get", "\"path\":\"/a/b\"", "json.delete", "\"path\":\"/x\"", false, false},
    {"json.get", "\"path\":\"/a/b\"", "json.delete", "\"path\":\"/a\"", true, false},
    {"json.get", "\"path\":\"/a/b\"", "json.destroy", NULL, true, false},
    {"json.get", "\"path\":\"/a/b\"", "json.set", "\"path\":\"\",\"value\":{\"a\":1}", true, false},
    /* What is not there. */
    {"json.exists", "\"path\":\"/a/z\"", "json.set", "\"path\":\"/a/z\",\"value\":9", true, false},
    {"json.exists", "\"path\":\"/a/z\"", "json.set", "\"path\":\"/a/z/y\",\"value\":9", true,
     false},
    {"json.exists", "\"path\":\"/a/z\"", "json.set", "\"path\":\"/a/b\",\"value\":9", false, false},
    {"json.exists", "\"path\":\"/a/z/y\"", "json.set", "\"path\":\"/a/z\",\"value\":9", true,
     false},
    {"json.exists", "\"path\":\"/list/3\"", "json.set", "\"path\":\"/list/-\",\"value\":9", true,
     false},
    {"json.delete", "\"path\":\"/a/z\"", "json.set", "\"path\":\"/a/z\",\"value\":9", true, false},
    /* Changes. */
    {"json.set", "\"path\":\"/a/b\",\"value\":5", "json.set", "\"path\":\"/a/b\",\"value\":9", true,
     true},
    {"json.set", "\"path\":\"/a/b\",\"value\":5", "json.set", "\"path\":\"/a/c\",\"value\":9",
     false, false},
    {"json.set", "\"path\":\"/a/b\",\"value\":5", "json.delete", "\"path\":\"/a\"", true, true},
    {"json.set", "\"path\":\"/a\",\"value\":5", "json.set", "\"path\":\"/a/c\",\"value\":9", true,
     true},
    {"json.set", "\"path\":\"/a/b\",\"value\":5", "json.destroy", NULL, true, true},
    {"json.set", "\"path\":\"\",\"value\":{}", "json.set", "\"path\":\"/t\",\"value\":9", true,
     true},
    {"json.destroy", NULL, "json.set", "\"path\":\"/t\",\"value\":9", true, true},
    {"json.delete", "\"path\":\"/x\"", "json.set", "\"path\":\"/t\",\"value\":9", false, false},
    {"json.delete", "\"path\":\"/x\"", "json.delete", "\"path\":\"/x\"", true, true},
    {"json.merge", "\"patch\":{\"x\":2}", "json.set", "\"path\":\"/x\",\"value\":9", true, true},
    {"json.merge", "\"patch\":{\"x\":1}", "json.set", "\"path\":\"/x\",\"value\":9", true, false},
    {"json.merge", "\"patch\":{\"a\":{\"b\":7}}", "json.set", "\"path\":\"/a/c\",\"value\":9",
     false, false},
    {"json.cas", "\"path\":\"/x\",\"value\":5,\"expected_version\":2", "json.set",
     "\"path\":\"/t\",\"value\":9", true, true},
    {"json.patch", "\"operations\":[{\"op\":\"replace\",\"path\":\"/a/b\",\"value\":3}]",
     "json.set", "\"path\":\"/x\",\"value\":9", false, false},
    {"json.patch",
     "\"operations\":[{\"op\":\"test\",\"path\":\"/x\",\"value\":1},"
     "{\"op\":\"replace\",\"path\":\"/a/b\",\"value\":3}]",
     "json.set", "\"path\":\"/x\",\"value\":9", true, false},
    /* Elements are meant themselves, not their places. */
    {"json.set", "\"path\":\"/list/1/n\",\"value\":5", "json.patch",
     "\"operations\":[{\"op\":\"add\",\"path\":\"/list/0\",\"value\":9}]", false, false},
    {"json.set", "\"path\":\"/list/1/n\",\"value\":5", "json.delete", "\"path\":\"/list/0\"", false,
     false},
    {"json.set", "\"path\":\"/list/1/n\",\"value\":5", "json.delete", "\"path\":\"/list/1\"", true,
     true},
    {"json.set", "\"path\":\"/list/1/n\",\"value\":5", "json.set",
     "\"path\":\"/list/2/n\",\"value\":9", false, false},
    {"json.get", "\"path\":\"/list\"", "json.set", "\"path\":\"/list/-\",\"value\":9", true, false},
    {"json.get", "\"path\":\"/list/0/n\"", "json.set", "\"path\":\"/list/-\",\"value\":9", false,
     false},
    {"json.set", "\"path\":\"/list/-\",\"value\":5", "json.set", "\"path\":\"/list/-\",\"value\":9",
     true, true},
    {"json.set", "\"path\":\"/list/-\",\"value\":5", "json.set",
     "\"path\":\"/list/0/n\",\"value\":9", false, false},
};

static void arguments(char *out, size_t size, const char *more) {
    (void)snprintf(out, size, "\"key\":\"doc\"%s%s", more == NULL ? "" : ",",
                   more == NULL ? "" : more);
}

static void try_conflict(size_t at, bool snapshot, bool table) {
    char mine[512];
    char theirs[512];
    sim *s = sim_new(1);
    strata_db *one = db_open(s, STRATA_BUFFERED);
    strata_db *other = NULL;
    arguments(mine, sizeof mine, conflicts[at].args);
    arguments(theirs, sizeof theirs, conflicts[at].other_args);
    assert_int_equal(strata_attach(one, &other), STRATA_OK);
    (void)ask(one, STRATA_OK, "json.create", "{\"key\":\"doc\",\"document\":%s}", DOCUMENT);
    const long long txn = json_int(ask(one, STRATA_OK, "txn.begin", "{\"isolation\":\"%s\"}",
                                       snapshot ? "snapshot" : "serializable"),
                                   "txn");
    (void)ask(one, STRATA_OK, conflicts[at].op, "{\"txn\":%lld,%s}", txn, mine);
    (void)ask(one, STRATA_OK, "kv.put", "{\"txn\":%lld,\"key\":\"k\",\"value\":1}", txn);
    (void)ask(other, STRATA_OK, conflicts[at].other_op, "{%s}", theirs);
    if (table) {
        (void)ask(other, STRATA_OK, "db.checkpoint", "{}");
    }
    const bool expected = snapshot ? conflicts[at].snapshot : conflicts[at].serializable;
    const strata_status status = tell(one, "txn.commit", "{\"txn\":%lld}", txn);
    if (status != (expected ? STRATA_CONFLICT : STRATA_OK)) {
        fail_msg("case %zu, %s: %s", at, snapshot ? "snapshot" : "serializable",
                 strata_status_name(status));
    }
    assert_int_equal(strata_close(other), STRATA_OK);
    db_close(one);
    sim_free(s);
}

static void conflicts_by_path(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++) {
        for (unsigned how = 0; how < 4; how++) {
            try_conflict(i, how % 2 != 0, how / 2 != 0);
        }
    }
}

/* Documents that are made and taken away, and lists of them. */
static void conflicts_of_documents(void **state) {
    (void)state;
    static const struct {
        const char *op;
        const char *args;
        strata_status status; /* of it */
    } reads[] = {
        {"json.create", "\"key\":\"new\",\"document\":{}", STRATA_OK},
        {"json.exists", "\"key\":\"new\"", STRATA_OK},
        {"json.set", "\"key\":\"new\",\"path\":\"/a\",\"value\":1", STRATA_NOT_FOUND},
        {"json.destroy", "\"key\":\"new\"", STRATA_OK},
        {"json.list", "\"prefix\":\"n\"", STRATA_OK},
        {"json.count", "\"prefix\":\"n\"", STRATA_OK},
    };
    strata_db *other = NULL;
    assert_int_equal(strata_attach(db, &other), STRATA_OK);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        const long long txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
        (void)ask(db, reads[i].status, reads[i].op, "{\"txn\":%lld,%s}", txn, reads[i].args);
        (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%lld,\"key\":\"k\",\"value\":1}", txn);
        (void)ask(other, STRATA_OK, "json.create", "{\"key\":\"new\",\"document\":{\"o\":1}}");
        (void)ask(db, STRATA_CONFLICT, "txn.commit", "{\"txn\":%lld}", txn);
        (void)ask(other, STRATA_OK, "json.destroy", "{\"key\":\"new\"}");
    }
    assert_int_equal(strata_close(other), STRATA_OK);
}

/* Both insert and change by their identities, whatever the places have become; and no conflict is made up by
 * a new base. */
static void changes_meet(void **state) {
    (void)state;
    strata_db *other = NULL;
    assert_int_equal(strata_attach(db, &other), STRATA_OK);
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"doc\",\"document\":%s}", DOCUMENT);
    const long long txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
    (void)ask(db, STRATA_OK, "json.set",
              "{\"txn\":%lld,\"key\":\"doc\",\"path\":\"/list/1/n\",\"value\":\"one\"}", txn);
    (void)ask(db, STRATA_OK, "json.set",
              "{\"txn\":%lld,\"key\":\"doc\",\"path\":\"/a/b\",\"value\":\"b\"}", txn);
    (void)ask(
        other, STRATA_OK, "json.patch",
        "{\"key\":\"doc\",\"operations\":[{\"op\":\"add\",\"path\":\"/list/0\",\"value\":\"new\"},"
        "{\"op\":\"remove\",\"path\":\"/list/1\"}]}");
    for (unsigned i = 0; i < 40; i++) {
        (void)ask(other, STRATA_OK, "json.set", "{\"key\":\"doc\",\"path\":\"/t\",\"value\":%u}",
                  i);
    }
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
    assert_string_equal(value_part(ask(db, STRATA_OK, "json.get", "{\"key\":\"doc\"}")),
                        "{\"a\":{\"b\":\"b\",\"c\":2},\"list\":[\"new\",{\"n\":\"one\"},{\"n\":2}],"
                        "\"x\":1,\"t\":39}");
    assert_int_equal(strata_close(other), STRATA_OK);
}

/* ---- The log --------------------------------------------------------------------------------- */

/* A change of a document of 10 KB takes the bytes of the change, and its share of a new base. */
static void small_changes(void **state) {
    (void)state;
    char text[10241];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"big\",\"document\":{\"text\":\"%s\"}}",
              text);
    const int64_t before = json_int(ask(db, STRATA_OK, "db.stats", "{}"), "wal_bytes");
    enum { CHANGES = 1000 };
    for (unsigned i = 0; i < CHANGES; i++) {
        (void)ask(db, STRATA_OK, "json.set", "{\"key\":\"big\",\"path\":\"/count\",\"value\":%u}",
                  i);
    }
    const int64_t bytes = json_int(ask(db, STRATA_OK, "db.stats", "{}"), "wal_bytes") - before;
    /* A frame of some 60 bytes, and 10 KB once in 256 times. */
    assert_true(bytes < CHANGES * (64 + 10 * 1024 / ST_JSON_PARTS_MAX + 8));
}

/* ---- Damage ---------------------------------------------------------------------------------- */

/* What a forger who can make good log records may have written; each read says so, and nothing else
 * happens. */
static void hostile_bytes(void **state) {
    (void)state;
    static const char *const bases[] = {"", "00", "01", "01 ff", "02 08 00 00 00 00 00 00 00 00"};
    static const char *const parts[] = {"",         "01",       "01 ff ff",
                                        "01 01 00", "01 02 00", "01 03 00 00 00 00"};
    st_run *run = NULL;
    for (size_t i = 0; i < sizeof bases / sizeof bases[0] + sizeof parts / sizeof parts[0]; i++) {
        const size_t count = sizeof bases / sizeof bases[0];
        char key[16];
        (void)snprintf(key, sizeof key, "f%zu", i);
        (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"%s\",\"document\":{\"a\":1}}", key);
        st_request *rq = st_handle_begin(db);
        assert_int_equal(st_run_of(rq, ST_RUN_DEFAULT, &run), STRATA_OK);
        st_commit commit;
        st_key stored;
        st_stamp stamp;
        if (i < count) {
            st_key_text(&stored, ST_TAG_JSON, strata_text(key));
        } else {
            st_key_part(&stored, ST_TAG_JSON_PATCH, strata_text(key), 1);
        }
        const strata_slice forged = test_hex(i < count ? bases[i] : parts[i - count]);
        rq->value.len = 0;
        assert_int_equal(st_buffer_append(&rq->value, forged.data, forged.len), STRATA_OK);
        assert_int_equal(st_run_lock(rq, run, &commit), STRATA_OK);
        (void)st_handle_end(db, st_run_put(rq, &commit, &stored, NULL, &stamp));
        (void)tell(db, "json.get", "{\"key\":\"%s\",\"path\":\"/a\"}", key);
        (void)ask(db, STRATA_CORRUPT, "json.get", "{\"key\":\"%s\"}", key);
        (void)tell(db, "json.set", "{\"key\":\"%s\",\"path\":\"/a/b\",\"value\":1}", key);
        (void)tell(db, "json.list", "{\"documents\":true}");
        (void)tell(db, "json.history", "{\"key\":\"%s\",\"documents\":true}", key);
        (void)ask(db, STRATA_OK, "json.destroy", "{\"key\":\"other\"}");
    }
}

#define case_of(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(every_version),          case_of(history),      case_of(conflicts_by_path),
        case_of(conflicts_of_documents), case_of(changes_meet), case_of(small_changes),
        case_of(hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
