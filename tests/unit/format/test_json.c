/* test_json.c - that JSON is taken and refused as RFC 8259 says, with the offset of what is wrong,
 * and that values survive the way to text and back, bit for bit.
 *
 * The cases follow the categories of JSONTestSuite (Seriot, "Parsing JSON is a minefield"): what
 * must be taken, what must be refused, and for what is left open, what we decided.
 */
#include "support.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "format/json.h"
#include "format/msgpack.h"

/* The text in memory of exactly its size, so that the sanitizer sees a read beyond it. */
static strata_status read_json(strata_slice text, strata_buffer *out, strata_error *error) {
    uint8_t *copy = malloc(text.len == 0 ? 1 : text.len);
    if (text.len != 0) {
        memcpy(copy, text.data, text.len);
    }
    memset(error, 0, sizeof *error);
    const strata_status status = strata_json_to_msgpack(st_slice(copy, text.len), out, error);
    free(copy);
    return status;
}

static void check_taken(strata_slice text, strata_slice expected) {
    strata_buffer out = test_buffer();
    strata_error error;
    if (read_json(text, &out, &error) != STRATA_OK) {
        fail_msg("refused: %.*s (%s)", (int)text.len, (const char *)text.data, error.message);
    }
    test_bytes_equal(st_buffer_slice(&out), expected, text.data);
    strata_buffer_free(&out);
    assert_int_equal(test_memory_blocks(), 0);
}

static void check_refused(strata_slice text, strata_status expected, int64_t offset) {
    strata_buffer out = test_buffer();
    strata_error error;
    assert_int_equal(st_buffer_append(&out, "old", 3), STRATA_OK);
    const strata_status status = read_json(text, &out, &error);
    const strata_error_field *last =
        &error.fields[error.field_count == 0 ? 0 : error.field_count - 1];
    if (status != expected || error.code != expected || error.field_count == 0 ||
        strcmp(last->name, "offset") != 0 || last->number != offset) {
        fail_msg("%.*s: %s at %d: %s", (int)text.len, (const char *)text.data,
                 strata_status_name(status), error.field_count == 0 ? -1 : (int)last->number,
                 error.message);
    }
    assert_int_equal(out.len, 0);
    assert_int_equal(read_json(text, &out, &error), expected);
    assert_int_equal(strata_json_to_msgpack(text, &out, NULL), expected);
    strata_buffer_free(&out);
    assert_int_equal(test_memory_blocks(), 0);
}

static void taken(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"null", "c0"},
        {"true", "c3"},
        {" \t\r\nfalse \t\r\n", "c2"},
        {"0", "00"},
        {"-0", "00"},
        {"-0.0", "cb8000000000000000"},
        {"0e1", "cb0000000000000000"},
        {"1E+2", "cb4059000000000000"},
        {"1e-2", "cb3f847ae147ae147b"},
        {"1.0", "cb3ff0000000000000"},
        {"123", "7b"},
        {"9223372036854775807", "cf7fffffffffffffff"},
        {"-9223372036854775808", "d38000000000000000"},
        {"9223372036854775808.0", "cb43e0000000000000"},
        {"1e-400", "cb0000000000000000"},
        {"-1e-400", "cb8000000000000000"},
        {"123456789012345678901234567890.0", "cb45f8ee90ff6c373e"},
        {"\"\"", "a0"},
        {"\"a\"", "a161"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a8225c2f080c0a0d09"},
        {"\"\\u0000\"", "a100"},
        {"\"\\u00e9\\u20AC\"", "a5c3a9e282ac"},
        {"\"\\ud83d\\ude00\"", "a4f09f9880"},
        {"\"\\uDBFF\\uDFFF\"", "a4f48fbfbf"},
        {"\"\\uD7FF\\uE000\\uFFFF\"", "a9ed9fbfee8080efbfbf"},
        {"\"\xc3\xa9\x7f\"", "a3c3a97f"},
        {"\"x\\ny\\nz\"", "a5780a790a7a"},
        {"[]", "90"},
        {"[[]   ]", "9190"},
        {"[1,[2,[3]],4]", "93"
                          "01"
                          "9202"
                          "9103"
                          "04"},
        {"{}", "80"},
        {"{\"\":0}", "81a000"},
        {"{\"b\":1,\"a\":{\"b\":[]}}", "82a16201a16181a16290"},
        {" [ null , { \"a\" : true } ] ", "92c081a161c3"},
        {"{\"a\\u0062\":1}", "81a2616201"},
        {"{\"$bytes\":\"\"}", "c400"},
        {"{\"$bytes\":\"AAH/\"}", "c4030001ff"},
        {"{\"\\u0024bytes\":\"AA==\"}", "c40100"},
        {"[{\"$bytes\":\"AA==\"},{\"$float\":\"nan\"}]", "92c40100cb7ff8000000000000"},
        {"{\"$float\":\"inf\"}", "cb7ff0000000000000"},
        {"{\"$float\":\"-inf\"}", "cbfff0000000000000"},
        {"{\"$float\":\"nan:fff8000000000001\"}", "cbfff8000000000001"},
        {"{\"$float\":\"nan:7ff0000000000001\"}", "cb7ff0000000000001"},
        {"{\"$$bytes\":\"AA==\"}", "81a62462797465"
                                   "73"
                                   "a441413d3d"},
        {"{\"$$$float\":1}", "81a7242466"
                             "6c6f617401"},
        {"{\"$bytes\":1,\"a\":2}", "82a6246279746573"
                                   "01"
                                   "a16102"},
        {"{\"a\":{\"$bytes\":\"AA==\"},\"b\":[1]}", "82a161c40100a1629101"},
        {"{\"$other\":1}", "81a6246f74686572"
                           "01"},
        {"{\"bytes\":1}", "81a5627974657301"},
        /* A header of three bytes and one of five are moved together. */
        {"[[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],{\"a\":[]}]",
         "92dc00100000000000000000000000000000000081a16190"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_taken(strata_text(cases[i][0]), test_hex(cases[i][1]));
    }
    check_taken(st_slice("[1] junk", 3), test_hex("9101"));
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t offset;
    } cases[] = {
        {"", 0},
        {" ", 1},
        {"nul", 0},
        {"nulL", 0},
        {"nullx", 4},
        {"True", 0},
        {"undefined", 0},
        {"NaN", 0},
        {"Infinity", 0},
        {"-Infinity", 1},
        {"'a'", 0},
        {"a", 0},
        {"\xef\xbb\xbf{}", 0}, /* a byte order mark */
        {"// c\n1", 0},
        {"/**/1", 0},
        {"1 2", 2},
        {"01", 1},
        {"-01", 2},
        {"+1", 0},
        {"-", 1},
        {"--1", 1},
        {".5", 0},
        {"-.5", 1},
        {"5.", 2},
        {"5.e1", 2},
        {"1e", 2},
        {"1e+", 3},
        {"1e+-1", 3},
        {"1.2.3", 3},
        {"0x10", 1},
        {"1_000", 1},
        {"9223372036854775808", 0},
        {"[-9223372036854775809]", 1},
        {"99999999999999999999999999", 0},
        {"18446744073709551616", 0},
        {"1e309", 0},
        {"[1,-1e999]", 3},
        {"\"", 1},
        {"\"a", 2},
        {"\"\\", 2},
        {"\"\\\"", 3},
        {"\"\\x41\"", 1},
        {"\"\\a\"", 1},
        {"\"\\U0041\"", 1},
        {"\"\\u004\"", 1},
        {"\"\\u004g\"", 1},
        {"\"\\u", 1},
        {"\"ab\\ud800\"", 3}, /* half of a pair */
        {"\"\\udc00\"", 1},
        {"\"\\ud800\\ud800\"", 1},
        {"\"\\ud800x\"", 1},
        {"\"\\ud800\\n\"", 1},
        {"\"\\ud800\\u12\"", 1},
        {"\"\\udfff\\ud800\"", 1},
        {"\"a\nb\"", 2},
        {"\"\t\"", 1},
        {"\"\x1f\"", 1},
        {"\"\xff\"", 1}, /* not UTF-8 */
        {"\"\xed\xa0\x80\"", 1},
        {"\"\xc0\x80\"", 1},
        {"[\"a\",\"\xe2\x82\"]", 6},
        {"\xff", 0},
        {"[", 1},
        {"[1", 2},
        {"[1,", 3},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1,,2]", 3},
        {"[1 2]", 3},
        {"[1;2]", 2},
        {"[1}", 2},
        {"]", 0},
        {"[]]", 2},
        {"{", 1},
        {"{\"a\"", 4},
        {"{\"a\":", 5},
        {"{\"a\":1", 6},
        {"{\"a\":1,", 7},
        {"{\"a\":1,}", 7},
        {"{,}", 1},
        {"{\"a\" 1}", 5},
        {"{\"a\",1}", 4},
        {"{a:1}", 1},
        {"{1:1}", 1},
        {"{null:1}", 1},
        {"{\"a\":1]", 6},
        {"{\"a\"::1}", 5},
        {"{\"a\":1 \"b\":2}", 7},
        {"{\"a\":1}x", 7},
        {"{\"a\":1,\"a\":2}", 7}, /* names twice */
        {"{\"a\":1,\"\\u0061\":2}", 7},
        {"[0,{\"b\":{\"x\":1,\"y\":2,\"x\":3}}]", 21},
        {"{\"c\":1,\"b\":2,\"a\":3,\"b\":4,\"c\":5,\"b\":6}", 19},
        {"{\"$bytes\":1,\"$$bytes\":2}", 12},
        {"{\"\":1,\"\":2}", 6},
        {"{\"$bytes\":1}", 0},
        {"[{\"$bytes\":null}]", 1},
        {"{\"$bytes\":\"A\"}", 0},
        {"{\"$bytes\":\"AB==\"}", 0},
        {"{\"$bytes\":\"AA==\\n\"}", 0},
        {"{\"$bytes\":{\"$bytes\":\"AA==\"}}", 0},
        {"{\"$float\":\"NaN\"}", 0},
        {"{\"$float\":\"infinity\"}", 0},
        {"{\"$float\":1.5}", 0},
        {"{\"$float\":\"nan:7ff0000000000000\"}", 0}, /* infinity */
        {"{\"$float\":\"nan:3ff0000000000000\"}", 0},
        {"{\"$float\":\"nan:7FF8000000000001\"}", 0},
        {"{\"$float\":\"nan:7ff800000000001\"}", 0},
        {"{\"$float\":\"nan:7ff80000000000011\"}", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(strata_text(cases[i].text), STRATA_INVALID_ARGUMENT, cases[i].offset);
    }
    check_refused(st_slice("\"\0\"", 3), STRATA_INVALID_ARGUMENT, 1);
    check_refused(st_slice("1\0", 2), STRATA_INVALID_ARGUMENT, 1);
    check_refused(st_slice("[\0]", 3), STRATA_INVALID_ARGUMENT, 1);
}

static void nesting(void **state) {
    (void)state;
    enum { DEEP = 100000 };
    char *text = malloc(2 * DEEP);
    for (int object = 0; object < 2; object++) {
        const char *open = object != 0 ? "{\"a\":" : "[";
        const size_t step = strlen(open);
        for (size_t depth = ST_JSON_NESTING_MAX; depth <= ST_JSON_NESTING_MAX + 1; depth++) {
            size_t len = 0;
            for (size_t i = 0; i < depth; i++, len += step) {
                memcpy(text + len, open, step);
            }
            text[len++] = '0';
            memset(text + len, object != 0 ? '}' : ']', depth);
            len += depth;
            if (depth > ST_JSON_NESTING_MAX) {
                check_refused(st_slice(text, len), STRATA_CONSTRAINT,
                              (int64_t)(step * ST_JSON_NESTING_MAX));
                continue;
            }
            strata_buffer out = test_buffer();
            strata_buffer back = test_buffer();
            strata_error error;
            assert_int_equal(read_json(st_slice(text, len), &out, &error), STRATA_OK);
            assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&out), false, &back, &error),
                             STRATA_OK);
            test_bytes_equal(st_buffer_slice(&back), st_slice(text, len), "deep");
            strata_buffer_free(&out);
            strata_buffer_free(&back);
        }
    }
    memset(text, '[', DEEP);
    check_refused(st_slice(text, DEEP), STRATA_CONSTRAINT, ST_JSON_NESTING_MAX);
    free(text);
}

static void many_entries(void **state) {
    (void)state;
    const size_t len = 2 * (ST_ENTRIES_MAX + 1) + 1;
    char *text = malloc(len);
    for (size_t i = 0; i < len; i += 2) {
        text[i] = i == 0 ? '[' : ',';
        text[i + 1 < len ? i + 1 : i] = '7';
    }
    text[len - 1] = ']';
    check_refused(st_slice(text, len), STRATA_CONSTRAINT, 2 * ST_ENTRIES_MAX + 1);
    text[len - 3] = ']';
    strata_buffer out = test_buffer();
    strata_error error;
    assert_int_equal(read_json(st_slice(text, len - 2), &out, &error), STRATA_OK);
    test_bytes_equal(st_slice(out.data, 6), test_hex("dd000f424007"), "header of five bytes");
    assert_int_equal(out.len, 5 + ST_ENTRIES_MAX);
    strata_buffer_free(&out);
    free(text);
}

/* Thirty thousand names, the last one the first again: found, at its place. */
static void many_names(void **state) {
    (void)state;
    enum { COUNT = 30000 };
    char *text = malloc((size_t)COUNT * 16 + 64);
    int len = snprintf(text, 2, "{");
    for (int i = 0; i < COUNT; i++) {
        len += snprintf(text + len, 16, "\"%d\":0,", (i * 7919) % COUNT);
    }
    const int64_t offset = len;
    (void)snprintf(text + len, 16, "\"7919\":0}");
    check_refused(strata_text(text), STRATA_INVALID_ARGUMENT, offset);
    free(text);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void check_written(const char *hex, bool pretty, const char *expected) {
    strata_buffer out = test_buffer();
    strata_error error;
    assert_int_equal(st_buffer_append(&out, "old", 3), STRATA_OK);
    assert_int_equal(strata_msgpack_to_json(test_hex(hex), pretty, &out, &error), STRATA_OK);
    test_bytes_equal(st_buffer_slice(&out), strata_text(expected), expected);
    strata_buffer_free(&out);
}

static void written(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"c0", "null"},
        {"93c2c300", "[false,true,0]"},
        {"d38000000000000000", "-9223372036854775808"},
        {"cb3ff0000000000000", "1.0"},
        {"cb8000000000000000", "-0.0"},
        {"cb7fefffffffffffff", "1.7976931348623157e+308"},
        {"cb7ff0000000000000", "{\"$float\":\"inf\"}"},
        {"cbfff0000000000000", "{\"$float\":\"-inf\"}"},
        {"cb7ff8000000000000", "{\"$float\":\"nan\"}"},
        {"cbfff8000000000000", "{\"$float\":\"nan:fff8000000000000\"}"},
        {"cb7ff0000000000001", "{\"$float\":\"nan:7ff0000000000001\"}"},
        {"c400", "{\"$bytes\":\"\"}"},
        {"c402ff00", "{\"$bytes\":\"/wA=\"}"},
        {"ab080c0a0d090001221f5c2f", "\"\\b\\f\\n\\r\\t\\u0000\\u0001\\\"\\u001f\\\\/\""},
        {"a97fc3a9e282ace280a8", "\"\x7f\xc3\xa9\xe2\x82\xac\xe2\x80\xa8\""},
        {"80", "{}"},
        {"82a16190a16280", "{\"a\":[],\"b\":{}}"},
        {"81a6246279746573c0", "{\"$$bytes\":null}"},
        {"81a724"
         "24666c6f6174c0",
         "{\"$$$float\":null}"},
        {"82a6246279746573c0a16101", "{\"$$bytes\":null,\"a\":1}"},
        {"81a12401", "{\"$\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_written(cases[i][0], false, cases[i][1]);
    }
}

static void pretty(void **state) {
    (void)state;
    check_written("84a1619201c40100a16280a16390a16481a165cb7ff0000000000000", true,
                  "{\n"
                  "  \"a\": [\n"
                  "    1,\n"
                  "    {\"$bytes\": \"AA==\"}\n"
                  "  ],\n"
                  "  \"b\": {},\n"
                  "  \"c\": [],\n"
                  "  \"d\": {\n"
                  "    \"e\": {\"$float\": \"inf\"}\n"
                  "  }\n"
                  "}");
    check_written("01", true, "1");
}

static void not_writable(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        int64_t offset;
    } cases[] = {
        {"", 0},
        {"c1", 0},
        {"91", 0},
        {"92c0", 0},
        {"9301a1ff02", 2},
        {"8101c0", 1},
        {"81c40161c0", 1},
        {"81a1ffc0", 1},
        {"c0c0", 1},
        {"9101 02", 2},
        {"cfffffffffffffffff", 0},
        {"82a161c0", 0},
        {"d40000", 0},
        {"81a161", 3},
        {"ddffffffff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer out = test_buffer();
        strata_error error;
        const strata_slice bytes = test_hex(cases[i].hex);
        assert_int_equal(st_buffer_append(&out, "old", 3), STRATA_OK);
        assert_int_equal(strata_msgpack_to_json(bytes, false, &out, &error),
                         STRATA_INVALID_ARGUMENT);
        assert_int_equal(out.len, 0);
        assert_string_equal(error.fields[0].name, "offset");
        if (error.fields[0].number != cases[i].offset) {
            fail_msg("%s: at %d: %s", cases[i].hex, (int)error.fields[0].number, error.message);
        }
        assert_int_equal(strata_msgpack_to_json(bytes, false, &out, NULL), STRATA_INVALID_ARGUMENT);
        strata_buffer_free(&out);
    }
    uint8_t deep[ST_JSON_NESTING_MAX + 2];
    memset(deep, 0x91, sizeof deep);
    deep[sizeof deep - 1] = 0xc0;
    strata_buffer out = test_buffer();
    strata_error error;
    assert_int_equal(strata_msgpack_to_json(st_slice(deep, sizeof deep), false, &out, &error),
                     STRATA_CONSTRAINT);
    strata_buffer_free(&out);
}

/* ---- Seeded ---------------------------------------------------------------------------------- */

static void put_seeded_string(strata_buffer *out, uint64_t *chance) {
    static const char *const parts[] = {"a",     "\"",       "\\",      "\n",
                                        "\x01",  "\xc3\xa9", "$",       "bytes",
                                        "float", "\x7f",     "/",       "\xf0\x9f\x98\x80",
                                        "xy",    "$bytes",   "$$float", "\xe2\x80\xa8"};
    char text[64];
    size_t len = 0;
    for (uint64_t count = test_random_below(chance, 5); count > 0; count--) {
        const char *part = parts[test_random_below(chance, 16)];
        memcpy(text + len, part, strlen(part));
        len += strlen(part);
    }
    assert_int_equal(st_msgpack_put_string(out, st_slice(text, len)), STRATA_OK);
}

static void put_seeded(strata_buffer *out, uint64_t *chance, int depth) {
    strata_status status = STRATA_OK;
    const uint64_t bits = test_random(chance);
    const uint32_t count = (uint32_t)test_random_below(chance, 4);
    double real;
    switch (test_random_below(chance, depth == 0 ? 6 : 8)) {
    case 0:
        status = st_msgpack_put_int(out, (int64_t)bits >> (bits % 64));
        break;
    case 1:
        memcpy(&real, &bits, sizeof real);
        status = st_msgpack_put_float(out, real);
        break;
    case 2:
        memcpy(&real, &(uint64_t){bits | (uint64_t)0x7ff << 52}, sizeof real);
        status = st_msgpack_put_float(out, real);
        break;
    case 3:
        status = st_msgpack_put_bytes(out, st_slice(&bits, count));
        break;
    case 4:
        put_seeded_string(out, chance);
        break;
    case 5:
        status = st_msgpack_put_bool(out, bits % 2 == 0);
        break;
    case 6:
        status = st_msgpack_put_array(out, count);
        for (uint32_t i = 0; i < count; i++) {
            put_seeded(out, chance, depth - 1);
        }
        break;
    default:
        status = st_msgpack_put_object(out, count == 0 ? 0 : 1);
        if (count != 0) {
            put_seeded_string(out, chance);
            put_seeded(out, chance, depth - 1);
        }
    }
    assert_int_equal(status, STRATA_OK);
}

static void values_survive(void **state) {
    (void)state;
    uint64_t chance = 14;
    for (int i = 0; i < 20000; i++) {
        strata_buffer value = test_buffer();
        strata_buffer text = test_buffer();
        strata_buffer back = test_buffer();
        strata_error error;
        put_seeded(&value, &chance, 5);
        assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&value), i % 2 == 0, &text, &error),
                         STRATA_OK);
        assert_true(st_utf8_valid(st_buffer_slice(&text), NULL));
        if (read_json(st_buffer_slice(&text), &back, &error) != STRATA_OK ||
            !st_slice_equal(st_buffer_slice(&back), st_buffer_slice(&value))) {
            print_error("%.*s: %s\n", (int)text.len, (const char *)text.data, error.message);
            test_bytes_equal(st_buffer_slice(&back), st_buffer_slice(&value), "round trip");
        }
        strata_buffer_free(&value);
        strata_buffer_free(&text);
        strata_buffer_free(&back);
    }
}

static void damaged_text(void **state) {
    (void)state;
    const strata_slice whole =
        strata_text("{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\"],\"b\":{\"$bytes\":\"AAEC\"},"
                    "\"c\":{\"$float\":\"nan\"},\"d\":{\"e\":null,\"f\":true}}");
    static const char alphabet[] = "{}[]\",:\\u0123456789abcdefnrtl-+.eE$ \n\x80\xff";
    uint64_t chance = 15;
    size_t accepted = 0;
    for (int i = 0; i < 100000; i++) {
        uint8_t text[128];
        memcpy(text, whole.data, whole.len);
        for (uint64_t hits = 1 + test_random_below(&chance, 2); hits > 0; hits--) {
            text[test_random_below(&chance, whole.len)] =
                (uint8_t)alphabet[test_random_below(&chance, sizeof alphabet - 1)];
        }
        const bool cut = test_random_below(&chance, 4) == 0;
        const size_t len = cut ? test_random_below(&chance, whole.len) : whole.len;
        strata_buffer out = test_buffer();
        strata_buffer canonical = test_buffer();
        strata_error error;
        if (read_json(st_slice(text, len), &out, &error) == STRATA_OK) {
            accepted++;
            /* What is taken is one canonical value. */
            assert_int_equal(
                st_value_canonical(st_buffer_slice(&out), SIZE_MAX, &canonical, &error), STRATA_OK);
            test_bytes_equal(st_buffer_slice(&canonical), st_buffer_slice(&out), "canonical");
        } else {
            assert_true(error.fields[error.field_count - 1].number <= (int64_t)len);
        }
        strata_buffer_free(&out);
        strata_buffer_free(&canonical);
    }
    assert_in_range(accepted, 1000, 99000);
}

static void without_memory(void **state) {
    (void)state;
    const strata_slice text = strata_text(
        "{\"a\":[1,\"x\\n\"],\"b\":{\"$bytes\":\"AAEC\"},\"c\":{\"d\":1,\"e\":2},\"f\":\"long long "
        "long long long long long long long long long long long long long long long long long\"}");
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        strata_buffer value = test_buffer();
        strata_buffer back = test_buffer();
        strata_error error;
        test_memory_fail_at(n);
        strata_status status = strata_json_to_msgpack(text, &value, &error);
        if (status == STRATA_OK) {
            status = strata_msgpack_to_json(st_buffer_slice(&value), true, &back, &error);
        }
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        if (failed) {
            assert_int_equal(error.code, STRATA_NO_MEMORY);
            assert_int_equal(back.len, 0);
        }
        strata_buffer_free(&value);
        strata_buffer_free(&back);
        assert_int_equal(test_memory_blocks(), 0);
        assert_true(n < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),          cmocka_unit_test(refused),
        cmocka_unit_test(nesting),        cmocka_unit_test(many_entries),
        cmocka_unit_test(many_names),     cmocka_unit_test(written),
        cmocka_unit_test(pretty),         cmocka_unit_test(not_writable),
        cmocka_unit_test(values_survive), cmocka_unit_test(damaged_text),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
