/* Proves that folding by the tables is folding by utf8proc: for every code point, and for mixtures
 * of those that combine, in any order. Random, by a fixed seed. */
#include <utf8proc.h>

#include "index/text/fold.h"
#include "support.h"

enum { CODES = 0x110000, MIXTURES = 200000, MIXED_MAX = 6 };

static bool is_accent(utf8proc_int32_t code) {
    const utf8proc_property_t *property = utf8proc_get_property(code);
    const int class = property->combining_class;
    return (class >= 10 && class <= 36) || class >= 200 ||
           property->category == UTF8PROC_CATEGORY_ME;
}

static size_t oracle_fold(uint32_t code, utf8proc_int32_t *out) {
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
                                      UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    int last_class = 0;
    const utf8proc_ssize_t got =
        utf8proc_decompose_char((utf8proc_int32_t)code, out, ST_FOLD_MAX, options, &last_class);
    assert_in_range(got, 0, ST_FOLD_MAX);
    size_t kept = 0;
    for (utf8proc_ssize_t i = 0; i < got; i++) {
        if (!is_accent(out[i])) {
            out[kept++] = out[i] == 0x2019 ? '\'' : out[i];
        }
    }
    return kept;
}

static size_t oracle_compose(utf8proc_int32_t *codes, size_t count) {
    for (size_t i = 1; i < count; i++) { /* the marks, by bubbling */
        for (size_t j = i; j > 0; j--) {
            const int class = utf8proc_get_property(codes[j])->combining_class;
            const int before = utf8proc_get_property(codes[j - 1])->combining_class;
            if (class != 0 && before > class) {
                const utf8proc_int32_t code = codes[j];
                codes[j] = codes[j - 1];
                codes[j - 1] = code;
            }
        }
    }
    return (size_t)utf8proc_normalize_utf32(codes, (utf8proc_ssize_t)count,
                                            UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

/* Folds and composes both ways. */
static void compare(const uint32_t *codes, size_t count) {
    uint32_t ours[MIXED_MAX * ST_FOLD_MAX];
    utf8proc_int32_t theirs[MIXED_MAX * ST_FOLD_MAX];
    size_t our_count = 0;
    size_t their_count = 0;
    for (size_t i = 0; i < count; i++) {
        our_count += st_fold(codes[i], ours + our_count);
        their_count += oracle_fold(codes[i], theirs + their_count);
    }
    our_count = st_fold_compose(ours, our_count);
    their_count = oracle_compose(theirs, their_count);
    const bool same =
        our_count == their_count && memcmp(ours, theirs, our_count * sizeof *ours) == 0;
    if (!same) {
        for (size_t i = 0; i < count; i++) {
            print_message("U+%04X ", (unsigned)codes[i]);
        }
        fail_msg("become %zu code points, by utf8proc %zu, or others", our_count, their_count);
    }
}

static void test_every_code_point(void **state) {
    (void)state;
    for (uint32_t code = 0; code < CODES; code++) {
        uint32_t ours[ST_FOLD_MAX];
        utf8proc_int32_t theirs[ST_FOLD_MAX];
        const size_t count = st_fold(code, ours);
        if (count != oracle_fold(code, theirs) || memcmp(ours, theirs, count * sizeof *ours) != 0) {
            fail_msg("U+%04X", (unsigned)code);
        }
        compare(&code, 1);
    }
}

/* Those that decompose or are marks, with the syllables of Hangul thinned out, and some others. */
static size_t collect(uint32_t *codes, size_t max) {
    size_t count = 0;
    for (uint32_t code = 0; code < CODES; code++) {
        utf8proc_int32_t parts[ST_FOLD_MAX];
        int last_class = 0;
        const utf8proc_ssize_t got =
            utf8proc_decompose_char((utf8proc_int32_t)code, parts, ST_FOLD_MAX,
                                    UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &last_class);
        const bool syllable = code >= 0xac00 && code <= 0xd7a3;
        const bool mark = utf8proc_get_property((utf8proc_int32_t)code)->combining_class != 0;
        const bool wanted = syllable ? code % 14 == 0 : got > 1 || mark;
        if (!wanted && (code < 0x1100 || code > 0x11ff)) {
            continue;
        }
        assert_true(count + (size_t)got < max);
        codes[count++] = code;
        for (utf8proc_ssize_t i = 0; got > 1 && i < got; i++) {
            codes[count++] = (uint32_t)parts[i];
        }
    }
    return count;
}

static void test_mixtures(void **state) {
    (void)state;
    static uint32_t codes[32768];
    const size_t count = collect(codes, sizeof codes / sizeof codes[0]);
    uint64_t random = 20260101;
    uint32_t mixed[MIXED_MAX];
    for (size_t round = 0; round < MIXTURES; round++) {
        /* Neighbours in the list belong together more often than any two. */
        size_t at = 0;
        for (size_t i = 0; i < MIXED_MAX; i++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            const size_t pick = (size_t)(random >> 33);
            at = (i == 0 || pick % 4 == 0 ? pick / 4 : at + pick / 4 % 8) % count;
            mixed[i] = codes[at];
        }
        compare(mixed, MIXED_MAX);
    }
}

/* Every two of the list that are near each other. */
static void test_neighbours(void **state) {
    (void)state;
    static uint32_t codes[32768];
    const size_t count = collect(codes, sizeof codes / sizeof codes[0]);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i > 8 ? i - 8 : 0; j < count && j < i + 8; j++) {
            const uint32_t both[] = {codes[i], codes[j]};
            compare(both, 2);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_mixtures),
        cmocka_unit_test(test_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
