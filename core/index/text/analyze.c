/* analyze.c - surface words, folding and stemming.
 *
 * Surface words
 * 1. A word of UAX #29 with a letter or number is one surface word, but for scripts written without
 *    spaces (Han, kana, Thai and their like; see tools/gen_word_break.py), for which the annex
 *    finds single letters or whole lines. There every two letters that touch are a surface word,
 *    and a letter that touches no other is one. So a query of two or more letters finds every text
 *    that has them side by side; a query of a single one finds only where it stands alone.
 * 2. A letter takes the marks that follow it along, and a run goes on across the borders of words.
 *
 * Terms
 * 3. Folding is NFKC with case folding (fold.c), without default-ignorable characters, and
 *    without accents: marks whose combining class is that of Hebrew, Arabic and Syriac points
 *    (10-36) or of a position round the letter (200 and more), and enclosing marks. "Café" and
 *    "cafe", "STRASSE" and "straße" meet. Other classes stay: the vowel signs of the Indic
 *    scripts (0), nukta and virama (7, 9), the voicing of kana (8), vowels and tones of Thai and
 *    Lao (103-122) tell words apart. utf8proc's STRIPMARK would remove them all.
 * 4. The curly apostrophe is the straight one; the stemmer knows only that.
 * 5. Only words of ASCII letters and apostrophes are stemmed. One with a digit is a name or a
 *    number (sha256 sums, versions), to which English endings mean nothing.
 * 6. The term depends on the bytes of the surface alone, and ASCII letters of either case give the
 *    same one, so a cache may use the lower-cased bytes as its key.
 * 7. Bytes that are not UTF-8 are dropped from a term; they never stand in a word by rule, but
 *    may follow the start of a cut one.
 *
 * Stop words are kept: BM25 gives them next to no weight, and "to be or not to be" is a query.
 * The stemmer is libstemmer's, which takes its memory from the C library: two small allocations for
 * each st_analyzer_init, none for each word as words are cut first.
 *
 * Rejected: Lucene's order (stop words, no folding of accents before the stem): it stems "naïve"
 * and "naive" apart.
 */
#include "index/text/analyze.h"

#include <libstemmer.h>

#include "index/text/fold.h"
#include "index/text/word_break.h"

enum {
    /* Bytes of a surface that are folded. What is left after folding is cut at ST_TERM_BYTES_MAX,
     * so that only a word that is mostly marks is cut by this. */
    FOLD_BYTES_MAX = 4 * ST_TERM_BYTES_MAX,
    FOLDED_MAX = FOLD_BYTES_MAX + ST_FOLD_MAX,
};

/* ---- Surface words --------------------------------------------------------------------------- */

st_surfaces st_surfaces_over(strata_slice text) {
    st_surfaces surfaces;
    memset(&surfaces, 0, sizeof surfaces);
    surfaces.words = st_words_over(text);
    return surfaces;
}

static bool is_skipped(uint8_t property) {
    const unsigned class = property & WB_CLASS_MASK;
    return class == WB_EXTEND || class == WB_FORMAT || class == WB_ZWJ;
}

/* The end of the piece at the start of a word: a letter of a run with its marks, or all up to the
 * next such letter. */
static const uint8_t *piece_end(const st_word *word, bool *in_run, bool *has_letter) {
    const st_rune first = st_rune_at(word->start, word->end);
    const uint8_t property = st_word_property(first.code);
    const uint8_t *at = word->start + first.len;
    *in_run = (property & WB_RUN) != 0;
    *has_letter = (property & WB_LETTER) != 0;
    while (at < word->end) {
        const st_rune rune = st_rune_at(at, word->end);
        const uint8_t next = st_word_property(rune.code);
        if (!is_skipped(next)) {
            if (*in_run || (next & WB_RUN) != 0) {
                break;
            }
            *has_letter = *has_letter || (next & WB_LETTER) != 0;
        }
        at += rune.len;
    }
    return at;
}

/* Gives out the letter that waits, if it was in no pair; it waits no longer. */
static bool flush_left(st_surfaces *surfaces, st_surface *surface) {
    const bool alone = surfaces->left_end != NULL && surfaces->left_alone;
    if (alone) {
        surface->start = surfaces->left;
        surface->end = surfaces->left_end;
        surface->ascii = false;
    }
    surfaces->left_end = NULL;
    return alone;
}

/* Takes the next piece of the word being taken apart; false when it gives no surface word. */
static bool next_piece(st_surfaces *surfaces, st_surface *surface) {
    bool in_run;
    bool has_letter;
    const uint8_t *start = surfaces->run.start;
    const uint8_t *end = piece_end(&surfaces->run, &in_run, &has_letter);
    const bool touches = surfaces->left_end == start;
    if ((!in_run || !touches) && flush_left(surfaces, surface)) {
        return true; /* the piece is taken by the next call */
    }
    surfaces->run.start = end;
    if (!in_run) {
        surface->start = start;
        surface->end = end;
        surface->ascii = false;
        return has_letter;
    }
    surface->start = surfaces->left;
    surface->end = end;
    surface->ascii = false;
    surfaces->left = start;
    surfaces->left_end = end;
    surfaces->left_alone = !touches;
    return touches;
}

bool st_surfaces_next(st_surfaces *surfaces, st_surface *surface) {
    for (;;) {
        if (surfaces->run.start < surfaces->run.end) {
            if (next_piece(surfaces, surface)) {
                return true;
            }
            continue;
        }
        const st_words here = surfaces->words;
        st_word word;
        if (!st_words_next(&surfaces->words, &word)) {
            return flush_left(surfaces, surface);
        }
        if ((word.flags & ST_WORD_RUN) != 0) {
            surfaces->run = word;
            continue;
        }
        if (flush_left(surfaces, surface)) {
            surfaces->words = here; /* the word is taken by the next call */
            return true;
        }
        surface->start = word.start;
        surface->end = word.end;
        surface->ascii = (word.flags & ST_WORD_ASCII) != 0;
        return true;
    }
}

/* ---- Folding --------------------------------------------------------------------------------- */

/* Lower-cases ASCII into the term. Returns whether it is letters and apostrophes only. */
static bool fold_ascii(const uint8_t *bytes, size_t len, st_term *term) {
    bool letters = true;
    len = st_min(len, ST_TERM_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        const uint8_t byte = bytes[i];
        const bool upper = byte >= 'A' && byte <= 'Z';
        const uint8_t lower = upper ? (uint8_t)(byte + ('a' - 'A')) : byte;
        letters = letters && ((lower >= 'a' && lower <= 'z') || lower == '\'');
        term->bytes[i] = lower;
    }
    term->len = (uint8_t)len;
    return letters;
}

/* Writes a code point as UTF-8; returns how many bytes. */
static size_t encode(uint32_t code, uint8_t out[4]) {
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    static const uint8_t leads[] = {0xc0, 0xe0, 0xf0};
    const size_t follow = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    out[0] = (uint8_t)(leads[follow - 1] | code >> (6 * follow));
    for (size_t i = 1; i <= follow; i++) {
        out[i] = (uint8_t)(0x80 | (code >> (6 * (follow - i)) & 0x3f));
    }
    return 1 + follow;
}

/* Folds any text into the term. Returns whether it is ASCII letters and apostrophes only. */
static bool fold_general(const uint8_t *bytes, size_t len, st_term *term) {
    uint32_t folded[FOLDED_MAX];
    size_t count = 0;
    const uint8_t *end = bytes + st_min(len, FOLD_BYTES_MAX);
    for (const uint8_t *at = bytes; at < end;) {
        const st_rune rune = st_rune_at(at, end);
        if (count + ST_FOLD_MAX > FOLDED_MAX) {
            break;
        }
        if (rune.len > 1 || *at < 0x80) {
            count += st_fold(rune.code, folded + count);
        }
        at += rune.len;
    }
    count = st_fold_compose(folded, count);
    bool letters = true;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t encoded[4];
        const size_t size = encode(folded[i], encoded);
        if (used + size > ST_TERM_BYTES_MAX) {
            break;
        }
        memcpy(term->bytes + used, encoded, size);
        used += size;
        letters = letters && ((folded[i] >= 'a' && folded[i] <= 'z') || folded[i] == '\'');
    }
    term->len = (uint8_t)used;
    return letters;
}

/* ---- Terms ----------------------------------------------------------------------------------- */

strata_status st_analyzer_init(st_analyzer *analyzer, st_language language) {
    ST_ASSERT(language == ST_LANGUAGE_ENGLISH);
    struct sb_stemmer *stemmer = sb_stemmer_new("english", "UTF_8");
    if (stemmer == NULL) {
        return STRATA_NO_MEMORY;
    }
    analyzer->stemmer = stemmer;
    return STRATA_OK;
}

void st_analyzer_free(st_analyzer *analyzer) {
    if (analyzer->stemmer != NULL) {
        sb_stemmer_delete(analyzer->stemmer);
        analyzer->stemmer = NULL;
    }
}

strata_status st_analyzer_term(st_analyzer *analyzer, const st_surface *surface, st_term *term) {
    const uint8_t *start = surface->start;
    const uint8_t *end = surface->end;
    while (start < end && *start == '_') {
        start++;
    }
    while (end > start && end[-1] == '_') {
        end--;
    }
    const size_t len = (size_t)(end - start);
    const bool letters =
        surface->ascii ? fold_ascii(start, len, term) : fold_general(start, len, term);
    if (!letters || term->len == 0) {
        return STRATA_OK;
    }
    const sb_symbol *stem = sb_stemmer_stem(analyzer->stemmer, term->bytes, term->len);
    if (stem == NULL) {
        return STRATA_NO_MEMORY;
    }
    const int stem_len = sb_stemmer_length(analyzer->stemmer);
    if (stem_len > 0 && stem_len <= ST_TERM_BYTES_MAX) {
        memcpy(term->bytes, stem, (size_t)stem_len);
        term->len = (uint8_t)stem_len;
    }
    return STRATA_OK;
}
