/* store_support.c - see store_support.h. */
#include "store_support.h"

#include <sanitizer/common_interface_defs.h>
#include <signal.h>

#include "format/msgpack.h"

/* ---- Replaying a failure --------------------------------------------------------------------- */

static char hint[256];

/* The sanitizers and st_assert end the program without cmocka's word; at least the hint is told. */
static void tell_hint(void) {
    if (hint[0] != '\0') {
        (void)fprintf(stderr, "\nto replay the failing case: %s\n", hint);
    }
}

static void tell_hint_on_trap(int number) {
    tell_hint();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void replay_hint(const char *format, ...) {
    static bool told_about;
    va_list list;
    if (!told_about) {
        told_about = true;
        (void)atexit(tell_hint);
        __sanitizer_set_death_callback(tell_hint);
        (void)signal(SIGILL, tell_hint_on_trap);
        (void)signal(SIGTRAP, tell_hint_on_trap);
    }
    if (format != NULL) {
        tell_hint(); /* of a case that cmocka has left */
    }
    hint[0] = '\0';
    if (format != NULL) {
        va_start(list, format);
        (void)vsnprintf(hint, sizeof hint, format, list);
        va_end(list);
    }
}

uint64_t env_number(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 0);
}

/* ---- Opening and asking ---------------------------------------------------------------------- */

strata_options db_options(sim *s, strata_durability durability) {
    strata_options options = STRATA_OPTIONS_INIT;
    options.host = &s->host;
    options.durability = durability;
    options.wal_segment_bytes = 1 << 16;
    return options;
}

strata_db *db_open(sim *s, strata_durability durability) {
    strata_options options = db_options(s, durability);
    strata_error error;
    strata_db *db = NULL;
    options.error = &error;
    if (strata_open("db", &options, &db) != STRATA_OK) {
        fail_msg("open: %s", error.message);
    }
    return db;
}

strata_db *db_in_memory(sim *s) {
    strata_options options = db_options(s, STRATA_MEMORY);
    strata_db *db = NULL;
    assert_int_equal(strata_open(":memory:", &options, &db), STRATA_OK);
    return db;
}

void db_close(strata_db *db) {
    assert_int_equal(strata_close(db), STRATA_OK);
}

enum { ANSWERS = 8 };

static strata_slice object_of(strata_slice response) {
    st_cursor cursor = st_cursor_over(response);
    st_token token;
    strata_slice object;
    assert_true(st_msgpack_next(&cursor, &token) && token.type == STRATA_ARRAY &&
                token.as.count == 2);
    assert_true(st_msgpack_next(&cursor, &token) && token.type == STRATA_BOOL);
    assert_true(st_msgpack_skip(&cursor, &object) && cursor.at == cursor.end);
    return object;
}

/* Runs an operation given as [name, arguments] in JSON; the answer, when wanted, as JSON. */
static strata_status exec_json(strata_db *db, strata_slice json, char **answer) {
    strata_buffer request = {NULL, 0, 0, NULL};
    strata_buffer response = {NULL, 0, 0, NULL}; /* from the memory of the database */
    strata_buffer text = {NULL, 0, 0, NULL};
    strata_error error;
    if (strata_json_to_msgpack(json, &request, &error) != STRATA_OK) {
        fail_msg("the test's own request is wrong: %.*s: %s", (int)json.len,
                 (const char *)json.data, error.message);
    }
    const strata_status status = strata_exec(db, st_buffer_slice(&request), &response);
    if (response.len == 0) {
        assert_int_equal(status, STRATA_NO_MEMORY);
        strata_buffer_free(&request);
        return status;
    }
    const strata_slice object = object_of(st_buffer_slice(&response));
    if (answer != NULL) {
        assert_int_equal(strata_msgpack_to_json(object, false, &text, &error), STRATA_OK);
        *answer = realloc(*answer, text.len + 1);
        assert_non_null(*answer);
        memcpy(*answer, text.data, text.len);
        (*answer)[text.len] = '\0';
    }
    strata_buffer_free(&request);
    strata_buffer_free(&response);
    strata_buffer_free(&text);
    return status;
}

static strata_slice request_json(const char *op, const char *format, va_list list) {
    static char json[1 << 16];
    const int head = snprintf(json, sizeof json, "[\"%s\",", op);
    const int len = vsnprintf(json + head, sizeof json - (size_t)head, format, list);
    assert_true(len >= 0 && (size_t)(head + len) + 2 < sizeof json);
    json[head + len] = ']';
    return st_slice(json, (size_t)(head + len) + 1);
}

const char *ask(strata_db *db, strata_status expected, const char *op, const char *format, ...) {
    static char *answers[ANSWERS];
    static size_t next;
    va_list list;
    va_start(list, format);
    const strata_slice json = request_json(op, format, list);
    va_end(list);
    char **answer = &answers[next++ % ANSWERS];
    const strata_status status = exec_json(db, json, answer);
    if (status != expected) {
        fail_msg("%.*s: %s, not %s: %s", (int)json.len, (const char *)json.data,
                 strata_status_name(status), strata_status_name(expected), *answer);
    }
    return *answer;
}

strata_status tell(strata_db *db, const char *op, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const strata_slice json = request_json(op, format, list);
    va_end(list);
    return exec_json(db, json, NULL);
}

int64_t json_int(const char *json, const char *name) {
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(json, key);
    if (at == NULL) {
        fail_msg("no %s in %s", name, json);
        return 0;
    }
    return strtoll(at + strlen(key), NULL, 10);
}

bool json_has(const char *json, const char *part) {
    return strstr(json, part) != NULL;
}

void assert_json(const char *json, const char *expected) {
    if (strcmp(json, expected) != 0) {
        fail_msg("got      %s\n   expected %s", json, expected);
    }
}

/* Runs an operation whose arguments are MessagePack; the response is appended to out. */
static void run_raw(strata_db *db, const char *op, strata_slice arguments, strata_buffer *out) {
    strata_buffer request = {NULL, 0, 0, strata_host_default()};
    strata_buffer response = {NULL, 0, 0, strata_host_default()};
    assert_int_equal(st_msgpack_put_array(&request, 2), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(&request, strata_text(op)), STRATA_OK);
    assert_int_equal(st_buffer_append(&request, arguments.data, arguments.len), STRATA_OK);
    const strata_status status = strata_exec(db, st_buffer_slice(&request), &response);
    if (status != STRATA_OK) {
        fail_msg("%s: %s", op, strata_errmsg(db));
    }
    assert_int_equal(st_buffer_append(out, response.data, response.len), STRATA_OK);
    strata_buffer_free(&request);
    strata_buffer_free(&response);
}

/* The value under that name in an object; data NULL when there is none. */
static strata_slice field_of(strata_slice object, const char *name) {
    st_cursor cursor = st_cursor_over(object);
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token) && token.type == STRATA_OBJECT);
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token key;
        strata_slice value;
        assert_true(st_msgpack_next(&cursor, &key) && st_msgpack_skip(&cursor, &value));
        if (st_slice_equal(key.as.bytes, strata_text(name))) {
            return value;
        }
    }
    return st_slice(NULL, 0);
}

static st_token token_of(strata_slice value) {
    st_cursor cursor = st_cursor_over(value);
    st_token token = {STRATA_NULL, {.integer = 0}};
    assert_true(st_msgpack_next(&cursor, &token));
    return token;
}

static const uint8_t no_arguments = 0x80;

uint64_t db_version(strata_db *db) {
    strata_buffer out = {NULL, 0, 0, strata_host_default()};
    run_raw(db, "db.stats", st_slice(&no_arguments, 1), &out);
    const int64_t version =
        token_of(field_of(object_of(st_buffer_slice(&out)), "version")).as.integer;
    strata_buffer_free(&out);
    return (uint64_t)version;
}

void db_verify(strata_db *db) {
    strata_buffer out = {NULL, 0, 0, strata_host_default()};
    run_raw(db, "db.verify", st_slice(&no_arguments, 1), &out);
    if (!token_of(field_of(object_of(st_buffer_slice(&out)), "valid")).as.boolean) {
        fail_msg("db.verify: %s", ask(db, STRATA_OK, "db.verify", "{}"));
    }
    strata_buffer_free(&out);
}

/* ---- Dumps ----------------------------------------------------------------------------------- */

static void put_pair(strata_buffer *out, const char *name, const char *text) {
    assert_int_equal(st_msgpack_put_string(out, strata_text(name)), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(out, strata_text(text)), STRATA_OK);
}

static void put_limit(strata_buffer *out, const char *name) {
    assert_int_equal(st_msgpack_put_string(out, strata_text(name)), STRATA_OK);
    assert_int_equal(st_msgpack_put_uint(out, 1000), STRATA_OK);
}

/* {run, NAME: TEXT?, LIMIT: 1000?} for operations on one run. */
static strata_slice run_arguments(strata_buffer *out, const char *run, const char *name,
                                  const char *text, const char *limit) {
    out->len = 0;
    assert_int_equal(
        st_msgpack_put_object(out, 1u + (name == NULL ? 0u : 1u) + (limit == NULL ? 0u : 1u)),
        STRATA_OK);
    put_pair(out, "run", run);
    if (name != NULL) {
        put_pair(out, name, text);
    }
    if (limit != NULL) {
        put_limit(out, limit);
    }
    return st_buffer_slice(out);
}

static size_t keys_of(strata_slice list, strata_slice *keys, size_t max) {
    st_cursor cursor = st_cursor_over(list);
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token) && token.type == STRATA_ARRAY);
    const size_t count = token.as.count;
    assert_true(count <= max);
    for (size_t i = 0; i < count; i++) {
        strata_slice item;
        assert_true(st_msgpack_skip(&cursor, &item));
        keys[i] = token_of(field_of(item, "key")).as.bytes;
    }
    return count;
}

static int compare_keys(const void *a, const void *b) {
    return st_slice_compare(*(const strata_slice *)a, *(const strata_slice *)b);
}

/* Every memory of the workload holds the word "common", so recall must find what list lists. */
static void check_recall(strata_slice list_response, strata_slice recall_response) {
    static strata_slice listed[1000];
    static strata_slice found[1000];
    const size_t count = keys_of(field_of(object_of(list_response), "memories"), listed, 1000);
    assert_int_equal(keys_of(field_of(object_of(recall_response), "hits"), found, 1000), count);
    qsort(found, count, sizeof found[0], compare_keys);
    for (size_t i = 0; i < count; i++) {
        test_bytes_equal(found[i], listed[i], "recall and memory.list differ");
    }
}

static void dump_run(strata_db *db, const char *run, strata_buffer *out, strata_buffer *arguments) {
    static const char *const watched[] = {"counter", "k0", "k1", "k2", "k3"};
    run_raw(db, "kv.list", run_arguments(arguments, run, NULL, NULL, "limit"), out);
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        run_raw(db, "kv.history", run_arguments(arguments, run, "key", watched[i], "limit"), out);
    }
    run_raw(db, "event.range", run_arguments(arguments, run, NULL, NULL, "limit"), out);
    run_raw(db, "event.head", run_arguments(arguments, run, NULL, NULL, NULL), out);
    const size_t verify_at = out->len;
    run_raw(db, "event.verify", run_arguments(arguments, run, NULL, NULL, NULL), out);
    const strata_slice verified = st_slice(out->data + verify_at, out->len - verify_at);
    assert_true(token_of(field_of(object_of(verified), "valid")).as.boolean);
    const size_t list_at = out->len;
    run_raw(db, "memory.list", run_arguments(arguments, run, NULL, NULL, "limit"), out);
    const size_t recall_at = out->len;
    run_raw(db, "memory.recall", run_arguments(arguments, run, "query", "common words", "k"), out);
    check_recall(st_slice(out->data + list_at, recall_at - list_at),
                 st_slice(out->data + recall_at, out->len - recall_at));
}

strata_buffer db_dump(strata_db *db) {
    strata_buffer out = {NULL, 0, 0, strata_host_default()};
    strata_buffer arguments = {NULL, 0, 0, strata_host_default()};
    run_raw(db, "run.list", st_slice(&no_arguments, 1), &out);
    strata_buffer names = {NULL, 0, 0, strata_host_default()};
    assert_int_equal(st_buffer_append(&names, out.data, out.len), STRATA_OK);
    const strata_slice runs = field_of(object_of(st_buffer_slice(&names)), "runs");
    st_cursor cursor = st_cursor_over(runs);
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token));
    for (uint32_t left = token.as.count; left > 0; left--) {
        strata_slice item;
        char name[256];
        assert_true(st_msgpack_skip(&cursor, &item));
        const strata_slice text = token_of(field_of(item, "name")).as.bytes;
        (void)snprintf(name, sizeof name, "%.*s", (int)text.len, (const char *)text.data);
        dump_run(db, name, &out, &arguments);
    }
    strata_buffer_free(&names);
    strata_buffer_free(&arguments);
    return out;
}

static void print_json(const char *label, strata_slice msgpack) {
    enum { SHOWN = 3000 };
    strata_buffer json = {NULL, 0, 0, NULL};
    assert_int_equal(strata_msgpack_to_json(msgpack, false, &json, NULL), STRATA_OK);
    print_error("%s%.*s\n", label, (int)st_min(json.len, SHOWN), (const char *)json.data);
    strata_buffer_free(&json);
}

void dump_explain(strata_slice got, strata_slice expected) {
    st_cursor a = st_cursor_over(got);
    st_cursor b = st_cursor_over(expected);
    for (unsigned part = 0; st_cursor_left(&a) > 0 && st_cursor_left(&b) > 0; part++) {
        strata_slice left = {NULL, 0};
        strata_slice right = {NULL, 0};
        assert_true(st_msgpack_skip(&a, &left) && st_msgpack_skip(&b, &right));
        if (!st_slice_equal(left, right)) {
            print_json("got      ", left);
            print_json("expected ", right);
            return;
        }
    }
    print_error("the dumps have other lengths: %zu, expected %zu\n", got.len, expected.len);
}
