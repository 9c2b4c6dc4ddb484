/* wasi.h - the WASI host: the files and the clock of the native one, a lock and a memory of its
 * own. */
#ifndef STRATA_WASM_WASI_H
#define STRATA_WASM_WASI_H

#include "../native/native.h"

/* wasi_lock.c */
strata_status st_wasi_lock(void *ctx, const char *folder, char *holder, size_t holder_size,
                           strata_file **lock);
strata_status st_wasi_unlock(void *ctx, strata_file *lock);

#endif
