/* nearest_keys.h - what secondary indexes know of the entries of a collection that pass a filter. */
#ifndef ST_RECALL_NEAREST_KEYS_H
#define ST_RECALL_NEAREST_KEYS_H

#include "index/field/filter.h"
#include "model/page.h"

typedef struct st_nearest_keys {
    strata_slice *keys; /* of entries; one may be there twice */
    uint32_t count;
    bool known; /* whatever passes is among them */
} st_nearest_keys;

/* The keys under which something may lie, at the bound, that passes; in the request's arena. Not known: no index is of
 * use, or more than `most` entries of it would have to be read. Errors: corrupt, io, no_memory. Cost: in proportion to
 * what is found, at most to `most`. */
strata_status st_nearest_keys_find(st_request *rq, const st_run *run, const st_bound *bound,
                                   strata_slice collection, const st_filter *filter, uint32_t most,
                                   st_nearest_keys *out);

#endif
