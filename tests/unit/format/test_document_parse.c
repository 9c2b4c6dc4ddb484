/* test_document_parse.c - that the parser takes what RFC 8259's grammar makes, as the value that was meant,
 * and refuses it with one thing wrong.
 *
 * A generator follows the grammar with every freedom it has (white space, ways to write a number, escapes)
 * and makes the canonical MessagePack of the value beside the text. It notes where tokens meet and where
 * the insides of strings are; a change there that is never right gives the refused texts. What it takes
 * at the ends of sixteen bytes, and the table of test_json.c, come besides.
 */
#include "document_support.h"

#include "format/msgpack.h"

static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;

/* The text in memory of exactly its size, so that the sanitizer sees a read beyond it. */
static strata_status parse(strata_slice text, strata_buffer *out, strata_error *error) {
    uint8_t *copy = malloc(text.len == 0 ? 1 : text.len);
    if (text.len != 0) {
        memcpy(copy, text.data, text.len);
    }
    memset(error, 0, sizeof *error);
    const strata_status status = st_document_parse(st_slice(copy, text.len), &limits, out, error);
    free(copy);
    return status;
}

static void check_refused(strata_slice text, strata_status expected) {
    strata_buffer out = test_buffer();
    strata_error error;
    const strata_status status = parse(text, &out, &error);
    if (status != expected || error.code != expected || out.len != 0) {
        fail_msg("%.*s: %s: %s", (int)text.len, (const char *)text.data, strata_status_name(status),
                 error.message);
    }
    assert_string_equal(error.fields[error.field_count - 1].name, "offset");
    assert_in_range(error.fields[error.field_count - 1].number, 0, text.len);
    strata_buffer_free(&out);
}

/* ---- The grammar ----------------------------------------------------------------------------- */

enum { MARKS_MAX = 4096 };

typedef struct grammar {
    strata_buffer text;
    strata_buffer value;
    uint64_t chance;
    size_t meets[MARKS_MAX]; /* where one token ends and another begins */
    size_t meet_count;
    size_t insides[MARKS_MAX]; /* of strings, behind the quote */
    size_t inside_count;
    size_t brackets[MARKS_MAX]; /* brackets and colons */
    size_t bracket_count;
} grammar;

static void mark(size_t *marks, size_t *count, size_t place) {
    if (*count < MARKS_MAX) {
        marks[(*count)++] = place;
    }
}

static void put(grammar *g, const char *text) {
    assert_int_equal(st_buffer_append(&g->text, text, strlen(text)), STRATA_OK);
}

static void put_byte(grammar *g, char c) {
    assert_int_equal(st_buffer_append(&g->text, &c, 1), STRATA_OK);
}

static void space(grammar *g) {
    static const char spaces[] = " \t\n\r";
    const uint64_t kind = test_random_below(&g->chance, 8);
    const uint64_t count = kind < 4 ? 0 : kind == 4 ? 20 : kind - 4;
    mark(g->meets, &g->meet_count, g->text.len);
    for (uint64_t i = 0; i < count; i++) {
        put_byte(g, spaces[test_random_below(&g->chance, 4)]);
    }
}

static void bracket(grammar *g, char c) {
    space(g);
    mark(g->brackets, &g->bracket_count, g->text.len);
    put_byte(g, c);
    space(g);
}

/* A code point in one of the ways it may be written. */
static void code_point(grammar *g, const char *plain, const char *escaped) {
    put(g, plain == NULL || test_random_below(&g->chance, 4) == 0 ? escaped : plain);
}

static size_t string_body(grammar *g, char *value) {
    static const struct {
        const char *value;
        const char *plain; /* NULL: has to be escaped */
        const char *escaped;
    } points[] = {
        {"a", "a", "\\u0061"},
        {"z", "z", "\\u007A"},
        {"\"", NULL, "\\\""},
        {"\\", NULL, "\\\\"},
        {"/", "/", "\\/"},
        {"\n", NULL, "\\n"},
        {"\b", NULL, "\\b"},
        {"\f", NULL, "\\u000c"},
        {"\r", NULL, "\\r"},
        {"\t", NULL, "\\t"},
        {"\x1f", NULL, "\\u001F"},
        {"\x7f", "\x7f", "\\u007f"},
        {"\xc2\x80", "\xc2\x80", "\\u0080"},
        {"\xdf\xbf", "\xdf\xbf", "\\u07FF"},
        {"\xe0\xa0\x80", "\xe0\xa0\x80", "\\u0800"},
        {"\xed\x9f\xbf", "\xed\x9f\xbf", "\\uD7FF"},
        {"\xee\x80\x80", "\xee\x80\x80", "\\ue000"},
        {"\xef\xbf\xbf", "\xef\xbf\xbf", "\\uffff"},
        {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80", "\\ud800\\udc00"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "\\uDBFF\\uDFFF"},
    };
    enum { POINTS = sizeof points / sizeof points[0] };
    static const uint64_t lengths[] = {0, 1, 3, 9, 15, 16, 17, 31, 33, 130};
    const uint64_t count = lengths[test_random_below(&g->chance, 10)];
    const bool ascii = test_random_below(&g->chance, 2) == 0;
    size_t len = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t point = test_random_below(&g->chance, ascii ? 2 : POINTS);
        mark(g->insides, &g->inside_count, g->text.len);
        code_point(g, points[point].plain, points[point].escaped);
        memcpy(value + len, points[point].value, strlen(points[point].value));
        len += strlen(points[point].value);
    }
    return len;
}

/* prefix: what makes names of an object differ. */
static void string(grammar *g, const char *prefix) {
    char value[1024];
    size_t len = strlen(prefix);
    space(g);
    put(g, "\"");
    put(g, prefix);
    memcpy(value, prefix, len);
    mark(g->insides, &g->inside_count, g->text.len);
    len += string_body(g, value + len);
    put(g, "\"");
    assert_int_equal(st_msgpack_put_string(&g->value, st_slice(value, len)), STRATA_OK);
}

static void digits(grammar *g, char *to, size_t *len, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        to[(*len)++] = (char)('0' + test_random_below(&g->chance, 10));
    }
    to[*len] = '\0';
}

static void number(grammar *g) {
    char text[64] = "";
    size_t len = 0;
    static const uint64_t counts[] = {0, 0, 1, 2, 6, 7, 8, 9, 15, 16, 17};
    if (test_random_below(&g->chance, 2) == 0) {
        text[len++] = '-';
    }
    if (test_random_below(&g->chance, 4) == 0) {
        text[len++] = '0';
    } else {
        text[len++] = (char)('1' + test_random_below(&g->chance, 9));
        digits(g, text, &len, counts[test_random_below(&g->chance, 11)]);
    }
    const size_t whole = len;
    if (test_random_below(&g->chance, 2) == 0) {
        text[len++] = '.';
        digits(g, text, &len, 1 + counts[test_random_below(&g->chance, 11)]);
    }
    if (test_random_below(&g->chance, 3) == 0) {
        static const char *const exponents[] = {"e0", "E5", "e+12", "E-30", "e-300", "e00000200"};
        len += (size_t)snprintf(text + len, sizeof text - len, "%s",
                                exponents[test_random_below(&g->chance, 6)]);
    }
    text[len] = '\0';
    space(g);
    put(g, text);
    assert_int_equal(len == whole ? st_msgpack_put_int(&g->value, strtoll(text, NULL, 10))
                                  : st_msgpack_put_float(&g->value, strtod(text, NULL)),
                     STRATA_OK);
}

static void scalar(grammar *g) {
    static const char *const words[] = {"null", "true", "false"};
    const uint64_t kind = test_random_below(&g->chance, 9);
    if (kind < 3) {
        space(g);
        put(g, words[kind]);
        assert_int_equal(kind == 0 ? st_msgpack_put_null(&g->value)
                                   : st_msgpack_put_bool(&g->value, kind == 1),
                         STRATA_OK);
    } else if (kind < 6) {
        number(g);
    } else {
        string(g, "");
    }
}

static void value(grammar *g, int depth) {
    const uint64_t kind = test_random_below(&g->chance, 3);
    if (depth > 0 && (kind == 0 || depth > 5)) {
        static const uint32_t counts[] = {0, 1, 2, 3, 5, 17};
        const bool object = test_random_below(&g->chance, 2) == 0;
        const uint32_t count = counts[test_random_below(&g->chance, depth > 4 ? 6 : 4)];
        bracket(g, object ? '{' : '[');
        assert_int_equal(object ? st_msgpack_put_object(&g->value, count)
                                : st_msgpack_put_array(&g->value, count),
                         STRATA_OK);
        for (uint32_t i = 0; i < count; i++) {
            if (i > 0) {
                space(g);
                put(g, ",");
            }
            if (object) {
                char prefix[16];
                (void)snprintf(prefix, sizeof prefix, "%u", i);
                string(g, prefix);
                bracket(g, ':');
            }
            value(g, depth - 1);
        }
        bracket(g, object ? '}' : ']');
    } else {
        scalar(g);
    }
    space(g);
}

static void generate(grammar *g, uint64_t seed) {
    *g = (grammar){.chance = seed};
    g->text = test_buffer();
    g->value = test_buffer();
    value(g, 6);
}

static void grammar_free(grammar *g) {
    strata_buffer_free(&g->text);
    strata_buffer_free(&g->value);
}

static void taken_as_meant(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        grammar g;
        strata_buffer document = test_buffer();
        strata_buffer back = test_buffer();
        strata_error error;
        generate(&g, seed);
        if (parse(st_buffer_slice(&g.text), &document, &error) != STRATA_OK) {
            fail_msg("seed %d: %.*s: %s", (int)seed, (int)g.text.len, (const char *)g.text.data,
                     error.message);
        }
        test_document_check(st_buffer_slice(&document));
        assert_int_equal(st_document_to_msgpack(st_buffer_slice(&document), &back), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&back), st_buffer_slice(&g.value),
                         (const char *)g.text.data);
        strata_buffer_free(&document);
        strata_buffer_free(&back);
        grammar_free(&g);
    }
}

/* ---- One thing wrong ------------------------------------------------------------------------- */

/* The text with `remove` bytes at a place replaced by what is inserted. */
static void refuse_with(const grammar *g, size_t place, size_t remove, const char *insert) {
    strata_buffer text = test_buffer();
    assert_int_equal(st_buffer_append(&text, g->text.data, place), STRATA_OK);
    assert_int_equal(st_buffer_append(&text, insert, strlen(insert)), STRATA_OK);
    assert_int_equal(
        st_buffer_append(&text, g->text.data + place + remove, g->text.len - place - remove),
        STRATA_OK);
    check_refused(st_buffer_slice(&text), STRATA_INVALID_ARGUMENT);
    strata_buffer_free(&text);
}

static void refused_with_one_thing_wrong(void **state) {
    (void)state;
    static const char *const between[] = {",",  ":", "]", "}",    "\x01",
                                          "\v", "x", "'", "\xff", "/**/"};
    static const char *const inside[] = {
        "\x01",    "\n",         "\xff",    "\xc0\x80",         "\xed\xa0\x80", "\\x", "\\ud800",
        "\\udfff", "\\ud800\\n", "\\u12g4", "\xf4\x90\x80\x80", "\\u-",         "\x80"};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        grammar g;
        generate(&g, seed);
        for (int i = 0; i < 20; i++) {
            const size_t meet = g.meets[test_random_below(&g.chance, g.meet_count)];
            refuse_with(&g, meet, 0, between[test_random_below(&g.chance, 10)]);
            if (g.inside_count > 0) {
                const size_t place = g.insides[test_random_below(&g.chance, g.inside_count)];
                refuse_with(&g, place, 0, inside[test_random_below(&g.chance, 13)]);
            }
            if (g.bracket_count > 0) {
                refuse_with(&g, g.brackets[test_random_below(&g.chance, g.bracket_count)], 1, "");
            }
        }
        grammar_free(&g);
    }
}

/* Every beginning of a text whose root is an array is no text. */
static void every_truncation(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        grammar g;
        generate(&g, seed);
        size_t end = g.text.len;
        while (end > 0 && strchr(" \t\r\n", g.text.data[end - 1]) != NULL) {
            end--;
        }
        if (strchr("]}", g.text.data[end - 1]) != NULL) {
            for (size_t len = 0; len < end; len++) {
                check_refused(st_slice(g.text.data, len), STRATA_INVALID_ARGUMENT);
            }
        }
        grammar_free(&g);
    }
}

/* ---- By hand --------------------------------------------------------------------------------- */

/* Strings of all lengths, with one byte at each place that is not plain, and with the text ending there:
 * the loops over sixteen bytes and over one agree. */
static void lengths_and_places(void **state) {
    (void)state;
    static const char *const parts[][2] = {{"b", "b"}, {"\\n", "\n"}, {"\xc3\xa9", "\xc3\xa9"}};
    for (size_t len = 0; len < 70; len++) {
        for (size_t place = 0; place <= len; place++) {
            for (size_t part = 0; part < 3; part++) {
                char text[160];
                char meant[160];
                strata_buffer out = test_buffer();
                strata_error error;
                st_node node;
                memset(text, 'a', sizeof text);
                memset(meant, 'a', sizeof meant);
                text[0] = '"';
                memcpy(text + 1 + place, parts[part][0], strlen(parts[part][0]));
                memcpy(meant + place, parts[part][1], strlen(parts[part][1]));
                const size_t text_len = 1 + len + strlen(parts[part][0]);
                text[text_len] = '"';
                assert_int_equal(parse(st_slice(text, text_len + 1), &out, &error), STRATA_OK);
                assert_true(st_node_read(st_buffer_slice(&out), &node));
                test_bytes_equal(node.as.bytes, st_slice(meant, len + strlen(parts[part][1])),
                                 "string");
                strata_buffer_free(&out);
                check_refused(st_slice(text, text_len), STRATA_INVALID_ARGUMENT);
            }
        }
    }
}

static void names_twice(void **state) {
    (void)state;
    static const size_t counts[] = {2, 3, 30, 63, 64, 65, 66, 200, 5000};
    char *text = malloc(200000);
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        for (int style = 0; style < 3; style++) {
            size_t len = 0;
            size_t last = 0;
            text[len++] = '{';
            for (size_t i = 0; i < counts[c]; i++) {
                /* Names that share their beginning and end, which is what a mark is made of. */
                static const char *const styles[] = {"%s\"%05d\":0", "%s\"abcdefgh%05dijklmnop\":0",
                                                     "%s\"\\u006e%05d\":0"};
                last = len + (i > 0);
                len += (size_t)snprintf(text + len, 64, styles[style], i > 0 ? "," : "",
                                        (int)((i * 7919) % counts[c]));
            }
            text[len] = '}';
            strata_buffer out = test_buffer();
            strata_error error;
            assert_int_equal(parse(st_slice(text, len + 1), &out, &error), STRATA_OK);
            test_document_check(st_buffer_slice(&out));
            strata_buffer_free(&out);
            /* The last name becomes the first again, or one in the middle. */
            const size_t first = 1;
            memmove(text + last, text + first, strcspn(text + first, ":"));
            check_refused(st_slice(text, len + 1), STRATA_INVALID_ARGUMENT);
            memset(&error, 0, sizeof error);
            assert_int_equal(st_document_parse(st_slice(text, len + 1), &limits, &out, &error),
                             STRATA_INVALID_ARGUMENT);
            assert_int_equal(error.fields[0].number, last);
            strata_buffer_free(&out);
        }
    }
    free(text);
    assert_int_equal(test_memory_blocks(), 0);
}

static void depth(void **state) {
    (void)state;
    char text[512];
    for (size_t d = 99; d <= 101; d++) {
        memset(text, '[', d);
        memset(text + d, ']', d);
        strata_buffer out = test_buffer();
        strata_error error;
        if (d <= ST_DOCUMENT_DEPTH_MAX) {
            assert_int_equal(parse(st_slice(text, 2 * d), &out, &error), STRATA_OK);
            test_document_check(st_buffer_slice(&out));
        } else {
            check_refused(st_slice(text, 2 * d), STRATA_CONSTRAINT);
        }
        strata_buffer_free(&out);
    }
}

static void numbers(void **state) {
    (void)state;
    static const char *const taken[][2] = {
        {"-0", "0"},
        {"0e0", "0.0"},
        {"1E+2", "100.0"},
        {"0.1e1", "1.0"},
        {"9007199254740993.0", "9007199254740992.0"},
        {"0.000000000000000000000000000000000001", "1e-36"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"1.7976931348623158079e308", "1.7976931348623157e+308"},
        {"5e-324", "5e-324"},
        {"2.4703282292062327e-324", "0.0"},
        {"2.4703282292062328e-324", "5e-324"},
        {"1e-1000000000000000000000", "0.0"},
        {"0e1000000000000000000000", "0.0"},
        {"1234567890123456789", "1234567890123456789"},
        {"12345678901234567890123e0", "1.2345678901234568e+22"},
        {"-9223372036854775808", "-9223372036854775808"},
    };
    static const char *const refused[] = {"01",
                                          "-01",
                                          "00",
                                          "1.",
                                          ".5",
                                          "-",
                                          "+1",
                                          "1e",
                                          "1e+",
                                          "1.e1",
                                          "1.5.5",
                                          "0x1",
                                          "1e400",
                                          "-1e400",
                                          "1.7976931348623159e308",
                                          "9223372036854775808",
                                          "-9223372036854775809",
                                          "12345678901234567890",
                                          "100000000000000000000",
                                          "NaN",
                                          "1_0",
                                          "1e1.5",
                                          "--1"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        assert_string_equal(test_document_text(test_document(taken[i][0])), taken[i][1]);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        check_refused(strata_text(refused[i]), STRATA_INVALID_ARGUMENT);
    }
}

/* What is large needs more room than the text has bytes, and is appended behind what was there. */
static void room(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    strata_buffer text = test_buffer();
    strata_buffer out = test_buffer();
    assert_int_equal(st_buffer_append(&text, "[", 1), STRATA_OK);
    for (int i = 0; i < COUNT; i++) {
        const char *part = i % 3 == 0 ? "{}," : i % 3 == 1 ? "[[[]]]," : "1e1,";
        assert_int_equal(st_buffer_append(&text, part, strlen(part)), STRATA_OK);
    }
    assert_int_equal(st_buffer_append(&text, "0]", 2), STRATA_OK);
    for (size_t before = 0; before < 40; before++) {
        out.len = 0;
        for (size_t i = 0; i < before; i++) {
            assert_int_equal(st_buffer_append(&out, "x", 1), STRATA_OK);
        }
        assert_int_equal(st_document_parse(st_buffer_slice(&text), &limits, &out, NULL), STRATA_OK);
        test_document_check(st_slice(out.data + before, out.len - before));
        strata_buffer_free(&out);
    }
    strata_buffer_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_as_meant),   cmocka_unit_test(refused_with_one_thing_wrong),
        cmocka_unit_test(every_truncation), cmocka_unit_test(lengths_and_places),
        cmocka_unit_test(names_twice),      cmocka_unit_test(depth),
        cmocka_unit_test(numbers),          cmocka_unit_test(room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
