/* snippet.h - the excerpt of a text that shows best why it was found. */
#ifndef ST_RECALL_SNIPPET_H
#define ST_RECALL_SNIPPET_H

#include "index/text/query.h"

/* Appends an excerpt of about 160 bytes to `out`: the part of the text with the most distinct terms
 * of the query, the earliest of these; its beginning when there is none. The words that matched
 * are in [brackets], "..." stands where the text goes on, and white space of any kind is one
 * space. Always UTF-8, whatever the text; no line breaks, no control characters.
 * Only the first MiB of a text is looked at. Errors: no_memory; `out` may then have a part of it.
 * Cost: about 10 ns a byte up to the place that has every term. */
strata_status st_snippet_append(st_analyzer *analyzer, const st_text_query *query,
                                strata_slice text, strata_buffer *out) STRATA_MUST_USE;

#endif
