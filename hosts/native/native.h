/* native.h - the native host: the tables of host.h over POSIX and Linux.
 *
 * storage.c and clock.c need nothing beyond what wasi-libc offers and serve the WASI build too;
 * memory.c, lock.c and executor.c are Linux. host.c puts the table together; a host that shares
 * some of the functions has a host.c of its own.
 */
#ifndef STRATA_NATIVE_H
#define STRATA_NATIVE_H

#include "strata/host.h"

/* What an open file is to this host. Made by st_native_open and st_native_lock. */
struct strata_file {
    int fd;
    bool folder_synced; /* the name is known to survive; see storage.c, invariant 2 */
    uint64_t size;      /* of a writable file, kept here so that append asks nobody */
    char name[];        /* ends with NUL */
};

/* ---- memory.c */
void *st_native_resize(void *ctx, void *old, size_t old_size, size_t new_size);
/* What a thread that looks now and then knows. */
typedef struct st_native_settling {
    uint64_t seen_bytes; /* freed until then, */
    uint64_t seen_ns;    /* when that was first seen */
} st_native_settling;
/* Gives freed memory back to the system, if much was freed, and none of late; says whether. Any thread;
 * one that has nothing else to do. */
bool st_native_settle(st_native_settling *settling, uint64_t now_ns);

/* ---- storage.c */
strata_status st_native_open(void *ctx, const char *name, uint32_t flags, strata_file **file);
strata_status st_native_read_at(void *ctx, strata_file *file, uint64_t offset, void *data,
                                size_t len, size_t *got);
strata_status st_native_append(void *ctx, strata_file *file, const void *data, size_t len);
strata_status st_native_write_at(void *ctx, strata_file *file, uint64_t offset, const void *data,
                                 size_t len);
strata_status st_native_truncate(void *ctx, strata_file *file, uint64_t size);
strata_status st_native_sync(void *ctx, strata_file *file);
strata_status st_native_size(void *ctx, strata_file *file, uint64_t *size);
strata_status st_native_close(void *ctx, strata_file *file);
strata_status st_native_remove(void *ctx, const char *name);
strata_status st_native_list(void *ctx, const char *folder,
                             strata_status (*visit)(void *arg, const char *name), void *arg);
/* The status for an errno: the one translation of this host. */
strata_status st_native_status(int error);
/* Makes the folder and those it lies in, each name synced before it is used. */
strata_status st_native_make_folder(const char *folder);

/* ---- lock.c */
strata_status st_native_lock(void *ctx, const char *folder, char *holder, size_t holder_size,
                             strata_file **lock);
strata_status st_native_unlock(void *ctx, strata_file *lock);

/* ---- clock.c */
int64_t st_native_wall_us(void *ctx);
uint64_t st_native_monotonic_ns(void *ctx);
void st_native_sleep_us(void *ctx, uint64_t duration_us);
strata_status st_native_entropy(void *ctx, void *data, size_t len);

/* ---- executor.c */
strata_status st_native_start(void *ctx, void (*step)(void *arg), void *arg, uint32_t every_ms,
                              strata_job **job);
void st_native_kick(void *ctx, strata_job *job);
void st_native_stop(void *ctx, strata_job *job);
void st_native_wait(void *ctx, uint32_t *word, uint32_t expected);
void st_native_wake(void *ctx, uint32_t *word, bool all);

#endif
