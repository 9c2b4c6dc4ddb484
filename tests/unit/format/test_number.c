/* test_number.c - that decimals are read as the nearest double and doubles printed as the shortest
 * decimal, against the system's C library, whose strtod and printf are exact.
 *
 * Printed text is shortest when no decimal of one digit less reads back; it is the nearest when
 * printf's own rounding to as many digits gives the same ones, wherever those read back.
 */
#include "support.h"

#include "format/number.h"

static const char *print(double real) {
    static char text[ST_NUMBER_TEXT_MAX + 1];
    const size_t len = st_number_print(real, text);
    assert_true(len < ST_NUMBER_TEXT_MAX);
    text[len] = '\0';
    return text;
}

static void check_parse(const char *text) {
    double real = 0;
    const double expected = strtod(text, NULL);
    const bool finite = st_number_parse(strata_text(text), &real);
    if (finite != (isinf(expected) == 0) ||
        (finite && st_double_bits(real) != st_double_bits(expected))) {
        fail_msg("%.60s: got %a, expected %a", text, real, expected);
    }
}

static size_t count_digits(const char *text, char *digits) {
    size_t count = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0')) {
            digits[count++] = *text;
        }
    }
    while (count > 0 && digits[count - 1] == '0') {
        count--;
    }
    return count;
}

static void check_print(double real) {
    const char *text = print(real);
    char digits[40];
    char rounded[64];
    char rounded_digits[64];
    if (st_double_bits(strtod(text, NULL)) != st_double_bits(real)) {
        fail_msg("%a is printed as %s, which reads back as another number", real, text);
    }
    check_parse(text);
    assert_true(strpbrk(text, ".e") != NULL);
    const size_t count = count_digits(text, digits);
    if (count > 1) {
        (void)snprintf(rounded, sizeof rounded, "%.*e", (int)count - 2, real);
        if (strtod(rounded, NULL) == real) {
            fail_msg("%s is not the shortest: %s", text, rounded);
        }
    }
    (void)snprintf(rounded, sizeof rounded, "%.*e", count == 0 ? 0 : (int)count - 1, real);
    const size_t rounded_count = count_digits(rounded, rounded_digits);
    if (strtod(rounded, NULL) == real &&
        (rounded_count != count || memcmp(digits, rounded_digits, count) != 0)) {
        fail_msg("%s is not the nearest: %s", text, rounded);
    }
}

static void forms(void **state) {
    (void)state;
    static const struct {
        double real;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {100.0, "100.0"},
        {123456.789, "123456.789"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {1.25e-7, "1.25e-07"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"},
        {1234567890123456.0, "1234567890123456.0"},
        {12345678901234568.0, "1.2345678901234568e+16"},
        {9007199254740993.0, "9007199254740992.0"},
        {1e21, "1e+21"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {9.5e-3, "0.0095"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {2.225073858507201e-308, "2.225073858507201e-308"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {4.35, "4.35"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {2.0 / 3, "0.6666666666666666"},
        {5e-320, "5e-320"},
        {9.007199254740993e15, "9007199254740992.0"},
        {4611686018427387904.0, "4.611686018427388e+18"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(print(cases[i].real), cases[i].text);
        check_print(cases[i].real);
    }
}

static void hard_texts(void **state) {
    (void)state;
    static const char *const cases[] = {
        "0",
        "-0",
        "-0.0",
        "0e999999999999999999999999",
        "0.000e-99999999999999999999999",
        "1e309",
        "1e-400",
        "-1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "-1.7976931348623159e308",
        "17976931348623157081e289",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "4.9406564584124654e-324",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.2250738585072014e-308",
        "6.631236846766476e-316",
        "3.237883913302901e-319",
        "9007199254740993",
        "9007199254740992.999999999999999999999",
        "9007199254740993.000000000000000000001",
        "9007199254740995e0",
        "0.500000000000000166533453693773481063544750213623046875",
        "3.518437208883201171875e13",
        "62.5364939768271845828",
        "8.10109172351e-10",
        "1.50000000000000011102230246251565",
        "9355950000000000000.00000000000000000000000000000000001844674407370955161600000184467",
        "1e22",
        "1e23",
        "123456789012345e22",
        "123456789012345e23",
        "1234567890123456e22",
        "4e-22",
        "4e-23",
        "0.1e1",
        "10000000000000000000000000000000000000000e-40",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_parse(cases[i]);
    }
}

/* Texts longer than any number of kept digits: all that is cut must still count. */
static void long_texts(void **state) {
    (void)state;
    enum { SIZE = 5000 };
    static char text[SIZE + 64];
    static const char *const heads[] = {"9007199254740993.", "0.", "1.", "4503599627370497.5"};
    static const char *const tails[] = {"", "1", "e5", "1e-300", "1e300", "9e-5100"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 6; j++) {
            for (size_t zeros = 0; zeros <= SIZE - 64; zeros += 211) {
                const size_t head = strlen(heads[i]);
                memcpy(text, heads[i], head);
                memset(text + head, '0', zeros + 1);
                (void)strcpy(text + head + zeros + 1, tails[j]);
                check_parse(text);
            }
        }
    }
    /* 800 digits of a halfway point: 2^-1074 / 2, exactly and by one digit more or less. */
    (void)snprintf(text, sizeof text, "%.1080f", 0x1p-1074);
    check_parse(text);
    (void)snprintf(text, sizeof text, "%.1130f", 0x1.8p-1060);
    check_parse(text);
}

static void seeded_bits(void **state) {
    (void)state;
    uint64_t chance = 6;
    for (int i = 0; i < 60000; i++) {
        const double real = st_double_of_bits(test_random(&chance));
        if (isfinite(real)) {
            check_print(real);
        }
    }
}

static void powers_and_their_neighbours(void **state) {
    (void)state;
    for (int exponent = -1074; exponent < 1024; exponent++) {
        const uint64_t bits = st_double_bits(ldexp(1.0, exponent));
        check_print(st_double_of_bits(bits - 1));
        check_print(st_double_of_bits(bits));
        check_print(st_double_of_bits(bits + 1));
    }
    char text[32];
    for (int exponent = -330; exponent < 312; exponent++) {
        for (int digit = 1; digit < 10; digit++) {
            (void)snprintf(text, sizeof text, "%de%d", digit, exponent);
            check_parse(text);
        }
    }
}

static void seeded_decimals(void **state) {
    (void)state;
    uint64_t chance = 7;
    for (int i = 0; i < 100000; i++) {
        char text[64];
        const uint64_t whole = test_random(&chance) >> test_random_below(&chance, 64);
        const uint64_t part = test_random(&chance) >> test_random_below(&chance, 64);
        const int exponent = (int)test_random_below(&chance, 60) - 30;
        (void)snprintf(text, sizeof text, "%llu.%llue%d", (unsigned long long)whole,
                       (unsigned long long)part, exponent);
        check_parse(text);
        check_print(strtod(text, NULL));
        check_print((double)(whole >> 10));
    }
}

/* Halfway between two doubles, to its last digit, and one digit above and below. */
static void halfway_points(void **state) {
    (void)state;
    static char text[1200];
    uint64_t chance = 8;
    for (int i = 0; i < 4000; i++) {
        /* 54 significant bits: the last one is half a unit. */
        const uint64_t odd = (test_random(&chance) >> 10) | (uint64_t)1 << 53 | 1;
        const int exponent = (int)test_random_below(&chance, 300) - 200;
        const long double half = ldexpl((long double)odd, exponent);
        const int len = snprintf(text, sizeof text, "%.300Lf", half);
        check_parse(text);
        text[len - 1] = '1';
        check_parse(text);
        (void)snprintf(text, sizeof text, "%.300Lf", nextafterl(half, 0.0L));
        check_parse(text);
    }
}

/* One product says the same as the exact way, for every power it takes, digits of every length, ties, and
 * what is next to them; and it refuses no number that people write. */
static void scaled(void **state) {
    (void)state;
    uint64_t chance = 77;
    size_t refused = 0;
    for (int power = -30; power <= 58; power++) {
        for (int i = 0; i < 400; i++) {
            const uint64_t bits = test_random(&chance);
            /* Every fourth is at or beside a tie: 54 bits, the last of them set. */
            const uint64_t tie = (bits >> 10 | (uint64_t)1 << 53) | 1;
            const uint64_t digits = i % 4 == 0   ? tie
                                    : i % 4 == 1 ? tie + bits % 3 - 1
                                                 : bits >> bits % 64;
            char text[48];
            double scaled_to = 0;
            double exact = 0;
            const int len =
                snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, power);
            assert_true(st_number_parse(st_slice(text, (size_t)len), &exact));
            if (!st_number_scale(digits, power, &scaled_to)) {
                refused++;
                assert_true(power < -27 || power > 55);
            } else if (scaled_to != exact) {
                fail_msg("%s: %a, and not %a", text, scaled_to, exact);
            }
        }
    }
    assert_true(refused > 0);
    double zero = 1;
    assert_true(st_number_scale(0, 400, &zero) && zero == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaled),
        cmocka_unit_test(forms),
        cmocka_unit_test(hard_texts),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(seeded_bits),
        cmocka_unit_test(seeded_decimals),
        cmocka_unit_test(powers_and_their_neighbours),
        cmocka_unit_test(halfway_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
