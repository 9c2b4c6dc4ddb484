/* test_exec.c - strata_exec and bytes that are no request: every beginning of a good one, seeded
 * mutations, hostile counts, wrong arguments. Whatever comes in, what comes out is one well-formed
 * response in valid UTF-8, and a request that fails has changed nothing; that includes running out
 * of memory at any allocation, for the response, too.
 *
 * EXEC_N=100000 runs more mutations; EXEC_AT=i only the i-th and the few before it that share its
 * database.
 */
#include "store_support.h"

#include "api/handle.h"
#include "base/utf8.h"
#include "format/msgpack.h"

enum { DEFAULT_N = 30000, FRESH_EVERY = 100, REQUEST_MAX = 4096 };

static sim *machine;
static strata_db *db;

static const struct {
    const char *op;
    const char *arguments;
} requests[] = {
    {"run.create",
     "{\"name\":\"r\",\"parent\":\"default\",\"tags\":[\"a\"],\"metadata\":{\"n\":1}}"},
    {"run.get", "{\"name\":\"r\"}"},
    {"run.list", "{\"status\":\"active\",\"tag\":\"a\",\"limit\":3,\"cursor\":\"a\"}"},
    {"kv.put", "{\"run\":\"r\",\"key\":\"k\",\"value\":{\"a\":[1,2.5,null,true,\"x\"]}}"},
    {"kv.get", "{\"run\":\"r\",\"key\":\"k\",\"as_of\":1}"},
    {"kv.exists", "{\"run\":\"r\",\"key\":\"k\"}"},
    {"kv.list", "{\"run\":\"r\",\"prefix\":\"k\",\"start\":\"a\",\"end\":\"z\",\"reverse\":true,"
                "\"limit\":5,\"cursor\":\"z\",\"as_of\":1}"},
    {"kv.count", "{\"run\":\"r\",\"prefix\":\"k\"}"},
    {"kv.history", "{\"run\":\"r\",\"key\":\"k\",\"before\":9,\"limit\":2}"},
    {"kv.incr", "{\"run\":\"r\",\"key\":\"n\",\"by\":-3}"},
    {"kv.cas", "{\"run\":\"r\",\"key\":\"k\",\"value\":1,\"expected_version\":3,"
               "\"expected_value\":{\"a\":[1,2.5,null,true,\"x\"]}}"},
    {"kv.delete", "{\"run\":\"r\",\"key\":\"k\"}"},
    {"event.append", "{\"run\":\"r\",\"type\":\"t\",\"payload\":{\"b\":{\"$bytes\":\"AAEC\"}}}"},
    {"event.read", "{\"run\":\"r\",\"sequence\":1}"},
    {"event.range", "{\"run\":\"r\",\"start\":1,\"end\":9,\"type\":\"t\",\"limit\":2}"},
    {"event.head", "{\"run\":\"r\"}"},
    {"event.verify", "{\"run\":\"r\"}"},
    {"memory.remember", "{\"run\":\"r\",\"text\":\"some words\",\"key\":\"m\","
                        "\"metadata\":{\"a\":1},\"tags\":[\"x\",\"y\"]}"},
    {"memory.get", "{\"run\":\"r\",\"key\":\"m\",\"as_of\":9}"},
    {"memory.list", "{\"run\":\"r\",\"prefix\":\"m\",\"tag\":\"x\",\"after\":0,"
                    "\"before\":9999999999999999,\"reverse\":false,\"limit\":4,\"cursor\":\"a\"}"},
    {"memory.recall", "{\"run\":\"r\",\"query\":\"words\",\"k\":3,\"snippets\":true,"
                      "\"with_text\":true}"},
    {"memory.forget", "{\"run\":\"r\",\"key\":\"m\"}"},
    {"run.pause", "{\"name\":\"r\"}"},
    {"run.resume", "{\"name\":\"r\"}"},
    {"run.complete", "{\"name\":\"r\"}"},
    {"run.fail", "{\"name\":\"r\",\"error\":\"why\"}"},
    {"run.cancel", "{\"name\":\"r\"}"},
    {"run.archive", "{\"name\":\"r\"}"},
    {"db.stats", "{}"},
    {"db.sync", "{}"},
    {"db.verify", "{}"},
};

enum { REQUESTS = sizeof requests / sizeof requests[0] };

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

/* ---- Responses ------------------------------------------------------------------------------- */

/* One whole value whose strings are UTF-8. */
static bool is_well_formed(strata_slice response) {
    st_cursor cursor = st_cursor_over(response);
    for (uint64_t left = 1; left > 0; left--) {
        st_token token;
        if (!st_msgpack_next(&cursor, &token) ||
            (token.type == STRATA_STRING && !st_utf8_valid(token.as.bytes, NULL))) {
            return false;
        }
        left += token.type == STRATA_ARRAY ? token.as.count : 0;
        left += token.type == STRATA_OBJECT ? (uint64_t)token.as.count * 2 : 0;
    }
    return cursor.at == cursor.end;
}

/* Runs it and checks what every response promises. */
static strata_status run(strata_slice request) {
    strata_buffer response = test_buffer();
    const strata_status status = strata_exec(db, request, &response);
    const strata_error *error = strata_last_error(db);
    assert_int_equal(error->code, status);
    if (!is_well_formed(st_buffer_slice(&response))) {
        test_bytes_equal(st_buffer_slice(&response), st_slice("", 0), "a malformed response");
    }
    assert_int_equal(response.data[0], 0x92);
    assert_int_equal(response.data[1], status == STRATA_OK ? 0xc3 : 0xc2);
    if (status != STRATA_OK) {
        strata_buffer json = test_buffer();
        char expected[64];
        assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&response), false, &json, NULL),
                         STRATA_OK);
        const int len =
            snprintf(expected, sizeof expected, "[false,{\"code\":\"%s\",\"message\":\"",
                     strata_status_name(status));
        assert_memory_equal(json.data, expected, (size_t)len);
        strata_buffer_free(&json);
    }
    strata_buffer_free(&response);
    return status;
}

static strata_buffer request_of(size_t i) {
    strata_buffer out = test_buffer();
    char json[2048];
    const int len =
        snprintf(json, sizeof json, "[\"%s\",%s]", requests[i].op, requests[i].arguments);
    assert_int_equal(strata_json_to_msgpack(st_slice(json, (size_t)len), &out, NULL), STRATA_OK);
    return out;
}

/* ---- No requests
 * --------------------------------------------------------------------------------- */

/* Each ends early somewhere, and none has bytes to spare. */
static void every_beginning(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"r\"}");
    const uint64_t version = db_version(db);
    for (size_t i = 0; i < REQUESTS; i++) {
        strata_buffer request = request_of(i);
        for (size_t len = 0; len < request.len; len++) {
            /* A copy of its own, so that the sanitizer sees a read behind the end. */
            uint8_t *copy = malloc(len + 1);
            assert_non_null(copy);
            memcpy(copy, request.data, len);
            copy = realloc(copy, len > 0 ? len : 1);
            assert_int_equal(run(st_slice(copy, len)), STRATA_INVALID_ARGUMENT);
            free(copy);
        }
        assert_int_equal(st_buffer_append(&request, "\xc0", 1), STRATA_OK);
        assert_int_equal(run(st_buffer_slice(&request)), STRATA_INVALID_ARGUMENT);
        strata_buffer_free(&request);
    }
    assert_int_equal(db_version(db), version);
}

static void bytes_that_are_no_request(void **state) {
    (void)state;
    static const char *const cases[] = {
        "c0",
        "90",
        "80",
        "a0",
        "93 a0 80 80",
        "91 01",
        "92 c4 01 6b 80",
        "91 a4 6e 6f 70 65",
        "92 a6 6b 76 2e 67 65 74 90",             /* arguments in an array */
        "92 a6 6b 76 2e 67 65 74 c0",             /* and none at all */
        "92 a6 6b 76 2e 67 65 74 81 01 01",       /* a name that is a number */
        "92 a6 6b 76 2e 67 65 74 81 c4 01 6b 01", /* and one that is bytes */
        "dc ff ff",
        "dd ff ff ff ff",
        "de ff ff",
        "df ff ff ff ff",
        "db ff ff ff ff",
        "d9 ff",
        "c6 ff ff ff ff",
        "c7 01 00 00",
        "d4 00 00",
        "c1",
        "cf ff ff ff ff ff ff ff ff",
        "92 a6 6b 76 2e 67 65 74 df 7f ff ff ff a1 6b",
        "91 a1 ff",                                     /* a name that is not UTF-8 */
        "92 a6 6b 76 2e 67 65 74 81 a2 c3 28 01",       /* an argument of that kind */
        "92 a6 6b 76 2e 67 65 74 81 a3 6b 65 79 a1 ff", /* a key of that kind */
        "92 a6 6b 76 2e 67 65 74 81 a3 6b 65 79 a2 ff 00",
        "92 a7 72 75 6e 2e 67 65 74 81 a4 6e 61 6d 65 a1 ff",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const strata_status status = run(test_hex(cases[i]));
        if (status != STRATA_INVALID_ARGUMENT && status != STRATA_INVALID_KEY) {
            fail_msg("%s: %s", cases[i], strata_status_name(status));
        }
    }
}

static void mutated(void **state) {
    (void)state;
    const uint64_t n = env_number("EXEC_N", DEFAULT_N);
    const uint64_t only = env_number("EXEC_AT", UINT64_MAX);
    strata_buffer all[REQUESTS];
    uint64_t accepted = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        all[i] = request_of(i);
    }
    for (uint64_t i = only == UINT64_MAX ? 0 : only - only % FRESH_EVERY;
         only == UINT64_MAX ? i < n : i <= only; i++) {
        if (i % FRESH_EVERY == 0) { /* before too many of them have closed the run */
            db_close(db);
            db = db_in_memory(machine);
            (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"r\"}");
        }
        uint64_t chance = i * 31 + 7;
        static uint8_t bytes[REQUEST_MAX];
        const strata_buffer *from = &all[test_random_below(&chance, REQUESTS)];
        size_t len = from->len;
        replay_hint("EXEC_AT=%u build/tests/unit/api/test_exec", (unsigned)i);
        memcpy(bytes, from->data, len);
        for (uint64_t left = 1 + test_random_below(&chance, 9) / 6; left > 0; left--) {
            /* Most often behind the name of the operation. */
            size_t at = (size_t)test_random_below(&chance, len);
            at = at < len / 3 && left % 4 != 0 ? at + len / 2 : at;
            const strata_buffer *other = &all[test_random_below(&chance, REQUESTS)];
            switch (test_random_below(&chance, 9)) {
            case 0:
            case 1:
            case 2:
                bytes[at] ^= (uint8_t)(1u << test_random_below(&chance, 8));
                break;
            case 3:
            case 4:
                bytes[at] = (uint8_t)test_random(&chance);
                break;
            case 5:
            case 6:
                bytes[at] = (uint8_t)(0xc0 + test_random_below(&chance, 32)); /* a leading byte */
                break;
            case 7: /* the end of another one */
                len = st_min(REQUEST_MAX, at + other->len / 2);
                memcpy(bytes + at, other->data + other->len - (len - at), len - at);
                break;
            default:
                len = at + 1;
                break;
            }
        }
        uint8_t *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        const uint64_t version = db->engine->model.store.wal.version;
        const strata_status status = run(st_slice(copy, len));
        free(copy);
        accepted += status == STRATA_OK;
        if (status != STRATA_OK) {
            assert_int_equal(db->engine->model.store.wal.version, version);
        }
        replay_hint(NULL);
    }
    print_message("%u requests, %u of them were accepted\n", (unsigned)n, (unsigned)accepted);
    assert_true(accepted > n / 50 || only != UINT64_MAX); /* else the mutations are of no use */
    for (size_t i = 0; i < REQUESTS; i++) {
        strata_buffer_free(&all[i]);
    }
    db_verify(db);
}

/* ---- Arguments
 * ------------------------------------------------------------------------------------- */

static void arguments_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *op;
        const char *arguments;
        const char *argument; /* named in the details */
    } cases[] = {
        {"kv.get", "{}", "key"},
        {"kv.get", "{\"key\":1}", "key"},
        {"kv.get", "{\"key\":\"k\",\"colour\":1}", "colour"},
        {"kv.get", "{\"key\":\"k\",\"as_of\":-1}", "as_of"},
        {"kv.get", "{\"key\":\"k\",\"as_of\":1.0}", "as_of"},
        {"kv.get", "{\"key\":\"k\",\"run\":null}", "run"},
        {"kv.put", "{\"key\":\"k\"}", "value"},
        {"kv.incr", "{\"key\":\"k\",\"by\":\"1\"}", "by"},
        {"kv.list", "{\"reverse\":1}", "reverse"},
        {"kv.list", "{\"limit\":0}", "limit"},
        {"kv.list", "{\"limit\":1001}", "limit"},
        {"run.create", "{\"tags\":\"a\"}", "tags"},
        {"run.create", "{\"metadata\":[1]}", "metadata"},
        {"event.append", "{\"type\":\"t\",\"payload\":1}", "payload"},
        {"event.read", "{\"sequence\":-1}", "sequence"},
        {"memory.list", "{\"after\":\"now\"}", "after"},
        {"memory.recall", "{\"query\":{\"$bytes\":\"AA==\"}}", "query"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char detail[64];
        (void)snprintf(detail, sizeof detail, "\"details\":{\"argument\":\"%s\"}",
                       cases[i].argument);
        const char *answer =
            ask(db, STRATA_INVALID_ARGUMENT, cases[i].op, "%s", cases[i].arguments);
        if (!json_has(answer, detail)) {
            fail_msg("%s %s: %s", cases[i].op, cases[i].arguments, answer);
        }
    }
    assert_true(json_has(ask(db, STRATA_INVALID_ARGUMENT, "kv.gets", "{}"),
                         "\"details\":{\"operation\":\"kv.gets\"}"));
    /* Given twice: not to be had from JSON, which refuses it already. */
    assert_int_equal(
        run(test_hex("92 a6 6b 76 2e 67 65 74 82 a3 6b 65 79 a1 61 a3 6b 65 79 a1 61")),
        STRATA_INVALID_ARGUMENT);
    assert_true(strstr(strata_errmsg(db), "given twice") != NULL);
    /* Without arguments the array may have one element. */
    assert_int_equal(run(test_hex("91 a8 64 62 2e 73 74 61 74 73")), STRATA_OK);
}

/* ---- No memory
 * -------------------------------------------------------------------------------------- */

/* Every operation, with answers as long as they get, while the n-th allocation fails, the
 * response's among them. no_memory means that nothing was done. */
static void no_memory_means_nothing_done(void **state) {
    (void)state;
    static char json[4096];
    static const char *const writes[][2] = {
        {"run.create", "\"name\":\"%0255d\""},
        {"memory.remember", "\"key\":\"%01024d\",\"text\":\"some words\""},
        {"memory.remember", "\"text\":\"%0800d\""},
        {"kv.put", "\"key\":\"%01024d\",\"value\":1"},
        {"kv.incr", "\"key\":\"%0900d\""},
        {"event.append", "\"type\":\"t\",\"payload\":{\"a\":\"%0900d\"}"},
        {"kv.delete", "\"key\":\"%01024d\""},
        {"memory.forget", "\"key\":\"%01024d\""},
        {"run.pause", "\"name\":\"%0255d\""},
    };
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        strata_buffer request = {NULL, 0, 0, NULL};
        size_t len = (size_t)snprintf(json, sizeof json, "[\"%s\",{", writes[i][0]);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        len += (size_t)snprintf(json + len, sizeof json - len, writes[i][1], 7);
#pragma GCC diagnostic pop
        len += (size_t)snprintf(json + len, sizeof json - len, "}]");
        assert_int_equal(strata_json_to_msgpack(st_slice(json, len), &request, NULL), STRATA_OK);
        strata_status status = STRATA_NO_MEMORY;
        for (uint64_t nth = 1; status == STRATA_NO_MEMORY; nth++) {
            strata_buffer response = {NULL, 0, 0, &machine->host};
            const uint64_t version = db_version(db);
            sim_fail_memory(machine, nth);
            status = strata_exec(db, st_buffer_slice(&request), &response);
            sim_heal(machine);
            strata_buffer_free(&response);
            if (status == STRATA_NO_MEMORY && db_version(db) != version) {
                fail_msg("%s: no_memory at allocation %u, but it was done", writes[i][0],
                         (unsigned)nth);
            }
            assert_true(nth < 100);
        }
        assert_int_equal(status, STRATA_OK);
        strata_buffer_free(&request);
    }
    db_verify(db);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(every_beginning),       case_of(bytes_that_are_no_request),    case_of(mutated),
        case_of(arguments_are_checked), case_of(no_memory_means_nothing_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
