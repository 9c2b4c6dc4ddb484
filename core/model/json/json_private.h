/* json_private.h - what the files of this room share.
 *
 * Stored: under ST_TAG_JSON the document as it was at some version, the base: 1 byte form (1), and the
 * document (format/document.h). Under ST_TAG_JSON_PATCH, parts 1, 2, 3 ... of the same text, what was
 * done to it since: 1 byte form (1), and changes (format/change.h). A part is of the base if its version
 * is not below the base's; the first one that is not, or is missing, ends the row. A new base comes with
 * part 1 in the same commit if it only takes the parts together, and without if it replaces the document.
 */
#ifndef ST_MODEL_JSON_JSON_PRIVATE_H
#define ST_MODEL_JSON_JSON_PRIVATE_H

#include "model/json/json.h"
#include "model/json/json_cache.h"
#include "model/write.h"

enum {
    ST_JSON_FORM = 1,
    ST_JSON_PARTS_MAX = 256, /* then a new base is due */
    ST_JSON_PARTS_MIN = 16,  /* before, it is not worth while */
    /* Parts from here on are those of a transaction, in its own writes only. */
    ST_JSON_PENDING = 0x40000000,
};

/* A document as a reader finds it. */
typedef struct st_json_found {
    bool exists;
    strata_slice document; /* borrowed from the store or the arena */
    st_stamp stamp;
    size_t base_bytes;
    uint32_t parts;
    size_t parts_bytes;
} st_json_found;

/* What is stored of it inside the bound, without the transaction noticing. Errors: history_trimmed,
 * corrupt, no_memory. */
strata_status st_json_load(st_request *rq, const st_run *run, strata_slice key,
                           const st_bound *bound, st_json_found *found);
/* The same with what the request's transaction has done to it. */
strata_status st_json_load_own(st_request *rq, const st_run *run, strata_slice key,
                               st_json_found *found);
/* At a moment, the transaction's included if that is now. */
strata_status st_json_load_at(st_request *rq, const st_run *run, strata_slice key,
                              const st_when *when, st_json_found *found, bool *own);

/* Tells the transaction of the request that a region was read, or also written. */
strata_status st_json_note(st_request *rq, strata_slice key, st_region region, bool wrote);
/* That it was read, if there is a transaction. */
strata_status st_json_read(st_request *rq, strata_slice key, st_region region);
/* A change was refused with that status: why may lie anywhere in the document. Returns it. */
strata_status st_json_refused(st_request *rq, strata_slice key, strata_status status);

/* One change of a document on its way to the store; what it is made of lies in the arena. */
typedef struct st_json_edit {
    st_run *run;
    strata_slice key;
    st_commit commit;
    /* Outside of transactions: taken from the cache or made; NULL: none is kept. */
    st_json_entry *entry;
    st_json_entry *lost; /* one that could not be kept, and whose bytes `found` borrows */
    st_json_found found; /* as it is before */
} st_json_edit;

/* Locks the run (outside of transactions) and finds the document. */
strata_status st_json_begin(st_request *rq, st_run *run, strata_slice key, st_json_edit *edit);
void st_json_abort(st_request *rq, st_json_edit *edit);
/* Commits changes of the document, or adds them to the transaction; on failure all is as it was. */
strata_status st_json_change(st_request *rq, st_json_edit *edit, strata_slice changes,
                             st_stamp *stamp);
/* The same of a new document, and of none. */
strata_status st_json_replace(st_request *rq, st_json_edit *edit, strata_slice document,
                              st_stamp *stamp);
strata_status st_json_remove(st_request *rq, st_json_edit *edit, st_stamp *stamp);

/* Whether the next change comes with a new base. */
bool st_json_base_due(const st_json_found *found, strata_slice changes);

/* Appends the deletes that take the document and its parts away. */
strata_status st_json_removal(st_request *rq, const st_run *run, strata_slice key,
                              strata_buffer *writes);

/* A key of the store, in the arena. */
strata_status st_json_key(st_request *rq, uint8_t tag, strata_slice key, uint32_t part,
                          strata_slice *out);
/* corrupt {file}. */
strata_status st_json_fail(st_request *rq, strata_slice key);
/* constraint {root_not_object}. */
strata_status st_json_fail_root(st_request *rq);
/* What is stored of a document or of changes: the form before it; in the arena. */
strata_status st_json_stored(st_request *rq, strata_slice bytes, strata_slice *stored);

/* The document with rows of changes applied to a copy of it, in the arena. Errors: corrupt (without a
 * message: who calls knows whether it is damage), no_memory. */
strata_status st_json_apply(st_request *rq, strata_slice document, const strata_slice *changes,
                            size_t count, strata_slice *out);

#endif
