/* ref.h - the one text form of whatever a run holds: "kv:city", "event:7", "edge:a>knows>b".
 *
 *   kv:KEY  event:SEQUENCE  state:NAME  trace:ID  memory:KEY  schema:NAME
 *   json:DOCUMENT  json:DOCUMENT#/path  edge:SOURCE>TYPE>DESTINATION  entity:SCHEMA/ID
 *   run  run:NAME
 *
 * What follows the colon is the key as it is; but where there is a separator (# > /), it and % are
 * written %23, %3E, %2F and %25 inside a name. So of one thing there is one text, and no two things
 * share it. A text says nothing of the run: that goes beside it.
 */
#ifndef ST_MODEL_REF_H
#define ST_MODEL_REF_H

#include "base/memory.h"
#include "format/key.h"

typedef struct st_ref {
    st_key key;  /* of the store; of "run", which names none, empty */
    bool of_run; /* run and run:NAME: a key of run 0 */
    strata_slice
        path; /* of JSON: a pointer that is not empty; borrowed from the text. Else empty. */
} st_ref;

/* Errors: invalid_key {position}. */
strata_status st_ref_parse(strata_slice text, st_ref *ref, strata_error *error);
/* Appends the text of a well-formed key of the store that has one (st_ref_subject). Errors:
 * no_memory. */
strata_status st_ref_print(strata_slice key, strata_buffer *out);

/* The key of the thing that a key of the store is a part of: its own, or for a patch that of its
 * document. False: it is derived from others, or nothing that a user names. */
bool st_ref_subject(strata_slice key, st_key *subject);

#endif
