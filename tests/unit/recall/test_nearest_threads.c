/* test_nearest_threads.c - searches by several threads while one writes, collections are dropped and made again, and
 * parts are merged in the background: every answer has the entry that is always there first, and closing does not wait
 * for merges. For the thread sanitizer. */
#include <pthread.h>

#include "support.h"

enum { DIMENSION = 24, ENTRIES = 6000, SEARCHERS = 2, BATCH = 50 };

typedef struct searcher {
    pthread_t thread;
    strata_db *db;
    _Atomic bool *over;
    uint64_t answers;
} searcher;

static void fill(uint64_t *chance, float *embedding) {
    for (int i = 0; i < DIMENSION; i++) {
        embedding[i] = (float)test_random_below(chance, 1000) / 1000 - 0.5F;
    }
}

static void upsert(strata_db *db, const char *prefix, unsigned first, unsigned count,
                   uint64_t *chance) {
    strata_vector vectors[BATCH];
    float embeddings[BATCH][DIMENSION];
    char keys[BATCH][16];
    for (unsigned i = 0; i < count; i++) {
        const strata_vector empty = STRATA_VECTOR_INIT;
        fill(chance, embeddings[i]);
        vectors[i] = empty;
        vectors[i].key.data = keys[i];
        vectors[i].key.len = (size_t)snprintf(keys[i], sizeof keys[i], "%s%u", prefix, first + i);
        vectors[i].embedding = embeddings[i];
        vectors[i].dimension = DIMENSION;
    }
    assert_int_equal(
        strata_vector_upsert(db, STRATA_RUN_DEFAULT, strata_text("c"), vectors, count, NULL),
        STRATA_OK);
}

static void *search_on(void *arg) {
    searcher *s = arg;
    uint64_t chance = 1; /* so that the first entry is asked for */
    float embedding[DIMENSION];
    strata_vector_query query = STRATA_VECTOR_QUERY_INIT;
    fill(&chance, embedding);
    query.collection = strata_text("c");
    query.embedding = embedding;
    query.dimension = DIMENSION;
    while (!atomic_load(s->over)) {
        const strata_vector_entry *hits;
        size_t count;
        const strata_status status =
            strata_vector_search(s->db, STRATA_RUN_DEFAULT, &query, &hits, &count);
        if (status == STRATA_OK && count > 0 && memcmp(hits[0].key.data, "first0", 6) == 0) {
            s->answers++;
        } else if (status != STRATA_OK || count > 0) {
            break; /* told by the number of answers below */
        }
    }
    return NULL;
}

static void make_collection(strata_db *db) {
    strata_collection collection = STRATA_COLLECTION_INIT;
    collection.name = strata_text("c");
    collection.dimension = DIMENSION;
    assert_int_equal(strata_vector_create(db, STRATA_RUN_DEFAULT, &collection, NULL), STRATA_OK);
}

static void searches_beside_a_writer(void **state) {
    (void)state;
    const strata_options options = STRATA_OPTIONS_INIT;
    _Atomic bool over = false;
    searcher searchers[SEARCHERS];
    uint64_t chance = 1;
    strata_db *db;
    assert_int_equal(strata_open(":memory:", &options, &db), STRATA_OK);
    make_collection(db);
    upsert(db, "first", 0, 1, &chance);
    for (size_t i = 0; i < SEARCHERS; i++) {
        searchers[i] = (searcher){.over = &over};
        assert_int_equal(strata_attach(db, &searchers[i].db), STRATA_OK);
        assert_int_equal(pthread_create(&searchers[i].thread, NULL, search_on, &searchers[i]), 0);
    }
    for (unsigned i = 0; i < ENTRIES; i += BATCH) {
        upsert(db, "k", i % (ENTRIES / 2), BATCH, &chance);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < SEARCHERS; i++) {
        assert_int_equal(pthread_join(searchers[i].thread, NULL), 0);
        assert_true(searchers[i].answers > 0);
        assert_int_equal(strata_close(searchers[i].db), STRATA_OK);
    }
    bool existed;
    assert_int_equal(strata_vector_drop(db, STRATA_RUN_DEFAULT, strata_text("c"), &existed),
                     STRATA_OK);
    assert_true(existed);
    make_collection(db);
    assert_int_equal(strata_close(db), STRATA_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(searches_beside_a_writer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
