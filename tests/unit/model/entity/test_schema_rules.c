/* test_schema_rules.c - JSON Schemas: which are refused, and where; what documents fit them, and where the first
 * thing is that does not.
 *
 * Tables of cases by hand, one row at least for each keyword and its edges; then that every schema in them
 * gives the same answer however often memory runs out, and that a schema made to be slow is stopped.
 */
#include "support.h"

#include "model/entity/schema_rules.h"

static st_arena arena;
static strata_error error;

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

static st_schema_context context(void) {
    const st_schema_context made = {test_host(), &arena, &error};
    return made;
}

static strata_slice parse(const char *json) {
    const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    strata_buffer out = test_buffer();
    if (st_document_parse(strata_text(json), &limits, &out, &error) != STRATA_OK) {
        fail_msg("%s: %s", json, error.message);
    }
    const strata_slice document = st_arena_copy(&arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return document;
}

static strata_status compile(const char *json, st_schema_rules *rules) {
    const st_schema_context of = context();
    st_node *node = st_arena_alloc(&arena, sizeof *node, 8);
    assert_true(st_node_read(parse(json), node));
    return st_schema_compile(&of, node, rules);
}

static const char *detail(const char *name) {
    for (size_t i = 0; i < error.field_count; i++) {
        if (strcmp(error.fields[i].name, name) == 0) {
            return error.fields[i].text;
        }
    }
    return "";
}

/* ---- Schemas --------------------------------------------------------------------------------- */

static void schemas_that_are_taken(void **state) {
    (void)state;
    static const char *const cases[] = {
        "{}",
        "{\"type\":\"object\"}",
        "{\"type\":[\"string\",\"null\"]}",
        "{\"type\":\"bytes\"}",
        "{\"properties\":{\"a\":true,\"b\":false,\"c\":{}}}",
        "{\"required\":[]}",
        "{\"required\":[\"a\",\"a\"]}",
        "{\"additionalProperties\":{\"type\":\"string\"}}",
        "{\"enum\":[null]}",
        "{\"const\":{\"a\":[1]}}",
        "{\"minimum\":1,\"maximum\":2.5,\"exclusiveMinimum\":-1e9,\"exclusiveMaximum\":1}",
        "{\"multipleOf\":3}",
        "{\"multipleOf\":2.0}",
        "{\"minLength\":0,\"maxLength\":2.0,\"minItems\":1,\"maxItems\":9007199254740993}",
        "{\"minProperties\":1,\"maxProperties\":2}",
        "{\"uniqueItems\":false,\"items\":{},\"prefixItems\":[true]}",
        "{\"allOf\":[{}],\"anyOf\":[true],\"oneOf\":[{}],\"not\":false}",
        "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{}}}",
        "{\"$ref\":\"#/definitions/a~1b\",\"definitions\":{\"a/b\":{}}}",
        "{\"properties\":{\"next\":{\"$ref\":\"#\"}}}",
        "{\"items\":{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#\"}]}}",
        "{\"title\":\"t\",\"description\":\"d\",\"default\":1,\"examples\":[1],\"format\":"
        "\"email\","
        "\"deprecated\":true,\"readOnly\":true,\"writeOnly\":true,\"$comment\":\"c\","
        "\"$schema\":\"s\",\"$id\":\"i\",\"x-own\":{\"pattern\":1}}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_schema_rules rules;
        if (compile(cases[i], &rules) != STRATA_OK) {
            fail_msg("%s: %s", cases[i], error.message);
        }
    }
}

static void schemas_that_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *path;
        const char *keyword;
    } cases[] = {
        {"{\"pattern\":\"a\"}", "/pattern", "pattern"},
        {"{\"Type\":\"string\"}", "/Type", "Type"},
        {"{\"\":1}", "/", ""},
        {"{\"if\":{}}", "/if", "if"},
        {"{\"patternProperties\":{}}", "/patternProperties", "patternProperties"},
        {"{\"contains\":{}}", "/contains", "contains"},
        {"{\"dependentRequired\":{}}", "/dependentRequired", "dependentRequired"},
        {"{\"unevaluatedProperties\":false}", "/unevaluatedProperties", "unevaluatedProperties"},
        {"{\"$anchor\":\"a\"}", "/$anchor", "$anchor"},
        {"{\"properties\":{\"a/b\":{\"items\":{\"pattern\":\"x\"}}}}",
         "/properties/a~1b/items/pattern", "pattern"},
        {"{\"anyOf\":[{},{\"not\":{\"then\":{}}}]}", "/anyOf/1/not/then", "then"},
        {"{\"$defs\":{\"a\":{\"$defs\":{}}}}", "/$defs/a/$defs", "$defs"},
        {"{\"type\":\"int\"}", "/type", "type"},
        {"{\"type\":[]}", "/type", "type"},
        {"{\"type\":[\"string\",1]}", "/type", "type"},
        {"{\"type\":null}", "/type", "type"},
        {"{\"properties\":[]}", "/properties", "properties"},
        {"{\"properties\":{\"a\":1}}", "/properties/a", ""},
        {"{\"required\":\"a\"}", "/required", "required"},
        {"{\"required\":[1]}", "/required", "required"},
        {"{\"additionalProperties\":1}", "/additionalProperties", "additionalProperties"},
        {"{\"enum\":[]}", "/enum", "enum"},
        {"{\"enum\":1}", "/enum", "enum"},
        {"{\"minimum\":\"1\"}", "/minimum", "minimum"},
        {"{\"exclusiveMinimum\":true}", "/exclusiveMinimum", "exclusiveMinimum"},
        {"{\"multipleOf\":0}", "/multipleOf", "multipleOf"},
        {"{\"multipleOf\":-1}", "/multipleOf", "multipleOf"},
        {"{\"multipleOf\":0.5}", "/multipleOf", "multipleOf"},
        {"{\"minLength\":-1}", "/minLength", "minLength"},
        {"{\"maxLength\":1.5}", "/maxLength", "maxLength"},
        {"{\"uniqueItems\":1}", "/uniqueItems", "uniqueItems"},
        {"{\"items\":[{}]}", "/items", "items"},
        {"{\"prefixItems\":{}}", "/prefixItems", "prefixItems"},
        {"{\"allOf\":[]}", "/allOf", "allOf"},
        {"{\"anyOf\":[1]}", "/anyOf/0", ""},
        {"{\"oneOf\":{}}", "/oneOf", "oneOf"},
        {"{\"not\":1}", "/not", "not"},
        {"{\"$ref\":1}", "/$ref", "$ref"},
        {"{\"$ref\":\"#/$defs/a\"}", "/$ref", "$ref"},
        {"{\"$ref\":\"#/properties/a\",\"properties\":{\"a\":{}}}", "/$ref", "$ref"},
        {"{\"$ref\":\"other.json#/a\"}", "/$ref", "$ref"},
        {"{\"$ref\":\"#a\"}", "/$ref", "$ref"},
        {"{\"$ref\":\"\"}", "/$ref", "$ref"},
        {"{\"$ref\":\"#/$defs/a/b\",\"$defs\":{\"a\":{}}}", "/$ref", "$ref"},
        /* Circles at one place. */
        {"{\"$ref\":\"#\"}", "", ""},
        {"{\"allOf\":[{\"$ref\":\"#\"}]}", "/allOf/0", ""},
        {"{\"$defs\":{\"a\":{\"not\":{\"$ref\":\"#/$defs/b\"}},\"b\":{\"anyOf\":[{},{\"$ref\":"
         "\"#/$defs/a\"}]}}}",
         NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_schema_rules rules;
        const strata_status status = compile(cases[i].json, &rules);
        if (status != STRATA_INVALID_ARGUMENT || strcmp(detail("argument"), "schema") != 0 ||
            (cases[i].path != NULL && strcmp(detail("path"), cases[i].path) != 0) ||
            strcmp(detail("keyword"), cases[i].keyword) != 0) {
            fail_msg("%s: %d %s", cases[i].json, (int)status, error.message);
        }
    }
}

static void limits(void **state) {
    (void)state;
    strata_buffer json = test_buffer();
    st_schema_rules rules;
    char part[64];
    for (int extra = 0; extra < 2; extra++) {
        json.len = 0;
        assert_int_equal(st_buffer_append(&json, "{\"allOf\":[true", 14), STRATA_OK);
        for (int i = 0; i < ST_SCHEMA_NODES_MAX - 2 + extra; i++) {
            assert_int_equal(st_buffer_append(&json, ",true", 5), STRATA_OK);
        }
        assert_int_equal(st_buffer_append(&json, "]}", 3), STRATA_OK);
        assert_int_equal(compile((const char *)json.data, &rules),
                         extra == 0 ? STRATA_OK : STRATA_CONSTRAINT);
    }
    assert_string_equal(detail("reason"), "schema_too_large");
    for (int extra = 0; extra < 2; extra++) { /* a chain of references */
        json.len = 0;
        assert_int_equal(st_buffer_append(&json, "{\"$defs\":{\"d0\":{}", 17), STRATA_OK);
        for (int i = 1; i < ST_SCHEMA_CHAIN_MAX + extra; i++) {
            const int len =
                snprintf(part, sizeof part, ",\"d%d\":{\"$ref\":\"#/$defs/d%d\"}", i, i - 1);
            assert_int_equal(st_buffer_append(&json, part, (size_t)len), STRATA_OK);
        }
        assert_int_equal(st_buffer_append(&json, "}}", 3), STRATA_OK);
        assert_int_equal(compile((const char *)json.data, &rules),
                         extra == 0 ? STRATA_OK : STRATA_CONSTRAINT);
    }
    assert_string_equal(detail("reason"), "nesting_too_deep");
    strata_buffer_free(&json);
}

/* ---- Documents ------------------------------------------------------------------------------- */

/* path: of the first violation; keyword NULL: it fits. */
static const struct fit {
    const char *schema;
    const char *document;
    const char *keyword;
    const char *path;
} fits[] = {
    {"{}", "{\"a\":1}", NULL, ""},
    /* type */
    {"{\"items\":{\"type\":\"integer\"}}", "[1,1.0,-0.0,1e3,9007199254740993]", NULL, ""},
    {"{\"type\":\"integer\"}", "1.5", "type", ""},
    {"{\"type\":\"integer\"}", "1e300", "type", ""},
    {"{\"type\":\"integer\"}", "\"1\"", "type", ""},
    {"{\"type\":\"integer\"}", "{\"$float\":\"nan\"}", "type", ""},
    {"{\"type\":\"integer\"}", "{\"$float\":\"inf\"}", "type", ""},
    {"{\"items\":{\"type\":\"number\"}}", "[1,1.5,1e300]", NULL, ""},
    {"{\"type\":\"number\"}", "true", "type", ""},
    {"{\"type\":\"boolean\"}", "true", NULL, ""},
    {"{\"type\":\"boolean\"}", "0", "type", ""},
    {"{\"type\":\"null\"}", "null", NULL, ""},
    {"{\"type\":\"null\"}", "false", "type", ""},
    {"{\"type\":\"string\"}", "\"\"", NULL, ""},
    {"{\"type\":\"string\"}", "{\"$bytes\":\"AA==\"}", "type", ""},
    {"{\"type\":\"bytes\"}", "{\"$bytes\":\"AA==\"}", NULL, ""},
    {"{\"type\":\"array\"}", "[]", NULL, ""},
    {"{\"type\":\"array\"}", "{}", "type", ""},
    {"{\"type\":\"object\"}", "{}", NULL, ""},
    {"{\"type\":\"object\"}", "[]", "type", ""},
    {"{\"type\":[\"integer\",\"null\"]}", "null", NULL, ""},
    {"{\"type\":[\"integer\",\"null\"]}", "2.0", NULL, ""},
    {"{\"type\":[\"integer\",\"null\"]}", "\"a\"", "type", ""},
    /* enum, const: equality is that of JSON */
    {"{\"enum\":[1,\"a\",null,[1,{\"b\":2,\"a\":1}]]}", "1.0", NULL, ""},
    {"{\"enum\":[1,\"a\",null,[1,{\"b\":2,\"a\":1}]]}", "null", NULL, ""},
    {"{\"enum\":[1,\"a\",null,[1,{\"b\":2,\"a\":1}]]}", "[1.0,{\"a\":1,\"b\":2.0}]", NULL, ""},
    {"{\"enum\":[1,\"a\",null,[1,{\"b\":2,\"a\":1}]]}", "[{\"a\":1,\"b\":2},1]", "enum", ""},
    {"{\"enum\":[1]}", "true", "enum", ""},
    {"{\"enum\":[0]}", "false", "enum", ""},
    {"{\"enum\":[0]}", "-0.0", NULL, ""},
    {"{\"enum\":[1]}", "\"1\"", "enum", ""},
    {"{\"const\":9007199254740993}", "9007199254740992.0", "const", ""},
    {"{\"const\":9007199254740992}", "9007199254740992.0", NULL, ""},
    {"{\"const\":9223372036854775807}", "9223372036854775808.0", "const", ""},
    {"{\"const\":{}}", "{}", NULL, ""},
    {"{\"const\":{}}", "{\"a\":null}", "const", ""},
    {"{\"const\":null}", "null", NULL, ""},
    {"{\"const\":\"a\",\"enum\":[\"b\"]}", "\"a\"", "enum", ""},
    /* bounds */
    {"{\"minimum\":1}", "1", NULL, ""},
    {"{\"minimum\":1}", "1.0", NULL, ""},
    {"{\"minimum\":1}", "0.9999", "minimum", ""},
    {"{\"minimum\":9007199254740993}", "9007199254740992.0", "minimum", ""},
    {"{\"maximum\":1.5}", "1.5", NULL, ""},
    {"{\"maximum\":1.5}", "2", "maximum", ""},
    {"{\"exclusiveMinimum\":1}", "1.0", "exclusiveMinimum", ""},
    {"{\"exclusiveMinimum\":1}", "1.0000001", NULL, ""},
    {"{\"exclusiveMaximum\":1}", "1", "exclusiveMaximum", ""},
    {"{\"exclusiveMaximum\":1}", "-5", NULL, ""},
    {"{\"minimum\":1}", "\"0\"", NULL, ""}, /* says nothing of strings */
    {"{\"minimum\":1}", "{\"$float\":\"inf\"}", NULL, ""},
    {"{\"minimum\":1}", "{\"$float\":\"nan\"}", "minimum", ""},
    {"{\"multipleOf\":3}", "-9", NULL, ""},
    {"{\"multipleOf\":3}", "9.0", NULL, ""},
    {"{\"multipleOf\":3}", "10", "multipleOf", ""},
    {"{\"multipleOf\":3}", "4.5", "multipleOf", ""},
    {"{\"multipleOf\":2}", "1e300", NULL, ""},
    {"{\"multipleOf\":2}", "{\"$float\":\"inf\"}", "multipleOf", ""},
    /* strings, in code points */
    {"{\"minLength\":2}", "\"a\"", "minLength", ""},
    {"{\"minLength\":2}", "\"\\u20ac\\u20ac\"", NULL, ""},
    {"{\"maxLength\":2}", "\"\\ud83d\\ude00\\ud83d\\ude00\"", NULL, ""},
    {"{\"maxLength\":2}", "\"abc\"", "maxLength", ""},
    {"{\"minLength\":1}", "[]", NULL, ""},
    {"{\"maxLength\":9007199254740993}", "\"abc\"", NULL, ""},
    /* arrays */
    {"{\"minItems\":1}", "[]", "minItems", ""},
    {"{\"maxItems\":1}", "[1]", NULL, ""},
    {"{\"maxItems\":1}", "[1,2]", "maxItems", ""},
    {"{\"uniqueItems\":true}", "[1,\"1\",true,null,[1],{\"a\":1}]", NULL, ""},
    {"{\"uniqueItems\":true}", "[]", NULL, ""},
    {"{\"uniqueItems\":true}", "[1,2,1.0]", "uniqueItems", ""},
    {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},3,{\"b\":2.0,\"a\":1}]", "uniqueItems", ""},
    {"{\"uniqueItems\":true}", "[[1,2],[2,1]]", NULL, ""},
    {"{\"uniqueItems\":true}", "[[1,2],[1.0,2]]", "uniqueItems", ""},
    {"{\"uniqueItems\":false}", "[1,1]", NULL, ""},
    {"{\"items\":{\"type\":\"string\"}}", "[\"a\",\"b\",3]", "type", "/2"},
    {"{\"items\":false}", "[]", NULL, ""},
    {"{\"items\":false}", "[1]", "items", "/0"},
    {"{\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "[\"a\",1,null]", NULL,
     ""},
    {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\",1]", "items", "/1"},
    {"{\"prefixItems\":[{\"type\":\"string\"}]}", "[1]", "type", "/0"},
    {"{\"prefixItems\":[{\"type\":\"string\"}]}", "[]", NULL, ""},
    /* objects */
    {"{\"required\":[\"b\",\"a\"]}", "{\"a\":1,\"b\":null}", NULL, ""},
    {"{\"required\":[\"b\",\"a\"]}", "{\"c\":1}", "required", "/a"},
    {"{\"required\":[\"a\",\"a\"]}", "{\"a\":1}", NULL, ""},
    {"{\"required\":[\"a\"]}", "[]", NULL, ""},
    {"{\"properties\":{\"a\":{\"required\":[\"x/y\"]}}}", "{\"a\":{}}", "required", "/a/x~1y"},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"b\":1}", NULL, ""},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"b\":1,\"a\":2}", "type", "/a"},
    {"{\"properties\":{\"a\":false}}", "{\"a\":1}", "properties", "/a"},
    {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1}", NULL, ""},
    {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1,\"b\":2}",
     "additionalProperties", "/b"},
    {"{\"required\":[\"a\"],\"additionalProperties\":false}", "{\"a\":1}", "additionalProperties",
     "/a"},
    {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":1,\"b\":\"x\"}", "type", "/b"},
    {"{\"minProperties\":1}", "{}", "minProperties", ""},
    {"{\"maxProperties\":1}", "{\"a\":1,\"b\":1}", "maxProperties", ""},
    /* in place */
    {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", NULL, ""},
    {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4", "maximum", ""},
    {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "\"a\"", NULL, ""},
    {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "7", NULL, ""},
    {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "1", "anyOf", ""},
    {"{\"oneOf\":[{\"multipleOf\":2},{\"multipleOf\":3}]}", "4", NULL, ""},
    {"{\"oneOf\":[{\"multipleOf\":2},{\"multipleOf\":3}]}", "9", NULL, ""},
    {"{\"oneOf\":[{\"multipleOf\":2},{\"multipleOf\":3}]}", "6", "oneOf", ""},
    {"{\"oneOf\":[{\"multipleOf\":2},{\"multipleOf\":3}]}", "1", "oneOf", ""},
    {"{\"not\":{\"type\":\"string\"}}", "1", NULL, ""},
    {"{\"not\":{\"type\":\"string\"}}", "\"a\"", "not", ""},
    {"{\"not\":{\"not\":{\"type\":\"string\"}}}", "1", "not", ""},
    {"{\"not\":{\"properties\":{\"a\":{\"type\":\"string\"}}}}", "{\"a\":1}", NULL, ""},
    {"{\"properties\":{\"a\":{\"anyOf\":[{\"items\":{\"type\":\"string\"}}]}}}", "{\"a\":[1]}",
     "anyOf", "/a"}, /* not where the trial failed */
    {"{\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}],\"required\":[\"c\"]}",
     "{\"b\":1}", "required", "/c"},
    {"{\"anyOf\":[{\"anyOf\":[{\"type\":\"null\"}]},{\"oneOf\":[{\"type\":\"integer\"}]}]}", "1",
     NULL, ""},
    {"{\"allOf\":[true,false]}", "1", "allOf", ""},
    /* references */
    {"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"minimum\":1}},\"maximum\":3}", "0", "minimum",
     ""},
    {"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"minimum\":1}},\"maximum\":3}", "4", "maximum",
     ""},
    {"{\"properties\":{\"v\":{\"type\":\"integer\"},\"next\":{\"$ref\":\"#\"}}}",
     "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":\"x\"}}}", "type", "/next/next/v"},
    {"{\"$defs\":{\"tree\":{\"type\":[\"array\",\"integer\"],\"items\":{\"$ref\":\"#/$defs/tree\"}}"
     "},\"$ref\":\"#/$defs/tree\"}",
     "[1,[2,[3,[null]]]]", "type", "/1/1/1/0"},
    {"{\"definitions\":{\"a~b\":false},\"items\":{\"$ref\":\"#/definitions/a~0b\"}}", "[1]",
     "definitions", "/0"},
    /* the first of several, in the order of the document */
    {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"z\":1,\"a\":2}", "type", "/z"},
    {"{\"type\":\"object\",\"properties\":{\"a/b\":{\"items\":{\"items\":{\"const\":1}}}}}",
     "{\"a/b\":[[1,1],[1,2]]}", "const", "/a~1b/1/1"},
    /* what only annotates */
    {"{\"format\":\"email\",\"default\":3,\"x-y\":false}", "\"no mail\"", NULL, ""},
};

enum { FITS = sizeof fits / sizeof fits[0] };

static strata_status check(const struct fit *fit, st_violation *violation) {
    const st_schema_context of = context();
    st_schema_rules rules;
    ST_TRY(compile(fit->schema, &rules));
    return st_schema_check(&of, &rules, parse(fit->document), violation);
}

static void is_as_expected(const struct fit *fit, const st_violation *violation) {
    const bool fine = fit->keyword == NULL
                          ? violation->keyword == NULL
                          : violation->keyword != NULL &&
                                strcmp(violation->keyword, fit->keyword) == 0 &&
                                st_slice_equal(violation->path, strata_text(fit->path));
    if (!fine) {
        fail_msg("%s with %s: %s at %.*s", fit->schema, fit->document,
                 violation->keyword == NULL ? "it fits" : violation->keyword,
                 (int)violation->path.len, (const char *)violation->path.data);
    }
}

static void documents(void **state) {
    (void)state;
    for (size_t i = 0; i < FITS; i++) {
        st_violation violation;
        if (check(&fits[i], &violation) != STRATA_OK) {
            fail_msg("%s with %s: %s", fits[i].schema, fits[i].document, error.message);
        }
        is_as_expected(&fits[i], &violation);
    }
}

/* Memory runs out at every place in turn; then there is enough, and the answer is right. */
static void without_memory(void **state) {
    (void)state;
    for (size_t i = 0; i < FITS; i++) {
        const st_schema_context of = context();
        const strata_slice schema = parse(fits[i].schema);
        const strata_slice document = parse(fits[i].document);
        st_node node;
        assert_true(st_node_read(schema, &node));
        for (size_t at = 1;; at++) {
            st_arena own;
            st_schema_context scarce = of;
            st_schema_rules rules;
            st_violation violation = {NULL, {NULL, 0}};
            st_arena_init(&own, test_allocator(), 64);
            scarce.arena = &own;
            test_memory_fail_at(at);
            strata_status status = st_schema_compile(&scarce, &node, &rules);
            if (status == STRATA_OK) {
                status = st_schema_check(&scarce, &rules, document, &violation);
            }
            const bool failed = test_memory_failed();
            test_memory_fail_at(0);
            assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
            if (!failed) {
                is_as_expected(&fits[i], &violation);
            }
            st_arena_free(&own);
            if (!failed) {
                break;
            }
        }
    }
}

/* Two ways down at each level: 2^60 looks at one number, were there no end. */
static void made_to_be_slow(void **state) {
    (void)state;
    const st_schema_context of = context();
    strata_buffer json = test_buffer();
    st_schema_rules rules;
    st_violation violation;
    assert_int_equal(compile("{\"$defs\":{\"t\":{\"allOf\":[{\"items\":{\"$ref\":\"#/$defs/t\"}},{"
                             "\"items\":{\"$ref\":\"#/$defs/t\"}}]}},\"$ref\":\"#/$defs/t\"}",
                             &rules),
                     STRATA_OK);
    for (int deep = 5; deep <= 60; deep += 55) {
        json.len = 0;
        for (int i = 0; i < 2 * deep; i++) {
            assert_int_equal(st_buffer_append(&json, i < deep ? "[" : "]", 1), STRATA_OK);
        }
        assert_int_equal(st_buffer_append(&json, "", 1), STRATA_OK);
        assert_int_equal(st_schema_check(&of, &rules, parse((const char *)json.data), &violation),
                         deep == 5 ? STRATA_OK : STRATA_CONSTRAINT);
    }
    assert_string_equal(detail("reason"), "schema_too_complex");
    strata_buffer_free(&json);
}

/* Every cut, and every other byte, of a document: an answer, or that it is malformed. */
static void malformed_documents(void **state) {
    (void)state;
    const st_schema_context of = context();
    const strata_slice whole =
        parse("{\"a\":[1,2.5,\"x\",{\"b\":null}],\"c\":{\"d\":[[1],[2]]},\"e\":\"text\"}");
    st_schema_rules rules;
    st_violation violation;
    uint8_t bytes[256];
    assert_true(whole.len < sizeof bytes);
    assert_int_equal(compile("{\"properties\":{\"a\":{\"uniqueItems\":true,\"items\":{\"not\":{"
                             "\"enum\":[{\"z\":1}]}}},\"c\":{\"required\":[\"d\"],"
                             "\"additionalProperties\":{\"items\":{\"uniqueItems\":true}}}}}",
                             &rules),
                     STRATA_OK);
    for (size_t i = 0; i < whole.len; i++) {
        for (unsigned change = 0; change < 256; change++) {
            memcpy(bytes, whole.data, whole.len);
            bytes[i] = (uint8_t)change;
            const strata_status status =
                st_schema_check(&of, &rules, st_slice(bytes, whole.len), &violation);
            assert_true(status == STRATA_OK || status == STRATA_CORRUPT);
        }
        const strata_status cut = st_schema_check(&of, &rules, st_slice(whole.data, i), &violation);
        assert_true(cut == STRATA_OK || cut == STRATA_CORRUPT);
    }
}

#define case_of(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(schemas_that_are_taken),
        case_of(schemas_that_are_refused),
        case_of(limits),
        case_of(documents),
        case_of(without_memory),
        case_of(made_to_be_slow),
        case_of(malformed_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
