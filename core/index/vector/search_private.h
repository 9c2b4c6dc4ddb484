/* search_private.h - what the files of a search share: search.c and search_part.c. */
#ifndef ST_INDEX_VECTOR_SEARCH_PRIVATE_H
#define ST_INDEX_VECTOR_SEARCH_PRIVATE_H

#include "index/vector/index_private.h"

typedef struct st_found_row {
    float distance; /* by code */
    float off;      /* it may be off by this */
    uint32_t row;   /* of the part */
    const st_part *part;
} st_found_row;

typedef struct st_search {
    const st_vector_index *index;
    const st_vector_query *query;
    st_code_query code;
    st_arena *arena;
    st_walk *walk;
    st_vector_found *found;
    bool exact;
    st_found_row *candidates;
    size_t count;
    size_t cap;
} st_search;

/* Adds candidates of a part: those that may be among the k nearest of all that the query asks for. Errors: those of
 * passes, no_memory. */
strata_status st_search_part(st_search *s, st_part *part);

#endif
