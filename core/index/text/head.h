/* head.h - the full-text index of one run, in memory, searchable at any version.
 *
 * A document is a text under a key, alive from the version that added it until the version that
 * replaced or removed it. Nothing is ever taken out, so that a search at an old version finds what
 * a search found then.
 *
 * Threads. One writer at a time (stage, publish, add, remove, check: the caller holds the run's
 * lock). Any number of readers (search, documents, bytes) at any time, without a lock. create and
 * destroy: nobody else.
 * Versions. The writer's never decrease; several changes may have the same one. A reader may ask
 * for any version v for which no change <= v is still to come, which is what a snapshot of the
 * store is. It then gets the same answer, to the last bit, whenever it asks, also from another head
 * that was given the same changes.
 */
#ifndef ST_INDEX_TEXT_HEAD_H
#define ST_INDEX_TEXT_HEAD_H

#include "index/text/query.h"

typedef struct st_text_head st_text_head;

/* host: borrowed until destroy; its allocator is used by the writer's calls and by destroy only.
 * Errors: no_memory, and what the host's entropy says. Cost: under 4 kB until the first document.
 */
strata_status st_text_head_create(const strata_host *host, st_text_head **head) STRATA_MUST_USE;
/* NULL is fine. */
void st_text_head_destroy(st_text_head *head);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Prepares a document: everything that can fail. Readers see nothing of it, and it is forgotten if
 * another one is staged. So a commit can stage, write its log, and publish, and only the first two
 * can refuse. The key and the text are read during the call only. Errors: no_memory. */
strata_status st_text_head_stage(st_text_head *head, strata_slice key,
                                 strata_slice text) STRATA_MUST_USE;
/* Adds the staged document at `version`; the document that was alive under its key ends there.
 * Cannot fail. There must be a staged document. */
void st_text_head_publish(st_text_head *head, uint64_t version);
/* Stage and publish. On an error nothing has changed. Errors: no_memory. */
strata_status st_text_head_add(st_text_head *head, strata_slice key, uint64_t version,
                               strata_slice text) STRATA_MUST_USE;
/* Ends the document alive under the key at `version`; whether there was one. Cannot fail. */
bool st_text_head_remove(st_text_head *head, strata_slice key, uint64_t version);

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct st_text_hit {
    strata_slice key; /* borrowed from the head until it is destroyed */
    uint64_t version; /* that added the document */
    double score;     /* BM25, higher is better */
} st_text_hit;

typedef struct st_text_result {
    const st_text_hit *hits; /* best first, equal scores by key; in the arena */
    size_t count;
    uint64_t candidates; /* documents whose score was computed */
    uint64_t documents;  /* alive at the snapshot */
} st_text_result;

/* The k (> 0) best documents alive at `snapshot` that have any of the query's terms: the exact BM25
 * scores over just these documents. arena: for the hits and for scratch: about 18 kB, 130 bytes
 * a term and 48 bytes a hit. Errors: no_memory. */
strata_status st_text_head_search(const st_text_head *head, const st_text_query *query,
                                  uint64_t snapshot, size_t k, st_arena *arena,
                                  st_text_result *result) STRATA_MUST_USE;

/* Documents alive at `snapshot`. Cost: a binary search. */
uint64_t st_text_head_documents(const st_text_head *head, uint64_t snapshot);
/* Memory taken from the allocator. */
size_t st_text_head_bytes(const st_text_head *head);

/* ---- Checking -------------------------------------------------------------------------------- */

/* Walks every invariant. Errors: internal with what does not hold, no_memory. Cost: linear. */
strata_status st_text_head_check(const st_text_head *head, strata_error *error) STRATA_MUST_USE;

#endif
