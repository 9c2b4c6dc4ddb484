/* Proves that the arithmetic of scores is BM25's: against libm and the formula as the books have
 * it, within rounding; and that it is the same everywhere: some values to the last bit. */
#include <math.h>

#include "index/text/bm25.h"
#include "support.h"

static void test_logarithm(void **state) {
    (void)state;
    uint64_t seed = 1;
    assert_true(st_bm25_ln(1) == 0);
    for (int i = 0; i < 200000; i++) {
        const double x = 1 + ldexp((double)test_random(&seed), -(int)test_random_below(&seed, 64));
        if (x < 9e18) {
            const double error = fabs(st_bm25_ln(x) - log(x));
            assert_true(error <= 4 * 2.3e-16 * log(x) + 1e-300);
        }
    }
}

static void test_formula(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 20000; i++) {
        const uint64_t documents = 1 + test_random_below(&seed, 1000000);
        const uint64_t length = documents + test_random_below(&seed, 100 * documents);
        const uint64_t df = 1 + test_random_below(&seed, documents);
        const uint32_t own = 1 + (uint32_t)test_random_below(&seed, 1000);
        const uint32_t count = 1 + (uint32_t)test_random_below(&seed, own);
        const double n = (double)documents;
        const double idf = log((n - (double)df + 0.5) / ((double)df + 0.5) + 1);
        const double norm = 1 - 0.4 + 0.4 * own / ((double)length / n);
        const double expected = idf * count * (0.9 + 1) / (count + 0.9 * norm);
        const st_bm25 term = st_bm25_of(documents, length, df);
        const double score = st_bm25_score(st_bm25_part(&term, count, own));
        assert_true(fabs(score - expected) <= 1e-12 * expected + 2.4e-10);
    }
}

/* More often is never worse, longer never better: what the bounds of a search rest on. */
static void test_monotone(void **state) {
    (void)state;
    const st_bm25 term = st_bm25_of(63666, 63666 * 93, 6417);
    for (uint32_t length = 1; length < 300; length++) {
        for (uint32_t count = 1; count < 100; count++) {
            const uint64_t here = st_bm25_part(&term, count, length);
            assert_true(st_bm25_part(&term, count + 1, length) + 1 >= here);
            assert_true(st_bm25_part(&term, count, length + 1) <= here + 1);
        }
    }
}

static void test_the_same_bits_everywhere(void **state) {
    (void)state;
    static const struct {
        uint64_t documents;
        uint64_t length;
        uint64_t df;
        uint32_t count;
        uint32_t own;
        uint64_t part;
    } cases[] = {
        {1, 1, 1, 1, 1, 1235585092},
        {1000, 50000, 10, 3, 40, 29145934487},
        {63666, 5921000, 6417, 2, 93, 12913981409},
        {4000000000u, 400000000000u, 1, 9, 1, 167026517675},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const st_bm25 term = st_bm25_of(cases[i].documents, cases[i].length, cases[i].df);
        assert_true(st_bm25_part(&term, cases[i].count, cases[i].own) == cases[i].part);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logarithm),
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_the_same_bits_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
