/* file_name.h - the numbers in the names of a database's files. */
#ifndef ST_STORE_FILE_NAME_H
#define ST_STORE_FILE_NAME_H

#include "base/std.h"

/* Whether the name is head, a decimal number below 2^60, tail; *number: that number. */
bool st_file_number(const char *name, const char *head, const char *tail, uint64_t *number);

#endif
