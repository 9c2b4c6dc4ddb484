/* wasi_platform.c - what the command line asks of the system, under WASI: no signals, no size.
 *
 * A runtime that is interrupted ends the program where it stands; what was acknowledged is in the
 * log, as after any crash. The width of a terminal is known only if COLUMNS says it.
 */
#include "../native/cli/platform.h"

#include <stdlib.h>
#include <unistd.h>

void platform_begin(void) {}

bool platform_interrupted(void) {
    return false;
}

/* Nothing can interrupt the read that follows, so it may as well do the waiting. */
bool platform_wait_input(int fd) {
    (void)fd;
    return true;
}

bool platform_is_terminal(FILE *stream) {
    return isatty(fileno(stream)) == 1;
}

size_t platform_columns(FILE *stream) {
    (void)stream;
    const char *const told = getenv("COLUMNS");
    return told == NULL ? 0 : strtoul(told, NULL, 10);
}
