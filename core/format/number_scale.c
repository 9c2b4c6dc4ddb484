/* number_scale.c - digits times a power of ten to the nearest double, by one 128-bit product.
 *
 * After Lemire, "Number parsing at a gigabyte per second" (2021): the digits, shifted so that their
 * first bit is set, times the 128 leading bits of the power of five; the power of two only shifts. The
 * upper 64 bits of the product hold the 53 bits of the double, the one it is rounded by, and the rest.
 * The lower half of the power is multiplied in only where the upper one leaves the rounding open.
 *
 * Invariants:
 * 1. Powers from 10^-27 to 10^55: within them the product always tells how to round (the paper,
 *    section 8), so that there is no doubtful case. They are what is written in practice; others go to
 *    the exact way of number.c, and so does whatever is not a normal double.
 * 2. A tie, which only powers from -4 to 23 can be, goes to the even neighbour.
 * Rejected: the whole range of doubles. It is ten kilobytes of table, for numbers that hardly come.
 */
#include "base/bytes.h"
#include "format/number.h"

enum { POWER_MIN = -27, POWER_MAX = 55, TIE_MIN = -4, TIE_MAX = 23 };

/* 5^power, shifted so that bit 127 is set: exact from 0 on, below rounded up. */
static const uint64_t fives[POWER_MAX - POWER_MIN + 1][2] = {
    {0x9e74d1b791e07e48, 0x775ea264cf55347e}, {0xc612062576589dda, 0x95364afe032a819e},
    {0xf79687aed3eec551, 0x3a83ddbd83f52205}, {0x9abe14cd44753b52, 0xc4926a9672793543},
    {0xc16d9a0095928a27, 0x75b7053c0f178294}, {0xf1c90080baf72cb1, 0x5324c68b12dd6339},
    {0x971da05074da7bee, 0xd3f6fc16ebca5e04}, {0xbce5086492111aea, 0x88f4bb1ca6bcf585},
    {0xec1e4a7db69561a5, 0x2b31e9e3d06c32e6}, {0x9392ee8e921d5d07, 0x3aff322e62439fd0},
    {0xb877aa3236a4b449, 0x09befeb9fad487c3}, {0xe69594bec44de15b, 0x4c2ebe687989a9b4},
    {0x901d7cf73ab0acd9, 0x0f9d37014bf60a11}, {0xb424dc35095cd80f, 0x538484c19ef38c95},
    {0xe12e13424bb40e13, 0x2865a5f206b06fba}, {0x8cbccc096f5088cb, 0xf93f87b7442e45d4},
    {0xafebff0bcb24aafe, 0xf78f69a51539d749}, {0xdbe6fecebdedd5be, 0xb573440e5a884d1c},
    {0x89705f4136b4a597, 0x31680a88f8953031}, {0xabcc77118461cefc, 0xfdc20d2b36ba7c3e},
    {0xd6bf94d5e57a42bc, 0x3d32907604691b4d}, {0x8637bd05af6c69b5, 0xa63f9a49c2c1b110},
    {0xa7c5ac471b478423, 0x0fcf80dc33721d54}, {0xd1b71758e219652b, 0xd3c36113404ea4a9},
    {0x83126e978d4fdf3b, 0x645a1cac083126ea}, {0xa3d70a3d70a3d70a, 0x3d70a3d70a3d70a4},
    {0xcccccccccccccccc, 0xcccccccccccccccd}, {0x8000000000000000, 0x0000000000000000},
    {0xa000000000000000, 0x0000000000000000}, {0xc800000000000000, 0x0000000000000000},
    {0xfa00000000000000, 0x0000000000000000}, {0x9c40000000000000, 0x0000000000000000},
    {0xc350000000000000, 0x0000000000000000}, {0xf424000000000000, 0x0000000000000000},
    {0x9896800000000000, 0x0000000000000000}, {0xbebc200000000000, 0x0000000000000000},
    {0xee6b280000000000, 0x0000000000000000}, {0x9502f90000000000, 0x0000000000000000},
    {0xba43b74000000000, 0x0000000000000000}, {0xe8d4a51000000000, 0x0000000000000000},
    {0x9184e72a00000000, 0x0000000000000000}, {0xb5e620f480000000, 0x0000000000000000},
    {0xe35fa931a0000000, 0x0000000000000000}, {0x8e1bc9bf04000000, 0x0000000000000000},
    {0xb1a2bc2ec5000000, 0x0000000000000000}, {0xde0b6b3a76400000, 0x0000000000000000},
    {0x8ac7230489e80000, 0x0000000000000000}, {0xad78ebc5ac620000, 0x0000000000000000},
    {0xd8d726b7177a8000, 0x0000000000000000}, {0x878678326eac9000, 0x0000000000000000},
    {0xa968163f0a57b400, 0x0000000000000000}, {0xd3c21bcecceda100, 0x0000000000000000},
    {0x84595161401484a0, 0x0000000000000000}, {0xa56fa5b99019a5c8, 0x0000000000000000},
    {0xcecb8f27f4200f3a, 0x0000000000000000}, {0x813f3978f8940984, 0x4000000000000000},
    {0xa18f07d736b90be5, 0x5000000000000000}, {0xc9f2c9cd04674ede, 0xa400000000000000},
    {0xfc6f7c4045812296, 0x4d00000000000000}, {0x9dc5ada82b70b59d, 0xf020000000000000},
    {0xc5371912364ce305, 0x6c28000000000000}, {0xf684df56c3e01bc6, 0xc732000000000000},
    {0x9a130b963a6c115c, 0x3c7f400000000000}, {0xc097ce7bc90715b3, 0x4b9f100000000000},
    {0xf0bdc21abb48db20, 0x1e86d40000000000}, {0x96769950b50d88f4, 0x1314448000000000},
    {0xbc143fa4e250eb31, 0x17d955a000000000}, {0xeb194f8e1ae525fd, 0x5dcfab0800000000},
    {0x92efd1b8d0cf37be, 0x5aa1cae500000000}, {0xb7abc627050305ad, 0xf14a3d9e40000000},
    {0xe596b7b0c643c719, 0x6d9ccd05d0000000}, {0x8f7e32ce7bea5c6f, 0xe4820023a2000000},
    {0xb35dbf821ae4f38b, 0xdda2802c8a800000}, {0xe0352f62a19e306e, 0xd50b2037ad200000},
    {0x8c213d9da502de45, 0x4526f422cc340000}, {0xaf298d050e4395d6, 0x9670b12b7f410000},
    {0xdaf3f04651d47b4c, 0x3c0cdd765f114000}, {0x88d8762bf324cd0f, 0xa5880a69fb6ac800},
    {0xab0e93b6efee0053, 0x8eea0d047a457a00}, {0xd5d238a4abe98068, 0x72a4904598d6d880},
    {0x85a36366eb71f041, 0x47a6da2b7f864750}, {0xa70c3c40a64e6c51, 0x999090b65f67d924},
    {0xd0cf4b50cfe20765, 0xfff4b4e3f741cf6d},
};

typedef struct product {
    uint64_t high;
    uint64_t low;
} product;

static product multiply(uint64_t a, uint64_t b) {
    const uint64_t a0 = (uint32_t)a;
    const uint64_t a1 = a >> 32;
    const uint64_t b0 = (uint32_t)b;
    const uint64_t b1 = b >> 32;
    const uint64_t low = a0 * b0;
    const uint64_t middle = a1 * b0 + (low >> 32);
    const uint64_t cross = a0 * b1 + (uint32_t)middle;
    return (product){a1 * b1 + (middle >> 32) + (cross >> 32), cross << 32 | (uint32_t)low};
}

/* digits: bit 63 is set. */
static product times_five(uint64_t digits, const uint64_t five[2]) {
    enum { OPEN = 0x1ff }; /* the bits of the upper half that a double does not take */
    product of = multiply(digits, five[0]);
    if ((of.high & OPEN) == OPEN) {
        const product more = multiply(digits, five[1]);
        of.low += more.high;
        of.high += of.low < more.high;
    }
    return of;
}

bool st_number_scale(uint64_t digits, int64_t power, double *magnitude) {
    enum { FRACTION_BITS = 52, SHIFT = 64 - FRACTION_BITS - 3, BIAS = 1023, EXPONENT_MAX = 2047 };
    if (digits == 0) {
        *magnitude = 0;
        return true;
    }
    if (power < POWER_MIN || power > POWER_MAX) {
        return false;
    }
    const unsigned zeros = (unsigned)__builtin_clzll(digits);
    const product of = times_five(digits << zeros, fives[power - POWER_MIN]);
    const unsigned top = (unsigned)(of.high >> 63);
    uint64_t fraction = of.high >> (top + SHIFT);
    /* 217706 / 65536 is log2(10); what is added keeps the sum above zero. */
    const uint64_t log2 = (uint64_t)(217706 * power + ((int64_t)BIAS << 16)) >> 16;
    int exponent = (int)log2 + 63 + (int)top - (int)zeros;
    if (of.low <= 1 && power >= TIE_MIN && power <= TIE_MAX && (fraction & 3) == 1 &&
        fraction << (top + SHIFT) == of.high) {
        fraction &= ~(uint64_t)1;
    }
    fraction += fraction & 1;
    fraction >>= 1;
    if (fraction >> (FRACTION_BITS + 1) != 0) {
        fraction >>= 1;
        exponent++;
    }
    if (exponent <= 0 || exponent >= EXPONENT_MAX) {
        return false;
    }
    *magnitude = st_double_of_bits((fraction & (((uint64_t)1 << FRACTION_BITS) - 1)) |
                                   (uint64_t)exponent << FRACTION_BITS);
    return true;
}
