/* test_unite_document.c - merges of a document by path: a table of what comes of three texts, what is in
 * conflict, and random documents without arrays against a model that merges their leaves.
 */
#include "support.h"

#include "format/change.h"
#include "format/document_compare.h"
#include "history/unite_document.h"

static st_arena arena;

static strata_slice parse(const char *json) {
    const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    strata_buffer out = test_buffer();
    strata_error error;
    if (st_document_parse(strata_text(json), &limits, &out, &error) != STRATA_OK) {
        fail_msg("%s: %s", json, error.message);
    }
    const strata_slice copy = st_arena_copy(&arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return copy;
}

static const char *print(strata_slice document) {
    static char texts[4][8192];
    static unsigned next;
    char *text = texts[next++ % 4];
    strata_buffer msgpack = test_buffer();
    strata_buffer json = test_buffer();
    text[0] = 0;
    if (document.len > 0) {
        assert_int_equal(st_document_to_msgpack(document, &msgpack), STRATA_OK);
        assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&msgpack), false, &json, NULL),
                         STRATA_OK);
        (void)snprintf(text, sizeof texts[0], "%.*s", (int)json.len, (const char *)json.data);
    }
    strata_buffer_free(&msgpack);
    strata_buffer_free(&json);
    return text;
}

static char conflicts[8192];

static strata_status note(void *ctx, const st_path_conflict *conflict) {
    (void)ctx;
    const size_t len = strlen(conflicts);
    (void)snprintf(conflicts + len, sizeof conflicts - len, "%.*s:%s|%s|%s ",
                   (int)conflict->pointer.len, (const char *)conflict->pointer.data,
                   print(conflict->base), print(conflict->source), print(conflict->target));
    return STRATA_OK;
}

static strata_slice unite(strata_slice base, strata_slice source, strata_slice target,
                          bool theirs) {
    const st_document_merge merge = {base, source, target, theirs, note, NULL};
    strata_slice merged;
    conflicts[0] = 0;
    assert_int_equal(st_document_unite(&arena, test_host(), &merge, &merged), STRATA_OK);
    return merged;
}

static strata_slice without(strata_slice document, const char *pointer) {
    strata_buffer changes = test_buffer();
    strata_buffer out = test_buffer();
    st_path path;
    bool existed;
    assert_int_equal(st_path_parse(strata_text(pointer), &arena, &path, NULL), STRATA_OK);
    assert_int_equal(st_buffer_append(&out, document.data, document.len), STRATA_OK);
    assert_int_equal(st_change_delete(document, &path, &changes, &existed, NULL), STRATA_OK);
    assert_int_equal(st_changes_reserve(&out, st_buffer_slice(&changes)), STRATA_OK);
    assert_int_equal(st_changes_apply(&out, st_buffer_slice(&changes)), STRATA_OK);
    assert_true(existed);
    const strata_slice copy = st_arena_copy(&arena, st_buffer_slice(&out));
    strata_buffer_free(&changes);
    strata_buffer_free(&out);
    return copy;
}

/* The same array with elements of other ids is no change, of whichever side. */
static void equal_arrays(void **state) {
    (void)state;
    const strata_slice base = without(parse("{\"l\":[0,[1],2]}"), "/l/0");
    const strata_slice same = parse("{\"l\":[[1],2]}");
    const strata_slice other = parse("{\"l\":{}}");
    for (unsigned theirs = 0; theirs < 2; theirs++) {
        assert_string_equal(print(unite(base, same, other, theirs == 1)), "{\"l\":{}}");
        assert_string_equal(conflicts, "");
        assert_string_equal(print(unite(base, other, same, theirs == 1)), "{\"l\":{}}");
        assert_string_equal(conflicts, "");
    }
}

static void table(void **state) {
    (void)state;
    static const struct {
        const char *base;
        const char *source;
        const char *target;
        const char *ours;
        const char *theirs;
        const char *conflicts;
    } cases[] = {
        {"{}", "{}", "{}", "{}", "{}", ""},
        {"{\"a\":1}", "{\"a\":2}", "{\"a\":1,\"b\":1}", "{\"a\":2,\"b\":1}", "{\"a\":2,\"b\":1}",
         ""},
        {"{\"a\":1}", "{}", "{\"a\":1,\"b\":1}", "{\"b\":1}", "{\"b\":1}", ""},
        {"{\"a\":1}", "{\"a\":2}", "{\"a\":2}", "{\"a\":2}", "{\"a\":2}", ""},
        {"{\"a\":1}", "{}", "{}", "{}", "{}", ""},
        {"{\"a\":1}", "{\"a\":2}", "{\"a\":3}", "{\"a\":3}", "{\"a\":2}", "/a:1|2|3 "},
        {"{\"a\":1}", "{\"a\":1.0}", "{\"a\":3}", "{\"a\":3}", "{\"a\":1.0}", "/a:1|1.0|3 "},
        {"{\"a\":1}", "{}", "{\"a\":3}", "{\"a\":3}", "{}", "/a:1||3 "},
        {"{}", "{\"a\":1}", "{\"a\":2}", "{\"a\":2}", "{\"a\":1}", "/a:|1|2 "},
        {"{\"o\":{\"x\":1,\"y\":1}}", "{\"o\":{\"x\":2,\"y\":1}}", "{\"o\":{\"x\":1,\"y\":2}}",
         "{\"o\":{\"x\":2,\"y\":2}}", "{\"o\":{\"x\":2,\"y\":2}}", ""},
        {"{\"o\":{\"x\":1}}", "{\"o\":7}", "{\"o\":{\"x\":2}}", "{\"o\":{\"x\":2}}", "{\"o\":7}",
         "/o:{\"x\":1}|7|{\"x\":2} "},
        {"{\"o\":{\"x\":1}}", "{\"o\":{\"x\":2}}", "{\"o\":7}", "{\"o\":7}", "{\"o\":{\"x\":2}}",
         "/o:{\"x\":1}|{\"x\":2}|7 "},
        {"{\"l\":[1,2]}", "{\"l\":[3,2]}", "{\"l\":[1,4]}", "{\"l\":[3,4]}", "{\"l\":[3,4]}", ""},
        {"{\"l\":[1,2]}", "{\"l\":[1,2,3]}", "{\"l\":[1,2],\"a\":1}", "{\"l\":[1,2,3],\"a\":1}",
         "{\"l\":[1,2,3],\"a\":1}", ""},
        {"{\"l\":[1,2]}", "{\"l\":[3,4]}", "{\"l\":[1,2,5]}", "{\"l\":[1,2,5]}", "{\"l\":[3,4]}",
         "/l:[1,2]|[3,4]|[1,2,5] "},
        {"{\"l\":[1,2]}", "{\"l\":[1]}", "{\"l\":[1,2,5]}", "{\"l\":[1,2,5]}", "{\"l\":[1]}",
         "/l:[1,2]|[1]|[1,2,5] "},
        {"{\"a\":{\"b\":1},\"a.\":1}", "{\"a\":{\"b\":2},\"a.\":2}", "{\"a\":5,\"a.\":1}",
         "{\"a\":5,\"a.\":2}", "{\"a\":{\"b\":2},\"a.\":2}", "/a:{\"b\":1}|{\"b\":2}|5 "},
        {"{\"a/b\":1,\"a\":{\"b\":1}}", "{\"a/b\":2,\"a\":{\"b\":1}}",
         "{\"a/b\":1,\"a\":{\"b\":2}}", "{\"a/b\":2,\"a\":{\"b\":2}}",
         "{\"a/b\":2,\"a\":{\"b\":2}}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const strata_slice base = parse(cases[i].base);
        const strata_slice source = parse(cases[i].source);
        const strata_slice target = parse(cases[i].target);
        assert_string_equal(print(unite(base, source, target, false)), cases[i].ours);
        assert_string_equal(conflicts, cases[i].conflicts);
        assert_string_equal(print(unite(base, source, target, true)), cases[i].theirs);
        assert_string_equal(conflicts, cases[i].conflicts);
    }
}

/* Objects of two levels: 4 * 4 leaves, 0 is none. */
enum { OUTER = 4, INNER = 4 };
typedef unsigned leaves[OUTER][INNER];

static strata_slice document_of(leaves values) {
    char json[2048] = "{";
    size_t len = 1;
    for (unsigned i = 0; i < OUTER; i++) {
        len += (size_t)sprintf(json + len, "%s\"o%u\":{", i > 0 ? "," : "", i);
        bool first = true;
        for (unsigned j = 0; j < INNER; j++) {
            if (values[i][j] > 0) {
                len +=
                    (size_t)sprintf(json + len, "%s\"k%u\":%u", first ? "" : ",", j, values[i][j]);
                first = false;
            }
        }
        len += (size_t)sprintf(json + len, "}");
    }
    (void)sprintf(json + len, "}");
    return parse(json);
}

static void random_objects(void **state) {
    (void)state;
    uint64_t chance = 3;
    for (unsigned round = 0; round < 3000; round++) {
        leaves base;
        leaves source;
        leaves target;
        leaves expected;
        const bool theirs = round % 2 == 0;
        unsigned conflicting = 0;
        for (unsigned i = 0; i < OUTER * INNER; i++) {
            unsigned *b = &base[i / INNER][i % INNER];
            unsigned *s = &source[i / INNER][i % INNER];
            unsigned *t = &target[i / INNER][i % INNER];
            *b = (unsigned)test_random_below(&chance, 3);
            *s = test_random_below(&chance, 3) == 0 ? (unsigned)test_random_below(&chance, 3) : *b;
            *t = test_random_below(&chance, 3) == 0 ? (unsigned)test_random_below(&chance, 3) : *b;
            const bool conflict = *s != *b && *t != *b && *s != *t;
            conflicting += conflict;
            expected[i / INNER][i % INNER] = *s != *b && (*t == *b || *s == *t || theirs) ? *s : *t;
        }
        const strata_slice merged =
            unite(document_of(base), document_of(source), document_of(target), theirs);
        bool equal;
        assert_int_equal(st_document_equal(merged, document_of(expected), &arena, &equal),
                         STRATA_OK);
        assert_true(equal);
        unsigned told = 0;
        for (const char *at = conflicts; (at = strchr(at, ' ')) != NULL; at++) {
            told++;
        }
        assert_int_equal(told, conflicting);
        st_arena_reset(&arena);
    }
}

static int set_up(void **state) {
    (void)state;
    st_arena_init(&arena, test_allocator(), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    st_arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_arrays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_objects, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
