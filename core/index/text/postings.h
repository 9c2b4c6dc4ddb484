/* postings.h - the documents that hold a term, in order, compressed. One writer, any readers. */
#ifndef ST_INDEX_TEXT_POSTINGS_H
#define ST_INDEX_TEXT_POSTINGS_H

#include "base/bytes.h"
#include "base/memory.h"

typedef struct st_posting_chunk {
    _Atomic(struct st_posting_chunk *) next;
    uint32_t capacity;           /* bytes */
    uint32_t before;             /* postings in what comes before this chunk */
    uint32_t last_before;        /* number of the last document before this chunk */
    _Atomic uint32_t used;       /* bytes that readers may read; always whole postings */
    _Atomic uint32_t count_max;  /* bounds of what is in the chunk, so that a search can */
    _Atomic uint32_t length_min; /* tell what a document of it may score at most */
    uint8_t bytes[];
} st_posting_chunk;

typedef struct st_postings {
    _Atomic uint32_t count;             /* documents; 0: first_* are not there yet */
    uint32_t first;                     /* number of the first document */
    uint32_t first_count;               /* times that the term is in it */
    uint32_t last;                      /* the writer's: number of the last document */
    _Atomic(st_posting_chunk *) chunks; /* all but the first document */
    st_posting_chunk *tail;             /* the writer's */
} st_postings;

/* ---- Writer ---------------------------------------------------------------------------------- */

void st_postings_init(st_postings *postings);
/* Makes sure that the next append cannot fail. Errors: no_memory. */
strata_status st_postings_reserve(st_postings *postings, st_arena *arena) STRATA_MUST_USE;
/* document: greater than all before. count: times that the term is in it, > 0. length: its own. */
void st_postings_append(st_postings *postings, uint32_t document, uint32_t count, uint32_t length);

/* ---- Reader ---------------------------------------------------------------------------------- */

/* Walks the postings of the documents below `limit`. */
typedef struct st_posting_cursor {
    const uint8_t *at; /* after the current posting */
    const uint8_t *end;
    uint32_t document; /* the current one; limit when there are no more */
    uint32_t count;
    uint32_t limit;
    const st_posting_chunk *chunk; /* NULL: at the first document */
    const st_postings *postings;
} st_posting_cursor;

/* Stands on the first posting below the limit, if there is one. */
void st_posting_cursor_init(st_posting_cursor *cursor, const st_postings *postings, uint32_t limit);

/* Opens the next chunk that has postings; false when there is none. */
bool st_posting_cursor_chunk(st_posting_cursor *cursor);

/* Reads the posting at *at that follows `document`. */
static inline uint32_t st_posting_read(const uint8_t **at, uint32_t document, uint32_t *count) {
    const uint8_t *p = *at;
    uint64_t word = *p++;
    if (ST_UNLIKELY(word >= 0x80)) {
        word &= 0x7f;
        for (unsigned shift = 7;; shift += 7) {
            const uint64_t byte = *p++;
            word |= (byte & 0x7f) << shift;
            if (byte < 0x80) {
                break;
            }
        }
    }
    uint32_t times = (uint32_t)(word & 3) + 1;
    if (ST_UNLIKELY(times == 4)) {
        for (unsigned shift = 0;; shift += 7) {
            const uint32_t byte = *p++;
            times += (byte & 0x7f) << shift;
            if (byte < 0x80) {
                break;
            }
        }
    }
    *at = p;
    *count = times;
    return document + (uint32_t)(word >> 2);
}

/* Moves to the next posting. The cursor must not be at its end. */
static inline void st_posting_cursor_next(st_posting_cursor *cursor) {
    if (cursor->at == cursor->end && !st_posting_cursor_chunk(cursor)) {
        cursor->document = cursor->limit;
        return;
    }
    const uint32_t document = st_posting_read(&cursor->at, cursor->document, &cursor->count);
    cursor->document = document < cursor->limit ? document : cursor->limit;
}

/* Moves to the first posting at or after `document`, past whole chunks where it can. */
void st_posting_cursor_seek(st_posting_cursor *cursor, uint32_t document);

/* How many postings are below the limit. Cost: one step a chunk, and the last chunk. */
uint32_t st_postings_count_below(const st_postings *postings, uint32_t limit);

#endif
