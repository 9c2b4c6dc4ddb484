/* Proves what the words of a text become: which surface words there are and where, what each folds
 * and stems to, that terms stay within their limit and in UTF-8 whatever the bytes, and which
 * queries are refused. */
#include "base/utf8.h"
#include "index/text/query.h"
#include "support.h"

static st_analyzer analyzer;

static int setup(void **state) {
    (void)state;
    return st_analyzer_init(&analyzer, ST_LANGUAGE_ENGLISH) == STRATA_OK ? 0 : 1;
}
static int teardown(void **state) {
    (void)state;
    st_analyzer_free(&analyzer);
    st_analyzer_free(&analyzer); /* freeing twice is fine */
    return 0;
}

/* The terms of a text, one after the other with a space between. */
static void terms_of(const char *text, char *out, size_t size) {
    st_surfaces surfaces = st_surfaces_over(strata_text(text));
    st_surface surface;
    size_t len = 0;
    while (st_surfaces_next(&surfaces, &surface)) {
        st_term term;
        assert_int_equal(st_analyzer_term(&analyzer, &surface, &term), STRATA_OK);
        assert_true(len + term.len + 2 < size);
        if (len != 0 && term.len != 0) {
            out[len++] = ' ';
        }
        memcpy(out + len, term.bytes, term.len);
        len += term.len;
    }
    out[len] = '\0';
}

static void test_terms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *terms;
    } cases[] = {
        {"", ""},
        {" \t\n -- ...", ""},
        /* Case, accents, compatibility */
        {"Cafe CAFE caf\u00e9 cafe\u0301 CAF\u00c9", "cafe cafe cafe cafe cafe"},
        {"STRASSE stra\u00dfe Stra\u1e9ee", "strass strass strass"},
        {"\uff26\uff35\uff2c\uff2c \uff11\uff12", "full 12"}, /* full width */
        {"\ufb01ne \u00b2", "fine 2"},                        /* ligature, superscript */
        {"\u0130stanbul", "istanbul"},
        {"\u039f\u0394\u039f\u03a3 \u03bf\u03b4\u03cc\u03c2", "\u03bf\u03b4\u03bf\u03c3 "
                                                              "\u03bf\u03b4\u03bf\u03c3"},
        {"\u041c\u043e\u0441\u043a\u0432\u0430", "\u043c\u043e\u0441\u043a\u0432\u0430"},
        {"na\u00efve naive", "naiv naiv"},
        {"co\u00adop", "coop"}, /* a soft hyphen */
        /* Stems and apostrophes */
        {"running runs run", "run run run"},
        {"libraries library's library\u2019s", "librari librari librari"},
        {"can't can\u2019t", "can't can't"},
        {"the of a", "the of a"}, /* stop words are kept */
        /* Names and numbers are not stemmed */
        {"sha256sums 1980s 3.14 1,000.5", "sha256sums 1980s 3.14 1,000.5"},
        {"abc1ed", "abc1ed"},
        {"__init__ _emphasis_ snake_case", "init emphasi snake_case"},
        {"_ __", ""},
        {"www.debian.org C++ foo-bar", "www.debian.org c foo bar"},
        /* Scripts without spaces: pairs; a letter alone: itself */
        {"\u6f22", "\u6f22"},
        {"\u6f22\u5b57", "\u6f22\u5b57"},
        {"\u6f22\u5b57\u5165", "\u6f22\u5b57 \u5b57\u5165"},
        {"\u6f22 \u5b57", "\u6f22 \u5b57"},
        {"\u6f22\u3001\u5b57", "\u6f22 \u5b57"},
        {"\u6771\u4eac\u306f", "\u6771\u4eac \u4eac\u306f"},
        {"\u30ab\u30bf\u30ab\u30ca", "\u30ab\u30bf \u30bf\u30ab \u30ab\u30ca"},
        {"\uff76\uff80\uff76\uff85", "\u30ab\u30bf \u30bf\u30ab \u30ab\u30ca"}, /* half width */
        {"\u30ac\u30ab", "\u30ac\u30ab"},                                       /* voicing stays */
        {"\u304b\u3099\u304b", "\u304c\u304b"}, /* and is composed */
        {"abc\u6f22\u5b57def", "abc \u6f22\u5b57 def"},
        {"\u30ab_abc", "\u30ab abc"},
        {"a\u6f22b\u5b57", "a \u6f22 b \u5b57"},
        {"\u0e44\u0e17\u0e22", "\u0e44\u0e17 \u0e17\u0e22"},      /* Thai */
        {"\u0e17\u0e35\u0e48\u0e19", "\u0e17\u0e35\u0e48\u0e19"}, /* with vowel and tone */
        {"\u0e17\u0e48\u0e38\u0e19", "\u0e17\u0e38\u0e48\u0e19"}, /* in either order */
        /* Hangul has spaces */
        {"\ud55c\uad6d\uc5b4 \ud55c", "\ud55c\uad6d\uc5b4 \ud55c"},
        /* Vowel signs of Indic scripts stay */
        {"\u0939\u093f\u0902\u0926\u0940", "\u0939\u093f\u0902\u0926\u0940"},
        /* Points of Hebrew and Arabic go */
        {"\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd", "\u05e9\u05dc\u05d5\u05dd"},
        {"\u0643\u0650\u062a\u064e\u0627\u0628", "\u0643\u062a\u0627\u0628"},
        /* Symbols are no words; a keycap is its digit */
        {"\U0001f600 \U0001f468\u200d\U0001f469 \U0001f1e9\U0001f1ea", ""},
        {"1\ufe0f\u20e3", "1"},
        {"I \u2764 NY", "i ny"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char terms[256];
        terms_of(cases[i].text, terms, sizeof terms);
        if (strcmp(terms, cases[i].terms) != 0) {
            fail_msg("\"%s\" gave \"%s\", expected \"%s\"", cases[i].text, terms, cases[i].terms);
        }
    }
}

static void test_surfaces_know_where_they_are(void **state) {
    (void)state;
    static const char text[] = "One, \u6f22\u5b57\u5165x two";
    static const struct {
        size_t start;
        size_t end;
        bool ascii;
    } expected[] = {{0, 3, true}, {5, 11, false}, {8, 14, false}, {14, 15, true}, {16, 19, true}};
    const uint8_t *data = (const uint8_t *)text;
    st_surfaces surfaces = st_surfaces_over(strata_text(text));
    st_surface surface;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(st_surfaces_next(&surfaces, &surface));
        assert_int_equal(surface.start - data, expected[i].start);
        assert_int_equal(surface.end - data, expected[i].end);
        assert_int_equal(surface.ascii, expected[i].ascii);
    }
    assert_false(st_surfaces_next(&surfaces, &surface));
    assert_false(st_surfaces_next(&surfaces, &surface));
}

/* A term of one surface that is the whole text. */
static st_term term_of(strata_slice text) {
    st_surfaces surfaces = st_surfaces_over(text);
    st_surface surface;
    st_term term;
    assert_true(st_surfaces_next(&surfaces, &surface));
    assert_int_equal(st_analyzer_term(&analyzer, &surface, &term), STRATA_OK);
    return term;
}

static void test_long_words_are_cut(void **state) {
    (void)state;
    enum { LEN = 10000 };
    static char text[LEN * 3];
    memset(text, 'q', LEN);
    st_term term = term_of(st_slice(text, LEN));
    assert_int_equal(term.len, ST_TERM_BYTES_MAX);
    memset(text, '7', LEN);
    assert_int_equal(term_of(st_slice(text, LEN)).len, ST_TERM_BYTES_MAX);
    for (size_t i = 0; i < LEN; i++) { /* three bytes each: 63 fit */
        memcpy(text + 3 * i, "\uac00", 3);
    }
    term = term_of(st_slice(text, sizeof text));
    assert_int_equal(term.len, 63);
    assert_true(st_utf8_valid(st_term_slice(&term), NULL));
    for (size_t i = 0; i < LEN; i++) { /* each folds to 18 characters */
        memcpy(text + 3 * i, "\ufdfa", 3);
    }
    term = term_of(st_slice(text, sizeof text));
    assert_true(term.len > 60 && term.len <= ST_TERM_BYTES_MAX);
    assert_true(st_utf8_valid(st_term_slice(&term), NULL));
    text[0] = 'a';
    for (size_t i = 0; i + 1 < LEN; i++) { /* marks without end */
        memcpy(text + 1 + 2 * i, "\u0301", 2);
    }
    term = term_of(st_slice(text, 2 * LEN - 1));
    assert_int_equal(term.len, 1);
    assert_int_equal(term.bytes[0], 'a');
}

/* Random texts of bytes that UTF-8 is made of, right and wrong: terms are valid UTF-8, surfaces are
 * in order, and the term does not depend on what surrounds the surface. */
static void test_any_bytes(void **state) {
    (void)state;
    static const uint8_t bytes[] = {'a',  'Z',  '9',  '_',  '\'', '.',  ' ',  0x00, 0xc3, 0xa9,
                                    0xcc, 0x81, 0xe6, 0xbc, 0xa2, 0xe3, 0x82, 0xab, 0xf0, 0x9f,
                                    0x98, 0x80, 0xef, 0xbf, 0xbd, 0xff, 0xe0, 0xb8, 0xb5};
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        uint8_t text[24];
        const size_t len = test_random_below(&seed, sizeof text + 1);
        for (size_t i = 0; i < len; i++) {
            text[i] = bytes[test_random_below(&seed, sizeof bytes)];
        }
        st_surfaces surfaces = st_surfaces_over(st_slice(text, len));
        st_surface surface;
        const uint8_t *at = text;
        while (st_surfaces_next(&surfaces, &surface)) {
            assert_true(surface.start >= at && surface.end > surface.start);
            assert_true(surface.end <= text + len);
            at = surface.start;
            st_term term;
            assert_int_equal(st_analyzer_term(&analyzer, &surface, &term), STRATA_OK);
            assert_true(term.len <= ST_TERM_BYTES_MAX);
            assert_true(st_utf8_valid(st_term_slice(&term), NULL));
        }
    }
}

/* ---- Queries --------------------------------------------------------------------------------- */

static void test_queries(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *terms; /* NULL: refused */
    } cases[] = {
        {"text editor", "text editor"},
        {"Editor editors EDITOR text", "editor text"}, /* twice counts once */
        {"the the", "the"},
        {"", NULL},
        {" ?! -- ", NULL},
        {"\U0001f600", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_arena arena;
        st_arena_init(&arena, test_allocator(), 0);
        st_text_query query = {NULL, 0};
        strata_error error;
        const strata_status status =
            st_text_query_parse(&analyzer, strata_text(cases[i].text), &arena, &query, &error);
        if (cases[i].terms == NULL) {
            assert_int_equal(status, STRATA_INVALID_ARGUMENT);
            assert_non_null(strstr(error.message, "the query has no words"));
        } else {
            assert_int_equal(status, STRATA_OK);
            char joined[128] = "";
            for (size_t n = 0; n < query.count; n++) {
                strncat(joined, n == 0 ? "" : " ", 2);
                strncat(joined, query.terms[n].data, query.terms[n].len);
            }
            assert_string_equal(joined, cases[i].terms);
        }
        st_arena_free(&arena);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static void test_long_queries(void **state) {
    (void)state;
    static char text[10000 * 8];
    const size_t counts[] = {ST_QUERY_TERMS_MAX, ST_QUERY_TERMS_MAX + 1, 10000};
    for (size_t c = 0; c < 3; c++) {
        st_arena arena;
        st_arena_init(&arena, test_allocator(), 0);
        st_text_query query;
        strata_error error;
        size_t len = 0;
        for (size_t i = 0; i < counts[c]; i++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "w%zu ", i);
        }
        const strata_status status =
            st_text_query_parse(&analyzer, st_slice(text, len), &arena, &query, &error);
        if (c == 0) {
            assert_int_equal(status, STRATA_OK);
            assert_int_equal(query.count, ST_QUERY_TERMS_MAX);
        } else {
            assert_int_equal(status, STRATA_CONSTRAINT);
            assert_string_equal(error.fields[0].text, "query_too_long");
        }
        st_arena_free(&arena);
    }
    /* Many words, few distinct ones. */
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    st_text_query query;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = i % 2 == 0 ? (char)('a' + i / 2 % 26) : ' ';
    }
    assert_int_equal(
        st_text_query_parse(&analyzer, st_slice(text, sizeof text), &arena, &query, NULL),
        STRATA_OK);
    assert_int_equal(query.count, 26);
    st_arena_free(&arena);
}

static void test_query_without_memory(void **state) {
    (void)state;
    static char text[ST_QUERY_TERMS_MAX * 16];
    size_t len = 0;
    for (size_t i = 0; i < ST_QUERY_TERMS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "longword%zu ", i);
    }
    strata_status status;
    size_t n = 1;
    do {
        st_arena arena;
        st_text_query query;
        st_arena_init(&arena, test_allocator(), 0);
        test_memory_fail_at(n++);
        status = st_text_query_parse(&analyzer, st_slice(text, len), &arena, &query, NULL);
        test_memory_fail_at(0);
        st_arena_free(&arena);
        assert_true(status == STRATA_OK || status == STRATA_NO_MEMORY);
    } while (status != STRATA_OK);
    assert_true(n > 3);
    assert_int_equal(test_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_surfaces_know_where_they_are),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_long_queries),
        cmocka_unit_test(test_query_without_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
