/* platform.c - signals and terminals.
 *
 * Ctrl-C must not cost anything that was acknowledged: the handler only sets a flag, which the long
 * commands look at between two items; they then close the database as they always do. The handler
 * takes itself away, so that a second Ctrl-C ends a program that does not listen. Without
 * SA_RESTART a read that waits for input returns, so that the flag is seen.
 *
 * The flag is the one mutable global of the command line: a signal handler has no other way to say
 * anything.
 */
#include "platform.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void note(int signal) {
    (void)signal;
    interrupted = 1;
}

void platform_begin(void) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = note;
    action.sa_flags = (int)SA_RESETHAND;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

bool platform_interrupted(void) {
    return interrupted != 0;
}

bool platform_is_terminal(FILE *stream) {
    return isatty(fileno(stream)) == 1;
}

size_t platform_columns(FILE *stream) {
    const char *const told = getenv("COLUMNS");
    if (told != NULL && strtoul(told, NULL, 10) > 0) {
        return strtoul(told, NULL, 10);
    }
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0) {
        return 0;
    }
    return size.ws_col;
}
