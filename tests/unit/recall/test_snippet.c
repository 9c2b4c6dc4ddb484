/* Proves what an excerpt shows: which part of the text, cut where, marked how; that it is UTF-8 and
 * bounded whatever the text; and that a failed allocation is told. */
#include "base/utf8.h"
#include "recall/snippet.h"
#include "support.h"

static st_analyzer analyzer;

static int setup(void **state) {
    (void)state;
    return st_analyzer_init(&analyzer, ST_LANGUAGE_ENGLISH) == STRATA_OK ? 0 : 1;
}
static int teardown(void **state) {
    (void)state;
    st_analyzer_free(&analyzer);
    return 0;
}

/* The excerpt as a C string; the caller frees it. */
static char *snippet_of(const char *query_text, strata_slice text) {
    st_arena arena;
    st_text_query query;
    strata_buffer out = test_buffer();
    st_arena_init(&arena, test_allocator(), 0);
    assert_int_equal(st_text_query_parse(&analyzer, strata_text(query_text), &arena, &query, NULL),
                     STRATA_OK);
    assert_int_equal(st_snippet_append(&analyzer, &query, text, &out), STRATA_OK);
    assert_true(st_utf8_valid(st_buffer_slice(&out), NULL));
    char *copy = calloc(out.len + 1, 1);
    if (out.len != 0) {
        memcpy(copy, out.data, out.len);
    }
    strata_buffer_free(&out);
    st_arena_free(&arena);
    return copy;
}

#define NINE   "one two three four five six seven eight nine "
#define TEN    NINE "ten "
#define FILLER TEN TEN TEN TEN TEN

static void test_excerpts(void **state) {
    (void)state;
    static const struct {
        const char *query;
        const char *text;
        const char *snippet;
    } cases[] = {
        /* Short texts are shown whole. */
        {"fox", "The quick brown Fox.", "The quick brown [Fox]."},
        {"foxes", "A fox, two foxes", "A [fox], two [foxes]"},
        {"caf\u00e9", "CAFE Caf\u00e9 cafe\u0301", "[CAFE] [Caf\u00e9] [cafe\u0301]"},
        {"none", "nothing here", "nothing here"},
        {"x", "", ""},
        {"a", "  a\n\n b\tc \r\n", "[a] b c"},
        {"b",
         "a\x01"
         "b\x7f\xc2\x85\u2028 c",
         "a [b] c"},
        {"emphasis", "an _emphasis_ here", "an [_emphasis_] here"},
        /* Pairs that touch are one mark; others are not. */
        {"\u6771\u4eac\u90fd", "\u306f\u6771\u4eac\u90fd\u306b",
         "\u306f[\u6771\u4eac\u90fd]\u306b"},
        {"\u6771\u4eac", "\u6771\u4eac\u3001\u6771\u4eac", "[\u6771\u4eac]\u3001[\u6771\u4eac]"},
        {"a b", "a b", "[a] [b]"},
        /* The beginning when there is no match. */
        {"zebra", FILLER, TEN TEN TEN "one two three..."},
        /* The heart of a long text, with 51 bytes before it, less a word begun there. */
        {"zebra", FILLER "zebra " FILLER, "..." TEN "[zebra] " TEN TEN "one two..."},
        /* At the end there is more before it. */
        {"zebra", FILLER FILLER "zebra", "...ten " TEN TEN TEN "[zebra]"},
        /* Near the beginning nothing is cut before it. */
        {"zebra", "one two zebra " FILLER, "one two [zebra] " TEN TEN NINE "ten..."},
        /* The most distinct terms win, not the first or the most frequent. */
        {"zebra lion", "zebra zebra zebra " FILLER FILLER "lion and zebra " FILLER,
         "...two three four five six seven eight nine ten [lion] and [zebra] " TEN NINE "ten..."},
        /* The earliest on ties. */
        {"zebra lion", "zebra lion " FILLER FILLER "lion zebra",
         "[zebra] [lion] " TEN TEN NINE "ten..."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *snippet = snippet_of(cases[i].query, strata_text(cases[i].text));
        if (strcmp(snippet, cases[i].snippet) != 0) {
            fail_msg("\"%s\" in \"%s\":\n gave     \"%s\"\n expected \"%s\"", cases[i].query,
                     cases[i].text, snippet, cases[i].snippet);
        }
        free(snippet);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static void test_words_longer_than_the_excerpt(void **state) {
    (void)state;
    enum { LEN = 9000 };
    char text[LEN + 16];
    memset(text, 'q', LEN);
    memcpy(text + LEN, " end", 5);
    char query[80];
    memset(query, 'q', 64);
    query[64] = '\0';
    char *snippet = snippet_of(query, st_slice(text, LEN + 4));
    assert_int_equal(snippet[0], '[');
    assert_int_equal(strlen(snippet), 160 + 2 + 3);
    assert_string_equal(snippet + 158, "qqq]...");
    free(snippet);

    snippet = snippet_of("end", st_slice(text, LEN + 4));
    assert_string_equal(snippet, "...[end]");
    free(snippet);

    for (size_t i = 0; i < LEN; i += 3) { /* Hangul: cut between characters */
        memcpy(text + i, "\uac00", 3);
    }
    snippet = snippet_of("end", st_slice(text, LEN));
    assert_int_equal(strlen(snippet), 159 + 3);
    free(snippet);
}

/* Random texts, some not UTF-8, of any length round the excerpt's: always UTF-8, never longer than
 * the excerpt, its marks and what stands for bad bytes; brackets in pairs. */
static void test_any_bytes(void **state) {
    (void)state;
    static const char *const pieces[] = {"a",      "zebra",      " ",      "\n",     "\xff",
                                         "\xe6",   "\u6f22",     "\u5b57", "\u0301", "1.5",
                                         "\u00e9", "\U0001f600", "_",      "lion-",  "\x80"};
    uint64_t seed = 4;
    for (int round = 0; round < 3000; round++) {
        char text[400];
        size_t len = 0;
        const size_t limit = test_random_below(&seed, sizeof text - 8);
        while (len < limit) {
            const char *piece = pieces[test_random_below(&seed, sizeof pieces / sizeof pieces[0])];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        char *snippet = snippet_of("zebra lion \u6f22\u5b57 \u00e9", st_slice(text, len));
        assert_true(strlen(snippet) <= 3 * 160 + 2 * 160 + 6);
        int open = 0;
        for (const char *at = snippet; *at != '\0'; at++) {
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
            open += *at == '[' ? 1 : *at == ']' ? -1 : 0;
            assert_true(open == 0 || open == 1);
        }
        assert_int_equal(open, 0);
        free(snippet);
    }
}

static void test_a_huge_text_is_not_read_to_its_end(void **state) {
    (void)state;
    enum { LEN = 3 << 20 };
    char *text = malloc(LEN);
    memset(text, 'x', LEN);
    for (size_t i = 8; i < LEN; i += 9) {
        text[i] = ' ';
    }
    memcpy(text + (1 << 20) - 100, " zebra ", 7);
    memcpy(text + LEN - 100, " lion ", 6);
    char *snippet = snippet_of("zebra", st_slice(text, LEN));
    assert_non_null(strstr(snippet, "[zebra]"));
    free(snippet);
    snippet = snippet_of("lion", st_slice(text, LEN));
    assert_null(strstr(snippet, "lion"));
    assert_int_equal(strncmp(snippet, "xxxxxxxx xxxxxxxx ", 18), 0);
    free(snippet);
    free(text);
}

static void test_without_memory(void **state) {
    (void)state;
    st_arena arena;
    st_text_query query;
    st_arena_init(&arena, test_allocator(), 0);
    assert_int_equal(st_text_query_parse(&analyzer, strata_text("zebra"), &arena, &query, NULL),
                     STRATA_OK);
    strata_buffer out = test_buffer();
    test_memory_fail_at(1);
    assert_int_equal(st_snippet_append(&analyzer, &query, strata_text("a zebra"), &out),
                     STRATA_NO_MEMORY);
    test_memory_fail_at(0);
    strata_buffer_free(&out);
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_excerpts),
        cmocka_unit_test(test_words_longer_than_the_excerpt),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_a_huge_text_is_not_read_to_its_end),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
