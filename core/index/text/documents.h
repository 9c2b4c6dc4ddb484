/* documents.h - the documents of a head: when each lived, how long it is, and the state at any
 * version. One writer, any readers (head.h). */
#ifndef ST_INDEX_TEXT_DOCUMENTS_H
#define ST_INDEX_TEXT_DOCUMENTS_H

#include "base/memory.h"

/* Ends at no version: alive. */
#define ST_ALIVE UINT64_MAX

typedef struct st_document_key {
    uint32_t len;
    uint8_t bytes[];
} st_document_key;

/* Arrays over document numbers; replaced by larger copies, never changed in size. */
typedef struct st_document_table {
    uint32_t capacity;
    uint64_t *added;         /* version; never decreases */
    _Atomic uint64_t *ended; /* version, or ST_ALIVE */
    uint32_t *length;        /* terms, repetitions counted */
    const st_document_key **key;
    uint32_t *endings;      /* document numbers in the order in which they ended */
    uint64_t *added_length; /* [i]: of the documents before number 64 i */
    uint64_t *ended_length; /* [i]: of the endings before number 64 i */
} st_document_table;

/* What maps the keys of the living to their numbers; the writer's alone. */
typedef struct st_document_slot {
    uint32_t hash;
    uint32_t number_plus_1; /* 0: empty */
} st_document_slot;

typedef struct st_documents {
    const strata_allocator *allocator;
    st_arena *arena;
    uint64_t seed; /* of the hash of keys */
    _Atomic(st_document_table *) table;
    _Atomic uint32_t count;
    _Atomic uint32_t endings;
    /* The writer's own: */
    uint64_t added_length;
    uint64_t ended_length;
    st_document_slot *slots;
    uint32_t slot_count; /* a power of two, or 0 */
    uint32_t living;
    uint64_t version; /* of the last change */
} st_documents;

/* The documents at a version. */
typedef struct st_documents_view {
    const st_document_table *table;
    uint64_t version;
    uint32_t count;   /* numbers below this had been added */
    uint32_t endings; /* of which so many had ended */
    uint64_t living;
    uint64_t length; /* of the living */
} st_documents_view;

/* ---- Writer ---------------------------------------------------------------------------------- */

void st_documents_init(st_documents *documents, const strata_allocator *allocator, st_arena *arena,
                       uint64_t seed);
void st_documents_free(st_documents *documents);
/* Makes sure that the next add cannot fail. Errors: no_memory. */
strata_status st_documents_reserve(st_documents *documents) STRATA_MUST_USE;
/* The number of the document alive under the key; false when there is none. */
bool st_documents_find(const st_documents *documents, strata_slice key, uint32_t *number);
/* Adds a document, after st_documents_reserve, and publishes it: its postings must be there.
 * key: in the arena for good; the document alive under it ends at the same version. */
void st_documents_add(st_documents *documents, const st_document_key *key, uint32_t length,
                      uint64_t version);
bool st_documents_remove(st_documents *documents, strata_slice key, uint64_t version);

static inline uint32_t st_documents_next_number(const st_documents *documents) {
    return atomic_load_explicit(&documents->count, memory_order_relaxed);
}
static inline strata_slice st_document_key_slice(const st_document_key *key) {
    return st_slice(key->bytes, key->len);
}

/* ---- Reader ---------------------------------------------------------------------------------- */

st_documents_view st_documents_at(const st_documents *documents, uint64_t version);

/* Whether a document below view->count is alive in the view. */
static inline bool st_document_alive(const st_documents_view *view, uint32_t number) {
    /* Relaxed: an end at or before the view's version was published with view->endings; any later
     * one, seen or not, is above it. */
    return atomic_load_explicit(&view->table->ended[number], memory_order_relaxed) > view->version;
}

/* Errors: internal with what does not hold. */
strata_status st_documents_check(const st_documents *documents,
                                 strata_error *error) STRATA_MUST_USE;

#endif
