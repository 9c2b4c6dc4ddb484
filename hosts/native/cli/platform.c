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

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static int wake_pipe[2] = {-1, -1};

static void note(int signal) {
    (void)signal;
    const int error = errno;
    interrupted = 1;
    (void)!write(wake_pipe[1], "", 1);
    errno = error;
}

void platform_begin(void) {
    if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        wake_pipe[0] = -1; /* poll ignores it: a second Ctrl-C is then needed while waiting */
    }
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

bool platform_wait_input(int fd) {
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = wake_pipe[0], .events = POLLIN}};
    while (!platform_interrupted()) {
        if (poll(fds, 2, -1) > 0 && fds[0].revents != 0) {
            return true;
        }
    }
    return false;
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
