/* test_clock.c - that time moves forward, is told in the units of host.h, and that entropy fills
 * all it is asked to fill, over the 256 bytes that the system gives at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "strata/host.h"

static void test_monotonic_never_goes_back(void **state) {
    (void)state;
    const strata_clock *const clock = &strata_host_default()->clock;
    const uint64_t first = clock->monotonic_ns(clock->ctx);
    uint64_t last = first;
    for (int i = 0; i < 100000; i++) {
        const uint64_t now = clock->monotonic_ns(clock->ctx);
        assert_true(now >= last);
        last = now;
    }
    assert_true(last > first);
}

static void test_wall_is_in_microseconds(void **state) {
    (void)state;
    const strata_clock *const clock = &strata_host_default()->clock;
    const int64_t before = (int64_t)time(NULL);
    const int64_t now_us = clock->wall_us(clock->ctx);
    const int64_t after = (int64_t)time(NULL);
    /* time() reads a coarser clock, which may be a tick behind the fine one. */
    assert_true(now_us / 1000000 >= before && now_us / 1000000 <= after + 1);
}

static void test_entropy_fills_everything(void **state) {
    (void)state;
    const strata_entropy *const entropy = &strata_host_default()->entropy;
    const size_t lens[] = {0, 1, 16, 255, 256, 257, 1000, 5000};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        uint8_t first[5016] = {0};
        uint8_t second[5016] = {0};
        assert_int_equal(entropy->fill(entropy->ctx, first, lens[i]), STRATA_OK);
        assert_int_equal(entropy->fill(entropy->ctx, second, lens[i]), STRATA_OK);
        const uint8_t zeros[16] = {0};
        assert_memory_equal(first + lens[i], zeros, 16);
        /* 16 bytes at a time: a chance of 2^-128 to be zeros or equal. */
        for (size_t at = 0; at + 16 <= lens[i]; at += 16) {
            assert_memory_not_equal(first + at, zeros, 16);
            assert_memory_not_equal(first + at, second + at, 16);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotonic_never_goes_back),
        cmocka_unit_test(test_wall_is_in_microseconds),
        cmocka_unit_test(test_entropy_fills_everything),
    };
    return cmocka_run_group_tests_name("hosts/native/clock", tests, NULL, NULL);
}
