/* Proves that a head finds, at every version, exactly what an exhaustive search of the documents
 * alive then finds: keys, order and scores to the last bit, however the head was filled and
 * whatever came later; that its invariants hold on the way; that a failed allocation at any point
 * leaves it as it was; and that staging shows nothing. */
#include "oracle.h"

static void assert_check(const st_text_head *head) {
    strata_error error;
    error.message[0] = '\0';
    if (st_text_head_check(head, &error) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
}

static uint64_t random_words(uint64_t *state) {
    const uint32_t count =
        (uint32_t)test_random_below(state, 8) == 0 ? 20 : 1 + (uint32_t)test_random_below(state, 4);
    uint64_t words = 0;
    for (uint32_t i = 0; i < count; i++) {
        words |= (uint64_t)1 << (uint32_t)test_random_below(state, ORACLE_WORDS);
    }
    return words;
}

/* Asks `count` random questions of the versions up to `last`. */
static void compare(const oracle *o, const st_text_head *head, uint64_t seed, int count,
                    uint64_t last, st_arena *arena) {
    static const size_t ks[] = {1, 2, 3, 10, 50, 100000};
    uint64_t state = seed * 2 + 1;
    for (int i = 0; i < count; i++) {
        const uint64_t words = random_words(&state);
        const uint64_t snapshot =
            i % 3 == 0 ? last : (uint32_t)test_random_below(&state, (uint32_t)last + 3);
        const size_t k = ks[(uint32_t)test_random_below(&state, sizeof ks / sizeof ks[0])];
        const char *differs =
            oracle_differs(o, head, words, snapshot < last ? snapshot : last, k, arena);
        if (differs != NULL) {
            fail_msg("%s: seed %llu, question %d, snapshot %llu of %llu, k %zu", differs,
                     (unsigned long long)seed, i, (unsigned long long)snapshot,
                     (unsigned long long)last, k);
        }
    }
}

/* ---- Against the oracle ---------------------------------------------------------------------- */

static void test_random_changes(void **state) {
    (void)state;
    static const struct {
        uint64_t seed;
        size_t changes;
        uint32_t keys; /* few: mostly replacing */
    } cases[] = {{1, 60, 5}, {2, 300, 20}, {3, 300, 300}, {4, 1500, 97}, {5, 1500, 1000000}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        oracle o = oracle_random(cases[c].seed, cases[c].changes, cases[c].keys);
        st_text_head *head;
        st_arena arena;
        st_arena_init(&arena, test_allocator(), 0);
        assert_int_equal(st_text_head_create(test_host(), &head), STRATA_OK);
        for (size_t i = 0; i < o.change_count; i++) {
            assert_int_equal(oracle_apply(&o, i, head), STRATA_OK);
            if (i % 97 == 0) {
                assert_check(head);
            }
        }
        assert_check(head);
        compare(&o, head, cases[c].seed, 150, o.changes[o.change_count - 1].version, &arena);
        st_text_head_destroy(head);
        st_arena_free(&arena);
        assert_int_equal(test_memory_blocks(), 0);
        oracle_free(&o);
    }
}

/* Several windows of documents and lists of several chunks, so that skipping happens; the answers
 * at the old versions are asked while later changes come. */
static void test_many_documents(void **state) {
    (void)state;
    oracle o = oracle_random(6, 9000, 1000000);
    st_text_head *head;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    assert_int_equal(st_text_head_create(test_host(), &head), STRATA_OK);
    for (size_t i = 0; i < o.change_count; i++) {
        assert_int_equal(oracle_apply(&o, i, head), STRATA_OK);
        if (i % 3000 == 2999) {
            const bool whole =
                i + 1 == o.change_count || o.changes[i + 1].version > o.changes[i].version;
            compare(&o, head, i, 40, o.changes[i].version - (whole ? 0 : 1), &arena);
        }
    }
    assert_check(head);
    compare(&o, head, 7, 60, o.changes[o.change_count - 1].version, &arena);
    st_text_head_destroy(head);
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
    oracle_free(&o);
}

/* Skipping must really skip, or the test above proves less than it says. */
static void test_skips(void **state) {
    (void)state;
    st_text_head *head;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    assert_int_equal(st_text_head_create(test_host(), &head), STRATA_OK);
    for (uint32_t i = 0; i < 20000; i++) {
        char key[16];
        const int len = snprintf(key, sizeof key, "%05u", i);
        const char *text = i < 10 ? "rare1 common1" : i < 5000 ? "common1" : "common1 filler1";
        assert_int_equal(
            st_text_head_add(head, st_slice(key, (size_t)len), i + 1, strata_text(text)),
            STRATA_OK);
    }
    const strata_slice terms[] = {strata_text("common1"), strata_text("rare1")};
    const st_text_query query = {terms, 2};
    st_text_result result;
    assert_int_equal(st_text_head_search(head, &query, 20000, 10, &arena, &result), STRATA_OK);
    assert_int_equal(result.count, 10);
    assert_int_equal(result.documents, 20000);
    for (size_t i = 0; i < 10; i++) { /* ties: in the order of keys */
        assert_true(st_slice_equal(result.hits[i].key,
                                   st_slice((char[]){'0', '0', '0', '0', (char)('0' + i)}, 5)));
    }
    assert_true(result.candidates < 2100); /* the first window and no other */
    st_text_head_destroy(head);
    st_arena_free(&arena);
}

/* A head filled with the same changes in one go, or only with what is still alive at the end, gives
 * the same scores: this is what a reopen does. */
static void test_same_after_rebuild(void **state) {
    (void)state;
    oracle o = oracle_random(8, 1200, 97);
    const uint64_t last = o.changes[o.change_count - 1].version;
    st_text_head *head;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    assert_int_equal(st_text_head_create(test_host(), &head), STRATA_OK);
    for (size_t i = 0; i < o.document_count; i++) {
        const oracle_document *document = &o.documents[i];
        char text[ORACLE_TEXT_MAX];
        if (document->ended == UINT64_MAX) {
            assert_int_equal(st_text_head_add(head, oracle_key(document->key), document->added,
                                              st_slice(text, oracle_text(document, text))),
                             STRATA_OK);
        }
    }
    uint64_t seed = 9;
    for (int i = 0; i < 100; i++) {
        assert_null(oracle_differs(&o, head, random_words(&seed), last, 10, &arena));
    }
    st_text_head_destroy(head);
    st_arena_free(&arena);
    oracle_free(&o);
}

/* ---- Edges ----------------------------------------------------------------------------------- */

static void test_empty_head_and_missing_words(void **state) {
    (void)state;
    st_text_head *head;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    assert_int_equal(st_text_head_create(test_host(), &head), STRATA_OK);
    const strata_slice terms[] = {strata_text("word1")};
    const st_text_query query = {terms, 1};
    st_text_result result;
    assert_int_equal(st_text_head_search(head, &query, 5, 10, &arena, &result), STRATA_OK);
    assert_int_equal(result.count, 0);
    assert_int_equal(result.documents, 0);
    assert_false(st_text_head_remove(head, strata_text("k"), 1));
    assert_check(head);

    /* A document without words counts as a document and is found by nothing. */
    assert_int_equal(st_text_head_add(head, strata_text("k"), 2, strata_text(" ... ")), STRATA_OK);
    assert_int_equal(st_text_head_search(head, &query, 5, 10, &arena, &result), STRATA_OK);
    assert_int_equal(result.count, 0);
    assert_int_equal(result.documents, 1);
    assert_true(st_text_head_remove(head, strata_text("k"), 3));
    assert_false(st_text_head_remove(head, strata_text("k"), 3));
    assert_int_equal(st_text_head_documents(head, 1), 0);
    assert_int_equal(st_text_head_documents(head, 2), 1);
    assert_int_equal(st_text_head_documents(head, 3), 0);
    assert_check(head);

    /* The highest version there is asks for the newest state. */
    assert_int_equal(st_text_head_add(head, strata_text("k"), 3, strata_text("word1")), STRATA_OK);
    assert_int_equal(st_text_head_search(head, &query, UINT64_MAX, 10, &arena, &result), STRATA_OK);
    assert_int_equal(result.count, 1);
    assert_int_equal(st_text_head_documents(head, UINT64_MAX), 1);

    /* Added and replaced at one version: only the last is ever seen. */
    assert_int_equal(st_text_head_add(head, strata_text("k"), 4, strata_text("word1")), STRATA_OK);
    assert_int_equal(st_text_head_add(head, strata_text("k"), 4, strata_text("word2")), STRATA_OK);
    assert_int_equal(st_text_head_search(head, &query, 4, 10, &arena, &result), STRATA_OK);
    assert_int_equal(result.count, 0);
    assert_int_equal(result.documents, 1);
    assert_check(head);
    st_text_head_destroy(head);
    st_text_head_destroy(NULL);
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
}

static void test_staging_shows_nothing(void **state) {
    (void)state;
    st_text_head *head;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    assert_int_equal(st_text_head_create(test_host(), &head), STRATA_OK);
    const strata_slice terms[] = {strata_text("one"), strata_text("two")};
    const st_text_query query = {terms, 2};
    st_text_result result;
    assert_int_equal(st_text_head_add(head, strata_text("a"), 1, strata_text("one one")),
                     STRATA_OK);
    assert_int_equal(st_text_head_stage(head, strata_text("b"), strata_text("one two")), STRATA_OK);
    assert_check(head);
    assert_int_equal(st_text_head_search(head, &query, 9, 10, &arena, &result), STRATA_OK);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.documents, 1);
    /* Another one takes its place. */
    assert_int_equal(st_text_head_stage(head, strata_text("c"), strata_text("two")), STRATA_OK);
    st_text_head_publish(head, 2);
    assert_check(head);
    assert_int_equal(st_text_head_search(head, &query, 9, 10, &arena, &result), STRATA_OK);
    assert_int_equal(result.count, 2);
    assert_true(st_slice_equal(result.hits[0].key, strata_text("a")));
    assert_true(st_slice_equal(result.hits[1].key, strata_text("c")));
    assert_int_equal(st_text_head_documents(head, 2), 2);
    st_text_head_destroy(head);
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
}

static void test_memory_is_in_proportion(void **state) {
    (void)state;
    st_text_head *head;
    assert_int_equal(st_text_head_create(test_host(), &head), STRATA_OK);
    assert_true(test_memory_bytes() < 4096);
    assert_int_equal(st_text_head_bytes(head), test_memory_bytes());
    assert_int_equal(st_text_head_add(head, strata_text("a"), 1, strata_text("one word")),
                     STRATA_OK);
    assert_true(test_memory_bytes() < 16384);
    char *text = malloc(1000000);
    for (size_t i = 0; i < 1000000; i++) {
        text[i] = i % 8 == 7 ? ' ' : (char)('a' + i * i / 64 % 26);
    }
    assert_int_equal(st_text_head_add(head, strata_text("b"), 2, st_slice(text, 1000000)),
                     STRATA_OK);
    free(text);
    assert_int_equal(st_text_head_bytes(head), test_memory_bytes());
    assert_check(head);
    st_text_head_destroy(head);
    assert_int_equal(test_memory_blocks(), 0);
}

/* ---- Failing allocations --------------------------------------------------------------------- */

/* Fills a head; the n-th allocation and all after it fail until a call says so, and that call is
 * repeated. Returns false when there were fewer than n. */
static bool fill_with_failure(const oracle *o, size_t n) {
    st_text_head *head = NULL;
    bool failed = false;
    test_memory_fail_at(n);
    if (st_text_head_create(test_host(), &head) != STRATA_OK) {
        test_memory_fail_at(0);
        assert_null(head);
        assert_int_equal(test_memory_blocks(), 0);
        return true;
    }
    for (size_t i = 0; i < o->change_count; i++) {
        if (oracle_apply(o, i, head) == STRATA_OK) {
            continue;
        }
        assert_true(test_memory_failed());
        failed = true;
        test_memory_fail_at(0);
        assert_check(head);
        const uint64_t before = i == 0 ? 0 : o->changes[i - 1].version;
        assert_true(st_text_head_documents(head, UINT64_MAX - 1) ==
                    st_text_head_documents(head, before));
        assert_int_equal(oracle_apply(o, i, head), STRATA_OK);
    }
    failed = failed || test_memory_failed();
    test_memory_fail_at(0);
    assert_check(head);
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    compare(o, head, n, 5, o->changes[o->change_count - 1].version, &arena);
    st_text_head_destroy(head);
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
    return failed;
}

static void test_allocation_fails(void **state) {
    (void)state;
    oracle o = oracle_random(10, 1500, 1000);
    size_t n = 1;
    while (fill_with_failure(&o, n)) {
        n++;
    }
    assert_true(n > 20);
    oracle_free(&o);
}

static void test_search_without_memory(void **state) {
    (void)state;
    oracle o = oracle_random(11, 300, 300);
    st_text_head *head;
    assert_int_equal(st_text_head_create(test_host(), &head), STRATA_OK);
    for (size_t i = 0; i < o.change_count; i++) {
        assert_int_equal(oracle_apply(&o, i, head), STRATA_OK);
    }
    const strata_slice terms[] = {strata_text("t0"), strata_text("t1")};
    const st_text_query query = {terms, 2};
    strata_status status;
    size_t n = 1;
    do {
        st_arena arena;
        st_text_result result = {NULL, 77, 0, 0};
        st_arena_init(&arena, test_allocator(), 0);
        test_memory_fail_at(n++);
        status = st_text_head_search(head, &query, 1000, 1000, &arena, &result);
        test_memory_fail_at(0);
        st_arena_free(&arena);
        assert_true(status == STRATA_OK || (status == STRATA_NO_MEMORY && result.count == 77));
    } while (status != STRATA_OK);
    assert_true(n > 2);
    st_text_head_destroy(head);
    assert_int_equal(test_memory_blocks(), 0);
    oracle_free(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_many_documents),
        cmocka_unit_test(test_skips),
        cmocka_unit_test(test_same_after_rebuild),
        cmocka_unit_test(test_empty_head_and_missing_words),
        cmocka_unit_test(test_staging_shows_nothing),
        cmocka_unit_test(test_memory_is_in_proportion),
        cmocka_unit_test(test_allocation_fails),
        cmocka_unit_test(test_search_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
