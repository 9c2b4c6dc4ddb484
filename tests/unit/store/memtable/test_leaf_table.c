/* test_leaf_table.c - the hash table of leaves: every leaf that was added is found, at every size and
 * under every collision, nothing else is, and readers beside the writer find what was published
 * before they began.
 */
#include "support.h"

#include <pthread.h>

#include "format/key.h"
#include "store/memtable/leaf_table.h"

enum { KEYS = 20000 };

typedef struct fixture {
    st_arena arena;
    st_art art;
    st_leaf_table table;
} fixture;

static void begin(fixture *f) {
    st_arena_init(&f->arena, test_allocator(), 0);
    st_art_init(&f->art, &f->arena);
    st_leaf_table_init(&f->table, &f->arena);
    f->table.seed = 42; /* the same lines in every run */
}

static st_key key_of(uint64_t number) {
    st_key key;
    st_key_number(&key, ST_TAG_EVENT, number);
    return key;
}

static st_leaf *make(fixture *f, uint64_t number) {
    const st_key key = key_of(number);
    void *tail;
    assert_int_equal(st_leaf_table_reserve(&f->table), STRATA_OK);
    st_leaf *leaf = st_art_insert(&f->art, st_key_slice(&key), 8, &tail);
    assert_non_null(leaf);
    st_leaf_table_add(&f->table, leaf);
    return leaf;
}

static st_leaf *find(const fixture *f, uint64_t number) {
    const st_key key = key_of(number);
    return st_leaf_table_find(&f->table, st_key_slice(&key));
}

/* After every insert up to the first growths, and now and then later, all are found and no other. */
static void test_finds_all_and_no_other(void **state) {
    (void)state;
    static st_leaf *leaves[KEYS];
    fixture f;
    begin(&f);
    assert_null(find(&f, 0));
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_null(find(&f, i));
        leaves[i] = make(&f, i);
        const uint64_t step = i < 300 ? 1 : 97;
        if (i < 300 || i % 1009 == 0 || i + 1 == KEYS) {
            for (uint64_t j = 0; j <= i; j += step) {
                assert_ptr_equal(find(&f, j), leaves[j]);
            }
            assert_null(find(&f, i + 1));
            assert_null(find(&f, UINT64_MAX - i));
        }
    }
    assert_int_equal(f.table.count, KEYS);
    st_arena_free(&f.arena);
}

/* Keys of any length, each told from its neighbours by its last byte. */
static void test_tells_long_keys_apart(void **state) {
    (void)state;
    fixture f;
    begin(&f);
    uint8_t text[ST_KEY_BYTES_MAX];
    memset(text, 'x', sizeof text);
    for (size_t len = 1; len <= sizeof text; len += 11) {
        for (unsigned last = 'a'; last <= 'z'; last++) {
            st_key key;
            void *tail;
            text[len - 1] = (uint8_t)last;
            st_key_text(&key, ST_TAG_KV, st_slice(text, len));
            assert_null(st_leaf_table_find(&f.table, st_key_slice(&key)));
            assert_int_equal(st_leaf_table_reserve(&f.table), STRATA_OK);
            st_leaf *leaf = st_art_insert(&f.art, st_key_slice(&key), 0, &tail);
            st_leaf_table_add(&f.table, leaf);
            assert_ptr_equal(st_leaf_table_find(&f.table, st_key_slice(&key)), leaf);
        }
        text[len - 1] = 'x';
    }
    st_arena_free(&f.arena);
}

/* Without memory to grow it says so, keeps what it has, and goes on when there is memory. */
static void test_growing_without_memory(void **state) {
    (void)state;
    fixture f;
    begin(&f);
    uint64_t count = 0;
    test_memory_fail_at(0);
    for (unsigned refusals = 0; refusals < 4;) {
        test_memory_fail_at(1);
        const strata_status status = st_leaf_table_reserve(&f.table);
        test_memory_fail_at(0);
        if (status == STRATA_NO_MEMORY) {
            refusals++;
            for (uint64_t i = 0; i < count; i++) {
                assert_non_null(find(&f, i));
            }
        } else {
            assert_int_equal(status, STRATA_OK);
        }
        make(&f, count++);
    }
    st_arena_free(&f.arena);
}

typedef struct reader {
    fixture *f;
    _Atomic uint64_t *published;
    uint64_t seed;
    uint64_t missed;
} reader;

static void *read_on(void *arg) {
    reader *r = arg;
    uint64_t known = 0;
    while (known < KEYS) {
        known = atomic_load_explicit(r->published, memory_order_acquire);
        for (unsigned i = 0; i < 200 && known > 0; i++) {
            const uint64_t number = test_random_below(&r->seed, known);
            const st_leaf *leaf = find(r->f, number);
            r->missed += leaf == NULL || st_key_number_of(st_leaf_key(leaf)) != number;
        }
    }
    return NULL;
}

static void test_readers_beside_a_writer(void **state) {
    (void)state;
    enum { READERS = 3 };
    fixture f;
    begin(&f);
    _Atomic uint64_t published = 0;
    pthread_t threads[READERS];
    reader readers[READERS];
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (reader){&f, &published, i + 1, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        make(&f, i);
        atomic_store_explicit(&published, i + 1, memory_order_release);
    }
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].missed, 0);
    }
    st_arena_free(&f.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_all_and_no_other),
        cmocka_unit_test(test_tells_long_keys_apart),
        cmocka_unit_test(test_growing_without_memory),
        cmocka_unit_test(test_readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
