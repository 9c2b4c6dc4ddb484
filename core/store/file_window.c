/* file_window.c - a buffer with the bytes of a file from `start` on.
 *
 * Invariant: buffer holds bytes of `file`, or none after it was opened. What is asked for beyond it is
 * read from where it begins, a window at a time, so that a walk forward reads each byte about once.
 */
#include "store/file_window.h"

strata_status st_file_window_open(st_file_window *w, const char *name) {
    const strata_storage *storage = &w->host->storage;
    w->start = 0;
    w->buffer.len = 0;
    ST_TRY(storage->open(storage->ctx, name, STRATA_FILE_READ, &w->file));
    const strata_status status = storage->size(storage->ctx, w->file, &w->size);
    if (status != STRATA_OK) {
        st_file_window_close(w);
    }
    return status;
}

void st_file_window_close(st_file_window *w) {
    (void)w->host->storage.close(w->host->storage.ctx, w->file);
    w->file = NULL;
}

void st_file_window_free(st_file_window *w) {
    strata_buffer_free(&w->buffer);
}

strata_status st_file_window_at(st_file_window *w, uint64_t offset, size_t len,
                                const uint8_t **bytes) {
    const strata_storage *storage = &w->host->storage;
    if (offset < w->start || offset + len > w->start + w->buffer.len) {
        const uint64_t left = w->size - offset;
        const size_t most = st_max(len, ST_FILE_WINDOW_BYTES);
        const size_t want = left < most ? (size_t)left : most;
        size_t got = 0;
        w->buffer.len = 0;
        ST_TRY(st_buffer_reserve(&w->buffer, want));
        ST_TRY(storage->read_at(storage->ctx, w->file, offset, w->buffer.data, want, &got));
        w->start = offset;
        w->buffer.len = got;
        if (got < want) {
            w->size = offset + got;
        }
        if (got < len) {
            *bytes = NULL;
            return STRATA_OK;
        }
    }
    *bytes = w->buffer.data + (offset - w->start);
    return STRATA_OK;
}
