/* test_sha256.c - that it is SHA-256 (the examples of FIPS 180-4 and NIST's long message), that where
 * the parts are cut does not matter, and that the processor's is libsodium's for every length.
 */
#include "support.h"

#include "format/sha256.h"

static void check(const strata_slice *parts, size_t count, const char *hex) {
    uint8_t hash[ST_SHA256_BYTES];
    st_sha256(parts, count, hash);
    test_bytes_equal(st_slice(hash, sizeof hash), test_hex(hex), "hash");
}

static void fips_examples(void **state) {
    (void)state;
    const strata_slice abc = strata_text("abc");
    const strata_slice two_blocks =
        strata_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
    check(&abc, 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check(&two_blocks, 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void million_letters(void **state) {
    (void)state;
    static char letters[1000];
    static strata_slice parts[1000];
    memset(letters, 'a', sizeof letters);
    for (size_t i = 0; i < 1000; i++) {
        parts[i] = st_slice(letters, sizeof letters);
    }
    check(parts, 1000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void cuts_do_not_matter(void **state) {
    (void)state;
    uint8_t bytes[200];
    uint8_t whole[ST_SHA256_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37);
    }
    const strata_slice all = st_slice(bytes, sizeof bytes);
    st_sha256(&all, 1, whole);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        const strata_slice parts[3] = {st_slice(bytes, cut), st_slice(NULL, 0),
                                       st_slice(bytes + cut, sizeof bytes - cut)};
        uint8_t hash[ST_SHA256_BYTES];
        st_sha256(parts, 3, hash);
        assert_memory_equal(hash, whole, sizeof hash);
    }
}

static void twins(void **state) {
    (void)state;
    static uint8_t bytes[2000];
    uint64_t chance = 11;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)test_random_below(&chance, 256);
    }
    for (size_t len = 0; len < sizeof bytes - 64; len++) {
        /* Cut somewhere, and not aligned. */
        const size_t skip = (size_t)test_random_below(&chance, 64);
        const size_t cut = (size_t)test_random_below(&chance, len + 1);
        const strata_slice parts[2] = {st_slice(bytes + skip, cut),
                                       st_slice(bytes + skip + cut, len - cut)};
        uint8_t hash[ST_SHA256_BYTES];
        uint8_t expected[ST_SHA256_BYTES];
        st_sha256(parts, 2, hash);
        st_sha256_portable(parts, 2, expected);
        test_bytes_equal(st_slice(hash, sizeof hash), st_slice(expected, sizeof expected), "hash");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fips_examples),
        cmocka_unit_test(million_letters),
        cmocka_unit_test(cuts_do_not_matter),
        cmocka_unit_test(twins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
