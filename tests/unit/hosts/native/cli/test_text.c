/* test_text.c - widths, cutting, making safe, near misses and times, by tables of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../../../../hosts/native/cli/text.h"

#define HAN   "\xe6\xbc\xa2"
#define ACUTE "e\xcc\x81"
#define DOTS  "\xe2\x80\xa6"

static void test_width(void **state) {
    (void)state;
    const struct {
        const char *text;
        size_t width;
    } cases[] = {{"", 0},        {"abc", 3},  {"\xc3\xa9", 1}, {HAN HAN, 4},
                 {ACUTE "x", 2}, {"\xff", 1}, {HAN "\xe6", 3}, {"\xf0\x9f\x8d\xb5", 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(text_width(strata_text(cases[i].text)), cases[i].width);
    }
}

static void test_fitted(void **state) {
    (void)state;
    const struct {
        const char *text;
        size_t width;
        bool right;
        const char *fitted;
    } cases[] = {
        {"abc", 5, false, "abc  "},    {"abc", 5, true, "  abc"},
        {"abc", 3, false, "abc"},      {"abcd", 3, false, "ab" DOTS},
        {"abcd", 1, false, DOTS},      {"abcd", 0, false, ""},
        {HAN HAN, 4, false, HAN HAN},  {HAN HAN, 3, false, HAN DOTS},
        {HAN HAN, 2, false, DOTS " "}, {ACUTE ACUTE ACUTE, 2, false, ACUTE DOTS},
        {"", 2, true, "  "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cli_buffer out = {0};
        text_put_fitted(&out, strata_text(cases[i].text), cases[i].width, cases[i].right);
        cli_put_text(&out, "");
        assert_string_equal(out.data, cases[i].fitted);
        assert_int_equal(text_width(cli_slice(&out)), cases[i].width);
        cli_buffer_free(&out);
    }
}

static void test_safe(void **state) {
    (void)state;
    const struct {
        const char *text;
        text_lines lines;
        const char *safe;
    } cases[] = {
        {"a\nb\tc\rd", TEXT_ONE_LINE, "a\\nb\\tc\\rd"},
        {"a\nb\tc\r\nd", TEXT_AS_IS, "a\nb\tc \nd"},
        {"a\n\n\tb", TEXT_FLOWING, "a b"},
        {"\x1b[2J", TEXT_AS_IS, "\\x1b[2J"},
        {"\xc2\x9b", TEXT_AS_IS, "\\xc2\\x9b"}, /* C1: another way to begin an escape */
        {"\xff\xfe", TEXT_ONE_LINE, "\\xff\\xfe"},
        {"\xe2\x80\xae", TEXT_ONE_LINE, "\\xe2\\x80\\xae"}, /* turns the direction of writing */
        {HAN, TEXT_ONE_LINE, HAN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cli_buffer out = {0};
        text_put_safe(&out, strata_text(cases[i].text), cases[i].lines);
        assert_string_equal(out.data, cases[i].safe);
        cli_buffer_free(&out);
    }
}

static void test_nearest(void **state) {
    (void)state;
    const char *const words[] = {"get", "put", "recall", "remember", "event append"};
    const struct {
        const char *word;
        const char *nearest;
    } cases[] = {{"gett", "get"},     {"gte", "get"},
                 {"recal", "recall"}, {"rmember", "remember"},
                 {"zzzzzz", NULL},    {"event apend", "event append"},
                 {"", NULL},          {"x", NULL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const found = text_nearest(cases[i].word, words, 5);
        if (cases[i].nearest == NULL) {
            assert_null(found);
        } else {
            assert_non_null(found);
            assert_string_equal(found, cases[i].nearest);
        }
    }
    char long_word[5000];
    memset(long_word, 'a', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = 0;
    assert_true(text_nearest(long_word, words, 5) == NULL || long_word[0] == 'a');
}

static void test_numbers_and_times(void **state) {
    (void)state;
    char grouped[28];
    char time[40];
    assert_string_equal(text_grouped(0, grouped), "0");
    assert_string_equal(text_grouped(999, grouped), "999");
    assert_string_equal(text_grouped(1000, grouped), "1 000");
    assert_string_equal(text_grouped(UINT64_MAX, grouped), "18 446 744 073 709 551 615");
    assert_string_equal(text_time(0, time), "1970-01-01 00:00:00.000000Z");
    assert_string_equal(text_time(1714564800000001, time), "2024-05-01 12:00:00.000001Z");
    assert_string_equal(text_time(-1, time), "1969-12-31 23:59:59.999999Z");
    assert_non_null(text_time(INT64_MAX, time));
    assert_non_null(text_time(INT64_MIN, time));
}

static void test_times_are_read(void **state) {
    (void)state;
    const int64_t now_us = 1714564800000000; /* 2024-05-01 12:00 */
    const struct {
        const char *text;
        bool ok;
        int64_t time_us;
    } cases[] = {
        {"123", true, 123},
        {"-5", true, -5},
        {"2024-05-01", true, now_us - 43200000000},
        {"2024-05-01T12:00Z", true, now_us},
        {"2024-05-01 12:00:00", true, now_us},
        {"2024-05-01 12:00:01Z", true, now_us + 1000000},
        {"30m", true, now_us - 1800000000},
        {"2h", true, now_us - 7200000000},
        {"1d", true, now_us - 86400000000},
        {"0s", true, now_us},
        {"", false, 0},
        {"yesterday", false, 0},
        {"2024-05", false, 0},
        {"2024-13-01", false, 0},
        {"2024-05-01T25:00", false, 0},
        {"2024-05-01T12", false, 0},
        {"2024-05-01 12:00 CET", false, 0},
        {"5 days", false, 0},
        {"-2h", false, 0},
        {"999999999999999999d", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t time_us = 77;
        const bool ok = text_parse_time(cases[i].text, now_us, &time_us);
        if (ok != cases[i].ok || (ok && time_us != cases[i].time_us)) {
            fail_msg("\"%s\": %d, %lld", cases[i].text, ok, (long long)time_us);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_fitted),
        cmocka_unit_test(test_safe),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_numbers_and_times),
        cmocka_unit_test(test_times_are_read),
    };
    return cmocka_run_group_tests_name("hosts/native/cli/text", tests, NULL, NULL);
}
