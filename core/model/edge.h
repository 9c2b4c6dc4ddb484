/* edge.h - edges: typed, directed links between names. */
#ifndef ST_MODEL_EDGE_H
#define ST_MODEL_EDGE_H

#include "model/page.h"

/* Names and type are checked by every function, each like a key, and together at most ST_KEY_BYTES_MAX
 * bytes: invalid_key. */
typedef struct st_edge {
    strata_slice source;
    strata_slice type;
    strata_slice target;
    bool weighs;
    double weight;           /* finite */
    strata_slice properties; /* a canonical object; empty: none */
} st_edge;

typedef enum st_direction { ST_OUT, ST_IN, ST_BOTH } st_direction;

/* An edge that is there is replaced, as a new version. Errors: invalid_argument (a weight that is not
 * finite), constraint {value_too_large, run_closed}, and those of a commit. */
strata_status st_edge_put(st_request *rq, st_run *run, const st_edge *edge, st_stamp *stamp);
/* Of the edge its names and type count. Borrowed until the request ends. Errors: not_found. */
strata_status st_edge_get(st_request *rq, const st_run *run, st_edge *edge, const st_when *when,
                          st_stamp *stamp);
/* What is stored of the edge, whose names are filled in; borrowed. Errors: corrupt. */
strata_status st_edge_of(strata_slice stored, st_edge *edge, strata_error *error);
strata_status st_edge_delete(st_request *rq, st_run *run, const st_edge *edge, bool *existed,
                             st_stamp *stamp);

/* ---- The edges of a name --------------------------------------------------------------------- */

typedef struct st_edge_page {
    strata_slice of;
    bool in;                 /* those that end there; else those that begin there */
    strata_slice type;       /* empty: any */
    strata_slice after_type; /* where the page before ended: type, and */
    strata_slice after;      /* the other end; empty: nowhere */
} st_edge_page;

/* Whether the names and the type of a page may be those of edges. Errors: invalid_key. */
strata_status st_edge_page_check(const st_edge_page *page, strata_error *error);
/* In order of type, and of the other end. The page: checked, or of names that edges have, with a type
 * that leaves room. */
strata_status st_edge_scan(st_moment *moment, const st_edge_page *page, st_scan **scan);
/* The names where such a scan stands; borrowed until it moves. */
void st_edge_names(const st_scan *scan, bool in, st_edge *edge);
/* The rest of an edge whose names and type are known. Errors: corrupt, also if it is not there. */
strata_status st_edge_read(st_moment *moment, st_edge *edge, st_stamp *stamp);
/* All of the edge where the scan stands. Errors: corrupt. */
strata_status st_edge_at(st_moment *moment, st_scan *scan, bool in, st_edge *edge, st_stamp *stamp);

#endif
