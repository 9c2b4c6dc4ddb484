/* scratch.h - a folder of its own for each test program, a small disk, and a powerless user.
 *
 * The small disk is a tmpfs mounted in a mount namespace that only this process sees: as root
 * directly, otherwise through a user namespace. Where neither is allowed scratch_small_disk says so
 * on standard output and returns false; the caller then covers what it can by a limit on file size.
 */
#ifndef STRATA_TEST_SCRATCH_H
#define STRATA_TEST_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCRATCH_PATH_MAX = 512 };

static char scratch_folder[SCRATCH_PATH_MAX];
static const char *scratch_mounted;

/* The path of a name inside the scratch folder; four may be in use at a time. */
static inline const char *scratch_path(const char *name) {
    static char paths[4][SCRATCH_PATH_MAX * 2];
    static unsigned next;
    char *const path = paths[next++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", scratch_folder, name);
    return path;
}

static inline bool scratch_make(void) {
    const char *const base = getenv("TMPDIR");
    (void)snprintf(scratch_folder, sizeof(scratch_folder), "%s/strata-test-XXXXXX",
                   base != NULL ? base : "/tmp");
    return mkdtemp(scratch_folder) != NULL && chmod(scratch_folder, 0755) == 0;
}

static inline int scratch_remove_one(const char *path, const struct stat *info, int type,
                                     struct FTW *where) {
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static inline void scratch_remove(void) {
    if (scratch_mounted != NULL) {
        (void)umount(scratch_mounted);
    }
    (void)nftw(scratch_folder, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline bool scratch_write_text(const char *path, const char *text) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    const size_t len = strlen(text);
    const bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static inline bool scratch_namespace(void) {
    if (geteuid() == 0) {
        return unshare(CLONE_NEWNS) == 0;
    }
    char users[64];
    char groups[64];
    (void)snprintf(users, sizeof(users), "0 %d 1", (int)geteuid());
    (void)snprintf(groups, sizeof(groups), "0 %d 1", (int)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           scratch_write_text("/proc/self/setgroups", "deny") &&
           scratch_write_text("/proc/self/uid_map", users) &&
           scratch_write_text("/proc/self/gid_map", groups);
}

/* Mounts a tmpfs of one MiB at scratch_path("small"). */
static inline bool scratch_small_disk(void) {
    static char path[SCRATCH_PATH_MAX * 2];
    (void)snprintf(path, sizeof(path), "%s", scratch_path("small"));
    if (mkdir(path, 0777) != 0 || !scratch_namespace() ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("strata-test", path, "tmpfs", 0, "size=1m,mode=0777") != 0) {
        printf("no tmpfs may be mounted here: a full disk is imitated by a limit on file size\n");
        return false;
    }
    scratch_mounted = path;
    return true;
}

static inline bool scratch_small_disk_read_only(bool read_only) {
    return mount(NULL, scratch_mounted, NULL, MS_REMOUNT | (read_only ? MS_RDONLY : 0), NULL) == 0;
}

/* Runs check in a child process without root's powers; true when it returns true there. To be
 * called before scratch_small_disk, which may make this process root in a namespace with no other
 * user. */
static inline bool scratch_as_nobody(bool (*check)(void)) {
    (void)fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const bool powerless = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
        _exit(powerless && check() ? 0 : 1);
    }
    int result = 1;
    return child > 0 && waitpid(child, &result, 0) == child && WIFEXITED(result) &&
           WEXITSTATUS(result) == 0;
}

#endif
