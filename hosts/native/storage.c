/* storage.c - files and folders by POSIX calls.
 *
 * Used by the native host and, unchanged, by the WASI host: so only calls that wasi-libc has.
 *
 * Invariants
 * 1. No short read or write and no EINTR leaves this file; *got < len means the end of the file.
 * 2. A sync that returns OK has made the bytes, the size and the name durable. The first sync of
 *    each file opened for writing also syncs its folder, even if this process did not make the
 *    file: the one that did may have died in between. A folder's own name is synced as it is made.
 * 3. A failed append or growth leaves the file at its old size, so that a full disk costs the
 *    operation and nothing else. (Where the cutting back fails as well, the caller sees a longer
 *    file; readers of the log take such a tail for a torn one.)
 * 4. Growing a file reserves its blocks where the file system can, so that a later write inside
 *    does not fail with no_space.
 * 5. Nothing here is ever retried after a failed sync; the caller stops writing.
 *
 * Faults assumed: every call may fail at any time with any errno; st_native_status is the only
 * place where an errno gets a meaning.
 *
 * Rejected: O_APPEND. Linux then ignores the offset of pwrite, and one descriptor could not serve
 * both append and write_at. One writer owns a file, so its size is kept here instead.
 * Rejected: remembering in the file which folders are still to be synced. A second file made in
 * the same new folder would have had to know about the first one's debt.
 */
#include "native.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

enum { NAME_BYTES_MAX = 4096 };

strata_status st_native_status(int error) {
    switch (error) {
    case ENOENT:
        return STRATA_NOT_FOUND;
    case EEXIST:
        return STRATA_ALREADY_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
#ifdef ENOTCAPABLE /* WASI: outside the folders that the process was given */
    case ENOTCAPABLE:
#endif
        return STRATA_FORBIDDEN;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STRATA_NO_SPACE;
    case ENOMEM:
        return STRATA_NO_MEMORY;
    case EMFILE:
    case ENFILE:
        return STRATA_UNAVAILABLE;
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EILSEQ:
        return STRATA_INVALID_ARGUMENT;
    default:
        return STRATA_IO;
    }
}

/* ---- Folders --------------------------------------------------------------------------------- */

/* Length of the folder part of a name: 0 when the name lies in the current folder. The root keeps
 * its slash. */
static size_t folder_len(const char *name) {
    const char *const slash = strrchr(name, '/');
    if (slash == NULL) {
        return 0;
    }
    return slash == name ? 1 : (size_t)(slash - name);
}

/* Some file systems and WASI runtimes cannot sync a folder and say so with one of these; names are
 * then as durable as they ever get there. */
static bool cannot_sync_folders(int error) {
    return error == EINVAL || error == EBADF || error == EISDIR || error == ENOSYS ||
           error == ENOTSUP
#ifdef ENOTCAPABLE
           || error == ENOTCAPABLE
#endif
        ;
}

/* Makes the names inside the folder that `name` lies in durable. */
static strata_status sync_folder_of(const char *name) {
    char folder[NAME_BYTES_MAX];
    const size_t len = folder_len(name);
    memcpy(folder, name, len);
    memcpy(folder + len, len == 0 ? "." : "", len == 0 ? 2 : 1);

    int fd = -1;
    do {
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return st_native_status(errno);
    }
    int result = -1;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    const int error = result == 0 ? 0 : errno;
    (void)close(fd);
    return error == 0 || cannot_sync_folders(error) ? STRATA_OK : st_native_status(error);
}

/* Makes one folder; one that is there already is fine, a file of that name is not. */
static strata_status make_one(const char *folder) {
    struct stat info;
    if (stat(folder, &info) == 0) {
        return S_ISDIR(info.st_mode) ? STRATA_OK : STRATA_INVALID_ARGUMENT;
    }
    if (mkdir(folder, 0777) == 0) {
        return sync_folder_of(folder);
    }
    /* Somebody else may have made it meanwhile. */
    return errno == EEXIST ? STRATA_OK : st_native_status(errno);
}

strata_status st_native_make_folder(const char *folder) {
    char path[NAME_BYTES_MAX];
    size_t len = strlen(folder);
    if (len >= sizeof(path)) {
        return STRATA_INVALID_ARGUMENT;
    }
    memcpy(path, folder, len + 1);
    while (len > 1 && path[len - 1] == '/') {
        path[--len] = 0;
    }

    /* Up to the deepest folder that exists, putting a NUL over each slash passed; then down again,
     * taking the NULs away. From the left instead, a WASI runtime would refuse to look at the
     * folders above the one it was given. */
    struct stat info;
    while (stat(path, &info) != 0) {
        if (errno != ENOENT) {
            return st_native_status(errno);
        }
        const size_t parent = folder_len(path);
        if (parent == 0 || (parent == 1 && path[0] == '/')) {
            break;
        }
        path[parent] = 0;
    }
    for (;;) {
        const strata_status status = make_one(path);
        if (status != STRATA_OK || strlen(path) == len) {
            return status;
        }
        path[strlen(path)] = '/';
    }
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static int open_fd(const char *name, int flags) {
    /* O_NONBLOCK: a pipe of that name must not make open wait; it is then refused as no file. */
    int fd = -1;
    do {
        fd = open(name, flags | O_CLOEXEC | O_NONBLOCK, 0666);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

strata_status st_native_open(void *ctx, const char *name, uint32_t flags, strata_file **file) {
    (void)ctx;
    const size_t name_len = strlen(name);
    if (name_len + 1 > NAME_BYTES_MAX) {
        return STRATA_INVALID_ARGUMENT;
    }
    const bool creates = (flags & STRATA_FILE_CREATE) != 0;
    const bool writes = creates || (flags & STRATA_FILE_WRITE) != 0;
    const int mode = (writes ? O_RDWR : O_RDONLY) | (creates ? O_CREAT : 0) |
                     (creates && (flags & STRATA_FILE_EXCLUSIVE) != 0 ? O_EXCL : 0);

    int fd = open_fd(name, mode);
    if (fd < 0 && errno == ENOENT && creates && folder_len(name) > 0) {
        char folder[NAME_BYTES_MAX];
        memcpy(folder, name, folder_len(name));
        folder[folder_len(name)] = 0;
        const strata_status status = st_native_make_folder(folder);
        if (status != STRATA_OK) {
            return status;
        }
        fd = open_fd(name, mode);
    }
    if (fd < 0) {
        return st_native_status(errno);
    }

    struct stat info;
    const int error = fstat(fd, &info) == 0 ? 0 : errno;
    if (error != 0 || !S_ISREG(info.st_mode)) {
        (void)close(fd);
        return error != 0 ? st_native_status(error) : STRATA_INVALID_ARGUMENT;
    }
    strata_file *const made = malloc(sizeof(strata_file) + name_len + 1);
    if (made == NULL) {
        (void)close(fd);
        return STRATA_NO_MEMORY;
    }
    made->fd = fd;
    made->folder_synced = !writes;
    made->size = (uint64_t)info.st_size;
    memcpy(made->name, name, name_len + 1);
    *file = made;
    return STRATA_OK;
}

strata_status st_native_close(void *ctx, strata_file *file) {
    (void)ctx;
    /* After EINTR the descriptor is gone on Linux; closing again could close somebody else's. */
    const int result = close(file->fd);
    const int error = result == 0 || errno == EINTR ? 0 : errno;
    free(file);
    return error == 0 ? STRATA_OK : st_native_status(error);
}

/* ---- Reading and writing --------------------------------------------------------------------- */

strata_status st_native_read_at(void *ctx, strata_file *file, uint64_t offset, void *data,
                                size_t len, size_t *got) {
    (void)ctx;
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pread(file->fd, (char *)data + done, len - done, (off_t)(offset + done));
        if (n == 0) {
            break;
        }
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return st_native_status(errno);
        }
        done += (size_t)n;
    }
    *got = done;
    return STRATA_OK;
}

strata_status st_native_write_at(void *ctx, strata_file *file, uint64_t offset, const void *data,
                                 size_t len) {
    (void)ctx;
    size_t done = 0;
    while (done < len) {
        const ssize_t n =
            pwrite(file->fd, (const char *)data + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? STRATA_IO : st_native_status(errno);
        }
        done += (size_t)n;
        if (offset + done > file->size) {
            file->size = offset + done;
        }
    }
    return STRATA_OK;
}

/* Cuts the file back to `size` after a write that failed half-way. */
static void cut_back(strata_file *file, uint64_t size) {
    if (ftruncate(file->fd, (off_t)size) == 0) {
        file->size = size;
    }
}

strata_status st_native_append(void *ctx, strata_file *file, const void *data, size_t len) {
    const uint64_t old_size = file->size;
    const strata_status status = st_native_write_at(ctx, file, old_size, data, len);
    if (status != STRATA_OK) {
        cut_back(file, old_size);
    }
    return status;
}

strata_status st_native_truncate(void *ctx, strata_file *file, uint64_t size) {
    (void)ctx;
    const uint64_t old_size = file->size;
    if (size > (uint64_t)INT64_MAX) {
        return STRATA_NO_SPACE;
    }
    if (size > old_size) {
        int error = 0;
        do {
            error = posix_fallocate(file->fd, (off_t)old_size, (off_t)(size - old_size));
        } while (error == EINTR);
        if (error == 0) {
            file->size = size;
            return STRATA_OK;
        }
        if (error != EOPNOTSUPP && error != ENOTSUP && error != EINVAL && error != ENOSYS) {
            cut_back(file, old_size);
            return st_native_status(error);
        }
    }
    int result = -1;
    do {
        result = ftruncate(file->fd, (off_t)size);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return st_native_status(errno);
    }
    file->size = size;
    return STRATA_OK;
}

strata_status st_native_sync(void *ctx, strata_file *file) {
    (void)ctx;
    int result = -1;
    do {
        result = fdatasync(file->fd);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return st_native_status(errno);
    }
    if (!file->folder_synced) {
        const strata_status status = sync_folder_of(file->name);
        if (status != STRATA_OK) {
            return status;
        }
        file->folder_synced = true;
    }
    return STRATA_OK;
}

strata_status st_native_size(void *ctx, strata_file *file, uint64_t *size) {
    (void)ctx;
    struct stat info;
    if (fstat(file->fd, &info) != 0) {
        return st_native_status(errno);
    }
    *size = (uint64_t)info.st_size;
    return STRATA_OK;
}

/* ---- Names ----------------------------------------------------------------------------------- */

strata_status st_native_remove(void *ctx, const char *name) {
    (void)ctx;
    return unlink(name) == 0 ? STRATA_OK : st_native_status(errno);
}

static bool is_file(DIR *dir, const struct dirent *entry) {
    if (entry->d_type == DT_REG) {
        return true;
    }
    if (entry->d_type == DT_DIR) {
        return false;
    }
    /* Some file systems do not fill d_type, and a link counts as what it leads to. */
    struct stat info;
    return fstatat(dirfd(dir), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode);
}

strata_status st_native_list(void *ctx, const char *folder,
                             strata_status (*visit)(void *arg, const char *name), void *arg) {
    (void)ctx;
    DIR *const dir = opendir(folder);
    if (dir == NULL) {
        return st_native_status(errno);
    }
    strata_status status = STRATA_OK;
    while (status == STRATA_OK) {
        errno = 0;
        const struct dirent *const entry = readdir(dir);
        if (entry == NULL) {
            status = errno == 0 ? STRATA_OK : st_native_status(errno);
            break;
        }
        if (is_file(dir, entry)) {
            status = visit(arg, entry->d_name);
        }
    }
    (void)closedir(dir);
    return status;
}
