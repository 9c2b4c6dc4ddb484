/* words.h - the words of a text: UAX #29 word boundaries, default rules, Unicode 15.0. */
#ifndef ST_INDEX_TEXT_WORDS_H
#define ST_INDEX_TEXT_WORDS_H

#include "base/std.h"

/* A code point of a text. */
typedef struct st_rune {
    uint32_t code; /* U+FFFD for a byte that is not UTF-8 */
    uint32_t len;  /* bytes; 1 for a byte that is not UTF-8 */
} st_rune;

/* The code point at p. p < end. */
st_rune st_rune_at(const uint8_t *p, const uint8_t *end);

/* Word_Break class and marks of a code point, see tools/gen_word_break.py. */
uint8_t st_word_property(uint32_t code);

enum {
    ST_WORD_LETTER = 0x80, /* has a letter or number */
    ST_WORD_RUN = 0x40,    /* has a letter of a script written without spaces */
    ST_WORD_ASCII = 0x01,  /* has nothing but ASCII; set only with ST_WORD_LETTER */
};

typedef struct st_word {
    const uint8_t *start; /* inside the text */
    const uint8_t *end;
    uint8_t flags;
} st_word;

/* Walks a text without allocating; copy it to look ahead. Bytes that are not UTF-8 are taken one by
 * one as symbols. */
typedef struct st_words {
    const uint8_t *at;
    const uint8_t *end;
} st_words;

static inline st_words st_words_over(strata_slice text) {
    const uint8_t *data = text.data;
    const st_words words = {data, text.len == 0 ? data : data + text.len};
    return words;
}

/* The next segment, be it a word, a space or a symbol; false at the end of the text. Segments
 * follow each other without gaps. Cost: linear in the text. */
bool st_words_segment(st_words *words, st_word *word);

/* The next segment that has a letter or number; false at the end of the text. */
bool st_words_next(st_words *words, st_word *word);

#endif
