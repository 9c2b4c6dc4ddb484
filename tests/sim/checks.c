/* checks.c - the assertions that the simulated machine shares with the unit tests, for a program that
 * is no cmocka test: they say what failed at once, and end the process.
 */
#include "support.h"

void print_error(const char *const format, ...) {
    va_list list;
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
}

void _fail(const char *const file, const int line) {
    (void)fprintf(stderr, "%s:%d\n", file, line);
    exit(1);
}

void _assert_true(const LargestIntegralType result, const char *const expression,
                  const char *const file, const int line) {
    if (result == 0) {
        (void)fprintf(stderr, "does not hold: %s\n", expression);
        _fail(file, line);
    }
}

void _assert_int_equal(const LargestIntegralType a, const LargestIntegralType b,
                       const char *const file, const int line) {
    if (a != b) {
        (void)fprintf(stderr, "%llu is not %llu\n", (unsigned long long)a, (unsigned long long)b);
        _fail(file, line);
    }
}
