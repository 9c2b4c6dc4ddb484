/* test_nearest_paged.c - searches by several threads in a collection that is larger than the memory that the database
 * may take, while one writes: pages of its index go under them, and every answer is right. For the
 * thread sanitizer. What memory is within is proved where no merge goes on beside it: index/vector/test_paged.c. */
#include <pthread.h>

#include "../hosts/native/scratch.h"
#include "../store_support.h"

enum {
    DIMENSION = 64,
    ENTRIES = 6000,
    BATCH = 100,
    SEARCHERS = 3,
    SEARCHES = 150,
    MEMORY_BYTES = 1 << 20,
    PAGED_MAX = MEMORY_BYTES / 2,
    ENTRY_BYTES = DIMENSION + 16 + 128 + 24, /* code, links, what stays */
};

typedef struct searcher {
    pthread_t thread;
    strata_db *db;
    uint64_t chance;
    uint64_t right;
} searcher;

/* The embedding of an entry, from its number. */
static void fill(unsigned number, float *embedding) {
    uint64_t chance = number * 2654435761u + 1;
    for (int i = 0; i < DIMENSION; i++) {
        embedding[i] = (float)test_random_below(&chance, 1000) / 1000 - 0.5F;
    }
}

static void upsert(strata_db *db, unsigned first) {
    strata_vector vectors[BATCH];
    float embeddings[BATCH][DIMENSION];
    char keys[BATCH][16];
    for (unsigned i = 0; i < BATCH; i++) {
        const strata_vector empty = STRATA_VECTOR_INIT;
        fill(first + i, embeddings[i]);
        vectors[i] = empty;
        vectors[i].key.data = keys[i];
        vectors[i].key.len = (size_t)snprintf(keys[i], sizeof keys[i], "k%u", first + i);
        vectors[i].embedding = embeddings[i];
        vectors[i].dimension = DIMENSION;
    }
    assert_int_equal(
        strata_vector_upsert(db, STRATA_RUN_DEFAULT, strata_text("c"), vectors, BATCH, NULL),
        STRATA_OK);
}

/* Each embedding is the nearest to itself. */
static bool search_one(strata_db *db, unsigned number) {
    float embedding[DIMENSION];
    char key[16];
    strata_vector_query query = STRATA_VECTOR_QUERY_INIT;
    const strata_vector_entry *hits;
    size_t count;
    fill(number, embedding);
    query.collection = strata_text("c");
    query.embedding = embedding;
    query.dimension = DIMENSION;
    const size_t len = (size_t)snprintf(key, sizeof key, "k%u", number);
    return strata_vector_search(db, STRATA_RUN_DEFAULT, &query, &hits, &count) == STRATA_OK &&
           count == 10 && hits[0].key.len == len && memcmp(hits[0].key.data, key, len) == 0;
}

static void *search_many(void *arg) {
    searcher *s = arg;
    for (int i = 0; i < SEARCHES; i++) {
        s->right += search_one(s->db, (unsigned)test_random_below(&s->chance, ENTRIES));
    }
    return NULL;
}

static int64_t vector_bytes(strata_db *db) {
    return json_int(ask(db, STRATA_OK, "db.stats", "{}"), "vector_bytes");
}

static void make_collection(strata_db *db) {
    strata_collection collection = STRATA_COLLECTION_INIT;
    collection.name = strata_text("c");
    collection.dimension = DIMENSION;
    assert_int_equal(strata_vector_create(db, STRATA_RUN_DEFAULT, &collection, NULL), STRATA_OK);
    for (unsigned i = 0; i < ENTRIES; i += BATCH) {
        upsert(db, i);
    }
    assert_true(search_one(db, 1));
    assert_int_equal(strata_compact(db, STRATA_COMPACT_FULL, NULL), STRATA_OK);
}

static void pages_go_under_searches(void **state) {
    (void)state;
    strata_options options = STRATA_OPTIONS_INIT;
    searcher searchers[SEARCHERS];
    strata_db *db;
    options.memory_bytes = MEMORY_BYTES;
    assert_true(scratch_make());
    assert_int_equal(strata_open(scratch_path("db"), &options, &db), STRATA_OK);
    make_collection(db);
    /* It was all in memory while it was made. */
    const int64_t stays = vector_bytes(db);
    assert_in_range(stays, 1, PAGED_MAX);
    for (size_t i = 0; i < SEARCHERS; i++) {
        searchers[i] = (searcher){.chance = i + 1};
        assert_int_equal(strata_attach(db, &searchers[i].db), STRATA_OK);
        assert_int_equal(pthread_create(&searchers[i].thread, NULL, search_many, &searchers[i]), 0);
    }
    for (unsigned i = 0; i < 10; i++) {
        upsert(db, i % 2 == 0 ? ENTRIES + i * BATCH : 0); /* some are new, others replace */
    }
    for (size_t i = 0; i < SEARCHERS; i++) {
        assert_int_equal(pthread_join(searchers[i].thread, NULL), 0);
        assert_true(searchers[i].right >= SEARCHES * 95 / 100);
        assert_int_equal(strata_close(searchers[i].db), STRATA_OK);
    }
    const int64_t bytes = vector_bytes(db);
    assert_true(bytes > stays);
    assert_int_equal(strata_close(db), STRATA_OK);
    /* Opened again it is paged from the beginning. */
    assert_int_equal(strata_open(scratch_path("db"), &options, &db), STRATA_OK);
    for (unsigned i = 0; i < 50; i++) {
        assert_true(search_one(db, i * 100));
    }
    assert_in_range(vector_bytes(db), 1, ENTRIES * ENTRY_BYTES);
    assert_int_equal(strata_close(db), STRATA_OK);
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages_go_under_searches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
