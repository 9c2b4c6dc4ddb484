/* test_crc32c.c - that the checksum is CRC-32C, and the same by every path.
 *
 * The vectors are those of RFC 3720, appendix B.4, and the catalogue's check value. A bit-by-bit
 * register of seven lines, which cannot share a defect with tables or instructions, is the second
 * opinion for every length to 300 at every alignment, for the dispatched function and for its
 * portable twin.
 */
#include "support.h"

#include "base/crc32c.h"

static uint32_t bit_by_bit(uint32_t crc, const uint8_t *p, size_t len) {
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

static void vectors(void **state) {
    (void)state;
    uint8_t zeros[32] = {0};
    uint8_t ones[32];
    uint8_t up[32];
    uint8_t down[32];
    memset(ones, 0xff, sizeof ones);
    for (uint8_t i = 0; i < 32; i++) {
        up[i] = i;
        down[i] = (uint8_t)(31 - i);
    }
    const strata_slice scsi_read =
        test_hex("01c00000 00000000 00000000 00000000 14000000 00000400 "
                 "00000014 00000018 28000000 00000000 02000000 00000000");
    const struct {
        strata_slice bytes;
        uint32_t crc;
    } cases[] = {
        {{zeros, 32}, 0x8a9136aau}, {{ones, 32}, 0x62a8ab43u},
        {{up, 32}, 0x46dd794eu},    {{down, 32}, 0x113fdb5cu},
        {scsi_read, 0xd9963a56u},   {strata_text("123456789"), 0xe3069283u},
        {strata_text(""), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(st_crc32c(0, cases[i].bytes), cases[i].crc);
        assert_int_equal(st_crc32c_portable(0, cases[i].bytes), cases[i].crc);
    }
}

static void every_length_and_alignment(void **state) {
    (void)state;
    enum { LENGTHS = 300, ALIGNMENTS = 16 };
    uint8_t bytes[LENGTHS + ALIGNMENTS];
    uint64_t chance = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)test_random(&chance);
    }
    for (size_t align = 0; align < ALIGNMENTS; align++) {
        for (size_t len = 0; len <= LENGTHS; len++) {
            const uint32_t from = (uint32_t)test_random(&chance);
            const strata_slice part = st_slice(bytes + align, len);
            const uint32_t expected = bit_by_bit(from, bytes + align, len);
            assert_int_equal(st_crc32c(from, part), expected);
            assert_int_equal(st_crc32c_portable(from, part), expected);
        }
    }
}

static void in_parts(void **state) {
    (void)state;
    const strata_slice whole = strata_text("The log is written in parts and summed as a whole.");
    const uint8_t *bytes = whole.data;
    for (size_t cut = 0; cut <= whole.len; cut++) {
        const uint32_t first = st_crc32c(0, st_slice(bytes, cut));
        assert_int_equal(st_crc32c(first, st_slice(bytes + cut, whole.len - cut)),
                         st_crc32c(0, whole));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(every_length_and_alignment),
        cmocka_unit_test(in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
