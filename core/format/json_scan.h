/* json_scan.h - the loops of reading JSON text: white space, the inside of strings, digits.
 *
 * Sixteen bytes at a time by SIMDe where so many are left, one at a time at the end of the text: nothing
 * beyond it is read. Inline, as all that the parser does between two tokens is these.
 */
#ifndef ST_FORMAT_JSON_SCAN_H
#define ST_FORMAT_JSON_SCAN_H

#include <simde/x86/sse2.h>

#include "base/bytes.h"

enum { ST_SCAN_STEP = 16 };

/* ---- White space ----------------------------------------------------------------------------- */

static inline bool st_scan_is_space(uint8_t c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const uint8_t *st_scan_spaces(const uint8_t *at, const uint8_t *end) {
    while (end - at >= ST_SCAN_STEP) {
        const simde__m128i v = simde_mm_loadu_si128((const void *)at);
        /* Of the bytes up to a space, these four are the ones that differ from it so. */
        const simde__m128i space =
            simde_mm_or_si128(simde_mm_or_si128(simde_mm_cmpeq_epi8(v, simde_mm_set1_epi8(' ')),
                                                simde_mm_cmpeq_epi8(v, simde_mm_set1_epi8('\n'))),
                              simde_mm_or_si128(simde_mm_cmpeq_epi8(v, simde_mm_set1_epi8('\r')),
                                                simde_mm_cmpeq_epi8(v, simde_mm_set1_epi8('\t'))));
        const unsigned others = (unsigned)simde_mm_movemask_epi8(space) ^ 0xffff;
        if (others != 0) {
            return at + __builtin_ctz(others);
        }
        at += ST_SCAN_STEP;
    }
    while (at < end && st_scan_is_space(*at)) {
        at++;
    }
    return at;
}

/* The first byte that is not white space. Mostly there is none, or one space. */
static inline const uint8_t *st_scan_skip_space(const uint8_t *at, const uint8_t *end) {
    if (ST_LIKELY(end - at >= 2)) {
        if (at[0] > ' ') {
            return at;
        }
        if (at[0] == ' ' && at[1] > ' ') {
            return at + 1;
        }
    }
    return st_scan_spaces(at, end);
}

/* ---- Strings --------------------------------------------------------------------------------- */

/* Of sixteen bytes: where a string stops being plain (a quote, an escape, a control character), and
 * where it is not ASCII. */
typedef struct st_scan_stops {
    unsigned stop;
    unsigned wide;
} st_scan_stops;

/* Copies ST_SCAN_STEP bytes on the way. */
static inline st_scan_stops st_scan_string(const uint8_t *at, uint8_t *to) {
    const simde__m128i v = simde_mm_loadu_si128((const void *)at);
    const simde__m128i control = simde_mm_set1_epi8(0x1f);
    simde_mm_storeu_si128((void *)to, v);
    const simde__m128i stop =
        simde_mm_or_si128(simde_mm_or_si128(simde_mm_cmpeq_epi8(v, simde_mm_set1_epi8('"')),
                                            simde_mm_cmpeq_epi8(v, simde_mm_set1_epi8('\\'))),
                          simde_mm_cmpeq_epi8(simde_mm_min_epu8(v, control), v));
    return (st_scan_stops){(unsigned)simde_mm_movemask_epi8(stop),
                           (unsigned)simde_mm_movemask_epi8(v)};
}

/* ---- Digits ---------------------------------------------------------------------------------- */

/* The number of eight digits, of which byte 0 is the first; as values, not as characters. Neighbours are
 * joined: four numbers below 100, two below 10^4, one. */
static inline uint64_t st_scan_eight(uint64_t digits) {
    digits = digits * 2561 >> 8;
    digits = (digits & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    return (digits & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
}

/* Reads digits into *number, which wraps; stops at the first other byte. Up to seven digits, which is most
 * numbers, take no loop: their length is not to be predicted. */
static inline const uint8_t *st_scan_digits(const uint8_t *at, const uint8_t *end,
                                            uint64_t *number) {
    static const uint32_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    uint64_t n = *number;
    while (end - at >= 8) {
        const uint64_t v = load64_le(at) ^ 0x3030303030303030u;
        /* The highest bit of each byte above 9; a carry comes from such a byte only. */
        const uint64_t others = ((v + 0x7676767676767676u) | v) & 0x8080808080808080u;
        if (others != 0) {
            const unsigned count = (unsigned)__builtin_ctzll(others) / 8;
            if (count > 0) {
                /* Zeros come before them, and nothing behind. */
                n = n * tens[count] + st_scan_eight(v << (64 - 8 * count));
            }
            *number = n;
            return at + count;
        }
        n = n * 100000000 + st_scan_eight(v);
        at += 8;
    }
    while (at < end && (uint8_t)(*at - '0') < 10) {
        n = n * 10 + (uint8_t)(*at++ - '0');
    }
    *number = n;
    return at;
}

#endif
