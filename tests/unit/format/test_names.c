/* test_names.c - that a repeated name is found wherever it is and no other is, against the obvious
 * quadratic search, and that a hundred thousand names in hostile orders end.
 */
#include "support.h"

#include "format/names.h"

static bool quadratic(const strata_slice *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (st_slice_equal(names[i], names[j])) {
                return true;
            }
        }
    }
    return false;
}

static void agrees_with_the_obvious(void **state) {
    (void)state;
    uint64_t chance = 5;
    size_t repeats = 0;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[24][3];
        strata_slice names[24];
        const size_t count = test_random_below(&chance, 24);
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < 3; j++) {
                bytes[i][j] = (uint8_t)(test_random_below(&chance, 5) * 63);
            }
            names[i] = st_slice(bytes[i], test_random_below(&chance, 4));
        }
        const bool expected = quadratic(names, count);
        size_t second = 0;
        assert_true(st_names_repeat(names, count, &second) == expected);
        if (expected) {
            repeats++;
            assert_true(second > 0 && second < count);
            assert_true(st_slice_equal(names[second - 1], names[second]));
        }
    }
    assert_in_range(repeats, 1000, 19000);
}

static void many_names(void **state) {
    (void)state;
    enum { COUNT = 100000, DIGITS = 8 };
    char (*texts)[DIGITS] = malloc((size_t)COUNT * DIGITS);
    strata_slice *names = malloc(COUNT * sizeof *names);
    /* Rising, falling, and by a stride that visits all once; then the first name again at the end.
     */
    for (size_t order = 0; order < 6; order++) {
        for (size_t i = 0; i < COUNT; i++) {
            size_t number = order % 3 == 0 ? i : order % 3 == 1 ? COUNT - 1 - i : i * 7919 % COUNT;
            if (order >= 3 && i == COUNT - 1) {
                number = order % 3 == 1 ? COUNT - 1 : 0;
            }
            for (size_t digit = 0; digit < DIGITS; digit++, number /= 10) {
                texts[i][DIGITS - 1 - digit] = (char)('0' + number % 10);
            }
            names[i] = st_slice(texts[i], DIGITS);
        }
        size_t second;
        assert_true(st_names_repeat(names, COUNT, &second) == (order >= 3));
    }
    free(names);
    free(texts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_obvious),
        cmocka_unit_test(many_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
