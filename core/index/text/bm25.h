/* bm25.h - the arithmetic of a score: the same bits on every host and in every order. */
#ifndef ST_INDEX_TEXT_BM25_H
#define ST_INDEX_TEXT_BM25_H

#include "base/std.h"

/* Scores are added in units of 2^-32. The highest part is below 64, so that the sum of
 * ST_QUERY_TERMS_MAX of them is far from the end of 64 bits. */
enum { ST_BM25_FRACTION_BITS = 32 };

/* What a term's parts are computed from. */
typedef struct st_bm25 {
    double weight; /* idf * (k1 + 1) */
    double base;   /* k1 * (1 - b) */
    double slope;  /* k1 * b / average length */
} st_bm25;

/* documents and length (of them all): alive at the snapshot, both > 0. df: how many of them have
 * the term, > 0. */
st_bm25 st_bm25_of(uint64_t documents, uint64_t length, uint64_t df);

/* ln x, for 1 <= x < 2^63, within 4 units of the last place. */
double st_bm25_ln(double x);

/* What a term adds to a document of `length` terms that has it `count` (> 0) times. */
static inline uint64_t st_bm25_part(const st_bm25 *term, uint32_t count, uint32_t length) {
    const double n = count;
    const double part = term->weight * n / (n + (term->base + term->slope * length));
    return (uint64_t)(int64_t)(part * (double)((uint64_t)1 << ST_BM25_FRACTION_BITS));
}

static inline double st_bm25_score(uint64_t sum) {
    return (double)sum / (double)((uint64_t)1 << ST_BM25_FRACTION_BITS);
}

#endif
