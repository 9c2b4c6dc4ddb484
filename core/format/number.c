/* number.c - decimal text <-> double by exact integers.
 *
 * Both directions compare fractions of big integers, so that nothing is ever rounded but the
 * result. That is slower than Ryu or Eisel-Lemire by an order of magnitude and smaller by two: no
 * tables of powers, no proof that a reader has to look up. Floats are rare in what Strata prints;
 * the whole numbers and short decimals that are common take a path without big integers.
 *
 * Reading (Clinger 1990). Up to 15 digits and a power of ten up to 10^22 are exact doubles, so one
 * IEEE operation on them rounds once. Else value = N/M in big integers, and binary long division
 * gives its 64 leading bits and whether anything is left over.
 * Printing (Steele and White 1990, Dragon4, after Burger and Dybvig 1996). The number is r/s, half
 * the gap to its neighbours m_low/s and m_high/s; digits are made until what is left is inside the
 * gap.
 *
 * Invariants:
 * 1. limb[0..len) is the number in base 2^32, least first; limb[len-1] != 0; zero has len 0.
 * 2. No integer is beyond LIMBS_MAX limbs: a decimal keeps DIGITS_MAX digits (halfway points
 *    between doubles have at most 767, so one more digit stands for all that are cut), and
 *    exponents beyond the range of doubles are answered before any integer is made. The greatest
 *    is 10^(345 + 770) shifted by 64 bits: 3770 bits.
 * 3. Doubles are computed as doubles (no x87 registers), asserted below.
 */
#include "format/number.h"

_Static_assert(__FLT_EVAL_METHOD__ == 0, "double arithmetic must round once");

enum {
    LIMBS_MAX = 128,
    DIGITS_MAX = 769,
    DECIMAL_EXPONENT_MAX = 309,  /* 1e309 is beyond the greatest double */
    DECIMAL_EXPONENT_MIN = -324, /* 1e-325 is below half of the smallest */
    FRACTION_BITS = 52,
    EXPONENT_BIAS = 1023,
};

/* ---- Big integers ---------------------------------------------------------------------------- */

typedef struct big {
    uint32_t limb[LIMBS_MAX];
    size_t len;
} big;

static void big_set(big *a, uint64_t value) {
    a->len = 0;
    for (; value != 0; value >>= 32) {
        a->limb[a->len++] = (uint32_t)value;
    }
}

/* a = a * factor + carry. */
static void big_multiply(big *a, uint32_t factor, uint32_t carry) {
    for (size_t i = 0; i < a->len; i++) {
        const uint64_t product = (uint64_t)a->limb[i] * factor + carry;
        a->limb[i] = (uint32_t)product;
        carry = (uint32_t)(product >> 32);
    }
    if (carry != 0) {
        ST_ASSERT(a->len < LIMBS_MAX);
        a->limb[a->len++] = carry;
    }
}

static void big_multiply_power10(big *a, unsigned power) {
    for (; power >= 9; power -= 9) {
        big_multiply(a, 1000000000u, 0);
    }
    for (; power > 0; power--) {
        big_multiply(a, 10, 0);
    }
}

static void big_shift_left(big *a, unsigned bits) {
    if (a->len == 0 || bits == 0) {
        return;
    }
    const size_t limbs = bits / 32;
    const unsigned rest = bits % 32;
    ST_ASSERT(a->len + limbs + 1 <= LIMBS_MAX);
    a->limb[a->len] = 0;
    for (size_t i = a->len + 1; i-- > 0;) {
        const uint64_t high = (uint64_t)a->limb[i] << 32 | (i > 0 ? a->limb[i - 1] : 0);
        a->limb[i + limbs] = (uint32_t)(high << rest >> 32);
    }
    memset(a->limb, 0, limbs * sizeof a->limb[0]);
    a->len += limbs + 1;
    while (a->limb[a->len - 1] == 0) {
        a->len--;
    }
}

static int big_compare(const big *a, const big *b) {
    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }
    for (size_t i = a->len; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

/* a -= b, where a >= b. */
static void big_subtract(big *a, const big *b) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->len; i++) {
        const uint64_t less = borrow + (i < b->len ? b->limb[i] : 0);
        borrow = a->limb[i] < less;
        a->limb[i] = (uint32_t)(a->limb[i] - less);
    }
    ST_ASSERT(borrow == 0);
    while (a->len > 0 && a->limb[a->len - 1] == 0) {
        a->len--;
    }
}

/* Compares a + b with c. */
static int big_compare_sum(const big *a, const big *b, const big *c) {
    big sum = {.len = st_max(a->len, b->len)};
    uint64_t carry = 0;
    for (size_t i = 0; i < sum.len; i++) {
        carry += (uint64_t)(i < a->len ? a->limb[i] : 0) + (i < b->len ? b->limb[i] : 0);
        sum.limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        ST_ASSERT(sum.len < LIMBS_MAX);
        sum.limb[sum.len++] = (uint32_t)carry;
    }
    return big_compare(&sum, c);
}

static unsigned bits_of(uint64_t value) {
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

static unsigned big_bits(const big *a) {
    return a->len == 0 ? 0 : (unsigned)(a->len - 1) * 32 + bits_of(a->limb[a->len - 1]);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The number 0.d1d2d3... * 10^exponent, d1 != 0; count 0 is zero. */
typedef struct decimal {
    bool negative;
    size_t count;
    int64_t exponent;
    uint8_t digit[DIGITS_MAX];
} decimal;

static void take_digit(decimal *out, uint8_t digit, bool after_point) {
    if (out->count == 0 && digit == 0) {
        out->exponent -= after_point;
        return;
    }
    out->exponent += !after_point;
    if (out->count < DIGITS_MAX - 1) {
        out->digit[out->count++] = digit;
    } else if (digit != 0) {
        /* Where the digits are cut, a last 1 says that there was more. */
        out->digit[DIGITS_MAX - 1] = 1;
        out->count = DIGITS_MAX;
    }
}

static void read_decimal(strata_slice text, decimal *out) {
    /* Beyond the length of any text, so that no number of zeros makes up for it. */
    static const int64_t exponent_clamp = (int64_t)1 << 50;
    const char *at = text.data;
    const char *end = at + text.len;
    out->count = 0;
    out->exponent = 0;
    out->negative = at < end && *at == '-';
    at += out->negative;
    bool after_point = false;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            after_point = true;
        } else {
            take_digit(out, (uint8_t)(*at - '0'), after_point);
        }
    }
    if (at == end) {
        return;
    }
    at++;
    const bool minus = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    int64_t exponent = 0;
    for (; at < end; at++) {
        exponent = exponent < exponent_clamp ? exponent * 10 + (*at - '0') : exponent;
    }
    out->exponent += minus ? -exponent : exponent;
}

/* Clinger's fast path: digits and power are exact doubles, so that one operation rounds once. */
static bool parse_fast(const decimal *number, double *real) {
    static const double power10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int64_t power = number->exponent - (int64_t)number->count;
    if (number->count > 15 || power < -22 || power > 22) {
        return false;
    }
    int64_t digits = 0;
    for (size_t i = 0; i < number->count; i++) {
        digits = digits * 10 + number->digit[i];
    }
    *real = power < 0 ? (double)digits / power10[-power] : (double)digits * power10[power];
    return true;
}

/* The bits of the double nearest to 1.xxx * 2^exponent, where q is the 64 bits 1xxx and `more` says
 * that non-zero bits follow. Too great a number comes out as infinity or more. */
static uint64_t round_to_double(uint64_t q, int exponent, bool more) {
    const bool subnormal = exponent < 1 - EXPONENT_BIAS;
    const int drop = 64 - (FRACTION_BITS + 1) + (subnormal ? 1 - EXPONENT_BIAS - exponent : 0);
    if (drop > 64) {
        return 0;
    }
    uint64_t kept = drop == 64 ? 0 : q >> drop;
    const uint64_t half = (uint64_t)1 << (drop - 1);
    const uint64_t rest = q & (half | (half - 1));
    if (rest > half || (rest == half && (more || (kept & 1) != 0))) {
        kept++;
    }
    /* A carry out of the fraction raises the exponent by one, which is what it should. */
    return subnormal ? kept : kept + ((uint64_t)(exponent + EXPONENT_BIAS - 1) << FRACTION_BITS);
}

static uint64_t parse_exact(const decimal *number) {
    big n;
    big m;
    big_set(&n, 0);
    big_set(&m, 1);
    for (size_t i = 0; i < number->count; i++) {
        big_multiply(&n, 10, number->digit[i]);
    }
    const int64_t power = number->exponent - (int64_t)number->count;
    big_multiply_power10(power < 0 ? &m : &n, (unsigned)(power < 0 ? -power : power));
    /* Scaled so that 1 <= n/m < 2: the quotient's exponent is the difference of the lengths. */
    int exponent = (int)big_bits(&n) - (int)big_bits(&m);
    big_shift_left(exponent < 0 ? &n : &m, (unsigned)(exponent < 0 ? -exponent : exponent));
    if (big_compare(&n, &m) < 0) {
        big_shift_left(&n, 1);
        exponent--;
    }
    uint64_t q = 0;
    for (int i = 0; i < 64; i++) {
        q <<= 1;
        if (big_compare(&n, &m) >= 0) {
            big_subtract(&n, &m);
            q |= 1;
        }
        big_shift_left(&n, 1);
    }
    return round_to_double(q, exponent, n.len != 0);
}

bool st_number_parse(strata_slice text, double *real) {
    static const uint64_t infinity_bits = (uint64_t)0x7ff << FRACTION_BITS;
    decimal number;
    read_decimal(text, &number);
    double magnitude = 0;
    if (number.count != 0 && number.exponent > DECIMAL_EXPONENT_MAX) {
        return false;
    }
    if (number.count != 0 && number.exponent > DECIMAL_EXPONENT_MIN &&
        !parse_fast(&number, &magnitude)) {
        const uint64_t bits = parse_exact(&number);
        if (bits >= infinity_bits) {
            return false;
        }
        magnitude = st_double_of_bits(bits);
    }
    *real = number.negative ? -magnitude : magnitude;
    return true;
}

/* ---- Printing -------------------------------------------------------------------------------- */

/* Digits d1d2d3... of the number 0.d1d2d3... * 10^exponent. */
typedef struct shortest {
    char digit[20];
    size_t count;
    int exponent;
} shortest;

/* r/s is the number; m_low/s and m_high/s are half the gaps to the doubles beside it. */
typedef struct fraction {
    big r;
    big s;
    big m_low;
    big m_high;
} fraction;

static void fraction_times10(fraction *v) {
    big_multiply(&v->r, 10, 0);
    big_multiply(&v->m_low, 10, 0);
    big_multiply(&v->m_high, 10, 0);
}

static void set_fraction(fraction *v, uint64_t mantissa, int exponent, bool narrow_below) {
    /* Below a power of two the gap is half as wide; a further factor of 2 keeps it whole. */
    const unsigned extra = narrow_below ? 1 : 0;
    big_set(&v->r, mantissa);
    big_set(&v->s, 1);
    big_set(&v->m_low, 1);
    const unsigned up = exponent > 0 ? (unsigned)exponent : 0;
    const unsigned down = exponent < 0 ? (unsigned)-exponent : 0;
    big_shift_left(&v->r, up + 1 + extra);
    big_shift_left(&v->s, down + 1 + extra);
    big_shift_left(&v->m_low, up);
    v->m_high = v->m_low;
    big_shift_left(&v->m_high, extra);
}

/* Scales by a power of ten until 0.1 <= (number + gap above) < 1, and returns the power. A bound
 * that reads back as this double (even mantissa) counts as inside. */
static int scale_fraction(fraction *v, uint64_t mantissa, int exponent, bool even) {
    /* floor(log10) from the binary exponent: 1233/4096 is log10(2) rounded down, 1234/4096 rounded
     * up, so that the estimate is never too great; the comparison below corrects it. */
    const int binary = exponent + (int)bits_of(mantissa) - 1;
    int power = binary >= 0 ? binary * 1233 / 4096 : -(-binary * 1234 / 4096 + 1);
    if (power >= 0) {
        big_multiply_power10(&v->s, (unsigned)power);
    } else {
        big_multiply_power10(&v->r, (unsigned)-power);
        big_multiply_power10(&v->m_low, (unsigned)-power);
        big_multiply_power10(&v->m_high, (unsigned)-power);
    }
    for (;;) {
        const int order = big_compare_sum(&v->r, &v->m_high, &v->s);
        if (order < 0 || (order == 0 && !even)) {
            return power;
        }
        big_multiply(&v->s, 10, 0);
        power++;
    }
}

static void make_digits(fraction *v, bool even, shortest *out) {
    for (;;) {
        fraction_times10(v);
        int digit = 0;
        while (big_compare(&v->r, &v->s) >= 0) {
            big_subtract(&v->r, &v->s);
            digit++;
        }
        const int low = big_compare(&v->r, &v->m_low);
        const int high = big_compare_sum(&v->r, &v->m_high, &v->s);
        const bool low_done = low < 0 || (low == 0 && even);
        const bool high_done = high > 0 || (high == 0 && even);
        if (!low_done && !high_done) {
            out->digit[out->count++] = (char)('0' + digit);
            ST_ASSERT(out->count < sizeof out->digit);
            continue;
        }
        if (high_done && low_done) {
            const int half = big_compare_sum(&v->r, &v->r, &v->s);
            digit += half > 0 || (half == 0 && (digit & 1) != 0);
        } else {
            digit += high_done;
        }
        out->digit[out->count++] = (char)('0' + digit);
        return;
    }
}

static void shortest_exact(uint64_t bits, shortest *out) {
    const uint64_t fraction_bits = bits & (((uint64_t)1 << FRACTION_BITS) - 1);
    const int biased = (int)(bits >> FRACTION_BITS & 0x7ff);
    const uint64_t mantissa =
        biased == 0 ? fraction_bits : fraction_bits | (uint64_t)1 << FRACTION_BITS;
    const int exponent = (biased == 0 ? 1 : biased) - EXPONENT_BIAS - FRACTION_BITS;
    const bool even = (mantissa & 1) == 0;
    fraction v;
    set_fraction(&v, mantissa, exponent, fraction_bits == 0 && biased > 1);
    out->exponent = scale_fraction(&v, mantissa, exponent, even);
    out->count = 0;
    make_digits(&v, even, out);
}

/* Whole numbers below 2^53 are more than one apart from any shorter decimal: their digits are the
 * shortest. */
static void shortest_whole(uint64_t whole, shortest *out) {
    char digits[20];
    size_t count = 0;
    for (; whole != 0; whole /= 10) {
        digits[count++] = (char)('0' + whole % 10);
    }
    out->exponent = (int)count;
    out->count = 0;
    size_t last = 0;
    while (last < count && digits[last] == '0') {
        last++;
    }
    while (count > last) {
        out->digit[out->count++] = digits[--count];
    }
}

static char *put_zeros(char *at, int count) {
    for (; count > 0; count--) {
        *at++ = '0';
    }
    return at;
}

static char *put_digits(char *at, const char *digits, size_t count) {
    memcpy(at, digits, count);
    return at + count;
}

static char *put_scientific(char *at, const shortest *number) {
    *at++ = number->digit[0];
    if (number->count > 1) {
        *at++ = '.';
        at = put_digits(at, number->digit + 1, number->count - 1);
    }
    const int exponent = number->exponent - 1;
    unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    if (magnitude >= 100) {
        *at++ = (char)('0' + magnitude / 100);
        magnitude %= 100;
    }
    *at++ = (char)('0' + magnitude / 10);
    *at++ = (char)('0' + magnitude % 10);
    return at;
}

static char *put_plain(char *at, const shortest *number) {
    const int count = (int)number->count;
    if (number->exponent <= 0) {
        *at++ = '0';
        *at++ = '.';
        at = put_zeros(at, -number->exponent);
        return put_digits(at, number->digit, number->count);
    }
    if (number->exponent >= count) {
        at = put_digits(at, number->digit, number->count);
        at = put_zeros(at, number->exponent - count);
        *at++ = '.';
        *at++ = '0';
        return at;
    }
    const size_t whole = (size_t)number->exponent;
    at = put_digits(at, number->digit, whole);
    *at++ = '.';
    return put_digits(at, number->digit + whole, number->count - whole);
}

size_t st_number_print(double real, char text[ST_NUMBER_TEXT_MAX]) {
    enum { PLAIN_EXPONENT_MIN = -3, PLAIN_EXPONENT_MAX = 16 };
    const uint64_t bits = st_double_bits(real);
    const double magnitude = fabs(real);
    ST_ASSERT(magnitude <= 0x1.fffffffffffffp1023);
    char *at = text;
    if (bits >> 63 != 0) {
        *at++ = '-';
    }
    if (magnitude == 0) {
        return (size_t)(put_digits(at, "0.0", 3) - text);
    }
    shortest number = {.count = 0};
    if (magnitude < 0x1p53 && magnitude == (double)(uint64_t)magnitude) {
        shortest_whole((uint64_t)magnitude, &number);
    } else {
        shortest_exact(bits & ~((uint64_t)1 << 63), &number);
    }
    const bool plain =
        number.exponent >= PLAIN_EXPONENT_MIN && number.exponent <= PLAIN_EXPONENT_MAX;
    at = plain ? put_plain(at, &number) : put_scientific(at, &number);
    return (size_t)(at - text);
}
