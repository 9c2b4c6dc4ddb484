/* memory_index.h - the text index of a run's memories. */
#ifndef ST_MODEL_MEMORY_INDEX_H
#define ST_MODEL_MEMORY_INDEX_H

#include "model/page.h"

/* At the commit of the request's transaction, under the run's lock: a memory enters the index, or
 * leaves it. */
void st_memory_index_write(st_request *rq, st_run *run, const st_write *write, uint64_t version);

/* The text index of the run, built from the store if there is none yet: nothing that is committed
 * is missing from it. *base: it knows what there was at this version and above. Errors: no_memory. Cost: once, in proportion to the run's text. */
strata_status st_memory_index(st_request *rq, st_run *run, const st_text_head **head,
                              uint64_t *base);
/* An index of what there is inside the bound, to be searched at *version. The caller destroys it.
 * Errors: history_trimmed, no_memory. Cost: in proportion to it. */
strata_status st_memory_index_at(st_request *rq, const st_run *run, const st_bound *bound,
                                 st_text_head **head, uint64_t *version);
/* The same for every run, at open; tells the host's progress. */
strata_status st_memory_index_all(st_request *rq);

#endif
