/* test_merge_patch.c - the examples of RFC 7396; random values against the RFC's own recursive
 * pseudocode; a patch as deep as values may be; malformed bytes; no memory at any call.
 */
#include "support.h"

#include "base/limits.h"
#include "format/merge_patch.h"
#include "format/msgpack.h"

enum { EIGHT_MIB = 8 << 20 };

static st_arena arena;

static int set_up(void **state) {
    (void)state;
    st_arena_init(&arena, test_allocator(), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
    return 0;
}

static strata_buffer from_json(const char *json) {
    strata_buffer out = test_buffer();
    assert_int_equal(strata_json_to_msgpack(strata_text(json), &out, NULL), STRATA_OK);
    return out;
}

/* ---- Examples -------------------------------------------------------------------------------- */

static const char *const examples[][3] = {
    /* RFC 7396, appendix A */
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "null", "null"},
    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    /* and the order of names */
    {"{\"z\":1,\"a\":2,\"m\":3}", "{\"q\":4,\"a\":5,\"b\":6,\"z\":null}",
     "{\"a\":5,\"m\":3,\"q\":4,\"b\":6}"},
};

static void rfc_examples(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        strata_buffer target = from_json(examples[i][0]);
        strata_buffer patch = from_json(examples[i][1]);
        strata_buffer expected = from_json(examples[i][2]);
        strata_buffer out = test_buffer();
        assert_int_equal(
            st_merge_patch(st_buffer_slice(&target), st_buffer_slice(&patch), &arena, &out),
            STRATA_OK);
        test_bytes_equal(st_buffer_slice(&out), st_buffer_slice(&expected), examples[i][1]);
        strata_buffer_free(&target);
        strata_buffer_free(&patch);
        strata_buffer_free(&expected);
        strata_buffer_free(&out);
    }
}

/* ---- Chance ---------------------------------------------------------------------------------- */

/* The RFC's MergePatch, by recursion and looking for each name. */
static bool take_entry(st_cursor *at, strata_slice *name, strata_slice *value) {
    st_token token;
    assert_true(st_msgpack_next(at, &token));
    assert_int_equal(token.type, STRATA_STRING);
    *name = token.as.bytes;
    return st_msgpack_skip(at, value);
}

static st_token type_of(strata_slice value, st_cursor *at) {
    st_token token = {.type = STRATA_NULL};
    *at = st_cursor_over(value);
    if (value.len > 0) {
        assert_true(st_msgpack_next(at, &token));
    }
    return token;
}

static bool find_entry(strata_slice object, strata_slice wanted, strata_slice *value) {
    st_cursor at;
    const st_token token = type_of(object, &at);
    for (uint32_t left = token.type == STRATA_OBJECT ? token.as.count : 0; left > 0; left--) {
        strata_slice name;
        assert_true(take_entry(&at, &name, value));
        if (st_slice_equal(name, wanted)) {
            return true;
        }
    }
    return false;
}

static void merge_obviously(strata_slice target, strata_slice patch, strata_buffer *out) {
    st_cursor at;
    st_cursor ignored;
    const st_token token = type_of(patch, &at);
    strata_slice name;
    strata_slice value;
    strata_slice other;
    size_t place;
    uint32_t count = 0;
    if (token.type != STRATA_OBJECT) {
        assert_int_equal(st_buffer_append(out, patch.data, patch.len), STRATA_OK);
        return;
    }
    assert_int_equal(st_msgpack_open_object(out, &place), STRATA_OK);
    st_cursor targets;
    const st_token old = type_of(target, &targets);
    for (uint32_t left = old.type == STRATA_OBJECT ? old.as.count : 0; left > 0; left--) {
        assert_true(take_entry(&targets, &name, &value));
        const bool patched = find_entry(patch, name, &other);
        if (patched && type_of(other, &ignored).type == STRATA_NULL) {
            continue;
        }
        assert_int_equal(st_msgpack_put_string(out, name), STRATA_OK);
        merge_obviously(patched ? value : st_slice(NULL, 0), patched ? other : value, out);
        count++;
    }
    for (uint32_t left = token.as.count; left > 0; left--) {
        assert_true(take_entry(&at, &name, &value));
        if (!find_entry(target, name, &other) && type_of(value, &ignored).type != STRATA_NULL) {
            assert_int_equal(st_msgpack_put_string(out, name), STRATA_OK);
            merge_obviously(st_slice(NULL, 0), value, out);
            count++;
        }
    }
    st_msgpack_patch(out, place, count);
}

/* Values of the target are copied as they are, nulls and all; merge_obviously would clean them. */
static void put_random(strata_buffer *out, uint64_t *chance, unsigned depth, bool nulls) {
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    const uint64_t kind = test_random_below(chance, depth == 0 ? 2 : 5);
    if (kind == 0 && nulls) {
        assert_int_equal(st_msgpack_put_null(out), STRATA_OK);
    } else if (kind <= 1) {
        assert_int_equal(st_msgpack_put_uint(out, test_random_below(chance, 3)), STRATA_OK);
    } else {
        uint32_t count = 0;
        strata_buffer body = test_buffer();
        for (size_t i = 0; i < 5; i++) {
            if (test_random_below(chance, 2) == 0) {
                assert_int_equal(st_msgpack_put_string(&body, strata_text(names[i])), STRATA_OK);
                put_random(&body, chance, depth - 1, nulls);
                count++;
            }
        }
        assert_int_equal(st_msgpack_put_object(out, count), STRATA_OK);
        assert_int_equal(st_buffer_append(out, body.data, body.len), STRATA_OK);
        strata_buffer_free(&body);
    }
}

static void agrees_with_the_obvious(void **state) {
    (void)state;
    uint64_t chance = 3;
    for (unsigned round = 0; round < 20000; round++) {
        strata_buffer target = test_buffer();
        strata_buffer patch = test_buffer();
        strata_buffer out = test_buffer();
        strata_buffer obvious = test_buffer();
        strata_buffer expected = test_buffer();
        put_random(&target, &chance, 3, false);
        put_random(&patch, &chance, 3, true);
        const strata_slice a = st_buffer_slice(&target);
        const strata_slice b = st_buffer_slice(&patch);
        assert_int_equal(st_merge_patch(a, b, &arena, &out), STRATA_OK);
        merge_obviously(a, b, &obvious);
        assert_int_equal(st_value_canonical(st_buffer_slice(&obvious), EIGHT_MIB, &expected, NULL),
                         STRATA_OK);
        test_bytes_equal(st_buffer_slice(&out), st_buffer_slice(&expected), "merged");
        strata_buffer_free(&target);
        strata_buffer_free(&patch);
        strata_buffer_free(&out);
        strata_buffer_free(&obvious);
        strata_buffer_free(&expected);
        st_arena_reset(&arena);
    }
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static void deep(void **state) {
    (void)state;
    strata_buffer value = test_buffer();
    strata_buffer out = test_buffer();
    for (unsigned i = 0; i < ST_NESTING_MAX; i++) {
        assert_int_equal(st_msgpack_put_object(&value, 1), STRATA_OK);
        assert_int_equal(st_msgpack_put_string(&value, strata_text("n")), STRATA_OK);
    }
    assert_int_equal(st_msgpack_put_uint(&value, 1), STRATA_OK);
    const strata_slice deepest = st_buffer_slice(&value);
    assert_int_equal(st_merge_patch(deepest, deepest, &arena, &out), STRATA_OK);
    test_bytes_equal(st_buffer_slice(&out), deepest, "merged");
    strata_buffer_free(&value);
    strata_buffer_free(&out);
}

/* Thirty thousand names in hostile order on both sides end soon. */
static void many(void **state) {
    (void)state;
    enum { NAMES = 30000 };
    strata_buffer target = test_buffer();
    strata_buffer patch = test_buffer();
    strata_buffer out = test_buffer();
    assert_int_equal(st_msgpack_put_object(&target, NAMES), STRATA_OK);
    assert_int_equal(st_msgpack_put_object(&patch, NAMES), STRATA_OK);
    for (unsigned i = 0; i < NAMES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u", NAMES - i);
        assert_int_equal(st_msgpack_put_string(&target, strata_text(name)), STRATA_OK);
        assert_int_equal(st_msgpack_put_uint(&target, 1), STRATA_OK);
        (void)snprintf(name, sizeof name, "%u", i * 2);
        assert_int_equal(st_msgpack_put_string(&patch, strata_text(name)), STRATA_OK);
        assert_int_equal(i % 4 == 0 ? st_msgpack_put_null(&patch) : st_msgpack_put_uint(&patch, 2),
                         STRATA_OK);
    }
    assert_int_equal(
        st_merge_patch(st_buffer_slice(&target), st_buffer_slice(&patch), &arena, &out), STRATA_OK);
    st_cursor at;
    const st_token token = type_of(st_buffer_slice(&out), &at);
    /* 1 to NAMES but for multiples of 8, and what is even and above NAMES but for the same. */
    assert_int_equal(token.as.count, NAMES - NAMES / 8 + NAMES / 2 - 1 - (NAMES / 8 - 1));
    strata_buffer_free(&target);
    strata_buffer_free(&patch);
    strata_buffer_free(&out);
}

static void malformed(void **state) {
    (void)state;
    static const char *const bad[] = {
        "81 a1 61",          /* ends in a pair */
        "82 a1 61 01",       /* one pair too few */
        "81 01 01",          /* a name that is no string */
        "81 a1 61 c1",       /* no such type */
        "df 00 ff ff ff 01", /* a count beyond the bytes */
    };
    const strata_slice good = test_hex("82 a1 61 01 a1 7a 02");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        strata_buffer out = test_buffer();
        assert_int_equal(st_merge_patch(test_hex(bad[i]), good, &arena, &out), STRATA_CORRUPT);
        out.len = 0;
        assert_int_equal(st_merge_patch(good, test_hex(bad[i]), &arena, &out), STRATA_CORRUPT);
        strata_buffer_free(&out);
    }
}

static void no_memory(void **state) {
    (void)state;
    strata_buffer target = from_json("{\"a\":{\"b\":1,\"c\":2},\"d\":3}");
    strata_buffer patch = from_json("{\"a\":{\"b\":null,\"e\":{\"f\":1}},\"g\":[1,2,3]}");
    for (size_t nth = 1;; nth++) {
        strata_buffer out = test_buffer();
        st_arena_free(&arena);
        st_arena_init(&arena, test_allocator(), 0);
        test_memory_fail_at(nth);
        const strata_status status =
            st_merge_patch(st_buffer_slice(&target), st_buffer_slice(&patch), &arena, &out);
        const bool failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        strata_buffer_free(&out);
        if (!failed) {
            break;
        }
    }
    strata_buffer_free(&target);
    strata_buffer_free(&patch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rfc_examples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(agrees_with_the_obvious, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
