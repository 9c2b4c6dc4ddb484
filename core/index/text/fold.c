/* fold.c - folding of code points, by tables that tools/gen_fold.c takes from utf8proc.
 *
 * 1. st_fold is utf8proc_decompose_char with COMPAT, CASEFOLD and IGNORE, of which the accents are
 *    dropped and the curly apostrophe made straight (analyze.c says why). All of it is in the
 *    table, but Hangul syllables, which are computed.
 * 2. st_fold_compose orders marks as the standard says, and composes as utf8proc does. Terms are on
 *    disk: what utf8proc does differently from the standard (it takes U+11A7, which is no trailing
 *    consonant, for one) is done here too.
 * 3. What st_fold gives is folded: each code point of it has an entry that says "stays". So the
 *    combining class need only be known of those.
 * 4. Without accents few pairs compose: 100 or so, of Indic scripts, kana and overlaid strokes.
 *    None of the seconds is below U+0338.
 *
 * test_fold.c compares all code points, and mixtures, with utf8proc.
 *
 * Rejected: utf8proc itself. Its tables answer any question about any code point and weigh 71 kB
 * compressed, more than a fifth of what a page would load; these weigh 19. And its Unicode would
 * be that of the library a program happens to be linked with, while the terms of a file stay.
 */
#include "index/text/fold.h"

#include "index/text/fold_table.h"

enum {
    HANGUL = 0xAC00,
    HANGUL_COUNT = 11172,
    LEAD = 0x1100,
    LEAD_COUNT = 19,
    VOWEL = 0x1161,
    VOWEL_COUNT = 21,
    TRAIL = 0x11A7, /* of no trailing consonant */
    TRAIL_COUNT = 28,
    SECOND_MIN = 0x338,
};

/* ---- One code point -------------------------------------------------------------------------- */

static unsigned entry_of(uint32_t code) {
    const uint32_t block = code >> FOLD_BLOCK_BITS;
    const uint32_t within = code & ((1U << FOLD_BLOCK_BITS) - 1);
    return block >= FOLD_BLOCKS
               ? 0
               : fold_stage2[((uint32_t)fold_stage1[block] << FOLD_BLOCK_BITS) + within];
}

static size_t split_hangul(uint32_t index, uint32_t *out) {
    const uint32_t trail = index % TRAIL_COUNT;
    out[0] = LEAD + index / (VOWEL_COUNT * TRAIL_COUNT);
    out[1] = VOWEL + index / TRAIL_COUNT % VOWEL_COUNT;
    out[2] = TRAIL + trail;
    return trail == 0 ? 2 : 3;
}

size_t st_fold(uint32_t code, uint32_t *out) {
    if (code - HANGUL < HANGUL_COUNT) {
        return split_hangul(code - HANGUL, out);
    }
    const unsigned entry = entry_of(code);
    if (entry == 0 || entry >= FOLD_MARK) {
        out[0] = code;
        return 1;
    }
    const uint16_t *at = fold_pool + (entry - 1);
    const size_t count = entry - 1 < FOLD_SINGLES ? 1 : *at++;
    for (size_t i = 0; i < count; i++) {
        out[i] = *at++;
        if ((out[i] & 0xfc00) == 0xd800) {
            out[i] = 0x10000 + ((out[i] & 0x3ff) << 10) + (*at++ & 0x3ff);
        }
    }
    return count;
}

/* ---- Composing ------------------------------------------------------------------------------- */

/* The combining class of a folded code point; 0: no mark. */
static unsigned class_of(uint32_t code) {
    const unsigned entry = entry_of(code);
    return entry >= FOLD_MARK ? entry - FOLD_MARK : 0;
}

static void order_marks(uint32_t *codes, size_t count) {
    for (size_t i = 1; i < count; i++) {
        const uint32_t code = codes[i];
        const unsigned class = class_of(code);
        size_t to = i;
        while (class != 0 && to > 0 && class_of(codes[to - 1]) > class) {
            codes[to] = codes[to - 1];
            to--;
        }
        codes[to] = code;
    }
}

/* What two code points compose to; 0: nothing. */
static uint32_t pair_of(uint32_t first, uint32_t second) {
    if (second < SECOND_MIN) {
        return 0;
    }
    if (first - LEAD < LEAD_COUNT && second - VOWEL < VOWEL_COUNT) {
        return HANGUL + ((first - LEAD) * VOWEL_COUNT + (second - VOWEL)) * TRAIL_COUNT;
    }
    if (first - HANGUL < HANGUL_COUNT && (first - HANGUL) % TRAIL_COUNT == 0 &&
        second - TRAIL < TRAIL_COUNT) {
        return first + (second - TRAIL);
    }
    size_t low = 0;
    size_t high = FOLD_PAIRS;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const uint32_t *pair = fold_pairs[middle];
        if (pair[0] == second && pair[1] == first) {
            return pair[2];
        }
        const bool before = pair[0] != second ? pair[0] < second : pair[1] < first;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return 0;
}

size_t st_fold_compose(uint32_t *codes, size_t count) {
    order_marks(codes, count);
    uint32_t *starter = NULL;
    unsigned class_before = 0; /* the highest of the marks that stay after the starter */
    bool marked = false;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned class = class_of(codes[i]);
        const bool blocked = starter == NULL || (marked && class <= class_before);
        const uint32_t composed = blocked ? 0 : pair_of(*starter, codes[i]);
        if (composed != 0) {
            *starter = composed;
            continue;
        }
        codes[kept] = codes[i];
        marked = class != 0;
        class_before = class;
        starter = marked ? starter : &codes[kept];
        kept++;
    }
    return kept;
}
