/* reader.c - lines of a file or of standard input, one buffer, no copy.
 *
 * Invariants
 * 1. A line is borrowed from the buffer; only what is left of a line that crosses its end is moved.
 * 2. The buffer never holds more than one line of the greatest length asked for and one step: an
 *    input of any size is streamed.
 * 3. An interrupted read (Ctrl-C) ends the lines as the end of the input does; the caller sees it
 *    by platform_interrupted.
 *
 * Rejected: getline. It copies every line, cannot bound its length, and stdio hides EINTR.
 */
#include "reader.h"
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_BYTES = 256 << 10 };

int reader_open(reader *r, const char *path) {
    *r = (reader){.fd = STDIN_FILENO};
    if (path == NULL) {
        return 0;
    }
    r->fd = open(path, O_RDONLY | O_NONBLOCK);
    if (r->fd < 0) {
        return errno;
    }
    struct stat info;
    if (fstat(r->fd, &info) == 0 && !S_ISREG(info.st_mode)) {
        reader_close(r);
        return EINVAL;
    }
    return 0;
}

void reader_close(reader *r) {
    if (r->fd > STDIN_FILENO) {
        (void)close(r->fd);
    }
    cli_buffer_free(&r->data);
    r->fd = -1;
}

/* Reads one step more; false when there is nothing more. */
static bool fill(reader *r) {
    if (r->ended) {
        return false;
    }
    const size_t left = r->data.len - r->begin;
    if (r->begin > 0) {
        memmove(r->data.data, r->data.data + r->begin, left);
        r->data.len = left;
        r->begin = 0;
    }
    char *const place = cli_buffer_reserve(&r->data, STEP_BYTES);
    for (;;) {
        /* Only standard input can make anybody wait. */
        const bool ready = r->fd != STDIN_FILENO || platform_wait_input(r->fd);
        const ssize_t n = ready ? read(r->fd, place, STEP_BYTES) : 0;
        if (n > 0) {
            r->data.len += (size_t)n;
            return true;
        }
        if (n < 0 && errno == EINTR && !platform_interrupted()) {
            continue;
        }
        r->ended = true;
        r->error = n < 0 && errno != EINTR ? errno : 0;
        return false;
    }
}

strata_slice reader_peek(reader *r) {
    if (r->data.len == r->begin) {
        (void)fill(r);
    }
    return (strata_slice){r->data.data + r->begin, r->data.len - r->begin};
}

bool reader_line(reader *r, size_t max, strata_slice *line) {
    size_t searched = 0;
    for (;;) {
        const char *const data = r->data.data + r->begin;
        const size_t there = r->data.len - r->begin;
        const char *const end =
            searched < there ? memchr(data + searched, '\n', there - searched) : NULL;
        size_t len = end != NULL ? (size_t)(end - data) + 1 : there;
        if (end == NULL && there < max) {
            searched = there;
            if (fill(r)) {
                continue;
            }
            if (there == 0 || platform_interrupted()) {
                return false;
            }
        }
        len = len > max ? max : len;
        *line = (strata_slice){r->data.data + r->begin, len};
        r->begin += len;
        r->offset += len;
        r->line++;
        return true;
    }
}
