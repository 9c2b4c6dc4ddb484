/* test_memory.c - that arenas and buffers keep what they are given, align it, give everything back
 * and survive an allocator that says no.
 */
#include "support.h"

static void arena_keeps_and_aligns(void **state) {
    (void)state;
    enum { PARTS = 2000 };
    static struct {
        uint8_t *at;
        size_t size;
        uint8_t fill;
    } parts[PARTS];
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    uint64_t chance = 3;
    for (size_t i = 0; i < PARTS; i++) {
        const size_t align = (size_t)1 << test_random_below(&chance, 7);
        const size_t size = test_random_below(&chance, i % 100 == 0 ? 100000 : 200);
        uint8_t *at = st_arena_alloc(&arena, size, align);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % align, 0);
        parts[i].at = at;
        parts[i].size = size;
        parts[i].fill = (uint8_t)i;
        memset(at, parts[i].fill, size);
    }
    for (size_t i = 0; i < PARTS; i++) {
        for (size_t j = 0; j < parts[i].size; j++) {
            assert_int_equal(parts[i].at[j], parts[i].fill);
        }
    }
    assert_int_equal(atomic_load(&arena.reserved), test_memory_bytes());
    st_arena_free(&arena);
    assert_int_equal(atomic_load(&arena.reserved), 0);
    assert_int_equal(test_memory_blocks(), 0);
}

static void arena_reset_reuses(void **state) {
    (void)state;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    st_arena_reset(&arena);
    for (int i = 0; i < 100; i++) {
        assert_non_null(st_arena_alloc(&arena, 1000, 8));
    }
    assert_true(test_memory_blocks() > 1);
    st_arena_reset(&arena);
    assert_int_equal(test_memory_blocks(), 1);
    const size_t kept = test_memory_bytes();
    for (int round = 0; round < 10; round++) {
        for (size_t used = 0; used + 1000 < kept / 2; used += 1000) {
            assert_non_null(st_arena_alloc(&arena, 1000, 8));
        }
        st_arena_reset(&arena);
        assert_int_equal(test_memory_bytes(), kept);
    }
    st_arena_free(&arena);
    assert_non_null(st_arena_alloc(&arena, 1, 1));
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
}

static void arena_without_memory(void **state) {
    (void)state;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    assert_non_null(st_arena_alloc(&arena, 4000, 1));
    test_memory_fail_at(1);
    assert_null(st_arena_alloc(&arena, 100000, 1));
    assert_null(st_arena_copy(&arena, st_slice(test_hex("00").data, 1000000)).data);
    test_memory_fail_at(0);
    assert_null(st_arena_alloc(&arena, SIZE_MAX - 8, 1));
    assert_non_null(st_arena_alloc(&arena, 100000, 1));
    st_arena_free(&arena);
    assert_int_equal(test_memory_blocks(), 0);
}

static void arena_copies(void **state) {
    (void)state;
    st_arena arena;
    st_arena_init(&arena, test_allocator(), 0);
    const strata_slice text = strata_text("kept");
    const strata_slice copy = st_arena_copy(&arena, text);
    assert_true(copy.data != text.data);
    test_bytes_equal(copy, text, "copy");
    assert_non_null(st_arena_copy(&arena, st_slice(NULL, 0)).data);
    st_arena_free(&arena);
}

static void buffer_grows(void **state) {
    (void)state;
    strata_buffer buffer = test_buffer();
    for (unsigned i = 0; i < 100000; i++) {
        const uint8_t byte = (uint8_t)(i * 7);
        assert_int_equal(st_buffer_append(&buffer, &byte, 1), STRATA_OK);
    }
    assert_int_equal(buffer.len, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(buffer.data[i], (uint8_t)(i * 7));
    }
    assert_int_equal(st_buffer_append(&buffer, NULL, 0), STRATA_OK);
    strata_buffer_free(&buffer);
    assert_int_equal(buffer.len + buffer.cap, 0);
    assert_null(buffer.data);
    strata_buffer_free(&buffer);
    assert_int_equal(test_memory_blocks(), 0);
}

static void buffer_without_memory(void **state) {
    (void)state;
    strata_buffer buffer = test_buffer();
    assert_int_equal(st_buffer_append(&buffer, "abc", 3), STRATA_OK);
    test_memory_fail_at(1);
    assert_int_equal(st_buffer_reserve(&buffer, 1000), STRATA_NO_MEMORY);
    assert_int_equal(st_buffer_reserve(&buffer, SIZE_MAX), STRATA_NO_MEMORY);
    assert_int_equal(st_buffer_reserve(&buffer, SIZE_MAX / 2), STRATA_NO_MEMORY);
    test_memory_fail_at(0);
    test_bytes_equal(st_buffer_slice(&buffer), strata_text("abc"), "untouched");
    strata_buffer_free(&buffer);
    assert_int_equal(test_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_keeps_and_aligns), cmocka_unit_test(arena_reset_reuses),
        cmocka_unit_test(arena_without_memory),   cmocka_unit_test(arena_copies),
        cmocka_unit_test(buffer_grows),           cmocka_unit_test(buffer_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
