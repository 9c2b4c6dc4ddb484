/* msgpack.h - MessagePack: a bounded reader, a writer, and the canonical form of stored values.
 *
 * https://github.com/msgpack/msgpack/blob/master/spec.md. Extension types are refused.
 */
#ifndef ST_FORMAT_MSGPACK_H
#define ST_FORMAT_MSGPACK_H

#include "base/bytes.h"
#include "base/memory.h"

/* ---- Reading --------------------------------------------------------------------------------- */

/* One token. Containers say how many entries follow; the entries are the next tokens. */
typedef struct st_token {
    strata_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        strata_slice bytes; /* string or bytes: borrowed from the input */
        uint32_t count;     /* array: elements; object: pairs */
    } as;
} st_token;

/* False when the bytes end early, an int does not fit 64 signed bits, or the type is unknown. A
 * container's count is never more than the bytes left, so that it cannot ask for much. */
bool st_msgpack_next(st_cursor *cursor, st_token *token);

/* Steps over one whole value without recursing; false when it is malformed or nested deeper than
 * ST_NESTING_MAX. *value (may be NULL): its bytes. */
bool st_msgpack_skip(st_cursor *cursor, strata_slice *value);

/* Whether the bytes are one whole value that any reader can take: strings are UTF-8, names of objects
 * are strings. */
bool st_msgpack_is_readable(strata_slice msgpack);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Each appends one token in its shortest form. Errors: no_memory. Container headers are followed
 * by their entries. */
strata_status st_msgpack_put_null(strata_buffer *out);
strata_status st_msgpack_put_bool(strata_buffer *out, bool boolean);
strata_status st_msgpack_put_int(strata_buffer *out, int64_t integer);
strata_status st_msgpack_put_uint(strata_buffer *out, uint64_t integer);
strata_status st_msgpack_put_float(strata_buffer *out, double real);
strata_status st_msgpack_put_string(strata_buffer *out, strata_slice text);
strata_status st_msgpack_put_bytes(strata_buffer *out, strata_slice bytes);
strata_status st_msgpack_put_array(strata_buffer *out, uint32_t count);
strata_status st_msgpack_put_object(strata_buffer *out, uint32_t count);
/* A header whose count is not known yet: five bytes, filled in by _patch with the place returned.
 */
strata_status st_msgpack_open_array(strata_buffer *out, size_t *place);
strata_status st_msgpack_open_object(strata_buffer *out, size_t *place);
void st_msgpack_patch(strata_buffer *out, size_t place, uint32_t count);

/* ---- Values ---------------------------------------------------------------------------------- */

/* Appends the canonical encoding of *value: shortest ints, 64-bit floats with their bits kept,
 * objects in the order given. Errors: constraint {value_too_large (over bytes_max),
 * nesting_too_deep}, invalid_argument (malformed, not UTF-8, key not a string, duplicate key). */
strata_status st_value_encode(const strata_value *value, size_t bytes_max, strata_buffer *out,
                              strata_error *error);
/* The same for a value that is one MessagePack value already. */
strata_status st_value_canonical(strata_slice msgpack, size_t bytes_max, strata_buffer *out,
                                 strata_error *error);
/* Reads a canonical encoding; strings, bytes and containers are borrowed from it. False when it is
 * malformed. */
bool st_value_decode(strata_slice encoded, strata_value *value);

#endif
