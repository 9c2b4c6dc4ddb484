/* test_utf8.c - that the streaming check of UTF-8 agrees with utf8proc on every character, on every
 * sequence of up to three bytes, and wherever a text is cut into pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <utf8proc.h>

#include "../../../../../hosts/native/ingest/ingest.h"

/* Valid by utf8proc, character by character. */
static bool is_valid(const uint8_t *data, size_t len) {
    size_t at = 0;
    while (at < len) {
        utf8proc_int32_t codepoint = 0;
        const utf8proc_ssize_t n =
            utf8proc_iterate(data + at, (utf8proc_ssize_t)(len - at), &codepoint);
        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

static void test_all_short_sequences(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 1u << 24; i += i < 1u << 16 ? 1 : 5) {
        const uint8_t data[] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        for (size_t from = 0; from < 3; from++) {
            if (utf8_is_valid((strata_slice){data + from, 3 - from}) !=
                is_valid(data + from, 3 - from)) {
                fail_msg("%02x %02x %02x from %zu", data[0], data[1], data[2], from);
            }
        }
    }
}

static void test_all_four_byte_beginnings(void **state) {
    (void)state;
    for (unsigned first = 0xf0; first <= 0xff; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const uint8_t data[] = {(uint8_t)first, (uint8_t)second, 0x80, 0xbf};
            assert_int_equal(utf8_is_valid((strata_slice){data, 4}), is_valid(data, 4));
        }
    }
}

static void test_pieces(void **state) {
    (void)state;
    static const char text[] =
        "plain text, \xc3\xa9, \xe6\xbc\xa2\xe5\xad\x97, \xf0\x9f\x8d\xb5 and "
        "more than eight bytes of it";
    const size_t len = sizeof(text) - 1;
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            utf8_check check = {0};
            assert_true(utf8_feed(&check, (strata_slice){text, a}));
            assert_true(utf8_feed(&check, (strata_slice){text + a, b - a}));
            assert_true(utf8_feed(&check, (strata_slice){text + b, len - b}));
            assert_int_equal(check.more, 0);
        }
        const size_t kept = utf8_cut((strata_slice){text, len}, a);
        assert_in_range(kept, a < 3 ? 0 : a - 3, a);
        assert_true(is_valid((const uint8_t *)text, kept));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_short_sequences),
        cmocka_unit_test(test_all_four_byte_beginnings),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests_name("hosts/native/ingest/utf8", tests, NULL, NULL);
}
