/* memory.h - memories: texts with a key, metadata and tags, indexed for recall. */
#ifndef ST_MODEL_MEMORY_H
#define ST_MODEL_MEMORY_H

#include "model/page.h"

typedef struct st_memory {
    strata_slice key;
    strata_slice text;
    strata_slice metadata; /* MessagePack map; empty: none */
    strata_slice tags;     /* MessagePack array of strings; empty: none */
} st_memory;

/* memory->key empty: a new one is made. metadata and tags are canonical already. *key is borrowed
 * from the arena or the caller. Errors: invalid_key, invalid_argument (not UTF-8), constraint
 * {value_too_large, run_closed}, and those of a commit. */
strata_status st_memory_remember(st_request *rq, st_run *run, const st_memory *memory,
                                 strata_slice *key, st_stamp *stamp);
/* Borrowed until the request ends. Errors: not_found, history_trimmed. */
strata_status st_memory_get(st_request *rq, const st_run *run, strata_slice key,
                            const st_when *when, st_memory *memory, st_stamp *stamp);
/* The same inside a bound; *found false: there is none. */
strata_status st_memory_find(st_request *rq, const st_run *run, strata_slice key,
                             const st_bound *bound, st_memory *memory, st_stamp *stamp,
                             bool *found);
strata_status st_memory_forget(st_request *rq, st_run *run, strata_slice key, bool *existed,
                               st_stamp *stamp);
/* What is stored under a key of ST_TAG_MEMORY; borrowed from both. Errors: corrupt. */
strata_status st_memory_read(st_request *rq, strata_slice store_key, strata_slice stored,
                             st_memory *memory);

/* What filters and indexes see of it: a document {text, metadata, tags}, in the arena. Errors: corrupt,
 * no_memory. */
strata_status st_memory_document(st_request *rq, strata_slice store_key, strata_slice stored,
                                 strata_slice *document);
/* Appends (st_write) what a write of a memory changes in the run's secondary indexes. Under the run's
 * lock. */
strata_status st_memory_index_fields(st_request *rq, st_run *run, const st_write *write,
                                     strata_buffer *writes);
/* The text of what is stored, and a cursor behind it; false: it is malformed. */
bool st_memory_text(strata_slice stored, st_cursor *cursor, strata_slice *text);
/* The head of the run's text index; NULL: there is none yet. */
st_text_head *st_memory_head(const st_run *run);

#endif
