/* test_kv.c - keys and values: every answer at every version against an oracle that remembers all
 * of them, pages of every length, counters and comparisons at their edges, and the limits.
 */
#include "store_support.h"

#include "format/msgpack.h"

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

/* ---- Every version --------------------------------------------------------------------------- */

enum { RUNS = 3, KEYS = 5, COMMITS = 240 };

static const char *const run_names[RUNS] = {"default", "one", "two"};

/* cells[v][r][k]: what is there after commit v: 0 nothing, else the version that wrote it. */
static unsigned cells[COMMITS + 8][RUNS][KEYS];

static void check_version(unsigned version) {
    for (unsigned r = 0; r < RUNS; r++) {
        char expected[1024] = "{\"entries\":[";
        size_t len = strlen(expected);
        for (unsigned k = 0; k < KEYS; k++) {
            const unsigned cell = cells[version][r][k];
            const char *answer =
                ask(db, cell == 0 ? STRATA_NOT_FOUND : STRATA_OK, "kv.get",
                    "{\"run\":\"%s\",\"key\":\"k%u\",\"as_of\":%u}", run_names[r], k, version);
            if (cell == 0) {
                continue;
            }
            char entry[128];
            (void)snprintf(entry, sizeof entry, "\"value\":%u,\"version\":%u,\"timestamp\":%lld}",
                           cell, cell, (long long)(1700000000000000 + cell));
            assert_true(json_has(answer, entry));
            len += (size_t)snprintf(expected + len, sizeof expected - len, "%s{\"key\":\"k%u\",%s",
                                    expected[len - 1] == '[' ? "" : ",", k, entry);
        }
        (void)snprintf(expected + len, sizeof expected - len, "]}");
        assert_json(
            ask(db, STRATA_OK, "kv.list", "{\"run\":\"%s\",\"as_of\":%u}", run_names[r], version),
            expected);
    }
}

static void check_history(unsigned r, unsigned k, unsigned last) {
    static char expected[1 << 16];
    for (unsigned before = last + 1; before > 0; before -= before > 40 ? 40 : before) {
        size_t len = (size_t)snprintf(expected, sizeof expected, "{\"revisions\":[");
        for (unsigned v = before - 1; v > 0; v--) {
            const unsigned cell = cells[v][r][k];
            if (cell == cells[v - 1][r][k]) {
                continue;
            }
            len +=
                (size_t)snprintf(expected + len, sizeof expected - len,
                                 "%s{\"version\":%u,\"timestamp\":%lld,\"deleted\":%s",
                                 expected[len - 1] == '[' ? "" : ",", v,
                                 (long long)(1700000000000000 + v), cell == 0 ? "true" : "false");
            if (cell != 0) {
                len +=
                    (size_t)snprintf(expected + len, sizeof expected - len, ",\"value\":%u", cell);
            }
            len += (size_t)snprintf(expected + len, sizeof expected - len, "}");
        }
        (void)snprintf(expected + len, sizeof expected - len, "]}");
        assert_json(ask(db, STRATA_OK, "kv.history",
                        "{\"run\":\"%s\",\"key\":\"k%u\",\"limit\":1000,\"before\":%u}",
                        run_names[r], k, before),
                    expected);
    }
}

static void every_version(void **state) {
    (void)state;
    uint64_t chance = 77;
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"one\"}");
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"two\"}");
    const unsigned first = (unsigned)db_version(db);
    for (unsigned v = first + 1; v <= COMMITS; v++) {
        const unsigned r = (unsigned)test_random_below(&chance, RUNS);
        const unsigned k = (unsigned)test_random_below(&chance, KEYS);
        memcpy(cells[v], cells[v - 1], sizeof cells[0]);
        machine->wall_us = 1700000000000000 + v;
        if (cells[v][r][k] != 0 && test_random_below(&chance, 3) == 0) {
            (void)ask(db, STRATA_OK, "kv.delete", "{\"run\":\"%s\",\"key\":\"k%u\"}", run_names[r],
                      k);
            cells[v][r][k] = 0;
        } else {
            (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"%s\",\"key\":\"k%u\",\"value\":%u}",
                      run_names[r], k, v);
            cells[v][r][k] = v;
        }
        assert_int_equal(db_version(db), v);
        if (v % 40 == 0) {
            check_version(v);
        }
    }
    for (unsigned v = 0; v <= COMMITS; v += 1 + v % 3) {
        check_version(v);
    }
    for (unsigned r = 0; r < RUNS; r++) {
        for (unsigned k = 0; k < KEYS; k++) {
            check_history(r, k, COMMITS);
        }
    }
    (void)ask(db, STRATA_INVALID_ARGUMENT, "kv.get", "{\"key\":\"k0\",\"as_of\":%d}", COMMITS + 1);
    (void)ask(db, STRATA_INVALID_ARGUMENT, "kv.list", "{\"as_of\":%d}", COMMITS + 1);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

enum { LISTED = 23 };

static const char *const listed[LISTED] = {
    "!",  "a",  "a!", "a/", "aa", "aaa", "ab", "abc", "abd", "ac", "b",    "b1",
    "b2", "b3", "c",  "ca", "cb", "d",   "é",  "éa",  "ü",   "ß",  "日本",
};

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Reads all pages of so many entries and compares them with those of `listed` in the bounds. */
static void check_pages(const char *prefix, const char *start, const char *end, bool reverse,
                        unsigned limit) {
    const char *sorted[LISTED];
    char cursor[64] = "";
    size_t wanted = 0;
    memcpy(sorted, listed, sizeof listed);
    qsort(sorted, LISTED, sizeof sorted[0], compare_texts);
    for (size_t i = 0; i < LISTED; i++) {
        if (strncmp(sorted[i], prefix, strlen(prefix)) == 0 &&
            (start[0] == '\0' || strcmp(sorted[i], start) >= 0) &&
            (end[0] == '\0' || strcmp(sorted[i], end) < 0)) {
            sorted[wanted++] = sorted[i];
        }
    }
    size_t seen = 0;
    for (bool more = true; more;) {
        const char *page = ask(db, STRATA_OK, "kv.list",
                               "{\"prefix\":\"%s\",\"start\":\"%s\",\"end\":\"%s\",\"reverse\":%s,"
                               "\"limit\":%u%s}",
                               prefix, start, end, reverse ? "true" : "false", limit, cursor);
        unsigned count = 0;
        const char *at = page;
        while ((at = strstr(at, "{\"key\":\"")) != NULL) {
            at += 8;
            assert_true(seen < wanted && count < limit);
            const char *expected = sorted[reverse ? wanted - 1 - seen : seen];
            assert_true(strncmp(at, expected, strlen(expected)) == 0 &&
                        at[strlen(expected)] == '"');
            seen++;
            count++;
        }
        const char *next = strstr(page, "\"cursor\":\"");
        more = next != NULL;
        assert_true(!more || count == limit);
        if (more) {
            const int len = (int)(strchr(next + 10, '"') - next - 10);
            (void)snprintf(cursor, sizeof cursor, ",\"cursor\":\"%.*s\"", len, next + 10);
        }
    }
    assert_int_equal(seen, wanted);
}

static void pages(void **state) {
    (void)state;
    static const char *const prefixes[] = {"", "a", "aa", "ab", "b", "é", "x", "\xe6\x97\xa5"};
    static const char *const edges[] = {"", "!", "a", "ab", "abc", "b2", "é", "日本", "zz"};
    for (size_t i = 0; i < LISTED; i++) {
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"%s\",\"value\":null}", listed[i]);
    }
    for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
        for (size_t s = 0; s < sizeof edges / sizeof edges[0]; s++) {
            for (size_t e = 0; e < sizeof edges / sizeof edges[0]; e++) {
                const unsigned limit = 1 + (unsigned)((p + s + e) % 5);
                check_pages(prefixes[p], edges[s], edges[e], false, limit);
                check_pages(prefixes[p], edges[s], edges[e], true, limit);
            }
        }
    }
    for (unsigned limit = 1; limit < LISTED + 3; limit++) {
        check_pages("", "", "", false, limit);
        check_pages("", "", "", true, limit);
    }
    for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
        int64_t count = 0;
        for (size_t i = 0; i < LISTED; i++) {
            count += strncmp(listed[i], prefixes[p], strlen(prefixes[p])) == 0;
        }
        assert_int_equal(
            json_int(ask(db, STRATA_OK, "kv.count", "{\"prefix\":\"%s\"}", prefixes[p]), "count"),
            count);
    }
    /* No key holds a NUL, so a bound with one is a mistake, and not some other bound. */
    static const char *const bounds[] = {"prefix", "start", "end", "cursor"};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        (void)ask(db, STRATA_INVALID_KEY, "kv.list", "{\"%s\":\"a\\u0000\"}", bounds[i]);
        (void)ask(db, STRATA_INVALID_KEY, "kv.list", "{\"%s\":\"%01025d\"}", bounds[i], 0);
        (void)ask(db, STRATA_OK, "kv.list", "{\"%s\":\"%01024d\"}", bounds[i], 0);
    }
}

/* ---- Counters and comparisons ---------------------------------------------------------------- */

static void increments(void **state) {
    (void)state;
    static const struct {
        int64_t start;
        int64_t by;
        bool fits;
    } cases[] = {
        {0, 1, true},          {-5, 5, true},          {INT64_MAX - 1, 1, true},
        {INT64_MAX, 1, false}, {INT64_MIN, -1, false}, {INT64_MIN, INT64_MAX, true},
        {1, INT64_MAX, false}, {-2, INT64_MIN, false}, {0, INT64_MIN, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"n\",\"value\":%lld}",
                  (long long)cases[i].start);
        const uint64_t version = db_version(db);
        const char *answer = ask(db, cases[i].fits ? STRATA_OK : STRATA_OVERFLOW, "kv.incr",
                                 "{\"key\":\"n\",\"by\":%lld}", (long long)cases[i].by);
        if (cases[i].fits) {
            assert_int_equal(json_int(answer, "value"), cases[i].start + cases[i].by);
        } else {
            assert_int_equal(db_version(db), version);
            assert_int_equal(json_int(ask(db, STRATA_OK, "kv.get", "{\"key\":\"n\"}"), "value"),
                             cases[i].start);
        }
    }
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.incr", "{\"key\":\"new\"}"), "value"), 1);
    (void)ask(db, STRATA_OK, "kv.delete", "{\"key\":\"new\"}");
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.incr", "{\"key\":\"new\",\"by\":7}"), "value"),
                     7);
    static const char *const others[] = {"1.0", "\"1\"", "null", "true", "[1]", "{}"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"x\",\"value\":%s}", others[i]);
        (void)ask(db, STRATA_WRONG_TYPE, "kv.incr", "{\"key\":\"x\"}");
    }
}

static void compare_and_swap(void **state) {
    (void)state;
    (void)ask(db, STRATA_INVALID_ARGUMENT, "kv.cas", "{\"key\":\"k\",\"value\":1}");
    (void)ask(db, STRATA_CONFLICT, "kv.cas", "{\"key\":\"k\",\"value\":1,\"expected_version\":1}");
    (void)ask(db, STRATA_CONFLICT, "kv.cas", "{\"key\":\"k\",\"value\":1,\"expected_value\":null}");
    const int64_t first =
        json_int(ask(db, STRATA_OK, "kv.cas", "{\"key\":\"k\",\"value\":1,\"expected_version\":0}"),
                 "version");
    const char *answer =
        ask(db, STRATA_CONFLICT, "kv.cas", "{\"key\":\"k\",\"value\":2,\"expected_version\":0}");
    assert_int_equal(json_int(answer, "version"), first);
    (void)ask(db, STRATA_CONFLICT, "kv.cas", "{\"key\":\"k\",\"value\":2,\"expected_value\":1.0}");
    (void)ask(db, STRATA_CONFLICT, "kv.cas",
              "{\"key\":\"k\",\"value\":2,\"expected_value\":1,\"expected_version\":%lld}",
              (long long)first - 1);
    (void)ask(db, STRATA_OK, "kv.cas",
              "{\"key\":\"k\",\"value\":{\"a\":[1,2.5,\"x\"]},\"expected_value\":1,"
              "\"expected_version\":%lld}",
              (long long)first);
    (void)ask(db, STRATA_OK, "kv.cas",
              "{\"key\":\"k\",\"value\":null,\"expected_value\":{\"a\":[1,2.5,\"x\"]}}");
    (void)ask(db, STRATA_OK, "kv.cas", "{\"key\":\"k\",\"value\":5,\"expected_value\":null}");
    (void)ask(db, STRATA_OK, "kv.delete", "{\"key\":\"k\"}");
    (void)ask(db, STRATA_CONFLICT, "kv.cas", "{\"key\":\"k\",\"value\":1,\"expected_value\":5}");
    (void)ask(db, STRATA_OK, "kv.cas", "{\"key\":\"k\",\"value\":1,\"expected_version\":0}");
    const uint64_t version = db_version(db);
    assert_json(ask(db, STRATA_OK, "kv.delete", "{\"key\":\"gone\"}"), "{\"existed\":false}");
    assert_int_equal(db_version(db), version);
    assert_json(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"gone\"}"), "{\"exists\":false}");
    assert_json(ask(db, STRATA_OK, "kv.exists", "{\"key\":\"k\"}"), "{\"exists\":true}");
}

/* ---- Values and limits ----------------------------------------------------------------------- */

static void expect_same(strata_value value) {
    strata_entry entry;
    assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text("v"), value, NULL),
                     STRATA_OK);
    assert_int_equal(strata_kv_get(db, STRATA_RUN_DEFAULT, strata_text("v"), &entry), STRATA_OK);
    assert_int_equal(entry.value.type, value.type);
    switch (value.type) {
    case STRATA_STRING:
    case STRATA_BYTES:
    case STRATA_ARRAY:
    case STRATA_OBJECT:
        test_bytes_equal(entry.value.as.bytes, value.as.bytes, "value");
        break;
    case STRATA_BOOL:
        assert_int_equal(entry.value.as.boolean, value.as.boolean);
        break;
    default: /* to the last bit */
        assert_memory_equal(&entry.value.as, &value.as, sizeof(int64_t));
        break;
    }
}

static void values_come_back(void **state) {
    (void)state;
    static const uint64_t doubles[] = {0,
                                       0x8000000000000000u,
                                       0x3ff0000000000000u,
                                       0x7ff0000000000000u,
                                       0xfff0000000000000u,
                                       0x7ff8000000000000u,
                                       0x7ff0000000000001u, /* a signalling NaN */
                                       0xfff8123456789abcu,
                                       1};
    static const int64_t ints[] = {0,   1,     -1,    127,       128,      -32,
                                   -33, 65535, 65536, INT64_MAX, INT64_MIN};
    expect_same(strata_null());
    expect_same(strata_bool(true));
    expect_same(strata_bool(false));
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        expect_same(strata_int(ints[i]));
    }
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
        strata_value value = strata_float(0);
        memcpy(&value.as.real, &doubles[i], sizeof value.as.real);
        expect_same(value);
    }
    expect_same(strata_string(st_slice("", 0)));
    expect_same(strata_string(st_slice("a\0b\xc3\xa9", 5)));
    expect_same(strata_bytes(st_slice("", 0)));
    expect_same(strata_bytes(st_slice("\x00\xff", 2)));
    expect_same(strata_object(test_hex("80")));
    expect_same(strata_object(test_hex("82 a1 61 01 a1 62 93 c0 c2 cb 3f f8 00 00 00 00 00 00")));
    expect_same((strata_value){STRATA_ARRAY, {.bytes = test_hex("92 81 a0 90 c4 01 ff")}});
}

/* An array in an array ... `depth` deep. */
static strata_slice nested(size_t depth) {
    static uint8_t bytes[300];
    memset(bytes, 0x91, depth);
    bytes[depth - 1] = 0x90;
    return st_slice(bytes, depth);
}

static strata_status put_array(strata_slice msgpack) {
    const strata_value value = {STRATA_ARRAY, {.bytes = msgpack}};
    return strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text("v"), value, NULL);
}

static void expect_reason(const char *reason) {
    const strata_error *error = strata_last_error(db);
    assert_int_equal(error->code, STRATA_CONSTRAINT);
    assert_string_equal(error->fields[0].name, "reason");
    assert_string_equal(error->fields[0].text, reason);
}

/* The same value through strata_exec must give the same answer. */
static strata_status exec_put(strata_slice msgpack) {
    static const char head[] = "\x92\xa6"
                               "kv.put"
                               "\x82\xa3"
                               "key"
                               "\xa1v\xa5"
                               "value";
    strata_buffer request = test_buffer();
    strata_buffer response = test_buffer();
    assert_int_equal(st_buffer_append(&request, head, sizeof head - 1), STRATA_OK);
    assert_int_equal(st_buffer_append(&request, msgpack.data, msgpack.len), STRATA_OK);
    const strata_status status = strata_exec(db, st_buffer_slice(&request), &response);
    strata_buffer_free(&request);
    strata_buffer_free(&response);
    return status;
}

static void nesting(void **state) {
    (void)state;
    assert_int_equal(put_array(nested(128)), STRATA_OK);
    assert_int_equal(exec_put(nested(128)), STRATA_OK);
    assert_int_equal(put_array(nested(129)), STRATA_CONSTRAINT);
    expect_reason("nesting_too_deep");
    assert_int_equal(exec_put(nested(129)), STRATA_CONSTRAINT);
    expect_reason("nesting_too_deep");
    assert_int_equal(exec_put(nested(300)), STRATA_CONSTRAINT);
    /* Deep and malformed is malformed. */
    const strata_slice cut = nested(200);
    assert_int_equal(exec_put(st_slice(cut.data, 199)), STRATA_INVALID_ARGUMENT);
    (void)ask(db, STRATA_OK, "kv.get", "{\"key\":\"v\"}");
}

static void entries(void **state) {
    (void)state;
    enum { MOST = 1000000 };
    strata_buffer array = test_buffer();
    for (uint32_t count = MOST; count <= MOST + 1; count++) {
        array.len = 0;
        assert_int_equal(st_msgpack_put_array(&array, count), STRATA_OK);
        assert_int_equal(st_buffer_reserve(&array, count), STRATA_OK);
        memset(array.data + array.len, 0xc0, count);
        array.len += count;
        const strata_status expected = count == MOST ? STRATA_OK : STRATA_CONSTRAINT;
        assert_int_equal(put_array(st_buffer_slice(&array)), expected);
        assert_int_equal(exec_put(st_buffer_slice(&array)), expected);
    }
    expect_reason("too_many_entries");
    strata_buffer_free(&array);
}

static void large_values(void **state) {
    (void)state;
    enum { LIMIT = 16 << 20, SEVENTEEN = 17 << 20 };
    static uint8_t big[SEVENTEEN];
    memset(big, 'x', sizeof big);
    const uint64_t version = db_version(db);
    for (int text = 0; text < 2; text++) {
        strata_value value = strata_bytes(st_slice(big, SEVENTEEN));
        value.type = text == 1 ? STRATA_STRING : STRATA_BYTES;
        assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text("v"), value, NULL),
                         STRATA_CONSTRAINT);
        expect_reason("value_too_large");
        value.as.bytes.len = LIMIT + 1;
        assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text("v"), value, NULL),
                         STRATA_CONSTRAINT);
    }
    assert_int_equal(db_version(db), version);
    expect_same(strata_bytes(st_slice(big, LIMIT)));
    /* And the limit that open sets, on the whole encoded value. */
    strata_options options = db_options(machine, STRATA_MEMORY);
    options.value_bytes_max = 1000;
    strata_db *before = db;
    assert_int_equal(strata_open(":memory:", &options, &db), STRATA_OK);
    expect_same(strata_bytes(st_slice(big, 997)));
    assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text("v"),
                                   strata_bytes(st_slice(big, 998)), NULL),
                     STRATA_CONSTRAINT);
    expect_reason("value_too_large");
    db_close(db);
    db = before;
}

static void keys(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        strata_status status;
    } cases[] = {
        {"", 0, STRATA_INVALID_KEY},
        {"a", 1, STRATA_OK},
        {"a\0b", 3, STRATA_INVALID_KEY},
        {"\0", 1, STRATA_INVALID_KEY},
        {"\x80", 1, STRATA_INVALID_KEY},
        {"\xed\xa0\x80", 3, STRATA_INVALID_KEY}, /* a surrogate */
        {"\x01\x7f", 2, STRATA_OK},
        {"_strata/", 8, STRATA_INVALID_KEY},
        {"_strata/x", 9, STRATA_INVALID_KEY},
        {"_strata", 7, STRATA_OK},
        {"_Strata/x", 9, STRATA_OK},
        {"\xf4\x8f\xbf\xbf", 4, STRATA_OK},
    };
    strata_entry entry;
    bool existed;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const strata_slice key = st_slice(cases[i].text, cases[i].len);
        const strata_status wanted = cases[i].status;
        assert_int_equal(strata_kv_put(db, 1, key, strata_int(1), NULL), wanted);
        assert_int_equal(strata_kv_get(db, 1, key, &entry), wanted);
        assert_int_equal(strata_kv_delete(db, 1, key, &existed), wanted);
    }
    static char longest[1025];
    memset(longest, 'k', sizeof longest);
    assert_int_equal(strata_kv_put(db, 1, st_slice(longest, 1024), strata_int(1), NULL), STRATA_OK);
    assert_int_equal(strata_kv_get(db, 1, st_slice(longest, 1024), &entry), STRATA_OK);
    assert_int_equal(strata_kv_get(db, 1, st_slice(longest, 1023), &entry), STRATA_NOT_FOUND);
    assert_int_equal(strata_kv_put(db, 1, st_slice(longest, 1025), strata_int(1), NULL),
                     STRATA_INVALID_KEY);
    assert_string_equal(strata_last_error(db)->fields[0].text, "key_too_long");
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(every_version),
        case_of(pages),
        case_of(increments),
        case_of(compare_and_swap),
        case_of(values_come_back),
        case_of(nesting),
        case_of(entries),
        case_of(large_values),
        case_of(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
