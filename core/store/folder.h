/* folder.h - looking at, locking and clearing a folder that is, or is to be, a database. */
#ifndef ST_STORE_FOLDER_H
#define ST_STORE_FOLDER_H

#include "store/manifest.h"

enum { ST_FOLDER_BYTES_MAX = 1024 }; /* of a path, its NUL included */

/* Takes the only right to write in it; the folder is made if missing. Errors: busy {holder},
 * forbidden, io, no_space. */
strata_status st_folder_lock(const strata_host *host, const char *path, strata_file **lock,
                             strata_error *error);
void st_folder_unlock(const strata_host *host, strata_file *lock);

/* Sets *any if there are files in path + inside ("" or such as "/DATA") but for those whose names
 * begin with one of the words in `but`, which NULL ends. Errors: io. */
strata_status st_folder_look(const strata_host *host, const char *path, const char *inside,
                             const char *const *but, bool *any, strata_error *error);

/* Removes the tables that are not among the files. What cannot be removed stays. Errors: io,
 * no_memory. */
strata_status st_folder_clear(const strata_host *host, const char *path, const st_live_file *files,
                              size_t count, strata_error *error);

#endif
