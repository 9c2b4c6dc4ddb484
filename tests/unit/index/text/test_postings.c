/* Proves that a posting list gives back what was appended, however it is asked: walked to any
 * limit, sought for any document from any place, counted below any bound; with distances and counts
 * of every size, and with room that was reserved and not used. */
#include "index/text/postings.h"
#include "support.h"

enum { POSTINGS = 700 };

typedef struct example {
    st_arena arena;
    st_postings postings;
    uint32_t documents[POSTINGS];
    uint32_t counts[POSTINGS];
    size_t count;
} example;

static void fill(example *e, uint64_t seed, size_t count, uint32_t step) {
    uint32_t document = (uint32_t)test_random_below(&seed, 3);
    st_arena_init(&e->arena, test_allocator(), 0);
    st_postings_init(&e->postings);
    e->count = count;
    for (size_t i = 0; i < count; i++) {
        e->documents[i] = document;
        e->counts[i] = test_random_below(&seed, 8) == 0 ? 1 + (uint32_t)test_random(&seed) % 70000
                                                        : 1 + (uint32_t)test_random_below(&seed, 6);
        for (uint64_t tries = 1 + test_random_below(&seed, 2); tries > 0; tries--) {
            assert_int_equal(st_postings_reserve(&e->postings, &e->arena), STRATA_OK);
        }
        st_postings_append(&e->postings, document, e->counts[i], 10);
        document += 1 + (uint32_t)test_random_below(&seed, step);
    }
    /* Staged and never published: an empty chunk may hang at the end. */
    assert_int_equal(st_postings_reserve(&e->postings, &e->arena), STRATA_OK);
}

/* The index of the first posting at or after the document. */
static size_t first_from(const example *e, uint32_t document) {
    size_t at = 0;
    while (at < e->count && e->documents[at] < document) {
        at++;
    }
    return at;
}

static void assert_at(const example *e, const st_posting_cursor *cursor, size_t at,
                      uint32_t limit) {
    if (at < e->count && e->documents[at] < limit) {
        assert_int_equal(cursor->document, e->documents[at]);
        assert_int_equal(cursor->count, e->counts[at]);
    } else {
        assert_int_equal(cursor->document, limit);
    }
}

static void check_limit(const example *e, uint32_t limit) {
    st_posting_cursor cursor;
    size_t below = 0;
    st_posting_cursor_init(&cursor, &e->postings, limit);
    for (; cursor.document < limit; below++) {
        assert_at(e, &cursor, below, limit);
        st_posting_cursor_next(&cursor);
    }
    assert_int_equal(below, first_from(e, limit));
    assert_int_equal(st_postings_count_below(&e->postings, limit), below);
}

static void check_seeks(const example *e, uint64_t seed, uint32_t limit) {
    /* Every document from the start, and random hops. */
    for (size_t i = 0; i < e->count; i++) {
        for (uint32_t around = 0; around < 3; around++) {
            const uint32_t target = e->documents[i] + around;
            st_posting_cursor cursor;
            st_posting_cursor_init(&cursor, &e->postings, limit);
            st_posting_cursor_seek(&cursor, target);
            assert_at(e, &cursor, first_from(e, target), limit);
        }
    }
    for (int round = 0; round < 50; round++) {
        st_posting_cursor cursor;
        uint32_t target = 0;
        st_posting_cursor_init(&cursor, &e->postings, limit);
        while (cursor.document < limit) {
            if (test_random_below(&seed, 2) == 0) {
                target = cursor.document + 1;
                st_posting_cursor_next(&cursor);
            } else {
                target += (uint32_t)test_random_below(&seed, limit / 20 + 2);
                target = target > cursor.document ? target : cursor.document;
                st_posting_cursor_seek(&cursor, target);
            }
            assert_at(e, &cursor, first_from(e, target), limit);
        }
    }
}

static void test_lists(void **state) {
    (void)state;
    static const struct {
        size_t count;
        uint32_t step;
    } cases[] = {{0, 1},        {1, 1},        {2, 1},          {3, 1000000},
                 {POSTINGS, 1}, {POSTINGS, 3}, {POSTINGS, 300}, {200, 20000000}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        example e;
        fill(&e, c + 1, cases[c].count, cases[c].step);
        const uint32_t last = e.count == 0 ? 0 : e.documents[e.count - 1];
        check_limit(&e, 0);
        check_limit(&e, UINT32_MAX);
        for (size_t i = 0; i < e.count; i++) {
            check_limit(&e, e.documents[i]);
            check_limit(&e, e.documents[i] + 1);
        }
        check_seeks(&e, c, last + 1);
        check_seeks(&e, c, last / 2 + 1);
        check_seeks(&e, c, UINT32_MAX);
        st_arena_free(&e.arena);
        assert_int_equal(test_memory_blocks(), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
