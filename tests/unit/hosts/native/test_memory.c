/* test_memory.c - that the allocator keeps the bytes through every change of size, small to large
 * and back, aligns what it promises to align, asks for huge pages where it should, and leaves the
 * old block alone when it fails; and when it has freed memory given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../../../hosts/native/native.h"

#define MIB       ((size_t)1 << 20)
#define SECOND_NS UINT64_C(1000000000)

static void *resize(void *old, size_t old_size, size_t new_size) {
    const strata_allocator *const memory = &strata_host_default()->memory;
    return memory->resize(memory->ctx, old, old_size, new_size);
}

static uint8_t pattern(size_t i) {
    return (uint8_t)(i * 131 + (i >> 12));
}

static void fill(uint8_t *data, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        data[i] = pattern(i);
    }
}

static void expect(const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (data[i] != pattern(i)) {
            fail_msg("byte %zu of %zu has changed", i, len);
        }
    }
}

static void test_bytes_survive_every_resize(void **state) {
    (void)state;
    const size_t sizes[] = {1,       100,          4 << 10,  2 * MIB - 1, 2 * MIB,     2 * MIB + 1,
                            3 * MIB, 3 * MIB + 10, 16 * MIB, 40 * MIB,    5 * MIB,     2 * MIB + 17,
                            1 * MIB, 64,           9 * MIB,  2 * MIB,     2 * MIB - 1, 33 * MIB,
                            1};
    uint8_t *block = NULL;
    size_t size = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *const moved = resize(block, size, sizes[i]);
        assert_non_null(moved);
        assert_int_equal((uintptr_t)moved % (sizes[i] >= 2 * MIB ? 2 * MIB : 16), 0);
        expect(moved, size < sizes[i] ? size : sizes[i]);
        fill(moved, size < sizes[i] ? size : 0, sizes[i]);
        block = moved;
        size = sizes[i];
    }
    assert_null(resize(block, size, 0));
}

static void test_growing_while_others_are_in_the_way(void **state) {
    (void)state;
    enum { BLOCKS = 8 };
    uint8_t *blocks[BLOCKS] = {NULL};
    size_t sizes[BLOCKS] = {0};
    for (size_t round = 1; round <= 4; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            const size_t size = round * 3 * MIB + i * 4096;
            blocks[i] = resize(blocks[i], sizes[i], size);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % (2 * MIB), 0);
            expect(blocks[i], sizes[i]);
            fill(blocks[i], sizes[i], size);
            sizes[i] = size;
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_null(resize(blocks[i], sizes[i], 0));
    }
}

/* The flags of the mapping that an address lies in, from /proc/self/smaps. */
static bool asks_for_huge_pages(const void *address) {
    FILE *const file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    char line[1024];
    bool inside = false;
    bool found = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        uintmax_t begin = 0;
        uintmax_t end = 0;
        if (sscanf(line, "%jx-%jx ", &begin, &end) == 2) {
            inside = (uintptr_t)address >= begin && (uintptr_t)address < end;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            found = strstr(line, " hg") != NULL;
        }
    }
    (void)fclose(file);
    return found;
}

static void test_big_blocks_ask_for_huge_pages(void **state) {
    (void)state;
    void *const big = resize(NULL, 0, 8 * MIB);
    assert_non_null(big);
    if (!asks_for_huge_pages(big)) {
        FILE *const setting = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
        assert_null(setting); /* a kernel without them is the only excuse */
    }
    void *const grown = resize(big, 8 * MIB, 64 * MIB);
    assert_non_null(grown);
    assert_null(resize(grown, 64 * MIB, 0));
}

static void test_failure_leaves_the_block(void **state) {
    (void)state;
    uint8_t *const small = resize(NULL, 0, 100);
    uint8_t *const big = resize(NULL, 0, 3 * MIB);
    assert_non_null(small);
    assert_non_null(big);
    fill(small, 0, 100);
    fill(big, 0, 3 * MIB);
    /* Volatile, or the compiler itself refuses a size that cannot be had. */
    const volatile size_t impossible[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 55};
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        assert_null(resize(NULL, 0, impossible[i]));
        assert_null(resize(small, 100, impossible[i]));
        assert_null(resize(big, 3 * MIB, impossible[i]));
    }
    expect(small, 100);
    expect(big, 3 * MIB);
    assert_null(resize(small, 100, 0));
    assert_null(resize(big, 3 * MIB, 0));
    assert_null(resize(NULL, 0, 0));
}

/* ---- Giving back ----------------------------------------------------------------------------- */

static void free_pieces(size_t size, size_t count) {
    for (size_t i = 0; i < count; i++) {
        void *const piece = resize(NULL, 0, size);
        assert_non_null(piece);
        assert_null(resize(piece, size, 0));
    }
}

/* Once, when much was freed in pieces that malloc keeps, and nothing for a second since. */
static void test_freed_memory_goes_back_when_it_is_quiet(void **state) {
    (void)state;
    st_native_settling settling = {0};
    uint64_t now_ns = 1;
    free_pieces(50000, 200); /* and what other tests freed */
    assert_false(st_native_settle(&settling, now_ns));
    assert_true(st_native_settle(&settling, now_ns += SECOND_NS));
    free_pieces(50000, 100); /* 5 MB: not enough */
    assert_false(st_native_settle(&settling, now_ns += SECOND_NS));
    assert_false(st_native_settle(&settling, now_ns += 2 * SECOND_NS));
    free_pieces(30000, 1000); /* small ones do not count, mapped ones are gone */
    free_pieces(3 * MIB, 10);
    assert_false(st_native_settle(&settling, now_ns += SECOND_NS));
    assert_false(st_native_settle(&settling, now_ns += 2 * SECOND_NS));
    free_pieces(50000, 100);
    assert_false(st_native_settle(&settling, now_ns += SECOND_NS)); /* news */
    assert_false(st_native_settle(&settling, now_ns += SECOND_NS / 2));
    free_pieces(50000, 1);
    assert_false(st_native_settle(&settling, now_ns += SECOND_NS / 2)); /* and again */
    assert_false(st_native_settle(&settling, now_ns += SECOND_NS - 1));
    assert_true(st_native_settle(&settling, now_ns += 1));
    assert_false(st_native_settle(&settling, now_ns += 2 * SECOND_NS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_survive_every_resize),
        cmocka_unit_test(test_growing_while_others_are_in_the_way),
        cmocka_unit_test(test_big_blocks_ask_for_huge_pages),
        cmocka_unit_test(test_failure_leaves_the_block),
        cmocka_unit_test(test_freed_memory_goes_back_when_it_is_quiet),
    };
    return cmocka_run_group_tests_name("hosts/native/memory", tests, NULL, NULL);
}
