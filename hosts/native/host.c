/* host.c - the native host, put together.
 *
 * Every table is constant and has no context: two databases in one process share functions and
 * nothing else. There is no log: a library that prints is a nuisance; a program that wants one
 * copies this host and sets it, as the command line does.
 */
#include "native.h"

const strata_host *strata_host_default(void) {
    static const strata_host host = {
        .size = sizeof(strata_host),
        .memory = {NULL, st_native_resize},
        .storage = {NULL, st_native_open, st_native_read_at, st_native_append, st_native_write_at,
                    st_native_truncate, st_native_sync, st_native_size, st_native_close,
                    st_native_remove, st_native_list, st_native_lock, st_native_unlock},
        .clock = {NULL, st_native_wall_us, st_native_monotonic_ns, st_native_sleep_us},
        .entropy = {NULL, st_native_entropy},
        .executor = {NULL, st_native_start, st_native_kick, st_native_stop, st_native_wait,
                     st_native_wake},
        .log = {NULL, NULL, NULL},
    };
    return &host;
}
