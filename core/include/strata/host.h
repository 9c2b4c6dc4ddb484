/* host.h - what a host provides: memory, storage, clock, entropy, threads, a log.
 *
 * The core calls the operating system through these tables and in no other way, so that the same
 * core runs natively, in a browser worker, in Node, under WASI and inside a simulator.
 * Every call is synchronous and returns a status. Tables are borrowed from strata_open until the
 * last handle of the database is closed. A function may be called from any thread that uses the
 * database, for different files at the same time; never for the same file, but for read_at.
 */
#ifndef STRATA_HOST_H
#define STRATA_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/strata.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Memory ---------------------------------------------------------------------------------- */

/* One function in the manner of Lua: new_size 0 frees, old NULL allocates. Returns NULL when there
 * is no memory (or on free); old is then untouched. Alignment: 16. Sizes of 2 MiB and more should
 * come from huge pages where the host has them: a page fault costs more than a write. */
typedef struct strata_allocator {
    void *ctx;
    void *(*resize)(void *ctx, void *old, size_t old_size, size_t new_size);
} strata_allocator;

/* ---- Storage --------------------------------------------------------------------------------- */

typedef struct strata_file strata_file; /* made by the host; opaque to the core */

enum {
    STRATA_FILE_READ = 0,
    STRATA_FILE_WRITE = 1,     /* also writable */
    STRATA_FILE_CREATE = 2,    /* make it (and the folders it lies in) if it is missing */
    STRATA_FILE_EXCLUSIVE = 4, /* with CREATE: fail with already_exists if it is there */
};

/* Names are '/'-separated paths: the path given to strata_open, '/', and a file of the database.
 * Errors of every function: io, no_space (quota included), no_memory; details may be set with
 * log. Short reads and writes and interruptions are the host's to retry. */
typedef struct strata_storage {
    void *ctx;
    /* not_found when there is no such file and CREATE is not asked for; forbidden when the
     * permissions or a read-only medium refuse. */
    strata_status (*open)(void *ctx, const char *name, uint32_t flags, strata_file **file);
    /* Reads up to len bytes at offset; *got < len only at the end of the file. */
    strata_status (*read_at)(void *ctx, strata_file *file, uint64_t offset, void *data, size_t len,
                             size_t *got);
    strata_status (*append)(void *ctx, strata_file *file, const void *data, size_t len);
    strata_status (*write_at)(void *ctx, strata_file *file, uint64_t offset, const void *data,
                              size_t len);
    /* Cuts, or grows with zeros. Growing reserves: where the medium can promise it, a later write
     * inside the new size does not fail with no_space. */
    strata_status (*truncate)(void *ctx, strata_file *file, uint64_t size);
    /* When it returns OK, the bytes, the size and the name of the file survive the power cord. */
    strata_status (*sync)(void *ctx, strata_file *file);
    strata_status (*size)(void *ctx, strata_file *file, uint64_t *size);
    strata_status (*close)(void *ctx, strata_file *file);
    strata_status (*remove)(void *ctx, const char *name);
    /* Calls visit for every file in the folder, in any order, with the name inside the folder
     * (no path, folders left out). not_found when there is no such folder. A visit that does not
     * return OK ends the walk with its status. */
    strata_status (*list)(void *ctx, const char *folder,
                          strata_status (*visit)(void *arg, const char *name), void *arg);
    /* Takes the only right to write in the database folder, made if missing, until unlock or the
     * end of the process. busy when another process (or handle) has it; holder, of at least
     * holder_size bytes, then says who in words, such as "process 4711". */
    strata_status (*lock)(void *ctx, const char *folder, char *holder, size_t holder_size,
                          strata_file **lock);
    strata_status (*unlock)(void *ctx, strata_file *lock);
} strata_storage;

/* ---- Clock and entropy ----------------------------------------------------------------------- */

typedef struct strata_clock {
    void *ctx;
    int64_t (*wall_us)(void *ctx);       /* microseconds since the epoch; may jump */
    uint64_t (*monotonic_ns)(void *ctx); /* never goes back */
    /* Sleeps for about so long; NULL: the host cannot, and what would be repeated after a while is
     * repeated at once. */
    void (*sleep_us)(void *ctx, uint64_t duration_us);
} strata_clock;

typedef struct strata_entropy {
    void *ctx;
    strata_status (*fill)(void *ctx, void *data, size_t len); /* unpredictable bytes */
} strata_entropy;

/* ---- Threads (optional) ---------------------------------------------------------------------- */

typedef struct strata_job strata_job; /* made by the host */

/* With an executor a database may be used by several threads and background work goes on by
 * itself. Without one (ctx and functions NULL) there is one thread, and background work advances
 * in strata_tick and inside commits. */
typedef struct strata_executor {
    void *ctx;
    /* Calls step(arg) on another thread every `every_ms`, one call at a time. */
    strata_status (*start)(void *ctx, void (*step)(void *arg), void *arg, uint32_t every_ms,
                           strata_job **job);
    void (*kick)(void *ctx, strata_job *job); /* run the next step now */
    void (*stop)(void *ctx, strata_job *job); /* returns when no step runs; frees the job */
    /* A futex: sleeps while *word == expected, may wake for no reason. */
    void (*wait)(void *ctx, uint32_t *word, uint32_t expected);
    void (*wake)(void *ctx, uint32_t *word, bool all);
} strata_executor;

/* ---- Log and progress (optional) ------------------------------------------------------------- */

typedef enum strata_log_level {
    STRATA_LOG_DEBUG,
    STRATA_LOG_INFO,
    STRATA_LOG_WARN,
    STRATA_LOG_ERROR
} strata_log_level;

typedef struct strata_log {
    void *ctx;
    /* message: one line; fields: "key=value key=value", values quoted where they have spaces. */
    void (*write)(void *ctx, strata_log_level level, const char *message, const char *fields);
    /* stage: "recover" (bytes of log), "index" (memories), "backup", "export" or "import" (bytes);
     * done of total, 0 when unknown. */
    void (*progress)(void *ctx, const char *stage, uint64_t done, uint64_t total);
} strata_log;

/* ---- The host -------------------------------------------------------------------------------- */

typedef struct strata_host {
    size_t size; /* sizeof(strata_host), so that it can grow */
    strata_allocator memory;
    strata_storage storage; /* may be zeros when only ":memory:" is opened */
    strata_clock clock;
    strata_entropy entropy;
    strata_executor executor;
    strata_log log;
} strata_host;

/* The host of this platform, used by strata_open when the options name none. Each host library
 * defines it (hosts/native, hosts/wasm). Borrowed for ever. */
const strata_host *strata_host_default(void);

#ifdef __cplusplus
}
#endif
#endif
