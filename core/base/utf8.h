/* utf8.h - is it UTF-8? */
#ifndef ST_BASE_UTF8_H
#define ST_BASE_UTF8_H

#include "base/std.h"

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most
 * U+10FFFF). *valid_len (may be NULL): the length of the longest well-formed beginning. */
bool st_utf8_valid(strata_slice bytes, size_t *valid_len);

#endif
