/* test_change.c - what setting, deleting, patches (RFC 6902) and merge patches (RFC 7396) make of a
 * document, by tables; that arrays keep the ids of their elements; and what is refused, with why.
 */
#include "document_support.h"

static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;

/* ---- Set and delete -------------------------------------------------------------------------- */

/* Applies what a set makes; the text of the result. */
static const char *after_set(const char *json, const char *path_text, const char *value) {
    strata_buffer changes = test_buffer();
    strata_buffer document = test_buffer();
    strata_error error = {.code = STRATA_OK};
    const strata_slice before = test_document(json);
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    const st_path path = test_path(path_text, &arena);
    if (st_change_set(before, &path, test_document(value), &changes, &error) != STRATA_OK) {
        fail_msg("%s in %s: %s", path_text, json, error.message);
    }
    assert_int_equal(st_buffer_append(&document, before.data, before.len), STRATA_OK);
    assert_int_equal(test_apply(&document, st_buffer_slice(&changes)), STRATA_OK);
    const char *text = test_document_text(st_buffer_slice(&document));
    strata_buffer_free(&changes);
    strata_buffer_free(&document);
    st_arena_free(&arena);
    return text;
}

static void set(void **state) {
    (void)state;
    static const char *const cases[][4] = {
        {"{}", "", "{\"a\":1}", "{\"a\":1}"},
        {"{}", "$", "[]", "[]"},
        {"{}", "/a", "1", "{\"a\":1}"},
        {"{\"a\":1,\"b\":2}", "/a", "\"longer\"", "{\"a\":\"longer\",\"b\":2}"},
        {"{\"a\":\"longer\",\"b\":2}", "$.a", "null", "{\"a\":null,\"b\":2}"},
        {"{\"a\":{\"b\":{\"c\":1}},\"z\":0}", "/a/b/d", "2",
         "{\"a\":{\"b\":{\"c\":1,\"d\":2}},\"z\":0}"},
        {"{}", "/a/b/c", "1", "{\"a\":{\"b\":{\"c\":1}}}"},
        {"{\"a\":{}}", "$.a.b.c", "[1]", "{\"a\":{\"b\":{\"c\":[1]}}}"},
        {"{}", "/0/1", "1", "{\"0\":{\"1\":1}}"},
        {"{}", "/-", "1", "{\"-\":1}"},
        {"{\"-\":1}", "/-", "2", "{\"-\":2}"},
        {"{\"l\":[1,2,3]}", "/l/1", "9", "{\"l\":[1,9,3]}"},
        {"{\"l\":[1,2,3]}", "/l/3", "9", "{\"l\":[1,2,3,9]}"},
        {"{\"l\":[]}", "/l/-", "9", "{\"l\":[9]}"},
        {"{\"l\":[]}", "$.l[0]", "9", "{\"l\":[9]}"},
        {"{\"l\":[[1]]}", "$.l[0][-]", "2", "{\"l\":[[1,2]]}"},
        {"{\"l\":[]}", "$.l[-].name", "\"x\"", "{\"l\":[{\"name\":\"x\"}]}"},
        {"{\"l\":[{}]}", "/l/0/a/b", "1", "{\"l\":[{\"a\":{\"b\":1}}]}"},
        {"[]", "/-", "1", "[1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(after_set(cases[i][0], cases[i][1], cases[i][2]), cases[i][3]);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static void not_settable(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"{\"a\":1}", "/a/b", "/a"},        {"{\"a\":\"x\"}", "/a/b/c", "/a"},
        {"{\"a\":[]}", "/a/b", "/a/b"},     {"{\"a\":[]}", "/a/1", "/a/1"},
        {"{\"a\":[1]}", "/a/2/b", "/a/2"},  {"{\"a\":{}}", "$.a[0]", "$.a[0]"},
        {"{\"a\":{}}", "$.a[-]", "$.a[-]"}, {"{}", "$.a[0]", "$.a"},
        {"{}", "$.a.b[-].c", "$.a.b"},      {"7", "/a", ""},
        {"{\"a\":[]}", "/a/00", "/a/00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer changes = test_buffer();
        strata_error error = {.code = STRATA_OK};
        st_arena arena;
        st_arena_init(&arena, test_allocator(), 0);
        const st_path path = test_path(cases[i][1], &arena);
        const strata_status status =
            st_change_set(test_document(cases[i][0]), &path, test_document("1"), &changes, &error);
        if (status != STRATA_INVALID_PATH || error.field_count != 1 ||
            strcmp(error.fields[0].name, "at") != 0 ||
            strcmp(error.fields[0].text, cases[i][2]) != 0) {
            fail_msg("%s in %s: %s", cases[i][1], cases[i][0], error.message);
        }
        assert_int_equal(changes.len, 0);
        assert_int_equal(
            st_change_set(test_document(cases[i][0]), &path, test_document("1"), &changes, NULL),
            STRATA_INVALID_PATH);
        strata_buffer_free(&changes);
        st_arena_free(&arena);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static void set_too_deep(void **state) {
    (void)state;
    char path_text[512] = "";
    char value[256];
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    for (size_t steps = 90; steps <= 110; steps += 5) {
        for (size_t depth = 0; depth <= 20; depth += 5) {
            strata_buffer changes = test_buffer();
            strata_buffer document = test_buffer();
            strata_error error = {.code = STRATA_OK};
            for (size_t i = 0; i < steps; i++) {
                memcpy(path_text + 2 * i, "/a", 3);
            }
            memset(value, '[', depth);
            value[depth] = depth == 0 ? '1' : ']';
            memset(value + depth, depth == 0 ? '1' : ']', depth + (depth == 0));
            value[2 * depth + (depth == 0)] = '\0';
            const st_path path = test_path(path_text, &arena);
            const strata_slice before = test_document("{}");
            const strata_status status =
                st_change_set(before, &path, test_document(value), &changes, &error);
            assert_int_equal(status, steps + depth <= ST_DOCUMENT_DEPTH_MAX ? STRATA_OK
                                                                            : STRATA_CONSTRAINT);
            if (status == STRATA_OK) {
                assert_int_equal(st_buffer_append(&document, before.data, before.len), STRATA_OK);
                assert_int_equal(test_apply(&document, st_buffer_slice(&changes)), STRATA_OK);
            } else {
                assert_string_equal(error.fields[0].text, "nesting_too_deep");
            }
            strata_buffer_free(&changes);
            strata_buffer_free(&document);
        }
    }
    st_arena_free(&arena);
}

static void deleted(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"{\"a\":1,\"b\":2,\"c\":3}", "/b", "{\"a\":1,\"c\":3}"},
        {"{\"a\":1}", "/a", "{}"},
        {"{\"a\":{\"b\":[1,2,3]}}", "/a/b/0", "{\"a\":{\"b\":[2,3]}}"},
        {"[1,2,3]", "/2", "[1,2]"},
        {"[1]", "/0", "[]"},
        {"{\"a\":1}", "/b", NULL},
        {"{\"a\":1}", "/a/b/c", NULL},
        {"[1]", "/1", NULL},
        {"[1]", "/-", NULL},
        {"[1]", "/x", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer changes = test_buffer();
        strata_buffer document = test_buffer();
        strata_error error = {.code = STRATA_OK};
        bool existed = false;
        const strata_slice before = test_document(cases[i][0]);
        st_arena arena;
        st_arena_init(&arena, test_allocator(), 0);
        const st_path path = test_path(cases[i][1], &arena);
        assert_int_equal(st_change_delete(before, &path, &changes, &existed, &error), STRATA_OK);
        assert_int_equal(existed, cases[i][2] != NULL);
        assert_int_equal(existed, changes.len > 0);
        assert_int_equal(st_buffer_append(&document, before.data, before.len), STRATA_OK);
        assert_int_equal(test_apply(&document, st_buffer_slice(&changes)), STRATA_OK);
        assert_string_equal(test_document_text(st_buffer_slice(&document)),
                            existed ? cases[i][2] : cases[i][0]);
        strata_buffer_free(&changes);
        strata_buffer_free(&document);
        st_arena_free(&arena);
    }
    const st_path root = {.count = 0};
    strata_buffer changes = test_buffer();
    strata_error error = {.code = STRATA_OK};
    bool existed;
    assert_int_equal(st_change_delete(test_document("{}"), &root, &changes, &existed, &error),
                     STRATA_INVALID_PATH);
}

/* ---- Patches --------------------------------------------------------------------------------- */

static strata_status patch(const char *json, const char *operations, const char **result,
                           strata_error *error) {
    strata_buffer changes = test_buffer();
    strata_buffer document = test_buffer();
    st_arena scratch;
    const strata_slice before = test_document(json);
    st_arena_init(&scratch, test_allocator(), 0);
    memset(error, 0, sizeof *error);
    const strata_status status =
        st_changes_patch(before, test_document(operations), &limits, &scratch, &changes, error);
    *result = NULL;
    if (status == STRATA_OK) {
        assert_int_equal(st_buffer_append(&document, before.data, before.len), STRATA_OK);
        assert_int_equal(test_apply(&document, st_buffer_slice(&changes)), STRATA_OK);
        *result = test_document_text(st_buffer_slice(&document));
    } else {
        assert_int_equal(changes.len, 0);
    }
    strata_buffer_free(&changes);
    strata_buffer_free(&document);
    st_arena_free(&scratch);
    return status;
}

/* What appendix A of RFC 6902 shows, in cases of our own, and more. */
static void patches(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        /* A.1 to A.5 */
        {"{\"k\":1}", "[{\"op\":\"add\",\"path\":\"/n\",\"value\":2}]", "{\"k\":1,\"n\":2}"},
        {"{\"k\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/k/1\",\"value\":2}]", "{\"k\":[1,2,3]}"},
        {"{\"k\":1,\"n\":2}", "[{\"op\":\"remove\",\"path\":\"/k\"}]", "{\"n\":2}"},
        {"{\"k\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/k/1\"}]", "{\"k\":[1,3]}"},
        {"{\"k\":1,\"n\":2}", "[{\"op\":\"replace\",\"path\":\"/k\",\"value\":[]}]",
         "{\"k\":[],\"n\":2}"},
        /* A.6 and A.7 */
        {"{\"a\":{\"x\":1,\"y\":2},\"b\":{}}",
         "[{\"op\":\"move\",\"from\":\"/a/y\",\"path\":\"/b/z\"}]",
         "{\"a\":{\"x\":1},\"b\":{\"z\":2}}"},
        {"[1,2,3,4]", "[{\"op\":\"move\",\"from\":\"/1\",\"path\":\"/3\"}]", "[1,3,4,2]"},
        {"[1,2,3,4]", "[{\"op\":\"move\",\"from\":\"/3\",\"path\":\"/0\"}]", "[4,1,2,3]"},
        /* A.8 and A.9 are a test that holds and one that fails (below) */
        {"{\"k\":[1,{\"x\":\"y\"}]}",
         "[{\"op\":\"test\",\"path\":\"/k/1/x\",\"value\":\"y\"},{\"op\":\"test\",\"path\":\"/"
         "k\",\"value\":[1,{\"x\":\"y\"}]}]",
         "{\"k\":[1,{\"x\":\"y\"}]}"},
        /* A.10 and A.11 */
        {"{\"k\":1}", "[{\"op\":\"add\",\"path\":\"/c\",\"value\":{\"d\":{}}}]",
         "{\"k\":1,\"c\":{\"d\":{}}}"},
        {"{}", "[{\"op\":\"add\",\"path\":\"/k\",\"value\":1,\"why\":[]}]", "{\"k\":1}"},
        /* A.14 and A.16 */
        {"{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]",
         "{\"/\":9,\"~1\":10}"},
        {"{\"k\":[1]}", "[{\"op\":\"add\",\"path\":\"/k/-\",\"value\":[2,3]}]",
         "{\"k\":[1,[2,3]]}"},
        /* and */
        {"{\"k\":1}", "[]", "{\"k\":1}"},
        {"{\"k\":1}", "[{\"op\":\"add\",\"path\":\"/k\",\"value\":2}]", "{\"k\":2}"},
        {"{\"k\":1}",
         "[{\"op\":\"add\",\"path\":\"\",\"value\":[1]},{\"op\":\"add\",\"path\":\"/0\","
         "\"value\":0}]",
         "[0,1]"},
        {"{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"\",\"path\":\"/b\"}]",
         "{\"a\":1,\"b\":{\"a\":1}}"},
        {"[1,2]", "[{\"op\":\"copy\",\"from\":\"/0\",\"path\":\"/-\"}]", "[1,2,1]"},
        {"{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a\"}]", "{\"a\":1}"},
        {"[1,2]", "[{\"op\":\"move\",\"from\":\"/1\",\"path\":\"/1\"}]", "[1,2]"},
        {"[1,2]", "[{\"op\":\"move\",\"from\":\"/0\",\"path\":\"/-\"}]", "[2,1]"},
        {"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/a\"}]", "{\"a\":1}"},
        {"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"\"}]", "{\"b\":1}"},
        {"{\"a\":[1,2,3]}",
         "[{\"op\":\"remove\",\"path\":\"/a/0\"},{\"op\":\"remove\",\"path\":\"/a/"
         "0\"},{\"op\":\"add\","
         "\"path\":\"/a/0\",\"value\":9},{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":8}]",
         "{\"a\":[9,8]}"},
        {"{\"a\":{\"x\":1,\"y\":[1]}}",
         "[{\"op\":\"test\",\"path\":\"/a\",\"value\":{\"y\":[1],\"x\":1}}]",
         "{\"a\":{\"x\":1,\"y\":[1]}}"},
        {"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"$.a[0]\",\"value\":0}]", "{\"a\":[0,1]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_error error;
        const char *result;
        if (patch(cases[i][0], cases[i][1], &result, &error) != STRATA_OK) {
            fail_msg("%s: %s", cases[i][1], error.message);
        }
        assert_string_equal(result, cases[i][2]);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static int64_t operation_of(const strata_error *error) {
    for (size_t i = 0; i < error->field_count; i++) {
        if (strcmp(error->fields[i].name, "operation") == 0) {
            return error->fields[i].number;
        }
    }
    return -1;
}

static void patches_refused(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *operations;
        strata_status status;
        int64_t operation;
    } cases[] = {
        {"{\"k\":\"a\"}", "[{\"op\":\"test\",\"path\":\"/k\",\"value\":\"b\"}]", STRATA_CONFLICT,
         0},
        {"{\"k\":1}", "[{\"op\":\"test\",\"path\":\"/k\",\"value\":1.0}]", STRATA_CONFLICT, 0},
        {"{\"k\":1}", "[{\"op\":\"test\",\"path\":\"/n\",\"value\":1}]", STRATA_CONFLICT, 0},
        {"{\"k\":10}", "[{\"op\":\"test\",\"path\":\"/k\",\"value\":\"10\"}]", STRATA_CONFLICT, 0},
        {"{\"k\":1}",
         "[{\"op\":\"remove\",\"path\":\"/k\"},{\"op\":\"test\",\"path\":\"/k\",\"value\":1}]",
         STRATA_CONFLICT, 1},
        {"{\"k\":1}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", STRATA_NOT_FOUND, 0},
        {"{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", STRATA_NOT_FOUND, 0},
        {"{}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":1}]", STRATA_NOT_FOUND, 0},
        {"{}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}]", STRATA_NOT_FOUND, 0},
        {"{}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]", STRATA_NOT_FOUND, 0},
        {"[1]", "[{\"op\":\"replace\",\"path\":\"/1\",\"value\":1}]", STRATA_NOT_FOUND, 0},
        {"[1]", "[{\"op\":\"remove\",\"path\":\"/-\"}]", STRATA_NOT_FOUND, 0},
        {"[1]", "[{\"op\":\"add\",\"path\":\"/3\",\"value\":1}]", STRATA_INVALID_PATH, 0},
        {"[1]", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1}]", STRATA_INVALID_PATH, 0},
        {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", STRATA_INVALID_PATH, 0},
        {"{}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", STRATA_INVALID_PATH, 0},
        {"{}", "[{\"op\":\"remove\",\"path\":\"\"}]", STRATA_INVALID_PATH, 0},
        {"{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", STRATA_INVALID_PATH,
         0},
        {"[[],[]]", "[{\"op\":\"move\",\"from\":\"/0\",\"path\":\"/0/-\"}]", STRATA_INVALID_PATH,
         0},
        {"{}", "[{\"op\":\"move\",\"from\":\"\",\"path\":\"/a\"}]", STRATA_INVALID_PATH, 0},
        {"{}", "{}", STRATA_INVALID_ARGUMENT, -1},
        {"{}", "[1]", STRATA_INVALID_ARGUMENT, 0},
        {"{}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1},{\"path\":\"/a\"}]",
         STRATA_INVALID_ARGUMENT, 1},
        {"{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", STRATA_INVALID_ARGUMENT, 0},
        {"{}", "[{\"op\":\"add\",\"value\":1}]", STRATA_INVALID_ARGUMENT, 0},
        {"{}", "[{\"op\":\"spam\",\"path\":\"/a\",\"value\":1}]", STRATA_INVALID_ARGUMENT, 0},
        {"{}", "[{\"op\":1,\"path\":\"/a\",\"value\":1}]", STRATA_INVALID_ARGUMENT, 0},
        {"{}", "[{\"op\":\"copy\",\"path\":\"/a\"}]", STRATA_INVALID_ARGUMENT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_error error;
        const char *result;
        const strata_status status = patch(cases[i].json, cases[i].operations, &result, &error);
        if (status != cases[i].status || error.code != status ||
            operation_of(&error) != cases[i].operation) {
            fail_msg("%s: %s of %d: %s", cases[i].operations, strata_status_name(status),
                     (int)operation_of(&error), error.message);
        }
    }
    assert_int_equal(test_memory_blocks(), 0);
}

/* Copying the whole into itself again and again ends at the limit. */
static void patch_that_grows(void **state) {
    (void)state;
    strata_buffer changes = test_buffer();
    strata_buffer json = test_buffer();
    strata_error error = {.code = STRATA_OK};
    st_document_limits small = limits;
    st_arena scratch;
    char operation[80];
    small.bytes_max = 100000;
    st_arena_init(&scratch, test_allocator(), 0);
    for (int i = 0; i < 60; i++) {
        const int len =
            snprintf(operation, sizeof operation,
                     "%c{\"op\":\"copy\",\"from\":\"\",\"path\":\"/n%d\"}", i > 0 ? ',' : '[', i);
        assert_int_equal(st_buffer_append(&json, operation, (size_t)len), STRATA_OK);
    }
    assert_int_equal(st_buffer_append(&json, "]", 2), STRATA_OK);
    assert_int_equal(st_changes_patch(test_document("{\"a\":\"some text\"}"),
                                      test_document((const char *)json.data), &small, &scratch,
                                      &changes, &error),
                     STRATA_CONSTRAINT);
    assert_string_equal(error.fields[0].text, "value_too_large");
    assert_true(operation_of(&error) < 15);
    assert_int_equal(changes.len, 0);
    strata_buffer_free(&changes);
    strata_buffer_free(&json);
    st_arena_free(&scratch);
}

/* ---- Merge patches --------------------------------------------------------------------------- */

static void merges(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *patch;
        const char *result;
        size_t changes;
    } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}", 1},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}", 1},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}", 1},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}", 1},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}", 1},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}", 1},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}", 1},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}", 1},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]", 1},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]", 1},
        {"{\"a\":\"foo\"}", "null", "null", 1},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\"", 1},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}", 1},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}", 1},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}", 1},
        /* only what differs */
        {"{\"a\":1,\"b\":{\"c\":2,\"d\":[1]}}", "{\"a\":1,\"b\":{\"c\":2,\"d\":[1]},\"e\":null}",
         "{\"a\":1,\"b\":{\"c\":2,\"d\":[1]}}", 0},
        {"{\"a\":1,\"b\":{\"c\":2,\"d\":[1]}}",
         "{\"b\":{\"c\":3,\"x\":{}},\"a\":null,\"z\":{\"n\":null}}",
         "{\"b\":{\"c\":3,\"d\":[1],\"x\":{}},\"z\":{}}", 4},
        {"{\"a\":1}", "{\"a\":1.0}", "{\"a\":1.0}", 1},
        {"{\"a\":{}}", "{\"a\":{}}", "{\"a\":{}}", 0},
        {"{\"a\":[null]}", "{\"a\":[null,null]}", "{\"a\":[null,null]}", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer changes = test_buffer();
        strata_buffer document = test_buffer();
        strata_error error = {.code = STRATA_OK};
        const strata_slice before = test_document(cases[i].json);
        size_t count = 0;
        st_change change;
        st_arena scratch;
        st_arena_init(&scratch, test_allocator(), 0);
        assert_int_equal(st_changes_merge(before, test_document(cases[i].patch), &limits, &scratch,
                                          &changes, &error),
                         STRATA_OK);
        st_cursor cursor = st_cursor_over(st_buffer_slice(&changes));
        while (cursor.at < cursor.end && st_change_next(&cursor, &change)) {
            count++;
        }
        assert_int_equal(st_buffer_append(&document, before.data, before.len), STRATA_OK);
        assert_int_equal(test_apply(&document, st_buffer_slice(&changes)), STRATA_OK);
        assert_string_equal(test_document_text(st_buffer_slice(&document)), cases[i].result);
        assert_int_equal(count, cases[i].changes);
        strata_buffer_free(&changes);
        strata_buffer_free(&document);
        st_arena_free(&scratch);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

/* Twenty thousand changes of half a megabyte: put as a whole, and the same as one by one. */
static void merge_of_much(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    strata_buffer parts[3] = {test_buffer(), test_buffer(), test_buffer()};
    strata_error error = {.code = STRATA_OK};
    st_arena scratch;
    char text[96];
    /* Of five members, one goes, one stays, one is replaced, one merged, and one is new. */
    for (int i = 0; i < COUNT; i++) {
        const char comma = i > 0 ? ',' : '{';
        static const char *const olds[] = {"1", "[1]", "\"old, and of some length\"",
                                           "{\"x\":1,\"y\":2}", NULL};
        static const char *const patches[] = {"null", NULL, "{\"n\":null,\"m\":[]}",
                                              "{\"x\":null,\"z\":{}}", "{\"n\":{\"o\":null}}"};
        static const char *const results[] = {NULL, "[1]", "{\"m\":[]}", "{\"y\":2,\"z\":{}}",
                                              "{\"n\":{}}"};
        const char *const values[] = {olds[i % 5], patches[i % 5], results[i % 5]};
        for (size_t p = 0; p < 3; p++) {
            if (values[p] != NULL) {
                const int len = snprintf(text, sizeof text, "%c\"%d\":%s",
                                         parts[p].len == 0 ? '{' : comma, i, values[p]);
                assert_int_equal(st_buffer_append(&parts[p], text, (size_t)len), STRATA_OK);
            }
        }
    }
    for (size_t p = 0; p < 3; p++) {
        assert_int_equal(st_buffer_append(&parts[p], "}", 2), STRATA_OK);
    }
    const strata_slice before = test_document((const char *)parts[0].data);
    const strata_slice patched = test_document((const char *)parts[1].data);
    strata_buffer changes = test_buffer();
    strata_buffer document = test_buffer();
    st_change change;
    st_arena_init(&scratch, test_allocator(), 0);
    assert_int_equal(st_changes_merge(before, patched, &limits, &scratch, &changes, &error),
                     STRATA_OK);
    st_cursor cursor = st_cursor_over(st_buffer_slice(&changes));
    assert_true(st_change_next(&cursor, &change));
    assert_int_equal(change.route.len, 0);
    assert_ptr_equal(cursor.at, cursor.end);
    assert_int_equal(st_buffer_append(&document, before.data, before.len), STRATA_OK);
    assert_int_equal(test_apply(&document, st_buffer_slice(&changes)), STRATA_OK);
    assert_true(test_document_equal(st_buffer_slice(&document),
                                    test_document((const char *)parts[2].data)));
    for (size_t p = 0; p < 3; p++) {
        strata_buffer_free(&parts[p]);
    }
    strata_buffer_free(&changes);
    strata_buffer_free(&document);
    st_arena_free(&scratch);
    assert_int_equal(test_memory_blocks(), 0);
}

/* ---- Without memory -------------------------------------------------------------------------- */

static strata_status change_all(strata_buffer *changes, strata_error *error) {
    st_arena arena;
    st_path path;
    bool existed;
    const strata_slice document = test_document("{\"a\":{\"b\":[1,2]},\"c\":{\"x\":1}}");
    st_arena_init(&arena, test_allocator(), 0);
    strata_status status = st_path_parse(strata_text("/a/n/m"), &arena, &path, error);
    if (status == STRATA_OK) {
        status = st_change_set(document, &path, test_document("[1,2,3]"), changes, error);
    }
    if (status == STRATA_OK) {
        status = st_path_parse(strata_text("/a/b/0"), &arena, &path, error);
    }
    if (status == STRATA_OK) {
        status = st_change_delete(document, &path, changes, &existed, error);
    }
    if (status == STRATA_OK) {
        status = st_changes_patch(
            document, test_document("[{\"op\":\"move\",\"from\":\"/a/b/0\",\"path\":\"/c/y\"}]"),
            &limits, &arena, changes, error);
    }
    if (status == STRATA_OK) {
        status = st_changes_merge(document, test_document("{\"c\":{\"x\":{\"y\":null}}}"), &limits,
                                  &arena, changes, error);
    }
    st_arena_free(&arena);
    return status;
}

static void without_memory(void **state) {
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        strata_buffer changes = test_buffer();
        strata_error error = {.code = STRATA_OK};
        test_memory_fail_at(n);
        const strata_status status = change_all(&changes, &error);
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        assert_int_equal(error.code, status);
        strata_buffer_free(&changes);
        assert_int_equal(test_memory_blocks(), 0);
        assert_true(n < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set),
        cmocka_unit_test(not_settable),
        cmocka_unit_test(set_too_deep),
        cmocka_unit_test(deleted),
        cmocka_unit_test(patches),
        cmocka_unit_test(patches_refused),
        cmocka_unit_test(patch_that_grows),
        cmocka_unit_test(merges),
        cmocka_unit_test(merge_of_much),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
