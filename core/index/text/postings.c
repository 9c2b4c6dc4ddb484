/* postings.c - posting lists that grow at their end while they are read.
 *
 * A posting is a varint of (distance to the document before) * 4 + min(count, 4) - 1, and a varint
 * of count - 4 if that was 4: mostly one byte for a word of many documents, three for a rare one.
 *
 * 1. The first posting is in the list itself. Most terms (hashes, numbers, typing mistakes) have no
 *    other, and cost no chunk.
 * 2. Chunks double from 16 to 992 bytes: at most half of a list's memory is unused, and a chunk is
 *    small enough to be worth skipping. A chunk knows the last document and the number of postings
 *    before it, so that a reader passes over it by looking at the next one's header.
 * 3. A chunk may be linked while it is empty (a document was staged and not published); its
 *    last_before is still right, as nothing can be appended but to it.
 * 4. Publication: bytes, bounds, then `used` (release). Bounds only ever widen, so that a reader
 *    who sees newer ones than his `used` has a valid, looser bound. `count` is stored last, with
 *    release: it publishes the first posting.
 * 5. What is published may be ahead of the documents: readers stop at the number of documents that
 *    their view has.
 *
 * With Debian's package stanzas (3.9 million postings) that is 1.1 bytes a posting, 2.6 with the
 * room kept and the headers.
 *
 * Rejected: plain arrays of (document, count) at 8 bytes a posting; bit-packed blocks of 128, which
 * the sealed segments will have but which cannot grow by one.
 */
#include "index/text/postings.h"

enum {
    POSTING_BYTES_MAX = 10, /* 34 bits and 32 bits as varints */
    CHUNK_BYTES_MIN = 16,
    CHUNK_BYTES_MAX = 992, /* 1 KiB with the header */
};

/* ---- Writer ---------------------------------------------------------------------------------- */

void st_postings_init(st_postings *postings) {
    memset(postings, 0, sizeof *postings);
    atomic_init(&postings->count, 0);
    atomic_init(&postings->chunks, NULL);
}

strata_status st_postings_reserve(st_postings *postings, st_arena *arena) {
    const uint32_t count = atomic_load_explicit(&postings->count, memory_order_relaxed);
    st_posting_chunk *tail = postings->tail;
    if (count == 0) {
        return STRATA_OK;
    }
    uint32_t capacity = CHUNK_BYTES_MIN;
    if (tail != NULL) {
        const uint32_t used = atomic_load_explicit(&tail->used, memory_order_relaxed);
        if (tail->capacity - used >= POSTING_BYTES_MAX) {
            return STRATA_OK;
        }
        capacity = (uint32_t)st_min((size_t)tail->capacity * 2, CHUNK_BYTES_MAX);
    }
    st_posting_chunk *chunk =
        st_arena_alloc(arena, sizeof *chunk + capacity, _Alignof(st_posting_chunk));
    if (chunk == NULL) {
        return STRATA_NO_MEMORY;
    }
    atomic_init(&chunk->next, NULL);
    chunk->capacity = capacity;
    chunk->before = count;
    chunk->last_before = postings->last;
    atomic_init(&chunk->used, 0);
    atomic_init(&chunk->count_max, 0);
    atomic_init(&chunk->length_min, UINT32_MAX);
    atomic_store_explicit(tail == NULL ? &postings->chunks : &tail->next, chunk,
                          memory_order_release);
    postings->tail = chunk;
    return STRATA_OK;
}

void st_postings_append(st_postings *postings, uint32_t document, uint32_t count, uint32_t length) {
    const uint32_t number = atomic_load_explicit(&postings->count, memory_order_relaxed);
    ST_ASSERT(count > 0 && (number == 0 || document > postings->last));
    if (number == 0) {
        postings->first = document;
        postings->first_count = count;
    } else {
        st_posting_chunk *chunk = postings->tail;
        const uint32_t used = atomic_load_explicit(&chunk->used, memory_order_relaxed);
        ST_ASSERT(chunk->capacity - used >= POSTING_BYTES_MAX);
        const uint64_t low = count < 4 ? count - 1 : 3;
        uint8_t *at = chunk->bytes + used;
        at = st_varint_put(at, (uint64_t)(document - postings->last) << 2 | low);
        if (count >= 4) {
            at = st_varint_put(at, count - 4);
        }
        if (count > atomic_load_explicit(&chunk->count_max, memory_order_relaxed)) {
            atomic_store_explicit(&chunk->count_max, count, memory_order_relaxed);
        }
        if (length < atomic_load_explicit(&chunk->length_min, memory_order_relaxed)) {
            atomic_store_explicit(&chunk->length_min, length, memory_order_relaxed);
        }
        atomic_store_explicit(&chunk->used, (uint32_t)(at - chunk->bytes), memory_order_release);
    }
    postings->last = document;
    atomic_store_explicit(&postings->count, number + 1, memory_order_release);
}

/* ---- Reader ---------------------------------------------------------------------------------- */

static const st_posting_chunk *chunk_after(const st_postings *postings,
                                           const st_posting_chunk *chunk) {
    return atomic_load_explicit(chunk == NULL ? &postings->chunks : &chunk->next,
                                memory_order_acquire);
}

static void open_chunk(st_posting_cursor *cursor, const st_posting_chunk *chunk) {
    cursor->chunk = chunk;
    cursor->document = chunk->last_before;
    cursor->at = chunk->bytes;
    cursor->end = chunk->bytes + atomic_load_explicit(&chunk->used, memory_order_acquire);
}

void st_posting_cursor_init(st_posting_cursor *cursor, const st_postings *postings,
                            uint32_t limit) {
    memset(cursor, 0, sizeof *cursor);
    cursor->postings = postings;
    cursor->limit = limit;
    cursor->document = limit;
    if (atomic_load_explicit(&postings->count, memory_order_acquire) != 0 &&
        postings->first < limit) {
        cursor->document = postings->first;
        cursor->count = postings->first_count;
    }
}

bool st_posting_cursor_chunk(st_posting_cursor *cursor) {
    const st_posting_chunk *next = chunk_after(cursor->postings, cursor->chunk);
    if (next == NULL || next->last_before >= cursor->limit) {
        return false;
    }
    open_chunk(cursor, next);
    return cursor->at != cursor->end;
}

void st_posting_cursor_seek(st_posting_cursor *cursor, uint32_t document) {
    if (cursor->document >= document) {
        return;
    }
    const st_posting_chunk *next = chunk_after(cursor->postings, cursor->chunk);
    if (next != NULL && next->last_before < document) {
        const st_posting_chunk *chunk;
        do {
            chunk = next;
            next = chunk_after(cursor->postings, chunk);
        } while (next != NULL && next->last_before < document);
        open_chunk(cursor, chunk);
        st_posting_cursor_next(cursor);
    }
    while (cursor->document < document && cursor->document < cursor->limit) {
        st_posting_cursor_next(cursor);
    }
}

uint32_t st_postings_count_below(const st_postings *postings, uint32_t limit) {
    if (atomic_load_explicit(&postings->count, memory_order_acquire) == 0 ||
        postings->first >= limit) {
        return 0;
    }
    const st_posting_chunk *chunk = NULL;
    for (const st_posting_chunk *next = chunk_after(postings, NULL);
         next != NULL && next->last_before < limit; next = chunk_after(postings, next)) {
        chunk = next;
    }
    if (chunk == NULL) {
        return 1;
    }
    uint32_t below = chunk->before;
    uint32_t document = chunk->last_before;
    const uint8_t *at = chunk->bytes;
    const uint8_t *end = at + atomic_load_explicit(&chunk->used, memory_order_acquire);
    while (at < end) {
        uint32_t count;
        document = st_posting_read(&at, document, &count);
        below += document < limit;
    }
    return below;
}
