/* test_filter.c - the filter never denies a key that it holds, admits few that it does not, and its
 * bytes and hashes are those of docs/FORMAT.md: computed here a second time, bit by bit.
 */
#include "support.h"

#include "store/table/filter.h"

enum { BYTES_MAX = 1 << 20 };

static uint8_t filter[BYTES_MAX];

static uint64_t hash_of_number(uint64_t number) {
    uint8_t bytes[8];
    store64_le(bytes, number);
    return st_filter_hash(st_slice(bytes, sizeof bytes));
}

static void holds_what_was_added(void **state) {
    (void)state;
    const uint64_t counts[] = {1, 2, 51, 52, 53, 1000, 77777};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const size_t bytes = st_filter_bytes(counts[i], BYTES_MAX);
        assert_int_equal(bytes % ST_FILTER_LINE_BYTES, 0);
        memset(filter, 0, bytes);
        for (uint64_t key = 0; key < counts[i]; key++) {
            st_filter_add(filter, bytes, hash_of_number(key));
        }
        uint64_t wrong = 0;
        for (uint64_t key = 0; key < counts[i]; key++) {
            assert_true(st_filter_may_hold(filter, bytes, hash_of_number(key)));
            wrong += st_filter_may_hold(filter, bytes, hash_of_number(key + (1u << 30)));
        }
        if (counts[i] >= 1000) {
            assert_in_range(wrong, 1, counts[i] / 60); /* 0.97 % is expected */
        }
    }
}

static void size_has_a_limit(void **state) {
    (void)state;
    assert_int_equal(st_filter_bytes(0, BYTES_MAX), ST_FILTER_LINE_BYTES);
    assert_int_equal(st_filter_bytes(512, BYTES_MAX), 11 * ST_FILTER_LINE_BYTES);
    assert_int_equal(st_filter_bytes(UINT64_MAX, 1000), 960);
    assert_int_equal(st_filter_bytes(UINT64_MAX, BYTES_MAX), BYTES_MAX);
}

/* As docs/FORMAT.md says it. */
static uint64_t hash_by_the_book(const uint8_t *key, size_t len) {
    uint64_t h = (uint64_t)len * 0x9e3779b97f4a7c15u;
    for (size_t at = 0; at < len; at += 8) {
        uint64_t w = 0;
        for (size_t i = 0; i < 8 && at + i < len; i++) {
            w += (uint64_t)key[at + i] << (8 * i);
        }
        h = (h ^ w) * 0xa0761d6478bd642fu;
        h ^= h >> 32;
    }
    h = (h ^ h >> 29) * 0xe7037ed1a0b428dbu;
    return h ^ h >> 32;
}

static void is_that_of_the_format(void **state) {
    (void)state;
    static uint8_t expected[64 * 100];
    uint8_t key[40];
    uint64_t chance = 5;
    memset(filter, 0, sizeof expected);
    for (int n = 0; n < 500; n++) {
        const size_t len = test_random_below(&chance, sizeof key + 1);
        for (size_t i = 0; i < len; i++) {
            key[i] = (uint8_t)test_random(&chance);
        }
        const uint64_t h = hash_by_the_book(key, len);
        assert_int_equal(st_filter_hash(st_slice(key, len)), h);
        st_filter_add(filter, sizeof expected, h);
        const uint64_t line = (h >> 32) * 100 >> 32;
        const uint64_t s = h * 0x9e3779b97f4a7c15u;
        for (unsigned i = 0; i < 6; i++) {
            const unsigned bit = s >> (55 - 9 * i) & 511;
            expected[line * 64 + bit / 8] |= (uint8_t)(1u << bit % 8);
        }
    }
    assert_memory_equal(filter, expected, sizeof expected);
}

/* The same on every host, for ever. */
static void known_hashes(void **state) {
    (void)state;
    static const struct {
        const char *key;
        uint64_t hash;
    } cases[] = {
        {"", 0x0000000000000000u},
        {"a", 0x95a5038346026649u},
        {"abcdefgh", 0xf4dd90559fe20a41u},
        {"the quick brown fox", 0xfe586e7fb0de5df9u},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint64_t hash = st_filter_hash(strata_text(cases[i].key));
        if (hash != cases[i].hash) {
            fail_msg("hash of \"%s\" is 0x%016llx", cases[i].key, (unsigned long long)hash);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_added),
        cmocka_unit_test(size_has_a_limit),
        cmocka_unit_test(is_that_of_the_format),
        cmocka_unit_test(known_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
