/* test_ref.c - references: every form, what is refused and where, and that text and key are one to one:
 * random keys come back as they were, and what is accepted is printed as it was written.
 */
#include "support.h"

#include "model/ref.h"

static const char *print(const st_key *key) {
    static char texts[4][3 * ST_STORE_KEY_MAX];
    static unsigned next;
    strata_buffer out = test_buffer();
    char *text = texts[next++ % 4];
    assert_int_equal(st_ref_print(st_key_slice(key), &out), STRATA_OK);
    memcpy(text, out.data, out.len);
    text[out.len] = 0;
    strata_buffer_free(&out);
    return text;
}

static void forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint8_t tag;
    } cases[] = {
        {"kv:city", ST_TAG_KV},
        {"kv:a:b#c>d/e%f%25", ST_TAG_KV},
        {"event:1", ST_TAG_EVENT},
        {"event:9223372036854775807", ST_TAG_EVENT},
        {"state:s", ST_TAG_STATE},
        {"trace:01ABC", ST_TAG_TRACE},
        {"json:doc", ST_TAG_JSON},
        {"json:50%25 %231", ST_TAG_JSON},
        {"memory:m", ST_TAG_MEMORY},
        {"edge:a>knows>b", ST_TAG_EDGE},
        {"edge:kv:a>b/c>edge:x%3Ey%3E%25", ST_TAG_EDGE},
        {"schema:s", ST_TAG_SCHEMA},
        {"entity:person/a%2Fb", ST_TAG_ENTITY},
        {"run:trip", ST_TAG_RUN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_ref ref;
        strata_error error;
        assert_int_equal(st_ref_parse(strata_text(cases[i].text), &ref, &error), STRATA_OK);
        assert_int_equal(st_key_tag(st_key_slice(&ref.key)), cases[i].tag);
        assert_int_equal(ref.path.len, 0);
        assert_int_equal(ref.of_run, cases[i].tag == ST_TAG_RUN);
        assert_true(st_key_well_formed(st_key_slice(&ref.key)));
        assert_string_equal(print(&ref.key), cases[i].text);
    }
}

static void paths_and_the_run_itself(void **state) {
    (void)state;
    st_ref ref;
    strata_error error;
    assert_int_equal(st_ref_parse(strata_text("json:a%23b#/x/#~1%25"), &ref, &error), STRATA_OK);
    test_bytes_equal(ref.path, strata_text("/x/#~1%25"), "path");
    test_bytes_equal(st_key_text_of(st_key_slice(&ref.key)), strata_text("a#b"), "document");
    assert_int_equal(st_ref_parse(strata_text("run"), &ref, &error), STRATA_OK);
    assert_true(ref.of_run);
    assert_int_equal(ref.key.len, 0);
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t position;
    } cases[] = {
        {"", 0},
        {"kv", 0},
        {":a", 0},
        {"keys:a", 0},
        {"provenance:1", 0},
        {"kv:", 3},
        {"kv:_strata/", 3},
        {"event:", 6},
        {"event:0", 6},
        {"event:01", 6},
        {"event:-1", 6},
        {"event:1 ", 7},
        {"event:9223372036854775808", 24},
        {"json:a#", 7},
        {"json:a#b", 7},
        {"json:a%", 6},
        {"json:%2", 5},
        {"json:%2a", 5},
        {"json:%41", 5},
        {"json:%3e", 5},
        {"edge:%23>a>b", 5},
        {"edge:a", 6},
        {"edge:a>b", 8},
        {"edge:a>b>", 9},
        {"edge:a>>b", 7},
        {"edge:>a>b", 5},
        {"edge:a>b>c>d", 10},
        {"entity:a", 8},
        {"entity:a/b/c", 10},
        {"run:", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_ref ref;
        strata_error error = {.code = STRATA_OK};
        if (st_ref_parse(strata_text(cases[i].text), &ref, &error) != STRATA_INVALID_KEY) {
            fail_msg("\"%s\" was taken", cases[i].text);
        }
        int64_t position = -1;
        for (size_t j = 0; j < error.field_count; j++) {
            position =
                strcmp(error.fields[j].name, "position") == 0 ? error.fields[j].number : position;
        }
        if (position != cases[i].position) {
            fail_msg("\"%s\": byte %lld, not %lld", cases[i].text, (long long)position,
                     (long long)cases[i].position);
        }
    }
}

/* A name with separators in it, now and then as long as it may be. */
static size_t random_name(uint64_t *chance, char *name, size_t most) {
    static const char letters[] = "ab#>/%:2 \xc3\xa9";
    const size_t len = test_random_below(chance, 20) == 0 ? most : 1 + test_random_below(chance, 8);
    for (size_t i = 0; i < len; i++) {
        const size_t letter = test_random_below(chance, sizeof letters - 2);
        name[i] = letter >= 9 ? 'z' : letters[letter];
    }
    return len;
}

static void one_to_one(void **state) {
    (void)state;
    static const uint8_t tags[] = {ST_TAG_KV, ST_TAG_JSON, ST_TAG_EDGE, ST_TAG_ENTITY, ST_TAG_RUN};
    uint64_t chance = 7;
    for (unsigned i = 0; i < 5000; i++) {
        const uint8_t tag = tags[test_random_below(&chance, sizeof tags)];
        const size_t count = tag == ST_TAG_EDGE ? 3 : tag == ST_TAG_ENTITY ? 2 : 1;
        char names[3][ST_KEY_BYTES_MAX];
        strata_slice texts[3];
        st_ref ref;
        st_key key;
        strata_error error;
        for (size_t j = 0; j < count; j++) {
            texts[j] = st_slice(names[j], random_name(&chance, names[j], ST_KEY_BYTES_MAX / 3));
        }
        st_key_texts(&key, tag, texts, count);
        const char *text = print(&key);
        if (st_ref_parse(strata_text(text), &ref, &error) != STRATA_OK) {
            fail_msg("%s: %s", text, error.message);
        }
        test_bytes_equal(st_key_slice(&ref.key), st_key_slice(&key), text);
    }
}

static void parts_of_things(void **state) {
    (void)state;
    const strata_slice texts[] = {strata_text("a"), strata_text("b"), strata_text("c")};
    st_key key;
    st_key subject;
    st_key_part(&key, ST_TAG_JSON_PATCH, texts[0], 7);
    assert_true(st_ref_subject(st_key_slice(&key), &subject));
    assert_string_equal(print(&subject), "json:a");
    st_key_texts(&key, ST_TAG_EDGE_IN, texts, 3);
    assert_false(st_ref_subject(st_key_slice(&key), &subject));
    st_key_texts(&key, ST_TAG_TRACE_CHILD, texts, 2);
    assert_false(st_ref_subject(st_key_slice(&key), &subject));
    st_key_number(&key, ST_TAG_PROVENANCE, 1);
    assert_false(st_ref_subject(st_key_slice(&key), &subject));
    st_key_text(&key, ST_TAG_RUN, texts[0]);
    assert_true(st_ref_subject(st_key_slice(&key), &subject));
    assert_string_equal(print(&subject), "run:a");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),           cmocka_unit_test(paths_and_the_run_itself),
        cmocka_unit_test(refused),         cmocka_unit_test(one_to_one),
        cmocka_unit_test(parts_of_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
