/* json.h - what reading and writing JSON have in common; the functions are in strata.h.
 *
 * JSON has no bytes, and no NaN or infinities. The convention, the same in every carrier:
 *   bytes              {"$bytes": "base64"}
 *   NaN, infinities    {"$float": "nan" | "inf" | "-inf"}, "nan:7ff8000000000001" for a NaN whose
 *                      bits are others than 7ff8000000000000
 *   a name that is itself "$bytes" or "$float", whatever the number of "$", has one "$" more in
 *                      JSON than in the value
 * An object with the one name $bytes or $float and anything else in it is refused.
 */
#ifndef ST_FORMAT_JSON_H
#define ST_FORMAT_JSON_H

#include "base/limits.h"
#include "base/std.h"

/* A value of the greatest depth fits into the envelope of a request or a response. */
enum { ST_JSON_NESTING_MAX = ST_NESTING_MAX + 8 };

static const uint64_t ST_JSON_NAN_BITS = 0x7ff8000000000000u;

/* The bits of the float that is the text of a {"$float": ...}. False: it is none of them. */
bool st_json_special(strata_slice text, uint64_t *bits);

/* How many "$" stand before "bytes" or "float", when the name is nothing else; 0 otherwise. */
static inline size_t st_json_tag(strata_slice name) {
    const char *text = name.data;
    if (name.len < 6 || (memcmp(text + name.len - 5, "bytes", 5) != 0 &&
                         memcmp(text + name.len - 5, "float", 5) != 0)) {
        return 0;
    }
    for (size_t i = 0; i < name.len - 5; i++) {
        if (text[i] != '$') {
            return 0;
        }
    }
    return name.len - 5;
}

#endif
