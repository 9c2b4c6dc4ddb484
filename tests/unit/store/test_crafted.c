/* test_crafted.c - logs whose checksums fit and whose records are none that Strata writes.
 *
 * Each case is a few commits, made into a segment by hand. What the format calls damage is refused
 * by opening and found by verification alike; what only one operation meets is told by that one.
 */
#include "store_support.h"

#include "format/key.h"
#include "format/msgpack.h"
#include "store/manifest.h"

enum { SEGMENT_MAX = 4096, COMMITS_MAX = 4 };

static const int64_t base_us = 1700000000000000;

typedef struct commit {
    uint64_t run;
    int64_t after_us; /* base_us */
    uint8_t tag;
    const char *key; /* of a text key; NULL: number 1 */
    strata_slice value;
} commit;

static sim *machine;
static size_t copies = 1; /* of the write of each commit */

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_free(machine);
    return 0;
}

/* ---- Making logs ----------------------------------------------------------------------------- */

static size_t put_commit(uint8_t *at, const commit *c, uint32_t version) {
    strata_buffer payload = test_buffer();
    st_key key;
    if (c->key != NULL) {
        st_key_text(&key, c->tag, strata_text(c->key));
    } else {
        st_key_number(&key, c->tag, 1);
    }
    const st_write write = {.key = st_key_slice(&key), .value = c->value};
    const st_write writes[] = {write, write};
    assert_int_equal(st_wal_payload_encode(c->run, c->after_us, writes, copies, &payload),
                     STRATA_OK);
    const st_wal_frame frame = {0, (uint32_t)payload.len, false, version, 0};
    memcpy(at + ST_WAL_FRAME_BYTES, payload.data, payload.len);
    st_wal_frame_seal(at, &frame);
    const size_t len = ST_WAL_FRAME_BYTES + payload.len;
    strata_buffer_free(&payload);
    return len;
}

static void make_log(const commit *commits, size_t count) {
    static uint8_t segment[SEGMENT_MAX];
    st_manifest manifest = {.read_format = ST_FORMAT_VERSION,
                            .write_format = ST_FORMAT_VERSION,
                            .wal_first = 1,
                            .next_file = 1,
                            .uuid = "0123456789abcde"};
    st_wal_header header = {.segment = 1, .base_us = base_us, .uuid = "0123456789abcde"};
    size_t len = ST_WAL_HEADER_BYTES;
    sim_drop(machine, "db/MANIFEST");
    assert_int_equal(st_manifest_write(&machine->host, "db", &manifest, NULL, NULL), STRATA_OK);
    st_wal_header_encode(&header, segment);
    for (size_t i = 0; i < count; i++) {
        len += put_commit(segment + len, &commits[i], (uint32_t)i + 1);
    }
    sim_put(machine, "db/WAL/wal-1.seg", st_slice(segment, len));
}

static strata_status try_open(strata_db **db, strata_error *error) {
    strata_options options = db_options(machine, STRATA_STRICT);
    options.error = error;
    *db = NULL;
    return strata_open("db", &options, db);
}

static bool verifies(void) {
    strata_options options = db_options(machine, STRATA_STRICT);
    strata_buffer report = {NULL, 0, 0, &machine->host};
    strata_buffer json = {NULL, 0, 0, &machine->host};
    assert_int_equal(strata_verify("db", &options, &report), STRATA_OK);
    assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&report), false, &json, NULL),
                     STRATA_OK);
    assert_int_equal(st_buffer_append(&json, "", 1), STRATA_OK);
    const bool valid = json_has((const char *)json.data, "\"valid\":true");
    strata_buffer_free(&report);
    strata_buffer_free(&json);
    return valid;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static const strata_slice one = {"\x01", 1};

/* Recovery refuses it, and verification says so beforehand. */
static void what_the_log_cannot_hold(void **state) {
    (void)state;
    static const struct {
        const char *what;
        commit commits[COMMITS_MAX];
        size_t count;
        bool good;
    } cases[] = {
        {"times that go on",
         {{1, 5, ST_TAG_KV, "a", {"\x01", 1}},
          {1, 5, ST_TAG_KV, "a", {"\x01", 1}},
          {1, 5, ST_TAG_KV, "b", {"\x01", 1}}},
         3,
         true},
        {"time of a run goes back",
         {{1, 5, ST_TAG_KV, "a", {"\x01", 1}},
          {2, 3, ST_TAG_KV, "a", {"\x01", 1}},
          {1, 4, ST_TAG_KV, "b", {"\x01", 1}}},
         3,
         false},
        {"a time before the epoch",
         {{1, -1800000000000000, ST_TAG_KV, "a", {"\x01", 1}}},
         1,
         false},
        {"more runs than there can be", {{1 << 23, 1, ST_TAG_KV, "a", {"\x01", 1}}}, 1, false},
        {"the greatest run number", {{UINT64_MAX, 1, ST_TAG_KV, "a", {"\x01", 1}}}, 1, false},
        {"a key that is no UTF-8", {{1, 1, ST_TAG_KV, "\xff", {"\x01", 1}}}, 1, false},
        {"a key of no primitive", {{1, 1, 0x33, "a", {"\x01", 1}}}, 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_error error = {.code = STRATA_OK};
        strata_db *db;
        make_log(cases[i].commits, cases[i].count);
        const bool valid = verifies();
        const strata_status status = try_open(&db, &error);
        if (valid != cases[i].good || status != (cases[i].good ? STRATA_OK : STRATA_CORRUPT)) {
            fail_msg("%s: opening says %s, verify that it is %s", cases[i].what,
                     strata_status_name(status), valid ? "valid" : "damaged");
        }
        db_close(db);
    }
}

/* A version of a key is one value. */
static void a_key_twice_in_a_commit(void **state) {
    (void)state;
    const commit doubled = {1, 1, ST_TAG_KV, "a", one};
    strata_error error = {.code = STRATA_OK};
    strata_db *db;
    copies = 2;
    make_log(&doubled, 1);
    copies = 1;
    assert_false(verifies());
    assert_int_equal(try_open(&db, &error), STRATA_CORRUPT);
    make_log(&doubled, 1);
    assert_true(verifies());
}

static strata_slice run_record(strata_buffer *out, uint64_t id) {
    out->len = 0;
    assert_int_equal(st_msgpack_put_object(out, 4), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(out, strata_text("id")), STRATA_OK);
    assert_int_equal(st_msgpack_put_uint(out, id), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(out, strata_text("status")), STRATA_OK);
    assert_int_equal(st_msgpack_put_uint(out, 0), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(out, strata_text("tags")), STRATA_OK);
    assert_int_equal(st_msgpack_put_array(out, 0), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(out, strata_text("metadata")), STRATA_OK);
    assert_int_equal(st_msgpack_put_object(out, 0), STRATA_OK);
    return st_buffer_slice(out);
}

/* A name has one record, an id one name, `default` is 1. */
static void records_of_runs(void **state) {
    (void)state;
    static const struct {
        const char *names[2];
        uint64_t ids[2];
        bool good;
    } cases[] = {
        {{"default", "side"}, {1, 2}, true},
        {{"default", "side"}, {1, 1}, false}, /* an id for two names */
        {{"default", "side"}, {2, 3}, false}, /* default is another run */
        {{"side", "other"}, {2, 2}, false},
        {{"side", "other"}, {1, 2}, false},       /* another one is run 1 */
        {{"side", "other"}, {1 << 23, 2}, false}, /* more than there can be */
        {{"side", "other"}, {INT64_MAX, 2}, false},
        {{"side", "other"}, {5, 3}, true}, /* default is made */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer values[2] = {test_buffer(), test_buffer()};
        commit commits[2];
        strata_error error = {.code = STRATA_OK};
        strata_db *db;
        for (int j = 0; j < 2; j++) {
            commits[j] = (commit){ST_RUN_SYSTEM, j, ST_TAG_RUN, cases[i].names[j],
                                  run_record(&values[j], cases[i].ids[j])};
        }
        make_log(commits, 2);
        const strata_status status = try_open(&db, &error);
        if (status != (cases[i].good ? STRATA_OK : STRATA_CORRUPT)) {
            fail_msg("case %zu: %s: %s", i, strata_status_name(status), error.message);
        }
        if (status == STRATA_OK) {
            assert_json(ask(db, STRATA_OK, "kv.count", "{}"), "{\"count\":0}");
        }
        db_close(db);
        strata_buffer_free(&values[0]);
        strata_buffer_free(&values[1]);
    }
}

/* A run that is created is empty: nobody's commits wait under its number. */
static void commits_without_a_run(void **state) {
    (void)state;
    strata_buffer value = test_buffer();
    const commit commits[] = {
        {ST_RUN_SYSTEM, 0, ST_TAG_RUN, "default", run_record(&value, ST_RUN_DEFAULT)},
        {2, 0, ST_TAG_KV, "a", one}};
    strata_error error = {.code = STRATA_OK};
    strata_db *db;
    make_log(commits, 2);
    assert_int_equal(try_open(&db, &error), STRATA_CORRUPT);
    make_log(commits + 1, 1);
    assert_int_equal(try_open(&db, &error), STRATA_CORRUPT);
    strata_buffer_free(&value);
}

/* event.verify answers that the chain does not hold; that is no error of the handle. */
static void event_that_is_none(void **state) {
    (void)state;
    const commit event = {1, 0, ST_TAG_EVENT, NULL, one};
    strata_error error = {.code = STRATA_OK};
    strata_db *db;
    make_log(&event, 1);
    assert_int_equal(try_open(&db, &error), STRATA_OK);
    const char *answer = ask(db, STRATA_OK, "event.verify", "{}");
    assert_true(json_has(answer, "\"valid\":false"));
    assert_int_equal(strata_last_error(db)->code, STRATA_OK);
    assert_string_equal(strata_errmsg(db), "");
    answer = ask(db, STRATA_OK, "db.verify", "{}");
    assert_true(json_has(answer, "\"valid\":false"));
    assert_int_equal(strata_last_error(db)->code, STRATA_OK);
    (void)ask(db, STRATA_CORRUPT, "event.range", "{}");
    db_close(db);
}

/* Checksums fit, but no reader elsewhere could take it: the operation that would show it says so, and
 * not one that does not. */
static void texts_that_are_no_text(void **state) {
    (void)state;
    static const struct {
        const char *what;
        uint8_t tag;
        strata_slice value;
        const char *asks[3];
    } cases[] = {
        {"a string", ST_TAG_KV, {"\xa2k\xff", 3}, {"kv.get", "kv.list", "kv.history"}},
        {"an overlong NUL", ST_TAG_KV, {"\xa2\xc0\x80", 3}, {"kv.get"}},
        {"a surrogate", ST_TAG_KV, {"\xa3\xed\xa0\x80", 4}, {"kv.get"}},
        {"a string inside", ST_TAG_KV, {"\x92\x01\x81\xa1k\xa1\x80", 7}, {"kv.get"}},
        {"a name", ST_TAG_KV, {"\x81\xa1\xff\x01", 4}, {"kv.get"}},
        {"a name that is an int", ST_TAG_KV, {"\x81\x01\x01", 3}, {"kv.get"}},
        {"a second name that is bytes", ST_TAG_KV, {"\x82\xa1k\x90\xc4\x01k\x01", 8}, {"kv.get"}},
        {"a memory's text", ST_TAG_MEMORY, {"\x01\x02k\xff", 4}, {"memory.get", "memory.list"}},
        {"a memory's tag",
         ST_TAG_MEMORY,
         {"\x01\x01k\x81\xa4tags\x91\xa1\xff", 12},
         {"memory.get", "memory.list"}},
        {"a memory's metadata",
         ST_TAG_MEMORY,
         {"\x01\x01k\x81\xa8metadata\x81\xa1k\xa1\xff", 18},
         {"memory.get", "memory.list"}},
        {"an event's type", ST_TAG_EVENT, {NULL, 0}, {"event.range"}},
        {"an event's payload", ST_TAG_EVENT, {NULL, 1}, {"event.range"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t event[3 + 5 + 32] = {1, 1, cases[i].value.len == 0 ? 0xff : 't'};
        const bool is_event = cases[i].tag == ST_TAG_EVENT;
        memcpy(event + 3, "\x81\xa1k\xa1\xff", 5);
        event[7] = cases[i].value.len == 0 ? 'v' : 0xff;
        const commit commits[] = {
            {1, 0, cases[i].tag, is_event ? NULL : "k",
             is_event ? st_slice(event, sizeof event) : cases[i].value},
            {1, 1, ST_TAG_KV, "z", {"\xa2\xc3\xa9", 3}},
        };
        strata_error error = {.code = STRATA_OK};
        strata_db *db;
        make_log(commits, 2);
        assert_int_equal(try_open(&db, &error), STRATA_OK);
        for (size_t j = 0; j < 3 && cases[i].asks[j] != NULL; j++) {
            const char *op = cases[i].asks[j];
            const bool keyed = strstr(op, ".get") != NULL || strstr(op, ".history") != NULL;
            const strata_status status = tell(db, op, "%s", keyed ? "{\"key\":\"k\"}" : "{}");
            if (status != STRATA_CORRUPT) {
                fail_msg("%s in %s: %s", cases[i].what, op, strata_status_name(status));
            }
        }
        assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"z\"}"), "\xc3\xa9"));
        db_close(db);
    }
}

/* The name of a file that somebody left in the folder need not be UTF-8. */
static void file_names_that_are_no_text(void **state) {
    (void)state;
    const commit commits[] = {{1, 0, ST_TAG_KV, "k", one}};
    strata_error error = {.code = STRATA_OK};
    strata_db *db;
    make_log(commits, 1);
    sim_put(machine, "db/DATA/left\xff", st_slice("x", 1));
    assert_int_equal(try_open(&db, &error), STRATA_OK);
    assert_true(json_has(ask(db, STRATA_OK, "db.verify", "{}"), "\"unnamed\":[\"DATA/left?\"]"));
    db_close(db);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(what_the_log_cannot_hold),
        case_of(a_key_twice_in_a_commit),
        case_of(records_of_runs),
        case_of(commits_without_a_run),
        case_of(event_that_is_none),
        case_of(texts_that_are_no_text),
        case_of(file_names_that_are_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
