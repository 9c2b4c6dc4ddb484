/* test_block_cache.c - the cache of blocks: what was added is found until it was evicted or dropped,
 * the budget holds, pinned blocks stay, what is used often outlives what is used once, failures of
 * memory leave nothing behind, and threads that share a cache see whole blocks.
 *
 * The bytes of a block follow from its table and offset, so that a wrong block is seen.
 */
#include "support.h"

#include <pthread.h>

#include "store/table/block_cache.h"

enum { BLOCK_BYTES = 1000, CELL_BLOCK_BYTES = ST_CELL_BYTES - 100 };

static uint8_t byte_of(uint64_t table, uint64_t offset, size_t i) {
    return (uint8_t)(table * 31 + offset * 7 + i);
}

static uint64_t tag_of(uint64_t table, uint64_t offset) {
    return table << 32 | offset;
}

static const st_cached_block *add(st_block_cache *cache, uint64_t table, uint64_t offset,
                                  size_t len) {
    const st_cached_block *block = NULL;
    size_t cap = 0;
    uint8_t *bytes = st_block_cache_room(cache, len, &cap);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = byte_of(table, offset, i);
    }
    const st_block_to_cache to_add = {table, offset, bytes, len, cap, tag_of(table, offset)};
    assert_int_equal(st_block_cache_add(cache, &to_add, &block), STRATA_OK);
    return block;
}

static bool is_right(const st_cached_block *block, uint64_t table, uint64_t offset) {
    const uint8_t *bytes = block->bytes.data;
    bool right = block->tag == tag_of(table, offset);
    for (size_t i = 0; i < block->bytes.len; i += 97) {
        right = right && bytes[i] == byte_of(table, offset, i);
    }
    return right;
}

static void check(const st_cached_block *block, uint64_t table, uint64_t offset) {
    assert_true(is_right(block, table, offset));
}

static st_block_cache *make(const strata_host *host, uint64_t budget) {
    st_block_cache *cache = NULL;
    assert_int_equal(st_block_cache_create(host, budget, &cache), STRATA_OK);
    return cache;
}

static bool has(st_block_cache *cache, uint64_t table, uint64_t offset) {
    const st_cached_block *block = st_block_cache_find(cache, table, offset);
    if (block != NULL) {
        check(block, table, offset);
        st_block_cache_unpin(cache, block);
    }
    return block != NULL;
}

static uint64_t used(st_block_cache *cache) {
    st_block_cache_stats stats;
    st_block_cache_read_stats(cache, &stats);
    return stats.used_bytes;
}

/* ---- One thread ------------------------------------------------------------------------------ */

static void finds_what_was_added(void **state) {
    (void)state;
    st_block_cache_stats stats;
    st_block_cache *cache = make(test_host(), 64 << 20);
    assert_true(test_memory_bytes() < 64 << 10);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_false(has(cache, i % 7, i * 4096));
        st_block_cache_unpin(cache, add(cache, i % 7, i * 4096, BLOCK_BYTES));
    }
    for (uint64_t i = 0; i < 5000; i++) {
        assert_true(has(cache, i % 7, i * 4096));
        assert_false(has(cache, i % 7 + 1, i * 4096));
    }
    st_block_cache_read_stats(cache, &stats);
    assert_int_equal(stats.hits, 5000);
    assert_int_equal(stats.misses, 10000);
    assert_int_equal(stats.evictions, 0);
    assert_int_equal(stats.budget_bytes, 64 << 20);
    /* It says what it takes. */
    assert_in_range(stats.used_bytes, test_memory_bytes() * 9 / 10, test_memory_bytes() * 11 / 10);
    st_block_cache_destroy(cache);
    st_block_cache_destroy(NULL);
    assert_int_equal(test_memory_blocks(), 0);
}

static void adding_twice_keeps_the_first(void **state) {
    (void)state;
    st_block_cache *cache = make(test_host(), 1 << 20);
    const st_cached_block *first = add(cache, 1, 2, BLOCK_BYTES);
    const st_cached_block *second = add(cache, 1, 2, BLOCK_BYTES);
    assert_ptr_equal(first, second);
    st_block_cache_unpin(cache, first);
    check(second, 1, 2);
    st_block_cache_unpin(cache, second);
    st_block_cache_destroy(cache);
    assert_int_equal(test_memory_blocks(), 0);
}

static void keeps_its_budget(void **state) {
    (void)state;
    enum { BUDGET = 100 * BLOCK_BYTES };
    st_block_cache_stats stats;
    st_block_cache *cache = make(test_host(), BUDGET);
    uint64_t chance = 9;
    for (int i = 0; i < 20000; i++) {
        const uint64_t table = test_random_below(&chance, 4);
        const uint64_t offset = test_random_below(&chance, 300);
        if (!has(cache, table, offset)) {
            st_block_cache_unpin(
                cache, add(cache, table, offset, 1 + test_random_below(&chance, 2 * BLOCK_BYTES)));
        }
        assert_true(used(cache) <= BUDGET);
        /* The tables of a shard are as large as they ever were. */
        assert_true(test_memory_bytes() < BUDGET + (96 << 10));
    }
    st_block_cache_read_stats(cache, &stats);
    assert_true(stats.evictions > 1000);
    assert_true(stats.hits > 500);
    st_block_cache_resize(cache, BUDGET / 10);
    assert_in_range(used(cache), 1, BUDGET / 10);
    st_block_cache_resize(cache, 0);
    assert_int_equal(used(cache), 0);
    st_block_cache_unpin(cache, add(cache, 1, 1, BLOCK_BYTES));
    st_block_cache_unpin(cache, add(cache, 1, 2, BLOCK_BYTES));
    assert_false(has(cache, 1, 1));
    st_block_cache_destroy(cache);
    assert_int_equal(test_memory_blocks(), 0);
}

/* Half of the blocks are asked for all the time, the others pass by. */
static void what_is_used_often_stays(void **state) {
    (void)state;
    enum { HOT = 64 };
    st_block_cache *cache = make(test_host(), (uint64_t)4 * HOT * BLOCK_BYTES);
    unsigned misses = 0;
    for (uint64_t i = 0; i < HOT; i++) {
        st_block_cache_unpin(cache, add(cache, 1, i, BLOCK_BYTES));
    }
    for (uint64_t i = 0; i < 20000; i++) {
        if (!has(cache, 1, i % HOT)) {
            misses++;
            st_block_cache_unpin(cache, add(cache, 1, i % HOT, BLOCK_BYTES));
        }
        st_block_cache_unpin(cache, add(cache, 2, i, BLOCK_BYTES));
    }
    assert_true(misses < 20);
    st_block_cache_destroy(cache);
}

static void pinned_blocks_stay(void **state) {
    (void)state;
    enum { PINNED = 50 };
    const st_cached_block *blocks[PINNED];
    st_block_cache *cache = make(test_host(), 10 * BLOCK_BYTES);
    for (uint64_t i = 0; i < PINNED; i++) {
        blocks[i] = add(cache, 1, i, BLOCK_BYTES);
        st_block_cache_unpin(cache, add(cache, 2, i, BLOCK_BYTES));
    }
    assert_true(used(cache) >= PINNED * BLOCK_BYTES);
    st_block_cache_resize(cache, 0);
    st_block_cache_drop(cache, 1);
    for (uint64_t i = 0; i < PINNED; i++) {
        assert_false(has(cache, 2, i));
        assert_true(has(cache, 1, i));
        check(blocks[i], 1, i);
        st_block_cache_unpin(cache, blocks[i]);
    }
    st_block_cache_resize(cache, 0);
    assert_int_equal(used(cache), 0);
    st_block_cache_destroy(cache);
    assert_int_equal(test_memory_blocks(), 0);
}

static void dropping_forgets_one_table(void **state) {
    (void)state;
    st_block_cache *cache = make(test_host(), 64 << 20);
    for (uint64_t i = 0; i < 900; i++) {
        st_block_cache_unpin(cache, add(cache, i % 3, i, BLOCK_BYTES));
    }
    st_block_cache_drop(cache, 1);
    st_block_cache_drop(cache, 77);
    for (uint64_t i = 0; i < 900; i++) {
        assert_int_equal(has(cache, i % 3, i), i % 3 != 1);
    }
    st_block_cache_destroy(cache);
    assert_int_equal(test_memory_blocks(), 0);
}

/* Blocks in cells: they take what is said, and when the budget shrinks nearly all of it goes back to
 * the host, whichever blocks are used. */
static void gives_memory_back(void **state) {
    (void)state;
    static const uint64_t budgets[] = {64 << 20, 30 << 20, 5 << 20, 3 << 20, 20 << 20};
    enum { BLOCKS = 6000, SLACK = 5 << 20 }; /* two extents, and the tables of the fullest time */
    st_block_cache *cache = make(test_host(), budgets[0]);
    uint64_t chance = 3;
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        st_block_cache_resize(cache, budgets[i]);
        assert_true(used(cache) <= budgets[i]);
        assert_true(test_memory_bytes() < used(cache) + SLACK);
        for (int step = 0; step < 3 * BLOCKS; step++) {
            const uint64_t offset = test_random_below(&chance, BLOCKS);
            if (!has(cache, 1, offset)) {
                st_block_cache_unpin(cache, add(cache, 1, offset, CELL_BLOCK_BYTES));
            }
        }
        assert_true(used(cache) <= budgets[i]);
        assert_true(test_memory_bytes() < used(cache) + SLACK);
        print_message("budget %u kB: %u kB used, %u kB allocated\n", (unsigned)(budgets[i] >> 10),
                      (unsigned)(used(cache) >> 10), (unsigned)(test_memory_bytes() >> 10));
    }
    st_block_cache_destroy(cache);
    assert_int_equal(test_memory_blocks(), 0);
}

/* Every allocation fails once: no_memory, and the cache goes on. */
static void no_memory(void **state) {
    (void)state;
    bool failed = true;
    for (size_t nth = 1; failed; nth++) {
        st_block_cache *cache = NULL;
        test_memory_fail_at(nth);
        strata_status status = st_block_cache_create(test_host(), 1 << 20, &cache);
        for (uint64_t i = 0; status == STRATA_OK && i < 40; i++) {
            const st_cached_block *block = NULL;
            const size_t len = i % 2 == 0 ? BLOCK_BYTES : CELL_BLOCK_BYTES;
            size_t cap = 0;
            uint8_t *bytes = st_block_cache_room(cache, len, &cap);
            if (bytes == NULL) {
                break;
            }
            memset(bytes, 0, len);
            const st_block_to_cache to_add = {1, i, bytes, len, cap, 0};
            status = st_block_cache_add(cache, &to_add, &block);
            if (status == STRATA_OK) {
                st_block_cache_unpin(cache, block);
            }
        }
        failed = test_memory_failed();
        assert_true(status == STRATA_OK || (failed && status == STRATA_NO_MEMORY));
        test_memory_fail_at(0);
        if (cache != NULL) {
            st_block_cache_unpin(cache, add(cache, 5, 5, CELL_BLOCK_BYTES));
            assert_true(has(cache, 5, 5));
        }
        st_block_cache_destroy(cache);
        assert_int_equal(test_memory_blocks(), 0);
    }
}

/* ---- Threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, STEPS = 6000, HELD = 3 };

typedef struct worker {
    pthread_t thread;
    st_block_cache *cache;
    uint64_t chance;
    unsigned wrong; /* blocks; said by the main thread, as asserts are its */
} worker;

/* Keeps a few blocks pinned, checks them when it lets go; now and then drops a table or changes the
 * budget. */
static void *work(void *arg) {
    worker *w = arg;
    struct {
        const st_cached_block *block;
        uint64_t table;
        uint64_t offset;
    } held[HELD] = {{0}};
    for (int step = 0; step < STEPS; step++) {
        const size_t slot = (size_t)step % HELD;
        if (held[slot].block != NULL) {
            w->wrong += !is_right(held[slot].block, held[slot].table, held[slot].offset);
            st_block_cache_unpin(w->cache, held[slot].block);
        }
        const uint64_t table = test_random_below(&w->chance, 3);
        const uint64_t offset = test_random_below(&w->chance, 200);
        held[slot].table = table;
        held[slot].offset = offset;
        held[slot].block = st_block_cache_find(w->cache, table, offset);
        if (held[slot].block == NULL) {
            held[slot].block =
                add(w->cache, table, offset, step % 2 == 0 ? BLOCK_BYTES : CELL_BLOCK_BYTES);
        }
        if (step % 500 == 0) {
            st_block_cache_drop(w->cache, table);
        }
        if (step % 700 == 0) {
            st_block_cache_resize(w->cache,
                                  (50 + test_random_below(&w->chance, 100)) * BLOCK_BYTES);
        }
    }
    for (size_t slot = 0; slot < HELD; slot++) {
        st_block_cache_unpin(w->cache, held[slot].block);
    }
    return NULL;
}

static void threads_share_it(void **state) {
    (void)state;
    worker workers[THREADS];
    st_block_cache_stats stats;
    st_block_cache *cache = make(strata_host_default(), 100 * BLOCK_BYTES);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].cache = cache;
        workers[i].chance = i + 1;
        workers[i].wrong = 0;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
    }
    st_block_cache_read_stats(cache, &stats);
    assert_int_equal(stats.hits + stats.misses, THREADS * STEPS);
    st_block_cache_resize(cache, 0);
    assert_int_equal(used(cache), 0);
    st_block_cache_destroy(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added), cmocka_unit_test(adding_twice_keeps_the_first),
        cmocka_unit_test(keeps_its_budget),     cmocka_unit_test(what_is_used_often_stays),
        cmocka_unit_test(pinned_blocks_stay),   cmocka_unit_test(dropping_forgets_one_table),
        cmocka_unit_test(gives_memory_back),    cmocka_unit_test(no_memory),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
