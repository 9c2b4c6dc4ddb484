/* filter.h - conditions on the fields of documents, compiled once and asked of many.
 *
 *   {"path": "/a/b", "eq": v}      also ne, lt, lte, gt, gte, in, contains, exists; several in one object
 *                                  must all hold
 *   {"and": [f, ...]}  {"or": [f, ...]}  {"not": f}     {} holds always
 * Numbers compare by what they are, ints and floats alike; strings by their bytes; what is of different
 * kinds, or missing, is neither less nor greater nor equal. eq of containers: as JSON. ne is not eq, so it
 * holds of what is missing. in: [v, ...], one is equal. contains: it is an array, and an element is equal.
 * exists: true or false.
 */
#ifndef ST_INDEX_FIELD_FILTER_H
#define ST_INDEX_FIELD_FILTER_H

#include "format/path.h"

typedef enum st_filter_op {
    ST_FILTER_EQ,
    ST_FILTER_NE,
    ST_FILTER_LT,
    ST_FILTER_LTE,
    ST_FILTER_GT,
    ST_FILTER_GTE,
    ST_FILTER_IN,
    ST_FILTER_CONTAINS,
    ST_FILTER_EXISTS,
    ST_FILTER_AND, /* of the `count` results before it */
    ST_FILTER_OR,
    ST_FILTER_NOT
} st_filter_op;

/* A step of the filter, in postfix order: each condition puts a result on a stack, and, or, not take theirs
 * from there. */
typedef struct st_filter_step {
    st_filter_op op;
    uint32_t count;  /* AND, OR */
    bool required;   /* nothing matches of which this does not hold */
    st_path path;    /* of a condition */
    st_node operand; /* of a condition; IN: an array */
} st_filter_step;

typedef struct st_filter {
    st_filter_step *steps;
    size_t count;
} st_filter;

enum { ST_FILTER_DEPTH_MAX = 100, ST_FILTER_STEPS_MAX = 1000 };

/* filter: a document (format/document.h), borrowed as long as the result; empty: it holds always. Errors:
 * invalid_argument {argument}, invalid_path, constraint {nesting_too_deep, filter_too_large}, no_memory. */
strata_status st_filter_compile(strata_slice filter, st_arena *arena, st_filter *out,
                                strata_error *error);

/* Whether it holds of a document. scratch: for comparing containers; may be reset by the caller between
 * two calls. Errors: corrupt (the document), no_memory. */
strata_status st_filter_holds(const st_filter *filter, strata_slice document, st_arena *scratch,
                              bool *holds);

#endif
