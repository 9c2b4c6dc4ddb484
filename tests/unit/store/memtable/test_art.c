/* test_art.c - the radix tree against a sorted array, and against readers beside its writer.
 *
 * Keys are made to hurt: long shared prefixes, every byte value, 3 to 1026 bytes. After every few
 * inserts the tree must find every key and no other, seek from any key in both directions to where
 * the array says, and pass its own check. Beside one writer, readers must find all that was
 * published before they began, in order.
 */
#include "support.h"

#include <pthread.h>

#include "format/key.h"
#include "store/memtable/art.h"

/* ---- The oracle ------------------------------------------------------------------------------ */

enum { KEYS_MAX = 3000, TAIL_LEN = 24 };

typedef struct oracle {
    st_key keys[KEYS_MAX]; /* sorted */
    size_t count;
} oracle;

/* The place of the first key >= `key`. */
static size_t lower_bound(const oracle *o, strata_slice key) {
    size_t low = 0;
    size_t high = o->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (st_slice_compare(st_key_slice(&o->keys[middle]), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const oracle *o, const st_key *key) {
    const size_t at = lower_bound(o, st_key_slice(key));
    return at < o->count && st_slice_equal(st_key_slice(&o->keys[at]), st_key_slice(key));
}

static void add(oracle *o, const st_key *key) {
    const size_t at = lower_bound(o, st_key_slice(key));
    memmove(&o->keys[at + 1], &o->keys[at], (o->count - at) * sizeof o->keys[0]);
    o->keys[at] = *key;
    o->count++;
}

/* A key of one of several families, often one that begins as an earlier one does. */
static st_key random_key(const oracle *o, uint64_t *chance, unsigned family) {
    st_key key;
    if (family == 0) { /* nine bytes of any value */
        uint64_t number = test_random(chance);
        number >>= 8 * test_random_below(chance, 8);
        st_key_number(&key, ST_TAG_EVENT, number);
        return key;
    }
    uint8_t text[ST_KEY_BYTES_MAX];
    size_t len = 0;
    if (o->count > 0 && test_random_below(chance, 4) != 0) {
        const st_key *model = &o->keys[test_random_below(chance, o->count)];
        if (model->bytes[0] != ST_TAG_EVENT) {
            len = (size_t)test_random_below(chance, model->len - 1);
            memcpy(text, model->bytes + 1, len);
        }
    }
    const size_t more_max = family == 1 ? 12 : family == 2 ? 300 : ST_KEY_BYTES_MAX;
    size_t more = 1 + (size_t)test_random_below(chance, more_max);
    more = st_min(more, ST_KEY_BYTES_MAX - len);
    for (; more > 0; more--) {
        text[len++] = family == 1 ? (uint8_t)(1 + test_random_below(chance, 255))
                                  : (uint8_t)('a' + test_random_below(chance, 2));
    }
    if (len == 0) {
        text[len++] = 'a';
    }
    st_key_text(&key, test_random_below(chance, 2) == 0 ? ST_TAG_KV : ST_TAG_MEMORY,
                st_slice(text, len));
    return key;
}

static void expect_at(const st_art_iter *iter, const oracle *o, size_t place) {
    if (place >= o->count) { /* past either end */
        assert_null(iter->leaf);
        return;
    }
    assert_non_null(iter->leaf);
    test_bytes_equal(st_leaf_key(iter->leaf), st_key_slice(&o->keys[place]), "iterator");
}

/* Seeks and takes a few steps; places go round below 0 to SIZE_MAX, which is past the end. */
static void check_seek(const st_art *art, const oracle *o, strata_slice key, size_t steps) {
    static st_art_iter iter;
    size_t place = lower_bound(o, key);
    st_art_seek(&iter, art, key, false);
    for (size_t i = 0; i < steps; i++) {
        expect_at(&iter, o, place + i);
        st_art_next(&iter);
    }
    st_art_seek(&iter, art, key, true);
    for (size_t i = 1; i <= steps; i++) {
        expect_at(&iter, o, i > place ? SIZE_MAX : place - i);
        st_art_next(&iter);
    }
}

static void check_all(const st_art *art, const oracle *o, uint64_t *chance) {
    uint64_t leaves = 0;
    assert_true(st_art_check(art, &leaves));
    assert_int_equal(leaves, o->count);
    for (size_t i = 0; i < o->count; i++) {
        const st_leaf *leaf = st_art_find(art, st_key_slice(&o->keys[i]));
        assert_non_null(leaf);
        assert_int_equal((uintptr_t)leaf % 8, 0);
    }
    check_seek(art, o, st_slice("", 0), o->count + 1);
    for (int i = 0; i < 40; i++) {
        st_key key = random_key(o, chance, (unsigned)test_random_below(chance, 4));
        if (!holds(o, &key)) {
            assert_null(st_art_find(art, st_key_slice(&key)));
        }
        check_seek(art, o, st_key_slice(&key), 3);
        key.len = (size_t)test_random_below(chance, key.len); /* a beginning of one */
        check_seek(art, o, st_key_slice(&key), 3);
    }
    static const uint8_t above[] = {0xff, 0xff};
    check_seek(art, o, st_slice(above, 2), o->count + 1);
}

static void insert(st_art *art, oracle *o, const st_key *key) {
    void *tail = NULL;
    const bool there = holds(o, key);
    st_leaf *leaf = st_art_insert(art, st_key_slice(key), TAIL_LEN, &tail);
    assert_non_null(leaf);
    test_bytes_equal(st_leaf_key(leaf), st_key_slice(key), "leaf");
    assert_int_equal(tail == NULL, there);
    if (!there) {
        assert_int_equal((uintptr_t)tail % 8, 0);
        memset(tail, 0x5a, TAIL_LEN);
        add(o, key);
    }
    assert_ptr_equal(st_art_find(art, st_key_slice(key)), leaf);
}

static void against_a_sorted_array(void **state) {
    (void)state;
    static oracle o;
    static const struct {
        unsigned family; /* 4: all of them */
        size_t count;
    } cases[] = {{0, 1500}, {1, 1500}, {2, 700}, {3, 400}, {4, 1500}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t chance = 100 + i;
        st_arena arena;
        st_art art;
        o.count = 0;
        st_arena_init(&arena, test_allocator(), 0);
        st_art_init(&art, &arena);
        check_all(&art, &o, &chance);
        for (size_t n = 0; n < cases[i].count; n++) {
            const unsigned family =
                cases[i].family == 4 ? (unsigned)test_random_below(&chance, 4) : cases[i].family;
            const st_key key = random_key(&o, &chance, family);
            insert(&art, &o, &key);
            if (n < 20 || n % 300 == 0) {
                check_all(&art, &o, &chance);
            }
        }
        check_all(&art, &o, &chance);
        st_arena_free(&arena);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

/* One node under one parent takes every byte, in every order of growth. */
static void every_fan_out(void **state) {
    (void)state;
    static oracle o;
    uint64_t chance = 3;
    for (unsigned step = 1; step < 256; step += 2) { /* odd: goes through all 256 */
        st_arena arena;
        st_art art;
        o.count = 0;
        st_arena_init(&arena, test_allocator(), 0);
        st_art_init(&art, &arena);
        for (unsigned i = 0; i < 256; i++) {
            st_key key;
            st_key_number(&key, ST_TAG_EVENT, (uint64_t)(uint8_t)(i * step + 7) << 16);
            insert(&art, &o, &key);
        }
        uint64_t leaves = 0;
        assert_true(st_art_check(&art, &leaves));
        assert_int_equal(leaves, 256);
        check_seek(&art, &o, st_slice("", 0), 257);
        if (step == 1) {
            check_all(&art, &o, &chance);
        }
        st_arena_free(&arena);
    }
}

static void no_memory_changes_nothing(void **state) {
    (void)state;
    static oracle o;
    uint64_t chance = 9;
    st_arena arena;
    st_art art;
    size_t refused = 0;
    o.count = 0;
    st_arena_init(&arena, test_allocator(), 0);
    st_art_init(&art, &arena);
    for (size_t n = 0; n < 1500; n++) {
        const st_key key = random_key(&o, &chance, (unsigned)(n % 3));
        void *tail;
        test_memory_fail_at(1);
        const bool there = holds(&o, &key);
        const bool refused_now = st_art_insert(&art, st_key_slice(&key), TAIL_LEN, &tail) == NULL;
        test_memory_fail_at(0);
        if (refused_now) {
            refused++;
            assert_false(there);
            assert_null(st_art_find(&art, st_key_slice(&key)));
            uint64_t leaves = 0;
            assert_true(st_art_check(&art, &leaves));
            assert_int_equal(leaves, o.count);
            insert(&art, &o, &key);
        } else if (!there) {
            add(&o, &key);
        }
    }
    check_all(&art, &o, &chance);
    assert_in_range(refused, 3, 1000); /* each new chunk of the arena */
    st_arena_free(&arena);
}

/* ---- Readers beside the writer --------------------------------------------------------------- */

/* Key i is the number i * SCRAMBLE, so that a reader knows from a key when it was inserted. */
static const uint64_t SCRAMBLE = 0x9e3779b97f4a7c15u;
static const uint64_t UNSCRAMBLE = 0xf1de83e19937733du; /* its inverse modulo 2^64 */

enum { RACE_KEYS = 20000, RACE_READERS = 3 };

static struct {
    st_art art;
    _Atomic uint64_t inserted;
    _Atomic bool failed;
} race;

static uint64_t index_of(strata_slice key) {
    return st_key_number_of(key) * UNSCRAMBLE;
}

/* Walks all; counts the keys that were there before. */
static bool walk_sees(uint64_t before, bool reverse) {
    st_art_iter *iter = malloc(sizeof *iter);
    st_key low;
    uint64_t seen = 0;
    uint64_t last = 0;
    bool good = iter != NULL;
    const uint8_t above = 0xff;
    st_key_number(&low, ST_TAG_EVENT, 0);
    if (good) {
        st_art_seek(iter, &race.art, reverse ? st_slice(&above, 1) : st_key_slice(&low), reverse);
        for (bool first = true; good && iter->leaf != NULL; first = false, st_art_next(iter)) {
            const uint64_t number = st_key_number_of(st_leaf_key(iter->leaf));
            good = first || (reverse ? number < last : number > last);
            seen += index_of(st_leaf_key(iter->leaf)) < before;
            last = number;
        }
    }
    free(iter);
    return good && seen == before;
}

static void *read_along(void *arg) {
    uint64_t chance = (uint64_t)(uintptr_t)arg;
    for (uint64_t before = 0; before < RACE_KEYS;) {
        before = atomic_load_explicit(&race.inserted, memory_order_acquire);
        bool good = walk_sees(before, test_random_below(&chance, 2) == 0);
        for (int i = 0; i < 200 && before > 0; i++) {
            st_key key;
            st_key_number(&key, ST_TAG_EVENT, test_random_below(&chance, before) * SCRAMBLE);
            const st_leaf *leaf = st_art_find(&race.art, st_key_slice(&key));
            good = good && leaf != NULL && st_slice_equal(st_leaf_key(leaf), st_key_slice(&key));
        }
        if (!good) {
            atomic_store(&race.failed, true);
        }
    }
    return NULL;
}

static void readers_beside_a_writer(void **state) {
    (void)state;
    st_arena arena;
    pthread_t readers[RACE_READERS];
    assert_int_equal(SCRAMBLE * UNSCRAMBLE, 1);
    st_arena_init(&arena, test_allocator(), 0);
    st_art_init(&race.art, &arena);
    atomic_store(&race.inserted, 0);
    for (uintptr_t i = 0; i < RACE_READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_along, (void *)(i + 1)), 0);
    }
    for (uint64_t i = 0; i < RACE_KEYS; i++) {
        st_key key;
        void *tail;
        st_key_number(&key, ST_TAG_EVENT, i * SCRAMBLE);
        assert_non_null(st_art_insert(&race.art, st_key_slice(&key), TAIL_LEN, &tail));
        atomic_store_explicit(&race.inserted, i + 1, memory_order_release);
    }
    for (size_t i = 0; i < RACE_READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    assert_false(atomic_load(&race.failed));
    uint64_t leaves = 0;
    assert_true(st_art_check(&race.art, &leaves));
    assert_int_equal(leaves, RACE_KEYS);
    st_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_sorted_array),
        cmocka_unit_test(every_fan_out),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
