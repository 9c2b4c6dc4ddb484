/* fields.h - the fields of a stored thing: one byte of form, and a canonical MessagePack map of a few
 * known names. */
#ifndef ST_MODEL_FIELDS_H
#define ST_MODEL_FIELDS_H

#include "format/msgpack.h"

typedef struct st_field {
    const char *name;
    bool text;     /* its slice is the text itself; else one MessagePack value */
    bool required; /* what lacks it is malformed */
} st_field;

/* The form byte and a map of the fields whose values are not empty, in the order of the table; no map
 * when all are. Errors: no_memory. */
strata_status st_fields_put(strata_buffer *out, uint8_t form, const st_field *fields, size_t count,
                            const strata_slice *values);
/* Reads it back; values: of those that are there, borrowed; the others are empty. Names that are not in
 * the table are passed over. False: it is malformed. */
bool st_fields_read(strata_slice stored, uint8_t form, const st_field *fields, size_t count,
                    strata_slice *values);

#endif
