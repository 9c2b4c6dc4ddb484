/* test_value.c - that stored values have one form, that every limit refuses with its reason, and
 * that nothing is left behind by a refusal.
 */
#include "support.h"

#include "base/limits.h"
#include "format/msgpack.h"

enum { BYTES_MAX = 32 << 20 };

static strata_status canonical(strata_slice msgpack, size_t bytes_max, strata_buffer *out,
                               strata_error *error) {
    memset(error, 0, sizeof *error);
    return st_value_canonical(msgpack, bytes_max, out, error);
}

static void forms(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"c0", "c0"},
        {"d3000000000000002a", "2a"},
        {"d2ffffffff", "ff"},
        {"ca3fc00000", "cb3ff8000000000000"},
        {"cb7ff8000000000001", "cb7ff8000000000001"}, /* the payload of a NaN */
        {"cb7ff0000000000001", "cb7ff0000000000001"}, /* a signalling one */
        {"cb8000000000000000", "cb8000000000000000"}, /* -0.0 */
        {"cbfff0000000000000", "cbfff0000000000000"},
        {"d90161", "a161"},
        {"db0000000161", "a161"},
        {"c60000000100", "c40100"},
        {"dd00000002c2c3", "92c2c3"},
        {"df00000002d901620190a1610280", ""},
        {"df00000002d9016201a16180", "82a16201a16180"}, /* the order of names is kept */
        {"dc0000", "90"},
        {"de0000", "80"},
        {"92dc000090", "929090"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer out = test_buffer();
        strata_error error;
        const strata_status status = canonical(test_hex(cases[i][0]), BYTES_MAX, &out, &error);
        if (cases[i][1][0] == '\0') {
            assert_int_equal(status, STRATA_INVALID_ARGUMENT);
        } else {
            assert_int_equal(status, STRATA_OK);
        }
        test_bytes_equal(st_buffer_slice(&out), test_hex(cases[i][1]), cases[i][0]);
        strata_buffer_free(&out);
    }
}

static void refusals(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "c1",
        "c0c0",             /* bytes follow */
        "a1ff",             /* not UTF-8 */
        "81a1ff01",         /* nor a name */
        "8101c0",           /* a name that is an int */
        "81c40161c0",       /* or bytes */
        "82a16101a16102",   /* a name twice */
        "82a16101d9016102", /* in another form */
        "9182a16101a16101", /* inside */
        "83a161 80 a162 81a16101 a16101",
        "da0100",
        "cfffffffffffffffff",
        "d40000",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer out = test_buffer();
        strata_error error;
        assert_int_equal(st_buffer_append(&out, "kept", 4), STRATA_OK);
        const strata_status status = canonical(test_hex(cases[i]), BYTES_MAX, &out, &error);
        if (status != STRATA_INVALID_ARGUMENT || error.code != status || error.message[0] == '\0') {
            fail_msg("%s: %s", cases[i], strata_status_name(status));
        }
        test_bytes_equal(st_buffer_slice(&out), strata_text("kept"), cases[i]);
        assert_int_equal(st_value_canonical(test_hex(cases[i]), BYTES_MAX, &out, NULL), status);
        strata_buffer_free(&out);
        assert_int_equal(test_memory_blocks(), 0);
    }
}

static void expect_constraint(strata_status status, const strata_error *error, const char *reason) {
    assert_int_equal(status, STRATA_CONSTRAINT);
    assert_int_equal(error->code, STRATA_CONSTRAINT);
    assert_string_equal(error->fields[0].name, "reason");
    assert_string_equal(error->fields[0].text, reason);
}

static void nesting(void **state) {
    (void)state;
    for (int object = 0; object < 2; object++) {
        for (size_t depth = ST_NESTING_MAX - 1; depth <= ST_NESTING_MAX + 1; depth++) {
            strata_buffer in = test_buffer();
            strata_buffer out = test_buffer();
            strata_error error;
            for (size_t i = 0; i < depth; i++) {
                assert_int_equal(object != 0 ? st_msgpack_put_object(&in, 1)
                                             : st_msgpack_put_array(&in, 1),
                                 STRATA_OK);
                if (object != 0) {
                    assert_int_equal(st_msgpack_put_string(&in, strata_text("a")), STRATA_OK);
                }
            }
            assert_int_equal(st_msgpack_put_null(&in), STRATA_OK);
            const strata_status status = canonical(st_buffer_slice(&in), BYTES_MAX, &out, &error);
            if (depth <= ST_NESTING_MAX) {
                assert_int_equal(status, STRATA_OK);
                test_bytes_equal(st_buffer_slice(&out), st_buffer_slice(&in), "canonical already");
            } else {
                expect_constraint(status, &error, "nesting_too_deep");
            }
            strata_buffer_free(&in);
            strata_buffer_free(&out);
        }
    }
}

static void sizes(void **state) {
    (void)state;
    strata_buffer out = test_buffer();
    strata_error error;
    const strata_slice value = test_hex("93a3616263c0cb3ff8000000000000");
    assert_int_equal(canonical(value, value.len, &out, &error), STRATA_OK);
    out.len = 0;
    expect_constraint(canonical(value, value.len - 1, &out, &error), &error, "value_too_large");
    assert_int_equal(error.fields[1].number, (int64_t)value.len - 1);
    /* The limit is for the canonical form: a loose one may be longer. */
    assert_int_equal(canonical(test_hex("d3000000000000002a"), 1, &out, &error), STRATA_OK);
    out.len = 0;
    uint8_t *large = malloc(ST_STRING_BYTES_MAX + 1);
    memset(large, 'x', ST_STRING_BYTES_MAX + 1);
    for (int text = 0; text < 2; text++) {
        strata_value v = {text != 0 ? STRATA_STRING : STRATA_BYTES,
                          {.bytes = {large, ST_STRING_BYTES_MAX}}};
        out.len = 0;
        assert_int_equal(st_value_encode(&v, BYTES_MAX, &out, &error), STRATA_OK);
        v.as.bytes.len++;
        out.len = 0;
        expect_constraint(st_value_encode(&v, BYTES_MAX, &out, &error), &error, "value_too_large");
    }
    free(large);
    strata_buffer_free(&out);
    assert_int_equal(test_memory_blocks(), 0);
}

static void entries(void **state) {
    (void)state;
    const uint32_t counts[] = {ST_ENTRIES_MAX, ST_ENTRIES_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        strata_buffer in = test_buffer();
        strata_buffer out = test_buffer();
        strata_error error;
        assert_int_equal(st_msgpack_put_array(&in, counts[i]), STRATA_OK);
        assert_int_equal(st_buffer_reserve(&in, counts[i]), STRATA_OK);
        memset(in.data + in.len, 0xc0, counts[i]);
        in.len += counts[i];
        const strata_status status = canonical(st_buffer_slice(&in), BYTES_MAX, &out, &error);
        if (i == 0) {
            assert_int_equal(status, STRATA_OK);
        } else {
            expect_constraint(status, &error, "too_many_entries");
        }
        strata_buffer_free(&in);
        strata_buffer_free(&out);
    }
}

/* Encodes a value, decodes it and compares. */
static void encodes_and_decodes(void **state) {
    (void)state;
    const strata_value values[] = {
        strata_null(),
        strata_bool(true),
        strata_bool(false),
        strata_int(INT64_MIN),
        strata_int(7),
        strata_float(-0.0),
        strata_float(1e300),
        strata_string(strata_text("text")),
        strata_string(strata_text("")),
        strata_bytes(test_hex("00ff")),
        strata_object(test_hex("81a16101")),
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        strata_buffer out = test_buffer();
        strata_value back;
        memset(&back, 0xee, sizeof back);
        assert_int_equal(st_value_encode(&values[i], BYTES_MAX, &out, NULL), STRATA_OK);
        assert_true(st_value_decode(st_buffer_slice(&out), &back));
        assert_int_equal(back.type, values[i].type);
        switch (back.type) {
        case STRATA_NULL:
            break;
        case STRATA_BOOL:
            assert_int_equal(back.as.boolean, values[i].as.boolean);
            break;
        case STRATA_INT:
        case STRATA_FLOAT:
            assert_memory_equal(&back.as, &values[i].as, 8);
            break;
        default:
            test_bytes_equal(back.as.bytes, values[i].as.bytes, "value");
        }
        strata_buffer_free(&out);
    }
    strata_value back;
    assert_false(st_value_decode(st_slice(NULL, 0), &back));
    assert_false(st_value_decode(test_hex("c1"), &back));
    assert_false(st_value_decode(test_hex("a261"), &back));
}

static void type_must_fit(void **state) {
    (void)state;
    strata_buffer out = test_buffer();
    strata_error error;
    const strata_value array_as_object = strata_object(test_hex("9101"));
    assert_int_equal(st_value_encode(&array_as_object, BYTES_MAX, &out, &error), STRATA_WRONG_TYPE);
    const strata_value nothing = strata_object(st_slice(NULL, 0));
    assert_int_equal(st_value_encode(&nothing, BYTES_MAX, &out, &error), STRATA_INVALID_ARGUMENT);
    const strata_value not_text = strata_string(test_hex("c3"));
    assert_int_equal(st_value_encode(&not_text, BYTES_MAX, &out, &error), STRATA_INVALID_ARGUMENT);
    strata_value unknown = strata_int(1);
    unknown.type = (strata_type)99;
    assert_int_equal(st_value_encode(&unknown, BYTES_MAX, &out, &error), STRATA_INVALID_ARGUMENT);
    assert_int_equal(out.len, 0);
    strata_buffer_free(&out);
}

static void without_memory(void **state) {
    (void)state;
    const strata_slice value = test_hex("82a16182a16201a16302a16492c0a3616263");
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        strata_buffer out = test_buffer();
        strata_error error;
        test_memory_fail_at(n);
        const strata_status status = canonical(value, BYTES_MAX, &out, &error);
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        assert_int_equal(out.len, failed ? 0 : value.len);
        strata_buffer_free(&out);
        assert_int_equal(test_memory_blocks(), 0);
        assert_true(n < 100);
    }
}

/* Seeded damage to a value: taken or refused, and what is taken is canonical. */
static void damage(void **state) {
    (void)state;
    const strata_slice whole =
        test_hex("85a16181a162cb7ff8000000000000a163c403010203a164aa61626364656667686970a1659201cd"
                 "012ca16693a3e282acc0fb");
    uint64_t chance = 13;
    size_t taken = 0;
    strata_buffer first = test_buffer();
    assert_int_equal(st_value_canonical(whole, BYTES_MAX, &first, NULL), STRATA_OK);
    strata_buffer_free(&first);
    for (int i = 0; i < 100000; i++) {
        uint8_t bytes[64];
        memcpy(bytes, whole.data, whole.len);
        for (uint64_t hits = 1 + test_random_below(&chance, 3); hits > 0; hits--) {
            bytes[test_random_below(&chance, whole.len)] = (uint8_t)test_random(&chance);
        }
        const bool cut = test_random_below(&chance, 4) == 0;
        const size_t len = cut ? 1 + test_random_below(&chance, whole.len) : whole.len;
        strata_buffer out = test_buffer();
        strata_buffer again = test_buffer();
        strata_error error;
        if (canonical(st_slice(bytes, len), BYTES_MAX, &out, &error) == STRATA_OK) {
            taken++;
            assert_int_equal(canonical(st_buffer_slice(&out), BYTES_MAX, &again, &error),
                             STRATA_OK);
            test_bytes_equal(st_buffer_slice(&again), st_buffer_slice(&out), "canonical twice");
        }
        strata_buffer_free(&out);
        strata_buffer_free(&again);
    }
    assert_true(taken > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),         cmocka_unit_test(refusals),
        cmocka_unit_test(nesting),       cmocka_unit_test(sizes),
        cmocka_unit_test(entries),       cmocka_unit_test(encodes_and_decodes),
        cmocka_unit_test(type_must_fit), cmocka_unit_test(without_memory),
        cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
