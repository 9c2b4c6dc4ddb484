/* analyze.h - from a text to its terms: what the index holds and a query asks for.
 *
 * Two steps, so that the head can put a cache between them: the *surface words* of a text, in
 * order, and the *term* of a surface word, which depends on its bytes and the language alone.
 */
#ifndef ST_INDEX_TEXT_ANALYZE_H
#define ST_INDEX_TEXT_ANALYZE_H

#include "base/limits.h"
#include "base/memory.h"
#include "index/text/words.h"

/* ---- Surface words --------------------------------------------------------------------------- */

typedef struct st_surface {
    const uint8_t *start; /* inside the text */
    const uint8_t *end;
    bool ascii; /* has nothing but ASCII */
} st_surface;

/* Walks the surface words of a text: every word with a letter or number, and where a script is
 * written without spaces each pair of neighbouring letters (a letter alone: itself). Pairs overlap;
 * starts never decrease. */
typedef struct st_surfaces {
    st_words words;
    st_word run;             /* the word being taken apart; run.start moves on */
    const uint8_t *left;     /* the last letter of a run, which waits for its neighbour */
    const uint8_t *left_end; /* NULL when there is none */
    bool left_alone;         /* it has not been in a pair yet */
} st_surfaces;

st_surfaces st_surfaces_over(strata_slice text);

/* The next surface word; false at the end. Any bytes are fine. Cost: linear in the text. */
bool st_surfaces_next(st_surfaces *surfaces, st_surface *surface);

/* ---- Terms ----------------------------------------------------------------------------------- */

/* The language whose words are stemmed. Numbers are stored with an index: never reuse one. */
typedef enum st_language { ST_LANGUAGE_ENGLISH = 0 } st_language;

/* A stemmer with its scratch memory. One thread at a time. */
typedef struct st_analyzer {
    struct sb_stemmer *stemmer;
} st_analyzer;

/* Errors: no_memory. Cost: about a microsecond. Free it with st_analyzer_free. */
strata_status st_analyzer_init(st_analyzer *analyzer, st_language language) STRATA_MUST_USE;
/* An analyzer of zeros is fine. */
void st_analyzer_free(st_analyzer *analyzer);

typedef struct st_term {
    uint8_t len; /* 0: the surface has nothing to look for */
    uint8_t bytes[ST_TERM_BYTES_MAX];
} st_term;

/* The term of a surface word: compatibility and case folded, accents off, underscores round it off,
 * cut at ST_TERM_BYTES_MAX on the border of a character, and stemmed if it is a word of letters.
 * Errors: no_memory. */
strata_status st_analyzer_term(st_analyzer *analyzer, const st_surface *surface,
                               st_term *term) STRATA_MUST_USE;

static inline strata_slice st_term_slice(const st_term *term) {
    return st_slice(term->bytes, term->len);
}

#endif
