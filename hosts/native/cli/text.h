/* text.h - text for eyes: widths on a terminal, cutting, what is not printable, near misses. */
#ifndef STRATA_CLI_TEXT_H
#define STRATA_CLI_TEXT_H

#include "buffer.h"

/* How control characters and bytes that are not UTF-8 are shown. */
typedef enum text_lines {
    TEXT_ONE_LINE, /* line ends and tabs as \n, \t */
    TEXT_FLOWING,  /* line ends and tabs as one space */
    TEXT_AS_IS,    /* line ends and tabs are kept */
} text_lines;

/* Appends text that is safe on a terminal: other control characters and bytes that are not UTF-8
 * become \xNN, so that nothing stored in a database can drive the terminal of who reads it. */
void text_put_safe(cli_buffer *out, strata_slice text, text_lines lines);

/* Columns that UTF-8 text takes; wide characters take two, combining ones none. */
size_t text_width(strata_slice text);
/* Appends text in exactly `width` columns: cut with an ellipsis or filled with spaces. */
void text_put_fitted(cli_buffer *out, strata_slice text, size_t width, bool to_the_right);

/* The candidate nearest to a misspelt word, or NULL when none is near. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* 1234567 -> "1 234 567"; at least 28 bytes in out. */
const char *text_grouped(uint64_t number, char out[28]);
/* Seconds since the epoch with fraction -> "2024-05-01 12:00:00.000000Z" in at least 40 bytes. */
const char *text_time(int64_t time_us, char out[40]);
/* A time for an option: microseconds, a date with or without a time (UTC), or an age such as 30m,
 * 2h, 7d before now_us. */
bool text_parse_time(const char *text, int64_t now_us, int64_t *time_us);
/* A length of time: milliseconds, or a number with ms, s, m, h or d. */
bool text_parse_span(const char *text, uint64_t *span_ms);
/* Bytes: a number, with K, M or G behind it for that many KiB, MiB or GiB. */
bool text_parse_size(const char *text, uint64_t *bytes);

#endif
