/* test_chunk_pool.c - that an arena takes the chunks of the one before it, that no more is kept than
 * was asked for, and that all of it comes back.
 */
#include "base/chunk_pool.h"
#include "support.h"

enum { CHUNK = ST_ARENA_CHUNK_MAX, KEPT = 3, CHUNKS = 5 };

/* Fills an arena until it has so many chunks of the largest size. Returns the bytes it has taken. */
static size_t fill(st_arena *arena, st_chunk_pool *pool, size_t chunks) {
    st_arena_init(arena, &pool->allocator, CHUNK);
    for (size_t i = 0; i < chunks; i++) {
        uint8_t *bytes = st_arena_alloc(arena, CHUNK / 2 + 1, 8);
        assert_non_null(bytes);
        memset(bytes, (int)i, CHUNK / 2 + 1);
    }
    return atomic_load(&arena->reserved);
}

static void chunks_are_taken_again(void **state) {
    (void)state;
    st_chunk_pool pool;
    st_arena arena;
    st_chunk_pool_init(&pool, test_host(), KEPT * (uint64_t)CHUNK);
    assert_int_equal(fill(&arena, &pool, CHUNKS), CHUNKS * (size_t)CHUNK);
    assert_int_equal(test_memory_blocks(), CHUNKS);
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), KEPT);
    assert_int_equal(pool.bytes, KEPT * (uint64_t)CHUNK);

    (void)fill(&arena, &pool, KEPT - 1);
    assert_int_equal(test_memory_blocks(), KEPT); /* nothing new */
    st_arena second;
    (void)fill(&second, &pool, 2);
    assert_int_equal(test_memory_blocks(), KEPT + 1);
    st_arena_free(&arena);
    st_arena_free(&second);
    assert_int_equal(test_memory_blocks(), KEPT);
    st_chunk_pool_free(&pool);
    assert_int_equal(test_memory_blocks(), 0);
}

static void other_sizes_pass_through(void **state) {
    (void)state;
    st_chunk_pool pool;
    st_chunk_pool_init(&pool, test_host(), KEPT * (uint64_t)CHUNK);
    void *small = st_alloc(&pool.allocator, 1000);
    void *odd = st_alloc(&pool.allocator, CHUNK + 1);
    small = st_resize(&pool.allocator, small, 1000, 2000);
    assert_non_null(small);
    assert_int_equal(test_memory_bytes(), CHUNK + 1 + 2000);
    st_free(&pool.allocator, small, 2000);
    st_free(&pool.allocator, odd, CHUNK + 1);
    assert_int_equal(test_memory_blocks(), 0);
    st_chunk_pool_free(&pool);
}

static void no_room_keeps_nothing(void **state) {
    (void)state;
    st_chunk_pool pool;
    st_arena arena;
    st_chunk_pool_init(&pool, test_host(), CHUNK - 1);
    (void)fill(&arena, &pool, 2);
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
    st_chunk_pool_free(&pool);
}

static void emptied_it_goes_on(void **state) {
    (void)state;
    st_chunk_pool pool;
    st_arena arena;
    st_chunk_pool_init(&pool, test_host(), KEPT * (uint64_t)CHUNK);
    for (int i = 0; i < 2; i++) {
        (void)fill(&arena, &pool, CHUNKS);
        st_arena_free(&arena);
        assert_int_equal(test_memory_blocks(), KEPT);
        st_chunk_pool_empty(&pool);
        assert_int_equal(test_memory_blocks(), 0);
        assert_int_equal(pool.bytes, 0);
    }
    st_chunk_pool_free(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_taken_again),
        cmocka_unit_test(other_sizes_pass_through),
        cmocka_unit_test(no_room_keeps_nothing),
        cmocka_unit_test(emptied_it_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
