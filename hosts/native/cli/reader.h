/* reader.h - lines of a file or of standard input. */
#ifndef STRATA_CLI_READER_H
#define STRATA_CLI_READER_H

#include "buffer.h"

enum {
    READER_LINE_BYTES_MAX = 40 << 20
}; /* above what a value may have, so that is what refuses */

typedef struct reader {
    int fd;
    bool ended;
    int error; /* errno of a read that failed; 0: none */
    cli_buffer data;
    size_t begin;    /* of what is not yet handed out, in data */
    uint64_t offset; /* of data[begin] in the file */
    uint64_t line;   /* number of the line handed out last */
} reader;

/* path NULL: standard input. Returns an errno; 0: open. */
int reader_open(reader *r, const char *path);
void reader_close(reader *r);
/* The first bytes, without taking them. */
strata_slice reader_peek(reader *r);
/* The next line with its end, borrowed until the next call; false at the end, on an error and when
 * interrupted. A line longer than max comes in pieces of max bytes. */
bool reader_line(reader *r, size_t max, strata_slice *line);

#endif
