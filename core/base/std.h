/* std.h - the whole of the C library that the core may use.
 *
 * Nothing here calls the operating system. malloc, stdio and time are missing on purpose: memory,
 * files and clocks come from the host (strata/host.h). `make lint` refuses any other include.
 */
#ifndef ST_BASE_STD_H
#define ST_BASE_STD_H

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "strata/host.h"
#include "strata/strata.h"

#define ST_LIKELY(x)   __builtin_expect(!!(x), 1)
#define ST_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* What the programmer guarantees; stays on in release. Never reachable from bytes of a file, the
 * network or a user: those get corrupt or invalid_argument. */
#define ST_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (ST_UNLIKELY(!(condition))) {                                                           \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

/* The one macro that may return early. */
#define ST_TRY(call)                                                                               \
    do {                                                                                           \
        const strata_status st_try_status = (call);                                                \
        if (ST_UNLIKELY(st_try_status != STRATA_OK)) {                                             \
            return st_try_status;                                                                  \
        }                                                                                          \
    } while (0)

static inline size_t st_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t st_max(size_t a, size_t b) {
    return a > b ? a : b;
}

static inline strata_slice st_slice(const void *data, size_t len) {
    const strata_slice slice = {data, len};
    return slice;
}

/* memcmp order, a prefix before what it begins. */
static inline int st_slice_compare(strata_slice a, strata_slice b) {
    const size_t shared = st_min(a.len, b.len);
    const int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool st_slice_equal(strata_slice a, strata_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
