/* test_msgpack.c - that tokens are read and written as the specification says, and that bytes
 * nobody trusts cost no more than their length.
 *
 * Second opinion: msgpack-c, another program by other people. Whatever ours writes, it reads and
 * writes again as the same bytes; whatever it accepts of seeded nonsense ours accepts too, but for
 * what strata.h leaves out (extension types, integers beyond 64 signed bits).
 */
#include "support.h"

#include <msgpack.h>

#include "base/limits.h"
#include "format/msgpack.h"

/* A copy in memory of exactly that size, so that the sanitizer sees a read beyond it. */
static strata_slice exact(strata_slice bytes) {
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    if (bytes.len != 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return st_slice(copy, bytes.len);
}

static void drop(strata_slice bytes) {
    free((void *)(uintptr_t)bytes.data);
}

static bool skips(strata_slice bytes) {
    const strata_slice copy = exact(bytes);
    st_cursor cursor = st_cursor_over(copy);
    strata_slice value;
    const bool whole = st_msgpack_skip(&cursor, &value) && cursor.at == cursor.end;
    drop(copy);
    return whole;
}

static void ints(void **state) {
    (void)state;
    static const struct {
        int64_t value;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {127, "7f"},
        {128, "cc80"},
        {255, "ccff"},
        {256, "cd0100"},
        {65535, "cdffff"},
        {65536, "ce00010000"},
        {UINT32_MAX, "ceffffffff"},
        {(int64_t)UINT32_MAX + 1, "cf0000000100000000"},
        {INT64_MAX, "cf7fffffffffffffff"},
        {-1, "ff"},
        {-32, "e0"},
        {-33, "d0df"},
        {-128, "d080"},
        {-129, "d1ff7f"},
        {-32768, "d18000"},
        {-32769, "d2ffff7fff"},
        {INT32_MIN, "d280000000"},
        {(int64_t)INT32_MIN - 1, "d3ffffffff7fffffff"},
        {INT64_MIN, "d38000000000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer out = test_buffer();
        assert_int_equal(st_msgpack_put_int(&out, cases[i].value), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&out), test_hex(cases[i].hex), cases[i].hex);
        st_cursor cursor = st_cursor_over(st_buffer_slice(&out));
        st_token token;
        assert_true(st_msgpack_next(&cursor, &token));
        assert_int_equal(token.type, STRATA_INT);
        assert_true(token.as.integer == cases[i].value);
        assert_int_equal(st_cursor_left(&cursor), 0);
        strata_buffer_free(&out);
    }
    strata_buffer out = test_buffer();
    assert_int_equal(st_msgpack_put_uint(&out, UINT64_MAX), STRATA_OK);
    test_bytes_equal(st_buffer_slice(&out), test_hex("cfffffffffffffffff"), "u64");
    strata_buffer_free(&out);
}

/* Forms that are longer than needed are read all the same. */
static void loose_forms(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        int64_t value;
    } cases[] = {
        {"cc05", 5},
        {"cd0005", 5},
        {"ce00000005", 5},
        {"cf0000000000000005", 5},
        {"d005", 5},
        {"d0ff", -1},
        {"d1ffff", -1},
        {"d2ffffffff", -1},
        {"d27fffffff", INT32_MAX},
        {"d3ffffffffffffffff", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_cursor cursor = st_cursor_over(test_hex(cases[i].hex));
        st_token token;
        assert_true(st_msgpack_next(&cursor, &token));
        assert_int_equal(token.type, STRATA_INT);
        assert_true(token.as.integer == cases[i].value);
    }
    st_cursor cursor = st_cursor_over(test_hex("ca3fc00000"));
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token));
    assert_int_equal(token.type, STRATA_FLOAT);
    assert_true(token.as.real == 1.5);
}

static void raw_headers(void **state) {
    (void)state;
    static const struct {
        size_t len;
        const char *text;
        const char *bytes;
    } cases[] = {
        {0, "a0", "c400"},
        {31, "bf", "c41f"},
        {32, "d920", "c420"},
        {255, "d9ff", "c4ff"},
        {256, "da0100", "c50100"},
        {65535, "daffff", "c5ffff"},
        {65536, "db00010000", "c600010000"},
    };
    uint8_t *fill = malloc(65536);
    memset(fill, 'x', 65536);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const strata_slice content = st_slice(fill, cases[i].len);
        for (int text = 0; text < 2; text++) {
            strata_buffer out = test_buffer();
            assert_int_equal(text != 0 ? st_msgpack_put_string(&out, content)
                                       : st_msgpack_put_bytes(&out, content),
                             STRATA_OK);
            const strata_slice head = test_hex(text != 0 ? cases[i].text : cases[i].bytes);
            test_bytes_equal(st_slice(out.data, head.len), head, "header");
            st_cursor cursor = st_cursor_over(st_buffer_slice(&out));
            st_token token;
            assert_true(st_msgpack_next(&cursor, &token));
            assert_int_equal(token.type, text != 0 ? STRATA_STRING : STRATA_BYTES);
            test_bytes_equal(token.as.bytes, content, "content");
            strata_buffer_free(&out);
        }
    }
    free(fill);
}

static void container_headers(void **state) {
    (void)state;
    static const struct {
        uint32_t count;
        const char *array;
        const char *object;
    } cases[] = {
        {0, "90", "80"},
        {15, "9f", "8f"},
        {16, "dc0010", "de0010"},
        {65535, "dcffff", "deffff"},
        {65536, "dd00010000", "df00010000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer out = test_buffer();
        assert_int_equal(st_msgpack_put_array(&out, cases[i].count), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&out), test_hex(cases[i].array), "array");
        out.len = 0;
        assert_int_equal(st_msgpack_put_object(&out, cases[i].count), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&out), test_hex(cases[i].object), "object");
        size_t place;
        out.len = 0;
        assert_int_equal(st_msgpack_put_null(&out), STRATA_OK);
        assert_int_equal(st_msgpack_open_object(&out, &place), STRATA_OK);
        st_msgpack_patch(&out, place, cases[i].count);
        assert_int_equal(out.data[1], 0xdf);
        assert_int_equal(load32_be(out.data + 2), cases[i].count);
        assert_int_equal(out.len, 6);
        strata_buffer_free(&out);
    }
}

static void refuses(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",   /* nothing */
        "c1", /* never used */
        "c70000",
        "d40000", /* extension types */
        "c8000000",
        "c900000000",
        "d80000000000000000000000000000000000",
        "cf8000000000000000", /* an int beyond 64 signed bits */
        "cfffffffffffffffff",
        "ddffffffff", /* hostile counts */
        "ddffffffff00000000",
        "dfffffffff00000000",
        "dc00050000",
        "de0003000000",
        "df80000000", /* count * 2 overflows 32 bits */
        "9f00",
        "8f0000",
        "dbffffffff61", /* hostile lengths */
        "c6ffffffff61",
        "daffff",
        "c5ffff",
        "d9ff",
        "c4ff",
        "bf",
        "91",
        "81",
        "8100",
        "9191",
        "92c0",
        "cb00000000000000",
        "ca000000",
        "d0",
        "d3",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (skips(test_hex(cases[i]))) {
            fail_msg("taken: %s", cases[i]);
        }
    }
}

static void nesting(void **state) {
    (void)state;
    uint8_t bytes[ST_NESTING_MAX + 2];
    memset(bytes, 0x91, sizeof bytes);
    bytes[ST_NESTING_MAX] = 0xc0;
    assert_true(skips(st_slice(bytes, ST_NESTING_MAX + 1)));
    bytes[ST_NESTING_MAX] = 0x91;
    bytes[ST_NESTING_MAX + 1] = 0xc0;
    assert_false(skips(st_slice(bytes, ST_NESTING_MAX + 2)));
    uint8_t *deep = malloc(1000000);
    memset(deep, 0x91, 1000000);
    assert_false(skips(st_slice(deep, 1000000)));
    free(deep);
}

/* ---- Seeded values --------------------------------------------------------------------------- */

static void put_seeded_text(strata_buffer *out, uint64_t *chance, bool text) {
    uint8_t bytes[300];
    const size_t len = test_random_below(chance, test_random_below(chance, 8) == 0 ? 300 : 10);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)('a' + test_random_below(chance, 26));
    }
    assert_int_equal(text ? st_msgpack_put_string(out, st_slice(bytes, len))
                          : st_msgpack_put_bytes(out, st_slice(bytes, len)),
                     STRATA_OK);
}

static void put_seeded_scalar(strata_buffer *out, uint64_t *chance) {
    const int64_t integer = (int64_t)(test_random(chance)) >> test_random_below(chance, 64);
    strata_status status = STRATA_OK;
    switch (test_random_below(chance, 6)) {
    case 0:
        status = st_msgpack_put_null(out);
        break;
    case 1:
        status = st_msgpack_put_bool(out, integer % 2 != 0);
        break;
    case 2:
        status = st_msgpack_put_int(out, integer);
        break;
    case 3:
        status = st_msgpack_put_float(out, (double)integer / 7);
        break;
    default:
        put_seeded_text(out, chance, integer % 2 != 0);
    }
    assert_int_equal(status, STRATA_OK);
}

/* One value of at most `depth` levels. The test's own nesting is bounded, so it may recurse. */
static void put_seeded(strata_buffer *out, uint64_t *chance, int depth) {
    const uint64_t kind = depth == 0 ? 2 : test_random_below(chance, 4);
    if (kind > 1) {
        put_seeded_scalar(out, chance);
        return;
    }
    const uint32_t count = (uint32_t)test_random_below(chance, 20);
    assert_int_equal(kind == 0 ? st_msgpack_put_array(out, count)
                               : st_msgpack_put_object(out, count),
                     STRATA_OK);
    for (uint32_t i = 0; i < count; i++) {
        if (kind == 1) {
            put_seeded_text(out, chance, true);
        }
        put_seeded(out, chance, depth - 1);
    }
}

static void msgpack_c_writes_the_same(void **state) {
    (void)state;
    uint64_t chance = 10;
    for (int i = 0; i < 2000; i++) {
        strata_buffer out = test_buffer();
        put_seeded(&out, &chance, 5);
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t offset = 0;
        assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)out.data, out.len, &offset),
                         MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(offset, out.len);
        msgpack_sbuffer again;
        msgpack_sbuffer_init(&again);
        msgpack_packer packer;
        msgpack_packer_init(&packer, &again, msgpack_sbuffer_write);
        assert_int_equal(msgpack_pack_object(&packer, unpacked.data), 0);
        test_bytes_equal(st_slice(again.data, again.size), st_buffer_slice(&out), "msgpack-c");
        assert_true(skips(st_buffer_slice(&out)));
        msgpack_sbuffer_destroy(&again);
        msgpack_unpacked_destroy(&unpacked);
        strata_buffer_free(&out);
    }
}

static void every_cut_is_refused(void **state) {
    (void)state;
    uint64_t chance = 11;
    for (int i = 0; i < 60; i++) {
        strata_buffer out = test_buffer();
        put_seeded(&out, &chance, 3);
        for (size_t cut = 0; cut < out.len; cut++) {
            assert_false(skips(st_slice(out.data, cut)));
        }
        strata_buffer_free(&out);
    }
}

/* Whether msgpack-c takes exactly these bytes as one value of types that Strata has too. */
static bool msgpack_c_takes(const uint8_t *bytes, size_t len) {
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    const bool taken = msgpack_unpack_next(&unpacked, (const char *)bytes, len, &offset) ==
                           MSGPACK_UNPACK_SUCCESS &&
                       offset == len;
    msgpack_unpacked_destroy(&unpacked);
    return taken;
}

/* Whether the tokens have something that only msgpack-c takes. */
static bool is_left_out(uint8_t lead) {
    const bool extension = (lead >= 0xc7 && lead <= 0xc9) || (lead >= 0xd4 && lead <= 0xd8);
    return extension || lead == 0xcf;
}

static void nonsense_is_judged_alike(void **state) {
    (void)state;
    uint64_t chance = 12;
    size_t taken = 0;
    for (int i = 0; i < 300000; i++) {
        uint8_t bytes[24];
        const size_t len = 1 + test_random_below(&chance, sizeof bytes);
        bool comparable = true;
        for (size_t j = 0; j < len; j++) {
            bytes[j] = (uint8_t)test_random(&chance);
            /* More small containers and scalars than chance would give. */
            if (test_random_below(&chance, 2) == 0) {
                static const uint8_t common[] = {0x91, 0x92, 0x81, 0xc0, 0xa1, 0x01, 0xc3, 0xcc};
                bytes[j] = common[test_random_below(&chance, sizeof common)];
            }
            /* 32-bit counts make msgpack-c allocate before it looks. */
            comparable = comparable && !is_left_out(bytes[j]) && (bytes[j] & 0xfd) != 0xdd;
        }
        const bool ours = skips(st_slice(bytes, len));
        if (comparable) {
            if (ours != msgpack_c_takes(bytes, len)) {
                test_bytes_equal(st_slice(bytes, len), st_slice(NULL, 0), "judged differently");
            }
            taken += ours;
        }
    }
    assert_true(taken > 2000);
}

static void without_memory(void **state) {
    (void)state;
    strata_buffer out = test_buffer();
    size_t place;
    test_memory_fail_at(1);
    assert_int_equal(st_msgpack_put_null(&out), STRATA_NO_MEMORY);
    assert_int_equal(st_msgpack_put_int(&out, 1), STRATA_NO_MEMORY);
    assert_int_equal(st_msgpack_put_string(&out, strata_text("a")), STRATA_NO_MEMORY);
    assert_int_equal(st_msgpack_put_bytes(&out, strata_text("a")), STRATA_NO_MEMORY);
    assert_int_equal(st_msgpack_open_array(&out, &place), STRATA_NO_MEMORY);
    assert_int_equal(out.len, 0);
    test_memory_fail_at(0);
    assert_int_equal(test_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints),
        cmocka_unit_test(loose_forms),
        cmocka_unit_test(raw_headers),
        cmocka_unit_test(container_headers),
        cmocka_unit_test(refuses),
        cmocka_unit_test(nesting),
        cmocka_unit_test(msgpack_c_writes_the_same),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(nonsense_is_judged_alike),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
