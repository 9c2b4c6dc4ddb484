/* page.h - reading a run at a moment, and listing its keys page by page. */
#ifndef ST_MODEL_PAGE_H
#define ST_MODEL_PAGE_H

#include "model/model.h"

/* When to read: now, or as a reader saw it after a commit, or at a time. */
typedef struct st_when {
    uint64_t version; /* UINT64_MAX: not by version */
    int64_t time_us;  /* INT64_MAX: not by time */
} st_when;

static inline st_when st_now(void) {
    const st_when when = {UINT64_MAX, INT64_MAX};
    return when;
}

/* What may be read. Errors: invalid_argument for a commit or a time that has not come, or both. */
strata_status st_bound_at(st_request *rq, const st_run *run, const st_when *when, st_bound *bound);

/* Whether a read inside that bound, which succeeded or not, came too late for its snapshot and is to
 * be repeated. clock: st_store_trim_clock before the bound was made. */
bool st_is_too_late(st_request *rq, const st_bound *bound, uint64_t clock, strata_status status);
/* The version of a key that has a value then. Errors: as st_bound_at and st_read. */
strata_status st_read_at(st_request *rq, const st_run *run, strata_slice key, const st_when *when,
                         st_revision *revision, bool *found);
/* Starts a scan over what is there then. scan: of the arena. Errors: as st_bound_at and
 * st_scan_start. */
strata_status st_scan_at(st_request *rq, const st_run *run, const st_scan_range *range,
                         const st_when *when, st_scan *scan);

/* A page of a listing. */
typedef struct st_page {
    strata_slice prefix;
    strata_slice start; /* inclusive; empty: none */
    strata_slice end;   /* exclusive; empty: none */
    strata_slice after; /* the last key of the page before; empty: none */
    bool reverse;
    st_when when;
} st_page;

/* Starts a scan over the text keys of a tag in the page's bounds. The scan and the bounds live in
 * the request's arena. Errors: as st_bound_at and st_scan_start. */
strata_status st_page_scan(st_request *rq, const st_run *run, uint8_t tag, const st_page *page,
                           st_scan **scan);

/* Keys of texts that have the first ones in common: those after, or in reverse before, a whole key. */
typedef struct st_texts_page {
    uint8_t tag;
    bool reverse;
    strata_slice texts[3]; /* those in common, */
    size_t count;          /* so many; then those of the key where the page before ended */
    bool continues;        /* there are such, as many as the form has */
    strata_slice prefix;   /* the text after those in common begins so */
} st_texts_page;

/* The range of the store; its bounds live in the arena. All texts together are at most ST_KEY_BYTES_MAX
 * bytes, and none holds 00. Errors: no_memory. */
strata_status st_texts_range(st_arena *arena, const st_texts_page *page, st_scan_range *range);

/* A moment that several reads share: what they see stays, whatever is merged meanwhile. There is one
 * scan at a time, and beside it one value; the next one takes their memory, so that any number of them
 * costs the memory of one. */
typedef struct st_moment {
    st_bound bound;
    const st_run *run;
    st_reader reader; /* of the scan */
    st_reader point;  /* of the value */
    st_arena scratch[2];
    st_held_snapshot held;
    bool holds;
} st_moment;

/* Errors: as st_bound_at. To be ended if it succeeds. */
strata_status st_moment_begin(st_request *rq, const st_run *run, const st_when *when,
                              st_moment *moment);
void st_moment_end(st_request *rq, st_moment *moment);
/* The scan before is gone; *scan is of the moment's memory. Errors: as st_scan_start. */
strata_status st_moment_scan(st_moment *moment, const st_texts_page *page, st_scan **scan);
/* The value of a key, until the next one is read; *found false: it has none. Errors: as st_read_live. */
strata_status st_moment_read(st_moment *moment, const st_key *key, st_revision *revision,
                             bool *found);

/* From which version on nothing of the run has gone, as long as nothing is trimmed meanwhile. Of a fork: of its own,
 * and not of what was before it. Errors: corrupt, io, no_memory. Cost: a short scan. */
strata_status st_run_kept_from(st_request *rq, const st_run *run, uint64_t *version);

/* The committed versions of a key below `before`, newest first, deletes included: to be read with
 * st_versions_next. Errors: as st_versions_start. */
strata_status st_history_scan(st_request *rq, const st_run *run, const st_key *key, uint64_t before,
                              st_scan **scan);

#endif
