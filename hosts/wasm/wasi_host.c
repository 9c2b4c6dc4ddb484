/* wasi_host.c - the host under WASI: one thread, files in the folders that the process was given.
 *
 * Files and clock are those of the native host, compiled with wasi-libc. There is no executor:
 * what is due is done in commits and in strata_tick. Paths are those of the preopened folders.
 *
 * The allocator is wasi-libc's: dlmalloc, whose blocks are aligned to 16, as the core is promised;
 * it takes its memory by memory.grow, 64 KiB or more at a time.
 *
 * Rejected: the host table here too, for a module that asks its host for nothing but files: every
 * WASI runtime has those, and so none needs code for Strata.
 */
#include "wasi.h"

#include <stdlib.h>

static void *resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(old);
        return NULL;
    }
    return realloc(old, new_size);
}

const strata_host *strata_host_default(void) {
    static const strata_host host = {
        .size = sizeof(strata_host),
        .memory = {NULL, resize},
        .storage = {NULL, st_native_open, st_native_read_at, st_native_append, st_native_write_at,
                    st_native_truncate, st_native_sync, st_native_size, st_native_close,
                    st_native_remove, st_native_list, st_wasi_lock, st_wasi_unlock},
        .clock = {NULL, st_native_wall_us, st_native_monotonic_ns, st_native_sleep_us},
        .entropy = {NULL, st_native_entropy},
    };
    return &host;
}
