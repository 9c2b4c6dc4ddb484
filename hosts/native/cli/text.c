/* text.c - text for eyes.
 *
 * Widths come from utf8proc, which the library uses already and which has the same tables on every
 * host; wcwidth depends on the locale and does not exist under WASI.
 *
 * Invariants
 * 1. What text_put_safe appends has no control character but those that `lines` keeps, and is valid
 *    UTF-8, whatever came in.
 * 2. text_put_fitted appends exactly `width` columns, so that a table stays straight.
 *
 * Near misses are found by optimal string alignment (edit distance in which two neighbours that are
 * swapped count once), since that is the usual slip of the fingers; a third of the word may be
 * wrong.
 */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utf8proc.h>

enum { WORD_BYTES_MAX = 40 };

/* The character at a place; its length in bytes, or 0 when the bytes are no character. */
static size_t decode(strata_slice text, size_t at, utf8proc_int32_t *codepoint) {
    const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                                (utf8proc_ssize_t)(text.len - at), codepoint);
    return n > 0 ? (size_t)n : 0;
}

static bool is_control(utf8proc_int32_t codepoint) {
    /* C0, DEL, C1, and the marks that turn the direction of writing round. */
    return codepoint < 0x20 || (codepoint >= 0x7f && codepoint < 0xa0) ||
           (codepoint >= 0x202a && codepoint <= 0x202e) ||
           (codepoint >= 0x2066 && codepoint <= 0x2069);
}

static void put_hex(cli_buffer *out, strata_slice text, size_t at, size_t len) {
    for (size_t i = 0; i < len; i++) {
        cli_put_format(out, "\\x%02x", ((const uint8_t *)text.data)[at + i]);
    }
}

void text_put_safe(cli_buffer *out, strata_slice text, text_lines lines) {
    const char *const data = text.data;
    for (size_t at = 0; at < text.len;) {
        utf8proc_int32_t codepoint = 0;
        const size_t len = decode(text, at, &codepoint);
        if (len == 0) {
            put_hex(out, text, at, 1);
            at += 1;
            continue;
        }
        if (codepoint == '\n' || codepoint == '\t' || codepoint == '\r') {
            if (lines == TEXT_ONE_LINE) {
                cli_put_text(out, codepoint == '\n' ? "\\n" : codepoint == '\t' ? "\\t" : "\\r");
            } else if (lines == TEXT_AS_IS && codepoint != '\r') {
                cli_put(out, data + at, 1);
            } else if (out->len > 0 && out->data[out->len - 1] != ' ') {
                cli_put_text(out, " ");
            }
        } else if (is_control(codepoint)) {
            put_hex(out, text, at, len);
        } else {
            cli_put(out, data + at, len);
        }
        at += len;
    }
}

static size_t width_of(utf8proc_int32_t codepoint) {
    const int width = utf8proc_charwidth(codepoint);
    return width > 0 ? (size_t)width : 0;
}

size_t text_width(strata_slice text) {
    size_t width = 0;
    for (size_t at = 0; at < text.len;) {
        utf8proc_int32_t codepoint = 0;
        const size_t len = decode(text, at, &codepoint);
        width += len == 0 ? 1 : width_of(codepoint);
        at += len == 0 ? 1 : len;
    }
    return width;
}

static void put_spaces(cli_buffer *out, size_t count) {
    memset(cli_buffer_reserve(out, count), ' ', count);
    out->len += count;
    out->data[out->len] = 0;
}

void text_put_fitted(cli_buffer *out, strata_slice text, size_t width, bool to_the_right) {
    const size_t whole = text_width(text);
    if (whole <= width) {
        put_spaces(out, to_the_right ? width - whole : 0);
        cli_put_slice(out, text);
        put_spaces(out, to_the_right ? 0 : width - whole);
        return;
    }
    /* Keep what leaves one column for the ellipsis; a wide character may leave two. */
    size_t kept = 0;
    size_t at = 0;
    while (at < text.len) {
        utf8proc_int32_t codepoint = 0;
        const size_t len = decode(text, at, &codepoint);
        const size_t own = len == 0 ? 1 : width_of(codepoint);
        if (kept + own + 1 > width) {
            break;
        }
        kept += own;
        at += len == 0 ? 1 : len;
    }
    cli_put(out, text.data, at);
    if (width > 0) {
        cli_put_text(out, "\xe2\x80\xa6");
        put_spaces(out, width - kept - 1);
    }
}

/* Edits between two short words; the distance of words too long for the table is their length. */
static size_t distance(const char *a, const char *b) {
    const size_t a_len = strlen(a);
    const size_t b_len = strlen(b);
    if (a_len >= WORD_BYTES_MAX || b_len >= WORD_BYTES_MAX) {
        return WORD_BYTES_MAX;
    }
    size_t d[WORD_BYTES_MAX][WORD_BYTES_MAX];
    for (size_t i = 0; i <= a_len; i++) {
        for (size_t j = 0; j <= b_len; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            const bool same = a[i - 1] == b[j - 1];
            size_t best = d[i - 1][j - 1] + (same ? 0 : 1);
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best) {
                best = d[i - 2][j - 2] + 1;
            }
            d[i][j] = best;
        }
    }
    return d[a_len][b_len];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count) {
    const char *nearest = NULL;
    size_t smallest = strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        const size_t edits = distance(word, candidates[i]);
        if (edits < smallest) {
            smallest = edits;
            nearest = candidates[i];
        }
    }
    return nearest;
}

const char *text_grouped(uint64_t number, char out[28]) {
    char plain[24];
    const int len = snprintf(plain, sizeof(plain), "%llu", (unsigned long long)number);
    size_t to = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[to++] = ' ';
        }
        out[to++] = plain[i];
    }
    out[to] = 0;
    return out;
}

const char *text_time(int64_t time_us, char out[40]) {
    const int64_t fraction = ((time_us % 1000000) + 1000000) % 1000000;
    const time_t seconds = (time_t)(time_us / 1000000 - (time_us % 1000000 < 0 ? 1 : 0));
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(out, 40, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
        (void)snprintf(out, 40, "%lld", (long long)time_us);
        return out;
    }
    const size_t len = strlen(out);
    (void)snprintf(out + len, 40 - len, ".%06dZ", (int)fraction);
    return out;
}

static bool parse_age(const char *text, int64_t *age_us) {
    char *end = NULL;
    const long long number = strtoll(text, &end, 10);
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"s", 1000000}, {"m", 60000000}, {"h", 3600000000}, {"d", 86400000000}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (end != text && strcmp(end, units[i].unit) == 0 && number >= 0 &&
            number < INT64_MAX / units[i].us) {
            *age_us = number * units[i].us;
            return true;
        }
    }
    return false;
}

bool text_parse_span(const char *text, uint64_t *span_ms) {
    char *end = NULL;
    int64_t age_us = 0;
    if (parse_age(text, &age_us)) {
        *span_ms = (uint64_t)age_us / 1000;
        return true;
    }
    errno = 0;
    *span_ms = strtoull(text, &end, 10);
    return isdigit((unsigned char)text[0]) && errno == 0 && (*end == 0 || strcmp(end, "ms") == 0);
}

bool text_parse_time(const char *text, int64_t now_us, int64_t *time_us) {
    char *end = NULL;
    const long long number = strtoll(text, &end, 10);
    int64_t age_us = 0;
    if (end != text && *end == 0) {
        *time_us = number;
        return true;
    }
    if (parse_age(text, &age_us)) {
        *time_us = now_us - age_us;
        return true;
    }
    struct tm parts = {0};
    int used = 0;
    const int n =
        sscanf(text, "%4d-%2d-%2d%n%*1[T ]%2d:%2d%n:%2d%n", &parts.tm_year, &parts.tm_mon,
               &parts.tm_mday, &used, &parts.tm_hour, &parts.tm_min, &used, &parts.tm_sec, &used);
    if (n != 3 && n != 5 && n != 6) {
        return false;
    }
    if (text[used] != 0 && strcmp(text + used, "Z") != 0) {
        return false;
    }
    if (parts.tm_mon < 1 || parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
        parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60) {
        return false;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    *time_us = (int64_t)timegm(&parts) * 1000000;
    return true;
}

bool text_parse_size(const char *text, uint64_t *bytes) {
    static const char units[] = "KMG";
    char *end = NULL;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || errno != 0) {
        return false;
    }
    const char *const unit = *end == 0 ? NULL : strchr(units, toupper((unsigned char)*end));
    const unsigned shift = unit == NULL ? 0 : 10 * (unsigned)(unit - units + 1);
    if ((unit == NULL ? *end : end[1]) != 0 || number > UINT64_MAX >> shift) {
        return false;
    }
    *bytes = (uint64_t)number << shift;
    return true;
}
