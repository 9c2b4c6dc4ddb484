/* test_value.c - that the order of encoded scalars is the order of scalars, at every edge of ints and
 * floats, and that strings that were cut are told.
 */
#include "support.h"

#include "index/field/value.h"

enum { ROOM = 1024 };

static st_node node_of(strata_buffer *out) {
    st_node node;
    assert_true(st_node_read(st_buffer_slice(out), &node));
    return node;
}

static size_t encode_int(int64_t integer, uint8_t *bytes) {
    strata_buffer out = test_buffer();
    assert_int_equal(st_document_put_int(&out, integer), STRATA_OK);
    const st_node node = node_of(&out);
    const size_t len = st_field_encode(&node, bytes, NULL);
    strata_buffer_free(&out);
    return len;
}

static size_t encode_float(double real, uint8_t *bytes) {
    strata_buffer out = test_buffer();
    assert_int_equal(st_document_put_float(&out, real), STRATA_OK);
    const st_node node = node_of(&out);
    const size_t len = st_field_encode(&node, bytes, NULL);
    strata_buffer_free(&out);
    return len;
}

static size_t encode_text(strata_slice text, bool bytes, uint8_t *encoded, bool *cut) {
    strata_buffer out = test_buffer();
    assert_int_equal(bytes ? st_document_put_bytes(&out, text) : st_document_put_string(&out, text),
                     STRATA_OK);
    const st_node node = node_of(&out);
    const size_t len = st_field_encode(&node, encoded, cut);
    strata_buffer_free(&out);
    return len;
}

static int sign(int order) {
    return (order > 0) - (order < 0);
}

/* The sign of a - b, exactly: by way of 80 bits. */
static int exact(long double a, long double b) {
    return (a > b) - (a < b);
}

static void numbers(void **state) {
    (void)state;
    static const int64_t ints[] = {INT64_MIN,
                                   INT64_MIN + 1,
                                   -((int64_t)1 << 53) - 1,
                                   -((int64_t)1 << 53),
                                   -((int64_t)1 << 53) + 1,
                                   -256,
                                   -1,
                                   0,
                                   1,
                                   255,
                                   ((int64_t)1 << 53) - 1,
                                   (int64_t)1 << 53,
                                   ((int64_t)1 << 53) + 1,
                                   ((int64_t)1 << 62) + 511,
                                   ((int64_t)1 << 62) + 513,
                                   INT64_MAX - 1,
                                   INT64_MAX};
    static const double floats[] = {-1e300, -0x1p63,  -0x1p53, -1.5, -0.5, -0.0,
                                    0.0,    5e-324,   0.5,     1.0,  1.5,  255.0,
                                    0x1p53, 0x1.8p62, 0x1p63,  1e300};
    enum { INTS = sizeof ints / sizeof ints[0], FLOATS = sizeof floats / sizeof floats[0] };
    uint8_t a[ST_INDEX_VALUE_BYTES_MAX];
    uint8_t b[ST_INDEX_VALUE_BYTES_MAX];
    for (size_t i = 0; i < INTS + FLOATS; i++) {
        for (size_t j = 0; j < INTS + FLOATS; j++) {
            const long double x = i < INTS ? (long double)ints[i] : (long double)floats[i - INTS];
            const long double y = j < INTS ? (long double)ints[j] : (long double)floats[j - INTS];
            const size_t a_len =
                i < INTS ? encode_int(ints[i], a) : encode_float(floats[i - INTS], a);
            const size_t b_len =
                j < INTS ? encode_int(ints[j], b) : encode_float(floats[j - INTS], b);
            assert_true(a_len > 0 && b_len > 0);
            assert_int_equal(st_field_length(st_slice(a, a_len)), a_len);
            if (sign(st_slice_compare(st_slice(a, a_len), st_slice(b, b_len))) != exact(x, y)) {
                fail_msg("%.1Lf and %.1Lf are in another order", x, y);
            }
        }
    }
    assert_int_equal(encode_float((double)NAN, a), 0);
    assert_true(encode_float((double)INFINITY, a) > 0);
}

/* Every string against every other, zeros and long ones included; and comparing them whole. */
static void strings(void **state) {
    (void)state;
    static char texts[9][600];
    strata_slice all[9] = {strata_text(""),  st_slice("\0", 1),  st_slice("\0\xff", 2),
                           strata_text("a"), st_slice("a\0", 2), st_slice("a\0b", 3),
                           strata_text("ab")};
    memset(texts, 'x', sizeof texts);
    all[7] = st_slice(texts[7], 250);
    all[8] = st_slice(texts[8], 600);
    for (size_t i = 0; i < 9; i++) {
        for (size_t j = 0; j < 9; j++) {
            uint8_t a[ST_INDEX_VALUE_BYTES_MAX];
            uint8_t b[ST_INDEX_VALUE_BYTES_MAX];
            bool a_cut;
            bool b_cut;
            const size_t a_len = encode_text(all[i], i % 2 != 0, a, &a_cut);
            const size_t b_len = encode_text(all[j], i % 2 != 0, b, &b_cut);
            assert_int_equal(sign(st_slice_compare(st_slice(a, a_len), st_slice(b, b_len))),
                             sign(st_slice_compare(all[i], all[j])));
            assert_int_equal(st_field_length(st_slice(a, a_len)), a_len);
            assert_true(a_cut == (i == 8));
            assert_true(i == j || a_len > b_len || memcmp(a, b, a_len) != 0);
        }
    }
}

static void hostile(void **state) {
    (void)state;
    static const char *const malformed[] = {"",         "00",       "11",    "22",       "30",
                                            "30 00",    "40",       "40 61", "40 61 00", "40 00",
                                            "40 00 03", "40 00 00", "50 ff", "60 00 01", "ff"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        assert_int_equal(st_field_length(test_hex(malformed[i])), 0);
    }
    uint8_t bytes[2 * ST_INDEX_VALUE_BYTES_MAX];
    uint64_t chance = 3;
    for (size_t i = 0; i < 20000; i++) {
        const size_t len = test_random_below(&chance, sizeof bytes);
        for (size_t j = 0; j < len; j++) {
            bytes[j] = (uint8_t)(test_random_below(&chance, 4) == 0 ? 0 : test_random(&chance));
        }
        if (len > 0 && test_random_below(&chance, 2) == 0) {
            bytes[0] = 0x40;
        }
        assert_true(st_field_length(st_slice(bytes, len)) <= len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(strings),
                                       cmocka_unit_test(hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
