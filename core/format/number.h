/* number.h - doubles to the shortest decimal and back, exactly rounded, without a C library. */
#ifndef ST_FORMAT_NUMBER_H
#define ST_FORMAT_NUMBER_H

#include "base/std.h"

/* The longest text is "-2.2250738585072014e-308". */
enum { ST_NUMBER_TEXT_MAX = 32 };

/* Reads a JSON number (RFC 8259: -?int frac? exp?, checked by the caller) as the double that is
 * nearest to it, ties to even. False when its magnitude is beyond the greatest double; what is
 * beneath the smallest becomes a zero of its sign. Cost: a multiplication for up to 15 digits and
 * small exponents, else about a microsecond; linear in the length. */
bool st_number_parse(strata_slice text, double *real);

/* The double nearest to digits * 10^power, ties to even. False: it cannot tell (the power is not one that
 * people write, or the number is no normal double); then st_number_parse can. Cost: a few nanoseconds. */
bool st_number_scale(uint64_t digits, int64_t power, double *magnitude);

/* Writes the shortest decimal that reads back as the same bits (the nearest one, where several are
 * as short), always with a point or an exponent; the form is that of Python's repr. real: finite.
 * Returns the length; no NUL follows. Cost: some ten nanoseconds for whole numbers below 2^53, else
 * about a microsecond. */
size_t st_number_print(double real, char text[ST_NUMBER_TEXT_MAX]);

/* The bits of a double, and back. */
static inline uint64_t st_double_bits(double real) {
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}
static inline double st_double_of_bits(uint64_t bits) {
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

#endif
