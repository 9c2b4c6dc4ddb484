/* document_compare.h - are two documents equal, and where do they differ? */
#ifndef ST_FORMAT_DOCUMENT_COMPARE_H
#define ST_FORMAT_DOCUMENT_COMPARE_H

#include "format/document.h"

/* As JSON: the order of names and the ids of elements do not matter; int 1 is not float 1.0, floats are
 * equal when their bits are. Errors: corrupt (malformed), no_memory. Cost: linear, also for names in
 * another order. */
strata_status st_document_equal(strata_slice a, strata_slice b, st_arena *scratch, bool *equal);

typedef enum st_difference_kind {
    ST_DIFFERENCE_ADDED,
    ST_DIFFERENCE_REMOVED,
    ST_DIFFERENCE_CHANGED
} st_difference_kind;

/* pointer: a JSON Pointer, into b where there is something to point at, else (removed) into a. before
 * and after are nodes of a and b, with no bytes where there was nothing. All is borrowed until the
 * visitor returns; the nodes, as long as the documents. */
typedef struct st_difference {
    st_difference_kind kind;
    strata_slice pointer;
    strata_slice before;
    strata_slice after;
} st_difference;

typedef strata_status (*st_difference_visit)(void *arg, const st_difference *difference);

/* Visits what is different between a and b, the least of it: containers of the same type are gone
 * into. Members meet by name, elements by id, so that an insertion is one addition and not a change of
 * all that follow; where elements of the same ids are in another order (arrays that have nothing to do
 * with each other), they meet by place. What was moved in its array was removed and added. A status of
 * the visitor that is not OK ends it and is returned. Errors: corrupt, no_memory. Cost: as for
 * st_document_equal; equal bytes cost a comparison. */
strata_status st_document_diff(strata_slice a, strata_slice b, st_arena *scratch,
                               st_difference_visit visit, void *arg);

#endif
