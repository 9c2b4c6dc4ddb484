/* test_bytes.c - that numbers are stored with the bytes the formats promise, and that a cursor
 * never reads past the end, however it is cut.
 */
#include "support.h"

#include "base/bytes.h"
#include "base/hash.h"

static void loads_and_stores(void **state) {
    (void)state;
    uint8_t b[8];
    store16_be(b, 0x0102);
    test_bytes_equal(st_slice(b, 2), test_hex("0102"), "store16_be");
    store32_le(b, 0xf1020304u);
    test_bytes_equal(st_slice(b, 4), test_hex("040302f1"), "store32_le");
    assert_int_equal(load32_le(b), 0xf1020304u);
    store32_be(b, 0xf1020304u);
    test_bytes_equal(st_slice(b, 4), test_hex("f1020304"), "store32_be");
    assert_int_equal(load32_be(b), 0xf1020304u);
    store64_le(b, 0xf102030405060708u);
    test_bytes_equal(st_slice(b, 8), test_hex("08070605040302f1"), "store64_le");
    assert_true(load64_le(b) == 0xf102030405060708u);
    store64_be(b, 0xf102030405060708u);
    test_bytes_equal(st_slice(b, 8), test_hex("f102030405060708"), "store64_be");
    assert_true(load64_be(b) == 0xf102030405060708u);
}

static void varint_bytes(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {1, "01"},
        {127, "7f"},
        {128, "8001"},
        {300, "ac02"},
        {16383, "ff7f"},
        {16384, "808001"},
        {UINT32_MAX, "ffffffff0f"},
        {(uint64_t)1 << 63, "80808080808080808001"},
        {UINT64_MAX, "ffffffffffffffffff01"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[ST_VARINT_BYTES_MAX];
        const size_t len = (size_t)(st_varint_put(bytes, cases[i].value) - bytes);
        test_bytes_equal(st_slice(bytes, len), test_hex(cases[i].hex), cases[i].hex);
        for (size_t cut = 0; cut <= len; cut++) {
            st_cursor cursor = st_cursor_over(st_slice(bytes, cut));
            uint64_t value = 0;
            assert_true(st_cursor_varint(&cursor, &value) == (cut == len));
            if (cut == len) {
                assert_true(value == cases[i].value);
                assert_int_equal(st_cursor_left(&cursor), 0);
            }
        }
    }
}

static void varint_refuses(void **state) {
    (void)state;
    static const char *const cases[] = {
        "ffffffffffffffffff02",         /* 2^64 and more */
        "ffffffffffffffffff7f",         /* more still */
        "80808080808080808080808000",   /* never ends in ten bytes */
        "ffffffffffffffffffffffffff01", /* the same with bits */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_cursor cursor = st_cursor_over(test_hex(cases[i]));
        uint64_t value;
        assert_false(st_cursor_varint(&cursor, &value));
    }
}

static void varint_seeded(void **state) {
    (void)state;
    uint64_t chance = 2;
    for (int i = 0; i < 100000; i++) {
        const uint64_t value = test_random(&chance) >> test_random_below(&chance, 64);
        uint8_t bytes[ST_VARINT_BYTES_MAX];
        const size_t len = (size_t)(st_varint_put(bytes, value) - bytes);
        st_cursor cursor = st_cursor_over(st_slice(bytes, len));
        uint64_t back;
        assert_true(st_cursor_varint(&cursor, &back) && back == value);
        assert_true(st_unzigzag(st_zigzag((int64_t)value)) == (int64_t)value);
    }
}

static void zigzag_order(void **state) {
    (void)state;
    assert_true(st_zigzag(0) == 0);
    assert_true(st_zigzag(-1) == 1);
    assert_true(st_zigzag(1) == 2);
    assert_true(st_zigzag(INT64_MAX) == UINT64_MAX - 1);
    assert_true(st_zigzag(INT64_MIN) == UINT64_MAX);
    assert_true(st_unzigzag(UINT64_MAX) == INT64_MIN);
}

static void cursor_bounds(void **state) {
    (void)state;
    const strata_slice bytes = test_hex("05 68656c6c6f 02 6869");
    st_cursor cursor = st_cursor_over(bytes);
    strata_slice part;
    assert_true(st_cursor_sized(&cursor, &part));
    test_bytes_equal(part, strata_text("hello"), "first");
    assert_true(st_cursor_sized(&cursor, &part));
    test_bytes_equal(part, strata_text("hi"), "second");
    uint8_t byte;
    assert_false(st_cursor_u8(&cursor, &byte));
    for (size_t cut = 0; cut < 6; cut++) {
        cursor = st_cursor_over(st_slice(bytes.data, cut));
        assert_false(st_cursor_sized(&cursor, &part));
    }
    cursor = st_cursor_over(test_hex("ffffffffffffffffff01 00"));
    assert_false(st_cursor_sized(&cursor, &part));
    cursor = st_cursor_over(st_slice(NULL, 0));
    assert_int_equal(st_cursor_left(&cursor), 0);
    assert_true(st_cursor_take(&cursor, 0, &part));
    assert_false(st_cursor_take(&cursor, 1, &part));
}

/* Not a test of quality: that equal bytes hash alike wherever they lie, and that neither the length
 * nor any single bit is left out. */
static void hash_sees_every_bit(void **state) {
    (void)state;
    uint8_t bytes[40] = {0};
    for (size_t len = 0; len <= 32; len++) {
        const uint64_t h = st_hash_bytes(st_slice(bytes, len), 7);
        assert_true(h == st_hash_bytes(st_slice(bytes + 3, len), 7));
        assert_true(h != st_hash_bytes(st_slice(bytes, len), 8));
        assert_true(h != st_hash_bytes(st_slice(bytes, len + 1), 7));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_true(h != st_hash_bytes(st_slice(bytes, len), 7));
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_and_stores),    cmocka_unit_test(varint_bytes),
        cmocka_unit_test(varint_refuses),      cmocka_unit_test(varint_seeded),
        cmocka_unit_test(zigzag_order),        cmocka_unit_test(cursor_bounds),
        cmocka_unit_test(hash_sees_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
