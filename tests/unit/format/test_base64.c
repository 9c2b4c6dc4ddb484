/* test_base64.c - the vectors of RFC 4648 section 10, every way a text can be no canonical base64,
 * and seeded round trips of every length.
 */
#include "support.h"

#include "format/base64.h"

static void vectors(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer text = test_buffer();
        strata_buffer bytes = test_buffer();
        assert_int_equal(st_base64_encode(strata_text(cases[i][0]), &text), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&text), strata_text(cases[i][1]), cases[i][0]);
        assert_int_equal(st_base64_decode(st_buffer_slice(&text), &bytes), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&bytes), strata_text(cases[i][0]), cases[i][1]);
        strata_buffer_free(&text);
        strata_buffer_free(&bytes);
    }
}

static void refuses(void **state) {
    (void)state;
    static const char *const cases[] = {
        "Z",    "Zg",   "Zg=",      "Zh==",     "Zm9=",     "====", "Z===", "=Zg=",     "Zg==Zg==",
        "Zm8-", "Zm8_", "Zm8=Zm8=", "Zm9v\nZg", " Zm9vYg=", "Zm=v", "Z=9v", "Zm9v====", "Zm9\xc3",
    };
    strata_buffer bytes = test_buffer();
    assert_int_equal(st_buffer_append(&bytes, "before", 6), STRATA_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (st_base64_decode(strata_text(cases[i]), &bytes) != STRATA_INVALID_ARGUMENT) {
            fail_msg("taken: %s", cases[i]);
        }
        test_bytes_equal(st_buffer_slice(&bytes), strata_text("before"), cases[i]);
    }
    strata_buffer_free(&bytes);
}

static void round_trips(void **state) {
    (void)state;
    uint8_t bytes[300];
    uint64_t chance = 4;
    for (size_t len = 0; len < sizeof bytes; len++) {
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)test_random(&chance);
        }
        strata_buffer text = test_buffer();
        strata_buffer back = test_buffer();
        assert_int_equal(st_base64_encode(st_slice(bytes, len), &text), STRATA_OK);
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_int_equal(st_base64_decode(st_buffer_slice(&text), &back), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&back), st_slice(bytes, len), "round trip");
        strata_buffer_free(&text);
        strata_buffer_free(&back);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(refuses),
        cmocka_unit_test(round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
