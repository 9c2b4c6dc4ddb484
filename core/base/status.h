/* status.h - how a failure is told: a code, a sentence, a few fields. */
#ifndef ST_BASE_STATUS_H
#define ST_BASE_STATUS_H

#include "base/std.h"

/* Fills *error (NULL is fine) with the code and a formatted message, clears its fields, returns
 * the code. Formats: %s (C string), %S (strata_slice *, cut at 64 bytes, control bytes as '?'),
 * %u (uint64_t), %d (int64_t), %%. Arguments must have exactly these types. */
strata_status st_fail(strata_error *error, strata_status code, const char *format, ...);

/* Adds a detail to an error that st_fail made; beyond STRATA_ERROR_FIELDS_MAX it is dropped.
 * name must be static. Returns the error's code, so that it can end a return statement. */
strata_status st_fail_number(strata_error *error, const char *name, int64_t number);
strata_status st_fail_text(strata_error *error, const char *name, strata_slice text);

/* st_fail for constraint, with the field `reason`. */
strata_status st_fail_constraint(strata_error *error, const char *reason, const char *format, ...);

/* no_memory with its usual message. */
strata_status st_fail_memory(strata_error *error);

/* Forgets what was said; NULL is fine. For those who go on after a failure. */
static inline void st_error_clear(strata_error *error) {
    if (error != NULL) {
        error->code = STRATA_OK;
        error->message[0] = '\0';
        error->field_count = 0;
    }
}

/* What the functions above return is never STRATA_OK. The static analyser cannot see that from
 * here, and would follow paths on which a failed call goes on; so it is told. */
#ifdef __clang_analyzer__
#define st_fail(error, code, ...) ((void)(st_fail)(error, code, __VA_ARGS__), (code))
#define st_fail_constraint(error, why, ...)                                                        \
    ((void)(st_fail_constraint)(error, why, __VA_ARGS__), STRATA_CONSTRAINT)
#define st_fail_memory(error) ((void)(st_fail_memory)(error), STRATA_NO_MEMORY)
#define st_fail_number(error, name, number)                                                        \
    ((void)(st_fail_number)(error, name, number), STRATA_INTERNAL)
#define st_fail_text(error, name, text) ((void)(st_fail_text)(error, name, text), STRATA_INTERNAL)
#endif

/* Formats as st_fail does into data[size], cut to fit and ended with NUL; returns its length. */
size_t st_format(char *data, size_t size, const char *format, ...);

#endif
