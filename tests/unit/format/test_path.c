/* test_path.c - both forms of paths, what is wrong with others and where, and the routes they resolve to.
 */
#include "document_support.h"

/* What a path says, as text: N(name), I(index), E(index), -. */
static void describe(const st_path *path, char *to, size_t size) {
    size_t len = 0;
    to[0] = '\0';
    for (size_t i = 0; i < path->count; i++) {
        const st_step *step = &path->steps[i];
        switch (step->kind) {
        case ST_STEP_NAME:
            len += (size_t)snprintf(to + len, size - len, "N(%.*s)", (int)step->name.len,
                                    (const char *)step->name.data);
            break;
        case ST_STEP_END:
            len += (size_t)snprintf(to + len, size - len, step->named ? "-" : "[-]");
            break;
        default:
            len += (size_t)snprintf(to + len, size - len, "%c(%u)",
                                    step->kind == ST_STEP_INDEX ? 'I' : 'E', step->index);
        }
    }
}

static void paths(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"/", "N()"},
        {"/a", "N(a)"},
        {"/a/b/0", "N(a)N(b)E(0)"},
        {"/a//b", "N(a)N()N(b)"},
        {"/~0~1~01", "N(~/~1)"},
        {"/list/-", "N(list)-"},
        {"/-1", "N(-1)"},
        {"/01", "N(01)"},
        {"/10/4294967294", "E(10)E(4294967294)"},
        {"/4294967295/99999999999999999999", "N(4294967295)N(99999999999999999999)"},
        {"/$.a[0]", "N($.a[0])"},
        {"/ \"\xc3\xa9", "N( \"\xc3\xa9)"},
        {"$", ""},
        {"$.a.b[0]", "N(a)N(b)I(0)"},
        {"$[0][12]", "I(0)I(12)"},
        {"$.a[-]", "N(a)[-]"},
        {"$.0.-", "N(0)N(-)"},
        {"$[\"any name\"].x", "N(any name)N(x)"},
        {"$[\"\"]['it\\'s']", "N()N(it's)"},
        {"$[\"\\u00e9\\n\\\"]\"]", "N(\xc3\xa9\n\"])"},
        {"$['say \"a\"']", "N(say \"a\")"},
        {"$.caf\xc3\xa9/x", "N(caf\xc3\xa9/x)"},
    };
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char said[256];
        const st_path path = test_path(cases[i][0], &arena);
        describe(&path, said, sizeof said);
        assert_string_equal(said, cases[i][1]);
        if (path.count > 0) {
            assert_int_equal(path.steps[path.count - 1].end, strlen(cases[i][0]));
        }
    }
    st_arena_free(&arena);
}

static void check_wrong(const char *text, int64_t position) {
    strata_error error = {.code = STRATA_OK};
    st_arena arena;
    st_path path;
    st_arena_init(&arena, test_allocator(), 0);
    const strata_status status = st_path_parse(strata_text(text), &arena, &path, &error);
    if (status != STRATA_INVALID_PATH || error.code != STRATA_INVALID_PATH ||
        strcmp(error.fields[0].name, "position") != 0 || error.fields[0].number != position) {
        fail_msg("%s: %s at %d: %s", text, strata_status_name(status), (int)error.fields[0].number,
                 error.message);
    }
    st_arena_free(&arena);
}

static void not_paths(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t position;
    } cases[] = {
        {"a", 0},       {"a/b", 0},      {".a", 0},      {"[0]", 0},        {" /a", 0},
        {"/~", 1},      {"/a~2", 2},     {"/a/~/b", 3},  {"$a", 1},         {"$.", 2},
        {"$..a", 2},    {"$.a.", 4},     {"$[", 2},      {"$[]", 2},        {"$[01]", 2},
        {"$[-1]", 2},   {"$[1", 3},      {"$[a]", 2},    {"$[*]", 2},       {"$[4294967295]", 2},
        {"$[\"a]", 5},  {"$[\"a\"", 5},  {"$['a\"]", 6}, {"$[\"\\x\"]", 3}, {"$[\"\\ud800\"]", 3},
        {"$.a]", 3},    {"$.a\"b\"", 3}, {"$[0]a", 4},   {"/\xff", 1},      {"$.\xc3", 2},
        {"$.a[0].", 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_wrong(cases[i].text, cases[i].position);
    }
}

static void segments(void **state) {
    (void)state;
    static const char *const forms[] = {"/a", "/0", ".a", "[0]", "['a']"};
    for (size_t form = 0; form < 5; form++) {
        char text[2048] = "";
        st_arena arena;
        size_t len = 0;
        if (form >= 2) {
            text[len++] = '$';
        }
        for (int i = 0; i < ST_PATH_SEGMENTS_MAX; i++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", forms[form]);
        }
        st_arena_init(&arena, test_allocator(), 0);
        assert_int_equal(test_path(text, &arena).count, ST_PATH_SEGMENTS_MAX);
        st_arena_free(&arena);
        (void)snprintf(text + len, sizeof text - len, "%s", forms[form]);
        check_wrong(text, (int64_t)len);
    }
}

/* ---- Finding and routes ---------------------------------------------------------------------- */

static const char example[] =
    "{\"a\":{\"b\":[10,{\"c\":null}],\"0\":\"zero\",\"-\":1},\"\":2,\"m~n\":3,\"x/y\":4}";

static void found(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"/a/b/0", "10"},      {"/a/b/1/c", "null"}, {"$.a.b[1].c", "null"},
        {"/a/0", "\"zero\""},  {"/a/-", "1"},        {"/", "2"},
        {"/m~0n", "3"},        {"/x~1y", "4"},       {"$['x/y']", "4"},
        {"$.a.0", "\"zero\""}, {"/a/b/2", NULL},     {"/a/b/-", NULL},
        {"/a/b/c", NULL},      {"/a/b/00", NULL},    {"$.a[0]", NULL},
        {"$.a.b.0", NULL},     {"/a/b/0/x", NULL},   {"/missing/x", NULL},
        {"$[0]", NULL},        {"/a/b/1/c/d", NULL},
    };
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const strata_slice document = test_document(example);
        const st_path path = test_path(cases[i][0], &arena);
        strata_buffer route = test_buffer();
        strata_buffer pointer = test_buffer();
        st_resolved resolved;
        st_node node;
        bool there = false;
        assert_int_equal(st_path_find(document, &path, &node, &there), STRATA_OK);
        assert_int_equal(st_path_resolve(document, &path, &route, NULL, &resolved), STRATA_OK);
        assert_int_equal(resolved.found, there);
        assert_int_equal(there, cases[i][1] != NULL);
        if (there) {
            assert_string_equal(test_document_text(node.raw), cases[i][1]);
            assert_ptr_equal(resolved.node.raw.data, node.raw.data);
            st_node again;
            assert_int_equal(st_route_find(document, st_buffer_slice(&route), &again, &there),
                             STRATA_OK);
            assert_true(there);
            assert_ptr_equal(again.raw.data, node.raw.data);
        }
        if (there && cases[i][0][0] == '/') {
            assert_int_equal(st_route_pointer(document, st_buffer_slice(&route), &pointer),
                             STRATA_OK);
            test_bytes_equal(st_buffer_slice(&pointer), strata_text(cases[i][0]), "pointer");
        }
        strata_buffer_free(&route);
        strata_buffer_free(&pointer);
    }
    st_arena_free(&arena);
}

/* The region a read depends on, and the arrays whose shape it passed. */
static void regions_of_reads(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *route; /* hex */
        st_region_kind kind;
        size_t steps;
        const char *shapes;
    } cases[] = {
        {"", "", ST_REGION_TREE, 0, ""},
        {"/a", "0261", ST_REGION_TREE, 1, ""},
        {"/a/b/1", "0261026203", ST_REGION_TREE, 3, "0402610262"},
        {"/a/b/1/c", "02610262030263", ST_REGION_TREE, 4, "0402610262"},
        {"/no/x/y", "046e6f", ST_REGION_TREE, 0, ""},
        {"/a/b/7", "02610262", ST_REGION_SHAPE, 2, ""},
        {"/a/b/-", "02610262", ST_REGION_SHAPE, 2, ""},
        {"/a/b/name", "02610262", ST_REGION_SHAPE, 2, ""},
        {"/a/b/0/deep/er", "0261026201", ST_REGION_TREE, 3, "0402610262"},
        {"$[3]", "", ST_REGION_TREE, 0, ""},
    };
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const st_path path = test_path(cases[i].path, &arena);
        strata_buffer route = test_buffer();
        strata_buffer shapes = test_buffer();
        st_resolved resolved;
        assert_int_equal(st_path_resolve(test_document(example), &path, &route, &shapes, &resolved),
                         STRATA_OK);
        test_bytes_equal(st_buffer_slice(&route), test_hex(cases[i].route), cases[i].path);
        test_bytes_equal(st_buffer_slice(&shapes), test_hex(cases[i].shapes), cases[i].path);
        assert_int_equal(resolved.kind, cases[i].kind);
        assert_int_equal(resolved.steps, cases[i].steps);
        strata_buffer_free(&route);
        strata_buffer_free(&shapes);
    }
    st_arena_free(&arena);
}

static void regions_meet(void **state) {
    (void)state;
    static const struct {
        st_region_kind a;
        const char *a_route;
        st_region_kind b;
        const char *b_route;
        bool meet;
    } cases[] = {
        {ST_REGION_TREE, "", ST_REGION_TREE, "", true},
        {ST_REGION_TREE, "", ST_REGION_TREE, "0261", true},
        {ST_REGION_TREE, "0261", ST_REGION_TREE, "0262", false},
        {ST_REGION_TREE, "0261", ST_REGION_TREE, "046161", false},
        {ST_REGION_TREE, "0261", ST_REGION_TREE, "02610262", true},
        {ST_REGION_TREE, "02610262", ST_REGION_TREE, "02610263", false},
        {ST_REGION_SHAPE, "0261", ST_REGION_TREE, "0261", true},
        {ST_REGION_SHAPE, "0261", ST_REGION_TREE, "", true},
        {ST_REGION_SHAPE, "0261", ST_REGION_TREE, "026103", false},
        {ST_REGION_SHAPE, "0261", ST_REGION_TREE, "0262", false},
        {ST_REGION_SHAPE, "0261", ST_REGION_SHAPE, "0261", true},
        {ST_REGION_SHAPE, "0261", ST_REGION_SHAPE, "02610262", false},
        {ST_REGION_SHAPE, "0261", ST_REGION_SHAPE, "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const st_region a = {cases[i].a, test_hex(cases[i].a_route)};
        const st_region b = {cases[i].b, test_hex(cases[i].b_route)};
        assert_int_equal(st_regions_meet(a, b), cases[i].meet);
        assert_int_equal(st_regions_meet(b, a), cases[i].meet);
    }
}

static void hostile_routes(void **state) {
    (void)state;
    static const char *const cases[] = {"80",    "8000", "02", "0461", "ffffffffffffffffff01",
                                        "026180"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        st_node node;
        bool there;
        strata_buffer pointer = test_buffer();
        assert_int_equal(st_route_find(test_document(example), test_hex(cases[i]), &node, &there),
                         STRATA_CORRUPT);
        assert_int_equal(st_route_pointer(test_document(example), test_hex(cases[i]), &pointer),
                         STRATA_CORRUPT);
        strata_buffer_free(&pointer);
    }
    strata_buffer pointer = test_buffer();
    assert_int_equal(st_route_pointer(test_document(example), test_hex("02610262130263"), &pointer),
                     STRATA_OK);
    test_bytes_equal(st_buffer_slice(&pointer), strata_text("/a/b/#9/c"), "pointer");
    strata_buffer_free(&pointer);
}

static void without_memory(void **state) {
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        strata_error error = {.code = STRATA_OK};
        strata_buffer route = test_buffer();
        st_resolved resolved;
        st_arena arena;
        st_path path;
        st_arena_init(&arena, test_allocator(), 0);
        test_memory_fail_at(n);
        strata_status status = st_path_parse(strata_text("/a/b/1"), &arena, &path, &error);
        if (status == STRATA_OK) {
            status = st_path_resolve(test_document(example), &path, &route, NULL, &resolved);
        }
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        strata_buffer_free(&route);
        st_arena_free(&arena);
        assert_int_equal(test_memory_blocks(), 0);
        assert_true(n < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(not_paths),
        cmocka_unit_test(segments),
        cmocka_unit_test(found),
        cmocka_unit_test(regions_of_reads),
        cmocka_unit_test(regions_meet),
        cmocka_unit_test(hostile_routes),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
