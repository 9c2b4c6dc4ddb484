/* buffer.c - growable bytes.
 *
 * A command line that has no memory for its output can do nothing better than say so: so these
 * functions have no status, which keeps their callers readable. The library below does report
 * no_memory, and a database is left whole by a process that exits at any point.
 *
 * Invariant: data[len] is NUL whenever data is not NULL, so that a buffer can be printed.
 */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_NO_MEMORY = 4 };

void *cli_resize(void *old, size_t size) {
    void *const data = realloc(old, size);
    if (data == NULL && size > 0) {
        (void)fputs("error: out of memory\n", stderr);
        exit(EXIT_NO_MEMORY);
    }
    return data;
}

void cli_buffer_free(cli_buffer *buffer) {
    free(buffer->data);
    *buffer = (cli_buffer){0};
}

void cli_buffer_clear(cli_buffer *buffer) {
    buffer->len = 0;
    if (buffer->data != NULL) {
        buffer->data[0] = 0;
    }
}

char *cli_buffer_reserve(cli_buffer *buffer, size_t more) {
    const size_t needed = buffer->len + more + 1;
    if (needed > buffer->cap) {
        size_t cap = buffer->cap < 64 ? 64 : buffer->cap;
        while (cap < needed) {
            cap *= 2;
        }
        buffer->data = cli_resize(buffer->data, cap);
        buffer->cap = cap;
    }
    return buffer->data + buffer->len;
}

void cli_put(cli_buffer *buffer, const void *data, size_t len) {
    char *const place = cli_buffer_reserve(buffer, len);
    if (len > 0) {
        memcpy(place, data, len);
    }
    buffer->len += len;
    buffer->data[buffer->len] = 0;
}

void cli_put_text(cli_buffer *buffer, const char *text) {
    cli_put(buffer, text, strlen(text));
}

void cli_put_slice(cli_buffer *buffer, strata_slice slice) {
    cli_put(buffer, slice.data, slice.len);
}

void cli_put_format(cli_buffer *buffer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0) {
        char *const place = cli_buffer_reserve(buffer, (size_t)len);
        (void)vsnprintf(place, (size_t)len + 1, format, again);
        buffer->len += (size_t)len;
    }
    va_end(again);
}

strata_slice cli_slice(const cli_buffer *buffer) {
    const strata_slice slice = {buffer->data, buffer->len};
    return slice;
}

bool cli_slice_is(strata_slice slice, const char *text) {
    return slice.len == strlen(text) &&
           (slice.len == 0 || memcmp(slice.data, text, slice.len) == 0);
}
