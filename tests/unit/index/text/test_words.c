/* Proves that st_words_segment finds the boundaries of UAX #29: every line of Unicode's own
 * WordBreakTest.txt (1 800 texts with all their boundaries), that the ASCII loop and the general
 * rules agree, and that bytes which are not UTF-8 are walked over one by one. */
#include "index/text/words.h"
#include "support.h"

#ifndef UNICODE
#define UNICODE "/usr/share/unicode"
#endif

static size_t encode(uint32_t code, uint8_t *out) {
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

enum { TEXT_MAX = 512 };

/* A text and, for each byte offset, whether there is a boundary. */
typedef struct example {
    uint8_t text[TEXT_MAX];
    bool boundary[TEXT_MAX + 1];
    size_t len;
} example;

/* Parses "÷ 0061 × 0308 ÷ # comment"; false for a line without a case. */
static bool parse(char *line, example *out) {
    memset(out, 0, sizeof *out);
    char *comment = strchr(line, '#');
    if (comment != NULL) {
        *comment = '\0';
    }
    bool any = false;
    for (char *word = strtok(line, " \t\r\n"); word != NULL; word = strtok(NULL, " \t\r\n")) {
        if (strcmp(word, "\xc3\xb7") == 0) {
            out->boundary[out->len] = true;
        } else if (strcmp(word, "\xc3\x97") != 0) {
            out->len += encode((uint32_t)strtoul(word, NULL, 16), out->text + out->len);
            assert_true(out->len <= TEXT_MAX - 4);
            any = true;
        }
    }
    return any;
}

static void check_example(const example *expected, int line) {
    bool found[TEXT_MAX + 1] = {true};
    st_words words = st_words_over(st_slice(expected->text, expected->len));
    st_word word;
    size_t at = 0;
    while (st_words_segment(&words, &word)) {
        assert_ptr_equal(word.start, expected->text + at);
        assert_true(word.end > word.start);
        at = (size_t)(word.end - expected->text);
        found[at] = true;
    }
    assert_int_equal(at, expected->len);
    for (size_t i = 0; i <= expected->len; i++) {
        if (found[i] != expected->boundary[i]) {
            fail_msg("line %d: byte %zu: boundary %d, expected %d", line, i, found[i],
                     expected->boundary[i]);
        }
    }
}

static void test_unicode_examples(void **state) {
    (void)state;
    FILE *file = fopen(UNICODE "/auxiliary/WordBreakTest.txt", "r");
    assert_non_null(file);
    char line[4096];
    int number = 0;
    int cases = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        example expected;
        number++;
        if (parse(line, &expected)) {
            check_example(&expected, number);
            cases++;
        }
    }
    fclose(file);
    assert_true(cases > 1800);
}

/* Every text of up to five bytes over one member of each ASCII class: the boundaries must be those
 * of the same text with its first letter replaced by a letter that is not ASCII, which the general
 * rules alone see. */
static void test_ascii_equals_general(void **state) {
    (void)state;
    static const char alphabet[] = "a1_.:,' \"-";
    const size_t letters = sizeof alphabet - 1;
    size_t total = 1;
    for (int i = 0; i < 5; i++) {
        total *= letters;
    }
    for (size_t n = 0; n < total; n++) {
        uint8_t plain[6] = {'a'};
        uint8_t other[7] = {0xc3, 0xa4};
        for (size_t i = 0, rest = n; i < 5; i++, rest /= letters) {
            plain[i + 1] = (uint8_t)alphabet[rest % letters];
            other[i + 2] = plain[i + 1];
        }
        st_words a = st_words_over(st_slice(plain, 6));
        st_words b = st_words_over(st_slice(other, 7));
        st_word in_a;
        st_word in_b;
        while (st_words_segment(&a, &in_a)) {
            assert_true(st_words_segment(&b, &in_b));
            assert_int_equal(in_a.end - plain, in_b.end - other - 1);
            assert_int_equal(in_a.flags & ST_WORD_LETTER, in_b.flags & ST_WORD_LETTER);
        }
        assert_false(st_words_segment(&b, &in_b));
    }
}

static void test_next_skips_what_has_no_letter(void **state) {
    (void)state;
    static const char text[] = " -- one,\t\xf0\x9f\x98\x80 _ 2.5! \xe6\xbc\xa2 ...";
    static const struct {
        const char *word;
        uint8_t flags;
    } expected[] = {
        {"one", ST_WORD_LETTER | ST_WORD_ASCII},
        {"2.5", ST_WORD_LETTER | ST_WORD_ASCII},
        {"\xe6\xbc\xa2", ST_WORD_LETTER | ST_WORD_RUN},
    };
    st_words words = st_words_over(strata_text(text));
    st_word word;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(st_words_next(&words, &word));
        assert_int_equal(word.end - word.start, strlen(expected[i].word));
        assert_memory_equal(word.start, expected[i].word, strlen(expected[i].word));
        assert_int_equal(word.flags, expected[i].flags);
    }
    assert_false(st_words_next(&words, &word));
    assert_false(st_words_next(&words, &word));
}

static void test_runes(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t code;
        uint32_t len;
    } cases[] = {
        {"a", 'a', 1},
        {"\xc3\xa9", 0xe9, 2},
        {"\xe2\x82\xac", 0x20ac, 3},
        {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
        {"\x80", 0xfffd, 1},
        {"\xc3", 0xfffd, 1},             /* cut short */
        {"\xc3z", 0xfffd, 1},            /* no continuation */
        {"\xc0\x80", 0xfffd, 1},         /* overlong */
        {"\xe0\x80\x80", 0xfffd, 1},     /* overlong */
        {"\xf0\x80\x80\x80", 0xfffd, 1}, /* overlong */
        {"\xed\xa0\x80", 0xfffd, 1},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0xfffd, 1}, /* beyond U+10FFFF */
        {"\xff", 0xfffd, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *bytes = (const uint8_t *)cases[i].bytes;
        const st_rune rune = st_rune_at(bytes, bytes + strlen(cases[i].bytes));
        assert_int_equal(rune.code, cases[i].code);
        assert_int_equal(rune.len, cases[i].len);
    }
}

/* All texts of three bytes over the bytes where UTF-8 changes its mind: the segments cover the text
 * exactly, so the walk neither stops nor leaves it. */
static void test_any_bytes(void **state) {
    (void)state;
    static const uint8_t edges[] = {0x00, 'a',  '1',  '.',  0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xcc,
                                    0xdf, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
    enum { EDGES = sizeof edges };
    for (size_t n = 0; n < (size_t)EDGES * EDGES * EDGES * EDGES; n++) {
        const uint8_t text[4] = {edges[n % EDGES], edges[n / EDGES % EDGES],
                                 edges[n / EDGES / EDGES % EDGES],
                                 edges[n / EDGES / EDGES / EDGES]};
        st_words words = st_words_over(st_slice(text, sizeof text));
        st_word word;
        const uint8_t *at = text;
        while (st_words_segment(&words, &word)) {
            assert_ptr_equal(word.start, at);
            assert_true(word.end > at);
            at = word.end;
        }
        assert_ptr_equal(at, text + sizeof text);
    }
    st_words none = st_words_over(st_slice(NULL, 0));
    st_word word;
    assert_false(st_words_segment(&none, &word));
    assert_false(st_words_next(&none, &word));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unicode_examples),
        cmocka_unit_test(test_ascii_equals_general),
        cmocka_unit_test(test_next_skips_what_has_no_letter),
        cmocka_unit_test(test_runes),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
