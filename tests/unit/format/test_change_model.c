/* test_change_model.c - random changes of random documents against a naive tree of pointers.
 *
 * What a set, a delete, an insertion makes of the document is what it makes of the tree, ids of elements
 * included; what is logged as a row of changes makes the same document when it is applied to the first
 * one; two changes whose regions do not meet can be applied in either order; differences are where they
 * are said to be; and no damage to a change makes anything but `corrupt` or another sound document.
 */
#include "document_support.h"

#include "format/document_compare.h"

enum { KIDS_MAX = 12 };

typedef struct tree {
    char type; /* i: an int, o, a */
    int64_t integer;
    uint32_t next_id;
    size_t count;
    char names[KIDS_MAX][4];
    uint32_t ids[KIDS_MAX];
    struct tree *kids[KIDS_MAX];
} tree;

/* ---- The tree -------------------------------------------------------------------------------- */

static void tree_free(tree *t) {
    for (size_t i = 0; i < t->count; i++) {
        tree_free(t->kids[i]);
    }
    free(t);
}

static void kid_insert(tree *t, size_t at, const char *name, tree *kid) {
    assert_true(t->count < KIDS_MAX);
    for (size_t i = t->count; i > at; i--) {
        t->kids[i] = t->kids[i - 1];
        t->ids[i] = t->ids[i - 1];
        memcpy(t->names[i], t->names[i - 1], sizeof t->names[i]);
    }
    t->kids[at] = kid;
    t->ids[at] = t->type == 'a' ? t->next_id++ : 0;
    (void)snprintf(t->names[at], sizeof t->names[at], "%s", name);
    t->count++;
}

static void kid_remove(tree *t, size_t at) {
    tree_free(t->kids[at]);
    t->count--;
    for (size_t i = at; i < t->count; i++) {
        t->kids[i] = t->kids[i + 1];
        t->ids[i] = t->ids[i + 1];
        memcpy(t->names[i], t->names[i + 1], sizeof t->names[i]);
    }
}

static void random_name(uint64_t *chance, char name[4]) {
    (void)snprintf(name, 4, "%c", "abcdefgh"[test_random_below(chance, 8)]);
}

static size_t kid_named(const tree *t, const char *name) {
    size_t i = 0;
    while (i < t->count && strcmp(t->names[i], name) != 0) {
        i++;
    }
    return i;
}

static tree *tree_random(uint64_t *chance, int depth) {
    tree *t = calloc(1, sizeof *t);
    const uint64_t kind = test_random_below(chance, depth <= 0 ? 1 : 4);
    t->type = kind < 2 ? 'i' : kind == 2 ? 'o' : 'a';
    t->integer = (int64_t)test_random_below(chance, 1000000);
    for (uint64_t n = t->type == 'i' ? 0 : test_random_below(chance, 5); n > 0; n--) {
        char name[4];
        random_name(chance, name);
        if (t->type == 'a' || kid_named(t, name) == t->count) {
            kid_insert(t, t->count, name, tree_random(chance, depth - 1));
        }
    }
    return t;
}

static void tree_text(const tree *t, strata_buffer *out) {
    char text[32];
    if (t->type == 'i') {
        const int len = snprintf(text, sizeof text, "%lld", (long long)t->integer);
        assert_int_equal(st_buffer_append(out, text, (size_t)len), STRATA_OK);
        return;
    }
    assert_int_equal(st_buffer_append(out, t->type == 'o' ? "{" : "[", 1), STRATA_OK);
    for (size_t i = 0; i < t->count; i++) {
        const int len =
            t->type == 'o' ? snprintf(text, sizeof text, "%s\"%s\":", i > 0 ? "," : "", t->names[i])
                           : snprintf(text, sizeof text, "%s", i > 0 ? "," : "");
        assert_int_equal(st_buffer_append(out, text, (size_t)len), STRATA_OK);
        tree_text(t->kids[i], out);
    }
    assert_int_equal(st_buffer_append(out, t->type == 'o' ? "}" : "]", 1), STRATA_OK);
}

/* The document of a tree that was just made: its ids are those of a new one. */
static strata_slice document_of(const tree *t) {
    strata_buffer text = test_buffer();
    tree_text(t, &text);
    assert_int_equal(st_buffer_append(&text, "", 1), STRATA_OK);
    const strata_slice document = test_document((const char *)text.data);
    strata_buffer_free(&text);
    return document;
}

static void check_same(const tree *t, const st_node *node) {
    st_node_iter it;
    if (t->type == 'i') {
        assert_int_equal(node->type, STRATA_INT);
        assert_int_equal(node->as.integer, t->integer);
        return;
    }
    assert_int_equal(node->type, t->type == 'o' ? STRATA_OBJECT : STRATA_ARRAY);
    assert_int_equal(node->as.count, t->count);
    st_node_iter_start(&it, node);
    for (size_t i = 0; i < t->count; i++) {
        assert_true(st_node_iter_next(&it));
        if (t->type == 'o') {
            test_bytes_equal(it.name, strata_text(t->names[i]), "name");
        } else {
            assert_int_equal(it.id, t->ids[i]);
        }
        check_same(t->kids[i], &it.node);
    }
    assert_false(st_node_iter_next(&it));
    assert_false(it.malformed);
    if (t->type == 'a') {
        assert_int_equal(node->next_id, t->next_id);
    }
}

/* ---- Random operations ----------------------------------------------------------------------- */

/* A place in the tree: the container and the kid; container NULL: the root. */
typedef struct spot {
    tree *container;
    size_t kid;
    char name[4];
    char path[128];
} spot;

/* fresh: the kid may be one that is not there yet. */
static void random_spot(tree *root, uint64_t *chance, bool fresh, spot *out) {
    tree *at = root;
    size_t len = 0;
    *out = (spot){.container = NULL};
    while (at->type != 'i' && (at == root || test_random_below(chance, 3) > 0)) {
        if (at->count == 0 && !fresh) {
            return;
        }
        const size_t kinds = at->count + fresh;
        out->container = at;
        out->kid = test_random_below(chance, kinds);
        if (at->type == 'o') {
            random_name(chance, out->name);
            if (out->kid < at->count) {
                memcpy(out->name, at->names[out->kid], sizeof out->name);
            }
            out->kid = kid_named(at, out->name);
            len += (size_t)snprintf(out->path + len, sizeof out->path - len, "/%s", out->name);
        } else {
            len += (size_t)snprintf(out->path + len, sizeof out->path - len, "/%zu", out->kid);
        }
        if (out->kid == at->count) {
            return;
        }
        at = at->kids[out->kid];
    }
}

/* What one step of the test does, to both: 0 set, 1 delete, 2 insert. */
typedef struct step {
    uint64_t kind;
    spot where;
    tree *value;
} step;

static bool random_step(tree *root, uint64_t *chance, step *out) {
    out->kind = test_random_below(chance, 3);
    random_spot(root, chance, out->kind != 1, &out->where);
    const tree *in = out->where.container;
    if (in == NULL || (out->kind == 2 && in->type != 'a') ||
        (in->count == KIDS_MAX && (out->kind == 2 || out->where.kid == in->count))) {
        return false;
    }
    out->value = out->kind == 1 ? NULL : tree_random(chance, 2);
    return true;
}

static void make_change(const step *s, strata_slice document, strata_buffer *changes) {
    strata_error error = {.code = STRATA_OK};
    strata_buffer operation = test_buffer();
    st_arena arena;
    bool existed = false;
    st_arena_init(&arena, test_allocator(), 0);
    const st_path path = test_path(s->where.path, &arena);
    if (s->kind == 0) {
        assert_int_equal(st_change_set(document, &path, document_of(s->value), changes, &error),
                         STRATA_OK);
    } else if (s->kind == 1) {
        assert_int_equal(st_change_delete(document, &path, changes, &existed, &error), STRATA_OK);
        assert_true(existed);
    } else {
        static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
        const char *parts[] = {"[{\"op\":\"add\",\"path\":\"", s->where.path, "\",\"value\":"};
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(st_buffer_append(&operation, parts[i], strlen(parts[i])), STRATA_OK);
        }
        tree_text(s->value, &operation);
        assert_int_equal(st_buffer_append(&operation, "}]", 3), STRATA_OK);
        assert_int_equal(st_changes_patch(document, test_document((const char *)operation.data),
                                          &limits, &arena, changes, &error),
                         STRATA_OK);
    }
    strata_buffer_free(&operation);
    st_arena_free(&arena);
}

static void do_step(const step *s) {
    tree *in = s->where.container;
    const size_t kid = s->where.kid;
    if (s->kind == 1) {
        kid_remove(in, kid);
    } else if (s->kind == 2 || kid == in->count) {
        kid_insert(in, kid, s->where.name, s->value);
    } else {
        tree_free(in->kids[kid]);
        in->kids[kid] = s->value;
    }
}

/* ---- Properties ------------------------------------------------------------------------------ */

static void same_as_the_tree(void **state) {
    (void)state;
    uint64_t chance = 8;
    size_t steps = 0;
    for (int round = 0; round < 150; round++) {
        tree *root = tree_random(&chance, 4);
        strata_buffer document = test_buffer();
        strata_buffer first = test_buffer();
        strata_buffer log = test_buffer();
        const strata_slice made = document_of(root);
        assert_int_equal(st_buffer_append(&document, made.data, made.len), STRATA_OK);
        assert_int_equal(st_buffer_append(&first, made.data, made.len), STRATA_OK);
        for (int i = 0; i < 60; i++) {
            step s;
            st_node node;
            if (!random_step(root, &chance, &s)) {
                continue;
            }
            const size_t start = log.len;
            make_change(&s, st_buffer_slice(&document), &log);
            const strata_slice change = st_slice(log.data + start, log.len - start);
            assert_int_equal(test_apply(&document, change), STRATA_OK);
            do_step(&s);
            steps++;
            assert_true(st_node_read(st_buffer_slice(&document), &node));
            check_same(root, &node);
        }
        assert_int_equal(test_apply(&first, st_buffer_slice(&log)), STRATA_OK);
        test_bytes_equal(st_buffer_slice(&first), st_buffer_slice(&document), "the log");
        strata_buffer_free(&document);
        strata_buffer_free(&first);
        strata_buffer_free(&log);
        tree_free(root);
    }
    assert_true(steps > 3000);
    assert_int_equal(test_memory_blocks(), 0);
}

static bool changes_meet(strata_slice a, strata_slice b) {
    strata_buffer a_scratch = test_buffer();
    strata_buffer b_scratch = test_buffer();
    st_region a_regions[ST_CHANGE_REGIONS_MAX];
    st_region b_regions[ST_CHANGE_REGIONS_MAX];
    size_t a_count;
    size_t b_count;
    st_change change;
    bool meet = false;
    st_cursor cursor = st_cursor_over(a);
    assert_true(st_change_next(&cursor, &change));
    assert_int_equal(st_change_regions(&change, &a_scratch, a_regions, &a_count), STRATA_OK);
    cursor = st_cursor_over(b);
    assert_true(st_change_next(&cursor, &change));
    assert_int_equal(st_change_regions(&change, &b_scratch, b_regions, &b_count), STRATA_OK);
    for (size_t i = 0; i < a_count; i++) {
        for (size_t j = 0; j < b_count; j++) {
            meet = meet || st_regions_meet(a_regions[i], b_regions[j]);
        }
    }
    strata_buffer_free(&a_scratch);
    strata_buffer_free(&b_scratch);
    return meet;
}

static void shuffle_ids(strata_buffer *document, tree *root, uint64_t *chance) {
    for (int i = 0; i < 20; i++) {
        strata_buffer changes = test_buffer();
        step s;
        if (random_step(root, chance, &s)) {
            make_change(&s, st_buffer_slice(document), &changes);
            assert_int_equal(test_apply(document, st_buffer_slice(&changes)), STRATA_OK);
            do_step(&s);
        }
        strata_buffer_free(&changes);
    }
}

static void apart_they_commute(void **state) {
    (void)state;
    uint64_t chance = 9;
    size_t apart = 0;
    size_t met = 0;
    for (int round = 0; round < 3000; round++) {
        tree *root = tree_random(&chance, 4);
        strata_buffer changes[2] = {test_buffer(), test_buffer()};
        strata_buffer orders[2] = {test_buffer(), test_buffer()};
        strata_buffer document = test_buffer();
        const strata_slice made = document_of(root);
        assert_int_equal(st_buffer_append(&document, made.data, made.len), STRATA_OK);
        shuffle_ids(&document, root, &chance);
        size_t count = 0;
        for (int i = 0; i < 2; i++) {
            step s;
            if (random_step(root, &chance, &s)) {
                make_change(&s, st_buffer_slice(&document), &changes[count++]);
                if (s.value != NULL) {
                    tree_free(s.value);
                }
            }
        }
        if (count == 2 &&
            !changes_meet(st_buffer_slice(&changes[0]), st_buffer_slice(&changes[1]))) {
            for (size_t order = 0; order < 2; order++) {
                assert_int_equal(st_buffer_append(&orders[order], document.data, document.len),
                                 STRATA_OK);
                for (size_t i = 0; i < 2; i++) {
                    assert_int_equal(
                        test_apply(&orders[order], st_buffer_slice(&changes[order ^ i])),
                        STRATA_OK);
                }
            }
            assert_true(
                test_document_equal(st_buffer_slice(&orders[0]), st_buffer_slice(&orders[1])));
            apart++;
        }
        met += count == 2;
        for (size_t i = 0; i < 2; i++) {
            strata_buffer_free(&changes[i]);
            strata_buffer_free(&orders[i]);
        }
        strata_buffer_free(&document);
        tree_free(root);
    }
    assert_true(apart > 300 && met - apart > 100);
    assert_int_equal(test_memory_blocks(), 0);
}

/* ---- Differences ----------------------------------------------------------------------------- */

typedef struct seen {
    strata_slice a;
    strata_slice b;
    size_t count;
} seen;

static strata_status check_difference(void *arg, const st_difference *difference) {
    seen *s = arg;
    char text[256];
    st_arena arena;
    st_node node;
    bool found;
    const bool removed = difference->kind == ST_DIFFERENCE_REMOVED;
    (void)snprintf(text, sizeof text, "%.*s", (int)difference->pointer.len,
                   (const char *)difference->pointer.data);
    st_arena_init(&arena, test_allocator(), 0);
    const st_path path = test_path(text, &arena);
    assert_int_equal(st_path_find(removed ? s->a : s->b, &path, &node, &found), STRATA_OK);
    assert_true(found);
    assert_ptr_equal(node.raw.data, removed ? difference->before.data : difference->after.data);
    assert_int_equal(difference->before.len == 0, difference->kind == ST_DIFFERENCE_ADDED);
    assert_int_equal(difference->after.len == 0, removed);
    if (difference->kind == ST_DIFFERENCE_CHANGED) {
        assert_false(test_document_equal(difference->before, difference->after));
    }
    st_arena_free(&arena);
    s->count++;
    return STRATA_OK;
}

static void differences_are_there(void **state) {
    (void)state;
    uint64_t chance = 10;
    size_t few = 0;
    for (int round = 0; round < 1500; round++) {
        tree *root = tree_random(&chance, 4);
        strata_buffer before = test_buffer();
        strata_buffer after = test_buffer();
        const strata_slice made = document_of(root);
        assert_int_equal(st_buffer_append(&before, made.data, made.len), STRATA_OK);
        shuffle_ids(&before, root, &chance);
        assert_int_equal(st_buffer_append(&after, before.data, before.len), STRATA_OK);
        const uint64_t steps = test_random_below(&chance, 4);
        size_t done = 0;
        for (uint64_t i = 0; i < steps; i++) {
            strata_buffer changes = test_buffer();
            step s;
            if (random_step(root, &chance, &s)) {
                make_change(&s, st_buffer_slice(&after), &changes);
                assert_int_equal(test_apply(&after, st_buffer_slice(&changes)), STRATA_OK);
                do_step(&s);
                done++;
            }
            strata_buffer_free(&changes);
        }
        if (round % 3 == 0) {
            /* Another document altogether, whose ids mean nothing to the first. */
            tree *other = tree_random(&chance, 4);
            const strata_slice others = document_of(other);
            after.len = 0;
            assert_int_equal(st_buffer_append(&after, others.data, others.len), STRATA_OK);
            tree_free(other);
        }
        seen s = {st_buffer_slice(&before), st_buffer_slice(&after), 0};
        st_arena scratch;
        st_arena_init(&scratch, test_allocator(), 0);
        assert_int_equal(st_document_diff(s.a, s.b, &scratch, check_difference, &s), STRATA_OK);
        assert_int_equal(s.count == 0, test_document_equal(s.a, s.b));
        few += round % 3 != 0 && done == 1 && s.count <= 1;
        st_arena_free(&scratch);
        strata_buffer_free(&before);
        strata_buffer_free(&after);
        tree_free(root);
    }
    assert_true(few > 50);
    assert_int_equal(test_memory_blocks(), 0);
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static void damaged_changes(void **state) {
    (void)state;
    uint64_t chance = 11;
    size_t applied = 0;
    for (int round = 0; round < 4000; round++) {
        tree *root = tree_random(&chance, 4);
        strata_buffer changes = test_buffer();
        strata_buffer document = test_buffer();
        const strata_slice made = document_of(root);
        step s;
        assert_int_equal(st_buffer_append(&document, made.data, made.len), STRATA_OK);
        shuffle_ids(&document, root, &chance);
        if (random_step(root, &chance, &s)) {
            make_change(&s, st_buffer_slice(&document), &changes);
            if (s.value != NULL) {
                tree_free(s.value);
            }
            for (uint64_t hits = 1 + test_random_below(&chance, 2); hits > 0; hits--) {
                changes.data[test_random_below(&chance, changes.len)] =
                    (uint8_t)test_random_below(&chance, 16);
            }
            const strata_status status = test_apply(&document, st_buffer_slice(&changes));
            assert_true(status == STRATA_OK || status == STRATA_CORRUPT);
            applied += status == STRATA_OK;
        }
        strata_buffer_free(&changes);
        strata_buffer_free(&document);
        tree_free(root);
    }
    assert_true(applied > 50);
    assert_int_equal(test_memory_blocks(), 0);
}

static void forged_changes(void **state) {
    (void)state;
    static const char *const cases[] = {
        "00",
        "0400",
        "01",
        "0100",
        "0200",
        "020161",
        "0202ff61",
        "01020261",
        "010202610a",
        "0103026101",
        "010402ff0300",   /* a name that is not UTF-8 */
        "0102037a00",     /* an element that is not there */
        "03020261000000", /* not an array */
        "030202620000"
        "0300", /* an id that was used */
        "03020262090500",
        "0302026200ffffffff0f00",
        "03020262",
        "0102026307000000",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer document = test_buffer();
        const strata_slice made = test_document("{\"a\":{},\"b\":[1,2]}");
        assert_int_equal(st_buffer_append(&document, made.data, made.len), STRATA_OK);
        if (test_apply(&document, test_hex(cases[i])) != STRATA_CORRUPT) {
            fail_msg("applied: %s", cases[i]);
        }
        assert_string_equal(test_document_text(st_buffer_slice(&document)),
                            "{\"a\":{},\"b\":[1,2]}");
        strata_buffer_free(&document);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_the_tree),      cmocka_unit_test(apart_they_commute),
        cmocka_unit_test(differences_are_there), cmocka_unit_test(damaged_changes),
        cmocka_unit_test(forged_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
