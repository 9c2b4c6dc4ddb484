/* query.h - the distinct terms that a query asks for. */
#ifndef ST_INDEX_TEXT_QUERY_H
#define ST_INDEX_TEXT_QUERY_H

#include "index/text/analyze.h"

typedef struct st_text_query {
    const strata_slice *terms; /* distinct, in the order of the text */
    size_t count;              /* 1-ST_QUERY_TERMS_MAX */
} st_text_query;

/* The terms of a query's text; a word that comes twice counts once. *query and what it points to
 * live in the arena. Errors: invalid_argument (no words), constraint {reason query_too_long} (more
 * than ST_QUERY_TERMS_MAX distinct terms), no_memory. Cost: linear in the text. */
strata_status st_text_query_parse(st_analyzer *analyzer, strata_slice text, st_arena *arena,
                                  st_text_query *query, strata_error *error) STRATA_MUST_USE;

#endif
