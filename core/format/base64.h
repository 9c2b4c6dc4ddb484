/* base64.h - bytes as text (RFC 4648 section 4, with padding). */
#ifndef ST_FORMAT_BASE64_H
#define ST_FORMAT_BASE64_H

#include "base/memory.h"

/* Appends the text of the bytes. Errors: no_memory. */
strata_status st_base64_encode(strata_slice bytes, strata_buffer *out);

/* Appends the bytes of a text. Only the one text that st_base64_encode makes of them is taken:
 * padded, no line breaks, unused bits zero. Errors: invalid_argument, no_memory. */
strata_status st_base64_decode(strata_slice text, strata_buffer *out);

#endif
