/* provenance.h - what a commit was made of: what had been read, what was written, and why.
 *
 * A run that asks for it (the field provenance of its record) keeps a record of every commit of a
 * transaction that has read something; and any run keeps one of a commit that was given a label or a
 * trace record. A record is a write of the commit itself.
 */
#ifndef ST_MODEL_PROVENANCE_H
#define ST_MODEL_PROVENANCE_H

#include "model/page.h"

/* A record, read; borrowed from what is stored. */
typedef struct st_provenance {
    strata_slice label;
    strata_slice trace; /* the id of a trace record; empty: none */
    uint64_t snapshot;  /* the commit that the transaction saw the run at */
    bool truncated;     /* it had read or written more than is recorded */
    strata_slice items; /* st_provenance_walk */
} st_provenance;

/* Errors: corrupt. Cost: the whole record is checked. */
strata_status st_provenance_read(st_request *rq, strata_slice key, strata_slice stored,
                                 st_provenance *provenance);

typedef enum st_provenance_kind {
    ST_PROVENANCE_READ,  /* a key, at a version; 0: it was not there */
    ST_PROVENANCE_RANGE, /* all keys from `key` to below `high` */
    ST_PROVENANCE_WROTE, /* a key; of a commit that wrote only one: none */
} st_provenance_kind;

typedef struct st_provenance_item {
    st_provenance_kind kind;
    strata_slice key; /* borrowed until the next one */
    strata_slice high;
    uint64_t version;
} st_provenance_item;

typedef struct st_provenance_walk {
    st_cursor at;
    unsigned kind; /* of those that come now */
    uint64_t snapshot;
    size_t key_len;
    size_t high_len;
    uint8_t key[ST_STORE_KEY_MAX + 1];
    uint8_t high[ST_STORE_KEY_MAX + 1];
} st_provenance_walk;

/* Goes through a record that was read: its points, its ranges, its writes. */
void st_provenance_start(st_provenance_walk *walk, const st_provenance *provenance);
/* False: there is no more. */
bool st_provenance_next(st_provenance_walk *walk, st_provenance_item *item);

/* The record of the run's commit of that version; *found false: there is none. In the arena. Errors:
 * corrupt, and those of reading. Cost: a look-up. */
strata_status st_provenance_find(st_request *rq, const st_run *run, uint64_t version,
                                 st_provenance *provenance, bool *found);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Inside the commit of the request's transaction, when all its writes are there: whether it is to have
 * a record, and that record as one more write, borrowed from the request. Errors: no_memory. */
strata_status st_provenance_make(st_request *rq, const st_run *run, const st_write *writes,
                                 size_t count, st_write *record, bool *wanted);

#endif
