/* json.h - JSON documents of a run: read and changed by path, with conflicts by path. */
#ifndef ST_MODEL_JSON_JSON_H
#define ST_MODEL_JSON_JSON_H

#include "format/change.h"
#include "model/page.h"

/* Keys are checked by every function: invalid_key; paths: invalid_path (format/path.h). The root of a
 * document is an object: constraint {root_not_object}. Writes: constraint {run_closed,
 * value_too_large, nesting_too_deep, too_many_entries}, and what a commit returns; not_found where there
 * is no such document, unless said otherwise.
 *
 * Inside a transaction an operation depends on the region of the document that its path is, and on no
 * more: it conflicts with what others do at the path, above it and below it. */

/* A document, or a part of it, at a version. */
typedef struct st_json {
    strata_slice document; /* format/document.h; borrowed until the request ends */
    st_stamp stamp;        /* the newest commit that has touched the document */
} st_json;

/* What is written: a value, or the JSON text of one. */
typedef struct st_json_input {
    const strata_value *value; /* NULL: text */
    strata_slice text;
} st_json_input;

/* Errors: already_exists. */
strata_status st_json_create(st_request *rq, st_run *run, strata_slice key,
                             const st_json_input *input, st_stamp *stamp);
/* The document, or what is at the path. Errors: not_found (either), history_trimmed. */
strata_status st_json_get(st_request *rq, const st_run *run, strata_slice key, strata_slice path,
                          const st_when *when, st_json *json);
/* The whole document inside a bound; *found false: there is none. */
strata_status st_json_find(st_request *rq, const st_run *run, strata_slice key,
                           const st_bound *bound, st_json *json, bool *found);
/* Whether there is something at the path. */
strata_status st_json_exists(st_request *rq, const st_run *run, strata_slice key, strata_slice path,
                             const st_when *when, bool *exists);
/* Sets what is at the path; objects that are missing on the way are made, and at the root the document,
 * too. Cost of this and all that change a document: O(change) bytes of log, and a whole document once the
 * changes since the last one are half as long as it, or 256. */
strata_status st_json_set(st_request *rq, st_run *run, strata_slice key, strata_slice path,
                          const st_json_input *input, st_stamp *stamp);
/* The same if the document is as that version left it (0: there is none; then only at the root).
 * Errors: conflict {version}. */
strata_status st_json_cas(st_request *rq, st_run *run, strata_slice key, strata_slice path,
                          const st_json_input *input, uint64_t expected, st_stamp *stamp);
/* Takes away what is at the path, which is not the root. Nothing there: *existed false, the stamp
 * untouched. */
strata_status st_json_delete(st_request *rq, st_run *run, strata_slice key, strata_slice path,
                             bool *existed, st_stamp *stamp);
/* Takes the whole document away. */
strata_status st_json_destroy(st_request *rq, st_run *run, strata_slice key, bool *existed,
                              st_stamp *stamp);
/* RFC 6902; *json is what the document is then. Errors: as st_changes_patch. */
strata_status st_json_patch(st_request *rq, st_run *run, strata_slice key,
                            const st_json_input *operations, st_stamp *stamp);
/* RFC 7396. */
strata_status st_json_merge(st_request *rq, st_run *run, strata_slice key,
                            const st_json_input *patch, st_stamp *stamp);

/* ---- Listing --------------------------------------------------------------------------------- */

/* Starts a scan over the documents; st_json_at reads the one where it stands. */
strata_status st_json_scan(st_request *rq, const st_run *run, const st_page *page, st_scan **scan);
strata_status st_json_at(st_request *rq, const st_run *run, const st_scan *scan, st_json *json);
strata_status st_json_count(st_request *rq, const st_run *run, const st_page *page,
                            uint64_t *count);

/* A version of a document. */
typedef struct st_json_revision {
    st_stamp stamp;
    bool deleted;
    bool whole;       /* it was written as a whole; else changed */
    uint64_t seen_at; /* who reads at this commit finds it */
} st_json_revision;

/* The versions below `before`, newest first, at most `limit`. In the arena. Cost: in proportion to all
 * versions of the document. */
strata_status st_json_history(st_request *rq, const st_run *run, strata_slice key, uint64_t before,
                              uint64_t limit, st_json_revision **revisions, size_t *count);

#endif
