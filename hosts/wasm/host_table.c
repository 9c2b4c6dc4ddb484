/* host_table.c - host.h as imports: whoever loads the module is the host.
 *
 * Each function of host.h is one function of the import module "strata_host" (docs/wasm.md has the
 * table). The module imports nothing else.
 *
 * 1. Numbers that may pass 32 bits (offsets, sizes, times) are f64: exact up to 2^53, and plain
 *    numbers in JavaScript, where an i64 would be a BigInt for each read.
 * 2. A negative result is minus a status of errors.def; one that errors.def does not know is io.
 * 3. Pointers are read during the call. The import must not call the module's exports.
 * 4. One module is one thread: there is no executor, and strata_abi_tick does what is due.
 *
 * Rejected: WASI here too. A browser would have to carry an emulation of it, and it has no word
 * for the lock, the log and the progress.
 */
#include "strata/host.h"

#include "host_memory.h"

#define IMPORT(name) __attribute__((import_module("strata_host"), import_name(#name)))

IMPORT(open) extern int32_t host_open(const char *name, uint32_t len, uint32_t flags);
IMPORT(read_at) extern int32_t host_read_at(int32_t fd, double offset, void *data, uint32_t len);
IMPORT(append) extern int32_t host_append(int32_t fd, const void *data, uint32_t len);
IMPORT(write_at)
extern int32_t host_write_at(int32_t fd, double offset, const void *data, uint32_t len);
IMPORT(truncate) extern int32_t host_truncate(int32_t fd, double size);
IMPORT(sync) extern int32_t host_sync(int32_t fd);
IMPORT(size) extern double host_size(int32_t fd);
IMPORT(close) extern int32_t host_close(int32_t fd);
IMPORT(remove) extern int32_t host_remove(const char *name, uint32_t len);
IMPORT(list)
extern int32_t host_list(const char *folder, uint32_t len, char *names, uint32_t names_size);
IMPORT(lock)
extern int32_t host_lock(const char *folder, uint32_t len, char *holder, uint32_t holder_size);
IMPORT(unlock) extern int32_t host_unlock(int32_t fd);
IMPORT(wall_us) extern double host_wall_us(void);
IMPORT(monotonic_ns) extern double host_monotonic_ns(void);
IMPORT(random) extern int32_t host_random(void *data, uint32_t len);
IMPORT(log)
extern void host_log(int32_t level, const char *message, uint32_t message_len, const char *fields,
                     uint32_t fields_len);
IMPORT(progress)
extern void host_progress(const char *stage, uint32_t stage_len, double done, double total);

enum {
    /* One transfer at most: an i32 must hold its length. */
    TRANSFER_BYTES_MAX = 1 << 30,
    /* Room for the names of a folder at the first try. */
    NAMES_BYTES_FIRST = 4096,
};

static const strata_allocator memory = {NULL, host_memory_resize};

/* ---- Statuses and handles -------------------------------------------------------------------- */

static strata_status status_of(double result) {
    if (result >= 0) {
        return STRATA_OK;
    }
    switch ((int32_t)-result) {
#define STRATA_ERROR(NAME, name, code, exit, retryable, meaning)                                   \
    case code:                                                                                     \
        return STRATA_##NAME;
#include "strata/errors.def"
#undef STRATA_ERROR
    default:
        return STRATA_IO;
    }
}

/* A file is the number that the host gave, plus one as NULL means none. It is never a pointer to
 * anything, so opening cannot run out of memory. */
static strata_file *file_of(int32_t fd) {
    return (strata_file *)((intptr_t)fd + 1);
}

static int32_t fd_of(const strata_file *file) {
    return (int32_t)((intptr_t)file - 1);
}

static uint32_t length_of(const char *text) {
    return (uint32_t)strlen(text);
}

/* ---- Storage --------------------------------------------------------------------------------- */

static strata_status storage_open(void *ctx, const char *name, uint32_t flags, strata_file **file) {
    (void)ctx;
    const int32_t fd = host_open(name, length_of(name), flags);
    if (fd < 0) {
        return status_of(fd);
    }
    *file = file_of(fd);
    return STRATA_OK;
}

static strata_status storage_read_at(void *ctx, strata_file *file, uint64_t offset, void *data,
                                     size_t len, size_t *got) {
    (void)ctx;
    size_t done = 0;
    while (done < len) {
        const size_t want = len - done < TRANSFER_BYTES_MAX ? len - done : TRANSFER_BYTES_MAX;
        const int32_t read =
            host_read_at(fd_of(file), (double)(offset + done), (char *)data + done, (uint32_t)want);
        if (read < 0) {
            return status_of(read);
        }
        if ((size_t)read > want) {
            return STRATA_IO;
        }
        if (read == 0) {
            break; /* the end of the file */
        }
        done += (size_t)read;
    }
    *got = done;
    return STRATA_OK;
}

/* A size_t here is 32 bits, and more than 2^31 bytes in one piece would leave nothing for the
 * rest; the limits of values are far below. */
static strata_status storage_append(void *ctx, strata_file *file, const void *data, size_t len) {
    (void)ctx;
    return status_of(host_append(fd_of(file), data, (uint32_t)len));
}

static strata_status storage_write_at(void *ctx, strata_file *file, uint64_t offset,
                                      const void *data, size_t len) {
    (void)ctx;
    return status_of(host_write_at(fd_of(file), (double)offset, data, (uint32_t)len));
}

static strata_status storage_truncate(void *ctx, strata_file *file, uint64_t size) {
    (void)ctx;
    return status_of(host_truncate(fd_of(file), (double)size));
}

static strata_status storage_sync(void *ctx, strata_file *file) {
    (void)ctx;
    return status_of(host_sync(fd_of(file)));
}

static strata_status storage_size(void *ctx, strata_file *file, uint64_t *size) {
    (void)ctx;
    const double result = host_size(fd_of(file));
    if (!(result >= 0)) {
        return result < 0 ? status_of(result) : STRATA_IO; /* a NaN is no size */
    }
    *size = (uint64_t)result;
    return STRATA_OK;
}

static strata_status storage_close(void *ctx, strata_file *file) {
    (void)ctx;
    return status_of(host_close(fd_of(file)));
}

static strata_status storage_remove(void *ctx, const char *name) {
    (void)ctx;
    return status_of(host_remove(name, length_of(name)));
}

/* The names of the folder, one after the other, each ended with NUL. They are copied out before
 * any is visited, so that a visit may remove files. */
static strata_status read_names(const char *folder, char **names, size_t *size, size_t *used) {
    size_t want = NAMES_BYTES_FIRST;
    for (;;) {
        char *grown = memory.resize(memory.ctx, *names, *size, want);
        if (grown == NULL) {
            return STRATA_NO_MEMORY;
        }
        *names = grown;
        *size = want;
        const int32_t needed = host_list(folder, length_of(folder), grown, (uint32_t)want);
        if (needed < 0) {
            return status_of(needed);
        }
        *used = (size_t)needed;
        if (*used <= want) {
            return STRATA_OK;
        }
        want = *used;
    }
}

static strata_status storage_list(void *ctx, const char *folder,
                                  strata_status (*visit)(void *arg, const char *name), void *arg) {
    (void)ctx;
    char *names = NULL;
    size_t size = 0;
    size_t used = 0;
    strata_status status = read_names(folder, &names, &size, &used);
    if (status == STRATA_OK && used > 0 && names[used - 1] != '\0') {
        status = STRATA_IO; /* the host broke its word; nothing beyond is read */
    }
    for (size_t at = 0; status == STRATA_OK && at < used; at += strlen(names + at) + 1) {
        status = visit(arg, names + at);
    }
    if (names != NULL) {
        memory.resize(memory.ctx, names, size, 0);
    }
    return status;
}

static strata_status storage_lock(void *ctx, const char *folder, char *holder, size_t holder_size,
                                  strata_file **lock) {
    (void)ctx;
    if (holder_size > 0) {
        holder[0] = '\0';
    }
    const int32_t fd = host_lock(folder, length_of(folder), holder, (uint32_t)holder_size);
    if (holder_size > 0) {
        holder[holder_size - 1] = '\0';
    }
    if (fd < 0) {
        return status_of(fd);
    }
    *lock = file_of(fd);
    return STRATA_OK;
}

static strata_status storage_unlock(void *ctx, strata_file *lock) {
    (void)ctx;
    return status_of(host_unlock(fd_of(lock)));
}

/* ---- Clock, entropy, log --------------------------------------------------------------------- */

static int64_t clock_wall_us(void *ctx) {
    (void)ctx;
    return (int64_t)host_wall_us();
}

static uint64_t clock_monotonic_ns(void *ctx) {
    (void)ctx;
    return (uint64_t)host_monotonic_ns();
}

static strata_status entropy_fill(void *ctx, void *data, size_t len) {
    (void)ctx;
    return status_of(host_random(data, (uint32_t)len));
}

static void log_write(void *ctx, strata_log_level level, const char *message, const char *fields) {
    (void)ctx;
    host_log((int32_t)level, message, length_of(message), fields, length_of(fields));
}

static void log_progress(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    (void)ctx;
    host_progress(stage, length_of(stage), (double)done, (double)total);
}

/* ---- The host -------------------------------------------------------------------------------- */

static const strata_host host = {
    .size = sizeof(strata_host),
    .memory = {NULL, host_memory_resize},
    .storage = {NULL, storage_open, storage_read_at, storage_append, storage_write_at,
                storage_truncate, storage_sync, storage_size, storage_close, storage_remove,
                storage_list, storage_lock, storage_unlock},
    .clock = {NULL, clock_wall_us, clock_monotonic_ns, NULL},
    .entropy = {NULL, entropy_fill},
    .log = {NULL, log_write, log_progress},
};

const strata_host *strata_host_default(void) {
    return &host;
}
