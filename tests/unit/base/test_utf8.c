/* test_utf8.c - that exactly the well-formed UTF-8 of RFC 3629 is accepted.
 *
 * Exhaustive where that is cheap: every code point in its one encoding, every sequence of up to
 * three bytes and every four-byte sequence with interesting bytes against an independent decoder
 * that works by value (decode, then look at range and length) and not by tables of bytes.
 */
#include "support.h"

#include "base/utf8.h"

/* Length of the well-formed sequence at p by decoding it; 0 if there is none. */
static size_t decode(const uint8_t *p, size_t left) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80) {
        return 1;
    }
    const size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc0 || p[0] > 0xf7 || left < len) {
        return 0;
    }
    uint32_t value = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2) {
            return 0;
        }
        value = value << 6 | (p[i] & 63);
    }
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < least[len] || value > 0x10ffff || surrogate ? 0 : len;
}

static void check(const uint8_t *bytes, size_t len) {
    size_t expected = 0;
    while (expected < len) {
        const size_t step = decode(bytes + expected, len - expected);
        if (step == 0) {
            break;
        }
        expected += step;
    }
    size_t valid_len = 99;
    const bool valid = st_utf8_valid(st_slice(bytes, len), &valid_len);
    if (valid != (expected == len) || valid_len != expected) {
        fail_msg("%02x %02x %02x %02x (%zu): valid to %zu, expected %zu", bytes[0],
                 len > 1 ? bytes[1] : 0, len > 2 ? bytes[2] : 0, len > 3 ? bytes[3] : 0, len,
                 valid_len, expected);
    }
}

static void up_to_three_bytes(void **state) {
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            const uint8_t two[2] = {(uint8_t)a, (uint8_t)b};
            check(two, 1);
            check(two, 2);
            /* After an ASCII byte every pair is a case of its own. */
            if (a < 0xc0) {
                continue;
            }
            for (unsigned c = 0; c < 256; c++) {
                const uint8_t three[3] = {(uint8_t)a, (uint8_t)b, (uint8_t)c};
                check(three, 3);
            }
        }
    }
}

static void four_bytes(void **state) {
    (void)state;
    static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    enum { TAILS = sizeof tails };
    for (unsigned a = 0xe0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            for (unsigned i = 0; i < TAILS * TAILS; i++) {
                const uint8_t four[4] = {(uint8_t)a, (uint8_t)b, tails[i / TAILS],
                                         tails[i % TAILS]};
                check(four, 4);
            }
        }
    }
}

static void at_every_place_of_the_fast_path(void **state) {
    (void)state;
    const strata_slice parts[] = {test_hex("c3a9"),     test_hex("e282ac"), test_hex("f09f9880"),
                                  test_hex("eda080"),   test_hex("c0af"),   test_hex("80"),
                                  test_hex("f4908080"), test_hex("e2"),     test_hex("f09f98")};
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        for (size_t place = 0; place < 24; place++) {
            uint8_t text[32];
            memset(text, 'a', sizeof text);
            memcpy(text + place, parts[part].data, parts[part].len);
            check(text, sizeof text);
            check(text, place + parts[part].len);
        }
    }
}

static void nothing_is_valid(void **state) {
    (void)state;
    assert_true(st_utf8_valid(st_slice(NULL, 0), NULL));
    assert_false(st_utf8_valid(test_hex("ff"), NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_three_bytes),
        cmocka_unit_test(four_bytes),
        cmocka_unit_test(at_every_place_of_the_fast_path),
        cmocka_unit_test(nothing_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
