/* test_memory.c - memories: what is remembered, replaced and forgotten is what recall and list
 * show, with the same hits, scores and snippets after reopening and with an index built at the
 * first question; keys that sort by time whatever the clock does.
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

static void reopen(uint32_t flags) {
    strata_options options = db_options(machine, STRATA_BUFFERED);
    options.flags = flags;
    db_close(db);
    assert_int_equal(strata_open("db", &options, &db), STRATA_OK);
}

/* ---- Recall ---------------------------------------------------------------------------------- */

static const char *const questions[] = {"harbour lantern",      "copper",
                                        "walnut ferry saffron", "common",
                                        "nothing of these",     "quartz quartz"};

enum { QUESTIONS = sizeof questions / sizeof questions[0] };

/* All answers, one after the other. */
static void ask_all(char *answers, size_t size) {
    size_t len = 0;
    for (size_t i = 0; i < QUESTIONS; i++) {
        len +=
            (size_t)snprintf(answers + len, size - len, "%s\n",
                             ask(db, STRATA_OK, "memory.recall",
                                 "{\"query\":\"%s\",\"k\":20,\"with_text\":true}", questions[i]));
        assert_true(len < size);
    }
}

static void same_answers_after_reopening(void **state) {
    (void)state;
    enum { CHANGES = 150, SIZE = 1 << 18 };
    static const char *const words[] = {"harbour", "lantern", "copper", "thistle", "meridian",
                                        "walnut",  "ferry",   "quartz", "saffron", "orchard"};
    static char before[SIZE];
    static char after[SIZE];
    uint64_t chance = 31;
    for (int i = 0; i < CHANGES; i++) {
        const unsigned key = (unsigned)test_random_below(&chance, 40);
        char text[512];
        size_t len = (size_t)snprintf(text, sizeof text, "common");
        for (uint64_t left = test_random_below(&chance, 30); left > 0; left--) {
            len += (size_t)snprintf(text + len, sizeof text - len, " %s",
                                    words[test_random_below(&chance, 10)]);
        }
        if (test_random_below(&chance, 4) == 0) {
            (void)ask(db, STRATA_OK, "memory.forget", "{\"key\":\"m%u\"}", key);
        } else {
            (void)ask(db, STRATA_OK, "memory.remember", "{\"key\":\"m%u\",\"text\":\"%s\"}", key,
                      text);
        }
        if (i == CHANGES / 2) {
            reopen(0); /* half of it is built at open, half as it comes */
        }
    }
    ask_all(before, SIZE);
    assert_true(json_has(before, "\"snippet\":"));
    reopen(0);
    ask_all(after, SIZE);
    assert_string_equal(after, before);
    reopen(STRATA_OPEN_LAZY_INDEX);
    ask_all(after, SIZE);
    assert_string_equal(after, before);
    reopen(STRATA_OPEN_LAZY_INDEX); /* written to before the first question */
    (void)ask(db, STRATA_OK, "memory.remember", "{\"key\":\"late\",\"text\":\"common harbour\"}");
    (void)ask(db, STRATA_OK, "memory.forget", "{\"key\":\"late\"}");
    ask_all(after, SIZE);
    assert_string_equal(after, before);
    strata_buffer dump = db_dump(db); /* recall agrees with memory.list */
    strata_buffer_free(&dump);
    db_verify(db);
}

static void replaced_and_forgotten(void **state) {
    (void)state;
    const int64_t first =
        json_int(ask(db, STRATA_OK, "memory.remember",
                     "{\"key\":\"m\",\"text\":\"old words\",\"metadata\":{\"a\":1},"
                     "\"tags\":[\"x\",\"y\"]}"),
                 "version");
    assert_json(ask(db, STRATA_OK, "memory.get", "{\"key\":\"m\"}"),
                "{\"memory\":{\"key\":\"m\",\"text\":\"old words\",\"metadata\":{\"a\":1},"
                "\"tags\":[\"x\",\"y\"],\"version\":2,\"timestamp\":1700000000000000}}");
    const int64_t second = json_int(
        ask(db, STRATA_OK, "memory.remember", "{\"key\":\"m\",\"text\":\"new words\"}"), "version");
    assert_json(ask(db, STRATA_OK, "memory.get", "{\"key\":\"m\"}"),
                "{\"memory\":{\"key\":\"m\",\"text\":\"new words\",\"metadata\":{},\"tags\":[],"
                "\"version\":3,\"timestamp\":1700000000000000}}");
    assert_true(
        json_has(ask(db, STRATA_OK, "memory.recall", "{\"query\":\"old\"}"), "\"hits\":[]"));
    assert_true(
        json_has(ask(db, STRATA_OK, "memory.recall", "{\"query\":\"new\"}"), "\"version\":3"));
    const int64_t third =
        json_int(ask(db, STRATA_OK, "memory.forget", "{\"key\":\"m\"}"), "version");
    assert_true(
        json_has(ask(db, STRATA_OK, "memory.recall", "{\"query\":\"words\"}"), "\"hits\":[]"));
    (void)ask(db, STRATA_NOT_FOUND, "memory.get", "{\"key\":\"m\"}");
    assert_json(ask(db, STRATA_OK, "memory.forget", "{\"key\":\"m\"}"), "{\"existed\":false}");
    const struct {
        int64_t as_of;
        const char *text;
    } cases[] = {{first - 1, NULL}, {first, "old words"}, {second, "new words"}, {third, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *answer =
            ask(db, cases[i].text == NULL ? STRATA_NOT_FOUND : STRATA_OK, "memory.get",
                "{\"key\":\"m\",\"as_of\":%lld}", (long long)cases[i].as_of);
        assert_true(cases[i].text == NULL || json_has(answer, cases[i].text));
    }
}

static void listed(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        machine->wall_us = 1700000000000000 + i;
        (void)ask(db, STRATA_OK, "memory.remember",
                  "{\"key\":\"%c%02d\",\"text\":\"common\",\"tags\":[\"t%d\"]}", i < 10 ? 'a' : 'b',
                  i, i % 3);
    }
    static const struct {
        const char *arguments;
        const char *keys;
    } cases[] = {
        {"{\"prefix\":\"b\",\"tag\":\"t1\"}", "b10 b13 b16 b19 "},
        {"{\"tag\":\"t0\",\"reverse\":true,\"limit\":3}", "b18 b15 b12 "},
        {"{\"tag\":\"none\"}", ""},
        {"{\"after\":1700000000000017}", "b17 b18 b19 "},
        {"{\"before\":1700000000000002}", "a00 a01 "},
        {"{\"after\":1700000000000003,\"before\":1700000000000005,\"reverse\":true}", "a04 a03 "},
        {"{\"cursor\":\"b17\"}", "b18 b19 "},
        {"{\"cursor\":\"a02\",\"reverse\":true}", "a01 a00 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *page = ask(db, STRATA_OK, "memory.list", "%s", cases[i].arguments);
        char keys[256] = "";
        for (const char *at = page; (at = strstr(at, "{\"key\":\"")) != NULL; at++) {
            (void)snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%.3s ", at + 8);
        }
        assert_string_equal(keys, cases[i].keys);
    }
}

/* ---- Keys that are made ---------------------------------------------------------------------- */

static void made_keys_go_up(void **state) {
    (void)state;
    enum { COUNT = 600 };
    char last[27] = "";
    char first_of_hour[27] = "";
    for (int i = 0; i < COUNT; i++) {
        if (i % 100 == 50) {
            machine->wall_us += 3600000000;
        } else if (i % 100 == 70) {
            machine->wall_us -= 7200000000; /* back, for good */
        }
        const char *answer = ask(db, STRATA_OK, "memory.remember", "{\"text\":\"common\"}");
        const char *key = strstr(answer, "\"key\":\"") + 7;
        assert_int_equal(strspn(key, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
        if (memcmp(key, last, 26) <= 0) {
            fail_msg("%.26s after %s", key, last);
        }
        memcpy(last, key, 26);
        if (i == 50) {
            memcpy(first_of_hour, key, 26);
        }
    }
    assert_int_equal(json_int(ask(db, STRATA_OK, "db.stats", "{}"), "memories"), COUNT);
    /* The first ten characters are the time: 1700003600000 ms. */
    assert_memory_equal(first_of_hour, "01HF81RNM0", 10);
}

/* All the chance of a millisecond is used up: the next key takes the next millisecond. */
static void chance_used_up(void **state) {
    (void)state;
    char last[27] = "";
    machine->hook = NULL;
    for (int i = 0; i < 3; i++) {
        st_model *model = &db->engine->model;
        if (i == 1) {
            memset(model->id_chance, 0xff, sizeof model->id_chance);
        }
        const char *answer = ask(db, STRATA_OK, "memory.remember", "{\"text\":\"common\"}");
        const char *key = strstr(answer, "\"key\":\"") + 7;
        assert_true(memcmp(key, last, 26) > 0);
        assert_true((memcmp(key, last, 10) == 0) == (i == 2));
        memcpy(last, key, 26);
    }
}

static void refused(void **state) {
    (void)state;
    enum { LIMIT = 16 << 20 };
    static char text[LIMIT + 1];
    strata_memory memory = STRATA_MEMORY_INIT;
    strata_slice tags[257];
    const uint64_t version = db_version(db);
    memory.key = strata_text("m");
    memory.text = st_slice("\xff", 1);
    assert_int_equal(strata_memory_remember(db, 1, &memory, NULL, NULL), STRATA_INVALID_ARGUMENT);
    memset(text, ' ', sizeof text);
    memory.text = st_slice(text, sizeof text);
    assert_int_equal(strata_memory_remember(db, 1, &memory, NULL, NULL), STRATA_CONSTRAINT);
    memory.text = strata_text("fine");
    memory.metadata = strata_int(1);
    assert_int_equal(strata_memory_remember(db, 1, &memory, NULL, NULL), STRATA_WRONG_TYPE);
    memory.metadata = strata_null();
    for (size_t i = 0; i < 257; i++) {
        tags[i] = strata_text("tag");
    }
    memory.tags = tags;
    memory.tag_count = 257;
    assert_int_equal(strata_memory_remember(db, 1, &memory, NULL, NULL), STRATA_CONSTRAINT);
    tags[3] = st_slice("\xff", 1);
    memory.tag_count = 4;
    assert_int_equal(strata_memory_remember(db, 1, &memory, NULL, NULL), STRATA_INVALID_ARGUMENT);
    memory.tag_count = 256;
    tags[3] = strata_text("tag");
    memory.size = 3;
    assert_int_equal(strata_memory_remember(db, 1, &memory, NULL, NULL), STRATA_INVALID_ARGUMENT);
    assert_int_equal(db_version(db), version);
    memory.size = sizeof memory;
    memory.text = st_slice(text, LIMIT);
    assert_int_equal(strata_memory_remember(db, 1, &memory, NULL, NULL), STRATA_OK);
    strata_memory_entry entry;
    assert_int_equal(strata_memory_get(db, 1, strata_text("m"), &entry), STRATA_OK);
    assert_int_equal(entry.text.len, LIMIT);
    assert_int_equal(entry.metadata.type, STRATA_NULL);
    (void)ask(db, STRATA_INVALID_KEY, "memory.remember", "{\"key\":\"\",\"text\":\"t\"}");
    (void)ask(db, STRATA_INVALID_KEY, "memory.remember", "{\"key\":\"_strata/m\",\"text\":\"t\"}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "memory.remember",
              "{\"key\":\"k\",\"text\":\"t\",\"tags\":[1]}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "memory.recall", "{\"query\":\"\"}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "memory.recall", "{\"query\":\"!?\"}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "memory.recall", "{\"query\":\"a\",\"k\":0}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "memory.recall", "{\"query\":\"a\",\"k\":1001}");
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(same_answers_after_reopening),
        case_of(replaced_and_forgotten),
        case_of(listed),
        case_of(made_keys_go_up),
        case_of(chance_used_up),
        case_of(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
