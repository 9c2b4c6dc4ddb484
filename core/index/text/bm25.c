/* bm25.c - inverse document frequency, and a logarithm that is the same everywhere.
 *
 * score(d) = sum over the query's terms t in d of
 *     idf(t) * count(t, d) * (k1 + 1) / (count(t, d) + k1 * (1 - b + b * length(d) / average))
 *     idf(t) = ln(1 + (N - df(t) + 0.5) / (df(t) + 0.5)),   k1 = 0.9, b = 0.4
 *
 * A score must be the same to the last bit natively and in WASM, before and after a reopen:
 * 1. A part is computed in doubles by +, -, *, / alone, which IEEE 754 defines to the bit; the
 *    build forbids fused multiply-add. The logarithm is computed here by the same four, as the last
 *    bit of libm's differs between libraries.
 * 2. A part is then cut to a whole number of 2^-32, and these are added as integers. So the order
 *    of the query's words, of the lists and of the segments does not matter, nor what was skipped.
 *
 * Rejected: libm's logarithm rounded to 2^-20: the same nearly always, which no test would tell
 * from always; adding doubles in the query's order, which every later way to walk would be bound
 * to.
 */
#include "index/text/bm25.h"

static const double k1 = 0.9;
static const double b = 0.4;

/* x = 2^e * m with m in [0.7, 1.42); ln m = 2 atanh(s) with s = (m - 1) / (m + 1), |s| < 0.1716, so
 * that s^25 / 25 is below half a unit of the last place. */
double st_bm25_ln(double x) {
    int e = 0;
    while (x >= 1.4142135623730951) {
        x *= 0.5;
        e++;
    }
    const double s = (x - 1) / (x + 1);
    const double square = s * s;
    double sum = 0;
    for (int n = 23; n >= 1; n -= 2) {
        sum = sum * square + 1.0 / n;
    }
    return e * 0.6931471805599453 + 2 * s * sum;
}

st_bm25 st_bm25_of(uint64_t documents, uint64_t length, uint64_t df) {
    ST_ASSERT(documents > 0 && length > 0 && df > 0 && df <= documents);
    const double n = (double)documents;
    const double idf = st_bm25_ln(1 + (n - (double)df + 0.5) / ((double)df + 0.5));
    const double average = (double)length / n;
    const st_bm25 term = {idf * (k1 + 1), k1 * (1 - b), k1 * b / average};
    return term;
}
