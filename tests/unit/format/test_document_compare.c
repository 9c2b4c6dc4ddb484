/* test_document_compare.c - which documents are equal, and what the differences of two are, by tables; and
 * that neither takes long whatever the order of names.
 */
#include "document_support.h"

#include "format/document_compare.h"

static void equality(void **state) {
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } cases[] = {
        {"1", "1", true},
        {"1", "1.0", false},
        {"0.0", "-0.0", false},
        {"{\"$float\":\"nan\"}", "{\"$float\":\"nan\"}", true},
        {"null", "false", false},
        {"\"a\"", "{\"$bytes\":\"YQ==\"}", false},
        {"[]", "{}", false},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1,2,3]", false},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"c\":1}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":null}", false},
        {"[{\"a\":{\"x\":[],\"y\":{}}}]", "[{\"a\":{\"y\":{},\"x\":[]}}]", true},
        {"[{\"a\":{\"x\":[],\"y\":{}}}]", "[{\"a\":{\"y\":{},\"x\":[0]}}]", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const strata_slice a = test_document(cases[i].a);
        const strata_slice b = test_document(cases[i].b);
        if (test_document_equal(a, b) != cases[i].equal) {
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        }
    }
    assert_int_equal(test_memory_blocks(), 0);
}

/* ---- Differences ----------------------------------------------------------------------------- */

typedef struct said {
    char text[1024];
    size_t len;
    size_t left; /* visits until it ends them; 0: never */
} said;

static strata_status say(void *arg, const st_difference *difference) {
    static const char kinds[] = "+-~";
    said *s = arg;
    s->len +=
        (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s%c%.*s",
                         s->len > 0 ? " " : "", kinds[difference->kind],
                         (int)difference->pointer.len, (const char *)difference->pointer.data);
    return s->left > 0 && --s->left == 0 ? STRATA_TIMEOUT : STRATA_OK;
}

static strata_status diff(strata_slice a, strata_slice b, said *s) {
    st_arena scratch;
    st_arena_init(&scratch, test_allocator(), 0);
    const strata_status status = st_document_diff(a, b, &scratch, say, s);
    st_arena_free(&scratch);
    return status;
}

static void differences(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"1", "1", ""},
        {"1", "2", "~"},
        {"{}", "[]", "~"},
        {"{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"b\":4,\"d\":5}", "-/a ~/b +/d"},
        {"{\"a\":{\"x\":{\"y\":1}}}", "{\"a\":{\"x\":{\"y\":2,\"z\":3}}}", "~/a/x/y +/a/x/z"},
        {"{\"a/b\":{\"~\":1}}", "{\"a/b\":{}}", "-/a~1b/~0"},
        {"[1,2,3]", "[1,9,3,4]", "~/1 +/3"},
        {"[1,2,3]", "[]", "-/0 -/1 -/2"},
        {"[{\"a\":1},{\"a\":2}]", "[{\"a\":1},{\"a\":3}]", "~/1/a"},
        {"{\"a\":[1]}", "{\"a\":{\"0\":1}}", "~/a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        said s = {.text = ""};
        const strata_slice a = test_document(cases[i][0]);
        assert_int_equal(diff(a, test_document(cases[i][1]), &s), STRATA_OK);
        assert_string_equal(s.text, cases[i][2]);
    }
}

/* Of one array: an insertion at the front is one addition; a change behind it is told at both places. */
static void differences_by_id(void **state) {
    (void)state;
    static const struct {
        const char *operations;
        const char *said;
    } cases[] = {
        {"[{\"op\":\"add\",\"path\":\"/0\",\"value\":0}]", "+/0"},
        {"[{\"op\":\"remove\",\"path\":\"/0\"}]", "-/0"},
        {"[{\"op\":\"move\",\"from\":\"/0\",\"path\":\"/2\"}]", "-/0 +/2"},
        {"[{\"op\":\"add\",\"path\":\"/0\",\"value\":0},{\"op\":\"replace\",\"path\":\"/3/"
         "a\",\"value\":9},{\"op\":\"remove\",\"path\":\"/2\"}]",
         "+/0 -/1 ~/2/a"},
        {"[{\"op\":\"add\",\"path\":\"/0\",\"value\":0},{\"op\":\"remove\",\"path\":\"/3/a\"}]",
         "+/0 -/2/a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
        const strata_slice before = test_document("[1,2,{\"a\":3}]");
        strata_buffer changes = test_buffer();
        strata_buffer after = test_buffer();
        strata_error error = {.code = STRATA_OK};
        said s = {.text = ""};
        st_arena scratch;
        st_arena_init(&scratch, test_allocator(), 0);
        assert_int_equal(st_changes_patch(before, test_document(cases[i].operations), &limits,
                                          &scratch, &changes, &error),
                         STRATA_OK);
        assert_int_equal(st_buffer_append(&after, before.data, before.len), STRATA_OK);
        assert_int_equal(test_apply(&after, st_buffer_slice(&changes)), STRATA_OK);
        assert_int_equal(diff(before, st_buffer_slice(&after), &s), STRATA_OK);
        assert_string_equal(s.text, cases[i].said);
        strata_buffer_free(&changes);
        strata_buffer_free(&after);
        st_arena_free(&scratch);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

/* The same ids in another order: the two are not versions of one array, and places are compared. */
static void differences_by_place(void **state) {
    (void)state;
    said s = {.text = ""};
    /* ids 1 0 of two, which no row of changes makes of ids 0 1 */
    const strata_slice turned = test_hex("081000000002000000020000000400000001010001"
                                         "03020304");
    test_document_check(turned);
    assert_int_equal(diff(test_document("[1,2]"), turned, &s), STRATA_OK);
    assert_string_equal(s.text, "");
    assert_int_equal(diff(test_document("[1,3,4]"), turned, &s), STRATA_OK);
    assert_string_equal(s.text, "~/1 -/2");
}

static void ended_by_the_visitor(void **state) {
    (void)state;
    said s = {.left = 2};
    assert_int_equal(diff(test_document("[1,2,3]"), test_document("[2,3,4]"), &s), STRATA_TIMEOUT);
    assert_string_equal(s.text, "~/0 ~/1");
    assert_int_equal(test_memory_blocks(), 0);
}

/* A hundred thousand names turned round, with one that differs: this would not end were it quadratic. */
static void names_in_another_order(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    strata_buffer documents[2] = {test_buffer(), test_buffer()};
    for (size_t d = 0; d < 2; d++) {
        size_t place;
        assert_int_equal(st_document_open(&documents[d], STRATA_OBJECT, &place), STRATA_OK);
        for (uint32_t i = 0; i < COUNT; i++) {
            char name[16];
            const uint32_t number = d == 0 ? i : COUNT - 1 - i;
            const int len = snprintf(name, sizeof name, "%u", number);
            assert_int_equal(st_document_put_name(&documents[d], st_slice(name, (size_t)len)),
                             STRATA_OK);
            assert_int_equal(st_document_put_int(&documents[d], number == 777 ? (int64_t)d : 5),
                             STRATA_OK);
        }
        st_document_close(&documents[d], place, COUNT);
    }
    said s = {.text = ""};
    const strata_slice a = st_buffer_slice(&documents[0]);
    const strata_slice b = st_buffer_slice(&documents[1]);
    test_document_check(b);
    assert_int_equal(diff(a, b, &s), STRATA_OK);
    assert_string_equal(s.text, "~/777");
    assert_false(test_document_equal(a, b));
    strata_buffer_free(&documents[0]);
    strata_buffer_free(&documents[1]);
}

static void without_memory(void **state) {
    (void)state;
    bool failed = true;
    const strata_slice a = test_document("{\"a\":[1,{\"x\":1}],\"b\":{\"c\":1,\"d\":2}}");
    const strata_slice b = test_document("{\"b\":{\"d\":2,\"c\":2},\"a\":[1,{\"x\":2}]}");
    for (size_t n = 1; failed; n++) {
        said s = {.text = ""};
        test_memory_fail_at(n);
        const strata_status status = diff(a, b, &s);
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        assert_int_equal(test_memory_blocks(), 0);
        assert_true(n < 100);
    }
}

/* Of bytes that nobody has checked both end, with corrupt or an answer. */
static void damaged(void **state) {
    (void)state;
    const strata_slice whole = test_document("{\"a\":[1,{\"x\":1}],\"b\":{\"c\":1,\"d\":2}}");
    uint64_t chance = 12;
    for (int i = 0; i < 30000; i++) {
        uint8_t *bytes = malloc(whole.len);
        st_arena scratch;
        bool equal;
        said s = {.text = ""};
        memcpy(bytes, whole.data, whole.len);
        for (uint64_t hits = 1 + test_random_below(&chance, 3); hits > 0; hits--) {
            bytes[test_random_below(&chance, whole.len)] = (uint8_t)test_random_below(&chance, 24);
        }
        const strata_slice hurt = st_slice(bytes, whole.len);
        st_arena_init(&scratch, test_allocator(), 0);
        const strata_status compared = st_document_equal(whole, hurt, &scratch, &equal);
        assert_true(compared == STRATA_OK || compared == STRATA_CORRUPT);
        const strata_status told = st_document_diff(hurt, whole, &scratch, say, &s);
        assert_true(told == STRATA_OK || told == STRATA_CORRUPT);
        st_arena_free(&scratch);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality),
        cmocka_unit_test(differences),
        cmocka_unit_test(differences_by_id),
        cmocka_unit_test(differences_by_place),
        cmocka_unit_test(ended_by_the_visitor),
        cmocka_unit_test(names_in_another_order),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
