/* test_key.c - keys of the store against docs/FORMAT.md: what is made is well-formed and in order,
 * and what the format does not know is not.
 */
#include "support.h"

#include "format/key.h"

static void made_and_taken_apart(void **state) {
    (void)state;
    static const uint8_t tags[] = {ST_TAG_RUN, ST_TAG_KV, ST_TAG_MEMORY};
    static const char *const texts[] = {"a",
                                        "gr\xc3\xbc\xc3\x9f"
                                        "e/\xe6\x97\xa5",
                                        "\x01", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof tags; i++) {
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            st_key key;
            assert_int_equal(st_key_check(strata_text(texts[j]), NULL), STRATA_OK);
            st_key_text(&key, tags[i], strata_text(texts[j]));
            assert_true(st_key_well_formed(st_key_slice(&key)));
            test_bytes_equal(st_key_text_of(st_key_slice(&key)), strata_text(texts[j]), "text");
        }
    }
    static const uint64_t numbers[] = {1, 255, 256, (uint64_t)1 << 32, INT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        st_key key;
        st_key_number(&key, ST_TAG_EVENT, numbers[i]);
        assert_true(st_key_well_formed(st_key_slice(&key)));
        assert_true(st_key_number_of(st_key_slice(&key)) == numbers[i]);
    }
}

static void several_texts(void **state) {
    (void)state;
    const strata_slice texts[] = {strata_text("a"), strata_text("\xc3\xbc>b"), strata_text("c")};
    for (size_t count = 2; count <= 3; count++) {
        const uint8_t tag = count == 2 ? ST_TAG_ENTITY : ST_TAG_EDGE;
        strata_slice taken[3];
        char shown[ST_KEY_BYTES_MAX];
        st_key key;
        st_key prefix;
        st_key_texts(&key, tag, texts, count);
        assert_true(st_key_well_formed(st_key_slice(&key)));
        st_key_texts_of(st_key_slice(&key), taken);
        for (size_t i = 0; i < count; i++) {
            test_bytes_equal(taken[i], texts[i], "text");
        }
        st_key_texts(&prefix, tag, texts, count - 1);
        assert_memory_equal(prefix.bytes, key.bytes, prefix.len);
        const size_t len = st_key_show(st_key_slice(&key), shown);
        test_bytes_equal(st_slice(shown, len),
                         strata_text(count == 2 ? "a>\xc3\xbc>b" : "a>\xc3\xbc>b>c"), "shown");
    }
}

static void parts_of_a_text(void **state) {
    (void)state;
    st_key low;
    st_key high;
    uint32_t part;
    st_key_part(&low, ST_TAG_JSON_PATCH, strata_text("doc"), 1);
    st_key_part(&high, ST_TAG_JSON_PATCH, strata_text("doc"), 256);
    assert_true(st_key_well_formed(st_key_slice(&low)));
    assert_true(st_slice_compare(st_key_slice(&low), st_key_slice(&high)) < 0);
    test_bytes_equal(st_key_part_of(st_key_slice(&high), &part), strata_text("doc"), "text");
    assert_int_equal(part, 256);
}

static void longest_text(void **state) {
    (void)state;
    char text[ST_KEY_BYTES_MAX + 1];
    uint8_t stored[1 + ST_KEY_BYTES_MAX + 2];
    st_key key;
    memset(text, 'k', sizeof text);
    assert_int_equal(st_key_check(st_slice(text, sizeof text), NULL), STRATA_INVALID_KEY);
    assert_int_equal(st_key_check(st_slice(text, sizeof text - 1), NULL), STRATA_OK);
    st_key_text(&key, ST_TAG_KV, st_slice(text, sizeof text - 1));
    assert_true(st_key_well_formed(st_key_slice(&key)));
    memset(stored, 'k', sizeof stored);
    stored[0] = ST_TAG_KV;
    stored[sizeof stored - 1] = 0;
    assert_false(st_key_well_formed(st_slice(stored, sizeof stored)));
}

static void not_of_the_format(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "10",
        "10 00", /* an empty text */
        "10 61", /* no end */
        "10 61 62",
        "10 61 00 62 00", /* an end in between */
        "10 61 00 00",
        "00 61 00", /* tags that there are not */
        "04 61 00",
        "ff 61 00",
        "10 ff 00", /* no UTF-8 */
        "70 c0 80 00",
        "01 ed a0 80 00",
        "10 61 c3 00",
        "20 00 00 00 00 00 00 00 00", /* numbers begin at 1 */
        "20 80 00 00 00 00 00 00 00", /* and end at 2^63 - 1 */
        "20 ff ff ff ff ff ff ff ff",
        "20 00 00 00 00 00 00 01", /* and have eight bytes */
        "20 00 00 00 00 00 00 00 00 01",
        "20 61 00",
        "41 61 00", /* a pair has two texts */
        "41 61 00 00",
        "41 61 00 62 00 63 00",
        "41 61 00 62",
        "80 61 00 62 00", /* a triple three */
        "80 00 62 00 63 00",
        "80 61 00 ff 00 63 00",
        "51 61 00 00 00 00 00", /* parts begin at 1 */
        "51 61 00 00 00 01",
        "51 00 00 00 00 01",
        "a1 00 00 00 00 61", /* so do indexes */
        "a1 00 00 00 01",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (st_key_well_formed(test_hex(cases[i]))) {
            fail_msg("%s is taken for a key", cases[i]);
        }
    }
}

/* Order of keys is order of texts, also where one begins with the other, and of numbers. */
static void in_order(void **state) {
    (void)state;
    static const char *const texts[] = {"!",  "a", "a!",       "a/b",
                                        "aa", "b", "\xc3\xa9", "\xf0\x9f\x98\x80"};
    static const uint64_t numbers[] = {1, 2, 255, 256, 65535, 65536, INT64_MAX};
    st_key first;
    st_key second;
    for (size_t i = 1; i < sizeof texts / sizeof texts[0]; i++) {
        st_key_text(&first, ST_TAG_KV, strata_text(texts[i - 1]));
        st_key_text(&second, ST_TAG_KV, strata_text(texts[i]));
        assert_true(st_slice_compare(st_key_slice(&first), st_key_slice(&second)) < 0);
    }
    for (size_t i = 1; i < sizeof numbers / sizeof numbers[0]; i++) {
        st_key_number(&first, ST_TAG_EVENT, numbers[i - 1]);
        st_key_number(&second, ST_TAG_EVENT, numbers[i]);
        assert_true(st_slice_compare(st_key_slice(&first), st_key_slice(&second)) < 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_taken_apart), cmocka_unit_test(several_texts),
        cmocka_unit_test(parts_of_a_text),      cmocka_unit_test(longest_text),
        cmocka_unit_test(not_of_the_format),    cmocka_unit_test(in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
