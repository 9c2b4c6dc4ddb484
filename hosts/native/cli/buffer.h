/* buffer.h - growable bytes of the command line. Running out of memory ends the program. */
#ifndef STRATA_CLI_BUFFER_H
#define STRATA_CLI_BUFFER_H

#include "strata/strata.h"

/* Set to zeros before first use. data has a NUL behind len once anything was put in. */
typedef struct cli_buffer {
    char *data;
    size_t len;
    size_t cap;
} cli_buffer;

/* As realloc, but never NULL for size > 0: says so and exits instead. */
void *cli_resize(void *old, size_t size);

void cli_buffer_free(cli_buffer *buffer);
void cli_buffer_clear(cli_buffer *buffer);
/* Room for `more` bytes behind len; returns where they go. */
char *cli_buffer_reserve(cli_buffer *buffer, size_t more);
void cli_put(cli_buffer *buffer, const void *data, size_t len);
void cli_put_text(cli_buffer *buffer, const char *text);
void cli_put_slice(cli_buffer *buffer, strata_slice slice);
__attribute__((format(printf, 2, 3))) void cli_put_format(cli_buffer *buffer, const char *format,
                                                          ...);
strata_slice cli_slice(const cli_buffer *buffer);
bool cli_slice_is(strata_slice slice, const char *text);

#endif
