/* show.h - what is stored under a key, as the Value that a user knows it by. */
#ifndef ST_MODEL_SHOW_H
#define ST_MODEL_SHOW_H

#include "model/page.h"

/* Reads a thing by its key (model/ref.h) if it has a value at the bound: st_read_live, but of a thing
 * that is more than one key all of it, with the version and time of its newest part. The value is what
 * st_show and st_show_same take; borrowed until the request ends. Errors: as st_read_live. */
strata_status st_show_read(st_request *rq, const st_run *run, strata_slice key,
                           const st_bound *bound, st_revision *revision, bool *found);

/* Whether two revisions of a thing are the same to a user: value and end. scratch: for documents.
 * Errors: corrupt, no_memory. */
strata_status st_show_same(st_request *rq, strata_slice key, const st_revision *a,
                           const st_revision *b, bool *same);

/* Appends what was read as canonical MessagePack: of kv and of a state cell the value; of an event {type,
 * payload}; of a trace {type, content, parent?, tags?, metadata?}; of a memory {text, tags?, metadata?};
 * of an edge {weight?, properties?}; of JSON the document; of a schema {schema, key_field?, indexed?,
 * embedding?, encrypted?}; of an entity {document, uri?, deleted?}; of a collection {dimension, metric, codes,
 * seed, dropping?}; of a vector {embedding, metadata?, text?}; of a run its record. Errors: corrupt {file},
 * no_memory. */
strata_status st_show(st_request *rq, strata_slice key, strata_slice stored, strata_buffer *out);

#endif
