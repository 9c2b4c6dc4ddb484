/* lock.c - the one right to write in a database folder.
 *
 * Two kinds of host must keep out of each other's way in the same folder: this one, which has
 * flock, and Node's, which has nothing but files. So the right has two parts, and a native process
 * takes both:
 *
 *   flock on LOCK     between native processes; the kernel drops it when the process ends
 *   the text of LOCK  between native, Node and WASI; says who has the right:
 *       ""                      nobody
 *       "PID START BOOT\n"      the process with that pid, that was started at START (field 22 of
 *                               /proc/PID/stat, clock ticks) since the boot BOOT
 *                               (/proc/sys/kernel/random/boot_id)
 *       "wasi\n"                a WASI process, which has no pid to look for
 *
 * A text whose process is gone (no such pid, another start time, another boot) is left behind by a
 * crash and counts for nothing; pids are used again, so the pid alone would not do. Reading the
 * text and writing one's own is one step: it is done while holding LOCK.new, made with O_EXCL and
 * removed afterwards. A LOCK.new older than STALE_S is left behind by a crash in that step and is
 * removed.
 *
 * Invariants
 * 1. LOCK is never removed: a process that has opened the old file and waits for its flock would
 *    otherwise hold a lock on a file that nobody else can see.
 * 2. The text is written before the old one is cut off, so that no reader takes it for "nobody".
 * 3. The holder of the right empties the text before it closes the file.
 *
 * Faults assumed: the process dies at any line; two processes come at the same time. Not covered: a
 * Node process in another pid namespace that shares the folder (its pid means nothing here).
 *
 * Rejected: fcntl locks, which are lost when any descriptor of the file is closed anywhere in the
 * process; and a lock file whose existence is the lock, which a crash turns into a riddle.
 */
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PATH_BYTES_MAX = 4096,
    TEXT_BYTES_MAX = 128, /* of LOCK: two numbers and a UUID */
    STAT_BYTES_MAX = 1024,
    BOOT_BYTES = 37, /* a UUID and a NUL */
    STALE_S = 10,
    TRIES =
        200, /* for LOCK.new, TRY_NS apart: a second in all; the step itself takes microseconds */
    TRY_NS = 5000000,
};

typedef struct identity {
    long long pid;
    unsigned long long started; /* clock ticks after boot */
    char boot[BOOT_BYTES];
} identity;

/* Reads a small file whole; the text ends with NUL. */
static bool read_text(int fd, char *text, size_t size) {
    size_t done = 0;
    while (done + 1 < size) {
        const ssize_t n = pread(fd, text + done, size - 1 - done, (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    text[done] = 0;
    return true;
}

static bool read_file(const char *path, char *text, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const bool ok = read_text(fd, text, size);
    (void)close(fd);
    return ok;
}

static bool read_boot(char boot[BOOT_BYTES]) {
    char text[TEXT_BYTES_MAX];
    return read_file("/proc/sys/kernel/random/boot_id", text, sizeof(text)) &&
           sscanf(text, "%36s", boot) == 1;
}

/* When the process was started; false when it cannot be seen. */
static bool read_started(long long pid, unsigned long long *started) {
    char path[64];
    char text[STAT_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "/proc/%lld/stat", pid);
    if (!read_file(path, text, sizeof(text))) {
        return false;
    }
    /* The name (field 2) is in parentheses and may hold anything, parentheses and spaces included:
     * count from the last one. Field 3 comes next, the start is field 22. */
    const char *at = strrchr(text, ')');
    for (int field = 3; at != NULL && field <= 22; field++) {
        at = strchr(at + 1, ' ');
    }
    return at != NULL && sscanf(at, "%llu", started) == 1;
}

static bool parse(const char *text, identity *who) {
    return sscanf(text, "%lld %llu %36s", &who->pid, &who->started, who->boot) == 3 && who->pid > 0;
}

static bool is_alive(const identity *who) {
    char boot[BOOT_BYTES];
    if (!read_boot(boot) || strcmp(boot, who->boot) != 0) {
        return false;
    }
    unsigned long long started = 0;
    if (read_started(who->pid, &started)) {
        return started == who->started;
    }
    /* With /proc mounted hidepid, other users' processes are there but cannot be seen. */
    return kill((pid_t)who->pid, 0) == 0 || errno == EPERM;
}

/* Says in words who the text of LOCK names. */
static void describe(const char *text, char *holder, size_t size) {
    identity who;
    if (strncmp(text, "wasi", 4) == 0) {
        (void)snprintf(holder, size, "a WASI process (remove LOCK if none runs)");
    } else if (parse(text, &who)) {
        (void)snprintf(holder, size, "process %lld", who.pid);
    } else {
        (void)snprintf(holder, size, "another process");
    }
}

/* Makes LOCK.new, waiting a little for somebody else's. */
static strata_status enter(const char *path) {
    for (int i = 0; i < TRIES; i++) {
        const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            (void)close(fd);
            return STRATA_OK;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EEXIST) {
            return st_native_status(errno);
        }
        struct stat info;
        if (stat(path, &info) == 0 && info.st_mtime + STALE_S < time(NULL)) {
            (void)unlink(path);
            continue;
        }
        const struct timespec pause = {0, TRY_NS};
        (void)nanosleep(&pause, NULL);
    }
    return STRATA_BUSY;
}

static strata_status write_identity(int fd) {
    identity self = {.pid = (long long)getpid()};
    if (!read_boot(self.boot) || !read_started(self.pid, &self.started)) {
        return STRATA_UNAVAILABLE; /* no /proc: nobody could tell whether we live */
    }
    char text[TEXT_BYTES_MAX];
    const int len =
        snprintf(text, sizeof(text), "%lld %llu %s\n", self.pid, self.started, self.boot);
    ssize_t n = -1;
    do {
        n = pwrite(fd, text, (size_t)len, 0);
    } while (n < 0 && errno == EINTR);
    if (n != len) {
        const strata_status status = n < 0 ? st_native_status(errno) : STRATA_NO_SPACE;
        (void)ftruncate(fd, 0);
        return status;
    }
    return ftruncate(fd, len) == 0 ? STRATA_OK : st_native_status(errno);
}

/* The step of reading the text and writing our own, under LOCK.new. */
static strata_status claim(int fd, const char *step_path, char *holder, size_t holder_size) {
    strata_status status = enter(step_path);
    if (status != STRATA_OK) {
        (void)snprintf(holder, holder_size, "a process that is opening it");
        return status;
    }
    char text[TEXT_BYTES_MAX];
    identity who;
    if (!read_text(fd, text, sizeof(text))) {
        status = st_native_status(errno);
    } else if (strncmp(text, "wasi", 4) == 0 ||
               (parse(text, &who) && who.pid != (long long)getpid() && is_alive(&who))) {
        describe(text, holder, holder_size);
        status = STRATA_BUSY;
    } else {
        /* Our own pid in the text: this process has replaced its program (exec) without closing,
         * or had the pid of a dead one; a second handle of ours is stopped by the flock. */
        status = write_identity(fd);
    }
    (void)unlink(step_path);
    return status;
}

static strata_status take(int fd, const char *step_path, char *holder, size_t holder_size) {
    int result = -1;
    do {
        result = flock(fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EWOULDBLOCK) {
        char text[TEXT_BYTES_MAX] = {0};
        (void)read_text(fd, text, sizeof(text));
        describe(text, holder, holder_size);
        return STRATA_BUSY;
    }
    /* Some network file systems have no flock; the text then decides alone, as it does for Node. */
    if (result != 0 && errno != ENOLCK && errno != EOPNOTSUPP && errno != ENOSYS) {
        return st_native_status(errno);
    }
    return claim(fd, step_path, holder, holder_size);
}

strata_status st_native_lock(void *ctx, const char *folder, char *holder, size_t holder_size,
                             strata_file **lock) {
    (void)ctx;
    char path[PATH_BYTES_MAX];
    char step_path[PATH_BYTES_MAX];
    if (snprintf(path, sizeof(path), "%s/LOCK", folder) >= (int)sizeof(path) ||
        snprintf(step_path, sizeof(step_path), "%s/LOCK.new", folder) >= (int)sizeof(step_path)) {
        return STRATA_INVALID_ARGUMENT;
    }
    strata_status status = st_native_make_folder(folder);
    if (status != STRATA_OK) {
        return status;
    }
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return st_native_status(errno);
    }
    strata_file *const made = malloc(sizeof(strata_file) + 1);
    status = made == NULL ? STRATA_NO_MEMORY : take(fd, step_path, holder, holder_size);
    if (status != STRATA_OK) {
        (void)close(fd);
        free(made);
        return status;
    }
    *made = (strata_file){.fd = fd, .folder_synced = true};
    made->name[0] = 0;
    *lock = made;
    return STRATA_OK;
}

strata_status st_native_unlock(void *ctx, strata_file *lock) {
    const strata_status cut = ftruncate(lock->fd, 0) == 0 ? STRATA_OK : st_native_status(errno);
    const strata_status closed = st_native_close(ctx, lock);
    return cut != STRATA_OK ? cut : closed;
}
