/* words.c - UAX #29 word boundaries, one segment at a time.
 *
 * The rules WB1-WB999 of Unicode Standard Annex #29 are a function of two characters on the left of
 * a possible boundary and two on its right, with Extend, Format and ZWJ skipped (WB4). All that is
 * looked at on the left lies in the segment that the boundary would end, so a segment's end depends
 * on nothing before its start, and the walk needs no state between segments:
 *
 * 1. `before` and `last` are the classes of the last two characters of the segment that are not
 *    skipped by WB4; `raw` is the property of its last code point, skipped or not (WB3c, WB3d).
 * 2. Rules that look at two characters on the right (WB6, WB7b, WB12) look past skipped ones.
 *    The walk may so read a stretch of Extend twice, never more: time is linear.
 * 3. Any byte that is not part of a well-formed sequence is a symbol of one byte (class Other).
 *
 * Most text is ASCII, so a loop over a table takes letters, digits and the single marks
 * between them (WB6, WB7, WB11, WB12) until it sees anything else, and only a byte >= 0x80
 * sends the segment to the general rules, from its start.
 *
 * Rejected: a pair table over all classes (23 x 23 states with look-ahead actions, as ICU
 * compiles): faster for other scripts by perhaps a half, but nobody can read it next to the annex.
 */
#include "index/text/words.h"

#include "index/text/word_break.h"

_Static_assert((int)ST_WORD_LETTER == (int)WB_LETTER && (int)ST_WORD_RUN == (int)WB_RUN,
               "the generated marks are the public ones");

/* ---- Code points ----------------------------------------------------------------------------- */

st_rune st_rune_at(const uint8_t *p, const uint8_t *end) {
    const st_rune bad = {0xfffd, 1};
    const uint32_t lead = p[0];
    const size_t left = (size_t)(end - p);
    if (lead < 0x80) {
        const st_rune rune = {lead, 1};
        return rune;
    }
    uint32_t len;
    uint32_t code;
    uint32_t least;
    if (lead >= 0xc2 && lead <= 0xdf) {
        len = 2;
        code = lead & 0x1f;
        least = 0x80;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        len = 3;
        code = lead & 0x0f;
        least = 0x800;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        len = 4;
        code = lead & 0x07;
        least = 0x10000;
    } else {
        return bad;
    }
    if (left < len) {
        return bad;
    }
    for (uint32_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return bad;
        }
        code = code << 6 | (p[i] & 0x3fu);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return bad;
    }
    const st_rune rune = {code, len};
    return rune;
}

uint8_t st_word_property(uint32_t code) {
    const uint32_t block = code >> WB_BLOCK_BITS;
    const uint32_t index = wb_stage1[block < WB_BLOCKS ? block : WB_BLOCKS - 1];
    return wb_stage2[index << WB_BLOCK_BITS | (code & ((1u << WB_BLOCK_BITS) - 1))];
}

/* ---- The rules ------------------------------------------------------------------------------- */

static bool is_skipped(unsigned class) {
    return class == WB_EXTEND || class == WB_FORMAT || class == WB_ZWJ;
}
static bool is_letter(unsigned class) { /* AHLetter */
    return class == WB_ALETTER || class == WB_HEBREW_LETTER;
}
static bool is_mid_letter(unsigned class) { /* MidLetter | MidNumLetQ */
    return class == WB_MIDLETTER || class == WB_MIDNUMLET || class == WB_SINGLE_QUOTE;
}
static bool is_mid_number(unsigned class) { /* MidNum | MidNumLetQ */
    return class == WB_MIDNUM || class == WB_MIDNUMLET || class == WB_SINGLE_QUOTE;
}
static bool is_line_end(unsigned class) {
    return class == WB_CR || class == WB_LF || class == WB_NEWLINE;
}

/* The class of the first character at p that WB4 does not skip; WB_OTHER at the end. */
static unsigned class_after_skipped(const uint8_t *p, const uint8_t *end) {
    while (p < end) {
        const st_rune rune = st_rune_at(p, end);
        const unsigned class = st_word_property(rune.code) & WB_CLASS_MASK;
        if (!is_skipped(class)) {
            return class;
        }
        p += rune.len;
    }
    return WB_OTHER;
}

/* Whether WB5-WB13b keep `last` and `next` together. following: the text after `next`. */
static bool joins(unsigned before, unsigned last, unsigned next, const uint8_t *following,
                  const uint8_t *end) {
    if (is_letter(last)) {
        if (is_letter(next) || next == WB_NUMERIC || next == WB_EXTENDNUMLET) { /* WB5 9 13a */
            return true;
        }
        if (last == WB_HEBREW_LETTER && next == WB_SINGLE_QUOTE) { /* WB7a */
            return true;
        }
        if (is_mid_letter(next)) { /* WB6 */
            return is_letter(class_after_skipped(following, end));
        }
        if (last == WB_HEBREW_LETTER && next == WB_DOUBLE_QUOTE) { /* WB7b */
            return class_after_skipped(following, end) == WB_HEBREW_LETTER;
        }
        return false;
    }
    if (last == WB_NUMERIC) {
        if (next == WB_NUMERIC || is_letter(next) || next == WB_EXTENDNUMLET) { /* WB8 10 13a */
            return true;
        }
        return is_mid_number(next) && class_after_skipped(following, end) == WB_NUMERIC; /* WB12 */
    }
    if (is_letter(next) && is_letter(before) && is_mid_letter(last)) { /* WB7 */
        return true;
    }
    if (next == WB_HEBREW_LETTER && before == WB_HEBREW_LETTER && last == WB_DOUBLE_QUOTE) {
        return true; /* WB7c */
    }
    if (next == WB_NUMERIC && before == WB_NUMERIC && is_mid_number(last)) { /* WB11 */
        return true;
    }
    if (last == WB_KATAKANA) {
        return next == WB_KATAKANA || next == WB_EXTENDNUMLET; /* WB13 WB13a */
    }
    if (last == WB_EXTENDNUMLET) { /* WB13a WB13b */
        return next == WB_EXTENDNUMLET || is_letter(next) || next == WB_NUMERIC ||
               next == WB_KATAKANA;
    }
    return false;
}

static void general_segment(const uint8_t *start, const uint8_t *end, st_word *word) {
    const st_rune first = st_rune_at(start, end);
    const uint8_t *at = start + first.len;
    uint8_t raw = st_word_property(first.code);
    uint8_t marks = raw;
    unsigned last = raw & WB_CLASS_MASK;
    unsigned before = WB_OTHER;
    bool flag_open = last == WB_REGIONAL_INDICATOR; /* WB15 WB16: flags are pairs */
    while (at < end) {
        const st_rune rune = st_rune_at(at, end);
        const uint8_t property = st_word_property(rune.code);
        const unsigned next = property & WB_CLASS_MASK;
        const unsigned raw_class = raw & WB_CLASS_MASK;
        bool join;
        if (raw_class == WB_CR && next == WB_LF) { /* WB3 */
            join = true;
        } else if (is_line_end(raw_class) || is_line_end(next)) { /* WB3a WB3b */
            join = false;
        } else if (raw_class == WB_ZWJ && (property & WB_PICTOGRAPH) != 0) { /* WB3c */
            join = true;
        } else if (raw_class == WB_WSEGSPACE && next == WB_WSEGSPACE) { /* WB3d */
            join = true;
        } else if (is_skipped(next)) { /* WB4 */
            raw = property;
            at += rune.len;
            continue;
        } else if (last == WB_REGIONAL_INDICATOR && next == WB_REGIONAL_INDICATOR) {
            join = flag_open;
            flag_open = false;
        } else {
            join = joins(before, last, next, at + rune.len, end);
        }
        if (!join) {
            break;
        }
        before = last;
        last = next;
        raw = property;
        marks |= property;
        at += rune.len;
    }
    word->start = start;
    word->end = at;
    word->flags = marks & (WB_LETTER | WB_RUN);
}

/* ---- ASCII ----------------------------------------------------------------------------------- */

/* The property of an ASCII byte: the first block of the table is that of U+0000-U+00FF. */
static unsigned ascii_property(uint8_t byte) {
    return wb_stage2[byte];
}
static bool is_word_byte(uint8_t byte) {
    return byte < 0x80 && ((wb_stage2[byte] & WB_LETTER) != 0 || byte == '_');
}

/* Takes a segment that begins with a letter, digit or underscore as long as it stays ASCII; false
 * when the general rules must look. */
static bool ascii_segment(const uint8_t *start, const uint8_t *end, st_word *word) {
    const uint8_t *at = start;
    unsigned seen = 0;
    unsigned last = 0;
    while (at < end) {
        if (*at >= 0x80) {
            return false;
        }
        const unsigned property = ascii_property(*at);
        if ((property & WB_LETTER) != 0 || property == WB_EXTENDNUMLET) {
            seen |= property;
            last = property;
            at++;
            continue;
        }
        const bool in_word = last == (WB_LETTER | WB_ALETTER) && is_mid_letter(property);
        const bool in_number = last == (WB_LETTER | WB_NUMERIC) && is_mid_number(property);
        if ((in_word || in_number) && end - at >= 2) {
            if (at[1] >= 0x80) {
                return false;
            }
            if (ascii_property(at[1]) == last) { /* WB6 WB7, WB11 WB12 */
                at += 2;
                continue;
            }
        }
        break;
    }
    word->start = start;
    word->end = at;
    word->flags = (seen & WB_LETTER) != 0 ? ST_WORD_LETTER | ST_WORD_ASCII : 0;
    return true;
}

/* ---- The walk -------------------------------------------------------------------------------- */

bool st_words_segment(st_words *words, st_word *word) {
    if (words->at == words->end) {
        return false;
    }
    const uint8_t *start = words->at;
    if (!is_word_byte(*start) || !ascii_segment(start, words->end, word)) {
        general_segment(start, words->end, word);
    }
    words->at = word->end;
    return true;
}

bool st_words_next(st_words *words, st_word *word) {
    for (;;) {
        /* Spaces and marks end where they stand, so they need not be segments to be passed over. */
        const uint8_t *at = words->at;
        while (at < words->end && *at < 0x80 && !is_word_byte(*at)) {
            at++;
        }
        words->at = at;
        if (!st_words_segment(words, word)) {
            return false;
        }
        if ((word->flags & ST_WORD_LETTER) != 0) {
            return true;
        }
    }
}
