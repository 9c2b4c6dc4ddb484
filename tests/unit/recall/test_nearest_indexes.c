/* test_nearest_indexes.c - searches with filters through the operations, with secondary indexes on entries and without
 * them: what is found is what comparing with everything finds, now, in the past, in a transaction, in a fork and in the
 * other collection that has the same keys; and an index is what finds the few of many. */
#include "store_support.h"

#include "index/vector/vectors.h"

enum { DIMENSION = 20, MANY = 6000, BATCH = 200, RARE_EVERY = 600, ANSWER_KEYS_MAX = 64 };

/* Codes that are compared where an index finds what passes; without one more than 2500 are. */
enum { FEW_MAX = 1000 };

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_open(machine, STRATA_BUFFERED);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

static void print_embedding(const float *embedding, char *out, size_t size) {
    size_t at = 0;
    for (int i = 0; i < DIMENSION; i++) {
        at += (size_t)snprintf(out + at, size - at, "%c%.9g", i == 0 ? '[' : ',',
                               (double)embedding[i]);
    }
    (void)snprintf(out + at, size - at, "]");
}

/* Ten of a kind that is rare, the others of one of 100, each with two tags. */
static void put_many(const char *collection, const float *embeddings, unsigned kinds_from) {
    static char entries[BATCH * 512];
    for (unsigned first = 0; first < MANY; first += BATCH) {
        size_t at = 0;
        for (unsigned i = first; i < first + BATCH; i++) {
            char numbers[1024];
            const unsigned kind = i % RARE_EVERY == 7 ? 1000 : i % 100;
            print_embedding(embeddings + (size_t)i * DIMENSION, numbers, sizeof numbers);
            at += (size_t)snprintf(entries + at, sizeof entries - at,
                                   "%s{\"key\":\"k%u\",\"embedding\":%s,\"metadata\":{\"kind\":%u,"
                                   "\"tags\":[\"t%u\",\"t%u\"]}}",
                                   i == first ? "" : ",", i, numbers, kinds_from + kind, i % 150,
                                   i % 150 + 1);
        }
        (void)ask(db, STRATA_OK, "vector.upsert_many", "{\"collection\":\"%s\",\"entries\":[%s]}",
                  collection, entries);
    }
}

static size_t keys_of(const char *answer, unsigned *keys) {
    size_t count = 0;
    for (const char *at = answer; (at = strstr(at, "\"key\":\"k")) != NULL; count++) {
        at += 8;
        assert_true(count < ANSWER_KEYS_MAX);
        keys[count] = (unsigned)strtoul(at, NULL, 10);
    }
    return count;
}

/* Two searches with a filter, one of them exact: as many hits, no key twice, and nearly all the same. extra: more
 * arguments. Returns the codes that were compared. */
static long long compare_with_exact(const char *filter, const char *extra, const float *embedding,
                                    size_t *count) {
    char query[1024];
    unsigned exact[ANSWER_KEYS_MAX];
    unsigned fast[ANSWER_KEYS_MAX];
    size_t same = 0;
    print_embedding(embedding, query, sizeof query);
    *count = keys_of(ask(db, STRATA_OK, "vector.search",
                         "{\"collection\":\"c\",\"embedding\":%s,\"exact\":true,\"metadata\":false,"
                         "\"filter\":%s%s}",
                         query, filter, extra),
                     exact);
    const char *answer = ask(db, STRATA_OK, "vector.search",
                             "{\"collection\":\"c\",\"embedding\":%s,\"metadata\":false,"
                             "\"filter\":%s%s}",
                             query, filter, extra);
    assert_int_equal(keys_of(answer, fast), *count);
    for (size_t i = 0; i < *count; i++) {
        for (size_t j = 0; j < *count; j++) {
            assert_true(i == j || fast[i] != fast[j]);
            same += exact[i] == fast[j];
        }
    }
    assert_true(same * 10 >= *count * 9);
    return json_int(answer, "compared");
}

static const struct {
    const char *filter;
    size_t count;
    bool few; /* an index finds all that pass, and little else */
} filters[] = {
    {"{\"path\":\"/metadata/kind\",\"eq\":1000}", 10, true},
    {"{\"path\":\"/metadata/kind\",\"gt\":999}", 10, true},
    {"{\"path\":\"/metadata/kind\",\"in\":[1000,55,1000,2000]}", 10, true},
    {"{\"path\":\"/metadata/kind\",\"eq\":77}", 10, true},
    {"{\"path\":\"/metadata/kind\",\"eq\":3000}", 0, true},
    {"{\"and\":[{\"path\":\"/metadata/kind\",\"eq\":1000},{\"path\":\"/key\",\"eq\":\"k7\"}]}", 1,
     true},
    {"{\"path\":\"/metadata/tags\",\"contains\":\"t9\"}", 10, true},
    {"{\"not\":{\"path\":\"/metadata/kind\",\"lt\":1000}}", 10, false},
    {"{\"path\":\"/metadata/kind\",\"lt\":50}", 10, false},
    {"{\"or\":[{\"path\":\"/metadata/kind\",\"eq\":1000},{\"path\":\"/metadata/kind\",\"eq\":1}]}",
     10, false},
};

/* Those filters, or, so that none of them was asked before, as one of one. */
static void compare_all(const float *embeddings, const char *extra, bool anew) {
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        char filter[512];
        (void)snprintf(filter, sizeof filter, anew ? "{\"and\":[%s]}" : "%s", filters[i].filter);
        for (unsigned turn = 0; turn < 3; turn++) { /* new, again, and from where it is known */
            size_t count;
            const long long compared = compare_with_exact(
                filter, extra, embeddings + (size_t)(turn * 1234 + i) * DIMENSION, &count);
            assert_int_equal(count, filters[i].count);
            assert_true(!anew || !filters[i].few || compared < FEW_MAX);
        }
    }
}

static void put_one(const float *embedding, unsigned key, unsigned kind, const char *extra) {
    char numbers[1024];
    print_embedding(embedding, numbers, sizeof numbers);
    (void)ask(
        db, STRATA_OK, "vector.upsert",
        "{\"collection\":\"c\",\"key\":\"k%u\",\"embedding\":%s,\"metadata\":{\"kind\":%u}%s}", key,
        numbers, kind, extra);
}

static void few_of_many(void **state) {
    (void)state;
    static const char rare[] = "{\"path\":\"/metadata/kind\",\"eq\":1000}";
    float *embeddings = vectors_make(5, 2 * MANY, DIMENSION, 40);
    size_t count;
    char then[64];
    (void)ask(db, STRATA_OK, "vector.create", "{\"name\":\"c\",\"dimension\":%d}", DIMENSION);
    (void)ask(db, STRATA_OK, "vector.create", "{\"name\":\"cc\",\"dimension\":%d}", DIMENSION);
    put_many("c", embeddings, 0);
    put_many("cc", embeddings + (size_t)MANY * DIMENSION, 900);
    (void)compare_with_exact(rare, "", embeddings, &count);
    (void)ask(db, STRATA_OK, "db.compact", "{}"); /* one part */
    compare_all(embeddings, "", false);
    (void)ask(db, STRATA_OK, "index.create",
              "{\"name\":\"kind\",\"primitive\":\"vector\",\"path\":\"/metadata/kind\"}");
    (void)ask(db, STRATA_OK, "index.create",
              "{\"name\":\"tags\",\"primitive\":\"vector\",\"path\":\"/metadata/tags\"}");
    compare_all(embeddings, "", true);
    (void)snprintf(then, sizeof then, ",\"as_of\":%llu", (unsigned long long)db_version(db));
    (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"default\",\"name\":\"fork\"}");

    /* Of the ten one goes, one becomes another, and two come, one of them in a transaction. */
    (void)ask(db, STRATA_OK, "vector.delete", "{\"collection\":\"c\",\"key\":\"k7\"}");
    put_one(embeddings, 607, 5, "");
    put_one(embeddings, 1, 1000, "");
    const long long txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
    char in[64];
    (void)snprintf(in, sizeof in, ",\"txn\":%lld", txn);
    put_one(embeddings, 2, 1000, in);
    (void)compare_with_exact("{\"path\":\"/metadata/kind\",\"gte\":1000}", in, embeddings, &count);
    assert_int_equal(count, 10);
    (void)compare_with_exact(rare, ",\"k\":50", embeddings, &count);
    assert_int_equal(count, 9);
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
    (void)compare_with_exact(rare, ",\"k\":50", embeddings, &count);
    assert_int_equal(count, 10);
    compare_all(embeddings, then, false);
    compare_all(embeddings, ",\"run\":\"fork\"", false);
    db_verify(db);
    (void)ask(db, STRATA_OK, "vector.drop", "{\"name\":\"c\"}");
    db_verify(db);
    free(embeddings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(few_of_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
