/* pack.h - MessagePack for the command line: requests written, responses walked in place. */
#ifndef STRATA_CLI_PACK_H
#define STRATA_CLI_PACK_H

#include "buffer.h"

/* One value. Strings, bytes and `raw` are borrowed from what was read. */
typedef struct pack_item {
    strata_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        strata_slice bytes; /* string or bytes */
        uint32_t count;     /* array: elements; object: pairs */
    } as;
    strata_slice raw;    /* the whole value, encoded */
    strata_slice inside; /* array, object: the encoded entries */
} pack_item;

/* Reads the first value of *rest and moves *rest behind it. False: malformed, or no value left. */
bool pack_next(strata_slice *rest, pack_item *item);
/* The value of a name in an object; false when it has none. */
bool pack_field(const pack_item *object, const char *name, pack_item *value);

void pack_put_nil(cli_buffer *out);
void pack_put_bool(cli_buffer *out, bool boolean);
void pack_put_int(cli_buffer *out, int64_t integer);
void pack_put_uint(cli_buffer *out, uint64_t integer);
void pack_put_string(cli_buffer *out, strata_slice text);
void pack_put_text(cli_buffer *out, const char *text);
void pack_put_bytes(cli_buffer *out, strata_slice bytes);
void pack_put_array(cli_buffer *out, uint32_t count);
void pack_put_object(cli_buffer *out, uint32_t count);
/* A header of five bytes whose count is filled in later. */
size_t pack_open_object(cli_buffer *out);
void pack_close_object(cli_buffer *out, size_t place, uint32_t count);

#endif
