/* json_string.h - the strings of JSON text that are not plain: escapes, and what may be in them. */
#ifndef ST_FORMAT_JSON_STRING_H
#define ST_FORMAT_JSON_STRING_H

#include "base/memory.h"

enum { ST_JSON_ESCAPE_BYTES_MAX = 4 };

/* Reads the escape at *at, which is a backslash, and writes what it stands for at `to` (room for
 * ST_JSON_ESCAPE_BYTES_MAX); both go on behind it. Returns NULL, or what is wrong; then *at is where. */
const char *st_json_escape(const uint8_t **at, const uint8_t *end, uint8_t **to);

#endif
