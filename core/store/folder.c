/* folder.c - see folder.h. */
#include "store/folder.h"

#include "store/file_name.h"
#include "store/table/table.h"

static strata_status fail(const char *name, strata_status status, strata_error *error) {
    return st_fail(error, status, "%s could not be listed (%s)", name, strata_status_name(status));
}

strata_status st_folder_lock(const strata_host *host, const char *path, strata_file **lock,
                             strata_error *error) {
    const strata_storage *storage = &host->storage;
    char holder[STRATA_ERROR_TEXT_MAX] = "another process";
    const strata_status status = storage->lock(storage->ctx, path, holder, sizeof holder, lock);
    if (status == STRATA_BUSY) {
        st_fail(error, status, "%s is open for writing in %s; close it there first", path, holder);
        return st_fail_text(error, "holder", strata_text(holder));
    }
    return status == STRATA_OK ? STRATA_OK
                               : st_fail(error, status, "%s could not be made or locked (%s)", path,
                                         strata_status_name(status));
}

void st_folder_unlock(const strata_host *host, strata_file *lock) {
    (void)host->storage.unlock(host->storage.ctx, lock);
}

typedef struct looking {
    const char *const *but;
    bool any;
} looking;

static strata_status visit(void *arg, const char *name) {
    looking *look = arg;
    for (const char *const *but = look->but; *but != NULL; but++) {
        if (strncmp(name, *but, strlen(*but)) == 0) {
            return STRATA_OK;
        }
    }
    look->any = true;
    return STRATA_OK;
}

strata_status st_folder_look(const strata_host *host, const char *path, const char *inside,
                             const char *const *but, bool *any, strata_error *error) {
    char name[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    looking look = {but, false};
    st_format(name, sizeof name, "%s%s", path, inside);
    const strata_status status = host->storage.list(host->storage.ctx, name, visit, &look);
    *any = *any || look.any;
    return status == STRATA_OK || status == STRATA_NOT_FOUND ? STRATA_OK
                                                             : fail(name, status, error);
}

typedef struct leftovers {
    const st_live_file *files;
    size_t count;
    strata_buffer numbers; /* of uint64_t */
} leftovers;

static strata_status visit_table(void *arg, const char *name) {
    leftovers *left = arg;
    uint64_t number;
    if (!st_file_number(name, "tab-", ".tab", &number)) {
        return STRATA_OK;
    }
    for (size_t i = 0; i < left->count; i++) {
        if (left->files[i].number == number) {
            return STRATA_OK;
        }
    }
    return st_buffer_append(&left->numbers, &number, sizeof number);
}

strata_status st_folder_clear(const strata_host *host, const char *path, const st_live_file *files,
                              size_t count, strata_error *error) {
    leftovers left = {files, count, {NULL, 0, 0, host}};
    char name[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    st_format(name, sizeof name, "%s/DATA", path);
    const strata_status status = host->storage.list(host->storage.ctx, name, visit_table, &left);
    for (size_t at = 0; at < left.numbers.len; at += sizeof(uint64_t)) {
        uint64_t number;
        memcpy(&number, left.numbers.data + at, sizeof number);
        st_table_name(name, sizeof name, path, number);
        (void)host->storage.remove(host->storage.ctx, name);
    }
    strata_buffer_free(&left.numbers);
    return status == STRATA_OK || status == STRATA_NOT_FOUND ? STRATA_OK
                                                             : fail(name, status, error);
}
