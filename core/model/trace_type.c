/* trace_type.c - one table of what the known types of trace records hold.
 *
 * A record is read by programs that were not there when it was written, so what has a known type has
 * the fields of that type and no others: a misspelt one is told to who writes it, and not missed by
 * who reads it. Whoever needs other fields takes another type, or puts them under metadata.
 */
#include "model/trace_type.h"

#include "base/limits.h"
#include "base/utf8.h"

typedef enum value_kind { ANY, TEXT, LIST, FLAG, COUNT, AMOUNT, SHARE } value_kind;

typedef struct field {
    const char *type;
    const char *name;
    value_kind kind;
    bool required;
} field;

static const field known[] = {
    {"tool_call", "tool", TEXT, true},       {"tool_call", "arguments", ANY, true},
    {"tool_call", "result", ANY, false},     {"tool_call", "duration_ms", AMOUNT, false},
    {"decision", "question", TEXT, true},    {"decision", "options", LIST, true},
    {"decision", "chosen", ANY, true},       {"decision", "reasoning", TEXT, false},
    {"query", "query_type", TEXT, true},     {"query", "query", ANY, true},
    {"query", "results_count", COUNT, true}, {"thought", "content", TEXT, true},
    {"thought", "confidence", SHARE, false}, {"error", "error_type", TEXT, true},
    {"error", "message", TEXT, true},        {"error", "recoverable", FLAG, true},
};

enum { KNOWN = sizeof known / sizeof known[0] };

static const char *words_of(value_kind kind) {
    static const char *const words[] = {"a value",
                                        "a string",
                                        "an array",
                                        "true or false",
                                        "an int of 0 or more",
                                        "a number of 0 or more",
                                        "a number from 0 to 1"};
    return words[kind];
}

/* Neither NaN nor infinity is. */
static bool is_between(const st_token *token, double least, double most) {
    const double real = token->type == STRATA_INT ? (double)token->as.integer : token->as.real;
    return (token->type == STRATA_INT || token->type == STRATA_FLOAT) && isfinite(real) &&
           real >= least && real <= most;
}

static bool fits(value_kind kind, const st_token *token) {
    switch (kind) {
    case ANY:
        return true;
    case TEXT:
        return token->type == STRATA_STRING;
    case LIST:
        return token->type == STRATA_ARRAY;
    case FLAG:
        return token->type == STRATA_BOOL;
    case COUNT:
        return token->type == STRATA_INT && token->as.integer >= 0;
    case AMOUNT:
        return is_between(token, 0, HUGE_VAL);
    case SHARE:
        return is_between(token, 0, 1);
    }
    return false;
}

static bool is_of(const field *row, strata_slice type) {
    return st_slice_equal(type, strata_text(row->type));
}

static strata_status fail_field(strata_error *error, strata_status code, strata_slice type,
                                strata_slice name, const char *what) {
    st_fail(error, code, "a trace record of type %S: the field \"%S\" %s", &type, &name, what);
    return st_fail_text(error, "field", name);
}

/* One pair of the content. seen: the rows of the table that were met, as bits. */
static strata_status check_pair(strata_slice type, st_cursor *cursor, uint32_t *seen,
                                strata_error *error) {
    st_token name;
    st_token first;
    strata_slice value;
    if (!st_msgpack_next(cursor, &name) || !st_msgpack_skip(cursor, &value)) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "the content is malformed");
    }
    st_cursor inside = st_cursor_over(value);
    (void)st_msgpack_next(&inside, &first);
    for (size_t i = 0; i < KNOWN; i++) {
        if (!is_of(&known[i], type) || !st_slice_equal(name.as.bytes, strata_text(known[i].name))) {
            continue;
        }
        *seen |= UINT32_C(1) << i;
        if (fits(known[i].kind, &first)) {
            return STRATA_OK;
        }
        char what[64];
        (void)st_format(what, sizeof what, "must be %s", words_of(known[i].kind));
        return fail_field(error, STRATA_WRONG_TYPE, type, name.as.bytes, what);
    }
    return fail_field(error, STRATA_INVALID_ARGUMENT, type, name.as.bytes, "is not one it has");
}

strata_status st_trace_check(strata_slice type, strata_slice content, strata_error *error) {
    st_cursor cursor = st_cursor_over(content);
    st_token map;
    uint32_t seen = 0;
    bool is_known = false;
    _Static_assert(KNOWN <= 32, "a bit each");
    if (type.len == 0 || type.len > ST_NAME_BYTES_MAX || !st_utf8_valid(type, NULL)) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "the type of a trace record has 1 to %u bytes of UTF-8",
                       (uint64_t)ST_NAME_BYTES_MAX);
    }
    if (!st_msgpack_next(&cursor, &map) || map.type != STRATA_OBJECT) {
        return st_fail(error, STRATA_WRONG_TYPE, "the content of a trace record is an object");
    }
    for (size_t i = 0; i < KNOWN; i++) {
        is_known = is_known || is_of(&known[i], type);
    }
    for (uint32_t left = is_known ? map.as.count : 0; left > 0; left--) {
        ST_TRY(check_pair(type, &cursor, &seen, error));
    }
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].required && is_of(&known[i], type) && (seen & UINT32_C(1) << i) == 0) {
            return fail_field(error, STRATA_INVALID_ARGUMENT, type, strata_text(known[i].name),
                              "is missing");
        }
    }
    return STRATA_OK;
}
