/* clock.c - time and chance, from the system.
 *
 * wall_us may jump when somebody sets the clock; the core makes its own timestamps monotone.
 * monotonic_ns is CLOCK_MONOTONIC: it stands still while the machine sleeps, which is what a
 * duration of work should do. Entropy comes from getentropy, which never returns weak bytes: early
 * after boot it waits for the kernel's pool instead. Rejected: /dev/urandom (a descriptor, and none
 * under WASI).
 *
 * Used by the WASI host too: only calls that wasi-libc has.
 */
#include "native.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#ifndef __wasi__
#include <sys/random.h>
#endif

/* What getentropy gives in one call, by its manual. */
enum { ENTROPY_BYTES_MAX = 256 };

int64_t st_native_wall_us(void *ctx) {
    (void)ctx;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t st_native_monotonic_ns(void *ctx) {
    (void)ctx;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void st_native_sleep_us(void *ctx, uint64_t duration_us) {
    (void)ctx;
    struct timespec left = {.tv_sec = (time_t)(duration_us / 1000000),
                            .tv_nsec = (long)(duration_us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

strata_status st_native_entropy(void *ctx, void *data, size_t len) {
    (void)ctx;
    size_t done = 0;
    while (done < len) {
        const size_t left = len - done;
        const size_t n = left < ENTROPY_BYTES_MAX ? left : ENTROPY_BYTES_MAX;
        if (getentropy((char *)data + done, n) != 0) {
            if (errno == EINTR) {
                continue;
            }
            return STRATA_UNAVAILABLE;
        }
        done += n;
    }
    return STRATA_OK;
}
