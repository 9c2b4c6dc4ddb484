/* head_private.h - the insides of a head, for head.c and search.c. */
#ifndef ST_INDEX_TEXT_HEAD_PRIVATE_H
#define ST_INDEX_TEXT_HEAD_PRIVATE_H

#include "index/text/dictionary.h"
#include "index/text/documents.h"
#include "index/text/head.h"
#include "index/text/surface_cache.h"

/* The document being staged. */
typedef struct st_staging {
    st_lexeme **lexemes; /* its distinct terms, whose `staged` is not 0 */
    size_t count;
    size_t capacity;
    uint32_t length;
    const st_document_key *key; /* NULL: nothing is staged */
} st_staging;

struct st_text_head {
    const strata_host *host;
    st_arena arena; /* everything that readers touch */
    st_documents documents;
    st_dictionary dictionary;
    /* The writer's own: */
    st_surface_cache cache;
    st_analyzer analyzer;
    st_staging staging;
    _Atomic size_t writer_bytes; /* what the writer took from the allocator beside the arena */
};

#endif
