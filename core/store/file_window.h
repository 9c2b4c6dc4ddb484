/* file_window.h - reading a file from its beginning to its end through a window of it.
 *
 * One thread.
 */
#ifndef ST_STORE_FILE_WINDOW_H
#define ST_STORE_FILE_WINDOW_H

#include "base/memory.h"

/* What is read at a time, if not more is asked for. */
enum { ST_FILE_WINDOW_BYTES = 1 << 20 };

typedef struct st_file_window {
    const strata_host *host;
    strata_file *file;
    uint64_t size;        /* of the file */
    strata_buffer buffer; /* bytes from `start` on */
    uint64_t start;
} st_file_window;

/* Nothing is open yet. */
static inline st_file_window st_file_window_over(const strata_host *host) {
    return (st_file_window){.host = host, .buffer = {NULL, 0, 0, host}};
}
/* Opens another file, and keeps the memory of the one before, which is closed. Errors: the host's. */
strata_status st_file_window_open(st_file_window *window, const char *name);
void st_file_window_close(st_file_window *window);
/* No file is open. */
void st_file_window_free(st_file_window *window);

/* The bytes [offset, offset + len) of the file, which held them when its size was read; borrowed until
 * the next call. NULL if it has been cut meanwhile (a writer beside a reader gives reserved space
 * back): size is then what is left. Errors: io, no_memory. */
strata_status st_file_window_at(st_file_window *window, uint64_t offset, size_t len,
                                const uint8_t **bytes);

#endif
