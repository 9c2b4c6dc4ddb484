/* test_find.c - filters, orders and pages: the same answer with and without indexes, now, in the past, inside
 * transactions and after flushes; and against conditions that the test decides by itself.
 *
 * Two runs hold the same documents; one has indexes. Whatever is asked of the one is asked of the other.
 */
#include "store_support.h"

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

/* ---- Documents ------------------------------------------------------------------------------- */

enum { DOCS = 60, ROUNDS = 500, TEXT_MAX = 1 << 16 };

static const char *const runs[] = {"plain", "indexed"};

static void make_runs(void) {
    for (unsigned r = 0; r < 2; r++) {
        (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"%s\"}", runs[r]);
    }
    static const char *const indexes[][2] = {
        {"n", "/n"}, {"city", "$.place.city"}, {"tags", "/tags"}, {"late", "/late"}};
    for (size_t i = 0; i < 3; i++) {
        (void)ask(db, STRATA_OK, "index.create",
                  "{\"run\":\"indexed\",\"name\":\"%s\",\"path\":\"%s\"}", indexes[i][0],
                  indexes[i][1]);
    }
}

static void in_both(const char *op, const char *arguments) {
    const strata_status status = tell(db, op, "{\"run\":\"plain\",%s}", arguments);
    assert_int_equal(tell(db, op, "{\"run\":\"indexed\",%s}", arguments), status);
}

static void scalar(uint64_t *chance, char *out, size_t size) {
    static const char *const some[] = {"null",
                                       "true",
                                       "false",
                                       "1",
                                       "1.0",
                                       "2",
                                       "2.5",
                                       "-3",
                                       "\"a\"",
                                       "\"b\"",
                                       "\"\"",
                                       "{\"o\":1}",
                                       "[1,2]",
                                       "9007199254740993",
                                       "9007199254740992.0"};
    (void)snprintf(out, size, "%s", some[test_random_below(chance, sizeof some / sizeof some[0])]);
}

static void change(uint64_t *chance) {
    char arguments[1024];
    char value[64];
    const unsigned d = (unsigned)test_random_below(chance, DOCS);
    const unsigned n = (unsigned)test_random_below(chance, 20);
    scalar(chance, value, sizeof value);
    switch (test_random_below(chance, 8)) {
    case 0:
        (void)snprintf(arguments, sizeof arguments, "\"key\":\"d%u\"", d);
        in_both("json.destroy", arguments);
        break;
    case 1:
        (void)snprintf(arguments, sizeof arguments, "\"key\":\"d%u\",\"path\":\"/n\",\"value\":%s",
                       d, value);
        in_both("json.set", arguments);
        break;
    case 2:
        (void)snprintf(arguments, sizeof arguments,
                       "\"key\":\"d%u\",\"path\":\"/place/city\",\"value\":\"c%u\"", d, n % 5);
        in_both("json.set", arguments);
        break;
    case 3:
        (void)snprintf(arguments, sizeof arguments,
                       "\"key\":\"d%u\",\"path\":\"/tags/-\",\"value\":%s", d, value);
        in_both("json.set", arguments);
        break;
    case 4:
        (void)snprintf(arguments, sizeof arguments,
                       "\"key\":\"d%u\",\"patch\":{\"n\":%u,\"tags\":null}", d, n);
        in_both("json.merge", arguments);
        break;
    default:
        (void)snprintf(
            arguments, sizeof arguments,
            "\"key\":\"d%u\",\"path\":\"\",\"value\":{\"n\":%u,\"place\":{\"city\":\"c%u\"},"
            "\"tags\":[%s,\"t%u\"],\"late\":%u}",
            d, n, n % 7, value, n % 3, n % 4);
        in_both("json.set", arguments);
        break;
    }
}

static void in_txns(uint64_t *chance) {
    uint64_t same = *chance;
    for (unsigned r = 0; r < 2; r++) {
        uint64_t mine = same;
        const long long txn =
            json_int(ask(db, STRATA_OK, "txn.begin", "{\"run\":\"%s\"}", runs[r]), "txn");
        for (unsigned i = 0; i < 4; i++) {
            const unsigned d = (unsigned)test_random_below(&mine, DOCS);
            const unsigned n = (unsigned)test_random_below(&mine, 20);
            (void)tell(db, i == 2 ? "json.destroy" : "json.set",
                       i == 2 ? "{\"txn\":%lld,\"key\":\"d%u\"}"
                              : "{\"txn\":%lld,\"key\":\"d%u\",\"path\":\"/n\",\"value\":%u}",
                       txn, d, n);
            (void)tell(db, "json.set",
                       "{\"txn\":%lld,\"key\":\"d%u\",\"path\":\"\",\"value\":{\"n\":%u}}", txn,
                       d + i % 2, n);
        }
        (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
        *chance = mine;
    }
}

/* ---- Questions ------------------------------------------------------------------------------- */

static void condition(uint64_t *chance, char *out, size_t size) {
    static const char *const paths[] = {"/n", "/place/city", "$.tags", "/late", "/n/o"};
    static const char *const ops[] = {"eq", "ne", "lt", "lte", "gt", "gte", "contains"};
    const char *path = paths[test_random_below(chance, 5)];
    char value[64];
    scalar(chance, value, sizeof value);
    if (path[1] == 'p') {
        (void)snprintf(value, sizeof value, "\"c%u\"", (unsigned)test_random_below(chance, 7));
    }
    switch (test_random_below(chance, 6)) {
    case 0:
        (void)snprintf(out, size, "{\"path\":\"%s\",\"exists\":%s}", path,
                       test_random_below(chance, 2) ? "true" : "false");
        break;
    case 1:
        (void)snprintf(out, size, "{\"path\":\"%s\",\"in\":[%s,3,\"c1\",7,3]}", path, value);
        break;
    case 2:
        (void)snprintf(out, size, "{\"path\":\"/n\",\"gte\":%u,\"lt\":%u}",
                       (unsigned)test_random_below(chance, 10),
                       (unsigned)test_random_below(chance, 20));
        break;
    default: {
        const char *op = ops[test_random_below(chance, 7)];
        const bool ordered = op[0] == 'l' || op[0] == 'g';
        if (ordered && (value[0] == '{' || value[0] == '[')) {
            (void)snprintf(value, sizeof value, "5");
        }
        (void)snprintf(out, size, "{\"path\":\"%s\",\"%s\":%s}", path, op, value);
        break;
    }
    }
}

static void question(uint64_t *chance, char *out, size_t size) {
    char a[256];
    char b[256];
    char where[1024];
    static const char *const orders[] = {
        "", ",\"order_by\":\"/n\"", ",\"order_by\":\"/place/city\"", ",\"order_by\":\"/late\""};
    condition(chance, a, sizeof a);
    condition(chance, b, sizeof b);
    switch (test_random_below(chance, 6)) {
    case 0:
        (void)snprintf(where, sizeof where, "{\"and\":[%s,%s]}", a, b);
        break;
    case 1:
        (void)snprintf(where, sizeof where, "{\"or\":[%s,{\"not\":%s}]}", a, b);
        break;
    case 2:
        (void)snprintf(where, sizeof where, "{\"and\":[{\"not\":%s},{\"and\":[{},%s]}]}", a, b);
        break;
    case 3:
        (void)snprintf(where, sizeof where, "{}");
        break;
    default:
        (void)snprintf(where, sizeof where, "%s", a);
        break;
    }
    (void)snprintf(out, size, "\"where\":%s%s%s%s", where, orders[test_random_below(chance, 4)],
                   test_random_below(chance, 3) == 0 ? ",\"reverse\":true" : "",
                   test_random_below(chance, 4) == 0 ? ",\"prefix\":\"d1\"" : "");
}

/* The keys of all pages, as text. */
static void find_all(const char *run, const char *asked, const char *more, unsigned limit,
                     char *keys) {
    char cursor[2048] = "";
    size_t len = 0;
    keys[0] = '\0';
    for (unsigned page = 0;; page++) {
        assert_true(page < 2 * DOCS);
        const char *answer = ask(db, STRATA_OK, "json.find", "{\"run\":\"%s\",%s%s,\"limit\":%u%s}",
                                 run, asked, more, limit, cursor);
        for (const char *at = answer; (at = strstr(at, "\"key\":\"")) != NULL; at += 7) {
            const char *end = strchr(at + 7, '"');
            len +=
                (size_t)snprintf(keys + len, TEXT_MAX - len, "%.*s ", (int)(end - at - 7), at + 7);
        }
        const char *next = strstr(answer, "\"cursor\":\"");
        if (next == NULL) {
            return;
        }
        const char *end = strchr(next + 10, '"');
        (void)snprintf(cursor, sizeof cursor, ",\"cursor\":\"%.*s\"", (int)(end - next - 10),
                       next + 10);
    }
}

static void compare_answers(const char *asked, const char *more, unsigned limit) {
    static char plain[TEXT_MAX];
    static char indexed[TEXT_MAX];
    static char whole[TEXT_MAX];
    find_all("plain", asked, more, limit, plain);
    find_all("indexed", asked, more, limit, indexed);
    find_all("plain", asked, more, 1000, whole);
    if (strcmp(plain, indexed) != 0 || strcmp(plain, whole) != 0) {
        fail_msg("%s%s, %u a page:\n%s\nwith indexes: %s\nin one page: %s", asked, more, limit,
                 plain, indexed, whole);
    }
}

static void with_and_without_indexes(void **state) {
    (void)state;
    uint64_t chance = env_number("SEED", 11);
    uint64_t versions[8] = {0};
    replay_hint("SEED=%llu", (unsigned long long)chance);
    make_runs();
    for (unsigned round = 0; round < ROUNDS; round++) {
        char asked[2048];
        for (unsigned i = 0; i < 4; i++) {
            change(&chance);
        }
        if (round % 11 == 0) {
            in_txns(&chance);
        }
        if (round == ROUNDS / 3) { /* of what is there already */
            (void)ask(db, STRATA_OK, "index.create",
                      "{\"run\":\"indexed\",\"name\":\"late\",\"path\":\"/late\"}");
        }
        if (round % 60 == 59) {
            versions[round / 60 % 8] = db_version(db);
            (void)ask(db, STRATA_OK, round % 120 == 59 ? "db.checkpoint" : "db.compact", "{}");
        }
        question(&chance, asked, sizeof asked);
        compare_answers(asked, "", 1 + (unsigned)test_random_below(&chance, 9));
        const uint64_t then = versions[test_random_below(&chance, 8)];
        if (then != 0) {
            char more[64];
            (void)snprintf(more, sizeof more, ",\"as_of\":%llu", (unsigned long long)then);
            compare_answers(asked, more, 7);
        }
    }
    (void)ask(db, STRATA_OK, "index.drop", "{\"run\":\"indexed\",\"name\":\"n\"}");
    db_close(db);
    db = db_open(machine, STRATA_BUFFERED);
    for (unsigned round = 0; round < 50; round++) {
        char asked[2048];
        question(&chance, asked, sizeof asked);
        compare_answers(asked, "", 5);
    }
    db_verify(db);
    replay_hint(NULL);
}

/* ---- By itself ------------------------------------------------------------------------------- */

static void count_of(const char *where, unsigned expected) {
    static char keys[TEXT_MAX];
    char asked[1024];
    unsigned count = 0;
    (void)snprintf(asked, sizeof asked, "\"where\":%s", where);
    find_all("default", asked, "", 1000, keys);
    for (const char *at = keys; *at != '\0'; at++) {
        count += *at == ' ' ? 1 : 0;
    }
    if (count != expected) {
        fail_msg("%s finds %u, not %u", where, count, expected);
    }
}

static void what_conditions_mean(void **state) {
    (void)state;
    static const char *const documents[] = {
        "{\"v\":1}", "{\"v\":1.0}",       "{\"v\":2}",    "{\"v\":\"1\"}",     "{\"v\":null}",
        "{}",        "{\"v\":[1,\"x\"]}", "{\"v\":true}", "{\"v\":{\"a\":1}}", "{\"v\":-1.5}",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"k%zu\",\"document\":%s}", i,
                  documents[i]);
    }
    static const struct {
        const char *where;
        unsigned count;
    } cases[] = {
        {"{}", 10},
        {"{\"path\":\"/v\",\"eq\":1}", 2}, /* ints and floats alike */
        {"{\"path\":\"/v\",\"eq\":1.0}", 2},
        {"{\"path\":\"/v\",\"ne\":1}", 8}, /* of what is missing, too */
        {"{\"path\":\"/v\",\"eq\":\"1\"}", 1},
        {"{\"path\":\"/v\",\"eq\":null}", 1}, /* missing is not null */
        {"{\"path\":\"/v\",\"eq\":[1,\"x\"]}", 1},
        {"{\"path\":\"/v\",\"eq\":{\"a\":1}}", 1},
        {"{\"path\":\"/v\",\"lt\":2}", 3},
        {"{\"path\":\"/v\",\"lte\":2}", 4},
        {"{\"path\":\"/v\",\"gt\":-2,\"lt\":1}", 1},
        {"{\"path\":\"/v\",\"gte\":\"\"}", 1}, /* strings with strings */
        {"{\"path\":\"/v\",\"gt\":false}", 1},
        {"{\"path\":\"/v\",\"contains\":\"x\"}", 1},
        {"{\"path\":\"/v\",\"contains\":1.0}", 1},
        {"{\"path\":\"/v\",\"contains\":2}", 0},
        {"{\"path\":\"/v\",\"in\":[2,\"1\",null]}", 3},
        {"{\"path\":\"/v\",\"in\":[]}", 0},
        {"{\"path\":\"/v\",\"exists\":true}", 9},
        {"{\"path\":\"/v\",\"exists\":false}", 1},
        {"{\"path\":\"/v/a\",\"eq\":1}", 1},
        {"{\"path\":\"/v/0\",\"eq\":1}", 1},
        {"{\"and\":[]}", 10},
        {"{\"or\":[]}", 0},
        {"{\"not\":{\"path\":\"/v\",\"eq\":1}}", 8},
        {"{\"or\":[{\"path\":\"/v\",\"eq\":2},{\"path\":\"/v\",\"eq\":null}]}", 2},
    };
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            count_of(cases[i].where, cases[i].count);
        }
        if (indexed == 0) {
            (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"v\",\"path\":\"/v\"}");
        }
    }
}

static void which_plan(void **state) {
    (void)state;
    static const struct {
        const char *asked;
        const char *plan;
    } cases[] = {
        {"\"where\":{\"path\":\"/a\",\"eq\":1}", "\"kind\":\"equal\",\"index\":\"a\""},
        {"\"where\":{\"path\":\"$.a\",\"eq\":1}", "\"kind\":\"equal\",\"index\":\"a\""},
        {"\"where\":{\"path\":\"/a\",\"contains\":\"x\"}", "\"kind\":\"equal\",\"index\":\"a\""},
        {"\"where\":{\"path\":\"/a\",\"in\":[1,2]}", "\"kind\":\"in\",\"index\":\"a\""},
        {"\"where\":{\"path\":\"/a\",\"in\":[1,[2]]}", "\"kind\":\"scan\""},
        {"\"where\":{\"path\":\"/a\",\"gt\":1}", "\"kind\":\"range\",\"index\":\"a\""},
        {"\"where\":{\"and\":[{\"path\":\"/a\",\"gt\":1},{\"path\":\"/b\",\"eq\":1}]}",
         "\"kind\":\"equal\",\"index\":\"b\""},
        {"\"where\":{\"or\":[{\"path\":\"/a\",\"eq\":1},{\"path\":\"/b\",\"eq\":1}]}",
         "\"kind\":\"scan\""},
        {"\"where\":{\"not\":{\"path\":\"/a\",\"eq\":1}}", "\"kind\":\"scan\""},
        {"\"where\":{\"path\":\"/c\",\"eq\":1}", "\"kind\":\"scan\""},
        {"\"where\":{\"path\":\"/a\",\"eq\":{\"x\":1}}", "\"kind\":\"scan\""},
        {"\"order_by\":\"/b\"", "\"kind\":\"order\",\"index\":\"b\""},
        {"\"order_by\":\"/c\"", "\"kind\":\"scan\""},
    };
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"a\",\"path\":\"/a\"}");
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"b\",\"path\":\"/b\"}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *answer =
            ask(db, STRATA_OK, "json.find", "{\"explain\":true,%s}", cases[i].asked);
        if (!json_has(answer, cases[i].plan)) {
            fail_msg("%s: %s", cases[i].asked, answer);
        }
    }
}

/* One value among many: only what has it is looked at, and a page of an order only as far as it goes. */
static void looks_at_few(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"n\",\"path\":\"/n\"}");
    for (unsigned i = 0; i < 1000; i++) {
        (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"k%u\",\"document\":{\"n\":%u}}", i,
                  i / 2);
    }
    assert_int_equal(json_int(ask(db, STRATA_OK, "json.find",
                                  "{\"where\":{\"path\":\"/n\",\"eq\":77},\"explain\":true}"),
                              "examined"),
                     2);
    assert_true(json_int(ask(db, STRATA_OK, "json.find",
                             "{\"order_by\":\"/n\",\"limit\":3,\"reverse\":true,\"explain\":true}"),
                         "examined") <= 5);
    assert_true(
        json_int(ask(db, STRATA_OK, "json.find",
                     "{\"where\":{\"path\":\"/n\",\"gte\":100},\"order_by\":\"/n\",\"limit\":3,"
                     "\"explain\":true}"),
                 "examined") <= 5);
}

static void bad_questions(void **state) {
    (void)state;
    static const char *const filters[] = {
        "{\"path\":1,\"eq\":1}",
        "{\"path\":\"/a\"}",
        "{\"path\":\"/a\",\"is\":1}",
        "{\"path\":\"/a\",\"in\":1}",
        "{\"path\":\"/a\",\"exists\":1}",
        "{\"path\":\"/a\",\"lt\":[1]}",
        "{\"and\":{}}",
        "{\"and\":[1]}",
        "{\"and\":[],\"or\":[]}",
        "{\"nor\":[]}",
        "{\"not\":[]}",
    };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        (void)ask(db, STRATA_INVALID_ARGUMENT, "json.find", "{\"where\":%s}", filters[i]);
    }
    (void)ask(db, STRATA_INVALID_PATH, "json.find", "{\"where\":{\"path\":\"a\",\"eq\":1}}");
    (void)ask(db, STRATA_INVALID_PATH, "json.find", "{\"order_by\":\"$.\"}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "json.find", "{\"order_by\":\"/a\",\"cursor\":\"x\"}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "json.find",
              "{\"order_by\":\"/a\",\"cursor\":\"AAAA\"}");
    for (unsigned depth = 100; depth <= 101; depth++) {
        char filter[4096];
        size_t len = 0;
        for (unsigned i = 0; i < depth; i++) {
            len += (size_t)snprintf(filter + len, sizeof filter - len, "{\"not\":");
        }
        len += (size_t)snprintf(filter + len, sizeof filter - len, "{}");
        for (unsigned i = 0; i < depth; i++) {
            len += (size_t)snprintf(filter + len, sizeof filter - len, "}");
        }
        (void)ask(db, depth == 100 ? STRATA_OK : STRATA_CONSTRAINT, "json.find", "{\"where\":%s}",
                  filter);
    }
}

/* ---- Memories, transactions, life ------------------------------------------------------------ */

static void memories(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "memory.remember",
              "{\"key\":\"a\",\"text\":\"one\",\"tags\":[\"x\",\"y\"],\"metadata\":{\"n\":1}}");
    (void)ask(db, STRATA_OK, "index.create",
              "{\"name\":\"tags\",\"primitive\":\"memory\",\"path\":\"/tags\"}");
    (void)ask(db, STRATA_OK, "memory.remember",
              "{\"key\":\"b\",\"text\":\"two\",\"tags\":[\"y\"]}");
    (void)ask(db, STRATA_OK, "memory.remember",
              "{\"key\":\"c\",\"text\":\"three\",\"tags\":[\"z\"],\"metadata\":{\"n\":2}}");
    const char *found = ask(db, STRATA_OK, "memory.find",
                            "{\"where\":{\"path\":\"/tags\",\"contains\":\"y\"},\"explain\":true}");
    assert_true(json_has(found, "\"key\":\"a\"") && json_has(found, "\"key\":\"b\""));
    assert_true(json_has(found, "\"kind\":\"equal\"") && json_has(found, "\"examined\":2"));
    (void)ask(db, STRATA_OK, "memory.forget", "{\"key\":\"b\"}");
    (void)ask(db, STRATA_OK, "memory.remember",
              "{\"key\":\"a\",\"text\":\"one\",\"tags\":[\"x\"]}");
    assert_json(
        ask(db, STRATA_OK, "memory.find", "{\"where\":{\"path\":\"/tags\",\"contains\":\"y\"}}"),
        "{\"memories\":[]}");
    found = ask(db, STRATA_OK, "memory.find", "{\"where\":{\"path\":\"/metadata/n\",\"gte\":2}}");
    assert_true(json_has(found, "\"key\":\"c\""));
    found = ask(db, STRATA_OK, "memory.find", "{\"where\":{\"path\":\"/text\",\"eq\":\"three\"}}");
    assert_true(json_has(found, "\"key\":\"c\""));
}

/* The longest keys, as they were given. */
static void long_keys(void **state) {
    (void)state;
    char key[1024 + 1] = {0};
    for (char c = 'a'; c <= 'c'; c++) {
        memset(key, c, sizeof key - 1);
        (void)ask(db, STRATA_OK, "memory.remember", "{\"key\":\"%s\",\"text\":\"one\"}", key);
    }
    const char *found = ask(db, STRATA_OK, "memory.find", "{}");
    for (char c = 'a'; c <= 'c'; c++) {
        memset(key, c, sizeof key - 1);
        assert_non_null(strstr(found, key));
    }
}

/* Who learns which indexes there are may have no memory for it; nothing is damaged then. */
static void without_memory(void **state) {
    (void)state;
    strata_status status = STRATA_NO_MEMORY;
    char path[2 * 90 + 1];
    for (size_t i = 0; i + 1 < sizeof path; i += 2) {
        memcpy(path + i, "/a", 3);
    }
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"deep\",\"path\":\"%s\"}", path);
    for (uint64_t nth = 1; status == STRATA_NO_MEMORY; nth++) {
        machine->memory_failed = false;
        sim_fail_memory(machine, nth);
        status = tell(db, "memory.remember", "{\"key\":\"k\",\"text\":\"one\"}");
        sim_fail_memory(machine, 0);
        assert_true(status == STRATA_OK || status == STRATA_NO_MEMORY);
        assert_true(nth < 1000);
    }
}

static void transactions(void **state) {
    (void)state;
    strata_db *other = NULL;
    assert_int_equal(strata_attach(db, &other), STRATA_OK);
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"n\",\"path\":\"/n\"}");
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"a\",\"document\":{\"n\":1}}");
    /* Own writes are found before they are in the index. */
    long long txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
    (void)ask(db, STRATA_OK, "json.create", "{\"txn\":%lld,\"key\":\"b\",\"document\":{\"n\":1}}",
              txn);
    (void)ask(db, STRATA_OK, "json.set", "{\"txn\":%lld,\"key\":\"a\",\"path\":\"/n\",\"value\":2}",
              txn);
    const char *found =
        ask(db, STRATA_OK, "json.find", "{\"txn\":%lld,\"where\":{\"path\":\"/n\",\"eq\":1}}", txn);
    assert_true(json_has(found, "\"key\":\"b\"") && !json_has(found, "\"key\":\"a\""));
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
    /* What comes to a value that was asked for is a conflict, what comes to another is none. */
    for (unsigned value = 1; value <= 2; value++) {
        txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
        (void)ask(db, STRATA_OK, "json.find", "{\"txn\":%lld,\"where\":{\"path\":\"/n\",\"eq\":1}}",
                  txn);
        (void)ask(db, STRATA_OK, "kv.put", "{\"txn\":%lld,\"key\":\"k\",\"value\":1}", txn);
        (void)ask(other, STRATA_OK, "json.create", "{\"key\":\"new%u\",\"document\":{\"n\":%u}}",
                  value, value);
        (void)ask(db, value == 1 ? STRATA_CONFLICT : STRATA_OK, "txn.commit", "{\"txn\":%lld}",
                  txn);
    }
    assert_int_equal(strata_close(other), STRATA_OK);
}

static void life_of_an_index(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"a\",\"document\":{\"n\":1}}");
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"n\",\"path\":\"/n\"}");
    (void)ask(db, STRATA_ALREADY_EXISTS, "index.create", "{\"name\":\"n\",\"path\":\"/n\"}");
    (void)ask(db, STRATA_INVALID_PATH, "index.create", "{\"name\":\"m\",\"path\":\"\"}");
    (void)ask(db, STRATA_INVALID_PATH, "index.create", "{\"name\":\"m\",\"path\":\"/a/-\"}");
    (void)ask(db, STRATA_INVALID_KEY, "index.create", "{\"name\":\"\",\"path\":\"/a\"}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "index.create",
              "{\"name\":\"m\",\"primitive\":\"kv\",\"path\":\"/a\"}");
    assert_true(json_has(ask(db, STRATA_OK, "index.drop", "{\"name\":\"n\"}"), "\"existed\":true"));
    assert_true(
        json_has(ask(db, STRATA_OK, "index.drop", "{\"name\":\"n\"}"), "\"existed\":false"));
    (void)ask(db, STRATA_OK, "json.set", "{\"key\":\"a\",\"path\":\"/n\",\"value\":2}");
    /* It comes back with nothing of what it was. */
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"n\",\"path\":\"/n\"}");
    assert_json(ask(db, STRATA_OK, "json.find", "{\"where\":{\"path\":\"/n\",\"eq\":1}}"),
                "{\"documents\":[]}");
    for (unsigned i = 1; i < 64; i++) {
        (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"i%u\",\"path\":\"/x\"}", i);
    }
    (void)ask(db, STRATA_CONSTRAINT, "index.create", "{\"name\":\"i64\",\"path\":\"/x\"}");
}

#define case_of(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(with_and_without_indexes),
        case_of(what_conditions_mean),
        case_of(which_plan),
        case_of(looks_at_few),
        case_of(bad_questions),
        case_of(memories),
        case_of(long_keys),
        case_of(without_memory),
        case_of(transactions),
        case_of(life_of_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
