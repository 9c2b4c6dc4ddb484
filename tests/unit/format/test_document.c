/* test_document.c - the bytes of documents, that each is what docs/FORMAT.md says, that what is not is
 * refused wherever it is wrong, and that values survive the way to text and MessagePack and back.
 */
#include "document_support.h"

#include "format/document_bytes.h"

static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;

/* ---- Bytes ----------------------------------------------------------------------------------- */

static const char *const forms[][2] = {
    {"null", "00"},
    {"false", "01"},
    {"true", "02"},
    {"0", "0300"},
    {"-1", "0301"},
    {"64", "03 8001"},
    {"9223372036854775807", "03 feffffffffffffffff01"},
    {"-9223372036854775808", "03 ffffffffffffffffff01"},
    {"1.0", "04 000000000000f03f"},
    {"-0.0", "04 0000000000000080"},
    {"\"\"", "0500"},
    {"\"\xc3\xa9\"", "0502c3a9"},
    {"{\"$bytes\":\"AP8=\"}", "060200ff"},
    {"[]", "07 00000000 00000000"},
    {"[1,[]]", "07 0b000000 02000000 0302 07 00000000 00000000"},
    {"{}", "09 00000000 00000000"},
    {"{\"b\":1,\"\":null}", "09 06000000 02000000 0162 0302 00 00"},
};

static strata_slice packed(const char *hex) {
    static char text[8][512];
    static size_t next;
    char *to = text[next++ % 8];
    char *start = to;
    for (; *hex != '\0'; hex++) {
        if (*hex != ' ') {
            *to++ = *hex;
        }
    }
    *to = '\0';
    return test_hex(start);
}

static void bytes_of_each_type(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const strata_slice document = test_document(forms[i][0]);
        test_bytes_equal(document, packed(forms[i][1]), forms[i][0]);
        assert_string_equal(test_document_text(document), forms[i][0]);
    }
}

static strata_status check(strata_slice document) {
    st_arena scratch;
    st_arena_init(&scratch, test_allocator(), 0);
    uint8_t *copy = malloc(document.len + 1);
    if (document.len != 0) {
        memcpy(copy, document.data, document.len);
    }
    uint8_t *exact = realloc(copy, document.len == 0 ? 1 : document.len);
    const strata_status status =
        st_document_check(st_slice(exact, document.len), &limits, &scratch);
    free(exact);
    st_arena_free(&scratch);
    return status;
}

static void malformed(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "0a",
        "ff",
        "03",
        "0380",
        "038000", /* a varint that is longer than it need be */
        "03ffffffffffffffffff02",
        "0400000000000000",
        "05",
        "0501",
        "0502ff",
        "0501ff",
        "058000",
        "05ffffffffffffffffff01",
        "06",
        "0602aa",
        "0000",
        "030000",
        "07",
        "07000000000000",
        "0700000000010000",
        "07 00000000 01000000",
        "07 01000000 00000000 00",
        "07 02000000 01000000 0000",
        "07 01000000 02000000 00",
        "07 ffffffff 00000000",
        "07 01000000 01000000",
        "07 02000000 02000000 00ff",
        "09 02000000 01000000 0000 00",
        "09 01000000 01000000 00",
        "09 03000000 01000000 0161",
        "09 03000000 01000000 01ff00",
        "09 06000000 02000000 016100 016100",
        "09 04000000 01000000 81006100",
        /* arrays with ids: no header, no runs, too few, too many, ids at the next one, a plain one */
        "08 00000000 00000000",
        "08 09000000 01000000 05000000 00000000 00",
        "08 0c000000 02000000 05000000 02000000 0001 0000",
        "08 0b000000 01000000 05000000 02000000 0002 00",
        "08 0b000000 01000000 05000000 02000000 0501 00",
        "08 0b000000 01000000 05000000 02000000 0000 00",
        "08 0b000000 01000000 01000000 02000000 0001 00",
        "08 08000000 00000000 00000000 00000000",
        "08 0b000000 01000000 05000000 03000000 0001 00",
        "08 0b000000 01000000 05000000 ffffffff 0001 00",
        /* runs that could be one, and the same id in two */
        "08 0e000000 02000000 05000000 04000000 00010101 0000",
        "08 0e000000 02000000 05000000 04000000 01010101 0000",
        "08 10000000 04000000 09000000 04000000 04020302 00000000",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (check(packed(cases[i])) != STRATA_CORRUPT) {
            fail_msg("taken: %s", cases[i]);
        }
    }
    assert_int_equal(check(packed("08 08000000 00000000 05000000 00000000")), STRATA_OK);
    assert_int_equal(check(packed("08 0e000000 02000000 05000000 04000000 03010101 0000")),
                     STRATA_OK);
    assert_int_equal(check(packed("08 10000000 04000000 09000000 04000000 04020202 00000000")),
                     STRATA_OK);
}

/* No beginning of a document is a document, nor is one with something behind it. */
static void truncated(void **state) {
    (void)state;
    const strata_slice whole = test_document(
        "{\"a\":[1,-2.5,\"text\",{\"b\":null}],\"c\":{\"$bytes\":\"AAEC\"},\"d\":{}}");
    uint8_t longer[256];
    memcpy(longer, whole.data, whole.len);
    longer[whole.len] = 0;
    for (size_t len = 0; len <= whole.len + 1; len++) {
        assert_int_equal(check(st_slice(longer, len)),
                         len == whole.len ? STRATA_OK : STRATA_CORRUPT);
    }
}

/* Any damage is refused or leaves a document; nothing reads past it. */
static void damaged(void **state) {
    (void)state;
    const strata_slice whole = test_document(
        "{\"a\":[1,-2.5,\"text\",{\"b\":null}],\"c\":{\"$bytes\":\"AAEC\"},\"d\":{}}");
    uint64_t chance = 3;
    for (int i = 0; i < 50000; i++) {
        uint8_t bytes[256];
        st_arena scratch;
        strata_buffer out = test_buffer();
        memcpy(bytes, whole.data, whole.len);
        for (uint64_t hits = 1 + test_random_below(&chance, 3); hits > 0; hits--) {
            bytes[test_random_below(&chance, whole.len)] = (uint8_t)test_random(&chance);
        }
        st_arena_init(&scratch, test_allocator(), 0);
        const strata_slice document = st_slice(bytes, whole.len);
        const strata_status status = st_document_check(document, &limits, &scratch);
        const strata_status read = st_document_to_msgpack(document, &out);
        assert_true(status == STRATA_OK || status == STRATA_CORRUPT);
        assert_true(read == STRATA_OK || status == STRATA_CORRUPT);
        st_arena_free(&scratch);
        strata_buffer_free(&out);
    }
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static void entries(void **state) {
    (void)state;
    st_node root;
    st_node node;
    st_node_iter it;
    uint32_t id = 0;
    uint32_t index = 0;
    assert_true(st_node_read(test_document("{\"a\":1,\"b\":[true,null],\"\":\"x\"}"), &root));
    assert_int_equal(root.type, STRATA_OBJECT);
    assert_int_equal(root.as.count, 3);
    assert_true(st_node_member(&root, strata_text(""), &node));
    test_bytes_equal(node.as.bytes, strata_text("x"), "member");
    assert_false(st_node_member(&root, strata_text("c"), &node));
    assert_false(st_node_element(&root, 0, &node, &id));
    assert_true(st_node_member(&root, strata_text("b"), &node));
    const st_node array = node;
    assert_false(st_node_member(&array, strata_text("b"), &node));
    assert_true(st_node_element(&array, 1, &node, &id));
    assert_int_equal(node.type, STRATA_NULL);
    assert_int_equal(id, 1);
    assert_false(st_node_element(&array, 2, &node, &id));
    assert_true(st_node_element_of_id(&array, 0, &node, &index));
    assert_int_equal(node.type, STRATA_BOOL);
    assert_false(st_node_element_of_id(&array, 2, &node, &index));
    st_node_iter_start(&it, &root);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(st_node_iter_next(&it));
        assert_int_equal(it.index, i);
    }
    assert_false(st_node_iter_next(&it));
    assert_false(it.malformed);
    st_node_iter_start(&it, &node);
    assert_false(st_node_iter_next(&it));
}

static void elements_with_ids(void **state) {
    (void)state;
    /* ids 4 5 2 3 of nine */
    const strata_slice document =
        packed("08 14000000 04000000 09000000 04000000 04020202 0300 0302 0304 0306");
    static const uint32_t ids[] = {4, 5, 2, 3};
    st_node array;
    st_node node;
    st_node_iter it;
    assert_int_equal(check(document), STRATA_OK);
    assert_true(st_node_read(document, &array));
    assert_int_equal(array.next_id, 9);
    st_node_iter_start(&it, &array);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t id = 0;
        uint32_t index = 0;
        assert_true(st_node_iter_next(&it));
        assert_int_equal(it.id, ids[i]);
        assert_true(st_node_element(&array, i, &node, &id));
        assert_int_equal(node.as.integer, i);
        assert_int_equal(id, ids[i]);
        assert_true(st_node_element_of_id(&array, id, &node, &index));
        assert_int_equal(index, i);
        assert_int_equal(node.as.integer, i);
    }
    assert_false(st_node_iter_next(&it));
    assert_false(it.malformed);
    for (uint32_t id = 0; id < 10; id++) {
        assert_int_equal(st_node_element_of_id(&array, id, &node, NULL), id >= 2 && id <= 5);
    }
}

/* ---- MessagePack ----------------------------------------------------------------------------- */

static void from_msgpack_refused(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        strata_status status;
    } cases[] = {
        {"", STRATA_INVALID_ARGUMENT},         {"c1", STRATA_INVALID_ARGUMENT},
        {"91", STRATA_INVALID_ARGUMENT},       {"c0c0", STRATA_INVALID_ARGUMENT},
        {"a1ff", STRATA_INVALID_ARGUMENT},     {"8101c0", STRATA_INVALID_ARGUMENT},
        {"81a1ffc0", STRATA_INVALID_ARGUMENT}, {"82a161c0a161c0", STRATA_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer out = test_buffer();
        strata_error error = {.code = STRATA_OK};
        assert_int_equal(st_buffer_append(&out, "x", 1), STRATA_OK);
        assert_int_equal(st_document_from_msgpack(test_hex(cases[i].hex), &limits, &out, &error),
                         cases[i].status);
        assert_int_equal(error.code, cases[i].status);
        assert_int_equal(out.len, 1);
        strata_buffer_free(&out);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static void limited(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *msgpack;
        st_document_limits limits;
        const char *reason;
    } cases[] = {
        {"[[1]]", "919101", {1000, 1, 10}, "nesting_too_deep"},
        {"[[1]]", "919101", {1000, 2, 10}, NULL},
        {"[1,2,3]", "93010203", {1000, 9, 2}, "too_many_entries"},
        {"[1,2,3]", "93010203", {15, 9, 3}, NULL},
        {"[1,2,3]", "93010203", {14, 9, 3}, "value_too_large"},
        {"\"abc\"", "a3616263", {4, 0, 0}, "value_too_large"},
        {"\"abc\"", "a3616263", {5, 0, 0}, NULL},
        {"{}", "80", {9, 0, 0}, "nesting_too_deep"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer out = test_buffer();
        strata_error error = {.code = STRATA_OK};
        for (int msgpack = 0; msgpack < 2; msgpack++) {
            const strata_status status =
                msgpack != 0
                    ? st_document_from_msgpack(test_hex(cases[i].msgpack), &cases[i].limits, &out,
                                               &error)
                    : st_document_parse(strata_text(cases[i].json), &cases[i].limits, &out, &error);
            assert_int_equal(status, cases[i].reason == NULL ? STRATA_OK : STRATA_CONSTRAINT);
            if (cases[i].reason != NULL) {
                assert_string_equal(error.fields[0].text, cases[i].reason);
            }
        }
        strata_buffer_free(&out);
    }
}

/* ---- Seeded ---------------------------------------------------------------------------------- */

static void put_random(strata_buffer *json, uint64_t *chance, int depth) {
    static const char *const scalars[] = {"null",
                                          "true",
                                          "-12",
                                          "1e300",
                                          "0.1",
                                          "\"\"",
                                          "\"x\\n\"",
                                          "\"\xc3\xa9\"",
                                          "{\"$bytes\":\"AAE=\"}",
                                          "{\"$float\":\"nan\"}"};
    char name[32];
    const uint64_t kind = test_random_below(chance, depth == 0 ? 10 : 16);
    if (kind < 10) {
        assert_int_equal(st_buffer_append(json, scalars[kind], strlen(scalars[kind])), STRATA_OK);
        return;
    }
    const bool object = kind % 2 == 0;
    assert_int_equal(st_buffer_append(json, object ? "{" : "[", 1), STRATA_OK);
    for (uint64_t i = 0, count = test_random_below(chance, 6); i < count; i++) {
        const int len =
            snprintf(name, sizeof name, object ? "%s\"n%d\":" : "%s", i > 0 ? "," : "", (int)i);
        assert_int_equal(st_buffer_append(json, name, (size_t)len), STRATA_OK);
        put_random(json, chance, depth - 1);
    }
    assert_int_equal(st_buffer_append(json, object ? "}" : "]", 1), STRATA_OK);
}

/* text, document, MessagePack, document, text */
static void ways_round(void **state) {
    (void)state;
    uint64_t chance = 5;
    for (int i = 0; i < 3000; i++) {
        strata_buffer json = test_buffer();
        strata_buffer document = test_buffer();
        strata_buffer msgpack = test_buffer();
        strata_buffer straight = test_buffer();
        strata_buffer back = test_buffer();
        put_random(&json, &chance, 6);
        const strata_slice text = st_buffer_slice(&json);
        assert_int_equal(st_document_parse(text, &limits, &document, NULL), STRATA_OK);
        test_document_check(st_buffer_slice(&document));
        assert_int_equal(st_document_to_msgpack(st_buffer_slice(&document), &msgpack), STRATA_OK);
        assert_int_equal(strata_json_to_msgpack(text, &straight, NULL), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&msgpack), st_buffer_slice(&straight), "MessagePack");
        assert_int_equal(st_document_from_msgpack(st_buffer_slice(&msgpack), &limits, &back, NULL),
                         STRATA_OK);
        test_bytes_equal(st_buffer_slice(&back), st_buffer_slice(&document), "document");
        strata_buffer_free(&json);
        strata_buffer_free(&document);
        strata_buffer_free(&msgpack);
        strata_buffer_free(&straight);
        strata_buffer_free(&back);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static void without_memory(void **state) {
    (void)state;
    const strata_slice text =
        strata_text("{\"a\":[1,\"x\\n\"],\"b\":{\"$bytes\":\"AAEC\"},\"c\":{\"d\":1,\"e\":2}}");
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        strata_buffer document = test_buffer();
        strata_buffer msgpack = test_buffer();
        strata_buffer back = test_buffer();
        strata_error error = {.code = STRATA_OK};
        test_memory_fail_at(n);
        strata_status status = st_document_parse(text, &limits, &document, &error);
        if (status == STRATA_OK) {
            status = st_document_to_msgpack(st_buffer_slice(&document), &msgpack);
        }
        if (status == STRATA_OK) {
            status = st_document_from_msgpack(st_buffer_slice(&msgpack), &limits, &back, &error);
        }
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        strata_buffer_free(&document);
        strata_buffer_free(&msgpack);
        strata_buffer_free(&back);
        assert_int_equal(test_memory_blocks(), 0);
        assert_true(n < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_each_type),
        cmocka_unit_test(malformed),
        cmocka_unit_test(truncated),
        cmocka_unit_test(damaged),
        cmocka_unit_test(entries),
        cmocka_unit_test(elements_with_ids),
        cmocka_unit_test(from_msgpack_refused),
        cmocka_unit_test(limited),
        cmocka_unit_test(ways_round),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
