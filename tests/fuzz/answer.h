/* answer.h - asking a database, and checking what it answers. */
#ifndef STRATA_FUZZ_ANSWER_H
#define STRATA_FUZZ_ANSWER_H

#include "fuzz.h"

/* Runs one operation and checks the response: [true, object] or [false, {code, message, retryable,
 * details}], the code being that of the status returned, and all of it one well-formed value. An
 * answer like internal or io, which this host gives no reason for, is a failure; no_memory only
 * counts when the host refused memory. response: replaced. */
strata_status fuzz_ask(strata_db *db, strata_slice request, strata_buffer *response);
/* Checks of a response, besides, that its strings are UTF-8 and that no object has a name twice,
 * by way of JSON. What somebody crafted into a log with checksums that fit need not be so. */
void fuzz_check_text(const strata_buffer *response);
/* The same for an operation and arguments in JSON. */
strata_status fuzz_ask_json(strata_db *db, const char *request, strata_buffer *response);

/* The value of an int in the result; 0 when there is none. */
int64_t fuzz_result_int(const strata_buffer *response, const char *name);

#endif
