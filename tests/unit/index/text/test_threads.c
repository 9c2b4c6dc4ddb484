/* Proves that readers need no lock: one writer makes a fixed sequence of changes while three
 * readers search at snapshots of their choice, of what is published, and compare each answer with
 * the exhaustive oracle at that snapshot, to the last bit. Which snapshots they get depends on the
 * scheduler; the answer for each does not. */
#include <pthread.h>
#include <stdatomic.h>

#include "oracle.h"

enum { READERS = 3, CHANGES = 4000, SEARCHES_MIN = 60 };

typedef struct shared {
    const oracle *o;
    st_text_head *head;
    _Atomic uint64_t visible; /* every change up to this version is in the head */
    _Atomic bool finished;
    _Atomic(const char *) wrong;
} shared;

static void *plain_resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(old);
        return NULL;
    }
    return realloc(old, new_size);
}

/* The host of support.h counts without atomics. */
static const strata_host plain_host = {.size = sizeof plain_host, .memory = {NULL, plain_resize}};

typedef struct reader {
    shared *with;
    uint64_t seed;
} reader;

static void *read_and_compare(void *arg) {
    const reader *self = arg;
    shared *with = self->with;
    uint64_t seed = self->seed;
    st_arena arena;
    st_arena_init(&arena, &plain_host.memory, 0);
    bool last_round = false;
    for (int i = 0; i < SEARCHES_MIN || !last_round; i++) {
        last_round = atomic_load(&with->finished);
        const uint64_t visible = atomic_load(&with->visible);
        const uint64_t back = test_random_below(&seed, 4) == 0
                                  ? test_random_below(&seed, visible + 1)
                                  : test_random_below(&seed, 3);
        const uint64_t snapshot = back < visible ? visible - back : 0;
        uint64_t words = 0;
        for (int word = 0; word < 3; word++) {
            words |= (uint64_t)1 << test_random_below(&seed, ORACLE_WORDS);
        }
        const char *differs = oracle_differs(with->o, with->head, words, snapshot,
                                             1 + test_random_below(&seed, 20), &arena);
        if (differs != NULL) {
            atomic_store(&with->wrong, differs);
            break;
        }
    }
    st_arena_free(&arena);
    return NULL;
}

static void write_all(shared *with) {
    const oracle *o = with->o;
    for (size_t i = 0; i < o->change_count; i++) {
        if (oracle_apply(o, i, with->head) != STRATA_OK) {
            atomic_store(&with->wrong, "a change failed");
            break;
        }
        if (i + 1 == o->change_count || o->changes[i + 1].version > o->changes[i].version) {
            atomic_store(&with->visible, o->changes[i].version);
        }
    }
    atomic_store(&with->finished, true);
}

static void run(uint64_t seed, uint32_t keys) {
    oracle o = oracle_random(seed, CHANGES, keys);
    shared with;
    memset(&with, 0, sizeof with);
    with.o = &o;
    assert_int_equal(st_text_head_create(&plain_host, &with.head), STRATA_OK);
    pthread_t threads[READERS];
    reader readers[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = (reader){&with, seed * READERS + (uint64_t)i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_compare, &readers[i]), 0);
    }
    write_all(&with);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    const char *wrong = atomic_load(&with.wrong);
    if (wrong != NULL) {
        fail_msg("%s: seed %llu", wrong, (unsigned long long)seed);
    }
    strata_error error;
    assert_int_equal(st_text_head_check(with.head, &error), STRATA_OK);
    st_text_head_destroy(with.head);
    oracle_free(&o);
}

static void test_adding(void **state) {
    (void)state;
    run(20, 1000000);
}

static void test_replacing(void **state) {
    (void)state;
    run(21, 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adding),
        cmocka_unit_test(test_replacing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
