/* test_status.c - that an error says what it should, fits its place and stays valid UTF-8, and that
 * the list of errors is the one documented.
 */
#include "support.h"

#include "base/status.h"
#include "base/utf8.h"

static void formats(void **state) {
    (void)state;
    char text[128];
    const strata_slice name = strata_text("na\tme\x7f");
    const size_t len = st_format(text, sizeof text, "%s %S %u %d %d %%", "word", &name, UINT64_MAX,
                                 INT64_MIN, (int64_t)7);
    assert_string_equal(text, "word na?me? 18446744073709551615 -9223372036854775808 7 %");
    assert_int_equal(len, strlen(text));
}

static void slices_are_cut_between_characters(void **state) {
    (void)state;
    for (size_t pad = 0; pad < 4; pad++) {
        char bytes[128];
        memset(bytes, 'a', pad);
        size_t len = pad;
        while (len + 3 <= sizeof bytes) {
            memcpy(bytes + len, "\xe2\x82\xac", 3);
            len += 3;
        }
        const strata_slice slice = st_slice(bytes, len);
        char text[256];
        const size_t shown = st_format(text, sizeof text, "%S", &slice);
        assert_true(st_utf8_valid(st_slice(text, shown), NULL));
        assert_true(shown <= 67 && shown >= 62);
        assert_string_equal(text + shown - 3, "...");
    }
}

static void messages_are_cut_between_characters(void **state) {
    (void)state;
    for (size_t size = 1; size < 24; size++) {
        char text[32];
        memset(text, '#', sizeof text);
        const size_t len =
            st_format(text, size, "%s", "a\xe2\x82\xac\xf0\x9f\x98\x80zz\xc3\xa9zzzzzz");
        assert_true(len < size);
        assert_int_equal(text[len], '\0');
        assert_int_equal(text[size], '#');
        assert_true(st_utf8_valid(st_slice(text, len), NULL));
    }
}

static void fails_with_fields(void **state) {
    (void)state;
    strata_error error;
    assert_int_equal(st_fail(&error, STRATA_BUSY, "held by %s", "process 7"), STRATA_BUSY);
    assert_int_equal(error.code, STRATA_BUSY);
    assert_string_equal(error.message, "held by process 7");
    assert_int_equal(error.field_count, 0);
    assert_int_equal(st_fail_number(&error, "offset", -5), STRATA_BUSY);
    assert_int_equal(st_fail_text(&error, "file", strata_text("WAL/wal-1.seg")), STRATA_BUSY);
    assert_int_equal(error.field_count, 2);
    assert_string_equal(error.fields[0].name, "offset");
    assert_false(error.fields[0].is_text);
    assert_int_equal(error.fields[0].number, -5);
    assert_true(error.fields[1].is_text);
    assert_string_equal(error.fields[1].text, "WAL/wal-1.seg");
    for (int i = 0; i < 10; i++) {
        (void)st_fail_number(&error, "more", i);
    }
    assert_int_equal(error.field_count, STRATA_ERROR_FIELDS_MAX);
}

static void constraint_has_its_reason(void **state) {
    (void)state;
    strata_error error;
    assert_int_equal(st_fail_constraint(&error, "run_closed", "the run is %s", "paused"),
                     STRATA_CONSTRAINT);
    assert_string_equal(error.fields[0].name, "reason");
    assert_string_equal(error.fields[0].text, "run_closed");
    assert_int_equal(st_fail_memory(&error), STRATA_NO_MEMORY);
    assert_int_equal(error.field_count, 0);
    assert_int_equal(st_fail(NULL, STRATA_IO, "%u", (uint64_t)1), STRATA_IO);
    assert_int_equal(st_fail_constraint(NULL, "x", "y"), STRATA_CONSTRAINT);
}

/* The numbers are the ABI: written here a second time, so that none changes by accident. */
static void codes_are_the_abi(void **state) {
    (void)state;
    static const char *const names[] = {
        "ok",          "not_found",    "already_exists",   "wrong_type",
        "invalid_key", "invalid_path", "invalid_argument", "constraint",
        "conflict",    "overflow",     "history_trimmed",  "busy",
        "quota",       "unauthorized", "forbidden",        "unavailable",
        "corrupt",     "io",           "no_space",         "no_memory",
        "timeout",     "closed",       "internal",
    };
    static const char *const retryable[] = {"conflict", "busy",      "quota",  "unavailable",
                                            "no_space", "no_memory", "timeout"};
    for (int code = 0; code < 23; code++) {
        assert_string_equal(strata_status_name((strata_status)code), names[code]);
        bool expected = false;
        for (size_t i = 0; i < sizeof retryable / sizeof retryable[0]; i++) {
            expected = expected || strcmp(names[code], retryable[i]) == 0;
        }
        assert_int_equal(strata_status_retryable((strata_status)code), expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(slices_are_cut_between_characters),
        cmocka_unit_test(messages_are_cut_between_characters),
        cmocka_unit_test(fails_with_fields),
        cmocka_unit_test(constraint_has_its_reason),
        cmocka_unit_test(codes_are_the_abi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
