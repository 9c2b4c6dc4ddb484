/* page.h - reading a run at a snapshot, and listing its keys page by page. */
#ifndef ST_MODEL_PAGE_H
#define ST_MODEL_PAGE_H

#include "model/model.h"

/* A page of a listing. */
typedef struct st_page {
    strata_slice prefix;
    strata_slice start; /* inclusive; empty: none */
    strata_slice end;   /* exclusive; empty: none */
    strata_slice after; /* the last key of the page before; empty: none */
    bool reverse;
    uint64_t as_of; /* UINT64_MAX: now */
} st_page;

/* Starts a scan over the text keys of a tag in the page's bounds. The bounds live in the request's
 * arena. Errors: invalid_argument (as_of in the future), no_memory. */
strata_status st_page_scan(st_request *rq, const st_run *run, uint8_t tag, const st_page *page,
                           st_scan *scan);

/* The snapshot to read at. Errors: invalid_argument for a commit that has not happened. */
strata_status st_snapshot(st_request *rq, const st_run *run, uint64_t as_of, uint64_t *snapshot);

#endif
