/* trace_type.h - the types of trace records, and the fields that each has. */
#ifndef ST_MODEL_TRACE_TYPE_H
#define ST_MODEL_TRACE_TYPE_H

#include "format/msgpack.h"

/* Whether a record of that type may have that content, a canonical object. Types that are not known
 * may have any. Errors: invalid_argument (the type; a field that is missing or not known), wrong_type
 * (of a field); details {field}. */
strata_status st_trace_check(strata_slice type, strata_slice content, strata_error *error);

#endif
