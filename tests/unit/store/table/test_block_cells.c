/* test_block_cells.c - cells are apart from each other and from everything else, whatever order they
 * are taken and given back in; extents go back to the host; without memory there is no cell.
 *
 * Each cell is filled with a number of its own, and checked when it is given back.
 */
#include "support.h"

#include "base/bytes.h"
#include "store/table/block_cells.h"

enum { CELLS = 1200 };

static uint8_t *held[CELLS];

static void fill(uint8_t *cell, size_t number) {
    for (size_t at = 0; at < ST_CELL_BYTES; at += 8) {
        store64_le(cell + at, number * 1000003 + at);
    }
}

static void check(const uint8_t *cell, size_t number) {
    for (size_t at = 0; at < ST_CELL_BYTES; at += 8) {
        assert_int_equal(load64_le(cell + at), number * 1000003 + at);
    }
}

static void take(st_cells *cells, size_t number, bool large) {
    held[number] = st_cells_take(cells, large);
    assert_non_null(held[number]);
    assert_int_equal((uintptr_t)held[number] % 64, 0);
    fill(held[number], number);
}

static void give(st_cells *cells, size_t number) {
    check(held[number], number);
    st_cells_give(cells, held[number]);
    held[number] = NULL;
}

static void cells_are_apart(void **state) {
    (void)state;
    st_cells cells;
    uint64_t chance = 2;
    st_cells_init(&cells, test_host());
    for (int step = 0; step < 30000; step++) {
        /* Waves: mostly taking, then mostly giving back. */
        const size_t number = test_random_below(&chance, CELLS);
        const bool wants = test_random_below(&chance, 8) < (step / 5000 % 2 == 0 ? 7 : 2);
        if (held[number] == NULL && wants) {
            take(&cells, number, step % 3 == 0);
        } else if (held[number] != NULL && !wants) {
            give(&cells, number);
        }
        assert_true(cells.used <= cells.room);
    }
    for (size_t number = 0; number < CELLS; number++) {
        if (held[number] != NULL) {
            give(&cells, number);
        }
    }
    assert_int_equal(cells.used, 0);
    assert_true(test_memory_bytes() <= (4 << 20) + 4096); /* a spare extent, of either size */
    st_cells_free(&cells);
    assert_int_equal(test_memory_blocks(), 0);
}

/* The sparse extent is named until it is empty, and is gone then. */
static void extents_go_back(void **state) {
    (void)state;
    st_cells cells;
    const uint8_t *begin = NULL;
    const uint8_t *end = NULL;
    st_cells_init(&cells, test_host());
    assert_false(st_cells_sparse(&cells, &begin, &end));
    for (size_t number = 0; number < CELLS; number++) {
        take(&cells, number, true);
    }
    assert_false(st_cells_sparse(&cells, &begin, &end));
    const size_t extents = cells.count;
    assert_in_range(extents, 4, 6);
    for (size_t number = 0; number < CELLS; number++) {
        if (number % 10 != 0) {
            give(&cells, number);
        }
    }
    assert_int_equal(cells.count, extents);
    for (size_t rounds = 0; st_cells_sparse(&cells, &begin, &end); rounds++) {
        assert_true(rounds < extents);
        for (size_t number = 0; number < CELLS; number += 10) {
            if (held[number] >= begin && held[number] < end) {
                give(&cells, number);
            }
        }
    }
    assert_int_equal(cells.count, 2); /* one with what is left, and a spare one */
    for (size_t number = 0; number < CELLS; number++) {
        if (held[number] != NULL) {
            give(&cells, number);
        }
    }
    st_cells_free(&cells);
    assert_int_equal(test_memory_blocks(), 0);
}

static void no_memory(void **state) {
    (void)state;
    for (size_t nth = 1; nth <= 2; nth++) {
        st_cells cells;
        st_cells_init(&cells, test_host());
        test_memory_fail_at(nth);
        assert_null(st_cells_take(&cells, false));
        test_memory_fail_at(0);
        take(&cells, 0, false);
        give(&cells, 0);
        st_cells_free(&cells);
        assert_int_equal(test_memory_blocks(), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_apart),
        cmocka_unit_test(extents_go_back),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
