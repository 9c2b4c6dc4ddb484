/* test_trace.c - traces: random forests against an oracle, trees and children under every limit and as
 * of every version; what a forged file may hold, a circle among it; the C functions.
 */
#include "store_support.h"

#include "api/handle.h"
#include "model/run/run.h"
#include "model/trace.h"

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_in_memory(machine);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

/* ---- Forests --------------------------------------------------------------------------------- */

enum { RECORDS = 60 };

typedef struct forest {
    unsigned count;
    unsigned parents[RECORDS]; /* the record's own number: none */
    uint64_t versions[RECORDS];
} forest;

/* Numbers are not in the order of records: ids are what decides. */
static unsigned id_of(unsigned record) {
    return record * 37 % RECORDS;
}

static void grow(forest *made, uint64_t seed) {
    memset(made, 0, sizeof *made);
    for (unsigned i = 0; i < RECORDS; i++) {
        char parent[32] = "";
        made->parents[i] = i;
        if (i > 0 && test_random_below(&seed, 8) > 0) {
            made->parents[i] = (unsigned)test_random_below(&seed, i);
            (void)snprintf(parent, sizeof parent, ",\"parent\":\"r%02u\"", id_of(made->parents[i]));
        }
        const char *answer =
            ask(db, STRATA_OK, "trace.record",
                "{\"id\":\"r%02u\",\"type\":\"t%u\",\"content\":{}%s}", id_of(i), i % 3, parent);
        made->versions[i] = (uint64_t)json_int(answer, "version");
        made->count++;
    }
}

typedef struct lines {
    char text[RECORDS * 32];
    size_t len;
    unsigned count;
    unsigned limit;
} lines;

static void add_line(lines *to, const char *id, size_t len, uint64_t depth) {
    to->len += (size_t)snprintf(to->text + to->len, sizeof to->text - to->len, "%.*s@%llu ",
                                (int)len, id, (unsigned long long)depth);
    to->count++;
}

/* By its definition: the record, and then each child in order of id. */
static void expect_tree(const forest *of, unsigned record, unsigned depth, unsigned most,
                        uint64_t version, lines *to) {
    char id[8];
    if (to->count == to->limit) {
        return;
    }
    const int len = snprintf(id, sizeof id, "r%02u", id_of(record));
    add_line(to, id, (size_t)len, depth);
    for (unsigned number = 0; number < RECORDS && depth < most; number++) {
        for (unsigned i = 0; i < of->count; i++) {
            if (id_of(i) == number && i != record && of->parents[i] == record &&
                of->versions[i] <= version) {
                expect_tree(of, i, depth + 1, most, version, to);
            }
        }
    }
}

static bool note(void *arg, const strata_trace_entry *entry, uint64_t depth) {
    add_line(arg, entry->id.data, entry->id.len, depth);
    return true;
}

static void forests(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        forest made;
        char name[8];
        uint64_t chance = seed;
        if (seed > 1) {
            db_close(db);
            db = db_in_memory(machine);
        }
        grow(&made, seed);
        for (unsigned i = 0; i < RECORDS; i++) {
            const unsigned limit = 1 + (unsigned)test_random_below(&chance, RECORDS);
            const unsigned depth = (unsigned)test_random_below(&chance, 6);
            const uint64_t version =
                made.versions[i] +
                test_random_below(&chance, made.versions[RECORDS - 1] + 1 - made.versions[i]);
            lines wanted = {.limit = limit};
            lines got = {.limit = RECORDS};
            strata_tree tree = STRATA_TREE_INIT;
            (void)snprintf(name, sizeof name, "r%02u", id_of(i));
            expect_tree(&made, i, 0, depth, version, &wanted);
            tree.root = strata_text(name);
            tree.limit = limit;
            tree.depth = depth;
            tree.when = strata_as_of(version);
            assert_int_equal(strata_trace_tree(db, STRATA_RUN_DEFAULT, &tree, note, &got),
                             STRATA_OK);
            assert_string_equal(got.text, wanted.text);
            /* Children are the first generation. */
            wanted = (lines){.limit = RECORDS};
            got = (lines){.limit = RECORDS};
            expect_tree(&made, i, 0, 1, version, &wanted);
            add_line(&got, name, strlen(name), 0);
            const size_t head = got.len;
            assert_int_equal(
                strata_trace_scan(db, STRATA_RUN_DEFAULT, tree.root, tree.when, note, &got),
                STRATA_OK);
            for (char *at = strstr(got.text + head, "@0"); at != NULL; at = strstr(at, "@0")) {
                at[1] = '1';
            }
            assert_string_equal(got.text, wanted.text);
        }
    }
}

/* ---- The C functions ------------------------------------------------------------------------- */

static const strata_run run = STRATA_RUN_DEFAULT;
static const strata_when now = STRATA_NOW_INIT;

static bool stop_at_two(void *arg, const strata_trace_entry *entry, uint64_t depth) {
    unsigned *count = arg;
    (void)depth;
    assert_true(entry->version > 0);
    return ++*count < 2;
}

static void c_functions(void **state) {
    (void)state;
    static const uint8_t content[] = {0x81, 0xa1, 'a', 0x01};
    const strata_slice tags[] = {strata_text("x"), strata_text("y")};
    strata_trace trace = STRATA_TRACE_INIT;
    strata_trace_entry entry;
    strata_slice id;
    strata_tree tree = STRATA_TREE_INIT;
    uint64_t version = 0;
    unsigned visited = 0;
    char root[ST_ID_CHARS + 1] = "";
    trace.type = strata_text("note");
    assert_int_equal(strata_trace_record(db, run, &trace, NULL, NULL), STRATA_WRONG_TYPE);
    trace.content = strata_object(st_slice(content, sizeof content));
    assert_int_equal(strata_trace_record(db, run, &trace, &id, &version), STRATA_OK);
    assert_int_equal(id.len, ST_ID_CHARS);
    memcpy(root, id.data, ST_ID_CHARS);
    trace.parent = strata_text(root);
    trace.tags = tags;
    trace.tag_count = 2;
    trace.metadata = trace.content;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(strata_trace_record(db, run, &trace, NULL, NULL), STRATA_OK);
    }
    trace.id = strata_text("mine");
    assert_int_equal(strata_trace_record(db, run, &trace, &id, NULL), STRATA_OK);
    assert_int_equal(strata_trace_get(db, run, strata_text("mine"), now, &entry), STRATA_OK);
    test_bytes_equal(entry.parent, strata_text(root), "the parent");
    test_bytes_equal(entry.type, strata_text("note"), "the type");
    test_bytes_equal(entry.content.as.bytes, st_slice(content, sizeof content), "the content");
    test_bytes_equal(entry.metadata.as.bytes, st_slice(content, sizeof content), "the metadata");
    assert_int_equal(entry.tags.type, STRATA_ARRAY);
    assert_int_equal(entry.version, version + 4);
    assert_int_equal(strata_trace_get(db, run, strata_text(root), now, &entry), STRATA_OK);
    assert_int_equal(entry.tags.type, STRATA_NULL);
    assert_int_equal(entry.metadata.type, STRATA_NULL);
    assert_int_equal(strata_trace_scan(db, run, trace.parent, now, stop_at_two, &visited),
                     STRATA_OK);
    assert_int_equal(visited, 2);
    visited = 0;
    tree.root = trace.parent;
    assert_int_equal(strata_trace_tree(db, run, &tree, stop_at_two, &visited), STRATA_OK);
    assert_int_equal(visited, 2);
    tree.limit = 0;
    assert_int_equal(strata_trace_tree(db, run, &tree, stop_at_two, &visited),
                     STRATA_INVALID_ARGUMENT);
    trace.size--;
    assert_int_equal(strata_trace_record(db, run, &trace, NULL, NULL), STRATA_INVALID_ARGUMENT);
}

/* ---- Forged bytes ---------------------------------------------------------------------------- */

static void forge(st_key key, strata_slice value) {
    st_commit commit;
    st_stamp stamp;
    st_run *of;
    st_request *rq = st_handle_begin(db);
    assert_int_equal(st_run_of(rq, run, &of), STRATA_OK);
    assert_int_equal(st_run_begin(rq, of, &commit), STRATA_OK);
    rq->value.len = 0;
    assert_int_equal(st_buffer_append(&rq->value, value.data, value.len), STRATA_OK);
    assert_int_equal(st_run_put(rq, &commit, &key, NULL, &stamp), STRATA_OK);
    (void)st_handle_end(db, STRATA_OK);
}

static st_key child_key(const char *parent, const char *child) {
    const strata_slice texts[] = {strata_text(parent), strata_text(child)};
    st_key key;
    st_key_texts(&key, ST_TAG_TRACE_CHILD, texts, 2);
    return key;
}

static void forged_values(void **state) {
    (void)state;
    static const char *const values[] = {
        "",                                                         /* nothing */
        "02 82 a4 74 79 70 65 a1 74 a7 63 6f 6e 74 65 6e 74 80",    /* another form */
        "01",                                                       /* no fields */
        "01 81 a4 74 79 70 65 a1 74",                               /* no content */
        "01 82 a4 74 79 70 65 01 a7 63 6f 6e 74 65 6e 74 80",       /* a type that is no string */
        "01 82 a4 74 79 70 65 a1 74 a7 63 6f 6e 74 65 6e 74",       /* it ends early */
        "01 82 a4 74 79 70 65 a1 74 a7 63 6f 6e 74 65 6e 74 80 00", /* bytes after it */
        "01 90",                                                    /* no map */
        "01 81 01 02",                                              /* a name that is no string */
    };
    st_key key;
    st_key_text(&key, ST_TAG_TRACE, strata_text("f"));
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        forge(key, test_hex(values[i]));
        (void)ask(db, STRATA_CORRUPT, "trace.get", "{\"id\":\"f\"}");
        (void)ask(db, STRATA_CORRUPT, "trace.list", "{}");
        (void)ask(db, STRATA_CORRUPT, "trace.count", "{}");
        (void)ask(db, STRATA_CORRUPT, "trace.tree", "{\"id\":\"f\"}");
    }
    /* A name that is not known is one that a later writer added. */
    forge(key, test_hex("01 83 a4 74 79 70 65 a1 74 a1 7a 01 a7 63 6f 6e 74 65 6e 74 80"));
    (void)ask(db, STRATA_OK, "trace.get", "{\"id\":\"f\"}");
}

static void forged_trees(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "trace.record", "{\"id\":\"a\",\"type\":\"x\",\"content\":{}}");
    (void)ask(db, STRATA_OK, "trace.record",
              "{\"id\":\"b\",\"type\":\"x\",\"content\":{},\"parent\":\"a\"}");
    forge(child_key("b", "a"), st_slice("", 0)); /* a circle */
    const char *answer = ask(db, STRATA_OK, "trace.tree", "{\"id\":\"a\",\"limit\":1000}");
    assert_true(json_has(answer, "\"truncated\":true"));
    assert_true(json_has(answer, "\"depth\":999"));
    forge(child_key("b", "none"), st_slice("", 0)); /* a child that is not there */
    (void)ask(db, STRATA_CORRUPT, "trace.children", "{\"id\":\"b\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c_functions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forged_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forged_trees, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
