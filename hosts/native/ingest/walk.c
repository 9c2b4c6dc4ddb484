/* walk.c - the files below a folder, in order.
 *
 * Names are sorted by their bytes in every folder and folders are entered where their name stands,
 * so that the order, and with it the commit numbers, are the same on every machine. Hidden names
 * (with a dot in front) are left out, as they are no documents; so is the database's own folder.
 * Links are not followed: what they lead to is either in the folder anyhow or not part of it, and
 * without them there are no circles. (A path given on the command line may be a link.)
 *
 * Invariants
 * 1. The names of the folders on the way to the current file are in memory, and nothing else.
 * 2. Depth costs a heap frame, not stack: a stack of levels stands in for recursion.
 */
#include "ingest.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One folder on the way down. */
typedef struct level {
    char **names;
    size_t count;
    size_t next;
    size_t path_len; /* of this folder's own path */
} level;

typedef struct walker {
    const walk_visitor *visitor;
    struct stat leave_out;
    bool leaves_out;
    cli_buffer path;
    size_t name_at; /* where the part that is called name begins in path */
    level *levels;
    size_t depth;
} walker;

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *copy(const char *text) {
    const size_t size = strlen(text) + 1;
    char *const made = cli_resize(NULL, size);
    memcpy(made, text, size);
    return made;
}

/* Enters the folder at path; an errno if it cannot be read. */
static int enter(walker *w) {
    DIR *const dir = opendir(w->path.data);
    if (dir == NULL) {
        return errno;
    }
    level l = {.path_len = w->path.len};
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if ((l.count & (l.count - 1)) == 0) {
            l.names = cli_resize(l.names, (l.count == 0 ? 1 : 2 * l.count) * sizeof(char *));
        }
        l.names[l.count++] = copy(entry->d_name);
    }
    (void)closedir(dir);
    if (l.count > 0) {
        qsort(l.names, l.count, sizeof(char *), by_bytes);
    }
    w->levels = cli_resize(w->levels, (w->depth + 1) * sizeof(level));
    w->levels[w->depth++] = l;
    return 0;
}

static void leave(walker *w) {
    level *const l = &w->levels[--w->depth];
    for (size_t i = 0; i < l->count; i++) {
        free(l->names[i]);
    }
    free(l->names);
}

static void set_path(walker *w, size_t folder_len, const char *name) {
    w->path.len = folder_len;
    w->path.data[folder_len] = 0;
    if (folder_len > 0 && w->path.data[folder_len - 1] != '/') {
        cli_put_text(&w->path, "/");
    }
    cli_put_text(&w->path, name);
}

static bool is_left_out(const walker *w, const struct stat *info) {
    return w->leaves_out && info->st_dev == w->leave_out.st_dev &&
           info->st_ino == w->leave_out.st_ino;
}

/* The file or folder at path; false to end the walk. */
static bool visit(walker *w) {
    struct stat info;
    int error = 0;
    if (lstat(w->path.data, &info) != 0) {
        error = errno;
    } else if (S_ISREG(info.st_mode)) {
        return w->visitor->file(w->visitor->arg, w->path.data, w->path.data + w->name_at,
                                (uint64_t)info.st_size);
    } else if (S_ISDIR(info.st_mode) && !is_left_out(w, &info)) {
        error = enter(w);
    }
    if (error != 0) {
        w->visitor->failed(w->visitor->arg, w->path.data, error);
    }
    return true;
}

static void go_on(walker *w) {
    while (w->depth > 0) {
        level *const l = &w->levels[w->depth - 1];
        if (l->next == l->count) {
            leave(w);
            continue;
        }
        set_path(w, l->path_len, l->names[l->next++]);
        if (!visit(w)) {
            while (w->depth > 0) {
                leave(w);
            }
        }
    }
}

/* Keys begin with the last name of the path given: notes/ -> notes/a.txt. Of "." and "/" nothing is
 * left, and keys begin below them. */
static size_t last_name(const cli_buffer *path) {
    const char *const slash = strrchr(path->data, '/');
    const size_t at = slash == NULL ? 0 : (size_t)(slash - path->data) + 1;
    const char *const name = path->data + at;
    const bool nameless = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || name[0] == 0;
    return !nameless ? at : name[0] == 0 ? path->len : path->len + 1;
}

int walk(const char *path, const char *leave_out, const walk_visitor *visitor) {
    walker w = {.visitor = visitor};
    struct stat info;
    w.leaves_out = leave_out != NULL && stat(leave_out, &w.leave_out) == 0;
    cli_put_text(&w.path, path);
    while (w.path.len > 1 && w.path.data[w.path.len - 1] == '/') {
        w.path.data[--w.path.len] = 0;
    }
    w.name_at = last_name(&w.path);

    int error = 0;
    if (stat(w.path.data, &info) != 0) {
        error = errno;
    } else if (S_ISDIR(info.st_mode)) {
        error = enter(&w);
        go_on(&w);
    } else if (S_ISREG(info.st_mode)) {
        (void)visitor->file(visitor->arg, w.path.data, w.path.data + w.name_at,
                            (uint64_t)info.st_size);
    } else {
        error = EINVAL;
    }
    free(w.levels);
    cli_buffer_free(&w.path);
    return error;
}
