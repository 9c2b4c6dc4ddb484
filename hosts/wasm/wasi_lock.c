/* wasi_lock.c - the one right to write in a database folder, where there are no processes to see.
 *
 * The protocol is that of hosts/native/lock.c, without its flock: the text of LOCK says who has
 * the right, "" is nobody, and whoever reads the text to write their own holds LOCK.new, made with
 * EXCLUSIVE, in between. A WASI process writes "wasi\n", since it has no pid.
 *
 * 1. Any text means busy. WASI cannot ask whether a process lives, so what a crash left behind
 *    counts until somebody who can tell removes LOCK; the holder says so.
 * 2. LOCK is never removed here, only emptied; native/lock.c has the reason.
 * 3. A LOCK.new older than STALE_S was left behind by a crash in the step, which takes
 *    milliseconds, and is removed. A younger one means busy: there is nothing to wait with that
 *    every WASI host has.
 *
 * Rejected: fd_lock, which is not in wasi_snapshot_preview1; and a text with the time of the last
 * sign of life, which makes a laptop that slept lose its database to the next opener.
 */
#include "wasi.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES_MAX = 4096, TEXT_BYTES_MAX = 128, STALE_S = 10 };
static const char self[] = "wasi\n";

/* Makes LOCK.new; busy while somebody else's is there. */
static strata_status enter(const char *step_name) {
    const uint32_t flags = STRATA_FILE_WRITE | STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE;
    strata_file *step = NULL;
    strata_status status = st_native_open(NULL, step_name, flags, &step);
    struct stat info;
    if (status == STRATA_ALREADY_EXISTS && stat(step_name, &info) == 0 &&
        (int64_t)info.st_mtime + STALE_S < st_native_wall_us(NULL) / 1000000) {
        (void)unlink(step_name);
        status = st_native_open(NULL, step_name, flags, &step);
    }
    if (status != STRATA_OK) {
        return status == STRATA_ALREADY_EXISTS ? STRATA_BUSY : status;
    }
    return st_native_close(NULL, step);
}

/* Says in words whom the text of LOCK names: "PID START BOOT" or "wasi". */
static void describe(const char *text, char *holder, size_t size) {
    const size_t digits = strspn(text, "0123456789");
    if (digits > 0) {
        (void)snprintf(holder, size, "process %.*s (remove LOCK if it is gone)", (int)digits, text);
    } else {
        (void)snprintf(holder, size, "a WASI process (remove LOCK if none runs)");
    }
}

static strata_status claim(strata_file *file, char *holder, size_t holder_size) {
    char text[TEXT_BYTES_MAX] = {0};
    size_t got = 0;
    const strata_status status = st_native_read_at(NULL, file, 0, text, sizeof(text) - 1, &got);
    if (status != STRATA_OK) {
        return status;
    }
    if (got > 0) {
        describe(text, holder, holder_size);
        return STRATA_BUSY;
    }
    return st_native_write_at(NULL, file, 0, self, sizeof(self) - 1);
}

strata_status st_wasi_lock(void *ctx, const char *folder, char *holder, size_t holder_size,
                           strata_file **lock) {
    char name[NAME_BYTES_MAX];
    char step_name[NAME_BYTES_MAX];
    if (snprintf(name, sizeof(name), "%s/LOCK", folder) >= (int)sizeof(name) ||
        snprintf(step_name, sizeof(step_name), "%s/LOCK.new", folder) >= (int)sizeof(step_name)) {
        return STRATA_INVALID_ARGUMENT;
    }
    strata_file *file = NULL;
    strata_status status = st_native_open(ctx, name, STRATA_FILE_WRITE | STRATA_FILE_CREATE, &file);
    if (status != STRATA_OK) {
        return status;
    }
    status = enter(step_name);
    if (status == STRATA_OK) {
        status = claim(file, holder, holder_size);
        (void)unlink(step_name);
    } else if (status == STRATA_BUSY) {
        (void)snprintf(holder, holder_size, "a process that is opening it");
    }
    if (status != STRATA_OK) {
        (void)st_native_close(ctx, file);
        return status;
    }
    *lock = file;
    return STRATA_OK;
}

strata_status st_wasi_unlock(void *ctx, strata_file *lock) {
    const strata_status cut = st_native_truncate(ctx, lock, 0);
    const strata_status closed = st_native_close(ctx, lock);
    return cut != STRATA_OK ? cut : closed;
}
