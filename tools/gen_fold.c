/* gen_fold.c - makes build/gen/index/text/fold_table.h: what utf8proc makes of each code point.
 *
 * usage: gen_fold OUTPUT
 *
 * A page would load 71 kB (compressed) of utf8proc's tables for the one question that the analyser
 * asks (core/index/text/fold.c); its answers take 19. They are asked of utf8proc itself, over all
 * code points, so that they are those of the library to the letter, and of its version of Unicode.
 *
 * A code point's entry, 16 bits, found in two stages:
 *     0                   it stays what it is, and is no mark
 *     MARK + class        it stays; a mark of that combining class
 *     1 + i, i < SINGLES  one code point, at i of the pool
 *     1 + i               pool[i] of them follow in the pool
 * The pool is UTF-16: a code point beyond U+FFFF takes two units. Hangul syllables
 * are left out, since they are computed, and so are pairs with a mark that folding drops. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum {
    CODES = 0x110000,
    HANGUL_FIRST = 0xAC00,
    HANGUL_LAST = 0xD7A3,
    SEQUENCE_MAX = 32,
    POOL_MAX = 0x8000,
    MARK = 0xFF00,
    BLOCK_BITS = 7,
    BLOCK = 1 << BLOCK_BITS,
    BLOCKS_MAX = 256,
};

typedef struct sequence {
    utf8proc_ssize_t count;
    utf8proc_int32_t codes[SEQUENCE_MAX];
} sequence;

static uint16_t entries[CODES];
static uint16_t pool[POOL_MAX];
static unsigned pool_count;
static unsigned singles_count;

static void require(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "gen_fold: %s\n", what);
        exit(1);
    }
}

static int class_of(utf8proc_int32_t code) {
    return utf8proc_get_property(code)->combining_class;
}

/* Marks that folding drops; core/index/text/analyze.c says why these. */
static bool is_accent(utf8proc_int32_t code) {
    const int class = class_of(code);
    return (class >= 10 && class <= 36) || class >= 200 ||
           utf8proc_get_property(code)->category == UTF8PROC_CATEGORY_ME;
}

static sequence fold(utf8proc_int32_t code) {
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
                                      UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    sequence got = {0};
    sequence kept = {0};
    int last_class = 0;
    got.count = utf8proc_decompose_char(code, got.codes, SEQUENCE_MAX, options, &last_class);
    require(got.count >= 0 && got.count <= SEQUENCE_MAX, "a sequence is too long");
    for (utf8proc_ssize_t i = 0; i < got.count; i++) {
        if (!is_accent(got.codes[i])) {
            kept.codes[kept.count++] = got.codes[i] == 0x2019 ? '\'' : got.codes[i];
        }
    }
    return kept;
}

/* ---- The pool -------------------------------------------------------------------------------- */

static unsigned to_units(const sequence *folded, uint16_t *units) {
    unsigned count = 0;
    for (utf8proc_ssize_t i = 0; i < folded->count; i++) {
        const uint32_t code = (uint32_t)folded->codes[i];
        if (code > 0xFFFF) {
            units[count++] = (uint16_t)(0xD800 + ((code - 0x10000) >> 10));
            units[count++] = (uint16_t)(0xDC00 + (code & 0x3FF));
        } else {
            units[count++] = (uint16_t)code;
        }
    }
    return count;
}

/* The place of units in the pool; they are appended where they are not there yet. */
static unsigned place_of(const uint16_t *units, unsigned count, unsigned from) {
    for (unsigned at = from; at + count <= pool_count; at++) {
        if (memcmp(pool + at, units, count * sizeof *units) == 0) {
            return at;
        }
    }
    require(pool_count + count <= POOL_MAX, "the pool is full");
    memcpy(pool + pool_count, units, count * sizeof *units);
    pool_count += count;
    return pool_count - count;
}

/* Gives a code point its entry: in the first round those that become one, then the others. */
static void take(utf8proc_int32_t code, bool single) {
    if (code >= HANGUL_FIRST && code <= HANGUL_LAST) {
        return;
    }
    const sequence folded = fold(code);
    uint16_t units[1 + SEQUENCE_MAX * 2];
    if (folded.count == 1 && folded.codes[0] == code) {
        entries[code] = class_of(code) == 0 ? 0 : (uint16_t)(MARK + class_of(code));
    } else if ((folded.count == 1) == single) {
        units[0] = (uint16_t)folded.count;
        const unsigned count = to_units(&folded, units + 1);
        const unsigned at =
            single ? place_of(units + 1, count, 0) : place_of(units, 1 + count, singles_count);
        entries[code] = (uint16_t)(1 + at);
    }
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

enum { PAIRS_MAX = 256 };

typedef struct pair {
    uint32_t second;
    uint32_t first;
    uint32_t composed;
} pair;

static int by_second(const void *left, const void *right) {
    const pair *a = left;
    const pair *b = right;
    if (a->second != b->second) {
        return a->second < b->second ? -1 : 1;
    }
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Whether a code point is what two others compose to. */
static bool is_composed(utf8proc_int32_t code, pair *found) {
    const utf8proc_option_t compose = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    utf8proc_int32_t parts[SEQUENCE_MAX];
    int last_class = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        code, parts, SEQUENCE_MAX, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &last_class);
    if (count < 2 || (code >= HANGUL_FIRST && code <= HANGUL_LAST)) {
        return false;
    }
    const utf8proc_int32_t second = parts[count - 1];
    if (is_accent(second) || utf8proc_normalize_utf32(parts, count - 1, compose) != 1) {
        return false;
    }
    utf8proc_int32_t both[2] = {parts[0], second};
    if (utf8proc_normalize_utf32(both, 2, compose) != 1) {
        return false;
    }
    require(both[0] == code, "a pair composes to something else");
    *found = (pair){(uint32_t)second, (uint32_t)parts[0], (uint32_t)code};
    return true;
}

static void print_pairs(FILE *out) {
    static pair pairs[PAIRS_MAX];
    size_t count = 0;
    for (utf8proc_int32_t code = 0; code < CODES; code++) {
        require(count < PAIRS_MAX, "there are too many pairs");
        count += is_composed(code, &pairs[count]);
    }
    qsort(pairs, count, sizeof *pairs, by_second);
    fprintf(out, "enum { FOLD_PAIRS = %zu };\n", count);
    fprintf(out, "/* Second, first, and what they compose to; by second, then by first. */\n"
                 "static const uint32_t fold_pairs[FOLD_PAIRS][3] = {\n");
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "    {0x%X, 0x%X, 0x%X},\n", (unsigned)pairs[i].second,
                (unsigned)pairs[i].first, (unsigned)pairs[i].composed);
    }
    fprintf(out, "};\n");
}

/* ---- The header ------------------------------------------------------------------------------ */

static void print_array(FILE *out, const char *type, const char *name, const uint16_t *values,
                        unsigned count) {
    fprintf(out, "static const %s %s[%u] = {", type, name, count);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "%s%u,", i % 16 == 0 ? "\n    " : "", (unsigned)values[i]);
    }
    fprintf(out, "\n};\n");
}

static void print_stages(FILE *out) {
    static uint16_t stage1[CODES / BLOCK];
    static uint16_t stage2[BLOCKS_MAX * BLOCK];
    unsigned blocks = 0;
    unsigned used = 0;
    for (unsigned i = 0; i < CODES / BLOCK; i++) {
        unsigned at = 0;
        while (at < blocks &&
               memcmp(stage2 + at * BLOCK, entries + i * BLOCK, BLOCK * sizeof *entries) != 0) {
            at++;
        }
        if (at == blocks) {
            require(blocks < BLOCKS_MAX, "there are too many blocks");
            memcpy(stage2 + at * BLOCK, entries + i * BLOCK, BLOCK * sizeof *entries);
            blocks++;
        }
        stage1[i] = (uint16_t)at;
        bool stays = true;
        for (unsigned j = 0; j < BLOCK; j++) {
            stays = stays && entries[i * BLOCK + j] == 0;
        }
        used = stays ? used : i + 1; /* nothing is said of the code points after the last */
    }
    fprintf(out,
            "enum { FOLD_BLOCK_BITS = %d, FOLD_MARK = %d, FOLD_SINGLES = %u, FOLD_BLOCKS = %u };\n",
            BLOCK_BITS, MARK, singles_count, used);
    print_array(out, "uint8_t", "fold_stage1", stage1, used);
    print_array(out, "uint16_t", "fold_stage2", stage2, blocks * BLOCK);
}

int main(int argc, char **argv) {
    require(argc == 2, "usage: gen_fold OUTPUT");
    for (utf8proc_int32_t code = 0; code < CODES; code++) {
        take(code, true);
    }
    singles_count = pool_count;
    for (utf8proc_int32_t code = 0; code < CODES; code++) {
        take(code, false);
    }
    require(pool_count < MARK, "places in the pool look like marks");
    FILE *out = fopen(argv[1], "w");
    require(out != NULL, "the output cannot be opened");
    fprintf(out,
            "/* fold_table.h - made by tools/gen_fold.c from utf8proc %s, Unicode %s. */\n"
            "#ifndef ST_GEN_FOLD_TABLE_H\n#define ST_GEN_FOLD_TABLE_H\n\n#include <stdint.h>\n\n",
            utf8proc_version(), utf8proc_unicode_version());
    print_stages(out);
    print_array(out, "uint16_t", "fold_pool", pool, pool_count);
    print_pairs(out);
    fprintf(out, "\n#endif\n");
    require(fclose(out) == 0, "the output cannot be written");
    return 0;
}
