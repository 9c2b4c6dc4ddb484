/* test_pack.c - that the command line's MessagePack says what strata_msgpack_to_json reads, in the
 * shortest form at every border, and that reading believes nothing: every beginning of a message is
 * refused, every first byte is read or refused, and depth costs no stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../../../hosts/native/cli/pack.h"

static void expect_json(const cli_buffer *packed, const char *json) {
    strata_buffer text = {0};
    assert_int_equal(strata_msgpack_to_json(cli_slice(packed), false, &text, NULL), STRATA_OK);
    assert_int_equal(text.len, strlen(json));
    assert_memory_equal(text.data, json, text.len);
    strata_buffer_free(&text);
}

static pack_item read_whole(const cli_buffer *packed) {
    pack_item item;
    strata_slice rest = cli_slice(packed);
    assert_true(pack_next(&rest, &item));
    assert_int_equal(rest.len, 0);
    assert_int_equal(item.raw.len, packed->len);
    return item;
}

static void test_ints_at_their_borders(void **state) {
    (void)state;
    const struct {
        int64_t number;
        size_t bytes;
    } cases[] = {{0, 1},
                 {127, 1},
                 {128, 2},
                 {255, 2},
                 {256, 3},
                 {65535, 3},
                 {65536, 5},
                 {UINT32_MAX, 5},
                 {1LL << 32, 9},
                 {INT64_MAX, 9},
                 {-1, 1},
                 {-32, 1},
                 {-33, 2},
                 {-128, 2},
                 {-129, 3},
                 {-32768, 3},
                 {-32769, 5},
                 {INT32_MIN, 5},
                 {INT32_MIN - 1LL, 9},
                 {INT64_MIN, 9}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cli_buffer packed = {0};
        char json[32];
        pack_put_int(&packed, cases[i].number);
        assert_int_equal(packed.len, cases[i].bytes);
        const pack_item item = read_whole(&packed);
        assert_int_equal(item.type, STRATA_INT);
        assert_true(item.as.integer == cases[i].number);
        (void)snprintf(json, sizeof(json), "%lld", (long long)cases[i].number);
        expect_json(&packed, json);
        cli_buffer_free(&packed);
    }
    cli_buffer packed = {0};
    pack_put_uint(&packed, UINT64_MAX); /* no int of ours */
    strata_slice rest = cli_slice(&packed);
    pack_item item;
    assert_false(pack_next(&rest, &item));
    cli_buffer_free(&packed);
}

static void test_lengths_at_their_borders(void **state) {
    (void)state;
    const size_t lens[] = {0, 31, 32, 255, 256, 65535, 65536, 100000};
    char *const text = malloc(100000);
    assert_non_null(text);
    memset(text, 'x', 100000);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        const strata_slice slice = {text, lens[i]};
        cli_buffer packed = {0};
        pack_put_string(&packed, slice);
        pack_item item = read_whole(&packed);
        assert_int_equal(item.type, STRATA_STRING);
        assert_int_equal(item.as.bytes.len, lens[i]);
        cli_buffer_clear(&packed);
        pack_put_bytes(&packed, slice);
        item = read_whole(&packed);
        assert_int_equal(item.type, STRATA_BYTES);
        assert_int_equal(item.as.bytes.len, lens[i]);
        cli_buffer_clear(&packed);
        pack_put_array(&packed, (uint32_t)lens[i]);
        for (size_t n = 0; n < lens[i]; n++) {
            pack_put_nil(&packed);
        }
        item = read_whole(&packed);
        assert_int_equal(item.type, STRATA_ARRAY);
        assert_int_equal(item.as.count, lens[i]);
        assert_int_equal(item.inside.len, lens[i]);
        cli_buffer_free(&packed);
    }
    free(text);
}

/* {"a": [1, {"b": true}], "c": nil, "d": "text"} */
static void put_sample(cli_buffer *out) {
    const size_t place = pack_open_object(out);
    pack_put_text(out, "a");
    pack_put_array(out, 2);
    pack_put_int(out, 1);
    pack_put_object(out, 1);
    pack_put_text(out, "b");
    pack_put_bool(out, true);
    pack_put_text(out, "c");
    pack_put_nil(out);
    pack_put_text(out, "d");
    pack_put_text(out, "text");
    pack_close_object(out, place, 3);
}

static void test_fields(void **state) {
    (void)state;
    cli_buffer packed = {0};
    put_sample(&packed);
    expect_json(&packed, "{\"a\":[1,{\"b\":true}],\"c\":null,\"d\":\"text\"}");
    const pack_item object = read_whole(&packed);
    pack_item value;
    assert_true(pack_field(&object, "d", &value));
    assert_true(cli_slice_is(value.as.bytes, "text"));
    assert_true(pack_field(&object, "a", &value));
    assert_int_equal(value.as.count, 2);
    assert_false(pack_field(&object, "b", &value));
    assert_false(pack_field(&value, "b", &value));
    cli_buffer_free(&packed);
}

static void test_floats(void **state) {
    (void)state;
    const uint8_t half[] = {0xca, 0x3f, 0xc0, 0x00, 0x00};
    const uint8_t whole[] = {0xcb, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0};
    strata_slice rest = {half, sizeof(half)};
    pack_item item;
    assert_true(pack_next(&rest, &item));
    assert_true(item.type == STRATA_FLOAT && fabs(item.as.real - 1.5) < 1e-12);
    rest = (strata_slice){whole, sizeof(whole)};
    assert_true(pack_next(&rest, &item));
    assert_true(item.type == STRATA_FLOAT && fabs(item.as.real + 1.5) < 1e-12);
}

static void test_every_beginning_is_refused(void **state) {
    (void)state;
    cli_buffer packed = {0};
    put_sample(&packed);
    for (size_t len = 0; len < packed.len; len++) {
        /* A copy of exactly that length, so that the sanitizer sees one byte too many. */
        char *const copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, packed.data, len);
        char *const exact = realloc(copy, len == 0 ? 1 : len);
        assert_non_null(exact);
        strata_slice rest = {exact, len};
        pack_item item;
        assert_false(pack_next(&rest, &item));
        free(exact);
    }
    cli_buffer_free(&packed);
}

static void test_every_first_byte(void **state) {
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t data[64] = {(uint8_t)first};
        for (size_t len = 1; len <= sizeof(data); len++) {
            strata_slice rest = {data, len};
            pack_item item;
            if (pack_next(&rest, &item)) {
                assert_in_range(item.raw.len, 1, len);
                assert_int_equal(item.raw.len + rest.len, len);
            } else {
                assert_int_equal(rest.len, len);
            }
        }
    }
    /* A length far beyond the bytes: refused at once, nothing is asked for. */
    const uint8_t boast[] = {0xdf, 0xff, 0xff, 0xff, 0xff, 0x01};
    strata_slice rest = {boast, sizeof(boast)};
    pack_item item;
    assert_false(pack_next(&rest, &item));
}

static void test_depth_costs_no_stack(void **state) {
    (void)state;
    enum { DEPTH = 1000000 };
    cli_buffer packed = {0};
    for (int i = 0; i < DEPTH; i++) {
        pack_put_array(&packed, 1);
    }
    pack_put_nil(&packed);
    const pack_item item = read_whole(&packed);
    assert_int_equal(item.inside.len, DEPTH);
    cli_buffer_free(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ints_at_their_borders),
        cmocka_unit_test(test_lengths_at_their_borders),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_every_beginning_is_refused),
        cmocka_unit_test(test_every_first_byte),
        cmocka_unit_test(test_depth_costs_no_stack),
    };
    return cmocka_run_group_tests_name("hosts/native/cli/pack", tests, NULL, NULL);
}
