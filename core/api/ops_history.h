/* ops_history.h - what the history operations share: references, values and cursors in responses. */
#ifndef ST_API_OPS_HISTORY_H
#define ST_API_OPS_HISTORY_H

#include "api/ops.h"
#include "history/commits.h"
#include "history/diff.h"

/* The reference of a key, without and with a name before it. */
strata_status st_put_ref(st_call *call, strata_slice key);
strata_status st_put_named_ref(st_call *call, const char *name, strata_slice key);
/* The same of what a pointer leads to in a document, under the name ref. */
strata_status st_put_path_ref(st_call *call, strata_slice key, strata_slice pointer);
/* What was read of a thing (model/show.h). */
strata_status st_put_shown(st_call *call, const char *name, strata_slice key,
                           const st_revision *revision);

/* The thing that an argument names, and the run that has it: its own, or run 0. Errors: invalid_key. */
strata_status st_call_ref(st_call *call, int arg, st_run **run, st_key **key);
/* A set of primitives; all when left out. Errors: invalid_argument. */
strata_status st_call_primitives(st_call *call, int arg, st_primitives *primitives);

/* The cursor of things: the last key, empty when left out. Errors: invalid_argument. */
strata_status st_call_key_cursor(st_call *call, int arg, strata_slice *key);
strata_status st_fail_cursor(st_call *call);

/* A page of things that is being written. */
typedef struct st_thing_page {
    st_call *call;
    uint64_t limit;
    uint32_t count;
    size_t start; /* of the response */
    bool more;    /* there is a thing behind it */
    st_key last;
} st_thing_page;

/* Whether a thing more fits; else it is the next page's. */
bool st_thing_fits(st_thing_page *page, bool *more);
/* It was written. */
void st_thing_put(st_thing_page *page, strata_slice key);
/* The cursor of a page that has more behind it. */
strata_status st_put_key_cursor(st_thing_page *page);

#endif
